"""Which page of a document a place in its text is on."""

from __future__ import annotations

from collections.abc import Sequence

from index.types import Page


def page_holding(pages: Sequence[Page], offset: int) -> Page | None:
    """Return the page that holds an offset, None where there are no pages."""
    found = None
    for page in pages:
        if page.start > offset:
            break
        found = page
    return found


def page_at(pages: Sequence[Page], offset: int) -> int | None:
    """Return the number of the page that holds an offset, None where there are no pages."""
    page = page_holding(pages, offset)
    return page.number if page is not None else None
