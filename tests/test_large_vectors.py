"""Large segments: searched nearly exactly, with exact scores, and none of what was removed."""

import errno
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from contracts import VectorIndexContract

from index import large_build, large_vectors, merging, vectors
from index.embedding import Vectors
from index.errors import DamagedStore, StorageUnavailable
from index.large_vectors import LargeVectors
from index.vector_records import VectorRecords
from index.vectors import FlatVectorIndex, VectorIndex

DIMENSION = 32


@contextmanager
def large_from(rows: int, sealed_from: int = 8, candidates: int = 100) -> Iterator[None]:
    """Have segments large from so many rows on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "LARGE_ROWS", rows)
        patch.setattr(vectors, "_MAX_DELTA", sealed_from)
        patch.setattr(large_vectors, "_CANDIDATES", candidates)
        yield


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with large_from(400):
        yield


class TestFlatVectorIndexOfLargeSegments(VectorIndexContract):
    """Whatever becomes large, with so many lists probed that nothing is missed."""

    @pytest.fixture(autouse=True)
    def _all_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.folder = tmp_path
        monkeypatch.setattr(large_build, "RECALL_WANTED", 2.0)
        with large_from(1):
            yield

    def empty(self) -> VectorIndex:
        return FlatVectorIndex(self.dimension, scratch=self.folder)


def clustered(count: int, seed: int = 0) -> Vectors:
    """Return vectors around forty others, as passages are around matters."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(40, DIMENSION))
    noise = random.normal(size=(count, DIMENSION)) * random.uniform(0.2, 1.0, size=(count, 1))
    return (centres[random.integers(0, 40, count)] + noise).astype(np.float32)


def merged(index: FlatVectorIndex) -> FlatVectorIndex:
    return index.with_merged(index.merged())


@pytest.fixture
def exact() -> FlatVectorIndex:
    return FlatVectorIndex(DIMENSION).updated([], range(3_000), clustered(3_000))


@pytest.fixture
def large(tmp_path: Path) -> FlatVectorIndex:
    index = FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(3_000), clustered(3_000))
    return merged(index)


def body(index: FlatVectorIndex) -> LargeVectors:
    """Return the vectors of the one large segment."""
    ((_, found),) = index.large
    return found


def rows_of(index: FlatVectorIndex, query: Vectors, k: int = 10) -> list[int]:
    return [scored.row for scored in index.search(query, k)]


def test_past_a_size_a_merge_makes_a_large_segment(tmp_path: Path) -> None:
    index = FlatVectorIndex(DIMENSION, scratch=tmp_path)
    few, many = (merged(index.updated([], range(rows), clustered(rows))) for rows in (399, 400))
    assert not few.large
    assert [segment.count for segment, _ in many.large] == [400]
    assert not many.worth_merging


def test_without_a_folder_nothing_becomes_large(exact: FlatVectorIndex) -> None:
    assert not exact.worth_merging
    assert not merged(exact).large


def test_a_large_segment_finds_nearly_all_of_the_nearest(
    exact: FlatVectorIndex, large: FlatVectorIndex
) -> None:
    assert body(large).probes < body(large).lists
    queries = clustered(200, 7)
    found = sum(len({*rows_of(exact, query)} & {*rows_of(large, query)}) for query in queries)
    assert found >= 0.98 * 2_000


def test_recall_is_measured_when_a_segment_is_built(large: FlatVectorIndex) -> None:
    assert 0.99 <= body(large).recall <= 1


def test_where_few_probes_miss_too_much_more_lists_are_probed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_build, "_LEAST_PROBES", 1)
    index = FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(3_000), clustered(3_000))
    chosen = body(merged(index))
    monkeypatch.setattr(large_build, "RECALL_WANTED", 0.0)
    hasty = body(merged(index))
    assert hasty.probes == 1 < chosen.probes
    assert hasty.recall < 0.99 <= chosen.recall


def test_scores_are_those_of_an_exact_search_to_the_last_bit(
    exact: FlatVectorIndex, large: FlatVectorIndex
) -> None:
    for query in clustered(20, 3):
        found = large.search(query, 10)
        scores = [scored.score for scored in found]
        assert exact.cosines(query, [scored.row for scored in found]) == scores
        assert large.cosines(query, [scored.row for scored in found]) == scores


def test_the_exact_score_orders_what_codes_cannot_tell_apart(tmp_path: Path) -> None:
    one = clustered(1)[0] / np.linalg.norm(clustered(1)[0])
    # The same bytes, and different numbers.
    nudged = one + np.linspace(-1e-4, 1e-4, 50)[:, np.newaxis] * clustered(1, 1)[0]
    some = np.concatenate([clustered(500, 2), nudged.astype(np.float32)])
    index = merged(FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(550), some))
    oracle = FlatVectorIndex(DIMENSION).updated([], range(550), some)
    query = clustered(1, 1)[0] + one
    assert body(index)
    assert rows_of(index, query, 20) == rows_of(oracle, query, 20)


def test_nothing_that_was_removed_is_found(large: FlatVectorIndex) -> None:
    query = clustered(1, 5)[0]
    nearest = rows_of(large, query, 40)
    fewer = large.updated(nearest, [], clustered(0))
    assert not {*nearest} & {*rows_of(fewer, query, 2_960)}
    assert len(rows_of(fewer, query, 3_000)) == 2_960
    assert fewer.contains(nearest) == [False] * 40


def test_where_all_that_is_near_was_removed_what_is_far_is_found(large: FlatVectorIndex) -> None:
    query = clustered(1, 5)[0]
    few = large.updated(rows_of(large, query, 2_900), [], clustered(0))
    assert len(rows_of(few, query, 100)) == 100


@pytest.mark.parametrize("few", [40, 1_500])
def test_among_rows_that_are_all_far_from_the_query_the_nearest_are_found(
    exact: FlatVectorIndex, large: FlatVectorIndex, few: int
) -> None:
    assert body(large).probes < body(large).lists
    with large_from(400, candidates=40):
        for query in clustered(20, 7):
            far = rows_of(exact, query, 3_000)[-few:]
            assert [scored.row for scored in large.search(query, 10, far)] == far[:10]


def test_of_thousands_that_score_the_same_the_lowest_rows_are_returned(tmp_path: Path) -> None:
    same = np.repeat(clustered(2), (50, 5_000), axis=0)
    index = merged(FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(5_050), same))
    assert rows_of(index, same[-1], 30) == list(range(50, 80))
    assert body(index)


def test_what_is_merged_again_is_exact_again(exact: FlatVectorIndex, large: FlatVectorIndex) -> None:
    more, whole = large, clustered(6_000, 1)
    for first in range(3_000, 6_000, 1_000):
        rows = range(first, first + 1_000)
        more = more.updated([], rows, whole[first : first + 1_000])
    more = merged(more)
    assert [segment.count for segment, _ in more.large] == [6_000]
    scanned = np.concatenate([some for _, some in more.scan()])
    before = np.concatenate([some for _, some in exact.scan()])
    assert (scanned[:3_000] == before).all()


def test_what_is_left_of_a_large_segment_is_small_again(
    exact: FlatVectorIndex, large: FlatVectorIndex
) -> None:
    gone = range(50, 3_000)
    few = merged(large.updated(gone, [], clustered(0)))
    assert not few.large
    query = clustered(1, 2)[0]
    assert few.search(query, 100) == exact.updated(gone, [], clustered(0)).search(query, 100)


def test_a_large_segment_is_the_same_each_time_it_is_built(
    large: FlatVectorIndex, exact: FlatVectorIndex, tmp_path: Path
) -> None:
    index = FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(3_000), clustered(3_000))
    again = merged(index)
    assert (body(again).quantizer.centroids == body(large).quantizer.centroids).all()
    assert (body(again).probes, body(again).recall) == (body(large).probes, body(large).recall)


def test_vectors_in_memory_take_a_third_of_what_they_took(tmp_path: Path) -> None:
    some = np.random.default_rng(0).normal(size=(20_000, 384)).astype(np.float32)
    index = FlatVectorIndex(384, scratch=tmp_path).updated([], range(20_000), some)
    before = index.nbytes
    tracemalloc.start()
    index = merged(index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # FAISS holds its part by itself; what it counts is told by `nbytes`.
    assert index.nbytes < 500 * 20_000 < before / 3
    assert held < index.nbytes


def test_the_file_of_exact_vectors_has_no_name(large: FlatVectorIndex, tmp_path: Path) -> None:
    assert body(large)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FlatVectorIndex(DIMENSION, scratch=tmp_path / "gone").updated([], range(500), clustered(500))
    with pytest.raises(OSError, match="No such file"):
        index.merged()
    assert len(rows_of(index, clustered(1, 1)[0])) == 10


def records(folder: Path) -> tuple[VectorRecords, Vectors, Path]:
    """Return vectors in a file, the same in memory, and the file."""
    some = clustered(50)
    file = folder / "file"
    written = VectorRecords.written(folder, [some[:20], some[20:]], DIMENSION)
    file.write_bytes(b"before" + some.astype("<f4").tobytes())
    return VectorRecords(os.open(file, os.O_RDONLY), 6, DIMENSION, written.checksums), some, file


@pytest.mark.parametrize("positions", [[], [7], [3, 4, 5], [49, 0, 20, 19, 21, 0]])
def test_records_come_back_in_the_order_wanted(tmp_path: Path, positions: list[int]) -> None:
    read, some, _ = records(tmp_path)
    wanted = np.array(positions, dtype=np.int64)
    assert (read.at(wanted) == some[wanted]).all()


def test_a_record_that_is_not_what_was_written_is_not_returned(tmp_path: Path) -> None:
    read, _, file = records(tmp_path)
    data = bytearray(file.read_bytes())
    data[6 + 4 * DIMENSION * 9] ^= 1
    file.write_bytes(data)
    assert len(read.at(np.array([8, 10]))) == 2
    with pytest.raises(DamagedStore, match="not the one"):
        read.at(np.array([8, 9]))
    os.truncate(file, 100)
    with pytest.raises(DamagedStore, match="shorter"):
        read.at(np.array([10]))


def test_a_record_that_the_disk_does_not_give_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, _, _ = records(tmp_path)

    def failing(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(StorageUnavailable, match="Input/output"):
        read.at(np.array([1]))


def test_reads_that_give_a_few_bytes_each_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, some, _ = records(tmp_path)
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, parts, at: real(file, [parts[0][:7]], at))
    assert (read.at(np.arange(50)) == some).all()


def test_a_segment_tells_its_rows_with_their_vectors(large: FlatVectorIndex) -> None:
    ((segment, _),) = large.updated([1], [], clustered(0)).large
    rows, some = segment.living()
    assert rows.tolist() == [0, *range(2, 3_000)]
    assert (some == segment.vectors.at(rows)).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_however_few_rows_can_be_a_large_segment(tmp_path: Path, rows: int) -> None:
    with large_from(1, sealed_from=1):
        index = merged(FlatVectorIndex(DIMENSION, scratch=tmp_path).updated([], range(rows), clustered(rows)))
    assert len(body(index)) == rows
    assert sorted(rows_of(index, clustered(1, 1)[0])) == list(range(rows))
