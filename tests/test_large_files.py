"""Large segments over restarts: the same numbers without building again, and nothing that was removed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index import merging, vector_upkeep, vectors
from index.chunking import indexed_text
from index.doctor import approximations, examine
from index.embedding import Vectors
from index.errors import DamagedStore
from index.store import Store
from index.vector_files import SavedIndex, SavedPart, load, save
from index.vectors import FlatVectorIndex

EMBEDDER = HashingEmbedder()
STORE_SPACE = EMBEDDER.identity.space("test")
SPACE = replace(STORE_SPACE, dimension=16)
PART = SavedPart(rows=3, lists=2, probes=1, recall=0.995)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few rows do what takes many."""
    monkeypatch.setattr(vectors, "_MAX_DELTA", 4)
    monkeypatch.setattr(merging, "LARGE_ROWS", 12)
    monkeypatch.setattr(vector_upkeep, "FILE_PAST_ROWS", 10)
    monkeypatch.setattr(vector_upkeep, "_REPLAYED_ROWS", 5)


def some(count: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)


@pytest.fixture
def grown(tmp_path: Path) -> FlatVectorIndex:
    """Return an index of two large segments and a small one, with removals in all of them."""
    index = FlatVectorIndex(16, scratch=tmp_path)
    for first, end in ((0, 1_000), (1_000, 1_050)):
        index = index.updated([], range(first, end), some(end - first, first))
        index = index.with_merged(index.merged())
    index = index.updated([*range(0, 900, 3), 1_020], [2_000, 1_500, 1_600], some(3, 1)).updated(
        [1_500], [], some(0)
    )
    assert [segment.count for segment, _ in index.large] == [700, 49]
    return index


@pytest.fixture
def _never_built(monkeypatch: pytest.MonkeyPatch, grown: FlatVectorIndex) -> None:
    """Have the building of another large segment fail a test."""

    def never(*_: object) -> None:
        raise AssertionError("a large segment was built again")

    monkeypatch.setattr(merging, "built", never)


@pytest.mark.usefixtures("_never_built")
def test_a_loaded_index_gives_the_same_numbers_to_the_last_bit(
    tmp_path: Path, grown: FlatVectorIndex
) -> None:
    loaded = load(tmp_path, save(tmp_path, grown, SPACE, 7), SPACE)
    assert loaded is not None
    assert loaded.rows.tolist() == grown.rows.tolist()
    for query in some(20, 9):
        assert loaded.search(query, 30) == grown.search(query, 30)
        assert loaded.cosines(query, [2, 1_021, 2_000]) == grown.cosines(query, [2, 1_021, 2_000])
    for (_, before), (_, after) in zip(grown.large, loaded.large, strict=True):
        assert (after.probes, after.lists, after.recall) == (before.probes, before.lists, before.recall)
    for (rows, after), (same_rows, before) in zip(loaded.scan(), grown.scan(), strict=True):
        assert (rows == same_rows).all()
        assert (after == before).all()


@pytest.mark.usefixtures("_never_built")
def test_what_was_loaded_is_saved_and_loaded_again_to_the_same_file(
    tmp_path: Path, grown: FlatVectorIndex
) -> None:
    saved = save(tmp_path, grown, SPACE, 7)
    loaded = load(tmp_path, saved, SPACE)
    assert loaded is not None
    assert save(tmp_path, loaded, SPACE, 7) == saved


def test_nothing_that_was_removed_is_in_the_file(tmp_path: Path, grown: FlatVectorIndex) -> None:
    saved = save(tmp_path, grown, SPACE, 7)
    data = (tmp_path / saved.name).read_bytes()
    (units,) = (vectors.normalized(some(1_000), 16),)
    assert units[1].tobytes() in data
    assert not any(units[row].tobytes() in data for row in range(0, 900, 3))
    loaded = load(tmp_path, saved, SPACE)
    assert loaded is not None
    assert [len(large) for _, large in loaded.large] == [700, 49]


def test_a_large_segment_with_nothing_left_is_not_in_the_file(tmp_path: Path, grown: FlatVectorIndex) -> None:
    none = grown.updated(range(1_050), [], some(0))
    saved = save(tmp_path, none, SPACE, 7)
    loaded = load(tmp_path, saved, SPACE)
    assert loaded is not None
    assert (saved.large, loaded.rows.tolist()) == ((), [1_600, 2_000])


def test_a_file_with_a_byte_flipped_anywhere_is_not_used(tmp_path: Path, grown: FlatVectorIndex) -> None:
    saved = save(tmp_path, grown, SPACE, 1)
    file = tmp_path / saved.name
    data = file.read_bytes()
    for place in range(0, len(data), len(data) // 211):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert load(tmp_path, saved, SPACE) is None, place
    file.write_bytes(data)
    assert load(tmp_path, saved, SPACE) is not None


def test_an_exact_vector_that_changes_in_the_file_later_is_not_used(
    tmp_path: Path, grown: FlatVectorIndex
) -> None:
    saved = save(tmp_path, grown, SPACE, 1)
    loaded = load(tmp_path, saved, SPACE)
    assert loaded is not None
    data = bytearray((tmp_path / saved.name).read_bytes())
    data[128 : 128 + 16 * 4 * 700] = bytes(16 * 4 * 700)
    (tmp_path / saved.name).write_bytes(data)
    with pytest.raises(DamagedStore, match="restart"):
        loaded.search(some(1)[0], 5)


def test_a_file_that_was_replaced_serves_those_who_have_it(tmp_path: Path, grown: FlatVectorIndex) -> None:
    saved = save(tmp_path, grown, SPACE, 1)
    loaded = load(tmp_path, saved, SPACE)
    assert loaded is not None
    (tmp_path / saved.name).unlink()
    assert loaded.search(some(1)[0], 5) == grown.search(some(1)[0], 5)


def test_what_the_catalog_keeps_of_parts_survives_as_text() -> None:
    saved = SavedIndex(SPACE.id, 1, 16, 9, 100, "0" * 64, (PART, replace(PART, recall=1.0)))
    assert SavedIndex.from_json(saved.to_json()) == saved


@pytest.mark.parametrize(
    "part",
    [
        replace(PART, rows=0),
        replace(PART, lists=-1),
        replace(PART, probes=0),
        replace(PART, recall=1.5),
        replace(PART, rows="3"),  # type: ignore[arg-type]
        replace(PART, recall=None),  # type: ignore[arg-type]
    ],
)
def test_text_of_parts_that_cannot_be_names_no_file(part: SavedPart) -> None:
    saved = SavedIndex(SPACE.id, 1, 16, 9, 100, "0" * 64, (part,))
    assert SavedIndex.from_json(saved.to_json()) is None


def test_parts_of_more_rows_than_there_are_take_no_memory(tmp_path: Path, grown: FlatVectorIndex) -> None:
    saved = save(tmp_path, grown, SPACE, 1)
    assert load(tmp_path, replace(saved, large=(replace(PART, rows=10**15),)), SPACE) is None


def put(store: Store, number: int) -> str:
    made, passages = chunked(f"Report {number} tells of river {number}.", f"{number}.txt")
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    return made.id


def settled(store: Store) -> None:
    """Wait until nothing is merged or written."""
    while (merging_thread := store._upkeep._merging) is not None and merging_thread.is_alive():
        merging_thread.join()


def found(store: Store) -> list[tuple[int, float]]:
    query = EMBEDDER.embed_query("what does report 7 tell of river 7")
    return [(scored.row, scored.score) for scored in store.snapshot().dense(query, 100)]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Store]:
    """Return a store of 40 documents whose vectors are mostly in large segments and in a file."""
    store = Store(tmp_path, STORE_SPACE, writable=True)
    for number in range(40):
        put(store, number)
        settled(store)
    yield store
    store.close()


def test_a_collection_that_grows_gets_large_segments(filled: Store) -> None:
    index = filled.snapshot().vectors
    assert sum(segment.count for segment, _ in index.large) > 30
    assert not index.worth_merging
    assert len(found(filled)) == 40


def test_the_next_start_finds_the_same_and_builds_nothing(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(filled)
    filled.close()
    monkeypatch.setattr(merging, "built", None)
    again = Store(tmp_path, STORE_SPACE, writable=False)
    assert again.snapshot().vectors.large
    assert found(again) == expected
    again.close()


def test_a_deleted_document_is_not_found_before_nor_after_a_restart(filled: Store, tmp_path: Path) -> None:
    gone = filled.catalog.documents()[7].id
    rows = {row for row, _ in filled.catalog.passages_of(gone)}
    assert rows < {row for row, _ in found(filled)}
    filled.delete(gone)
    assert not rows & {row for row, _ in found(filled)}
    settled(filled)
    filled.close()
    again = Store(tmp_path, STORE_SPACE, writable=True)
    assert not rows & {row for row, _ in found(again)}
    assert len(found(again)) == 39
    again.close()


def test_a_disk_without_room_to_merge_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging, "built", full)
    store = Store(tmp_path, STORE_SPACE, writable=True)
    for number in range(20):
        put(store, number)
    settled(store)
    assert not store.snapshot().vectors.large
    assert len(found(store)) == 20
    store.close()


def test_doctor_tells_how_well_large_segments_are_searched(filled: Store, tmp_path: Path) -> None:
    settled(filled)
    told = approximations(tmp_path)
    assert sum(entry.passages for entry in told) > 20
    assert all(0.99 <= entry.recall <= 1 and entry.collection == tmp_path.name for entry in told)
    assert examine(tmp_path) == []
    assert approximations(tmp_path / "missing") == []
