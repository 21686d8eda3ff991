"""FAISS snapshots against NumPy."""

import numpy as np
from contracts import VectorIndexContract

from index import vectors
from index.vectors import FlatVectorIndex, VectorIndex


class TestFlatVectorIndex(VectorIndexContract):
    def empty(self) -> VectorIndex:
        return FlatVectorIndex(self.dimension)


class TestFlatVectorIndexThatMergesOften(VectorIndexContract):
    """The same, with the small segment so small that every few updates merge it."""

    def empty(self) -> VectorIndex:
        return FlatVectorIndex(self.dimension)

    def setup_method(self) -> None:
        self._usual = vectors._MAX_DELTA
        vectors._MAX_DELTA = 8

    def teardown_method(self) -> None:
        vectors._MAX_DELTA = self._usual


def test_huge_and_tiny_vectors_keep_their_direction() -> None:
    index = FlatVectorIndex(2).updated(
        [], [1, 2], np.array([[3e30, 4e30], [3e-30, -4e-30]], dtype=np.float32)
    )
    found = index.search(np.array([3.0, 4.0], dtype=np.float32), 2)
    assert [scored.row for scored in found] == [1, 2]
    np.testing.assert_allclose([scored.score for scored in found], [1.0, (9 - 16) / 25], atol=1e-6)
