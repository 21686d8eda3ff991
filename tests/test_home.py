"""The home: its lock and its collections."""

import subprocess
import sys
from pathlib import Path

import pytest
from contracts import chunked
from descriptors import held_below
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.embedding import EmbeddingSpace
from index.errors import (
    CollectionExists,
    CollectionNotFound,
    HomeLocked,
    InvalidName,
    ReadOnlyStore,
    SpaceMismatch,
    StorageUnavailable,
)
from index.home import COLLECTIONS_FOLDER, CollectionInfo, Home, described
from index.store import Store

SPACE = HashingEmbedder().identity.space("test")


def opened(path: Path, *, writable: bool = True) -> Home:
    return Home(path, SPACE, writable=writable)


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.collection(create=True)
    with pytest.raises(HomeLocked, match="QUOTEBOUND_HOME"):
        opened(tmp_path)
    opened(tmp_path, writable=False).collection()
    first.close()
    opened(tmp_path).close()


def test_a_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    held = opened(tmp_path)
    program = (
        "import sys; from filelock import FileLock, Timeout\n"
        "try: FileLock(sys.argv[1]).acquire(blocking=False)\n"
        "except Timeout: sys.exit(3)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    assert subprocess.run(command, check=False).returncode == 3
    held.close()
    assert subprocess.run(command, check=False).returncode == 0


def test_collections_are_apart_and_listed(tmp_path: Path) -> None:
    home = opened(tmp_path)
    assert home.collections() == []
    assert home.collection("news", create=True) is not home.collection("laws", create=True)
    assert home.collection("news") is home.collection("news")
    assert home.collections() == ["laws", "news"]


def test_an_unknown_collection_is_not_made_by_asking(tmp_path: Path) -> None:
    home = opened(tmp_path)
    with pytest.raises(CollectionNotFound, match="quotebound ingest"):
        home.collection()
    home.collection("news", create=True)
    with pytest.raises(CollectionNotFound, match="there are: news"):
        home.collection("laws")
    assert home.collections() == ["news"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../../etc", "UPPER", "-x", "a" * 65, "a\0", "name\n"])
def test_names_that_are_no_folder_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName, match="collection"):
        opened(tmp_path).collection(name, create=True)


def test_a_home_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable, match="QUOTEBOUND_HOME"):
        opened(tmp_path / "file" / "home")


def test_a_reader_of_a_home_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    home = opened(tmp_path / "none", writable=False)
    assert home.collections() == []
    with pytest.raises(CollectionNotFound):
        home.collection(create=True)
    assert not (tmp_path / "none").exists()


def put(store: Store, text: str) -> str:
    made, passages = chunked(text, f"{text}.txt")
    texts = [indexed_text(passage) for passage in passages]
    store.put(made, passages, HashingEmbedder().embed_passages(texts))
    return made.id


def test_a_collection_is_made_once(tmp_path: Path) -> None:
    home = opened(tmp_path)
    home.create("news")
    with pytest.raises(CollectionExists, match="news"):
        home.create("news")
    assert home.collections() == ["news"]


def test_a_deleted_collection_is_gone_from_the_disk_and_leaves_the_others(tmp_path: Path) -> None:
    home = opened(tmp_path)
    put(home.create("news"), "A glacier melted.")
    put(home.create("laws"), "A law was passed.")
    home.delete("news")
    assert home.collections() == ["laws"]
    assert [entry.name for entry in (tmp_path / COLLECTIONS_FOLDER).iterdir()] == ["laws"]
    with pytest.raises(CollectionNotFound, match="there are: laws"):
        home.collection("news")
    with pytest.raises(CollectionNotFound):
        home.delete("news")
    assert len(home.collection("laws").snapshot()) == 1


def test_who_still_reads_a_deleted_collection_finds_it_missing_and_never_its_successor(
    tmp_path: Path,
) -> None:
    home = opened(tmp_path)
    put(home.create("news"), "A glacier melted.")
    before = home.collection("news").snapshot()
    (row,) = [scored.row for scored in before.lexical("glacier", 5)]
    home.delete("news")
    put(home.create("news"), "A law was passed.")
    with pytest.raises(CollectionNotFound):
        before.passages([row])


def test_so_it_is_when_nobody_but_a_reader_held_the_collection(tmp_path: Path) -> None:
    home = Home(tmp_path, SPACE, writable=True, kept_open=1)
    put(home.create("news"), "A glacier melted.")
    before = home.collection("news").snapshot()
    (row,) = [scored.row for scored in before.lexical("glacier", 5)]
    home.create("laws")
    home.delete("news")
    put(home.create("news"), "A law was passed.")
    before.catalog.forget_connections()
    with pytest.raises(CollectionNotFound):
        before.passages([row])


def test_a_deletion_that_was_killed_is_finished_by_the_next_start(tmp_path: Path) -> None:
    home = opened(tmp_path)
    home.create("news")
    home.close()
    (tmp_path / COLLECTIONS_FOLDER / "news").rename(tmp_path / COLLECTIONS_FOLDER / ".deleted-0123")
    assert opened(tmp_path).collections() == []
    assert list((tmp_path / COLLECTIONS_FOLDER).iterdir()) == []


def test_a_reader_makes_and_deletes_no_collection(tmp_path: Path) -> None:
    opened(tmp_path).create("news")
    reader = opened(tmp_path, writable=False)
    for change in (reader.create, reader.delete):
        with pytest.raises(ReadOnlyStore):
            change("news")
    assert reader.collections() == ["news"]


def test_collections_that_nobody_holds_are_closed_but_for_the_last_ones(tmp_path: Path) -> None:
    home = Home(tmp_path, SPACE, writable=True, kept_open=2)
    for name in ("a", "b", "c"):
        put(home.create(name), f"Report {name} tells of a glacier.")
    folder = tmp_path / COLLECTIONS_FOLDER
    assert held_below(folder / "a") == []
    assert held_below(folder / "b")
    assert len(home.collection("a").snapshot().lexical("glacier", 5)) == 1
    assert held_below(folder / "b") == []


def test_a_collection_that_somebody_holds_is_never_opened_twice(tmp_path: Path) -> None:
    home = Home(tmp_path, SPACE, writable=True, kept_open=1)
    held = home.create("a")
    home.create("b")
    assert home.collection("a") is held
    put(held, "A glacier melted.")
    assert len(home.collection("a").snapshot()) == 1


def test_a_space_that_is_not_admitted_is_not_opened(tmp_path: Path) -> None:
    first = opened(tmp_path)
    put(first.create("news"), "A glacier melted.")
    first.close()

    def refuse(collection: str, space: EmbeddingSpace) -> None:
        raise SpaceMismatch(f"{collection} is in {space.name}")

    home = Home(tmp_path, SPACE, writable=True, admit=refuse)
    with pytest.raises(SpaceMismatch, match="news is in hashing"):
        home.collection("news")
    assert home.create("laws").space == SPACE


def test_collections_are_described_without_being_opened(tmp_path: Path) -> None:
    home = opened(tmp_path)
    home.create("empty")
    put(home.create("news"), "A glacier melted.")
    assert described(tmp_path) == [CollectionInfo("empty", 0, None), CollectionInfo("news", 1, "hashing")]
