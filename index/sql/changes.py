"""What a change does to the rows of the catalog: within a transaction, which others begin and commit."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from index.catalog import Change, embedding_key
from index.chunking import indexed_text
from index.embedding import Vectors
from index.sql import records
from index.sql.database import insert, store_value, stored_value
from index.sql.layouts import layout_records
from index.sql.originals import keep_original
from index.sql.schema import (
    changes,
    cuts,
    documents,
    is_whole,
    layouts,
    originals,
    outlines,
    passages,
    quarantine,
    segments,
    spaces,
    vectors,
)
from index.sql.unread import note_unread, of_row
from index.types import Document, Passage

NEXT_ROW = "next_row"


def active_id() -> sa.ScalarSelect[str]:
    """Return the id of the space that serves, for use within a statement."""
    return sa.select(spaces.c.id).where(spaces.c.active == 1).scalar_subquery()


def is_stored(connection: sa.Connection, document_id: str) -> bool:
    """Tell whether there is a document of this id."""
    return connection.scalar(sa.select(documents.c.id).where(documents.c.id == document_id)) is not None


def put_document(
    connection: sa.Connection, document: Document, found: Sequence[Passage], embedded: Vectors, space: str
) -> Change:
    """Insert a document with its passages and vectors in place of that of its origin: `Catalog.put`."""
    old = connection.scalar(sa.select(documents.c.id).where(documents.c.origin == document.origin))
    if document.original is not None:
        # Of one that is stored already and has none.
        keep_original(connection, document.id, document.original)
    if old == document.id:
        is_cut = (cuts.c.document_id == old) & (cuts.c.space == space)
        if connection.scalar(sa.select(cuts.c.passages).where(is_cut)) is not None:
            return Change(last_sequence(connection), (), (), ())
        # Stored, and due in this space: its passages were damaged and taken out.
        rows = add_cut(connection, document.id, found, embedded, space)
        return Change(log(connection, "put", document.id), (), (), tuple(rows))
    removed: list[int] = []
    if old is not None:
        removed = remove_document(connection, old)
        # A change of its own, for indexes that follow the log and have the old version.
        log(connection, "delete", old)
    gone = (old,) if old is not None else ()
    if is_stored(connection, document.id):
        # From elsewhere.
        return Change(last_sequence(connection), gone, tuple(removed), ())
    row = records.document_record(document)
    insert(connection, documents, [row])
    insert(connection, outlines, [records.outline_record(document)])
    insert(connection, layouts, list(layout_records(document)))
    insert(connection, segments, list(records.segment_records(document)))
    if document.original is not None:
        keep_original(connection, document.id, document.original)
    note_unread(connection, of_row(row))
    rows = add_cut(connection, document.id, found, embedded, space)
    return Change(log(connection, "put", document.id), gone, tuple(removed), tuple(rows))


def remove_document(connection: sa.Connection, document_id: str) -> list[int]:
    """Delete a document with everything that came from it, and return its rows."""
    rows = remove_cut(connection, document_id)
    for table in (segments, originals, layouts, outlines):
        connection.execute(sa.delete(table).where(table.c.document_id == document_id))
    is_it = documents.c.id == document_id
    stored = connection.execute(sa.select(documents).where(is_it)).mappings().one()
    connection.execute(sa.delete(documents).where(is_it))
    note_unread(connection, -of_row(stored) if is_whole(documents, stored) else None)
    # What a repair set aside of it is its text as well.
    of_document = quarantine.c.place.contains(document_id) | quarantine.c.record.contains(document_id)
    connection.execute(sa.delete(quarantine).where(of_document))
    return rows


def add_cut(
    connection: sa.Connection, document_id: str, found: Sequence[Passage], embedded: Vectors, space: str
) -> list[int]:
    """Insert a document's passages and vectors of a space, and return their rows."""
    rows = _take_rows(connection, len(found))
    insert(
        connection,
        passages,
        [records.passage_record(row, space, passage) for row, passage in zip(rows, found, strict=True)],
    )
    insert(
        connection,
        vectors,
        [
            records.vector_record(row, space, embedding_key(indexed_text(passage)), vector)
            for row, passage, vector in zip(rows, found, embedded, strict=True)
        ],
    )
    insert(connection, cuts, [{"document_id": document_id, "space": space, "passages": len(found)}])
    return rows


def remove_cut(connection: sa.Connection, document_id: str, space: str | None = None) -> list[int]:
    """Delete a document's passages and vectors of a space, or of all; return their rows."""
    of_passages = passages.c.document_id == document_id
    of_cuts = cuts.c.document_id == document_id
    if space is not None:
        of_passages &= passages.c.space == space
        of_cuts &= cuts.c.space == space
    rows = sa.select(passages.c.row).where(of_passages)
    removed = list(connection.scalars(rows))
    connection.execute(sa.delete(vectors).where(vectors.c.row.in_(rows)))
    connection.execute(sa.delete(passages).where(of_passages))
    connection.execute(sa.delete(cuts).where(of_cuts))
    return removed


def last_sequence(connection: sa.Connection) -> int:
    """Return the number of the last change."""
    return int(connection.scalar(sa.select(sa.func.max(changes.c.sequence))) or 0)


def log(connection: sa.Connection, operation: str, subject: str) -> int:
    """Note a change, of a document or of the active space, and return its number."""
    sequence = last_sequence(connection) + 1
    insert(connection, changes, [{"sequence": sequence, "operation": operation, "document_id": subject}])
    return sequence


def _take_rows(connection: sa.Connection, count: int) -> list[int]:
    first = int(stored_value(connection, NEXT_ROW) or 0)
    store_value(connection, NEXT_ROW, str(first + count))
    return list(range(first, first + count))
