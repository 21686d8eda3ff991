"""The doctor: it finds what is not as it was written, names the place, and never gives up."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.doctor import Finding, examine
from index.store import CATALOG_FILE, LEXICAL_FOLDER, Store

EMBEDDER = HashingEmbedder()
TEXT = "\n".join(
    f"Report {n} tells of the year {1900 + n} and of the river that flooded then." for n in range(5)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a closed collection of two documents."""
    folder = tmp_path / "letters"
    store = Store(folder, EMBEDDER.identity.space("test"), writable=True)
    for source, text in (("reports.txt", TEXT), ("dam.txt", "A dam was built in 1947.")):
        made, passages = chunked(text, source)
        store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    store.close()
    return folder


def changed(folder: Path, *statements: str) -> None:
    """Change rows behind the program's back."""
    raw = sqlite3.connect(folder / CATALOG_FILE)
    for statement in statements:
        assert raw.execute(statement).rowcount > 0
    raw.commit()
    raw.close()


def value(folder: Path, query: str) -> str:
    raw = sqlite3.connect(folder / CATALOG_FILE)
    (found,) = raw.execute(query).fetchone()
    raw.close()
    return str(found)


def reports(folder: Path) -> str:
    """Return how the doctor names the document of the reports."""
    document_id = value(folder, "SELECT id FROM documents WHERE source = 'reports.txt'")
    return f"document {document_id} (reports.txt)"


def second_row(folder: Path) -> str:
    """Return the row of the second passage of the reports."""
    return value(
        folder,
        "SELECT row FROM passages JOIN documents ON document_id = documents.id"
        " WHERE source = 'reports.txt' AND ordinal = 1",
    )


def places(folder: Path) -> list[str]:
    return [finding.place for finding in examine(folder)]


def test_a_healthy_collection_gives_no_findings(folder: Path) -> None:
    assert examine(folder) == []


def test_a_new_and_empty_collection_gives_no_findings(tmp_path: Path) -> None:
    Store(tmp_path, EMBEDDER.identity.space("test"), writable=True).close()
    assert examine(tmp_path) == []


def test_a_collection_that_lost_a_document_properly_gives_no_findings(folder: Path) -> None:
    store = Store(folder, EMBEDDER.identity.space("test"), writable=True)
    store.delete(store.catalog.documents()[0].id)
    store.close()
    assert examine(folder) == []


def test_an_open_collection_can_be_examined(folder: Path) -> None:
    store = Store(folder, EMBEDDER.identity.space("test"), writable=True)
    assert examine(folder) == []
    store.close()


def test_a_change_in_a_passage_is_found_at_its_row(folder: Path) -> None:
    row = second_row(folder)
    changed(folder, f"UPDATE passages SET text = replace(text, 'river', 'ravine') WHERE row = {row}")
    assert examine(folder) == [
        Finding(
            "letters", f"passage row {row} of {reports(folder)}", "the row is not the one that was stored"
        )
    ]


@pytest.mark.parametrize(
    "change", ["start = start + 1", '"end" = "end" - 1', "heading = 'Dams'", "page = 3", "sentences = '[]'"]
)
def test_a_change_in_what_is_known_of_a_passage_is_found_at_its_row(folder: Path, change: str) -> None:
    row = second_row(folder)
    changed(folder, f"UPDATE passages SET {change} WHERE row = {row}")
    assert places(folder) == [f"passage row {row} of {reports(folder)}"]


def test_a_passage_stored_with_words_that_are_not_in_the_text_is_found(tmp_path: Path) -> None:
    # What a faulty program would do: every checksum is right.
    made, (passage,) = chunked("A dam was built in 1947.")
    store = Store(tmp_path, EMBEDDER.identity.space("test"), writable=True)
    store.put(made, [replace(passage, text="A dam was built in 1948.")], EMBEDDER.embed_passages(["x"]))
    store.close()
    (finding,) = examine(tmp_path)
    assert finding.message == "the passage does not stand in the text"


def test_a_change_in_a_text_is_found_at_its_document(folder: Path) -> None:
    changed(folder, "UPDATE segments SET text = replace(text, '1902', '1992')")
    (finding,) = examine(folder)
    assert finding.place == reports(folder)
    assert "damaged" in finding.message


def test_a_text_of_which_a_segment_is_gone_is_found_at_its_document(folder: Path) -> None:
    where = "WHERE document_id = (SELECT id FROM documents WHERE source = 'reports.txt')"
    changed(folder, f"DELETE FROM segments {where}")
    assert Finding("letters", reports(folder), "the text is not the one that was stored") in examine(folder)


def test_a_change_in_the_hash_of_a_document_is_found_at_it(folder: Path) -> None:
    changed(
        folder, "UPDATE documents SET sha256 = 'f' || substr(sha256, 2) || '0' WHERE source = 'reports.txt'"
    )
    assert places(folder) == [reports(folder)]


@pytest.mark.parametrize(
    "change",
    [
        "vector = zeroblob(length(vector))",
        "vector = substr(vector, 1, length(vector) - 4)",
        "vector = CAST(vector || x'00000000' AS BLOB)",
        "vector = x''",
        "crc = crc + 1",
    ],
)
def test_a_change_in_a_vector_is_found_at_its_row(folder: Path, change: str) -> None:
    row = second_row(folder)
    changed(folder, f"UPDATE vectors SET {change} WHERE row = {row}")
    assert examine(folder) == [
        Finding("letters", f"vector row {row}", "the vector is not the one that was stored")
    ]


def test_a_passage_that_is_gone_is_missed_at_its_document(folder: Path) -> None:
    row = second_row(folder)
    changed(folder, f"DELETE FROM vectors WHERE row = {row}", f"DELETE FROM passages WHERE row = {row}")
    messages = [finding.message for finding in examine(folder) if finding.place == reports(folder)]
    count = int(value(folder, "SELECT passages FROM documents WHERE source = 'reports.txt'"))
    assert messages == [f"there are {count - 1} passages, and should be {count}"]


def test_a_vector_that_is_gone_is_missed_at_its_passage(folder: Path) -> None:
    row = second_row(folder)
    changed(folder, f"DELETE FROM vectors WHERE row = {row}")
    assert examine(folder) == [Finding("letters", f"passage row {row}", "it has no vector")]


def test_missing_words_are_found_with_the_comfort_that_they_come_back(folder: Path) -> None:
    lexical = folder / LEXICAL_FOLDER
    lexical.rename(folder.parent / "elsewhere")
    (finding,) = examine(folder)
    assert finding.place == "lexical index"
    assert "the next start rebuilds it" in finding.message
    assert not lexical.exists()


def test_missing_words_are_found_no_more_after_the_next_start(folder: Path) -> None:
    (folder / LEXICAL_FOLDER).rename(folder.parent / "elsewhere")
    Store(folder, EMBEDDER.identity.space("test"), writable=True).close()
    assert examine(folder) == []


def test_all_that_is_wrong_is_found_at_once(folder: Path) -> None:
    row = second_row(folder)
    changed(
        folder, f"UPDATE passages SET page = 9 WHERE row = {row}", f"DELETE FROM vectors WHERE row = {row}"
    )
    (folder / LEXICAL_FOLDER).rename(folder.parent / "elsewhere")
    assert places(folder) == [
        f"passage row {row} of {reports(folder)}",
        f"passage row {row}",
        "lexical index",
    ]


def test_examining_changes_nothing(folder: Path) -> None:
    changed(folder, "UPDATE passages SET page = 9")
    before = (folder / CATALOG_FILE).read_bytes()
    assert examine(folder) == examine(folder)
    assert (folder / CATALOG_FILE).read_bytes() == before


@pytest.mark.parametrize("keep", [100, 4096, 9000, 0.5, 0.9])
def test_a_catalog_cut_short_is_reported_not_raised(folder: Path, keep: float) -> None:
    path = folder / CATALOG_FILE
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    assert "catalog" in places(folder)


@pytest.mark.parametrize("data", [b"This is no database. " * 500, b"\0" * 8192, b"SQLite format 3\0"])
def test_a_catalog_that_is_no_database_is_reported_not_raised(folder: Path, data: bytes) -> None:
    (folder / CATALOG_FILE).write_bytes(data)
    (finding,) = examine(folder)
    assert (finding.collection, finding.place) == ("letters", "catalog")


def test_a_catalog_of_a_newer_program_is_reported_not_raised(folder: Path) -> None:
    changed(folder, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    (finding,) = examine(folder)
    assert "newer" in finding.message


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET text = CAST(text AS BLOB) WHERE row = 1",
        "UPDATE passages SET text = CAST(x'52ff6f' AS TEXT) WHERE row = 1",
        "UPDATE segments SET text = CAST(text AS BLOB)",
        "UPDATE segments SET text = CAST(x'52ff6f' AS TEXT)",
        "UPDATE segments SET start = 'x'",
        "UPDATE vectors SET vector = 'abc' WHERE row = 1",
        "UPDATE spaces SET description = '{'",
        "UPDATE spaces SET active = 0",
        "UPDATE meta SET value = 'x' WHERE key = 'schema_version'",
        "UPDATE documents SET pages = '['",
        "DELETE FROM documents",
    ],
)
def test_values_of_another_kind_are_findings_and_no_failures(folder: Path, statement: str) -> None:
    changed(folder, statement)
    assert examine(folder) != []


def test_a_damaged_row_hides_no_other(folder: Path) -> None:
    changed(folder, "UPDATE passages SET text = CAST(x'52ff6f' AS TEXT) WHERE row = 1")
    changed(folder, "UPDATE vectors SET vector = 'abc' WHERE row = 2")
    found = " ".join(places(folder))
    assert "passage row 1 " in found
    assert "vector row 2" in found
