"""The order in which the lines of a page are read: down a column, and then down the next one."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from index.loading.pdf.placed import CELL_GAP, Line, gap, joined, on_one_line

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
_OUTER = 0.15
_PLACES = 24

Row = tuple[Line, ...]


def rows_in_order(lines: Sequence[Line]) -> list[list[Row]]:
    """Return the lines of a page as columns in reading order, each a list of rows from the top down.

    What stands on one baseline of a column is a row: one line of prose, or the cells of a table from
    the left. What runs over several columns, a title or a wide figure's caption, parts what is above
    it from what is below it: all columns above are read first.
    """
    return [_rows(column) for column in _columns(list(lines), _MAX_COLUMNS) if column]


def _columns(lines: list[Line], most: int) -> list[list[Line]]:
    gutter = _gutter(lines) if most > 1 else None
    if gutter is None:
        return [lines]
    columns: list[list[Line]] = []
    left: list[Line] = []
    right: list[Line] = []

    def end_band() -> None:
        for side in (left, right):
            if side:
                columns.extend(_columns(side.copy(), most - 1))
                side.clear()

    for line in sorted(lines, key=lambda line: line.top):
        if line.left < gutter < line.right:
            end_band()
            columns.append([line])
        else:
            (left if line.right <= gutter else right).append(line)
    end_band()
    return _together(columns, gutter)


def _together(columns: list[list[Line]], gutter: float) -> list[list[Line]]:
    """Put lines that run over the gutter one below the other into one column: a paragraph of their own."""
    merged: list[list[Line]] = []
    spanning = False
    for column in columns:
        spans = len(column) == 1 and column[0].left < gutter < column[0].right
        if spans and spanning:
            merged[-1].extend(column)
        else:
            merged.append(column)
        spanning = spans
    return merged


def _gutter(lines: list[Line]) -> float | None:
    """Return where a vertical gap parts lines of prose, None where none does."""
    if len(lines) < 2 * _COLUMN_LINES:
        return None
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
    for over, _, place in sorted(places)[:_PLACES]:
        if _parts(lines, place, over):
            return place
    return None


def _parts(lines: list[Line], place: float, over: int) -> bool:
    left = [line for line in lines if line.right <= place]
    right = [line for line in lines if line.left >= place]
    if min(len(left), len(right)) < _COLUMN_LINES or over > _SPANNING * (len(left) + len(right)):
        return False
    if not (_is_prose(left) and _is_prose(right)):
        return False
    # Columns stand beside each other; a heading to the left of what follows does not.
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
