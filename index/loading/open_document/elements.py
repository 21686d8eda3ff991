"""The elements of OpenDocument as they come: paragraphs, items, tables, notes; one pass, without a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from index.errors import ParseLimit
from index.loading.loader import Parsing
from index.loading.open_document.names import (
    BLANKS,
    DRAW,
    FURNITURE,
    OFFICE,
    PASSED_OVER,
    PICTURES,
    PRESENTATION,
    TABLE,
    TEXT,
    Styles,
    hides_section,
)
from index.loading.open_document.pieces import (
    Attributes,
    Gathering,
    Paragraph,
    Piece,
    Receiver,
    Table,
    number,
)
from index.types import BlockKind

# Programs nest some tens of elements.
_DEPTH = 1_000
# Cells that one element stands for, in all tables together.
_REPEATED_CELLS = 1_000_000
# The title of a slide, and that of a list of contents.
_INNER_TITLE_LEVEL = 2

_End: TypeAlias = Callable[[], None] | None


class ElementReader:
    """A target for `XMLParser`: takes starts, ends and characters, and gives pieces to a receiver.

    What stands within a paragraph and is none of its text, as a footnote or a frame, comes after it,
    or after the table that it is in. `body` is the element within the document's body that says its kind.
    """

    def __init__(self, receiver: Receiver, styles: Styles, name: str, parsing: Parsing) -> None:
        self.body = ""
        self._receiver = receiver
        self._styles = styles
        self._name = name
        self._characters_left = parsing.characters
        self._cells_left = _REPEATED_CELLS
        self._ends: list[_End] = []
        self._open: list[Paragraph | Gathering | Table] = []
        self._items: list[bool] = []
        self._skipping = self._in_body = self._in_index = self._in_notes = self._pictures = False
        self._starts: dict[str, Callable[[Attributes], _End]] = {
            f"{TEXT}p": self._start_paragraph,
            f"{TEXT}h": self._start_heading,
            f"{TEXT}span": self._start_span,
            f"{TEXT}list-item": self._start_item,
            f"{TEXT}numbered-paragraph": self._start_item,
            f"{TEXT}section": self._start_section,
            f"{TEXT}index-body": self._start_index,
            f"{TEXT}index-title": self._start_index_title,
            f"{TEXT}hidden-paragraph": self._hide_paragraph,
            f"{TABLE}table": self._start_table,
            f"{TABLE}table-header-rows": self._start_headers,
            f"{TABLE}table-row": self._start_row,
            f"{TABLE}table-cell": self._start_cell,
            f"{TABLE}covered-table-cell": self._covered_cell,
            f"{DRAW}page": self._start_slide,
            f"{DRAW}frame": self._start_shape,
            f"{DRAW}custom-shape": self._start_shape,
            f"{PRESENTATION}notes": self._start_notes,
        }

    def start(self, tag: str, attributes: Attributes) -> None:
        """Take the start of an element."""
        if len(self._ends) >= _DEPTH:
            raise ParseLimit(f"{self._name} has more than {_DEPTH} elements within each other")
        end: _End = None
        if not self._skipping:
            if not self._in_body:
                end = self._start_outside(tag, attributes)
            elif not self.body:
                self.body = tag
            elif tag in PASSED_OVER:
                end = self._skip()
            elif tag in BLANKS:
                self.data(" ")
            elif tag in PICTURES:
                self._pictures = self._pictures or not self._in_notes
            elif start := self._starts.get(tag):
                end = start(attributes)
        self._ends.append(end)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser sees to it that it is the last one begun
        """Take the end of an element."""
        if end := self._ends.pop():
            end()

    def data(self, characters: str) -> None:
        """Take characters."""
        if self._open and not self._skipping and isinstance(paragraph := self._open[-1], Paragraph):
            paragraph.parts.append(characters)

    def _skip(self) -> _End:
        self._skipping = True
        return self._stop_skipping

    def _stop_skipping(self) -> None:
        self._skipping = False

    def _start_outside(self, tag: str, attributes: Attributes) -> _End:
        if tag != f"{OFFICE}body":
            self._styles.start(tag, attributes)
            return None
        self._in_body = True
        return self._end_body

    def _end_body(self) -> None:
        self._in_body = False

    def _start_paragraph(self, attributes: Attributes) -> _End:
        style = attributes.get(f"{TEXT}style-name", "")
        is_title = self._styles.is_title(style)
        is_item = self._in_index or (bool(self._items) and self._items[-1])
        kind = BlockKind.HEADING if is_title else BlockKind.ITEM if is_item else BlockKind.PARAGRAPH
        return self._begin(Paragraph(kind, 1, is_title, self._styles.hides("paragraph", style)))

    def _start_heading(self, attributes: Attributes) -> _End:
        hidden = self._styles.hides("paragraph", attributes.get(f"{TEXT}style-name", ""))
        level = number(attributes, f"{TEXT}outline-level")
        return self._begin(Paragraph(BlockKind.HEADING, level, hidden=hidden))

    def _begin(self, paragraph: Paragraph) -> _End:
        if self._items:
            self._items[-1] = False
        self._open.append(paragraph)
        return self._end_paragraph

    def _end_paragraph(self) -> None:
        paragraph = self._open.pop()
        if not isinstance(paragraph, Paragraph) or paragraph.hidden:
            return
        text = "".join(paragraph.parts)
        self._give(Piece(paragraph.kind, text, paragraph.level, is_title=paragraph.is_title))
        self._give_following(paragraph.following)

    def _give(self, piece: Piece) -> None:
        """Give a piece to what it stands in; what stands in nothing goes to the receiver."""
        if not self._open:
            self._receiver.take(piece)
        elif isinstance(outer := self._open[-1], Gathering) and not piece.rows:
            outer.parts.append(piece.text)
        else:
            outer.following.append(piece)

    def _give_following(self, pieces: list[Piece]) -> None:
        if self._open:
            self._open[-1].following.extend(pieces)
        else:
            for piece in pieces:
                self._receiver.take(piece)

    def _start_span(self, attributes: Attributes) -> _End:
        hides = self._styles.hides("text", attributes.get(f"{TEXT}style-name", ""))
        return self._skip() if hides else None

    def _hide_paragraph(self, attributes: Attributes) -> None:
        paragraph = self._open[-1] if self._open else None
        if isinstance(paragraph, Paragraph) and attributes.get(f"{TEXT}is-hidden") == "true":
            paragraph.hidden = True

    def _start_item(self, _: Attributes) -> _End:
        self._items.append(True)
        return self._end_item

    def _end_item(self) -> None:
        self._items.pop()

    def _start_section(self, attributes: Attributes) -> _End:
        return self._skip() if hides_section(attributes) else None

    def _start_index(self, _: Attributes) -> _End:
        self._in_index = True
        return self._end_index

    def _end_index(self) -> None:
        self._in_index = False

    def _start_index_title(self, _: Attributes) -> _End:
        self._open.append(Gathering())
        return self._end_title

    def _end_title(self) -> None:
        title = self._open.pop()
        if isinstance(title, Gathering):
            self._give(Piece(BlockKind.HEADING, " ".join(title.parts), _INNER_TITLE_LEVEL, is_title=True))
            self._give_following(title.following)

    def _start_table(self, _: Attributes) -> _End:
        self._open.append(Table())
        return self._end_table

    def _end_table(self) -> None:
        table = self._open.pop()
        if isinstance(table, Table):
            self._give(table.piece())
            self._give_following(table.following)

    def _table(self) -> Table | None:
        return self._open[-1] if self._open and isinstance(self._open[-1], Table) else None

    def _start_headers(self, _: Attributes) -> _End:
        if table := self._table():
            table.in_headers = True
            return self._end_headers
        return None

    def _end_headers(self) -> None:
        if table := self._table():
            table.in_headers = False

    def _start_row(self, attributes: Attributes) -> _End:
        table = self._table()
        if table is None:
            return None
        table.row = []
        table.row_times = number(attributes, f"{TABLE}number-rows-repeated")
        return self._end_row

    def _end_row(self) -> None:
        if (table := self._table()) and any(table.row):
            self._count(table.row, table.row_times)
            rows = table.headers if table.in_headers else table.rows
            rows.extend([table.row] * table.row_times)

    def _start_cell(self, attributes: Attributes) -> _End:
        if self._table() is None:
            return None
        self._open.append(Gathering(number(attributes, f"{TABLE}number-columns-repeated")))
        return self._end_cell

    def _end_cell(self) -> None:
        cell = self._open.pop()
        table = self._table()
        if isinstance(cell, Gathering) and table:
            text = " ".join(cell.parts).strip()
            if text:
                self._count([text], cell.times)
                table.row.extend([text] * cell.times)
            else:
                table.add_empty(cell.times)
            table.following.extend(cell.following)

    def _covered_cell(self, attributes: Attributes) -> _End:
        if table := self._table():
            table.add_empty(number(attributes, f"{TABLE}number-columns-repeated"))
        return self._skip()

    def _count(self, cells: Sequence[str], times: int) -> None:
        """Raise `ParseLimit` where what few elements stand for is too much."""
        if times > 1:
            self._cells_left -= len(cells) * times
            self._characters_left -= sum(map(len, cells)) * times
            if min(self._cells_left, self._characters_left) < 0:
                raise ParseLimit(f"{self._name} has a table that is repeated too often; split it")

    def _start_slide(self, _: Attributes) -> _End:
        self._pictures = False
        return self._end_slide

    def _end_slide(self) -> None:
        self._receiver.end_slide(pictures=self._pictures)

    def _start_shape(self, attributes: Attributes) -> _End:
        role = attributes.get(f"{PRESENTATION}class")
        if role in FURNITURE or attributes.get(f"{PRESENTATION}placeholder") == "true":
            return self._skip()
        if role == "title" and not self._open and not self._in_notes:
            self._open.append(Gathering())
            return self._end_title
        return None

    def _start_notes(self, _: Attributes) -> _End:
        self._in_notes = True
        return self._end_notes

    def _end_notes(self) -> None:
        self._in_notes = False
