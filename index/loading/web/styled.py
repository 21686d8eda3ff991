"""Headings that only the style sheets of a book tell: paragraphs all bold, and larger than its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from index.loading.web.elements import HEADINGS, PREFORMATTED, UNSEEN, is_block, is_hidden
from index.loading.web.styles import MAX_POINTS, Letters, Sheet, Style, style_of

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_LARGER = 1.05
# A longer paragraph is prose.
_HEADING_CHARACTERS = 200
_LEVELS = 6
_CLASSES = 8
_HEADING_TAGS = frozenset({"p", "div"})
# What stands in these is no heading of the text.
_PARTS = frozenset({"table", "li", "dl", "aside", "figure", "nav", "caption", *HEADINGS, *PREFORMATTED})


@dataclass(slots=True)
class Shown:
    """How a page of a book shows its text.

    `characters` counts them by their size. `bold` are the paragraphs that could be headings, each with
    the size of its smallest letters.
    """

    characters: Counter[float] = field(default_factory=Counter)
    bold: list[tuple[HtmlElement, float]] = field(default_factory=list)


def heading_levels(pages: Iterable[Shown]) -> dict[float, int]:
    """Return the levels of a book's headings by their sizes: of what is bold, what is larger than text."""
    characters: Counter[float] = Counter()
    bold: set[float] = set()
    for page in pages:
        characters.update(page.characters)
        bold.update(size for _, size in page.bold)
    # Of two sizes with as many characters the larger one, so that less becomes a heading.
    usual = max(characters, key=lambda size: (characters[size], size), default=MAX_POINTS)
    sizes = sorted((size for size in bold if size >= _LARGER * usual), reverse=True)
    return {size: min(rank, _LEVELS) for rank, size in enumerate(sizes, 1)}


def shown(root: HtmlElement, sheets: Sequence[Sheet]) -> Shown:
    """Return how a page shows its text with some style sheets, the last of which comes first."""
    return _Reading(sheets).of(root)


@dataclass(slots=True)
class _Paragraph:
    """A block, and what is known of its text so far; `whole` if it could be a heading."""

    element: HtmlElement
    whole: bool
    characters: int = 0
    smallest: float = MAX_POINTS
    named: bool = False


class _Reading:
    """Walks a page once, without recursion, with the letters of each element that is open."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sheets = sheets
        self._styles: dict[tuple[str, str], Style] = {}
        self._shown = Shown()
        self._parts = 0
        self._paragraphs: list[_Paragraph] = []

    def of(self, root: HtmlElement) -> Shown:
        """Return how the text of a tree is shown."""
        from lxml import etree  # noqa: PLC0415 - a compiled library, of no use to a question

        letters = [Letters()]
        walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
        for event, element in walk:
            if event == "start":
                letters.append(letters[-1].within(self._style(element)))
                if element.tag in UNSEEN or is_hidden(element):
                    walk.skip_subtree()
                    continue
                self._enter(element)
                self._say(element.text, letters[-1])
            else:
                if event == "end":
                    letters.pop()
                    self._leave(element)
                self._say(element.tail, letters[-1])
        return self._shown

    def _enter(self, element: HtmlElement) -> None:
        self._parts += element.tag in _PARTS
        if is_block(element):
            if self._paragraphs:
                self._paragraphs[-1].whole = False
            self._paragraphs.append(_Paragraph(element, element.tag in _HEADING_TAGS and not self._parts))

    def _leave(self, element: HtmlElement) -> None:
        if element.tag in UNSEEN or is_hidden(element):
            return
        self._parts -= element.tag in _PARTS
        if self._paragraphs and self._paragraphs[-1].element is element:
            paragraph = self._paragraphs.pop()
            if paragraph.whole and paragraph.named and paragraph.characters <= _HEADING_CHARACTERS:
                self._shown.bold.append((element, paragraph.smallest))

    def _say(self, text: str | None, letters: Letters) -> None:
        if not text or text.isspace():
            return
        self._shown.characters[letters.size] += len(text)
        if self._paragraphs:
            paragraph = self._paragraphs[-1]
            paragraph.whole = paragraph.whole and letters.bold
            paragraph.characters += len(text)
            paragraph.smallest = min(paragraph.smallest, letters.size)
            paragraph.named = paragraph.named or any(map(str.isalnum, text))

    def _style(self, element: HtmlElement) -> Style:
        tag, names = element.tag, element.get("class") or ""
        style = self._styles.get((tag, names))
        if style is None:
            style = Style(bold=True) if tag in ("b", "strong") else Style()
            classes = [f".{name}" for name in names.lower().split()[:_CLASSES]]
            for selector in (tag, *classes, *(f"{tag}{name}" for name in classes)):
                for sheet in self._sheets:
                    style = sheet.get(selector, style).over(style)
            self._styles[tag, names] = style
        told = element.get("style")
        return style_of(told).over(style) if told else style
