"""The doctor on pages: their layouts, the sum of those that are unread, and what it tells of coverage."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from damaging import changed, rows
from doubles import HashingEmbedder
from test_doctor import seal

from index.chunking import indexed_text
from index.coverage import Unread
from index.doctor import examine
from index.doctor.coverage import coverage_of
from index.doctor.repair import repair_collection
from index.home import COLLECTIONS_FOLDER
from index.store import CATALOG_FILE, Store
from index.types import Document, Page, PageLayout, PageReading, Word
from rag.cli.main import run

EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")
TEXT = "The dam was built in 1947. It stores water."
NO_TEXT = "no text is on it, and OCR is off"
UNREAD = tuple(Page(number, 26, 26, reading=PageReading.UNREAD, reason=NO_TEXT) for number in (2, 3))
PAGES = (Page(1, 0, 26), *UNREAD, Page(4, 27, 43, reading=PageReading.OCR))
LAYOUTS = (
    PageLayout.of(1, 612, 792, [Word(0, 3, 72, 72, 90, 84), Word(4, 7, 92, 72, 110, 84)]),
    PageLayout.of(4, 595.28, 841.89, [Word(27, 29, 72, 72, 90, 84)]),
)
# Past the end of the text.
LATE = PageLayout.of(1, 612, 792, [Word(40, 44, 0, 0, 1, 1)]).packed.hex()


def put(folder: Path, source: str, text: str, pages: tuple[Page, ...] = PAGES) -> Document:
    store = Store(folder, SPACE, writable=True)
    made, passages = chunked(text, source)
    made = replace(made, pages=pages, layouts=LAYOUTS if pages else ())
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    store.close()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a closed collection of a document with pages, and of one without."""
    folder = tmp_path / "home" / COLLECTIONS_FOLDER / "letters"
    put(folder, "dam.pdf", TEXT)
    put(folder, "plain.txt", "No page is here.", ())
    return folder


def test_documents_with_pages_give_no_findings(folder: Path) -> None:
    assert examine(folder) == []


@pytest.mark.parametrize("change", ["width = 1", "height = 'x'", "words = x'00'", "crc = crc + 1"])
def test_a_damaged_layout_is_found_and_dropped_and_nothing_else_is(folder: Path, change: str) -> None:
    changed(folder, f"UPDATE layouts SET {change} WHERE page = 1")
    (finding,) = examine(folder)
    assert finding.place.startswith("the layout of page 1 of document ")
    assert "(dam.pdf)" in finding.place
    assert finding.message == "the row is not the one that was stored"
    done = repair_collection(folder)
    assert (done.left, done.due) == ((), ())
    store = Store(folder, SPACE, writable=False)
    info = store.catalog.find("upload:dam.pdf")
    assert info is not None
    assert store.catalog.text(info.id) == TEXT
    assert store.catalog.layouts(info.id) == [LAYOUTS[1]]
    # What is dropped is set aside, as all that is damaged.
    assert rows(folder, "SELECT count(*) FROM quarantine WHERE record LIKE '%\"layouts\"%'") == [(1,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("page = 9", "its document has no such page"),
        ("width = -1", "no page is of this size"),
        ("height = 9e999", "no page is of this size"),
        ("words = x'789c'", "its words cannot be unpacked"),
        ("words = x'789c6300000001'", "its words cannot be unpacked"),
        (f"words = x'{LATE}'", "its words stand outside of the text"),
    ],
)
def test_a_layout_that_cannot_be_is_found_though_its_checksum_is_right(
    folder: Path, change: str, message: str
) -> None:
    changed(folder, f"UPDATE layouts SET {change} WHERE page = 1")
    seal(folder, "layouts")
    (finding,) = examine(folder)
    assert message in finding.message
    assert repair_collection(folder).left == ()
    assert examine(folder) == []


def test_layouts_whose_document_is_gone_go_with_the_rest_of_it(folder: Path) -> None:
    changed(folder, "DELETE FROM documents WHERE source = 'dam.pdf'")
    repair_collection(folder)
    assert rows(folder, "SELECT count(*) FROM layouts") == [(0,)]
    assert examine(folder) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE meta SET value = '7 9' WHERE key = 'unread_pages'", "it says 7 9, and should say 1 2"),
        ("DELETE FROM meta WHERE key = 'unread_pages'", "it is missing"),
        ("UPDATE meta SET crc = 0 WHERE key = 'unread_pages'", "the row is not the one that was stored"),
    ],
)
def test_a_wrong_sum_of_unread_pages_is_found_and_put_right(
    folder: Path, statement: str, message: str
) -> None:
    changed(folder, statement)
    if "7 9" in statement:
        seal(folder, "meta")
    (finding,) = examine(folder)
    assert (finding.place, finding.message) == ("row 'unread_pages' of meta", message)
    assert repair_collection(folder).left == ()
    assert Store(folder, SPACE, writable=False).catalog.unread() == Unread(1, 2)


def test_a_document_that_is_lost_takes_its_unread_pages_with_it(folder: Path) -> None:
    changed(folder, "UPDATE documents SET title = 'x' WHERE source = 'dam.pdf'")
    assert len(examine(folder)) == 1
    assert repair_collection(folder).left == ()
    assert rows(folder, "SELECT count(*) FROM meta WHERE key = 'unread_pages'") == [(0,)]


def test_coverage_counts_pages_and_names_the_documents_that_were_partly_read(folder: Path) -> None:
    put(folder, "all.pdf", f"{TEXT} All of it.", (Page(1, 0, 10), Page(2, 10, 10, reading=PageReading.BLANK)))
    found = coverage_of(folder)
    assert found is not None
    assert (found.pages, found.text, found.ocr, found.blank, found.unread) == (6, 2, 1, 1, 2)
    assert [(one.source, one.unread) for one in found.documents] == [("dam.pdf", UNREAD)]


def test_a_collection_without_pages_or_catalog_has_no_coverage(tmp_path: Path) -> None:
    put(tmp_path / "plain", "plain.txt", "No page is here.", ())
    assert coverage_of(tmp_path / "plain") is None
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / CATALOG_FILE).write_bytes(b"This is no database. " * 500)
    assert coverage_of(tmp_path / "broken") is None


def test_the_command_tells_what_was_not_read_and_why_and_finds_no_fault_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUOTEBOUND_HOME", str(folder.parents[1]))
    assert run(["doctor"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "letters: 2 of 4 pages read (1 by OCR), 2 unread in 1 documents",
        f"letters: dam.pdf: pages 2–3: {NO_TEXT}",
        "0 findings in letters",
    ]
    assert run(["doctor", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["coverage"]
    counts = {"pages": 4, "text": 1, "ocr": 1, "blank": 0, "unread": 2}
    assert {name: told[name] for name in counts} == counts
    (document,) = told["documents"]
    assert document["source"] == "dam.pdf"
    assert document["unread"] == [{"page": 2, "reason": NO_TEXT}, {"page": 3, "reason": NO_TEXT}]
