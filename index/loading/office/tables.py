"""What office documents are made of, before it is composed: paragraphs of some kind, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from index.loading.composing import Composer, looks_like_header, one_line
from index.types import BlockKind

# A cell longer than this is prose, for which the table is only layout.
_CELL_CHARACTERS = 1_500
# No passage begins in a heading, and none is quoted from one: what is longer is prose in large letters.
_HEADING_CHARACTERS = 250


@dataclass(frozen=True, slots=True)
class Said:
    """A paragraph, an item of a list, or a heading of a level."""

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0


@dataclass(slots=True)
class Cell:
    """A cell over some columns, with what is in it."""

    span: int = 1
    pieces: list[Piece] = field(default_factory=list)
    _text: str | None = None

    @property
    def text(self) -> str:
        """What is said in the cell, on one line, once all of it is there."""
        if self._text is None:
            self._text = one_line(" ".join(piece.text for piece in self.pieces if isinstance(piece, Said)))
        return self._text

    @property
    def is_layout(self) -> bool:
        """Whether what is in it is better read as paragraphs: long prose, or a table within."""
        return len(self.text) > _CELL_CHARACTERS or any(isinstance(piece, Table) for piece in self.pieces)


@dataclass(slots=True)
class Row:
    """A row of cells, one of those at the top that name the columns if it `is_header`."""

    cells: list[Cell] = field(default_factory=list)
    is_header: bool = False

    @property
    def columns(self) -> int:
        """How many columns it goes over."""
        return sum(cell.span for cell in self.cells)

    @property
    def is_layout(self) -> bool:
        """Whether what is in one of its cells is better read as paragraphs."""
        return any(cell.is_layout for cell in self.cells)

    def texts(self) -> list[str]:
        """Return a text for each column; a cell over several stands in the first of them."""
        return [text for cell in self.cells for text in (cell.text, *("",) * (cell.span - 1))]

    def names(self) -> list[str]:
        """Return a text for each column; a cell over several stands in all of them."""
        return [cell.text for cell in self.cells for _ in range(cell.span)]


@dataclass(slots=True)
class Table:
    """A table, whose cells may hold tables."""

    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a table with the names of its columns."""

    texts: Sequence[str]
    names: Sequence[str]


Piece: TypeAlias = Said | Table


def says_something(pieces: Sequence[Piece]) -> bool:
    """Tell whether there is a character to see in any of the pieces."""
    waiting = list(pieces)
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, Table):
            waiting.extend(inner for row in piece.rows for cell in row.cells for inner in cell.pieces)
        elif one_line(piece.text):
            return True
    return False


def add_pieces(composer: Composer, pieces: Sequence[Piece]) -> None:
    """Add pieces in order: each row of a table with the names of its columns."""
    waiting: list[Piece | _Line] = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        match piece:
            case _Line():
                composer.row(piece.texts, piece.names)
            case Table():
                waiting.extend(reversed(list(_lines(piece))))
            case Said(kind=BlockKind.HEADING) if len(piece.text) > _HEADING_CHARACTERS:
                composer.paragraph(piece.text)
            case Said():
                composer.block(piece.kind, piece.text, piece.level)


def _lines(table: Table) -> Iterator[Piece | _Line]:
    """Yield the rows of a table, and what is in those that are layout."""
    rows = [row for row in table.rows if row.is_layout or any(cell.text for cell in row.cells)]
    columns = max((row.columns for row in rows), default=0)
    titles = 0
    while titles < len(rows) and len(rows[titles].cells) == 1:
        titles += 1
    header, names = _header(rows[titles:])
    for position, row in enumerate(rows):
        if titles <= position < titles + header:
            continue
        # A cell across the whole table is a title of what comes below it, and has no column.
        if row.is_layout or columns == 1 or len(row.cells) == 1:
            yield from (piece for cell in row.cells for piece in cell.pieces)
        else:
            yield _Line(row.texts(), names)


def _header(rows: Sequence[Row]) -> tuple[int, list[str]]:
    """Return how many rows name the columns, and the names; those of groups stand before their columns'."""
    marked = 0
    while marked < len(rows) and rows[marked].is_header and not rows[marked].is_layout:
        marked += 1
    if marked == len(rows):
        marked = 0
    if not marked and rows and not rows[0].is_layout:
        marked = int(looks_like_header([row.texts() for row in rows if not row.is_layout]))
    names: list[list[str]] = []
    for row in rows[:marked]:
        for column, name in enumerate(row.names()):
            names.extend([] for _ in range(column + 1 - len(names)))
            if name and name not in names[column]:
                names[column].append(name)
    return marked, [" ".join(parts) for parts in names]
