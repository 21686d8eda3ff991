"""Segments of vectors: never changed once built, searched one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from index.embedding import Vectors
from index.segment_vectors import Marks, MemoryVectors, Rows, SegmentVectors, Selected, compared

_BLOCK = 4096
# So many vectors are compared one by one sooner than all others are passed over.
_FEW = 256


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Vectors never touched again, with marks for the rows not removed.

    `rows` ascend, and there is at least one; the vector of each has the same position. `key` stays
    the same when rows are removed; `selected` is `live` as FAISS reads it.
    """

    rows: Rows
    vectors: SegmentVectors
    live: Marks
    selected: Selected
    key: object

    @classmethod
    def build(cls, rows: Rows, vectors: Vectors) -> Segment:
        """Return a segment of rows that all differ, in any order, and their vectors of length 1."""
        if not (rows[1:] > rows[:-1]).all():
            order = np.argsort(rows, kind="stable")
            rows, vectors = rows[order], vectors[order]
        return cls.of(rows, MemoryVectors(vectors))

    @classmethod
    def of(cls, rows: Rows, vectors: SegmentVectors) -> Segment:
        """Return a segment of ascending rows and their vectors, in the same order."""
        return cls._marked(rows, vectors, np.ones(len(rows), dtype=np.bool_), object())

    @classmethod
    def _marked(cls, rows: Rows, vectors: SegmentVectors, live: Marks, key: object) -> Segment:
        return cls(rows, vectors, live, Selected(live), key)

    @property
    def count(self) -> int:
        """The number of rows not removed."""
        return self.selected.count

    @property
    def mostly_dead(self) -> bool:
        """Whether more than half of the rows are removed."""
        return 2 * self.count < len(self.rows)

    @property
    def nbytes(self) -> int:
        """The bytes of memory that are held."""
        return self.rows.nbytes + self.live.nbytes + self.selected.bits.nbytes + self.vectors.nbytes

    def positions(self, rows: Rows) -> Rows:
        """Return where each row stands, −1 for one that is not here or not live."""
        positions = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where((self.rows[positions] == rows) & self.live[positions], positions, -1)

    def without(self, rows: Rows) -> Segment:
        """Return the segment with ascending rows marked as removed."""
        positions = self._found(rows)
        if not len(positions):
            return self
        live = self.live.copy()
        live[positions] = False
        return self._marked(self.rows, self.vectors, live, self.key)

    def search(self, query: Vectors, k: int, among: Rows | None = None) -> list[tuple[int, float]]:
        """Return the `k` best rows with their scores, and of those that score the same the lowest.

        With `among`, rows that ascend, of those that are here and live.
        """
        wanted = None if among is None else self._found(among)
        k = min(k, self.count if wanted is None else len(wanted))
        if k < 1:
            return []
        if wanted is None:
            scores, positions = self.vectors.best(query, self.selected, k)
        elif len(wanted) <= _FEW:
            scores, positions = self.scores(query, wanted), wanted
        else:
            marks = np.zeros(len(self.rows), dtype=np.bool_)
            marks[wanted] = True
            scores, positions = self.vectors.best(query, Selected(marks, everywhere=True), k)
        rows = self.rows[positions]
        best = np.lexsort((rows, -scores))[:k]
        return list(zip(rows[best].tolist(), scores[best].tolist(), strict=True))

    def scores(self, query: Vectors, positions: Rows) -> Vectors:
        """Return the scores of the vectors at some positions, to the last bit those of `search`."""
        return compared(query, self.vectors.at(positions))

    def _found(self, rows: Rows) -> Rows:
        """Return where those of some ascending rows stand that are here and live."""
        first = np.searchsorted(rows, self.rows[0])
        end = np.searchsorted(rows, self.rows[-1], side="right")
        positions = self.positions(rows[first:end])
        return positions[positions >= 0]

    def living(self) -> tuple[Rows, Vectors]:
        """Return the rows not removed, with their vectors."""
        return self.rows[self.live], self.vectors.at(np.flatnonzero(self.live))


def ordered(segments: Sequence[Segment], dimension: int) -> Iterator[tuple[Rows, Vectors]]:
    """Yield the live rows of some segments in ascending order, with their vectors, in blocks."""
    if not segments:
        return
    rows = np.concatenate([segment.rows[segment.live] for segment in segments])
    places = np.concatenate([np.flatnonzero(segment.live) for segment in segments])
    numbers = np.repeat(np.arange(len(segments)), [segment.count for segment in segments])
    order = np.argsort(rows, kind="stable")
    for first in range(0, len(order), _BLOCK):
        block = order[first : first + _BLOCK]
        vectors = np.empty((len(block), dimension), dtype=np.float32)
        for number in np.unique(numbers[block]):
            here = numbers[block] == number
            vectors[here] = segments[number].vectors.at(places[block[here]])
        yield rows[block], vectors


def united(segments: Sequence[Segment], dimension: int) -> Segment | None:
    """Return the live rows of some segments as one in memory, None where there are none."""
    count = sum(segment.count for segment in segments)
    if not count:
        return None
    # Filled in place, so that there are never more than two of each vector.
    rows, vectors = np.empty(count, dtype=np.int64), np.empty((count, dimension), dtype=np.float32)
    first = 0
    for some_rows, some in ordered(segments, dimension):
        rows[first : first + len(some)] = some_rows
        vectors[first : first + len(some)] = some
        first += len(some)
    return Segment.build(rows, vectors)
