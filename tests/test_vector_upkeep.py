"""The vectors of a collection over its life: merged in the background, kept in a file past a size."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder, WordWindow

from index import vector_upkeep, vectors
from index.chunking import Chunker, indexed_text
from index.embedding import EmbeddingSpace
from index.reindex import Reindexer
from index.sql.catalog import SqlCatalog
from index.store import Store
from index.vectors import FlatVectorIndex

EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few rows do what takes many."""
    monkeypatch.setattr(vectors, "_MAX_DELTA", 4)
    monkeypatch.setattr(vector_upkeep, "FILE_PAST_ROWS", 10)
    monkeypatch.setattr(vector_upkeep, "_REPLAYED_ROWS", 5)


def opened(folder: Path, space: EmbeddingSpace = SPACE) -> Store:
    return Store(folder, space, writable=True)


def put(store: Store, number: int) -> str:
    made, passages = chunked(f"Report {number} tells of river {number}.", f"{number}.txt")
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    return made.id


def settled(store: Store) -> None:
    """Wait until nothing is merged or written."""
    while (merging := store._upkeep._merging) is not None and merging.is_alive():
        merging.join()


def found(store: Store) -> list[tuple[int, float]]:
    query = EMBEDDER.embed_query("what does report 7 tell of river 7")
    return [(scored.row, round(scored.score, 5)) for scored in store.snapshot().dense(query, 100)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("vectors-*"))


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Store]:
    """Return a store of 14 documents, whose vectors are in a file."""
    store = opened(tmp_path)
    for number in range(14):
        put(store, number)
    settled(store)
    yield store
    store.close()


def test_many_small_segments_are_merged_in_the_background(filled: Store) -> None:
    assert not filled.snapshot().vectors.worth_merging
    assert len(filled.snapshot().vectors._segments) < 6


def test_what_changes_during_a_merge_stays_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)
    merging, go_on = threading.Event(), threading.Event()
    real = FlatVectorIndex.merged

    def held(index: FlatVectorIndex) -> FlatVectorIndex:
        merged = real(index)
        merging.set()
        assert go_on.wait(60)
        return merged

    monkeypatch.setattr(FlatVectorIndex, "merged", held)
    ids = [put(store, number) for number in range(16)]
    assert merging.wait(60)
    store.delete(ids[3])
    late = put(store, 99)
    go_on.set()
    settled(store)
    rows = {row for row, _ in found(store)}
    located = store.snapshot().passages(list(rows))
    assert {entry.passage.document_id for entry in located.values()} == {*ids, late} - {ids[3]}
    assert len(located) == len(rows) == 16
    store.close()


def test_past_a_size_the_next_start_reads_the_file(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(filled)
    filled.close()
    assert len(files(tmp_path)) == 1
    scanned: list[int] = []
    real = SqlCatalog.scan_vectors

    def counted(catalog: SqlCatalog, space: EmbeddingSpace, after: int = -1):  # type: ignore[no-untyped-def]
        for rows, batch in real(catalog, space, after):
            scanned.extend(rows)
            yield rows, batch

    monkeypatch.setattr(SqlCatalog, "scan_vectors", counted)
    again = opened(tmp_path)
    assert found(again) == expected
    assert len(scanned) < 10
    again.close()


def test_what_came_and_went_since_the_file_is_made_up_for(filled: Store, tmp_path: Path) -> None:
    filled.delete(filled.catalog.documents()[0].id)
    put(filled, 77)
    settled(filled)
    expected = found(filled)
    filled.close()
    again = opened(tmp_path)
    assert found(again) == expected
    again.close()


@pytest.mark.parametrize("damage", ["gone", "cut off", "flipped", "another"])
def test_a_file_that_is_not_the_one_written_costs_only_time(
    filled: Store, tmp_path: Path, damage: str
) -> None:
    expected = found(filled)
    filled.close()
    (name,) = files(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    contents = {"cut off": bytes(data[:-1]), "flipped": bytes(data), "another": b"x" * len(data)}
    (tmp_path / name).unlink()
    if damage in contents:
        (tmp_path / name).write_bytes(contents[damage])
    again = opened(tmp_path)
    assert found(again) == expected
    again.close()


def test_a_catalog_put_back_from_a_copy_does_not_believe_the_file(filled: Store, tmp_path: Path) -> None:
    copy = SqlCatalog(tmp_path / "catalog.db", writable=True)
    saved = copy.value("vector_file")
    copy.close()
    filled.close()
    other = opened(tmp_path / "other")
    put(other, 7)
    other.catalog.keep_value("vector_file", saved)
    expected = found(other)
    other.close()
    (tmp_path / "other" / files(tmp_path)[0]).write_bytes((tmp_path / files(tmp_path)[0]).read_bytes())
    again = opened(tmp_path / "other")
    assert found(again) == expected
    again.close()


def test_another_space_leaves_no_file_of_the_old_one(filled: Store, tmp_path: Path) -> None:
    (before,) = files(tmp_path)
    other = HashingEmbedder(32, "other")
    Reindexer(filled, Chunker(WordWindow(), target_tokens=16), other).run()
    settled(filled)
    assert before not in files(tmp_path)
    assert len(filled.snapshot().dense(other.embed_query("river 7"), 100)) == 14


def test_a_disk_without_room_for_the_file_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vector_upkeep, "save", full)
    store = opened(tmp_path)
    for number in range(14):
        put(store, number)
    settled(store)
    expected = found(store)
    assert files(tmp_path) == []
    store.close()
    again = opened(tmp_path)
    assert found(again) == expected
    again.close()
