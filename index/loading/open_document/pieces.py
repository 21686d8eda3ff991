"""What an OpenDocument is read as: pieces of text and tables, and those that are open while it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from index.loading.composing import Composer, one_line
from index.types import BlockKind

_HEADER_CELL_CHARACTERS = 60
# Empty columns beyond these are the rest of a sheet.
_EMPTY_COLUMNS = 1_024

Attributes: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, heading or item, or with `rows` a table."""

    kind: BlockKind
    text: str = ""
    level: int = 0
    rows: Sequence[Sequence[str]] = ()
    header: Sequence[str] | None = None
    is_title: bool = False

    @property
    def says_something(self) -> bool:
        """Whether there is more in it than white space."""
        return bool(self.rows) or bool(one_line(self.text))

    def add_to(self, composer: Composer) -> None:
        """Add it to a document."""
        if self.kind is BlockKind.TABLE:
            composer.table(self.rows, self.header)
        else:
            composer.block(self.kind, self.text, self.level)


class Receiver(Protocol):
    """Takes what is read, in order."""

    def take(self, piece: Piece) -> None:
        """Take a piece of the document, or of the slide that has begun."""
        ...

    def end_slide(self, *, pictures: bool) -> None:
        """End a slide; `pictures` tells whether there are any on it."""
        ...


@dataclass(slots=True)
class Paragraph:
    """A paragraph that is open; `following` comes after it."""

    kind: BlockKind
    level: int = 0
    is_title: bool = False
    hidden: bool = False
    parts: list[str] = field(default_factory=list)
    following: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Gathering:
    """A cell of a table or the title of a slide: its paragraphs make one text."""

    times: int = 1
    parts: list[str] = field(default_factory=list)
    following: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table that is open."""

    rows: list[list[str]] = field(default_factory=list)
    headers: list[list[str]] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    row_times: int = 1
    in_headers: bool = False
    following: list[Piece] = field(default_factory=list)

    def add_empty(self, times: int) -> None:
        """Add empty cells to the row that is open."""
        self.row.extend([""] * min(times, max(0, _EMPTY_COLUMNS - len(self.row))))

    def piece(self) -> Piece:
        """Return the table; a header that it declares holds where it could name columns."""
        if len(self.headers) == 1 and self.rows:
            (header,) = self.headers
            if all(len(" ".join(name.split())) <= _HEADER_CELL_CHARACTERS for name in header):
                return Piece(BlockKind.TABLE, rows=self.rows, header=header)
        return Piece(BlockKind.TABLE, rows=[*self.headers, *self.rows])


def number(attributes: Attributes, name: str) -> int:
    """Return a number from 1 on, as an attribute says it."""
    told = attributes.get(name, "")
    return max(1, int(told)) if told.isascii() and told.isdecimal() and len(told) < 10 else 1
