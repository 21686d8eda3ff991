"""How many pages of a collection are unread, kept as a sum, so that no question has to count them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
import structlog

from index.coverage import Coverage, Unread
from index.errors import DamagedStore
from index.sql import records
from index.sql.database import rows_among, store_value, stored_value
from index.sql.schema import documents, is_whole
from index.types import PageReading

UNREAD = "unread_pages"

_log = structlog.get_logger(__name__)


def unread(connection: sa.Connection) -> Unread:
    """Return how many pages are unread; where the sum is damaged, by counting."""
    try:
        return parsed(stored_value(connection, UNREAD))
    except DamagedStore as error:
        _log.error("pages counted anew", reason=str(error))
        return counted(connection)


def parsed(value: str | None) -> Unread:
    """Return the sum that is kept in a value, nothing where there is none; raise `DamagedStore`."""
    if value is None:
        return Unread(0, 0)
    documents_, _, pages = value.partition(" ")
    if not (documents_.isdecimal() and pages.isdecimal()):
        raise DamagedStore(f"row {UNREAD!r} of meta is damaged: run `quotebound doctor --repair`")
    return Unread(int(documents_), int(pages))


def kept_as(found: Unread) -> str | None:
    """Return the value that a sum is kept in, None for the one that needs none."""
    return f"{found.documents} {found.pages}" if found.pages else None


def counted(connection: sa.Connection) -> Unread:
    """Return how many pages are unread by looking at every whole document."""
    return _counted(connection.execute(sa.select(documents)).mappings())


def unread_of(connection: sa.Connection, document_ids: Sequence[str]) -> Unread:
    """Return how many pages of some documents are unread, of those that are stored and whole."""
    if not unread(connection).pages:
        return Unread(0, 0)
    # As a page that is unread says it: most documents have none, and need not be read.
    telling = documents.c.pages.contains(f'"{PageReading.UNREAD.value}"')
    chosen = list(dict.fromkeys(document_ids))
    return _counted(rows_among(connection, documents, documents.c.id, chosen, telling))


def _counted(rows: Iterable[records.Row]) -> Unread:
    counts = [pages for row in rows if is_whole(documents, row) and (pages := of_row(row))]
    return Unread(len(counts), sum(counts))


def of_row(row: records.Row) -> int:
    """Return how many pages of a whole row of `documents` are unread."""
    return len(Coverage.of(records.pages(row)).unread)


def note_unread(connection: sa.Connection, pages: int | None) -> None:
    """Keep the sum after a document with unread pages was inserted, or, below 0, removed.

    None where it is not known how many they were: then, or where the sum is damaged, all are counted.
    """
    if pages == 0:
        return
    try:
        before = parsed(stored_value(connection, UNREAD)) if pages is not None else None
    except DamagedStore:
        before = None
    if before is None or pages is None or before.pages + pages < 0:
        found = counted(connection)
    else:
        found = Unread(before.documents + (1 if pages > 0 else -1), before.pages + pages)
    keep_unread(connection, found)


def keep_unread(connection: sa.Connection, found: Unread) -> None:
    """Keep the sum."""
    store_value(connection, UNREAD, kept_as(found))
