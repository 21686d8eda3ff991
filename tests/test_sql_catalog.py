"""The catalog on SQLite: its contract, its settings, and what goes wrong."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import CatalogContract

from index.catalog import Catalog
from index.coverage import Unread
from index.doctor.quarantine import set_aside
from index.errors import DamagedStore, ReadOnlyStore, StorageError, StorageFull, StorageUnavailable
from index.sql import schema
from index.sql.catalog import SqlCatalog
from index.sql.database import storage_errors, write_ahead_log_is_safe
from index.sql.schema import sealed
from index.types import Page, PageLayout, Word


class TestSqlCatalog(CatalogContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "catalog.db"

    def catalog(self) -> Catalog:
        self.open = SqlCatalog(self.path, writable=True)
        return self.open

    def reopened(self) -> Catalog:
        self.open.close()
        return self.catalog()

    def filled(self) -> Catalog:
        catalog = self.catalog()
        catalog.spaces.activate(self.space)
        self.put(catalog, self.text)
        return catalog

    def test_a_reader_cannot_write(self) -> None:
        self.filled()
        reader = SqlCatalog(self.path, writable=False)
        with pytest.raises(ReadOnlyStore):
            reader.delete(reader.documents()[0].id)
        with pytest.raises(StorageUnavailable), reader._database.read() as connection:
            connection.exec_driver_sql("DELETE FROM changes")

    def test_commits_are_made_durable_as_this_sqlite_allows(self) -> None:
        catalog = self.filled()
        assert isinstance(catalog, SqlCatalog)
        with catalog._database.write() as connection:
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        safe = write_ahead_log_is_safe(sqlite3.sqlite_version_info)
        assert (journal, synchronous) == (("wal", 2) if safe else ("delete", 3))

    def test_bytes_that_are_no_text_damage_their_row_alone(self) -> None:
        catalog = self.filled()
        info = catalog.documents()[0]
        rows = [row for row, _ in catalog.passages_of(info.id)]
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE passages SET text = CAST(x'52ff6f' AS TEXT) WHERE row = ?", (rows[0],))
            raw.execute("UPDATE segments SET text = CAST(x'52ff6f' AS TEXT)")
        assert sorted(catalog.passages(rows)) == rows[1:]
        assert [row for row, _ in catalog.passages_of(info.id)] == rows[1:]
        with pytest.raises(DamagedStore, match="doctor"):
            catalog.text(info.id)

    def test_nothing_of_a_deleted_document_is_left_in_the_file(self) -> None:
        catalog = self.filled()
        layout = PageLayout.of(1, 612, 792, [Word(place, place + 5, 0, 0, 9, 9) for place in range(900)])
        text = "The canary is called Xanthippe. " * 500
        made, _ = self.put(catalog, text, "secret.txt", layouts=(layout,))
        again = self.reopened()  # closing brings a write-ahead log into the file
        left = (b"Xanthippe", layout.packed[:64])
        assert all(piece in self.path.read_bytes() for piece in left)
        again.delete(made.id)
        again.close()
        assert not any(piece in self.path.read_bytes() for piece in left)

    def test_nothing_that_was_set_aside_of_a_deleted_document_is_left(self) -> None:
        catalog = self.filled()
        assert isinstance(catalog, SqlCatalog)
        made, _ = self.put(catalog, "The canary is called Xanthippe.", "secret.txt")
        kept, _ = self.put(catalog, "The cat is called Tom.", "other.txt")
        with catalog._database.write() as connection:
            for document in (made, kept):
                row = {"document_id": document.id, "text": document.text}
                set_aside(connection, f"row 1 of document {document.id}", "damaged", "segments", row)
        catalog.delete(made.id)
        catalog.close()
        assert b"Xanthippe" not in self.path.read_bytes()
        with sqlite3.connect(self.path) as raw:
            (record,) = raw.execute("SELECT record FROM quarantine").fetchone()
        assert "Tom" in record

    def test_an_altered_passage_is_left_out_and_altered_text_is_refused(self) -> None:
        catalog = self.filled()
        info = catalog.documents()[0]
        rows = [row for row, _ in catalog.passages_of(info.id)]
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE passages SET text = 'It says another thing.' WHERE row = ?", (rows[0],))
            raw.execute("UPDATE segments SET text = replace(text, 'one thing', 'no thing')")
        assert sorted(catalog.passages(rows)) == rows[1:]
        with pytest.raises(DamagedStore, match="doctor"):
            catalog.text(info.id)

    @pytest.mark.parametrize(
        "change",
        ["width = width + 1", "height = 'tall'", "words = x'00'", "words = 'abc'", "page = 9", "crc = 0"],
    )
    def test_an_altered_layout_is_left_out_and_the_document_stays(self, change: str) -> None:
        catalog = self.filled()
        made, _ = self.put(catalog, "One.", "paged.txt", pages=self.pages, layouts=self.layouts)
        with sqlite3.connect(self.path) as raw:
            raw.execute(f"UPDATE layouts SET {change} WHERE page = 3")
        assert catalog.layouts(made.id) == [self.layouts[0], self.layouts[2]]
        assert catalog.whole(made.id) == replace(made, layouts=(self.layouts[0], self.layouts[2]))

    def test_pages_of_format_2_are_pages_whose_text_was_read(self) -> None:
        catalog = self.filled()
        made, _ = self.put(catalog, "One.", "paged.txt", pages=self.pages)
        with sqlite3.connect(self.path) as raw:
            raw.row_factory = sqlite3.Row
            row = raw.execute("SELECT * FROM documents WHERE id = ?", (made.id,)).fetchone()
            old = sealed(schema.documents, {**dict(row), "pages": "[[1, 0, 3], [2, 3, 4]]"})
            raw.execute("UPDATE documents SET pages = :pages, crc = :crc WHERE id = :id", old)
        assert catalog.pages(made.id) == (Page(1, 0, 3), Page(2, 3, 4))

    @pytest.mark.parametrize("change", ["value = '7 9'", "value = 'many'", "value = CAST(x'ff' AS TEXT)"])
    def test_unread_pages_are_counted_anew_where_their_sum_is_damaged(self, change: str) -> None:
        catalog = self.filled()
        self.put(catalog, "One.", "a", pages=self.pages)
        with sqlite3.connect(self.path) as raw:
            assert raw.execute(f"UPDATE meta SET {change} WHERE key = 'unread_pages'").rowcount == 1
        assert catalog.unread() == Unread(1, 2)
        # And a change puts it right.
        made, _ = self.put(catalog, "Two.", "b", pages=self.pages[:4])
        assert catalog.unread() == Unread(2, 3)
        catalog.delete(made.id)
        assert catalog.unread() == Unread(1, 2)

    def test_a_damaged_document_can_be_removed_and_its_pages_are_unread_no_more(self) -> None:
        catalog = self.filled()
        made, _ = self.put(catalog, "One.", "a", pages=self.pages)
        self.put(catalog, "Two.", "b", pages=self.pages[:4])
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE documents SET pages = '[' WHERE id = ?", (made.id,))
        catalog.delete(made.id)
        assert catalog.unread() == Unread(1, 1)

    def test_an_altered_vector_is_left_out(self) -> None:
        catalog = self.filled()
        ((rows, _),) = catalog.scan_vectors(self.space)
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE row = ?", (rows[1],))
        ((whole, _),) = catalog.scan_vectors(self.space)
        assert whole == [rows[0], *rows[2:]]

    def test_a_full_disk_keeps_what_was_there_and_nothing_of_what_was_not(self) -> None:
        catalog = self.filled()
        assert isinstance(catalog, SqlCatalog)
        before = [info.id for info in catalog.documents()]
        with catalog._database.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StorageFull, match="disk is full"):
            self.put(catalog, "Much more text follows here. " * 5000, "other.txt")
        assert [info.id for info in self.reopened().documents()] == before

    def test_a_file_that_is_no_database_is_reported(self) -> None:
        self.path.write_bytes(b"this is not a database" * 100)
        with pytest.raises(DamagedStore, match="doctor"):
            self.catalog()

    def test_a_home_of_a_newer_version_is_not_touched(self) -> None:
        self.filled().close()
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
        for writable in (True, False):
            with pytest.raises(StorageError, match="newer Quotebound"):
                SqlCatalog(self.path, writable=writable)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
    ],
)
def test_the_write_ahead_log_is_used_only_without_the_reset_bug(version: tuple[int, ...], safe: bool) -> None:
    assert write_ahead_log_is_safe(version) is safe


def test_what_the_driver_itself_raises_is_told_as_what_comes_through_sqlalchemy(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "small.db")
    raw.execute("CREATE TABLE t (data BLOB)")
    raw.execute("PRAGMA max_page_count = 2")
    with pytest.raises(StorageFull), storage_errors():
        raw.execute("INSERT INTO t VALUES (zeroblob(100000))")
    with pytest.raises(StorageUnavailable), storage_errors():
        raw.execute("SELECT * FROM nothing")
    raw.close()
