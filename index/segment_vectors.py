"""The vectors of a segment, by position: what a segment asks of them, and those held in memory."""

from __future__ import annotations

from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedding import Vectors

Rows = NDArray[np.int64]
Marks = NDArray[np.bool_]

# As many more are asked for, to see whether any scores as much as the last one wanted.
_TIES = 16


class Selected:
    """Some of the positions of a segment, as FAISS reads them: `marks` of shape (positions,), packed.

    With `everywhere` a search looks for them everywhere: all may be far from what it would look at.
    """

    __slots__ = ("bits", "count", "everywhere", "selector")

    def __init__(self, marks: Marks, *, everywhere: bool = False) -> None:
        self.everywhere = everywhere
        self.count = int(np.count_nonzero(marks))
        self.bits = np.packbits(marks, bitorder="little")
        # FAISS keeps a bare pointer to the bits: they live here as long as the selector.
        self.selector = faiss.IDSelectorBitmap(len(self.bits), faiss.swig_ptr(self.bits))


class SegmentVectors(Protocol):
    """Vectors of length 1, each known by its position from 0 on, that never change.

    All methods may be called from several threads at once. Where vectors are read from a disk they
    raise `StorageUnavailable` and `DamagedStore`; nothing that fails its checksum is returned.
    """

    def __len__(self) -> int:
        """Return the number of vectors."""
        ...

    @property
    def nbytes(self) -> int:
        """The bytes of memory that are held."""
        ...

    def at(self, positions: Rows) -> Vectors:
        """Return the vectors at some positions, in their order, exactly as they were given."""
        ...

    def best(self, query: Vectors, selected: Selected, k: int) -> tuple[Vectors, Rows]:
        """Return scores of vectors among those selected, and where these stand, in any order.

        The `k` best are among them, or nearly all of those where the search is not exact, and with
        them all that score as much as the last. The query has length 1 and the scores are exact:
        those that `compared` gives. `k` is from 1 to the number of those selected.
        """
        ...


class MemoryVectors:
    """Implements `SegmentVectors` exactly: an array of shape (vectors, dimension), compared one by one."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def nbytes(self) -> int:
        """The bytes of memory that are held."""
        return self._vectors.nbytes

    def at(self, positions: Rows) -> Vectors:
        """Return the vectors at some positions."""
        return self._vectors[positions]

    def best(self, query: Vectors, selected: Selected, k: int) -> tuple[Vectors, Rows]:
        """Return the best scores and where those vectors stand.

        FAISS keeps any of those that score the same at the end, so all of them are asked for.
        """
        wanted = min(k + _TIES, selected.count)
        while True:
            scores, positions = _nearest(query, self._vectors, selected, wanted)
            if wanted == selected.count or scores[-1] < scores[k - 1]:
                # FAISS fills up with −1, which as an index would be the last position.
                return scores[positions >= 0], positions[positions >= 0]
            wanted = min(8 * wanted, selected.count)


def compared(query: Vectors, vectors: Vectors) -> Vectors:
    """Return the score of each of some vectors, to the last bit that which a search gives it."""
    # FAISS can compare given positions itself, but wakes a thread a core for that: milliseconds.
    everything = Selected(np.ones(len(vectors), dtype=np.bool_))
    found, places = _nearest(query, vectors, everything, len(vectors))
    scores = np.empty(len(vectors), dtype=np.float32)
    scores[places] = found
    return scores


def _nearest(query: Vectors, vectors: Vectors, selected: Selected, k: int) -> tuple[Vectors, Rows]:
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
        selected.selector,
    )
    return scores, positions
