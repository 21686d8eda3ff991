"""Segments searched with FAISS, against NumPy."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from contracts import VectorIndexContract
from hypothesis import given, settings
from hypothesis import strategies as st

from index import vectors
from index.embedding import Vectors
from index.errors import InvalidVector
from index.vectors import FlatVectorIndex, VectorIndex

PALETTE = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
QUERY = np.random.default_rng(1).normal(size=5).astype(np.float32)
NONE = PALETTE[:0]

# Few rows, so that they are replaced often, and few vectors, so that many score the same.
ROWS = st.integers(0, 40)
UPDATE = st.tuples(st.lists(ROWS, max_size=9), st.dictionaries(ROWS, st.integers(0, 5), max_size=12))


class TestFlatVectorIndex(VectorIndexContract):
    def empty(self) -> VectorIndex:
        return FlatVectorIndex(self.dimension)


@contextmanager
def sealing_from(rows: int) -> Iterator[None]:
    """Have the segment for additions sealed from so many rows on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "_MAX_DELTA", rows)
        yield


class TestFlatVectorIndexOfManySegments(VectorIndexContract):
    """The same, with the small segment so small that every few updates seal it."""

    def empty(self) -> VectorIndex:
        return FlatVectorIndex(self.dimension)

    @pytest.fixture(autouse=True)
    def _few(self) -> Iterator[None]:
        with sealing_from(8):
            yield


def check(index: FlatVectorIndex, alive: dict[int, int]) -> None:
    """Hold an index against a dictionary of rows to vectors of the palette."""
    exact = PALETTE.astype(np.float64)
    cosines = exact @ QUERY / np.linalg.norm(exact, axis=1) / np.linalg.norm(QUERY)
    ranked = sorted(alive, key=lambda row: (-cosines[alive[row]], row))
    assert len(index) == len(alive)
    assert index.contains(range(41)) == [row in alive for row in range(41)]
    assert index.rows.tolist() == sorted(alive)
    for k in (1, 4, len(alive), len(alive) + 3):
        found = index.search(QUERY, k)
        assert [scored.row for scored in found] == ranked[:k]
        assert index.cosines(QUERY, ranked[:k]) == [scored.score for scored in found]
        np.testing.assert_allclose(
            [scored.score for scored in found], [cosines[alive[row]] for row in ranked[:k]], atol=1e-6
        )


@settings(max_examples=50)
@given(st.lists(st.one_of(UPDATE, st.sampled_from(["merge", "bring in"])), max_size=20))
def test_any_interleaving_of_updates_and_merges_equals_a_dictionary(steps: list[object]) -> None:
    index, merged, alive = FlatVectorIndex(5), None, dict[int, int]()
    with sealing_from(4):
        for step in steps:
            if step == "merge":
                merged = index.merged()
                check(merged, alive)
            elif step == "bring in":
                if merged is not None:
                    index, merged = index.with_merged(merged), None
            else:
                assert isinstance(step, tuple)
                gone, added = step
                index = index.updated(gone, list(added), PALETTE[list(added.values())])
                alive = {row: vector for row, vector in alive.items() if row not in gone} | added
            check(index, alive)


def many(count: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)


def test_a_score_does_not_depend_on_where_a_vector_stands() -> None:
    # FAISS goes other ways where there are thousands of vectors, or where some are removed.
    vectors, query = many(30_000), many(1, 7)[0]
    whole = FlatVectorIndex(64).updated([], range(30_000), vectors)
    parts = FlatVectorIndex(64)
    for first, end in ((0, 13), (13, 5_000), (5_000, 30_000)):
        parts = parts.updated([], range(first, end), vectors[first:end])
    found = whole.search(query, 500)
    assert parts.search(query, 500) == found
    assert whole.cosines(query, [scored.row for scored in found]) == [scored.score for scored in found]
    fewer = whole.updated([found[0].row], [], vectors[:0])
    assert fewer.search(query, 499) == found[1:]


def test_of_thousands_that_score_the_same_the_lowest_rows_are_returned() -> None:
    vectors = np.repeat(many(2), (100, 20_000), axis=0)
    index = FlatVectorIndex(64).updated([], range(20_100), vectors)
    assert [scored.row for scored in index.search(vectors[-1], 50)] == list(range(100, 150))


def test_an_update_copies_no_vectors_of_sealed_segments() -> None:
    index = FlatVectorIndex(64).updated([], range(20_000), many(20_000))
    assert sum(block.nbytes for _, block in index.scan()) > 5_000_000
    gone, one = np.arange(0, 20_000, 7), many(1, 1)
    tracemalloc.start()
    index.updated(gone, [50_000], one)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


def test_however_many_rows_came_one_by_one_an_update_copies_few_of_them() -> None:
    index = FlatVectorIndex(64)
    for first in range(0, 30_000, 1_000):
        index = index.updated([], range(first, first + 1_000), many(1_000, first))
    one = many(1, 1)
    tracemalloc.start()
    index.updated([], [50_000], one)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_merge_lets_go_of_the_vectors_that_were_removed() -> None:
    vectors = many(20_000)
    tracemalloc.start()
    index = FlatVectorIndex(64).updated([], range(20_000), vectors)
    index = index.updated(range(2_000, 20_000), [], vectors[:0])
    assert index.worth_merging
    index = index.with_merged(index.merged())
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now < 1_000_000
    assert not index.worth_merging


def test_a_few_sealed_segments_are_left_until_there_are_more() -> None:
    index, worth = FlatVectorIndex(5), []
    with sealing_from(4):
        for first in range(0, 20, 4):
            index = index.updated([], range(first, first + 4), PALETTE[:4])
            worth.append(index.worth_merging)
    assert worth == [False, False, False, True, True]


def test_a_merge_leaves_a_large_segment_alone_for_a_few_small_ones() -> None:
    index = FlatVectorIndex(64).updated([], range(20_000), many(20_000))
    with sealing_from(4):
        for first in range(20_000, 20_016, 4):
            index = index.updated([], range(first, first + 4), many(4, first))
    assert index.worth_merging
    tracemalloc.start()
    index.merged()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


def test_the_merge_of_an_index_with_other_changes_is_refused() -> None:
    with sealing_from(4):
        index = FlatVectorIndex(5)
        for first in range(0, 16, 4):
            index = index.updated([], range(first, first + 4), PALETTE[:4])
        fewer, more = index.updated([3], [], NONE), index.updated([], range(90, 94), PALETTE[:4])
        # Bringing it in would lose row 3, and then bring rows 90 to 93.
        for merged in (fewer.merged(), more.merged()):
            with pytest.raises(ValueError, match="changes"):
                index.with_merged(merged)
        brought = fewer.with_merged(index.merged())
        assert brought.contains([3, 4]) == [False, True]
        with pytest.raises(ValueError, match="changes"):
            brought.with_merged(index.merged())


def test_huge_and_tiny_vectors_keep_their_direction() -> None:
    index = FlatVectorIndex(2).updated(
        [], [1, 2], np.array([[3e30, 4e30], [3e-30, -4e-30]], dtype=np.float32)
    )
    found = index.search(np.array([3.0, 4.0], dtype=np.float32), 2)
    assert [scored.row for scored in found] == [1, 2]
    np.testing.assert_allclose([scored.score for scored in found], [1.0, (9 - 16) / 25], atol=1e-6)


def test_a_bad_vector_among_many_good_ones_is_refused() -> None:
    vectors = many(1_000)
    vectors[900, 3] = np.nan
    with pytest.raises(InvalidVector):
        FlatVectorIndex(64).updated([], range(1_000), vectors)
