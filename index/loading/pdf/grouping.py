"""Lines on pages to groups, each one block: a paragraph, a heading, an item, or a row of a table.

The method is the usual one of layout analysis: paragraphs by spacing, indents and lines that end early,
headings by size and weight. A line ends early where the first word of the next one would have fitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from index.loading.pdf.measures import Measures
from index.loading.pdf.mending import HYPHENS
from index.loading.pdf.placed import Line, PageContent, PlacedLine, PlacedWord, Row, gap
from index.loading.pdf.reading_order import Column

_INDENT = 0.8
# Lines of a paragraph are at most so much further apart than the lines around them are.
_SPACED = 1.35
_SAME_SIZE = 0.08
_SAME_EDGE = 1.0
_BLANK = 0.25
# Where nothing stands beside it, a column is taken to be this share of its page wide at least.
_LEAST_COLUMN = 0.4
# A line that leaves this much of its column free ends a block though no sentence ends there.
_MUCH_ROOM = 0.35
# Where so many lines of a list are indented, lines that go on with an entry are, too.
_HANGING = 0.1
# The share that a list's column takes of its distance from the next one; the rest is blank.
_OF_DISTANCE = 0.9
_SAME_PLACE_POINTS = 36.0
_HEADING_SIZE = 1.12
_HEADING_CHARACTERS = 160
_HEADING_LINES = 3
_SMALL = 0.93
_PROSE_WORDS = 4
_NEAR_LINES = 12
_EVEN_GAPS = 1.15
_BULLET = re.compile(r"(?:[-*•‣◦▪●○■□➢✓–—·]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\(?[ivx]{1,5}[.)])")
_LONE_BULLET = re.compile(r"[•‣◦▪●○■□➢✓·]")
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?")
_NUMBERED_HEADING = re.compile(r"\d+(?:\.\d+)*\.?\s+\w")
_LEADERS = re.compile(r"(?:\.\s*){4,}\S{1,6}$")
_ENDS = ".!?:…。！？”\"'»)"


@dataclass(slots=True)
class Group:
    """Lines that make one block."""

    lines: list[PlacedLine] = field(default_factory=list)

    @property
    def last(self) -> PlacedLine:
        """The line that it ends with."""
        return self.lines[-1]

    @property
    def words(self) -> list[tuple[PlacedWord, int]]:
        """Its words, each with the number of its page."""
        return [(word, placed.page) for placed in self.lines for word in placed.line.words]

    @property
    def starts_item(self) -> bool:
        """Whether it is an item of a list, with its bullet or number."""
        return _starts_item(self.lines[0].line)

    @property
    def has_leaders(self) -> bool:
        """Whether it ends with dots that lead to a number, as in a table of contents."""
        return _LEADERS.search(self.last.line.text) is not None


class Grouping:
    """Puts the lines of pages into groups."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def groups(self, pages: Iterable[tuple[PageContent, list[Column]]]) -> Iterator[Group]:
        """Yield the groups in reading order, whole over the ends of columns and pages where text goes on.

        Each page is given with its columns.
        Where notes stand between a paragraph and the page on which it goes on, they come before it.
        """
        held: list[Group] = []
        for page, columns in pages:
            least = _LEAST_COLUMN * page.width if len(columns) == 1 else 0.0
            listed = _list_width([column for column in columns if column.listed])
            for column in columns:
                found = self._in_column(page.number, column, listed if column.listed else least)
                at = self._unfinished(held, found[0])
                if at is not None:
                    begun = held.pop(at)
                    begun.lines.extend(found.pop(0).lines)
                    held.append(begun)
                if found:
                    yield from held
                    held = found
        yield from held

    def is_heading(self, group: Group) -> bool:
        """Tell whether a group is a heading."""
        if len(group.lines) > _HEADING_LINES:
            return False
        lines = [placed.line for placed in group.lines]
        text = " ".join(line.text for line in lines)
        if len(text) > _HEADING_CHARACTERS or not _has_word(text):
            return False
        if any(placed.is_row for placed in group.lines) or group.has_leaders:
            return False
        if all(line.size >= _HEADING_SIZE * self._measures.size for line in lines):
            return True
        if self._measures.bold or not all(line.bold for line in lines):
            return False
        return lines[0].size >= 0.95 * self._measures.size and text[-1] not in ".,;" and not text[0].islower()

    def level(self, group: Group) -> int:
        """Return the level of a heading: by its number, else by its size."""
        ratio = group.lines[0].line.size / self._measures.size
        numbered = _NUMBERED.match(group.lines[0].line.text)
        if numbered and numbered[0].count(".") and ratio < 1.6:
            return 1 + len([part for part in numbered[0].split(".") if part])
        return 1 if ratio >= 1.6 else 2 if ratio >= 1.3 else 3

    def _in_column(self, page: int, column: Column, least: float) -> list[Group]:
        rows = column.rows
        left = min(line.left for row in rows for line in row)
        right = max(left + least, *(line.right for row in rows for line in row))
        placed = [_placed(row, page, left, right, listed=column.listed) for row in rows]
        indented = sum(found.indent > _INDENT * found.line.size for found in placed)
        if column.listed and indented >= _HANGING * len(placed):
            placed = [replace(found, hangs=True) for found in placed]
        for at, found in enumerate(placed):
            around = [other for other in placed[max(0, at - 1) : at + 2] if other is not found]
            if found.is_row and _is_justified(found, around):
                placed[at] = replace(found, cells=(found.line,))
        groups: list[Group] = []
        for at, found in enumerate(placed):
            following = placed[at + 1] if at + 1 < len(placed) else None
            if groups and self._same_block(groups[-1], found, following):
                groups[-1].lines.append(found)
            else:
                groups.append(Group([found]))
        return groups

    def _same_block(self, group: Group, placed: PlacedLine, following: PlacedLine | None) -> bool:
        """Tell whether a line goes on with the block above it in its column."""
        if placed.is_row or group.last.is_row or group.has_leaders or _starts_item(placed.line):
            return False
        if not _alike(group.last.line, placed.line) or not self._is_close(group, placed):
            return False
        if self.is_heading(group):
            return _NUMBERED_HEADING.match(placed.line.text) is None
        if placed.listed:
            return _is_wrapped(group, placed)
        return not _begins_paragraph(group, placed, following)

    def _is_close(self, group: Group, placed: PlacedLine) -> bool:
        spacing = self._measures.spacing_on(placed.page) * placed.line.size
        if len(group.lines) > 1:
            # Set wider than what is around it, as an abstract can be.
            spacing = max(spacing, group.last.line.baseline - group.lines[-2].line.baseline)
        return placed.line.baseline - group.last.line.baseline <= _SPACED * spacing

    def _unfinished(self, held: list[Group], following: Group) -> int | None:
        """Return which of the groups before goes on in another column or on another page."""
        for at in range(len(held) - 1, -1, -1):
            if self._goes_on(held[at], following):
                return at
            if held[at].last.line.size > _SMALL * self._measures.size:
                return None
        return None

    def _goes_on(self, group: Group, following: Group) -> bool:
        last, first = group.last, following.lines[0]
        if last.is_row or first.is_row or first.page - last.page > 1 or _starts_item(first.line):
            return False
        if self.is_heading(group) or self.is_heading(following) or group.has_leaders:
            return False
        before, line = last.line, first.line
        if abs(before.size - line.size) > _SAME_SIZE * line.size or before.bold != line.bold:
            return False
        if before.text[-1] in HYPHENS:
            return True
        if before.text[-1] in _ENDS or (last.listed and not _is_wrapped(group, first)):
            return False
        full = len(group.lines) > 1 and not _fits(_edge(group) - last.end, line)
        return line.text[0].islower() or (full and _is_prose(group))


def _list_width(columns: Sequence[Column]) -> float:
    """Return how wide each column of a list is: all of its lines can be shorter than that."""
    edges = sorted(min(row[0].left for row in column.rows) for column in columns)
    apart = [other - one for one, other in pairwise(edges) if other - one > _SAME_PLACE_POINTS]
    return _OF_DISTANCE * min(apart, default=0.0)


def _is_wrapped(group: Group, following: PlacedLine) -> bool:
    """Tell whether a line goes on with an entry of a list: its first word had no room in the line before."""
    last, line = group.last, following.line
    if last.line.text[-1] in HYPHENS:
        return True
    if _fits(last.right - last.left - last.end, line):
        return False
    indented = following.indent - group.lines[0].indent
    return indented > _INDENT * line.size if following.hangs else indented > -_INDENT * line.size


def _placed(row: Row, page: int, left: float, right: float, *, listed: bool) -> PlacedLine:
    line = Line(tuple(word for cell in row for word in cell.words))
    # A bullet or a number far before its words is no cell of a table, nor is a box at the end of a proof.
    marked = len(row) == 2 and _is_marker(row[0])
    telling = sum(any(character.isalnum() for character in cell.text) for cell in row)
    return PlacedLine(line, page, left, right, (line,) if marked or telling < 2 else row, listed)


def _is_justified(placed: PlacedLine, around: Sequence[PlacedLine]) -> bool:
    """Tell whether a row of cells is a line of prose that was drawn out to the width of its column."""
    line, words = placed.line, placed.line.words
    slack = _SAME_EDGE * line.size
    # Its first line can be indented.
    if line.width < placed.right - placed.left - slack - 3 * _INDENT * line.size:
        return False
    gaps = sorted(gap(one, other) for one, other in pairwise(words))
    if gaps[-1] > _EVEN_GAPS * max(gaps[0], 0.1) + 1:
        return False
    return any(not other.is_row and _alike(other.line, line) for other in around)


def _begins_paragraph(group: Group, placed: PlacedLine, following: PlacedLine | None) -> bool:
    """Tell whether a line that could go on with a block begins one of its own."""
    last, line = group.last, placed.line
    indented = placed.indent - last.indent
    room = _edge(group, placed) - last.end
    fits = _fits(room, line)
    ends = last.line.text[-1] in _ENDS
    if fits and (ends or room > _MUCH_ROOM * (placed.right - placed.left)):
        return True
    if indented > _INDENT * line.size and not group.starts_item:
        # All but the first line of a paragraph can be what is indented, as in a list of literature.
        hangs = following is not None and abs(following.indent - placed.indent) < _INDENT * line.size
        return fits or not hangs or len(group.lines) > 1
    return -indented > _INDENT * line.size and len(group.lines) > 1 and (fits or ends)


def _edge(group: Group, following: PlacedLine | None = None) -> float:
    """Return how far the lines of a block go, or could."""
    last = group.last
    near = group.lines[-_NEAR_LINES:]
    ends = [placed.end for placed in near if placed.page == last.page and placed.left == last.left]
    if len(ends) > 1:
        return max(ends)
    even = following is not None and abs(following.end - last.end) <= _SAME_EDGE * last.line.size
    prose = len(last.line.words) >= _PROSE_WORDS and last.line.text[-1] not in _ENDS
    if following is not None and even and prose:
        return max(following.end, last.end)
    return last.right - last.left


def _fits(room: float, line: Line) -> bool:
    """Tell whether a line's first word would have had room at the end of the line before."""
    first = line.words[0]
    return room > first.right - first.left + _BLANK * line.size


def _alike(one: Line, other: Line) -> bool:
    """Tell whether two lines are set in one way; a word or two in bold or small print can be a last line."""
    same = abs(one.size - other.size) <= _SAME_SIZE * max(one.size, other.size) and one.bold == other.bold
    return same or (
        len(other.words) <= 2 and not one.bold and one.text[-1] not in _ENDS and len(one.words) > 4
    )


def _is_prose(group: Group) -> bool:
    lines = group.lines[-_NEAR_LINES:]
    return sum(len(placed.line.words) for placed in lines) > 2 * len(lines)


def _starts_item(line: Line) -> bool:
    first = line.words[0].text
    if _LONE_BULLET.match(first):
        return True
    if len(line.words) < 2:
        return False
    note = first.isdecimal() and line.words[0].size < _SMALL * line.words[1].size
    return note or _BULLET.fullmatch(first) is not None


def _is_marker(line: Line) -> bool:
    return bool(_BULLET.fullmatch(line.text) or _NUMBERED.fullmatch(line.text))


def _has_word(text: str) -> bool:
    return sum(character.isalpha() for character in text) >= 2
