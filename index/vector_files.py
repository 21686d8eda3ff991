"""A vector index in a file, so that a large one need not be rebuilt from the catalog at each start.

Such a file is derived and may vanish at any time. It holds a header, vectors of length 1 (float32) and
their rows (int64), little-endian, by row. Nothing in it is parsed: the catalog keeps what `save` returned,
and with that the header is known to the byte, and the file by its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from index.disk import Block, write_whole
from index.embedding import EmbeddingSpace
from index.vectors import FlatVectorIndex, VectorIndex

FORMAT = 1
_PREFIX = "vectors-"
_HEADER_BYTES = 128
_ROW = np.dtype("<i8")
_FLOAT = np.dtype("<f4")
_BLOCK = 2**22

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SavedIndex:
    """What the catalog keeps of a file: with it the file is found, and found to be the one written.

    The index is that of the vectors of `space` (an `EmbeddingSpace.id`) after change `sequence`.
    FAISS wrote none of it, so that its version does not matter; that of the layout is `format`.
    """

    space: str
    sequence: int
    dimension: int
    rows: int
    size: int
    sha256: str
    format: int = FORMAT

    @property
    def name(self) -> str:
        """The file's name."""
        return _name(self.space, self.sequence)

    def to_json(self) -> str:
        """Return this as text for the catalog."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SavedIndex | None:
        """Return what `to_json` made a text of, None where it made no such text."""
        try:
            saved = cls(**json.loads(text))
        except (ValueError, TypeError):
            return None
        texts, numbers = (
            (saved.space, saved.sha256),
            (saved.sequence, saved.dimension, saved.rows, saved.size, saved.format),
        )
        as_written = all(type(value) is str for value in texts) and all(
            type(value) is int and value >= 0 for value in numbers
        )
        return saved if as_written else None


class _Unusable(Exception):
    """A file is not the one that was written, or not for the space wanted."""


def save(folder: Path, index: VectorIndex, space: EmbeddingSpace, sequence: int) -> SavedIndex:
    """Write an index of a space, as it is after a change, to a file of a folder.

    The file is there whole or not at all, and once this returns it outlives a loss of power; only then
    may the catalog name it. Raise `OSError` where the disk is full or refuses: nothing is then lost
    but time, and no half of a file is left.
    """
    digest, size = hashlib.sha256(), 0

    def counted() -> Iterator[Block]:
        nonlocal size
        for block in _contents(index, space, sequence):
            digest.update(block)
            size += len(block)
            yield block

    write_whole(folder / _name(space.id, sequence), counted())
    return SavedIndex(space.id, sequence, space.dimension, len(index), size, digest.hexdigest())


def load(folder: Path, saved: SavedIndex, space: EmbeddingSpace) -> FlatVectorIndex | None:
    """Return the index in a file, None where the file is not the one that `saved` tells of.

    Missing, cut off, altered, of another space, dimension or format, or not to be read: the reason is
    logged as a warning, and the caller rebuilds the index from the catalog.
    """
    try:
        return _loaded(folder, saved, space)
    except (OSError, _Unusable) as error:
        # The error itself would tell the home's path.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _log.warning("file of vectors not used", reason=reason, change=saved.sequence)
        return None


def discard_others(folder: Path, keep: Collection[SavedIndex] = ()) -> None:
    """Remove the files of indexes from a folder, and what is left of half-written ones, save some."""
    kept = {saved.name for saved in keep}
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name not in kept:
            try:
                path.unlink()
            except OSError as error:
                # It costs room only, and the next time may succeed.
                _log.warning("stale file of vectors not removed", reason=error.strerror)


def _name(space: str, sequence: int) -> str:
    return f"{_PREFIX}{space}-{sequence}.f32"


def _header(space: EmbeddingSpace, sequence: int, rows: int) -> bytes:
    text = f"quotebound vectors {FORMAT} {space.id} {sequence} {space.dimension} {rows}\n"
    return text.encode("ascii").ljust(_HEADER_BYTES)


def _contents(index: VectorIndex, space: EmbeddingSpace, sequence: int) -> Iterator[Block]:
    yield _header(space, sequence, len(index))
    rows = []
    for some, vectors in index.scan():
        rows.append(some)
        yield _as_bytes(vectors.astype(_FLOAT, copy=False))
    for some in rows:
        yield _as_bytes(some.astype(_ROW, copy=False))


def _loaded(folder: Path, saved: SavedIndex, space: EmbeddingSpace) -> FlatVectorIndex:
    if (saved.format, saved.space, saved.dimension) != (FORMAT, space.id, space.dimension):
        raise _Unusable(f"it is of space {saved.space}, dimension {saved.dimension}, format {saved.format}")
    header = bytearray(_HEADER_BYTES)
    size = _HEADER_BYTES + saved.rows * (_ROW.itemsize + space.dimension * _FLOAT.itemsize)
    digest = hashlib.sha256()
    with (folder / saved.name).open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not status.st_size == saved.size == size:
            raise _Unusable(f"it has {status.st_size} bytes, not {saved.size}")
        # Only now: a size that is wrong must not become memory.
        rows = np.empty(saved.rows, dtype=_ROW)
        vectors = np.empty((saved.rows, space.dimension), dtype=_FLOAT)
        for part in (memoryview(header), _as_bytes(vectors), _as_bytes(rows)):
            for first in range(0, len(part), _BLOCK):
                block = part[first : first + _BLOCK]
                _read_all(file, block)
                # What was read is what is hashed and what is used: nobody can change it in between.
                digest.update(block)
    if digest.hexdigest() != saved.sha256:
        raise _Unusable("its SHA-256 is another")
    if header != _header(space, saved.sequence, saved.rows):
        raise _Unusable("its header is another")
    return FlatVectorIndex.of(rows.astype(np.int64, copy=False), vectors.astype(np.float32, copy=False))


def _as_bytes(array: NDArray[Any]) -> memoryview:
    """Return an array's own memory, to be written from or read into."""
    return array.reshape(-1).view(np.uint8).data


def _read_all(file: FileIO, block: memoryview) -> None:
    while block:
        count = file.readinto(block)
        if not count:
            raise _Unusable("it became shorter while it was read")
        block = block[count:]
