"""Exact vectors in a file, read by position: what a large segment orders its candidates by.

Read, not mapped: where a file is cut off or a disk refuses, a read fails and a mapping kills the process.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedding import Vectors
from index.errors import DamagedStore, StorageUnavailable
from index.segment_vectors import Rows

FLOAT = np.dtype("<f4")
CHECKSUM = np.dtype("<u4")
# Beside those that serve, so that a process that ends while a file has a name leaves no unknown one.
PREFIX = "vectors-"

Checksums = NDArray[np.uint32]


class VectorRecords:
    """Vectors of `dimension` float32 (little-endian) in an open file, one after another from `start` on.

    `checksums` are their CRC-32, in order. The file stays readable while this is kept, also when it
    has lost its name. Takes over the descriptor.
    """

    def __init__(self, descriptor: int, start: int, dimension: int, checksums: Checksums) -> None:
        self._descriptor = descriptor
        self._start = start
        self.dimension = dimension
        self.checksums = checksums

    def __del__(self) -> None:
        os.close(self._descriptor)

    @classmethod
    def written(cls, folder: Path, blocks: Iterable[Vectors], dimension: int) -> VectorRecords:
        """Write vectors to a file of a folder that has no name and goes with the process.

        Raise `OSError` where the disk is full or refuses.
        """
        checksums: list[int] = []
        with tempfile.TemporaryFile(dir=folder, prefix=PREFIX) as file:
            for block in blocks:
                data = np.ascontiguousarray(block, dtype=FLOAT)
                checksums += _checksums(data)
                file.write(data.reshape(-1).view(np.uint8).data)
            file.flush()
            return cls(os.dup(file.fileno()), 0, dimension, np.array(checksums, dtype=np.uint32))

    def __len__(self) -> int:
        return len(self.checksums)

    @property
    def nbytes(self) -> int:
        """The bytes of memory that are held."""
        return self.checksums.nbytes

    def at(self, positions: Rows) -> Vectors:
        """Return the vectors at some positions, in their order.

        Raise `StorageUnavailable` where the disk refuses, and `DamagedStore` for what is not what was
        written.
        """
        found = np.empty((len(positions), self.dimension), dtype=FLOAT)
        if not len(positions):
            return found
        order = np.argsort(positions, kind="stable")
        ascending = positions[order]
        ends = (np.flatnonzero(np.diff(ascending) != 1) + 1).tolist()
        for first, end in pairwise([0, *ends, len(ascending)]):
            self._read(int(ascending[first]), found[first:end])
        if _checksums(found) != self.checksums[ascending].tolist():
            raise DamagedStore("a vector in a file is not the one that was written; restart to make it anew")
        if (order[1:] < order[:-1]).any():
            found[order] = found.copy()
        return found.astype(np.float32, copy=False)

    def _read(self, position: int, into: Vectors) -> None:
        data = into.reshape(-1).view(np.uint8).data
        offset = self._start + position * self.dimension * FLOAT.itemsize
        while data:
            try:
                count = os.preadv(self._descriptor, [data], offset)
            except OSError as error:
                raise StorageUnavailable(f"the file of vectors cannot be read ({error.strerror})") from error
            if not count:
                raise DamagedStore("the file of vectors became shorter; restart to make it anew")
            data, offset = data[count:], offset + count


def _checksums(vectors: Vectors) -> list[int]:
    size = vectors.shape[1] * FLOAT.itemsize
    data = vectors.reshape(-1).view(np.uint8).data
    return [zlib.crc32(data[first : first + size]) for first in range(0, len(data), size)]
