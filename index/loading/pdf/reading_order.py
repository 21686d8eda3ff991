"""The order in which the lines of a page are read: down a column, and then down the next one."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.loading.pdf.listed import are_listed
from index.loading.pdf.placed import CELL_GAP, Line, Row, gap, joined, on_one_line

# A gutter has this many lines at least on each side, of this many characters in the middle: else what is
# beside each other belongs together, as the cells of a table do.
_COLUMN_LINES = 4
_COLUMN_CHARACTERS = 18
# Of the lines beside a gutter, so many may run over it: titles, figures.
_SPANNING = 0.3
# In lines that are set as prose most are as long as their column is wide.
_FULL = 0.55
_FULL_LINES = 0.4
_STEP_POINTS = 2.0
_MAX_COLUMNS = 4
# No column is narrower than this share of what it is part of; of the places for a gutter, so many are tried.
_OUTER = 0.1
_PLACES = 24


@dataclass(frozen=True, slots=True)
class Column:
    """The rows of a column from the top down; `listed` says that it is one of a list's columns."""

    rows: list[Row]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    lines: list[Line]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Gutter:
    place: float
    listed: bool

    def is_in(self, line: Line) -> bool:
        """Tell whether a line runs over it."""
        return line.left < self.place < line.right


def columns_in_order(lines: Sequence[Line]) -> list[Column]:
    """Return the lines of a page, which come in the order of the file, as columns in reading order.

    What stands on one baseline of a column is a row: one line of prose, or the cells of a table from
    the left. What runs over several columns, a title or a wide figure's caption, parts what is above
    it from what is below it: all columns above are read first.
    """
    drawn = {line: place for place, line in enumerate(lines)}
    parts = _parts(_Part(list(lines)), drawn, _MAX_COLUMNS)
    return [Column(_rows(part.lines), part.listed) for part in parts if part.lines]


def _parts(whole: _Part, drawn: Mapping[Line, int], most: int) -> list[_Part]:
    gutter = _gutter(whole.lines, drawn) if most > 1 else None
    if gutter is None:
        return [whole]
    parts: list[_Part] = []
    left: list[Line] = []
    right: list[Line] = []

    def end_band() -> None:
        for side in (left, right):
            if side:
                part = _Part(side.copy(), whole.listed or gutter.listed)
                parts.extend(_parts(part, drawn, most - 1))
                side.clear()

    for line in sorted(whole.lines, key=lambda line: line.top):
        if gutter.is_in(line):
            end_band()
            parts.append(_Part([line]))
        else:
            (left if line.right <= gutter.place else right).append(line)
    end_band()
    return _together(parts, gutter)


def _together(parts: list[_Part], gutter: _Gutter) -> list[_Part]:
    """Put lines that run over the gutter one below the other into one column: a paragraph of their own."""
    merged: list[_Part] = []
    spanning = False
    for part in parts:
        spans = len(part.lines) == 1 and gutter.is_in(part.lines[0])
        if spans and spanning:
            merged[-1].lines.extend(part.lines)
        else:
            merged.append(part)
        spanning = spans
    return merged


def _gutter(lines: list[Line], drawn: Mapping[Line, int]) -> _Gutter | None:
    """Return a vertical gap that parts lines of prose, or else of lists, None where none does."""
    if len(lines) < 2 * _COLUMN_LINES:
        return None
    short: list[tuple[float, list[Line], list[Line]]] = []
    for place in _places(lines):
        left = [line for line in lines if line.right <= place]
        right = [line for line in lines if line.left >= place]
        if not _are_beside(left, right, len(lines)):
            continue
        if _is_prose(left) and _is_prose(right):
            return _Gutter(place, listed=False)
        short.append((place, left, right))
    for place, left, right in short:
        if are_listed(left, right, drawn):
            return _Gutter(place, listed=True)
    return None


def _places(lines: list[Line]) -> list[float]:
    """Return where a gutter could be, the likeliest first."""
    low, high = min(line.left for line in lines), max(line.right for line in lines)
    margin = _OUTER * (high - low)
    lefts, rights = sorted(line.left for line in lines), sorted(line.right for line in lines)
    places: list[tuple[int, float, float]] = []
    # A column begins where lines do; where fewest lines run over that edge, and the widest gap is before it.
    for left in dict.fromkeys(round(left / _STEP_POINTS) * _STEP_POINTS for left in lefts):
        place = left - _STEP_POINTS
        if not low + margin <= place <= high - margin:
            continue
        ended = bisect_right(rights, place)
        over = bisect_left(lefts, place) - ended
        places.append((over, rights[ended - 1] - place if ended else 0.0, place))
    return [place for _, _, place in sorted(places)[:_PLACES]]


def _are_beside(left: list[Line], right: list[Line], lines: int) -> bool:
    """Tell whether what is on both sides of a gap, of so many lines, stands beside each other."""
    parted = len(left) + len(right)
    if min(len(left), len(right)) < _COLUMN_LINES or lines - parted > _SPANNING * parted:
        return False
    # A heading to the left of what follows does not.
    top = max(min(line.top for line in left), min(line.top for line in right))
    bottom = min(max(line.bottom for line in left), max(line.bottom for line in right))
    beside = [line for line in (*left, *right) if top <= line.baseline <= bottom]
    return 2 * len(beside) >= min(len(left), len(right))


def _is_prose(lines: list[Line]) -> bool:
    """Tell whether lines fill the column that they are in."""
    if statistics.median(len(line.text) for line in lines) < _COLUMN_CHARACTERS:
        return False
    width = max(line.right for line in lines) - min(line.left for line in lines)
    full = sum(line.width >= _FULL * width for line in lines)
    return full >= _FULL_LINES * len(lines)


def _rows(lines: Sequence[Line]) -> list[Row]:
    """Return the lines of a column by baseline from the top, and what is close on one baseline as one."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.baseline, line.left)):
        if rows and on_one_line(rows[-1][0], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [tuple(_cells(row)) for row in rows]


def _cells(row: list[Line]) -> list[Line]:
    ordered = sorted(row, key=lambda line: line.left)
    cells = [[ordered[0]]]
    for line in ordered[1:]:
        if gap(joined(cells[-1]), line) <= CELL_GAP * max(line.size, 1.0):
            cells[-1].append(line)
        else:
            cells.append([line])
    found = [joined(cell) for cell in cells]
    if all(line.is_right_to_left for line in found):
        found.reverse()
    return found
