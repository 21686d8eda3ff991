"""A home of every earlier format opens, answers, and is whole.

`tests/homes/format-N.sql` is a collection as version N of the catalog kept it; such a file is written
once, when N is new, and never changed. `dam.txt` and `letters.txt` are in it, and `gone.txt` was deleted.
From format 3 on `dam.txt` is of four slides, the last of them unread, and `letters.txt` has layouts; from
format 4 on it has its original, too.
"""

import sqlite3
from pathlib import Path

import pytest
from contracts import chunked
from damaging import rows
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.coverage import Coverage, Unread
from index.doctor import examine
from index.errors import DamagedStore, StorageError
from index.sql.migrations import FORMAT
from index.store import CATALOG_FILE, Store
from index.types import Page, PageKind, PageReading, Word

HOMES = Path(__file__).with_name("homes")
FORMATS = range(1, FORMAT + 1)
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


def test_what_a_page_tells_is_there_from_format_3_on(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / CATALOG_FILE)
    raw.executescript((HOMES / "format-3.sql").read_text(encoding="utf-8"))
    raw.close()
    catalog = Store(tmp_path, SPACE, writable=True).catalog
    dam, letters = catalog.documents()
    assert catalog.pages(dam.id) == (
        Page(1, 0, 28, PageKind.SLIDE, label="The dam"),
        Page(2, 28, 28, PageKind.SLIDE, PageReading.BLANK),
        Page(3, 29, 45, PageKind.SLIDE, PageReading.OCR),
        Page(4, 45, 45, PageKind.SLIDE, PageReading.UNREAD, "no text is on it, and OCR is off"),
    )
    first, second = catalog.layouts(letters.id)
    assert (first.number, first.width, first.height) == (1, 612, 792)
    assert first.words() == [Word(0, 1, 72, 72, 80, 84.5), Word(2, 8, 82, 72, 120, 84.5)]
    assert (second.number, second.width, second.height) == (2, 595.276, 841.89)
    assert catalog.unread() == Unread(1, 1)


def test_originals_are_there_from_format_4_on_and_before_that_once_they_are_kept(folder: Path) -> None:
    version = int(rows(folder, "SELECT value FROM meta WHERE key = 'schema_version'")[0][0])
    catalog = Store(folder, SPACE, writable=True).catalog
    dam, letters = catalog.documents()
    kept = b"%PDF-1.6 of letters\x00\xff" if version >= 4 else None
    assert (letters.has_original, catalog.original(letters.id)) == (version >= 4, kept)
    assert catalog.original(dam.id) is None
    # The original of a text is the text.
    data = catalog.text(dam.id).encode()
    catalog.keep_original(dam.id, data)
    assert catalog.original(dam.id) == data


def test_pages_of_earlier_formats_were_read(folder: Path) -> None:
    letters = Store(folder, SPACE, writable=True).catalog.documents()[1]
    assert letters.coverage == Coverage(text=2)


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


def layout(folder: Path) -> dict[str, object]:
    """Return what each table is made of, however it was written down."""
    raw = sqlite3.connect(folder / CATALOG_FILE)
    names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: (
            [column[1:4] + column[5:] for column in raw.execute(f"PRAGMA table_info('{name}')")],
            sorted(key[2:5] for key in raw.execute(f"PRAGMA foreign_key_list('{name}')")),
            sorted(
                (unique, [column for _, _, column in raw.execute(f"PRAGMA index_info('{index}')")])
                for _, index, unique, *_ in raw.execute(f"PRAGMA index_list('{name}')")
            ),
        )
        for name in names
    }
    raw.close()
    return found


def test_a_home_brought_up_to_date_has_the_tables_of_a_new_one(folder: Path, tmp_path: Path) -> None:
    Store(folder, SPACE, writable=True).close()
    Store(tmp_path / "new", SPACE, writable=True).close()
    assert layout(folder) == layout(tmp_path / "new")


def test_damage_of_an_earlier_format_is_still_damage_after_it_was_brought_up_to_date(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / CATALOG_FILE)
    raw.executescript((HOMES / "format-1.sql").read_text(encoding="utf-8"))
    raw.execute("UPDATE passages SET text = replace(text, '1947', '1948')")
    raw.execute("UPDATE segments SET text = replace(text, '1843', '1844')")
    raw.execute("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE row = 1")
    raw.commit()
    raw.close()
    store = Store(tmp_path, SPACE, writable=True)
    dam, letters = store.catalog.documents()
    assert store.catalog.passages_of(dam.id) == []
    with pytest.raises(DamagedStore):
        store.catalog.text(letters.id)
    assert store.snapshot().vectors.contains([0, 1]) == [True, False]
    store.close()
    places = " ".join(finding.place for finding in examine(tmp_path))
    assert all(
        place in places for place in ("row 0 of passages", "the text from character 0", "row 1 of vectors")
    )


def test_a_reader_asks_for_the_migration_and_does_not_make_it(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / CATALOG_FILE)
    raw.executescript((HOMES / "format-1.sql").read_text(encoding="utf-8"))
    raw.close()
    with pytest.raises(StorageError, match="quotebound ingest"):
        Store(tmp_path, SPACE, writable=False)
