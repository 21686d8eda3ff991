"""The blocks of documents, read of the rows of `outlines`."""

from __future__ import annotations

import sqlalchemy as sa

from index.sql import records
from index.sql.records import Row
from index.sql.schema import outlines
from index.types import Block, Span


def outline_of(connection: sa.Connection, document_id: str) -> Row | None:
    """Return the row that has a document's blocks, None where there is none."""
    statement = sa.select(outlines).where(outlines.c.document_id == document_id)
    return connection.execute(statement).mappings().first()


def blocks_of(connection: sa.Connection, document_id: str, span: Span | None) -> tuple[Block, ...]:
    """Return a document's blocks, all or those that overlap a span; none where they are damaged."""
    found = records.blocks(outline_of(connection, document_id))
    if span is None:
        return found
    return tuple(block for block in found if block.start < span.end and span.start < block.end)
