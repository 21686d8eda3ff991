"""The catalog on SQLite, through SQLAlchemy Core so that another database can hold the same tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from index import records, schema
from index.catalog import Change, embedding_key
from index.chunking import indexed_text
from index.embedding import EmbeddingSpace, Vectors
from index.errors import DocumentNotFound, ReadOnlyStore
from index.schema import changes, documents, meta, passages, segments, spaces, storage_errors, vectors
from index.types import Document, DocumentInfo, Located, Page, Passage

# SQLite allows 32,766 bound values in a statement; other databases fewer.
_BATCH = 500
_SCAN = 10_000
_NEXT_ROW = "next_row"


class SqlCatalog:
    """Implements `Catalog` on SQLite through SQLAlchemy Core.

    Writing goes through one engine and reading through another, so that no reader can write.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self._reader = schema.sqlite_engine(path, writable=False)
        self._writer = schema.sqlite_engine(path, writable=True) if writable else None
        with storage_errors():
            if self._writer is not None:
                with self._writer.begin() as connection:
                    schema.migrate(connection)
            else:
                with self._reader.connect() as connection:
                    schema.require_newest(connection)

    def close(self) -> None:
        """Let go of files and connections."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()

    def put(self, document: Document, found: Sequence[Passage], embedded: Vectors, space: str) -> Change:
        """Store a document in place of the one of the same origin."""
        keys = [embedding_key(indexed_text(passage)) for passage in found]
        with self._write() as connection:
            old = connection.scalar(sa.select(documents.c.id).where(documents.c.origin == document.origin))
            if old == document.id:
                return Change(_last_sequence(connection), (), (), ())
            removed = _remove(connection, old) if old is not None else []
            gone = (old,) if old is not None else ()
            if connection.scalar(sa.select(documents.c.id).where(documents.c.id == document.id)):
                # Stored already, from elsewhere.
                sequence = _log(connection, "delete", old) if old else _last_sequence(connection)
                return Change(sequence, gone, tuple(removed), ())
            connection.execute(sa.insert(documents), records.document_record(document, len(found)))
            connection.execute(sa.insert(segments), list(records.segment_records(document)))
            rows = _take_rows(connection, len(found))
            if found:
                connection.execute(
                    sa.insert(passages),
                    [records.passage_record(row, passage) for row, passage in zip(rows, found, strict=True)],
                )
                connection.execute(
                    sa.insert(vectors),
                    [
                        records.vector_record(row, space, key, vector)
                        for row, key, vector in zip(rows, keys, embedded, strict=True)
                    ],
                )
            sequence = _log(connection, "put", document.id)
        return Change(sequence, gone, tuple(removed), tuple(rows))

    def delete(self, document_id: str) -> Change:
        """Remove a document with everything that came from it."""
        with self._write() as connection:
            if not connection.scalar(sa.select(documents.c.id).where(documents.c.id == document_id)):
                raise _no_document(document_id)
            removed = _remove(connection, document_id)
            sequence = _log(connection, "delete", document_id)
        return Change(sequence, (document_id,), tuple(removed), ())

    def document(self, document_id: str) -> DocumentInfo:
        """Return a document without its text."""
        found = self._infos(documents.c.id == document_id)
        if not found:
            raise _no_document(document_id)
        return found[0]

    def find(self, origin: str) -> DocumentInfo | None:
        """Return the document that came from an origin."""
        found = self._infos(documents.c.origin == origin)
        return found[0] if found else None

    def documents(self) -> list[DocumentInfo]:
        """Return all documents, by source and then id."""
        return self._infos(sa.true())

    def _infos(self, condition: sa.ColumnElement[bool]) -> list[DocumentInfo]:
        statement = sa.select(documents).where(condition).order_by(documents.c.source, documents.c.id)
        with self._read() as connection:
            return [records.document_info(row) for row in connection.execute(statement)]

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document."""
        with self._read() as connection:
            characters = connection.scalar(
                sa.select(documents.c.characters).where(documents.c.id == document_id)
            )
            if characters is None:
                raise _no_document(document_id)
            start, end = max(start, 0), characters if end is None else min(end, characters)
            if start >= end:
                return ""
            first = start // records.SEGMENT_CHARACTERS * records.SEGMENT_CHARACTERS
            pieces = connection.execute(
                sa.select(segments)
                .where(segments.c.document_id == document_id)
                .where(segments.c.start >= first, segments.c.start < end)
                .order_by(segments.c.start)
            ).all()
        return "".join(records.segment_text(piece) for piece in pieces)[start - first : end - first]

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """Return a document's pages in order."""
        return records.pages(document_id, self._value(document_id, documents.c.pages))

    def language(self, document_id: str) -> str:
        """Return the language a document was found to be in."""
        return self._value(document_id, documents.c.language)

    def _value(self, document_id: str, column: sa.Column[str]) -> str:
        with self._read() as connection:
            value = connection.scalar(sa.select(column).where(documents.c.id == document_id))
        if value is None:
            raise _no_document(document_id)
        return value

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the passages of the rows that are stored and whole, with their documents' names."""
        found: dict[int, Located] = {}
        statement = sa.select(passages, documents.c.source, documents.c.title).join(documents)
        with self._read() as connection:
            for first in range(0, len(rows), _BATCH):
                batch = list(rows[first : first + _BATCH])
                for row in connection.execute(statement.where(passages.c.row.in_(batch))):
                    if (passage := records.passage(row)) is not None:
                        found[row.row] = Located(passage, row.source, row.title)
        return found

    def passages_of(self, document_id: str) -> list[tuple[int, Passage]]:
        """Return a document's rows and passages by ordinal."""
        statement = (
            sa.select(passages).where(passages.c.document_id == document_id).order_by(passages.c.ordinal)
        )
        with self._read() as connection:
            return [
                (row.row, passage)
                for row in connection.execute(statement)
                if (passage := records.passage(row)) is not None
            ]

    def scan_vectors(self, space: str) -> Iterator[tuple[list[int], Vectors]]:
        """Yield rows and vectors of a space in batches, by row."""
        last = -1
        while True:
            with self._read() as connection:
                batch = connection.execute(
                    sa.select(vectors)
                    .where(vectors.c.space == space, vectors.c.row > last)
                    .order_by(vectors.c.row)
                    .limit(_SCAN)
                ).all()
            if not batch:
                return
            last = batch[-1].row
            whole = {row.row: vector for row in batch if (vector := records.vector(row)) is not None}
            if whole:
                yield list(whole), np.stack(list(whole.values()))

    def known_vectors(self, space: str, keys: Iterable[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors already made for texts with these keys."""
        wanted = list(dict.fromkeys(keys))
        known: dict[bytes, Vectors] = {}
        with self._read() as connection:
            for first in range(0, len(wanted), _BATCH):
                batch = wanted[first : first + _BATCH]
                statement = sa.select(vectors).where(vectors.c.space == space, vectors.c.key.in_(batch))
                for row in connection.execute(statement):
                    if (vector := records.vector(row)) is not None:
                        known[row.key] = vector
        return known

    def sequence(self) -> int:
        """Return the number of the last change."""
        with self._read() as connection:
            return _last_sequence(connection)

    def changes_since(self, sequence: int) -> list[tuple[int, str]]:
        """Return the number and document of each change after the given one."""
        statement = (
            sa.select(changes.c.sequence, changes.c.document_id)
            .where(changes.c.sequence > sequence)
            .order_by(changes.c.sequence)
        )
        with self._read() as connection:
            return [(row.sequence, row.document_id) for row in connection.execute(statement)]

    def active_space(self) -> EmbeddingSpace | None:
        """Return the space that the stored vectors belong to."""
        with self._read() as connection:
            description = connection.scalar(sa.select(spaces.c.description).where(spaces.c.active))
        return EmbeddingSpace(**json.loads(description)) if description is not None else None

    def activate_space(self, space: EmbeddingSpace) -> None:
        """Make this the space of the collection."""
        description = json.dumps(asdict(space), sort_keys=True)
        with self._write() as connection:
            connection.execute(sa.update(spaces).values(active=False))
            known = connection.scalar(sa.select(spaces.c.id).where(spaces.c.id == space.id))
            if known is None:
                connection.execute(
                    sa.insert(spaces).values(id=space.id, description=description, active=True)
                )
            else:
                connection.execute(sa.update(spaces).where(spaces.c.id == space.id).values(active=True))

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with storage_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        if self._writer is None:
            raise ReadOnlyStore("this process reads the home only; another one may be writing to it")
        with storage_errors(), self._writer.begin() as connection:
            yield connection


def _no_document(document_id: str) -> DocumentNotFound:
    return DocumentNotFound(f"there is no document {document_id!r}; `GET /documents` lists those there are")


def _remove(connection: sa.Connection, document_id: str) -> list[int]:
    rows = list(connection.scalars(sa.select(passages.c.row).where(passages.c.document_id == document_id)))
    of_document = sa.select(passages.c.row).where(passages.c.document_id == document_id)
    connection.execute(sa.delete(vectors).where(vectors.c.row.in_(of_document)))
    connection.execute(sa.delete(passages).where(passages.c.document_id == document_id))
    connection.execute(sa.delete(segments).where(segments.c.document_id == document_id))
    connection.execute(sa.delete(documents).where(documents.c.id == document_id))
    return rows


def _take_rows(connection: sa.Connection, count: int) -> list[int]:
    value = connection.scalar(sa.select(meta.c.value).where(meta.c.key == _NEXT_ROW))
    first = int(value) if value is not None else 0
    connection.execute(sa.delete(meta).where(meta.c.key == _NEXT_ROW))
    connection.execute(sa.insert(meta).values(key=_NEXT_ROW, value=str(first + count)))
    return list(range(first, first + count))


def _last_sequence(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.max(changes.c.sequence))) or 0)


def _log(connection: sa.Connection, operation: str, document_id: str) -> int:
    result = connection.execute(
        sa.insert(changes).values(operation=operation, document_id=document_id).returning(changes.c.sequence)
    )
    sequence: int = result.scalar_one()
    return sequence
