"""Many vectors searched nearly exactly: eight bits a number in lists in memory, exact ones in a file.

An inverted file as of Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search" (2011),
with a scalar quantiser in place of the product one: the lists whose centroids are nearest to a query are
compared by codes, and the best of them exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedding import Vectors
from index.segment_vectors import Marks, Rows, Selected, compared
from index.vector_records import VectorRecords

# So many are compared exactly at least. On a million vectors 30 lose none of the best ten; these are
# cheap, and give a caller that asks for 50 as much room.
_CANDIDATES = 100

Codes = NDArray[np.uint8]
Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Quantizer:
    """What was learned of a sample: how vectors are told apart, and how numbers become bytes.

    `centroids` have shape (lists, dimension); `ranges`, of shape (2, dimension), are for each
    dimension the least number and the width of what 256 values stand for.
    """

    centroids: Vectors
    ranges: Vectors

    def empty(self) -> faiss.IndexIVFScalarQuantizer:
        """Return an index of FAISS without vectors."""
        lists, dimension = self.centroids.shape
        coarse = faiss.IndexFlatIP(dimension)
        coarse.add(self.centroids)
        made = faiss.IndexIVFScalarQuantizer(
            coarse,
            dimension,
            lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            # Codes are of the vectors, not of what is left without the centroid: as good here, and
            # a code means the same in every list.
            False,
        )
        faiss.copy_array_to_vector(np.ascontiguousarray(self.ranges).reshape(-1), made.sq.trained)
        made.is_trained = True
        return made


@dataclass(frozen=True, slots=True)
class Lists:
    """Which vector is in which list: `sizes` of the lists, then positions and codes list by list."""

    sizes: Rows
    positions: Places
    codes: Codes


class LargeVectors:
    """Implements `SegmentVectors` nearly exactly, with a quarter of the memory.

    `probes` lists are searched for a query, `recall` is the share of the ten nearest that was found
    that way when they were chosen. FAISS writes and reads no file of this: what it holds are arrays.
    """

    def __init__(
        self, exact: VectorRecords, quantizer: Quantizer, lists: Lists, probes: int, recall: float
    ) -> None:
        self._exact = exact
        self.quantizer = quantizer
        self.probes = probes
        self.recall = recall
        self._faiss = quantizer.empty()
        # Of no type: the stubs of FAISS say that there may be none.
        self._lists = cast("Any", self._faiss.invlists)
        ends = np.cumsum(lists.sizes)
        for number, (size, end) in enumerate(zip(lists.sizes.tolist(), ends.tolist(), strict=True)):
            if size:
                # All of a list at once: FAISS then takes no more memory than it needs.
                places = lists.positions[end - size : end].astype(np.int64)
                codes = np.ascontiguousarray(lists.codes[end - size : end])
                self._lists.add_entries(number, size, faiss.swig_ptr(places), faiss.swig_ptr(codes))
        self._faiss.ntotal = len(exact)

    def __len__(self) -> int:
        return len(self._exact)

    @property
    def lists(self) -> int:
        """The number of lists."""
        return len(self.quantizer.centroids)

    @property
    def checksums(self) -> NDArray[np.uint32]:
        """The CRC-32 of each exact vector, by position."""
        return self._exact.checksums

    @property
    def nbytes(self) -> int:
        """The bytes of memory that are held."""
        quantizer = self.quantizer.centroids.nbytes * 2 + self.quantizer.ranges.nbytes * 2
        entry = self._faiss.code_size + np.dtype(np.int64).itemsize
        return len(self) * int(entry) + quantizer + self._exact.nbytes

    def at(self, positions: Rows) -> Vectors:
        """Return the vectors at some positions, exactly as they were given."""
        return self._exact.at(positions)

    def best(self, query: Vectors, selected: Selected, k: int) -> tuple[Vectors, Rows]:
        """Return the exact scores of the candidates, and where those stand."""
        wanted = min(max(_CANDIDATES, 2 * k), selected.count)
        probes = self.lists if selected.everywhere else self.probes
        while True:
            rough, positions = self._candidates(query, selected, wanted, probes)
            if len(positions) < wanted and probes < self.lists:
                # The lists are short, or most in them is removed.
                probes = min(2 * probes, self.lists)
                continue
            scores = compared(query, self._exact.at(positions))
            if len(positions) == selected.count or len(positions) < wanted:
                return scores, positions
            last = np.partition(scores, len(scores) - k)[len(scores) - k]
            # Equal vectors have equal codes: one left out would be as good as the last candidate.
            if rough[-1] < rough[scores >= last].min():
                return scores, positions
            wanted = min(8 * wanted, selected.count)

    def _candidates(
        self, query: Vectors, selected: Selected, wanted: int, probes: int
    ) -> tuple[Vectors, Rows]:
        # With one query FAISS searches in the calling thread, and so does the comparison of candidates.
        parameters = faiss.SearchParametersIVF(
            nprobe=probes,  # type: ignore[call-arg] # the stubs know of no arguments
            sel=selected.selector,
        )
        rough, positions = self._faiss.search(query[np.newaxis], wanted, params=parameters)
        found = positions[0] >= 0
        return rough[0][found], positions[0][found]

    def sizes(self, live: Marks) -> Rows:
        """Return how many live vectors each list has."""
        return np.array([np.count_nonzero(live[some]) for some, _ in self._entries()], dtype=np.int64)

    def entries(self, live: Marks) -> Iterator[tuple[Places, Codes]]:
        """Yield the positions and codes of the live vectors list by list.

        Positions are counted as if nothing but the live were there.
        """
        numbers = (np.cumsum(live) - 1).astype(np.int32)
        for positions, codes in self._entries():
            kept = live[positions]
            yield numbers[positions[kept]], codes[kept]

    def _entries(self) -> Iterator[tuple[Rows, Codes]]:
        lists, width = self._lists, self._faiss.code_size
        for number in range(self.lists):
            size = lists.list_size(number)
            if size:
                positions = faiss.rev_swig_ptr(lists.get_ids(number), size)
                codes = faiss.rev_swig_ptr(lists.get_codes(number), size * width)
                yield positions, codes.reshape(size, width)
            else:
                yield np.empty(0, dtype=np.int64), np.empty((0, width), dtype=np.uint8)
