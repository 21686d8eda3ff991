"""The catalog on SQLite, through SQLAlchemy Core so that another database can hold the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from index.catalog import Change, Excerpt
from index.coverage import Unread
from index.embedding import EmbeddingSpace, Vectors
from index.jobs import FileRecord
from index.sources import members_range
from index.sql import records
from index.sql.by_document import no_document, rows_of, stored_row
from index.sql.changes import active_id, is_stored, last_sequence, log, put_document, remove_document
from index.sql.database import Database, raw_of, rows_among, store_value, stored_value
from index.sql.excerpts import excerpts_at, text_between
from index.sql.jobs import SqlJobs, keep_record
from index.sql.layouts import layouts_of
from index.sql.originals import has_original, keep_original, original_of
from index.sql.outlines import blocks_of, outline_of
from index.sql.probes import probes_of
from index.sql.records import Row
from index.sql.schema import changes, cuts, documents, is_whole, passages, vectors
from index.sql.spaces import SqlSpaces
from index.sql.unread import unread, unread_of
from index.types import Block, Document, DocumentInfo, Located, Page, PageLayout, Passage, Span

_SCAN = 10_000


class SqlCatalog:
    """Implements `Catalog` on SQLite through SQLAlchemy Core."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self._database = Database(path, writable=writable)
        self._spaces = SqlSpaces(self._database)
        self._jobs = SqlJobs(self._database)

    @property
    def spaces(self) -> SqlSpaces:
        """The embedding spaces."""
        return self._spaces

    @property
    def jobs(self) -> SqlJobs:
        """The jobs, in the same file."""
        return self._jobs

    def close(self) -> None:
        """Let go of files and connections."""
        self._database.close()

    def forget_connections(self) -> None:
        """Open anew with the next call."""
        self._database.forget()

    def wipe(self) -> None:
        """Leave nothing of what was removed in any file of the catalog."""
        self._database.wipe()

    def put(
        self,
        document: Document,
        found: Sequence[Passage],
        embedded: Vectors,
        space: str,
        record: FileRecord | None = None,
    ) -> Change:
        """Store a document in place of the one of the same origin."""
        with self._database.write() as connection:
            change = put_document(connection, document, found, embedded, space)
            if record is not None:
                keep_record(connection, record)
        return change

    def delete(self, document_id: str, record: FileRecord | None = None) -> Change:
        """Remove a document with everything that came from it."""
        with self._database.write() as connection:
            if not is_stored(connection, document_id):
                raise no_document(document_id)
            removed = remove_document(connection, document_id)
            sequence = log(connection, "delete", document_id)
            if record is not None:
                keep_record(connection, record)
        return Change(sequence, (document_id,), tuple(removed), ())

    def document(self, document_id: str) -> DocumentInfo:
        """Return a document without its text."""
        return records.document_info(self._row(document_id))

    def find(self, origin: str) -> DocumentInfo | None:
        """Return the document that came from an origin."""
        found = self._rows(documents.c.origin == origin)
        return records.document_info(found[0]) if found else None

    def documents(self) -> list[DocumentInfo]:
        """Return all documents, by source and then id."""
        return records.whole_infos(self._rows(sa.true()))

    def within(self, origin: str) -> list[DocumentInfo]:
        """Return the documents that came in the file of an origin."""
        # A range, which the index on origins answers.
        first, after = members_range(origin)
        within = sa.and_(documents.c.origin >= first, documents.c.origin < after)
        return records.whole_infos(self._rows(within))

    def _rows(self, condition: sa.ColumnElement[bool]) -> list[Row]:
        cut = cuts.c.space == active_id()
        statement = (
            sa.select(documents, cuts.c.passages.label("cut"), has_original().label("has_original"))
            .select_from(documents)
            .outerjoin(cuts, (cuts.c.document_id == documents.c.id) & cut)
            .where(condition)
            .order_by(documents.c.source, documents.c.id)
        )
        with self._database.read() as connection:
            return list(connection.execute(statement).mappings())

    def _row(self, document_id: str) -> Row:
        found = self._rows(documents.c.id == document_id)
        if not found:
            raise no_document(document_id)
        return found[0]

    def whole(self, document_id: str) -> Document:
        """Return a document with its text."""
        row = self._row(document_id)
        text = self.text(document_id)
        with self._database.read() as connection:
            outline, layouts = outline_of(connection, document_id), layouts_of(connection, document_id)
        return records.document(row, text, outline, layouts)

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document."""
        with self._database.read() as connection:
            characters = records.whole_document(stored_row(connection, document_id))["characters"]
            end = characters if end is None else min(end, characters)
            return text_between(connection, document_id, max(start, 0), end)

    def excerpts(self, places: Iterable[tuple[str, Span]]) -> dict[tuple[str, Span], Excerpt]:
        """Return what stands at spans of documents, all of one moment."""
        with self._database.read() as connection:
            return excerpts_at(connection, places)

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """Return a document's pages in order."""
        return records.pages(records.whole_document(self._row(document_id)))

    def blocks(self, document_id: str, span: Span | None = None) -> tuple[Block, ...]:
        """Return a document's blocks in order, all or those that overlap a span."""
        with self._database.read() as connection:
            stored_row(connection, document_id)
            return blocks_of(connection, document_id, span)

    def layouts(self, document_id: str, pages: Sequence[int] | None = None) -> list[PageLayout]:
        """Return where the words of a document's pages stand, by page."""
        with self._database.read() as connection:
            return layouts_of(connection, document_id, pages)

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes of a document's file."""
        with self._database.read() as connection:
            return original_of(connection, stored_row(connection, document_id))

    def keep_original(self, document_id: str, data: bytes) -> None:
        """Keep the bytes of a document's file."""
        with self._database.write() as connection:
            keep_original(connection, document_id, data)

    def unread(self, document_ids: Sequence[str] = ()) -> Unread:
        """Return how many pages of the collection, or of some documents, could not be read."""
        with self._database.read() as connection:
            return unread_of(connection, document_ids) if document_ids else unread(connection)

    def metadata(self, document_id: str) -> dict[str, str]:
        """Return what a document's own file tells of it."""
        return records.metadata(records.whole_document(self._row(document_id)))

    def language(self, document_id: str) -> str:
        """Return the language a document was found to be in."""
        return str(records.whole_document(self._row(document_id))["language"])

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the passages of the rows that are stored and whole, with their documents' names."""
        found: dict[int, Passage] = {}
        names: dict[str, Row] = {}
        with self._database.read() as connection:
            for row in rows_among(connection, passages, passages.c.row, rows):
                if (passage := records.passage(row)) is not None:
                    found[row["row"]] = passage
            ids = list({passage.document_id for passage in found.values()})
            for row in rows_among(connection, documents, documents.c.id, ids):
                if is_whole(documents, row):
                    names[row["id"]] = row
        return {
            row: Located(passage, of["source"], of["title"])
            for row, passage in found.items()
            if (of := names.get(passage.document_id)) is not None
        }

    def passages_of(self, document_id: str, space: str | None = None) -> list[tuple[int, Passage]]:
        """Return a document's rows and passages by ordinal."""
        statement = (
            sa.select(passages)
            .where(passages.c.document_id == document_id)
            .where(passages.c.space == (active_id() if space is None else space))
            .order_by(passages.c.ordinal)
        )
        with self._database.read() as connection:
            return [
                (row["row"], passage)
                for row in connection.execute(statement).mappings()
                if (passage := records.passage(row)) is not None
            ]

    def rows_of(self, document_ids: Sequence[str], space: str | None = None) -> list[int]:
        """Return the rows of the passages of some documents, in order."""
        with self._database.read() as connection:
            return rows_of(connection, document_ids, space)

    def passage_count(self, space: str) -> int:
        """Return how many passages a space has."""
        statement = sa.select(sa.func.count()).where(passages.c.space == space)
        with self._database.read() as connection:
            return connection.scalar(statement) or 0

    def rows(self, space: str) -> list[int]:
        """Return the rows of a space that have a vector, in order."""
        # By the index on space and key, which is a tenth of the table.
        statement = sa.select(vectors.c.row).where(vectors.c.space == space)
        with self._database.read() as connection:
            return sorted(connection.scalars(statement))

    def scan_vectors(self, space: EmbeddingSpace, after: int = -1) -> Iterator[tuple[list[int], Vectors]]:
        """Yield rows and vectors of a space in batches, by row."""
        statement = (
            'SELECT "row", space, "key", vector, crc FROM vectors'
            # The plus keeps SQLite from the index on spaces, whose rows it would have to sort each time.
            ' WHERE +space = ? AND "row" > ? ORDER BY "row" LIMIT ?'
        )
        while True:
            with self._database.read() as connection:
                # Past SQLAlchemy's row objects, which cost more than all else here.
                batch = raw_of(connection).execute(statement, (space.id, after, _SCAN)).fetchall()
            if not batch:
                return
            after = batch[-1][0]
            rows, found = records.vector_batch(batch, space.dimension)
            if rows:
                yield rows, found

    def known_vectors(self, space: str, keys: Iterable[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors already made for texts with these keys."""
        wanted = list(dict.fromkeys(keys))
        known: dict[bytes, Vectors] = {}
        of_space = vectors.c.space == space
        with self._database.read() as connection:
            for row in rows_among(connection, vectors, vectors.c.key, wanted, of_space):
                if (vector := records.vector(row)) is not None:
                    known[row["key"]] = vector
        return known

    def probes(self, space: str) -> tuple[list[str], Vectors]:
        """Return a few short texts as they were embedded in a space, and their vectors."""
        with self._database.read() as connection:
            return probes_of(connection, space)

    def sequence(self) -> int:
        """Return the number of the last change."""
        with self._database.read() as connection:
            return last_sequence(connection)

    def changes_since(self, sequence: int) -> list[tuple[int, str]]:
        """Return the number and document of each change after the given one."""
        statement = (
            sa.select(changes.c.sequence, changes.c.document_id)
            .where(changes.c.sequence > sequence)
            .order_by(changes.c.sequence)
        )
        with self._database.read() as connection:
            return [(row.sequence, row.document_id) for row in connection.execute(statement)]

    def value(self, key: str) -> str | None:
        """Return something kept under a name."""
        with self._database.read() as connection:
            return stored_value(connection, key)

    def keep_value(self, key: str, value: str | None) -> None:
        """Keep something under a name, or no longer."""
        with self._database.write() as connection:
            store_value(connection, key, value)
