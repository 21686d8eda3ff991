"""Pieces of the texts of documents at one moment, each row of the tables read and checked once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from index.catalog import Excerpt
from index.errors import DamagedStore
from index.sql.database import rows_among
from index.sql.records import SEGMENT_CHARACTERS, Row, pages, segment_text
from index.sql.schema import documents, is_whole, segments
from index.types import Span

_Place = tuple[str, int]
# Two bound values each.
_BATCH = 250


def text_between(connection: sa.Connection, document_id: str, start: int, end: int) -> str:
    """Return `text[start:end]` of a document that has as much; raise `DamagedStore`."""
    if start >= end:
        return ""
    first = start // SEGMENT_CHARACTERS * SEGMENT_CHARACTERS
    pieces = connection.execute(
        sa.select(segments)
        .where(segments.c.document_id == document_id)
        .where(segments.c.start >= first, segments.c.start < end)
        .order_by(segments.c.start)
    ).mappings()
    text = "".join(map(segment_text, pieces))[start - first : end - first]
    if len(text) != end - start:
        raise DamagedStore(
            f"a part of the text of document {document_id} is missing: run `quotebound doctor --repair`"
        )
    return text


def excerpts_at(
    connection: sa.Connection, places: Iterable[tuple[str, Span]]
) -> dict[tuple[str, Span], Excerpt]:
    """Return what stands at spans of documents; left out is what is not stored, or damaged, or no span."""
    wanted = list(dict.fromkeys(places))
    ids = list(dict.fromkeys(document_id for document_id, _ in wanted))
    rows = {
        row["id"]: row
        for row in rows_among(connection, documents, documents.c.id, ids)
        if is_whole(documents, row)
    }
    within = [
        (document_id, span)
        for document_id, span in wanted
        if document_id in rows and 0 <= span.start < span.end <= rows[document_id]["characters"]
    ]
    needed = {(document_id, start) for document_id, span in within for start in _starts(span)}
    texts = {
        (row["document_id"], row["start"]): row["text"]
        for row in _segment_rows(connection, sorted(needed))
        if is_whole(segments, row)
    }
    paged = {document_id: pages(row) for document_id, row in rows.items()}
    found = {}
    for document_id, span in within:
        text = _slice(texts, document_id, span)
        if len(text) == span.end - span.start:
            found[document_id, span] = Excerpt(text, rows[document_id]["sha256"], paged[document_id])
    return found


def _starts(span: Span) -> range:
    first = span.start // SEGMENT_CHARACTERS * SEGMENT_CHARACTERS
    return range(first, span.end, SEGMENT_CHARACTERS)


def _slice(texts: dict[_Place, str], document_id: str, span: Span) -> str:
    """Return the text at a span; shorter where one of its segments is missing."""
    return "".join(
        texts.get((document_id, start), "")[max(span.start - start, 0) : span.end - start]
        for start in _starts(span)
    )


def _segment_rows(connection: sa.Connection, keys: list[_Place]) -> Iterator[Row]:
    for first in range(0, len(keys), _BATCH):
        # Not `(document_id, start) IN (...)`, for which SQLite reads the whole table.
        any_of = sa.or_(
            *(
                (segments.c.document_id == document_id) & (segments.c.start == start)
                for document_id, start in keys[first : first + _BATCH]
            )
        )
        yield from connection.execute(sa.select(segments).where(any_of)).mappings().all()
