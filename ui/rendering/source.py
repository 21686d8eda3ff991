"""A document at a place of it: its head, what can be done with it, and the frame of its text or its page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from index.chunking import HEADING_SEPARATOR
from index.coverage import told as told_unread
from index.types import DEFAULT_COLLECTION, DocumentInfo, Page, Span
from ui.rendering.marks import Mark
from ui.rendering.parts import attributes, button, counted, data, notice

NOTHING_OPEN = '<p class="nothing">Open a quote in its source, and the document is shown here.</p>'
TEXT, PAGE = "text", "page"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document as it was asked for, which buttons tell again: all of it are texts of a browser.

    `others` is a JSON list of `[start, end, marker]`.
    """

    document: str
    start: str = ""
    end: str = ""
    collection: str = DEFAULT_COLLECTION
    marker: str = ""
    others: str = ""

    @property
    def data(self) -> dict[str, object]:
        """What a button says of it, none of what is empty."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Source:
    """A document that is shown: what is told of it, and the quote in it.

    `headings` are those above the quote, outermost first; `page` is the one it is on. `quote` is None where
    no place was named. `date` says in words when it was written or added.
    """

    place: Place
    info: DocumentInfo
    date: str = ""
    headings: Sequence[str] = ()
    page: Page | None = None
    quote: Span | None = None
    language: str = ""
    marks: Sequence[Mark] = field(default_factory=tuple)

    @property
    def has_pages_to_show(self) -> bool:
        """Whether there are images of its pages."""
        return self.info.has_original and self.info.pages > 0


def source(shown: Source, body: str, *, view: str, drawn: str, opened: bool, said: str = "") -> str:
    """Return a document with its head around `body`, which is its text or one of its pages.

    `drawn` is another text each time, so that what is opened once more is seen to be. `opened` says that it
    was just asked for, and not only leafed through; `said` is what went wrong, and not so far that nothing
    can be shown.
    """
    told = {"drawn": drawn, "view": view, "opened": opened}
    return (
        f'<article class="source" aria-labelledby="source-title"{data(told)}>{_head(shown)}'
        f"{_tools(shown, view)}{notice(said, error=True)}{body}</article>"
    )


def failure(place: Place, message: str, *, drawn: str, again: Mapping[str, str] | None = None) -> str:
    """Return that a document cannot be shown and why; `again` is what to send to try once more."""
    retry = ""
    if again is not None:
        retry = f'<p class="tries">{button("Try again", kind="primary", also=again)}</p>'
    return (
        f'<article class="source"{data({"drawn": drawn, "opened": True, "document": place.document[:64]})}>'
        '<h2 id="source-title" class="source-title" tabindex="-1">This source cannot be shown</h2>'
        f"{notice(message, error=True)}{retry}</article>"
    )


def others_of(told: str, quote: Span | None, characters: int) -> list[Mark]:
    """Return the other quotes that a browser tells of, as far as they are places in the text."""
    try:
        entries = json.loads(told or "[]")
    except (ValueError, RecursionError):
        return []
    marks = []
    for entry in entries[:_MOST_OTHERS] if isinstance(entries, list) else []:
        match entry:
            case [int(start), int(end), str() | int() as marker] if 0 <= start < end <= characters:
                span = Span(start, end)
                if span != quote:
                    marks.append(Mark(span, str(marker)[:_MARKER_CHARACTERS]))
            case _:
                pass
    return marks


_MOST_OTHERS = 50
_MARKER_CHARACTERS = 8


def _head(shown: Source) -> str:
    info = shown.info
    number = f'<span class="number">{escape(shown.place.marker)}</span>' if shown.place.marker else ""
    where = " · ".join(
        filter(None, [shown.page.told if shown.page else "", HEADING_SEPARATOR.join(shown.headings)])
    )
    size = counted(info.pages, "page") if info.pages else ""
    facts = [shown.date, size, counted(info.characters, "character")]
    return (
        f'<header class="source-head">{number}<div class="source-names">'
        f'<h2 id="source-title" class="source-title" tabindex="-1" dir="auto">{escape(info.title)}</h2>'
        f'<p class="source-of" dir="auto">{escape(info.source)}</p>{_line("source-where", where)}'
        f"{_line('source-facts', ' · '.join(filter(None, facts)))}</div></header>{_gaps(info)}"
    )


def _line(kind: str, text: str) -> str:
    return f'<p class="{kind}" dir="auto">{escape(text)}</p>' if text else ""


def _gaps(info: DocumentInfo) -> str:
    """Return which pages could not be read, where there are some."""
    if not info.coverage.unread:
        return ""
    lines = "; ".join(told_unread(info.coverage.unread))
    return f'<p class="source-gaps" role="note" dir="auto">Not read: {escape(lines)}.</p>'


def _tools(shown: Source, view: str) -> str:
    place = shown.place.data
    toggle = ""
    if shown.has_pages_to_show:
        toggle = '<span class="toggle" role="group" aria-label="Show as">' + "".join(
            button(name, pressed=view == kind, action="mode", view=kind, keep=f"mode-{kind}", also=place)
            for name, kind in (("Page", PAGE), ("Text", TEXT))
        ) + "</span>"  # fmt: skip
    linked: dict[str, object] = {
        name: place[name] for name in ("document", "start", "end", "collection") if name in place
    }
    link = button("Copy link", local="copy-link", keep="link", also=linked)
    field_of_link = attributes({"aria-label": "Link to this place", "readonly": True, "hidden": True})
    field_of_link = f'<input class="source-link"{field_of_link}>'
    return f'<div class="source-tools">{toggle}{link}{field_of_link}</div>{_no_image(shown)}'


def _no_image(shown: Source) -> str:
    """Return why a document that has pages to look at has no images of them."""
    if shown.has_pages_to_show or shown.info.media_type != "application/pdf":
        return ""
    told = "Its pages cannot be shown: the file was not kept. Add it again to see them."
    return f'<p class="hint">{told}</p>'
