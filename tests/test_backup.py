"""A home in one file and back: whole, verified, and without what was deleted."""

import errno
import gzip
import io
import json
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index import backup
from index.backup import back_up, restore
from index.chunking import indexed_text
from index.doctor import examine
from index.errors import (
    CollectionNotFound,
    DamagedStore,
    HomeLocked,
    InvalidBackup,
    StorageFull,
)
from index.home import Home, collection_folders
from index.store import CATALOG_FILE, Store
from index.types import Page, PageLayout, PageReading, Word

EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")
TEXTS = {"dam.txt": "The dam was built in 1947. 😀", "lake.txt": "Porters cross the lake in summer."}


def put(store: Store, source: str, text: str) -> str:
    made, passages = chunked(text, source)
    unread = Page(2, 8, 8, reading=PageReading.UNREAD, reason="no text is on it")
    layout = PageLayout.of(1, 595.276, 842, [Word(0, 3, 72, 72, 90.5, 84)])
    made = replace(made, pages=(Page(1, 0, 8), unread), layouts=(layout,))
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    return made.id


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a closed home with two collections."""
    opened = Home(tmp_path / "home", SPACE, writable=True)
    for name in ("default", "news"):
        for source, text in TEXTS.items():
            put(opened.collection(name, create=True), source, f"{text} {name}")
    opened.close()
    return tmp_path / "home"


def contents(home: Path) -> dict[str, object]:
    """Return everything that can be asked of a home's collections."""
    opened = Home(home, SPACE, writable=True)
    found = {}
    for name in opened.collections():
        store = opened.collection(name)
        snapshot = store.snapshot()
        found[name] = [
            (info, store.catalog.whole(info.id), store.catalog.passages_of(info.id))
            for info in store.catalog.documents()
        ]
        rows = [scored.row for scored in snapshot.lexical("dam lake", 9)]
        dense = [scored.row for scored in snapshot.dense(EMBEDDER.embed_query("dam"), 9)]
        found[f"{name} searched"] = [(rows, dense)]
        found[f"{name} unread"] = store.catalog.unread()
    opened.close()
    return found


def repacked(file: Path, change: dict[str, bytes]) -> Path:
    """Write a backup anew with other contents for some members."""
    other = file.with_name("other.backup")
    with tarfile.open(file) as source, tarfile.open(other, "w:gz") as target:
        for member in source.getmembers():
            extracted = source.extractfile(member)
            assert extracted is not None
            data = change.get(member.name, extracted.read())
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return other


def test_what_is_restored_is_what_was_saved(home: Path, tmp_path: Path) -> None:
    saved = back_up(home, tmp_path / "file")
    assert [(entry.name, entry.documents, entry.passages) for entry in saved] == [
        ("default", 2, 2),
        ("news", 2, 2),
    ]
    assert restore(tmp_path / "again", tmp_path / "file") == saved
    assert contents(tmp_path / "again") == contents(home)
    assert [finding for folder in collection_folders(tmp_path / "again") for finding in examine(folder)] == []


def test_a_home_in_use_is_saved_as_it_is_at_that_moment(home: Path, tmp_path: Path) -> None:
    opened = Home(home, SPACE, writable=True)
    put(opened.collection(), "late.txt", "A late letter came.")
    back_up(home, tmp_path / "file")
    put(opened.collection(), "later.txt", "A later one came.")
    opened.close()
    restore(tmp_path / "again", tmp_path / "file")
    sources = [info.source for info, _, _ in contents(tmp_path / "again")["default"]]  # type: ignore[attr-defined]
    assert sources == ["dam.txt", "lake.txt", "late.txt"]


def test_nothing_of_a_deleted_document_is_in_a_later_backup(home: Path, tmp_path: Path) -> None:
    catalog = home / "collections" / "default" / CATALOG_FILE
    raw = sqlite3.connect(catalog)
    # As an SQLite that does not wipe leaves it: in pages that are free.
    raw.execute("PRAGMA secure_delete=OFF")
    raw.execute("CREATE TABLE gone AS SELECT ? AS text", ("The canary is called Xanthippe-7781. " * 500,))
    raw.commit()
    raw.execute("DROP TABLE gone")
    raw.commit()
    raw.close()
    assert b"Xanthippe" in catalog.read_bytes()
    back_up(home, tmp_path / "file")
    with tarfile.open(tmp_path / "file") as archive:
        members = [archive.extractfile(member) for member in archive.getmembers()]
        assert not any(b"Xanthippe" in member.read() for member in members if member)


def test_a_backup_replaces_no_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InvalidBackup, match="file is there already"):
        back_up(home, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"


def test_an_empty_home_has_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="quotebound ingest"):
        back_up(tmp_path / "none", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_collection_is_not_saved_as_if_it_were_whole(home: Path, tmp_path: Path) -> None:
    raw = sqlite3.connect(home / "collections" / "news" / CATALOG_FILE)
    raw.execute("UPDATE segments SET text = replace(text, '1947', '1948')")
    raw.commit()
    raw.close()
    with pytest.raises(DamagedStore, match=r"'news' is damaged.*doctor"):
        back_up(home, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_full_disk_leaves_no_half_of_a_backup(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "make_durable", full)
    with pytest.raises(StorageFull, match="nothing was written"):
        back_up(home, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_home_with_collections_is_not_restored_over(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "file")
    before = contents(home)
    with pytest.raises(InvalidBackup, match="QUOTEBOUND_HOME"):
        restore(home, tmp_path / "file")
    assert contents(home) == before


def test_a_home_that_another_process_holds_is_not_restored_into(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "file")
    held = Home(tmp_path / "again", SPACE, writable=True)
    with pytest.raises(HomeLocked):
        restore(tmp_path / "again", tmp_path / "file")
    held.close()
    restore(tmp_path / "again", tmp_path / "file")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "other gzip", "cut off", "flipped"])
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    home: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "file"
    back_up(home, file)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    contents_of = {
        "empty": b"",
        "text": b"no backup at all",
        "other gzip": gzip.compress(b"no tar"),
        "cut off": file.read_bytes()[:-200],
        "flipped": bytes(data),
    }
    file.unlink()
    if kind != "missing":
        file.write_bytes(contents_of[kind])
    with pytest.raises(InvalidBackup, match="file"):
        restore(tmp_path / "again", file)
    assert collection_folders(tmp_path / "again") == []


@pytest.mark.parametrize("name", ["../up", "/etc/x", "A B", ""])
def test_a_collection_whose_name_is_a_path_is_refused(home: Path, tmp_path: Path, name: str) -> None:
    back_up(home, tmp_path / "file")
    with tarfile.open(tmp_path / "file") as archive:
        extracted = archive.extractfile("manifest.json")
        assert extracted is not None
        manifest = json.load(extracted)
    manifest["collections"][0]["name"] = name
    file = repacked(tmp_path / "file", {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(InvalidBackup, match="impossible"):
        restore(tmp_path / "again", file)


def test_a_catalog_that_is_not_the_one_saved_is_refused(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "file")
    other = (home / "collections" / "news" / CATALOG_FILE).read_bytes()
    file = repacked(tmp_path / "file", {"default": other})
    with pytest.raises(InvalidBackup, match="'default' is not as it was saved"):
        restore(tmp_path / "again", file)
    assert collection_folders(tmp_path / "again") == []


def test_a_backup_of_a_later_format_is_refused(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "file")
    file = repacked(tmp_path / "file", {"manifest.json": b'{"format": 3, "collections": []}'})
    with pytest.raises(InvalidBackup, match="format 3"):
        restore(tmp_path / "again", file)


EXTRA = "notes.db"


def written(home: Path, text: str) -> None:
    """Write a database beside the collections."""
    with closing(sqlite3.connect(home / EXTRA)) as raw:
        raw.execute("CREATE TABLE IF NOT EXISTS notes (text)")
        raw.execute("INSERT INTO notes VALUES (?)", (text,))
        raw.commit()


def notes(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / EXTRA)) as raw:
        return [text for (text,) in raw.execute("SELECT text FROM notes")]


def test_a_database_beside_the_collections_is_saved_with_them(home: Path, tmp_path: Path) -> None:
    written(home, "kept")
    saved = back_up(home, tmp_path / "file", (EXTRA, "other.db"))
    written(home, "later")
    assert restore(tmp_path / "again", tmp_path / "file", (EXTRA,)) == saved
    assert notes(tmp_path / "again") == ["kept"]
    assert contents(tmp_path / "again") == contents(home)


def test_a_home_that_has_such_a_database_is_not_restored_over(home: Path, tmp_path: Path) -> None:
    written(home, "kept")
    back_up(home, tmp_path / "file", (EXTRA,))
    (tmp_path / "again").mkdir()
    written(tmp_path / "again", "precious")
    with pytest.raises(InvalidBackup, match=r"has a notes\.db already"):
        restore(tmp_path / "again", tmp_path / "file", (EXTRA,))
    assert notes(tmp_path / "again") == ["precious"]
    assert collection_folders(tmp_path / "again") == []


def test_a_database_that_is_not_the_one_saved_is_refused(home: Path, tmp_path: Path) -> None:
    written(home, "kept")
    back_up(home, tmp_path / "file", (EXTRA,))
    written(home, "changed")
    file = repacked(tmp_path / "file", {EXTRA: (home / EXTRA).read_bytes()})
    with pytest.raises(InvalidBackup, match=r"notes\.db is not as it was saved"):
        restore(tmp_path / "again", file, (EXTRA,))
    assert collection_folders(tmp_path / "again") == []
    assert not (tmp_path / "again" / EXTRA).exists()


def test_a_file_that_nobody_asked_for_is_refused(home: Path, tmp_path: Path) -> None:
    written(home, "kept")
    back_up(home, tmp_path / "file", (EXTRA,))
    with pytest.raises(InvalidBackup, match="no home"):
        restore(tmp_path / "again", tmp_path / "file")


def test_a_damaged_database_is_not_saved_as_if_it_were_whole(home: Path, tmp_path: Path) -> None:
    (home / EXTRA).write_bytes(b"no database at all " * 100)
    with pytest.raises(DamagedStore, match=r"notes\.db is damaged"):
        back_up(home, tmp_path / "file", (EXTRA,))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_backup_of_the_first_format_is_restored(home: Path, tmp_path: Path) -> None:
    back_up(home, tmp_path / "file")
    with tarfile.open(tmp_path / "file") as archive:
        extracted = archive.extractfile("manifest.json")
        assert extracted is not None
        manifest = json.load(extracted)
    first = {"format": 1, "collections": manifest["collections"]}
    file = repacked(tmp_path / "file", {"manifest.json": json.dumps(first).encode()})
    restore(tmp_path / "again", file, (EXTRA,))
    assert contents(tmp_path / "again") == contents(home)
