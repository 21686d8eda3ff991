"""A stretch of a document's text, block by block as it was found when the document was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from index.types import Block, BlockKind, Page, Span
from ui.rendering.marks import Mark, marked
from ui.rendering.parts import attributes, button
from ui.rendering.source import Source
from ui.rendering.tables import Row, tables

# The page has headings of its own above those of a document.
_HEADINGS_ABOVE = 2
_LOWEST_HEADING = 6


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text from `start` on, with the blocks and pages of the document that overlap it.

    `above` and `below` are the stretches that would be shown with more of the text, None where there is no
    more.
    """

    text: str
    start: int
    blocks: Sequence[Block] = ()
    pages: Sequence[Page] = ()
    above: Span | None = None
    below: Span | None = None

    @property
    def end(self) -> int:
        """Where it ends in the document."""
        return self.start + len(self.text)

    def piece(self, start: int, end: int) -> str:
        """Return `text[start:end]` of the document, as far as it is in the stretch."""
        return self.text[max(start - self.start, 0) : max(end - self.start, 0)]


@dataclass(frozen=True, slots=True)
class _Part:
    """A block as far as it is in the stretch, or text that is in none; `before` is what leads to an item."""

    kind: BlockKind | None
    start: int
    end: int
    level: int = 0
    before: str = ""
    page: str = ""


def text_view(shown: Source, stretch: Stretch) -> str:
    """Return a stretch with what is marked in it, and buttons that show more of the document."""
    parts = _parts(stretch, shown.marks)
    body = "".join(
        _group(kind, list(run), stretch, shown.marks)
        for (kind, _), run in groupby(_numbered(parts), key=lambda entry: (entry[0].kind, entry[1]))
    )
    told = attributes({"class": "source-text", "lang": shown.language or None})
    return (
        f"{_more(shown, 'above', stretch.above)}<div{told}>{body}</div>{_more(shown, 'below', stretch.below)}"
    )


def _more(shown: Source, side: str, stretch: Span | None) -> str:
    if stretch is None:
        return ""
    place = {**shown.place.data, "first": stretch.start, "last": stretch.end}
    return (
        f'<p class="more">{button(f"Show more {side}", action="more", side=side, keep=side, also=place)}</p>'
    )


def _parts(stretch: Stretch, marks: Sequence[Mark]) -> list[_Part]:
    """Return the blocks with the text between them, all of what says something."""
    parts: list[_Part] = []
    pages = [
        page for page in stretch.pages if stretch.start <= page.start < stretch.end and page.end > page.start
    ]
    at = stretch.start
    for block in stretch.blocks:
        start, end = max(block.start, at), min(block.end, stretch.end)
        if start >= end:
            continue
        before = stretch.piece(at, start)
        told = _page_begun(pages, start)
        if block.kind is BlockKind.ITEM:
            # What leads to an item is on its own line: its bullet, or its number.
            rest, _, before = before.rpartition("\n")
            parts += _between(rest, at, marks)
        elif block.kind is not BlockKind.TABLE:
            parts += _between(before, at, marks)
            before = ""
        elif any(character.isalnum() for character in before):
            parts += _between(before, at, marks)
        parts.append(_Part(block.kind, start, end, block.level, before, told))
        at = end
    return parts + _between(stretch.piece(at, stretch.end), at, marks)


def _page_begun(pages: list[Page], start: int) -> str:
    """Take off the pages that have begun where a block does, and return what the last is called."""
    told = ""
    while pages and pages[0].start <= start:
        told = pages.pop(0).told
    return told


def _between(text: str, start: int, marks: Sequence[Mark]) -> list[_Part]:
    """Return text that is in no block, if it says something, or if it is what was asked for."""
    span = Span(0, len(text)).stripped(text)
    if span is None:
        return []
    first, last = start + span.start, start + span.end
    asked = any(first <= mark.span.start and mark.span.end <= last for mark in marks if mark.here)
    if not asked and not any(character.isalnum() for character in text):
        return []
    return [_Part(None, first, last)]


def _numbered(parts: Sequence[_Part]) -> list[tuple[_Part, int]]:
    """Return the parts with a number that is the same for those that make one list or one table."""
    numbered: list[tuple[_Part, int]] = []
    for part in parts:
        last, number = numbered[-1] if numbered else (None, -1)
        joins = last is not None and last.kind is part.kind and not part.page
        if part.kind not in (BlockKind.ITEM, BlockKind.TABLE) or not joins:
            number += 1
        numbered.append((part, number))
    return numbered


def _group(
    kind: BlockKind | None, run: Sequence[tuple[_Part, int]], stretch: Stretch, marks: Sequence[Mark]
) -> str:
    parts = [part for part, _ in run]
    page = f'<p class="page-begins">{escape(parts[0].page)}</p>' if parts[0].page else ""
    if kind is BlockKind.TABLE:
        rows = [Row(stretch.piece(part.start, part.end), part.start, part.before) for part in parts]
        return page + tables(rows, marks)
    if kind is BlockKind.ITEM:
        items = "".join(_item(part, stretch, marks) for part in parts)
        return f'{page}<ul class="items">{items}</ul>'
    return page + "".join(_block(part, stretch, marks) for part in parts)


def _item(part: _Part, stretch: Stretch, marks: Sequence[Mark]) -> str:
    leading = part.before.strip()
    numbered = any(character.isalnum() for character in leading)
    bullet = f'<span class="bullet">{escape(leading)}</span> ' if numbered else ""
    told = attributes({"class": "numbered" if numbered else None, "dir": "auto", "data-at": part.start})
    return f"<li{told}>{bullet}{marked(stretch.piece(part.start, part.end), part.start, marks)}</li>"


def _block(part: _Part, stretch: Stretch, marks: Sequence[Mark]) -> str:
    text = marked(stretch.piece(part.start, part.end), part.start, marks)
    told = attributes({"dir": "auto", "data-at": part.start})
    match part.kind:
        case BlockKind.HEADING:
            tag = f"h{min(part.level + _HEADINGS_ABOVE, _LOWEST_HEADING)}"
            return f"<{tag}{told}>{text}</{tag}>"
        case BlockKind.CODE:
            return f'<pre tabindex="0"{told}><code>{text}</code></pre>'
        case BlockKind.METADATA:
            return f'<p class="aside"{told}>{text}</p>'
        case None:
            return f'<p class="between"{told}>{text}</p>'
        case _:
            return f"<p{told}>{text}</p>"
