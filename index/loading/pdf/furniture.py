"""What stands on every page and is no part of the text: running heads, feet, page numbers."""

from __future__ import annotations

import math
import re
import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from index.loading.pdf.placed import Line, PageContent, on_one_line

# How much of a page, from the top and from the bottom, can hold what is repeated.
_MARGIN = 0.13
# A page number that goes up with the pages may stand further in, below a page that is not full.
_NUMBER_MARGIN = 0.3
# On how many pages of all a line has to stand to be one that is repeated; heads can differ left and right.
_SHARE = 0.4
_NUMBERED_SHARE = 0.2
_LEAST_PAGES = 2
# A line that varies, as the head of a chapter does, stands at the same height on most pages, apart from
# the text by more of its size than lines are.
_APART = 0.75
_APART_SHARE = 0.6
_APART_PAGES = 4
_HEIGHT_POINTS = 3.0
_HEIGHTS = 200
_PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?:page|seite|p\.|s\.)\s*)?(\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|von|/|-)\s*\d{1,4})?[\W_]*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class Furnished:
    """Pages without what is repeated on them, and each repeated text once, numbers as `#`."""

    pages: tuple[PageContent, ...]
    repeated: tuple[str, ...]


def without_furniture(pages: Sequence[PageContent]) -> Furnished:
    """Return pages without the lines that are repeated in their margins, and without page numbers.

    A document of one page keeps all it has, as nothing tells a head from a title there, and so does
    a page that would be left with nothing.
    """
    filled = [page for page in pages if page.lines]
    if len(filled) < _LEAST_PAGES:
        return Furnished(tuple(pages), ())
    repeated = _Repeated(filled)
    varying = _Varying(filled)
    kept: dict[int, PageContent] = {}
    gone: dict[str, None] = {}
    for page in filled:
        dropped = repeated.lines(page)
        gone_here = {_DIGITS.sub("#", line.text): None for line in dropped}
        dropped += varying.lines(page)
        kept[page.number] = _less(page, set(dropped))
        gone.update(gone_here if kept[page.number] is not page else {})
    numbers = _Numbers(list(kept.values()))
    for page in kept.values():
        kept[page.number] = _less(page, set(numbers.lines(page)))
    return Furnished(tuple(kept.get(page.number, page) for page in pages), tuple(gone))


class _Repeated:
    """Lines that stand on many pages with the same words, at about the same height.

    Those that differ in numbers have to stand apart from the text, too: so do rows of a table.
    """

    def __init__(self, pages: Sequence[PageContent]) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()
        self._exactly: Counter[str] = Counter()
        for page in pages:
            lines = list(_margin_lines(page))
            self._counts.update({_mark(line, page) for line in lines})
            self._exactly.update({line.text for line in lines})
        self._needed = max(_LEAST_PAGES, _SHARE * len(pages))

    def lines(self, page: PageContent) -> list[Line]:
        found = [line for line in _margin_lines(page) if self._has(line, page)]
        rest = _Stripes(set(page.lines).difference(found))
        return [
            line
            for line in found
            if self._exactly[line.text] >= _LEAST_PAGES or rest.distance(line) >= _APART * line.size
        ]

    def _has(self, line: Line, page: PageContent) -> bool:
        if _PAGE_NUMBER.fullmatch(line.text):
            return False  # whether it is one is told by how it counts
        text, height = _mark(line, page)
        return sum(self._counts[text, height + step] for step in (-1, 0, 1)) >= self._needed


class _Varying:
    """Heads and feet that say something else on each page, by where they stand."""

    def __init__(self, pages: Sequence[PageContent]) -> None:
        found: tuple[list[float], list[float]] = ([], [])
        for page in pages:
            for heights, lines in zip(found, _outermost(page, _MARGIN), strict=True):
                if lines and _is_apart(lines, page):
                    heights.append(lines[0].baseline)
        self._heights = [_common(heights, len(pages)) for heights in found]

    def lines(self, page: PageContent) -> Iterator[Line]:
        for lines, height in zip(_outermost(page, _MARGIN), self._heights, strict=True):
            if height is not None and lines and _is_apart(lines, page):
                yield from (line for line in lines if abs(line.baseline - height) <= _HEIGHT_POINTS)


class _Numbers:
    """Numbers at the edge of pages that go up as the pages do."""

    def __init__(self, pages: Sequence[PageContent]) -> None:
        self._steps = Counter(step for page in pages for _, step in self._found(page))
        self._needed = max(_LEAST_PAGES, _NUMBERED_SHARE * len(pages))

    def lines(self, page: PageContent) -> list[Line]:
        return [line for line, step in self._found(page) if self._steps[step] >= self._needed]

    @staticmethod
    def _found(page: PageContent) -> Iterator[tuple[Line, tuple[bool, int]]]:
        """Yield lines that may be page numbers: whether roman, and how far from the page's own number."""
        for lines in _outermost(page, _NUMBER_MARGIN):
            for line in lines:
                if told := _PAGE_NUMBER.fullmatch(line.text):
                    value = told[1].casefold()
                    number = int(value) if value.isdecimal() else _roman(value)
                    yield line, (not value.isdecimal(), number - page.number)


def _less(page: PageContent, dropped: Set[Line]) -> PageContent:
    """Return a page without some lines; the page itself where nothing would be left, or nothing goes."""
    if not dropped or len(dropped) >= len(page.lines):
        return page
    return replace(page, lines=tuple(line for line in page.lines if line not in dropped))


def _margin_lines(page: PageContent) -> list[Line]:
    limit = _MARGIN * page.height
    return [line for line in page.lines if line.bottom <= limit or line.top >= page.height - limit]


def _mark(line: Line, page: PageContent) -> tuple[str, int]:
    """Return what is equal for a line that is repeated on another page: words, and height in steps."""
    return _DIGITS.sub("#", line.text.casefold()), round(line.baseline / page.height * _HEIGHTS)


def _common(heights: list[float], pages: int) -> float | None:
    if pages < _APART_PAGES or not heights:
        return None
    middle = statistics.median(heights)
    near = sum(abs(height - middle) <= _HEIGHT_POINTS for height in heights)
    return middle if near >= _APART_SHARE * pages else None


def _outermost(page: PageContent, margin: float) -> tuple[list[Line], list[Line]]:
    """Return what stands on the first and on the last baseline, where these are in a margin."""
    if len(page.lines) < 2:
        return [], []
    top = min(page.lines, key=lambda line: line.baseline)
    bottom = max(page.lines, key=lambda line: line.baseline)
    limit = margin * page.height
    return (
        [line for line in page.lines if on_one_line(line, top)] if top.bottom <= limit else [],
        [line for line in page.lines if on_one_line(line, bottom)]
        if bottom.top >= page.height - limit
        else [],
    )


def _is_apart(lines: list[Line], page: PageContent) -> bool:
    """Tell whether a first or last row is further from the rest than lines of text are.

    And set no larger: the titles of slides stand at one height, too.
    """
    rest = set(page.lines).difference(lines)
    if not rest:
        return False
    size = statistics.median(line.size for line in rest)
    if max(line.size for line in lines) > 1.05 * size:
        return False
    stripes = _Stripes(rest)
    return min(map(stripes.distance, lines)) >= _APART * size


class _Stripes:
    """What parts of a page's height some lines take."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._tops: list[float] = []
        self._bottoms: list[float] = []
        for line in sorted(lines, key=lambda line: line.top):
            if self._bottoms and line.top <= self._bottoms[-1]:
                self._bottoms[-1] = max(self._bottoms[-1], line.bottom)
            else:
                self._tops.append(line.top)
                self._bottoms.append(line.bottom)

    def distance(self, line: Line) -> float:
        """Return how far a line is above or below the nearest of these; negative where they overlap."""
        at = bisect_right(self._tops, line.bottom)
        above = line.top - self._bottoms[at - 1] if at else math.inf
        below = self._tops[at] - line.bottom if at < len(self._tops) else math.inf
        return min(above, below)


def _roman(told: str) -> int:
    values = [_ROMAN[letter] for letter in told]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))
