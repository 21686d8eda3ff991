"""Tables of web pages as rows of text: spans resolved, the names of columns told from what they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# As browsers bound it.
_SPAN_MAX = 1_000
# Few cells can claim a huge table; once they took so many places more than they are, each takes one.
_PLACES = 200_000
# A cell longer than this is prose, for which the table is only layout.
_CELL_CHARACTERS = 1_500
_LAYOUT_ROLES = frozenset({"presentation", "none"})
# What stands in a cell only where the table arranges a page.
_BLOCKS_OF_PAGES = ("h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "article", "section", "table")
_PARTS = ("table", "thead", "tbody", "tfoot", "tr")
_CELLS = frozenset({"td", "th"})


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of a table, each with a text for every column, and the names of the columns, if it has any."""

    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] | None


def layout_tables(root: HtmlElement) -> frozenset[HtmlElement]:
    """Return the tables that arrange a page rather than hold data, as far as their elements tell."""
    found = {table for table in root.iter("table") if table.get("role") in _LAYOUT_ROLES}
    for block in root.iter(*_BLOCKS_OF_PAGES):
        found.update(islice(block.iterancestors("table"), 1))
    for part in root.iter(*_PARTS):
        texts = [part.text, *(child.tail for child in part)]
        if any(text and not text.isspace() for text in texts):
            # Text beside the cells, which rows would not have.
            found.update(islice(part.iterancestors("table"), 1) if part.tag != "table" else [part])
    return frozenset(found)


def grid(
    table: HtmlElement,
    text_of: Callable[[HtmlElement], str],
    is_unseen: Callable[[HtmlElement], bool],
) -> Grid | None:
    """Return the rows of a table, None where what is in it is better read as paragraphs.

    A cell over several columns stands in the first of them, as a name in all; one over several rows
    stands in each, so that each can be understood by itself. `text_of` gives the text of a cell.
    """
    head: list[tuple[str, ...]] = []
    rows: list[tuple[str, ...]] = []
    for cells, names in _resolved(_lines(table, is_unseen), text_of):
        if any(len(cell) > _CELL_CHARACTERS for cell in cells):
            return None
        if names and not rows:
            head.append(cells)
        elif any(cells):
            rows.append(cells)
    if max(map(len, [*head, *rows]), default=0) < 2:
        return None
    header = _joined(head)
    if not rows:
        return Grid(tuple(head), ())
    return Grid(tuple(rows), header)


@dataclass(frozen=True, slots=True)
class _Line:
    """A row as it is written: its cells, the element around it, and whether they are names of columns."""

    cells: list[HtmlElement]
    section: HtmlElement
    names: bool


def _lines(table: HtmlElement, is_unseen: Callable[[HtmlElement], bool]) -> Iterator[_Line]:
    for row in table.iter("tr"):
        section = row.getparent()
        if is_unseen(row) or is_unseen(section):
            continue
        cells = [cell for cell in row if cell.tag in _CELLS and not is_unseen(cell)]
        if cells:
            names = len(cells) > 1 and all(cell.tag == "th" for cell in cells)
            yield _Line(cells, section, names or section.tag == "thead")


def _resolved(
    lines: Iterable[_Line], text_of: Callable[[HtmlElement], str]
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the texts of each row, one for each column, and whether they are names."""
    # By column: the text that comes down from a row above, and for how many rows more.
    above: dict[int, tuple[str, int]] = {}
    section: HtmlElement | None = None
    places = 0
    for line in lines:
        if line.section is not section or places > _PLACES:
            above, section = {}, line.section
        row = {column: text for column, (text, _) in above.items()}
        above = {column: (text, more - 1) for column, (text, more) in above.items() if more > 1}
        column = 0
        for cell in line.cells:
            while column in row:
                column += 1
            text = text_of(cell)
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            if places > _PLACES:
                width = height = 1
            for offset in range(width):
                shown = text if offset == 0 or line.names else ""
                row.setdefault(column + offset, shown)
                if height > 1:
                    above.setdefault(column + offset, (shown, height - 1))
            column += width
        places += len(row) - len(line.cells)
        last = max((position for position, text in row.items() if text), default=-1)
        yield tuple(row.get(position, "") for position in range(last + 1)), line.names


def _joined(head: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return one name for each column, of all that stand above it, the outermost first."""
    if not head:
        return None
    names: list[str] = []
    for column in range(max(map(len, head))):
        parts = [row[column] for row in head if column < len(row) and row[column]]
        names.append(" ".join(dict.fromkeys(parts)))
    return tuple(names)


def _span(cell: HtmlElement, attribute: str) -> int:
    told = (cell.get(attribute) or "").strip()
    # Digits of other scripts are digits to Python, and not to a browser.
    return min(max(int(told), 1), _SPAN_MAX) if told.isascii() and told.isdigit() and len(told) < 10 else 1
