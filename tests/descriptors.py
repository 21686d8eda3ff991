"""Which files this process has open, for tests that something was closed."""

from __future__ import annotations

import os
from pathlib import Path


def held_below(folder: Path) -> list[str]:
    """Return the files below a folder that this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return [name for name in found if name.startswith(os.path.realpath(folder))]
