"""A home of every earlier format opens, answers, and is whole.

`tests/homes/format-N.sql` is a collection as version N of the catalog kept it; such a file is written
once, when N is new, and never changed. `dam.txt` and `letters.txt` are in it, and `gone.txt` was deleted.
"""

import sqlite3
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.doctor import examine
from index.errors import StorageError
from index.schema import MIGRATIONS
from index.store import CATALOG_FILE, Store
from index.types import Page

HOMES = Path(__file__).with_name("homes")
FORMATS = range(1, len(MIGRATIONS) + 1)
EMBEDDER = HashingEmbedder(dimension=16)
SPACE = EMBEDDER.identity.space("test")


@pytest.fixture(params=FORMATS, ids=lambda number: f"format {number}")
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    raw = sqlite3.connect(tmp_path / CATALOG_FILE)
    raw.executescript((HOMES / f"format-{request.param}.sql").read_text(encoding="utf-8"))
    raw.close()
    return tmp_path


def test_there_is_a_home_of_every_format() -> None:
    assert sorted(path.stem for path in HOMES.glob("*.sql")) == sorted(f"format-{n}" for n in FORMATS)


def test_its_documents_are_there_as_they_were_put(folder: Path) -> None:
    catalog = Store(folder, SPACE, writable=True).catalog
    dam, letters = catalog.documents()
    assert (dam.source, letters.source) == ("dam.txt", "letters.txt")
    assert catalog.text(dam.id) == "The dam was built in 1947. 😀\nIt stores water."
    assert catalog.pages(letters.id) == (Page(1, 0, 23), Page(2, 23, 57))
    for info in (dam, letters):
        text = catalog.text(info.id)
        for _, passage in catalog.passages_of(info.id):
            assert text[passage.start : passage.end] == passage.text
            assert passage.sentences


def test_both_searches_find_in_it_and_find_nothing_deleted(folder: Path) -> None:
    snapshot = Store(folder, SPACE, writable=True).snapshot()
    words = [scored.row for scored in snapshot.lexical("who wrote a letter, and what was deleted?", 9)]
    dense = [scored.row for scored in snapshot.dense(EMBEDDER.embed_query("dam built"), 9)]
    found = snapshot.passages(words + dense)
    assert "letter" in found[words[0]].passage.text
    assert "dam" in found[dense[0]].passage.text
    assert not any("deleted" in located.passage.text for located in found.values())


def test_it_takes_further_documents_and_the_doctor_finds_nothing(folder: Path) -> None:
    store = Store(folder, SPACE, writable=True)
    store.delete(store.catalog.documents()[0].id)
    made, passages = chunked("A glacier melted.", "late.txt")
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    assert [info.source for info in store.catalog.documents()] == ["late.txt", "letters.txt"]
    store.close()
    assert examine(folder) == []


def test_a_home_of_a_later_format_is_refused_by_its_number(tmp_path: Path) -> None:
    Store(tmp_path, SPACE, writable=True).close()
    raw = sqlite3.connect(tmp_path / CATALOG_FILE)
    raw.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    raw.commit()
    raw.close()
    with pytest.raises(StorageError, match="999"):
        Store(tmp_path, SPACE, writable=True)
