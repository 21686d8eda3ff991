"""The source viewer: a document at the quote that was opened, as its text or as its pages."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from index.catalog import Catalog
from index.errors import CollectionNotFound, DocumentNotFound, InvalidName, QuoteboundError
from index.pages import page_holding
from index.types import DEFAULT_COLLECTION, Block, BlockKind, DocumentInfo, Page, PageKind, Span
from rag.service.backend import Backend
from ui.regions import chosen, region
from ui.rendering.marks import Mark
from ui.rendering.parts import counted
from ui.rendering.sheet import Sheet, page_view
from ui.rendering.source import NOTHING_OPEN, PAGE, TEXT, Place, Source, failure, others_of, source
from ui.rendering.stretch import Stretch, text_view
from ui.surroundings import date_of

# What is shown before and after a quote, and what each "more" adds; a block is not cut for less than a snap.
_AROUND_CHARACTERS = 3_000
MORE_CHARACTERS = 6_000
_SNAP_CHARACTERS = 2_000
# More is not drawn at once: with more above, what is below gives way.
MOST_CHARACTERS = 60_000
_DOCUMENT = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"\d{1,12}", re.ASCII)
_HEADING_CHARACTERS = 120
# All that an event may tell.
_TOLD = (*Place.__slots__, "action", "view", "page", "first", "last", "side")

_NO_DOCUMENT = (
    "This document is not here: it was deleted, or replaced by a newer version. "
    "Ask again, and the answer is from what is here now."
)


class SourceViewer:
    """Shows what is opened, and leafs through it. Each event tells all that is needed: nothing is kept."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def build(self, events: dict[str, Any]) -> None:
        """Make the region and wire its events."""
        viewer = region("viewer", NOTHING_OPEN)
        # What is opened while another source is on its way is shown after it, and not dropped.
        viewer.select(self.show, None, viewer, **{**events, "trigger_mode": "always_last"})

    async def show(self, event: gr.EventData, request: gr.Request) -> str:
        """Return the document, or the page or the stretch of it, that was asked for."""
        given, _ = chosen(event, request)
        told = {name: given[name] for name in _TOLD if name in given}
        place = Place(
            told.get("document", ""),
            told.get("start", ""),
            told.get("end", ""),
            told.get("collection", "") or DEFAULT_COLLECTION,
            told.get("marker", "")[:8],
            told.get("others", ""),
        )
        drawn = secrets.token_hex(4)
        try:
            return await self._backend.read_for(partial(drawn_source, place, told, drawn), place.collection)
        except DocumentNotFound:
            return failure(place, _NO_DOCUMENT, drawn=drawn)
        except (CollectionNotFound, InvalidName) as error:
            return failure(place, f"{error}.", drawn=drawn)
        except QuoteboundError as error:
            return failure(place, f"{error}.", drawn=drawn, again=told if error.retryable else None)


def drawn_source(place: Place, told: Mapping[str, str], drawn: str, catalog: Catalog) -> str:
    """Return a document as it was asked for; raise what the catalog raises.

    `told` says in `view` whether as text or as pages, in `page` which one, in `first` and `last` between
    what places, and in `side` where there has to be more. What is no number, or none that can be meant, is
    said and shown as near to it as can be.
    """
    if not _DOCUMENT.fullmatch(place.document):
        raise DocumentNotFound(place.document[:64])
    info = catalog.document(place.document)
    pages = catalog.pages(place.document)
    quote, said = _quote(place, info)
    marks = others_of(place.others, quote, info.characters)
    if quote is not None:
        marks.append(Mark(quote, place.marker, here=True))
    start = quote.start if quote is not None else 0
    shown = Source(
        place,
        info,
        date_of(catalog, info),
        _headings(catalog, info, pages, quote),
        page_holding(pages, start) if quote is not None else None,
        quote,
        catalog.language(place.document),
        marks,
    )
    view = told.get("view") or (PAGE if shown.has_pages_to_show else TEXT)
    if view == PAGE and shown.has_pages_to_show:
        page, wrong = _page(told.get("page", ""), pages, start)
        said = " ".join(filter(None, [said, wrong]))
        body = page_view(shown, _sheet(catalog, shown, pages, page))
    else:
        view, body = TEXT, text_view(shown, _stretch(catalog, shown, pages, told))
    opened = told.get("action") == "open"
    return source(shown, body, view=view, drawn=drawn, opened=opened, said=said)


def _quote(place: Place, info: DocumentInfo) -> tuple[Span | None, str]:
    """Return the place that was asked for, and what is wrong with it; a document alone has none."""
    if not place.start and not place.end:
        return None, ""
    span = _span(place.start, place.end)
    if span is not None and span.start < span.end <= info.characters:
        return span, ""
    asked = f"{place.start[:20] or '?'} to {place.end[:20] or '?'}"
    held = counted(info.characters, "character")
    return None, (
        f"Characters {asked} are no place in this document, which has {held}: it is shown from its beginning."
    )


def _span(start: str, end: str) -> Span | None:
    if not _NUMBER.fullmatch(start) or not _NUMBER.fullmatch(end):
        return None
    return Span(int(start), int(end))


def _headings(catalog: Catalog, info: DocumentInfo, pages: Sequence[Page], quote: Span | None) -> list[str]:
    """Return the headings above a quote, outermost first."""
    if quote is None:
        return []
    page = page_holding(pages, quote.start)
    # A slide and a sheet are things of their own: no heading of the one before goes on there.
    first = page.start if page is not None and page.kind is not PageKind.PAGE else 0
    above: list[Block] = []
    for block in catalog.blocks(info.id, Span(first, quote.start + 1)):
        if block.kind is BlockKind.HEADING and block.end <= quote.start:
            above = [*(other for other in above if other.level < block.level), block]
    texts = [" ".join(catalog.text(info.id, block.start, block.end).split()) for block in above]
    return [text[:_HEADING_CHARACTERS] for text in texts]


def _page(told: str, pages: Sequence[Page], start: int) -> tuple[Page, str]:
    """Return the page that was asked for, or that a place is on, and what is wrong with what was asked."""
    here = page_holding(pages, start) or pages[0]
    if not told:
        return here, ""
    number = int(told) if _NUMBER.fullmatch(told) else 0
    found = next((page for page in pages if page.number == number), None)
    if found is not None:
        return found, ""
    nearest = pages[-1] if number > pages[-1].number else here
    return nearest, f"There is no page {told[:20]}: this document has {counted(len(pages), 'page')}."


def _sheet(catalog: Catalog, shown: Source, pages: Sequence[Page], page: Page) -> Sheet:
    layouts = catalog.layouts(shown.info.id, [page.number])
    layout = layouts[0] if layouts else None
    quote = shown.quote
    if quote is None:
        return Sheet(page, pages, layout)
    on = [found.number for found in pages if found.start < quote.end and quote.start < found.end]
    here = Span(max(quote.start, page.start), min(quote.end, page.end))
    text = catalog.text(shown.info.id, here.start, here.end) if here.start < here.end else ""
    return Sheet(page, pages, layout, on, text)


def _stretch(catalog: Catalog, shown: Source, pages: Sequence[Page], told: Mapping[str, str]) -> Stretch:
    """Return the text around a quote, or the stretch that was asked for, from where a block begins."""
    characters = shown.info.characters
    window = _span(told.get("first", ""), told.get("last", ""))
    if window is None or not window.start < window.end:
        quote = shown.quote or Span(0, 0)
        window = Span(quote.start - _AROUND_CHARACTERS, quote.end + _AROUND_CHARACTERS)
        if shown.quote is None:
            window = Span(0, MORE_CHARACTERS)
    start, end = max(min(window.start, characters - 1), 0), min(window.end, characters)
    blocks = catalog.blocks(shown.info.id, Span(start, end))
    if blocks and start - _SNAP_CHARACTERS <= blocks[0].start < start:
        start = blocks[0].start
    if blocks and end < blocks[-1].end <= end + _SNAP_CHARACTERS:
        end = blocks[-1].end
    if end - start > MOST_CHARACTERS:
        if told.get("side") == "below":
            start = end - MOST_CHARACTERS
        else:
            end = start + MOST_CHARACTERS
    return Stretch(
        catalog.text(shown.info.id, start, end),
        start,
        blocks,
        pages,
        Span(max(start - MORE_CHARACTERS, 0), end) if start > 0 else None,
        Span(start, min(end + MORE_CHARACTERS, characters)) if end < characters else None,
    )
