"""A page of a document as it looks, with boxes over what is quoted on it, and the way to other pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote as quoted
from urllib.parse import urlencode

from index.coverage import reason_of
from index.types import Page, PageLayout, PageReading, Word
from ui.rendering.marks import Mark
from ui.rendering.parts import attributes, button, data
from ui.rendering.source import PAGE, TEXT, Source

# Of which the browser takes the one that is sharp enough for its screen and how near the page is looked at.
_WIDTHS = (640, 1000, 1600, 2400)
_FIRST_WIDTH = 1000
# In heights of the line: a space is a third, between columns is more than a whole one.
_GAP = 0.75
_SAME_LINE = 0.5
_LETTERS = 2
# How much of a line's box has to be words.
_COVERED = 0.82
_QUOTED_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page to be shown, out of `pages`, which are all of them. `layout` is None where it holds no words.

    `on` are the pages that the quote is on, and `quote` its text.
    """

    page: Page
    pages: Sequence[Page]
    layout: PageLayout | None
    on: Sequence[int] = ()
    quote: str = ""


def page_view(shown: Source, sheet: Sheet) -> str:
    """Return a page as its image with what is marked on it, and the way to other pages."""
    told = f"{sheet.page.told.capitalize()} of {shown.info.title}"
    failing = (
        '<div class="no-image" hidden><p class="notice error" role="alert">'
        "The image of this page could not be loaded.</p>"
        f"{button('Show the text', action='mode', view=TEXT, also=shown.place.data)}</div>"
    )
    return (
        f"{_turning(shown, sheet)}{_elsewhere(shown, sheet)}{_unread(sheet.page)}"
        f'{failing}<div class="sheets" tabindex="0" role="group" aria-label="{escape(told)}">'
        f"{_figure(shown, sheet, told)}</div>"
    )


def boxes(words: Sequence[Word]) -> list[Box]:
    """Return the boxes that cover words in reading order: one for those near each other in a line.

    Where that would cover much beside the words, as in a line of single letters, each word has its own.
    """
    # Text that is turned by a quarter runs down the page: its lines are columns there. Letters by
    # themselves are higher than wide in any text.
    told = [word for word in words if word.end - word.start > _LETTERS]
    turned = sum(word.bottom - word.top for word in told) > sum(word.right - word.left for word in told)
    lines: list[tuple[Box, list[Box]]] = []
    for word in words:
        box = Box(word.left, word.top, word.right, word.bottom)
        box = _turned(box) if turned else box
        if lines and _is_next(lines[-1][0], box):
            line, within = lines[-1]
            lines[-1] = (_around(line, box), [*within, box])
        else:
            lines.append((box, [box]))
    found: list[Box] = []
    for line, within in lines:
        tight = sum(map(_area, within)) >= _COVERED * _area(line)
        found += [line] if tight else within
    return [_turned(box) for box in found] if turned else found


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _turned(box: Box) -> Box:
    return Box(box.top, box.left, box.bottom, box.right)


def _is_next(before: Box, box: Box) -> bool:
    height = min(before.bottom - before.top, box.bottom - box.top)
    shared = min(before.bottom, box.bottom) - max(before.top, box.top)
    gap = max(box.left - before.right, before.left - box.right)
    return shared >= _SAME_LINE * height and gap <= _GAP * height


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _figure(shown: Source, sheet: Sheet, told: str) -> str:
    addresses = {width: _address(shown, sheet.page.number, width) for width in _WIDTHS}
    layout = sheet.layout
    if layout is not None and not (layout.width > 0 and layout.height > 0):
        layout = None
    ratio = f"aspect-ratio: {layout.width:.2f} / {layout.height:.2f}" if layout is not None else None
    image = attributes(
        {
            "src": addresses[_FIRST_WIDTH],
            "srcset": ", ".join(f"{address} {width}w" for width, address in addresses.items()),
            "sizes": "(min-width: 1100px) 40vw, 100vw",
            "alt": told,
            "style": ratio,
            "decoding": "async",
        }
    )
    size = data({"width": layout.width, "height": layout.height}) if layout is not None else ""
    drawn = "".join(_drawn(shown.marks, layout)) if layout is not None else ""
    caption = ""
    if sheet.quote and sheet.page.number in sheet.on:
        marked = escape(sheet.quote[:_QUOTED_CHARACTERS])
        caption = f'<figcaption class="visually-hidden">Marked: “{marked}”</figcaption>'
    return f'<figure class="sheet"{size}><img{image}>{drawn}{caption}</figure>'


def _address(shown: Source, number: int, width: int) -> str:
    query = urlencode({"collection": shown.place.collection, "width": width})
    return f"/documents/{quoted(shown.info.id, safe='')}/pages/{number}/image?{query}"


def _drawn(marks: Sequence[Mark], layout: PageLayout) -> Iterator[str]:
    """Yield the boxes of what is marked on a page; where quotes overlap, only those of the opened one."""
    words = layout.words()
    here = {(word.start, word.end) for mark in marks if mark.here for word in _under(mark, words)}
    for mark in sorted(marks, key=lambda mark: mark.here):
        covered = _under(mark, words)
        if not mark.here:
            covered = [word for word in covered if (word.start, word.end) not in here]
        for number, box in enumerate(boxes(covered)):
            # The number of a quote stands once, where it begins.
            marker = mark.marker if not mark.here and number == 0 else None
            told = attributes(
                {
                    "class": f"box {'here' if mark.here else 'other'}",
                    "data-marker": marker or None,
                    "style": _style(box, layout),
                }
            )
            yield f'<span{told} aria-hidden="true"></span>'


def _under(mark: Mark, words: Sequence[Word]) -> list[Word]:
    return [word for word in words if word.start < mark.span.end and mark.span.start < word.end]


def _style(box: Box, layout: PageLayout) -> str:
    across, down = 100 / layout.width, 100 / layout.height
    return (
        f"left: {box.left * across:.3f}%; top: {box.top * down:.3f}%; "
        f"width: {(box.right - box.left) * across:.3f}%; height: {(box.bottom - box.top) * down:.3f}%"
    )


def _turning(shown: Source, sheet: Sheet) -> str:
    place = shown.place.data
    numbers = [page.number for page in sheet.pages]
    at = numbers.index(sheet.page.number)
    before = numbers[at - 1] if at else None
    after = numbers[at + 1] if at + 1 < len(numbers) else None
    form = attributes({"data-action": "page", "data-view": PAGE, "class": "going"}) + data(place)
    entry = attributes(
        {
            "name": "page",
            "id": "source-page",
            "type": "number",
            "min": numbers[0],
            "max": numbers[-1],
            "value": sheet.page.number,
            "required": True,
            "data-keep": "page",
        }
    )
    return (
        '<div class="turning" role="group" aria-label="Pages">'
        f"{_turn('‹', 'Previous page', 'previous', before, place)}"
        f'<form{form}><label for="source-page" class="visually-hidden">Page</label><input{entry}>'
        f" of {numbers[-1]:,}"
        '<button type="submit" data-keep="go">Go</button></form>'
        f"{_turn('›', 'Next page', 'next', after, place)}"
        '<span class="zoom" role="group" aria-label="Size">'
        f"{button('−', label='Smaller', local='zoom', by='-1', keep='smaller')}"
        '<output class="zoomed">100 %</output>'
        f"{button('+', label='Larger', local='zoom', by='1', keep='larger')}</span></div>"
    )


def _turn(sign: str, label: str, keep: str, number: int | None, place: dict[str, object]) -> str:
    told = {"action": "page", "page": number, "view": PAGE, "keep": keep, **place}
    return button(sign, kind=f"icon {keep}", label=label, disabled=number is None, also=told)


def _elsewhere(shown: Source, sheet: Sheet) -> str:
    """Return where the quote is, if it is not all on this page."""
    others = [number for number in sheet.on if number != sheet.page.number]
    if not others:
        return ""
    if sheet.page.number not in sheet.on:
        said, number = "The quote is on", sheet.on[0]
    elif others[0] > sheet.page.number:
        said, number = "The quote goes on on", others[0]
    else:
        said, number = "The quote begins on", others[0]
    going = button(
        f"page {number}", action="page", page=number, view=PAGE, keep="quote", also=shown.place.data
    )
    return f'<p class="elsewhere">{said} {going}</p>'


def _unread(page: Page) -> str:
    if page.reading is not PageReading.UNREAD:
        return ""
    told = f"This page was not read: {reason_of(page)}."
    return f'<p class="source-gaps" role="note" dir="auto">{escape(told)}</p>'
