"""The originals of documents against what these were loaded from; a document is whole without one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy
from index.doctor.rows import Sources, rows_of, whole_rows
from index.sql.database import raw_of
from index.sql.schema import documents, is_whole, originals


def original_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield the originals of which parts are missing, or that are not what their document was loaded from."""
    sources = Sources(connection)
    for document in whole_rows(connection, documents):
        message = _message(connection, document["id"], document["content_sha256"])
        if message is not None:
            place = f"the original of {sources.document(document['id'])}"
            yield Fault(place, message, Remedy.ORIGINAL, document=document["id"])


def _message(connection: sa.Connection, document_id: str, content_sha256: str) -> str | None:
    parts = "SELECT rowid, part FROM originals WHERE document_id = ? ORDER BY part"
    found = raw_of(connection).execute(parts, (document_id,)).fetchall()
    if not found:
        return None
    digest = hashlib.sha256()
    # One after another: a file can be larger than what is to be had of memory.
    for rowid, _ in found:
        for _, row in rows_of(connection, originals, "rowid", rowid):
            if not is_whole(originals, row):
                return None  # found already, by its row
            digest.update(row["data"])
    if [part for _, part in found] != list(range(len(found))):
        return "parts of it are missing"
    if digest.hexdigest() != content_sha256:
        return "it is not the file that the document was loaded from"
    return None
