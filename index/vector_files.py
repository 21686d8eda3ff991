"""A vector index in a file, so that a large one need not be rebuilt from the catalog at each start.

Such a file is derived and may vanish at any time. It holds a header, vectors of length 1 (float32), their
rows (int64), and what was learned of those searched nearly exactly, as arrays, little-endian: large segments
one by one, then all others by row. Nothing in it is parsed: the catalog keeps what `save` returned, and with
that the header is known to the byte, and the file by its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from index.disk import Block, write_whole
from index.embedding import EmbeddingSpace
from index.large_vectors import LargeVectors, Lists, Quantizer
from index.segments import Segment
from index.vector_records import CHECKSUM, FLOAT, PREFIX, VectorRecords
from index.vectors import FlatVectorIndex

FORMAT = 2
_HEADER_BYTES = 128
_ROW = np.dtype("<i8")
_PLACE = np.dtype("<i4")
_BYTE = np.dtype("u1")
_BLOCK = 2**22
_VECTORS = 4096

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SavedPart:
    """A large segment in a file: its rows and lists, how many of these a search probes, and its recall.

    `recall` is the share of the ten nearest that was found when it was built.
    """

    rows: int
    lists: int
    probes: int
    recall: float

    def size(self, dimension: int) -> int:
        """Return the bytes of what was learned of it."""
        of_row = CHECKSUM.itemsize + _PLACE.itemsize + dimension
        of_list = _ROW.itemsize + dimension * FLOAT.itemsize
        return self.rows * of_row + self.lists * of_list + 2 * dimension * FLOAT.itemsize

    @property
    def is_sound(self) -> bool:
        """Whether these can be the numbers of a part."""
        whole = all(type(value) is int and value > 0 for value in (self.rows, self.lists, self.probes))
        return whole and type(self.recall) is float and 0 <= self.recall <= 1


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
    large: tuple[SavedPart, ...] = ()
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
            values = json.loads(text)
            parts = tuple(SavedPart(**part) for part in values.pop("large", ()))
            saved = cls(**values, large=parts)
        except (ValueError, TypeError, AttributeError):
            return None
        texts, numbers = (
            (saved.space, saved.sha256),
            (saved.sequence, saved.dimension, saved.rows, saved.size, saved.format),
        )
        as_written = all(type(value) is str for value in texts) and all(
            type(value) is int and value >= 0 for value in numbers
        )
        sound = all(part.is_sound for part in saved.large)
        return saved if as_written and sound else None


class _Unusable(Exception):
    """A file is not the one that was written, or not for the space wanted."""


def save(folder: Path, index: FlatVectorIndex, space: EmbeddingSpace, sequence: int) -> SavedIndex:
    """Write an index of a space, as it is after a change, to a file of a folder.

    The file is there whole or not at all, and once this returns it outlives a loss of power; only then
    may the catalog name it. Nothing that was removed from the index is in it. Raise `OSError` where the
    disk is full or refuses: nothing is then lost but time, and no half of a file is left. Raise
    `StorageUnavailable` or `DamagedStore` where the vectors of the index cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    parts = [(segment, large) for segment, large in index.large if segment.count]

    def counted() -> Iterator[Block]:
        nonlocal size
        for block in _contents(index, parts, _header(space, sequence, len(index))):
            digest.update(block)
            size += len(block)
            yield block

    write_whole(folder / _name(space.id, sequence), counted())
    large = tuple(
        SavedPart(segment.count, vectors.lists, vectors.probes, vectors.recall) for segment, vectors in parts
    )
    return SavedIndex(space.id, sequence, space.dimension, len(index), size, digest.hexdigest(), large)


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
    for path in folder.glob(f"{PREFIX}*"):
        if path.name not in kept:
            try:
                path.unlink()
            except OSError as error:
                # It costs room only, and the next time may succeed.
                _log.warning("stale file of vectors not removed", reason=error.strerror)


def _name(space: str, sequence: int) -> str:
    return f"{PREFIX}{space}-{sequence}.f32"


def _header(space: EmbeddingSpace, sequence: int, rows: int) -> bytes:
    text = f"quotebound vectors {FORMAT} {space.id} {sequence} {space.dimension} {rows}\n"
    return text.encode("ascii").ljust(_HEADER_BYTES)


def _contents(
    index: FlatVectorIndex, parts: Sequence[tuple[Segment, LargeVectors]], header: bytes
) -> Iterator[Block]:
    yield header
    rows = []
    for segment, large in parts:
        rows.append(segment.rows[segment.live])
        places = np.flatnonzero(segment.live)
        for first in range(0, len(places), _VECTORS):
            yield _as_bytes(large.at(places[first : first + _VECTORS]), FLOAT)
    for some, vectors in index.scan_exact():
        rows.append(some)
        yield _as_bytes(vectors, FLOAT)
    for some in rows:
        yield _as_bytes(some, _ROW)
    for segment, large in parts:
        yield _as_bytes(large.checksums[segment.live], CHECKSUM)
        yield _as_bytes(large.quantizer.centroids, FLOAT)
        yield _as_bytes(large.quantizer.ranges, FLOAT)
        yield _as_bytes(large.sizes(segment.live), _ROW)
        for positions, _ in large.entries(segment.live):
            yield _as_bytes(positions, _PLACE)
        for _, codes in large.entries(segment.live):
            yield _as_bytes(codes, _BYTE)


def _loaded(folder: Path, saved: SavedIndex, space: EmbeddingSpace) -> FlatVectorIndex:
    if (saved.format, saved.space, saved.dimension) != (FORMAT, space.id, space.dimension):
        raise _Unusable(f"it is of space {saved.space}, dimension {saved.dimension}, format {saved.format}")
    dimension, others = space.dimension, saved.rows - sum(part.rows for part in saved.large)
    size = _HEADER_BYTES + saved.rows * (_ROW.itemsize + dimension * FLOAT.itemsize)
    size += sum(part.size(dimension) for part in saved.large)
    with (folder / saved.name).open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not status.st_size == saved.size == size or others < 0:
            raise _Unusable(f"it has {status.st_size} bytes, not {saved.size}")
        # Only now: a size that is wrong must not become memory.
        reading = _Reading(file)
        header = reading.array((_HEADER_BYTES,), _BYTE)
        starts = [reading.passed_over(part.rows * dimension * FLOAT.itemsize) for part in saved.large]
        vectors = reading.array((others, dimension), FLOAT)
        rows = [reading.array((part.rows,), _ROW) for part in saved.large]
        rows.append(reading.array((others,), _ROW))
        learned = [_learned(reading, part, dimension) for part in saved.large]
        if reading.digest.hexdigest() != saved.sha256:
            raise _Unusable("its SHA-256 is another")
        if header.tobytes() != _header(space, saved.sequence, saved.rows):
            raise _Unusable("its header is another")
        sealed = []
        for part, start, some, (checksums, quantizer, lists) in zip(
            saved.large, starts, rows[:-1], learned, strict=True
        ):
            exact = VectorRecords(os.dup(file.fileno()), start, dimension, checksums)
            sealed.append(Segment.of(some, LargeVectors(exact, quantizer, lists, part.probes, part.recall)))
    if others:
        sealed.append(Segment.build(rows[-1], vectors))
    return FlatVectorIndex(dimension, tuple(sealed), scratch=folder)


def _learned(
    reading: _Reading, part: SavedPart, dimension: int
) -> tuple[NDArray[np.uint32], Quantizer, Lists]:
    checksums = reading.array((part.rows,), CHECKSUM)
    quantizer = Quantizer(reading.array((part.lists, dimension), FLOAT), reading.array((2, dimension), FLOAT))
    sizes, positions = reading.array((part.lists,), _ROW), reading.array((part.rows,), _PLACE)
    return checksums, quantizer, Lists(sizes, positions, reading.array((part.rows, dimension), _BYTE))


class _Reading:
    """Reads a file from its start, and takes the SHA-256 of all that was read.

    What is read is what is hashed and what is used: nobody can change it in between.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._at = 0
        self.digest = hashlib.sha256()

    def array(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
        """Return what comes next as an array in the machine's own order of bytes."""
        array = np.empty(shape, dtype=kind)
        data = array.reshape(-1).view(np.uint8).data
        for first in range(0, len(data), _BLOCK):
            self._read(data[first : first + _BLOCK])
        return array.astype(kind.newbyteorder("="), copy=False)

    def passed_over(self, size: int) -> int:
        """Return where the next bytes stand, which are read and not kept."""
        start, room = self._at, memoryview(bytearray(min(size, _BLOCK)))
        for first in range(0, size, _BLOCK):
            self._read(room[: size - first])
        return start

    def _read(self, block: memoryview) -> None:
        rest = block
        while rest:
            count = self._file.readinto(rest)
            if not count:
                raise _Unusable("it became shorter while it was read")
            rest = rest[count:]
        self.digest.update(block)
        self._at += len(block)


def _as_bytes(array: NDArray[Any], kind: np.dtype[Any]) -> memoryview:
    """Return an array's memory in the order of bytes of a file."""
    return np.ascontiguousarray(array, dtype=kind).reshape(-1).view(np.uint8).data
