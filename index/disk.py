"""Files that are whole or not there at all, whatever happens to the power."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PARTIAL = ".partial"

# A memoryview of single bytes.
Block = bytes | memoryview


def make_durable(path: Path) -> None:
    """Have the disk keep a file, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, blocks: Iterable[Block]) -> None:
    """Write a file in place of what is there; once this returns it outlives a loss of power.

    An error, `OSError` where the disk is full or refuses, leaves what was there or the new file whole,
    and nothing else. Until it is whole the file is called `path` with `PARTIAL` at the end: that is
    what a process that was killed leaves behind, and the next one writes over. Only one may write a
    file at a time.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            for block in blocks:
                _write_all(descriptor, memoryview(block))
            # Before it has its name: a name must never come to stand for half a file.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
        make_durable(path.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
