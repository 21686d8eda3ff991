"""Where the words of pages stand, as rows of `layouts` and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
import structlog

from index.sql.database import rows_among
from index.sql.records import Record
from index.sql.schema import is_whole, layouts
from index.types import Document, PageLayout

_log = structlog.get_logger(__name__)


def layout_records(document: Document) -> Iterator[Record]:
    """Yield a document's layouts as rows of `layouts`."""
    for layout in document.layouts:
        yield {
            "document_id": document.id,
            "page": layout.number,
            # As SQLite gives them back: never an integer, and of zeros only one.
            "width": float(layout.width) + 0.0,
            "height": float(layout.height) + 0.0,
            "words": layout.packed,
        }


def layouts_of(
    connection: sa.Connection, document_id: str, pages: Sequence[int] | None = None
) -> list[PageLayout]:
    """Return the layouts of some of a document's pages, or of all, by page; damaged rows are left out."""
    is_its = layouts.c.document_id == document_id
    if pages is None:
        rows = iter(connection.execute(sa.select(layouts).where(is_its)).mappings())
    else:
        rows = rows_among(connection, layouts, layouts.c.page, list(dict.fromkeys(pages)), is_its)
    found = []
    for row in rows:
        if is_whole(layouts, row):
            found.append(PageLayout(row["page"], row["width"], row["height"], row["words"]))
        else:
            _log.error("row left out", reason=f"a layout of document {document_id} is damaged")
    return sorted(found, key=lambda layout: layout.number)
