"""The doctor: it finds what is not as it was written, names the place, and never gives up."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from damaging import changed, rows
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.doctor import Finding, examine
from index.sql.schema import CRC, metadata, sealed
from index.store import CATALOG_FILE, Store
from index.vector_files import save
from index.vectors import FlatVectorIndex
from index.word_upkeep import LEXICAL_FOLDER

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


def value(folder: Path, query: str) -> str:
    (found,) = rows(folder, query)[0]
    return str(found)


def reports(folder: Path) -> str:
    """Return how the doctor names the document of the reports."""
    document_id = value(folder, "SELECT id FROM documents WHERE source = 'reports.txt'")
    return f"document {document_id} (reports.txt)"


def second(folder: Path, table: str = "passages") -> str:
    """Return how the doctor names the second row of the reports in a table."""
    return f"row {second_row(folder)} of {table} of {reports(folder)}"


def seal(folder: Path, table: str, where: str = "1") -> None:
    """Give rows the checksum of what they are now: what a faulty program would do, not a faulty disk."""
    raw = sqlite3.connect(folder / CATALOG_FILE)
    raw.row_factory = sqlite3.Row
    for row in raw.execute(f"SELECT rowid AS number, * FROM {table} WHERE {where}").fetchall():
        crc = sealed(metadata.tables[table], dict(row))[CRC]
        raw.execute(f"UPDATE {table} SET crc = ? WHERE rowid = ?", (crc, row["number"]))
    raw.commit()
    raw.close()


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
    assert examine(folder) == [Finding("letters", second(folder), "the row is not the one that was stored")]


@pytest.mark.parametrize(
    "change", ["start = start + 1", '"end" = "end" - 1', "heading = 'Dams'", "page = 3", "sentences = '[]'"]
)
def test_a_change_in_what_is_known_of_a_passage_is_found_at_its_row(folder: Path, change: str) -> None:
    row = second_row(folder)
    changed(folder, f"UPDATE passages SET {change} WHERE row = {row}")
    assert places(folder) == [second(folder)]


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
    assert places(folder) == [f"the text from character 0 of {reports(folder)}"]


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
        Finding("letters", second(folder, "vectors"), "the row is not the one that was stored")
    ]


def test_a_passage_that_is_gone_is_missed_at_its_document(folder: Path) -> None:
    row = second_row(folder)
    changed(folder, f"DELETE FROM vectors WHERE row = {row}", f"DELETE FROM passages WHERE row = {row}")
    messages = [finding.message for finding in examine(folder) if "the cut of " in finding.place]
    count = int(value(folder, "SELECT max(passages) FROM cuts"))
    assert messages == [f"there are {count - 1} passages, and should be {count}"]


def test_a_vector_that_is_gone_is_missed_at_its_passage(folder: Path) -> None:
    row = second_row(folder)
    changed(folder, f"DELETE FROM vectors WHERE row = {row}")
    assert examine(folder) == [Finding("letters", second(folder), "it has no vector")]


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
    count = value(folder, "SELECT count(*) FROM passages")
    assert [finding.message for finding in examine(folder)] == [
        "the row is not the one that was stored",
        "it has no vector",
        f"it has 0 passages of {count}; the next start rebuilds it",
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
    seal(folder, "meta")
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
    assert "row 1 of passages " in found
    assert "row 2 of vectors" in found


@pytest.mark.parametrize(
    ("table", "change", "place"),
    [
        ("meta", "value = value || '0' WHERE key = 'next_row'", "row 'next_row' of meta"),
        ("meta", "crc = crc + 1 WHERE key = 'schema_version'", "row 'schema_version' of meta"),
        ("changes", "operation = 'dele' WHERE sequence = 2", "change 2"),
        ("spaces", "activated = 7", "row '{}' of spaces".format(EMBEDDER.identity.space("test").id)),
        ("documents", "title = 'x' WHERE source = 'reports.txt'", "{reports}"),
        ("outlines", "blocks = '[]' WHERE rowid = 1", "the outline of {reports}"),
        ("cuts", "passages = passages + 1 WHERE rowid = 1", "the cut of {reports} in space "),
    ],
)
def test_a_change_in_any_table_is_found_at_its_row(folder: Path, table: str, change: str, place: str) -> None:
    changed(folder, f"UPDATE {table} SET {change}")
    first, *_ = examine(folder)
    assert first.place.startswith(place.format(reports=reports(folder)))
    assert first.message == "the row is not the one that was stored"


@pytest.mark.parametrize(
    ("statement", "place", "message"),
    [
        ("DELETE FROM changes WHERE sequence = 1", "change 1", "it is missing"),
        ("UPDATE sqlite_sequence SET seq = seq + 1", "table sqlite_sequence", "its numbers are not those"),
        ("UPDATE sqlite_sequence SET name = 'chances'", "table sqlite_sequence", "its numbers are not those"),
        ("DELETE FROM meta WHERE key = 'next_row'", "row 'next_row' of meta", "it is missing"),
        ("DELETE FROM meta WHERE key = 'lexical_key'", "row 'lexical_key' of meta", "it is missing"),
        ("DELETE FROM cuts", "", "it is not said how many"),
        ("DELETE FROM spaces", "space ", "passages or vectors are of it"),
        ("DELETE FROM documents", "document ", "rows of it are left over"),
        ("PRAGMA user_version = 1", "catalog", "its header says user_version 1 instead of 0"),
        ("DROP INDEX vectors_by_key", "catalog", "the definition of vectors_by_key is missing"),
        ("CREATE TABLE more (x)", "catalog", "the definition of more is not the one"),
    ],
)
def test_what_is_missing_or_more_is_found(folder: Path, statement: str, place: str, message: str) -> None:
    raw = sqlite3.connect(folder / CATALOG_FILE)
    raw.execute(statement)
    raw.commit()
    raw.close()
    assert any(
        finding.place.startswith(place) and message in finding.message for finding in examine(folder)
    ), examine(folder)


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("vectors", "vector = zeroblob(length(vector))", "its vector is none that can be"),
        ("vectors", "vector = zeroblob(8)", "its vector is none that can be"),
        ("passages", "ordinal = ordinal + 7", "the passages are not numbered one after another"),
        ("documents", "sha256 = title", "the text is not the one that was stored"),
        ("segments", "start = start + 1", "a part of the text is not where it was stored"),
        ("spaces", "active = 0", "no embedding space is marked as the one in use"),
        ("spaces", "activated = 99", "it says that change 99 made it serve, and there is none"),
        ("meta", "value = '1'", "it says 1, and there is row "),
    ],
)
def test_what_a_faulty_program_would_seal_is_found_too(
    folder: Path, table: str, change: str, message: str
) -> None:
    where = "key = 'next_row'" if table == "meta" else "1"
    changed(folder, f"UPDATE {table} SET {change} WHERE {where}")
    seal(folder, table)
    assert any(message in finding.message for finding in examine(folder)), examine(folder)


def test_a_document_that_is_due_where_it_is_asked_for_is_found(folder: Path) -> None:
    changed(folder, "DELETE FROM vectors", "DELETE FROM passages", "DELETE FROM cuts")
    due = [finding for finding in examine(folder) if "quotebound doctor --repair" in finding.message]
    assert len(due) == 2
    assert reports(folder) in {finding.place for finding in due}


def test_a_change_in_a_stored_definition_is_found(folder: Path) -> None:
    raw = sqlite3.connect(folder / CATALOG_FILE)
    raw.execute("PRAGMA writable_schema = ON")
    raw.execute("UPDATE sqlite_master SET sql = replace(sql, 'title TEXT', 'Title TEXT')")
    raw.commit()
    raw.close()
    assert Finding(
        "letters", "catalog", "the definition of documents is not the one that was stored"
    ) in examine(folder)


def test_a_header_that_forbids_to_write_is_found(folder: Path) -> None:
    path = folder / CATALOG_FILE
    data = bytearray(path.read_bytes())
    data[18] = 9
    path.write_bytes(data)
    assert examine(folder) == [Finding("letters", "catalog", "its header says that it may not be written to")]


def test_a_damaged_file_of_words_is_found_by_its_name(folder: Path) -> None:
    file = next((folder / LEXICAL_FOLDER).rglob("*.idx"))
    data = bytearray(file.read_bytes())
    data[10] ^= 1
    file.write_bytes(data)
    (finding,) = examine(folder)
    assert (finding.place, file.name in finding.message) == ("lexical index", True)


def test_words_of_other_rows_than_the_catalog_has_are_found(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    other = Store(folder / "elsewhere", EMBEDDER.identity.space("test"), writable=True)
    key = str(value(folder, "SELECT value FROM meta WHERE key = 'lexical_key'"))
    other.catalog.keep_value("lexical_key", key)
    other.close()
    other = Store(folder / "elsewhere", EMBEDDER.identity.space("test"), writable=True)
    made, passages = chunked("Nothing is to be said of a dam here.\n" * 9, "other.txt")
    other.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    other.delete(made.id)
    # The same text at rows of its own: as many passages, and none of those that the catalog has.
    for source, text in (("reports.txt", TEXT), ("dam.txt", "A dam was built in 1947.")):
        made, passages = chunked(text, source)
        other.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    other.close()
    shutil.rmtree(folder / LEXICAL_FOLDER)
    (folder / "elsewhere" / LEXICAL_FOLDER).rename(folder / LEXICAL_FOLDER)
    (finding,) = examine(folder)
    assert finding.message == "it has other passages than the catalog; the next start rebuilds it"


def test_a_file_of_vectors_that_was_altered_or_is_gone_is_found(folder: Path) -> None:
    store = Store(folder, EMBEDDER.identity.space("test"), writable=True)
    snapshot = store.snapshot()
    assert isinstance(snapshot.vectors, FlatVectorIndex)
    saved = save(folder, snapshot.vectors, store.space, snapshot.generation)
    store.catalog.keep_value("vector_file", saved.to_json())
    store.close()
    assert examine(folder) == []
    file = folder / saved.name
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert places(folder) == [f"file of vectors {saved.name}"]
    file.unlink()
    assert places(folder) == [f"file of vectors {saved.name}"]
