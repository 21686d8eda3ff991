"""What is looked up by the ids of documents, which have to be stored."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from index.errors import DocumentNotFound
from index.sql.changes import active_id
from index.sql.database import raw_of
from index.sql.records import Row
from index.sql.schema import documents

_STORED = "SELECT id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
# Answered by the index on documents and spaces alone: no text is read.
_ROWS = 'SELECT "row" FROM passages WHERE space = ? AND document_id IN (SELECT value FROM json_each(?))'


def stored_row(connection: sa.Connection, document_id: str) -> Row:
    """Return the row of a document, whole or not; raise `DocumentNotFound`."""
    row = connection.execute(sa.select(documents).where(documents.c.id == document_id)).mappings().first()
    if row is None:
        raise no_document(document_id)
    return row


def rows_of(connection: sa.Connection, document_ids: Sequence[str], space: str | None) -> list[int]:
    """Return the rows of the passages of some documents in a space, in order; raise `DocumentNotFound`."""
    chosen = list(dict.fromkeys(document_ids))
    # As one value: a command line may hold what is no text, which could not be asked for by itself.
    told = json.dumps(chosen)
    stored = set(connection.exec_driver_sql(_STORED, (told,)).scalars())
    for document_id in chosen:
        if document_id not in stored:
            raise no_document(document_id)
    within = connection.scalar(sa.select(active_id())) if space is None else space
    # Past SQLAlchemy's row objects, which take four times as long as all else here.
    found = raw_of(connection).execute(_ROWS, (within, told)).fetchall()
    return sorted(row for (row,) in found)


def no_document(document_id: str) -> DocumentNotFound:
    """Return the error for an id that no stored document has."""
    return DocumentNotFound(f"there is no document {document_id!r}; `GET /documents` lists those there are")
