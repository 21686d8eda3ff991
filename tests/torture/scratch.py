"""Where stores are broken: a folder in memory where there is one, gone afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What is tried is the order of calls: nothing has to reach a real disk, and none gets worn.
_MEMORY = Path("/dev/shm")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder to break things in."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    # A store that was broken on purpose can leave a thread behind that still writes.
    with tempfile.TemporaryDirectory(
        prefix="quotebound-torture-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder).resolve()
