"""Segments of vectors: never changed once built, compared one by one with FAISS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedding import Vectors

Rows = NDArray[np.int64]
Marks = NDArray[np.bool_]

# As many more rows are asked for, to see whether any scores as much as the last one wanted.
_TIES = 16
_BLOCK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Vectors never touched again, with marks for the rows not removed.

    `rows` ascend, and there is at least one. `key` stays the same when rows are removed; `selector`
    is how FAISS reads `bits`, which are `live` packed.
    """

    rows: Rows
    vectors: Vectors
    live: Marks
    count: int
    bits: NDArray[np.uint8]
    selector: faiss.IDSelectorBitmap
    key: object

    @classmethod
    def build(cls, rows: Rows, vectors: Vectors) -> Segment:
        """Return a segment of rows that all differ, in any order, and their vectors of length 1."""
        if not (rows[1:] > rows[:-1]).all():
            order = np.argsort(rows, kind="stable")
            rows, vectors = rows[order], vectors[order]
        return cls._marked(rows, vectors, np.ones(len(rows), dtype=np.bool_), object())

    @classmethod
    def _marked(cls, rows: Rows, vectors: Vectors, live: Marks, key: object) -> Segment:
        bits = _packed(live)
        # FAISS keeps a bare pointer to the bits: they live in the segment as long as the selector.
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        return cls(rows, vectors, live, int(np.count_nonzero(live)), bits, selector, key)

    @property
    def mostly_dead(self) -> bool:
        """Whether more than half of the rows are removed."""
        return 2 * self.count < len(self.rows)

    def positions(self, rows: Rows) -> Rows:
        """Return where each row stands, −1 for one that is not here or not live."""
        positions = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where((self.rows[positions] == rows) & self.live[positions], positions, -1)

    def without(self, rows: Rows) -> Segment:
        """Return the segment with ascending rows marked as removed."""
        first = np.searchsorted(rows, self.rows[0])
        end = np.searchsorted(rows, self.rows[-1], side="right")
        positions = self.positions(rows[first:end])
        positions = positions[positions >= 0]
        if not len(positions):
            return self
        live = self.live.copy()
        live[positions] = False
        return self._marked(self.rows, self.vectors, live, self.key)

    def search(self, query: Vectors, k: int) -> list[tuple[int, float]]:
        """Return the `k` best rows with their scores, and of those that score the same the lowest.

        FAISS keeps any of the rows that score the same at the end, so all of them are asked for.
        """
        k, wanted = min(k, self.count), min(k + _TIES, self.count)
        if k < 1:
            return []
        while True:
            scores, positions = _nearest(query, self.vectors, self.selector, wanted)
            if wanted == self.count or scores[-1] < scores[k - 1]:
                break
            wanted = min(8 * wanted, self.count)
        # FAISS fills up with −1, which as an index would be the last row.
        found = (positions >= 0) & (scores >= scores[k - 1])
        rows, scores = self.rows[positions[found]], scores[found]
        best = np.lexsort((rows, -scores))[:k]
        return list(zip(rows[best].tolist(), scores[best].tolist(), strict=True))

    def scores(self, query: Vectors, positions: Rows) -> Vectors:
        """Return the scores of the vectors at some positions, to the last bit those of `search`."""
        # FAISS can compare given positions itself, but wakes a thread a core for that: milliseconds.
        bits = _packed(np.ones(len(positions), dtype=np.bool_))
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        found, places = _nearest(query, self.vectors[positions], selector, len(positions))
        scores = np.empty(len(positions), dtype=np.float32)
        scores[places] = found
        return scores


def _packed(live: Marks) -> NDArray[np.uint8]:
    return np.packbits(live, bitorder="little")


def _nearest(
    query: Vectors, vectors: Vectors, selector: faiss.IDSelectorBitmap, k: int
) -> tuple[Vectors, Rows]:
    """Return the best scores among the vectors selected, best first, and where those vectors stand."""
    scores, positions = np.empty(k, dtype=np.float32), np.empty(k, dtype=np.int64)
    # A function of FAISS on arrays of ours: an `IndexFlatIP` would hold another copy of them. Always
    # with a selector: without one, FAISS multiplies matrices where there are thousands of vectors,
    # which takes longer, and gives scores that depend on where a vector stands.
    faiss.knn_inner_product(
        faiss.swig_ptr(query),
        faiss.swig_ptr(vectors),
        len(query),
        1,
        len(vectors),
        k,
        faiss.swig_ptr(scores),
        faiss.swig_ptr(positions),
        selector,
    )
    return scores, positions


def ordered(segments: Sequence[Segment]) -> Iterator[tuple[Rows, Vectors]]:
    """Yield the live rows of some segments in ascending order, with their vectors, in blocks."""
    if not segments:
        return
    rows = np.concatenate([segment.rows[segment.live] for segment in segments])
    places = np.concatenate([np.flatnonzero(segment.live) for segment in segments])
    numbers = np.repeat(np.arange(len(segments)), [segment.count for segment in segments])
    order = np.argsort(rows, kind="stable")
    for first in range(0, len(order), _BLOCK):
        block = order[first : first + _BLOCK]
        vectors = np.empty((len(block), segments[0].vectors.shape[1]), dtype=np.float32)
        for number in np.unique(numbers[block]):
            here = numbers[block] == number
            vectors[here] = segments[number].vectors[places[block[here]]]
        yield rows[block], vectors


def united(segments: Sequence[Segment], dimension: int) -> Segment | None:
    """Return the live rows of some segments as one, None where there are none."""
    count = sum(segment.count for segment in segments)
    if not count:
        return None
    # Filled in place, so that there are never more than two of each vector.
    rows, vectors = np.empty(count, dtype=np.int64), np.empty((count, dimension), dtype=np.float32)
    first = 0
    for some_rows, some in ordered(segments):
        rows[first : first + len(some)] = some_rows
        vectors[first : first + len(some)] = some
        first += len(some)
    return Segment.build(rows, vectors)
