"""Rows of a table from what stands beside each other on lines: cells parted where other rows part them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from index.loading.composing import looks_like_header
from index.loading.pdf.placed import PlacedLine, PlacedWord, gap

# The words of each cell.
TableRow = list[list[PlacedWord]]

# With fewer rows a gap that all of them have can be chance.
_ROWS = 3
_GAP = 0.45
# Between two cells there is so much more room than between the words of one.
_WIDER = 1.5


def table_rows(lines: Sequence[PlacedLine]) -> list[TableRow]:
    """Return the rows of a table with the words of their cells.

    Where cells of a row stand so close that they look like one, the gaps of the other rows tell that
    they are two.
    """
    rows: list[TableRow] = [[list(cell.words) for cell in placed.cells] for placed in lines]
    if len(rows) < _ROWS:
        return rows
    words = [word for row in rows for cell in row for word in cell]
    least = _GAP * statistics.median(word.size for word in words)
    gutters = [gutter for gutter in _gaps(words, least) if _parts(rows, gutter)]
    return [[part for cell in row for part in _parted(cell, gutters)] for row in rows]


def has_header(rows: Sequence[TableRow], texts: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row of a table names its columns.

    A page does not say so, as other formats do: it has to be bold, or above columns of numbers.
    """
    if len({len(row) for row in rows}) != 1 or not looks_like_header(texts):
        return False
    bold = [all(word.bold for cell in row for word in cell) for row in rows]
    if bold[0] and not any(bold[1:]):
        return True
    named = not any(character.isdigit() for name in texts[0] for character in name)
    columns = zip(*texts[1:], strict=True)
    return len(rows) >= _ROWS and named and any(all(map(_is_number, column)) for column in columns)


def _is_number(text: str) -> bool:
    return 0 < sum(map(str.isdigit, text)) >= sum(map(str.isalpha, text))


def _gaps(words: Sequence[PlacedWord], least: float) -> list[float]:
    """Return the middles of the vertical stripes on which no word stands."""
    found: list[float] = []
    end: float | None = None
    for word in sorted(words, key=lambda word: word.left):
        if end is not None and word.left - end >= least:
            found.append((end + word.left) / 2)
        end = word.right if end is None else max(end, word.right)
    return found


def _parts(rows: Sequence[TableRow], gutter: float) -> bool:
    """Tell whether most rows have one cell to the left of a gap and another to its right."""
    parted = 0
    for row in rows:
        edges = [(min(word.left for word in cell), max(word.right for word in cell)) for cell in row]
        within = any(left < gutter < right for left, right in edges)
        parted += not within and edges[0][0] < gutter < edges[-1][1]
    return 2 * parted >= len(rows)


def _parted(cell: list[PlacedWord], gutters: Sequence[float]) -> list[list[PlacedWord]]:
    """Return the words of a cell parted at gaps, where these are wider than those between its other words."""
    gaps = [gap(one, other) for one, other in pairwise(cell)]
    parts = [cell[:1]]
    for word, apart in zip(cell[1:], gaps, strict=True):
        last = parts[-1][-1]
        low, high = min(last.right, word.right), max(last.left, word.left)
        wide = len(gaps) < 2 or apart >= _WIDER * min(gaps)
        if wide and any(low <= gutter <= high for gutter in gutters):
            parts.append([word])
        else:
            parts[-1].append(word)
    return parts
