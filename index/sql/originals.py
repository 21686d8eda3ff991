"""The bytes of documents' files, as rows of `originals` and back."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from index.errors import DamagedStore
from index.sql.database import insert
from index.sql.records import Row, require_whole, whole_document
from index.sql.schema import documents, is_whole, originals

# A part is held in memory a few times over while it is sealed, written and read.
PART_BYTES = 4 * 2**20


def has_original() -> sa.ColumnElement[bool]:
    """Return the condition that the original of a row of `documents` is kept, for use within a statement."""
    return sa.exists().where(originals.c.document_id == documents.c.id)


def keep_original(connection: sa.Connection, document_id: str, data: bytes) -> None:
    """Insert the bytes of a stored document's file, if they are its own and none are kept."""
    statement = sa.select(documents, has_original().label("kept")).where(documents.c.id == document_id)
    row = connection.execute(statement).mappings().first()
    if row is None or row["kept"] or not is_whole(documents, row):
        return
    if hashlib.sha256(data).hexdigest() != row["content_sha256"]:
        return
    for part, first in enumerate(range(0, max(len(data), 1), PART_BYTES)):
        record = {"part": part, "document_id": document_id, "data": data[first : first + PART_BYTES]}
        insert(connection, originals, [record])


def original_of(connection: sa.Connection, document: Row) -> bytes | None:
    """Return the bytes of the file of a row of `documents`, None where none are kept.

    Raise `DamagedStore` where they are not those that the document was loaded from.
    """
    digest = whole_document(document)["content_sha256"]
    is_its = originals.c.document_id == document["id"]
    rows = connection.execute(sa.select(originals).where(is_its).order_by(originals.c.part)).mappings()
    place = f"the original of document {document['id']}"
    parts: list[bytes] = [require_whole(originals, row, place)["data"] for row in rows]
    if not parts:
        return None
    data = b"".join(parts)
    # A part that is missing damages no row.
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedStore(f"{place} is damaged: run `quotebound doctor --repair`")
    return data
