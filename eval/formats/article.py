"""An article as what it is made of, so that it can be written in any format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_HEADING_MAX_CHARACTERS = 80
_ITEM = "- "
_ROW = re.compile(r"[^|:]+: [^|]+(?: \| [^|:]+: [^|]+)+")
_NOTE = re.compile(r"\[\d+\] ")
_CALL = re.compile(r"\[(\d+)\]$")


class PieceKind(StrEnum):
    """What a piece of an article is."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an article. `note` is the footnote called at its end, `rows` a table, header first."""

    kind: PieceKind
    text: str = ""
    note: str | None = None
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """The pieces of an article in reading order."""

    pieces: tuple[Piece, ...]

    @property
    def title(self) -> str | None:
        """The title, None where the article has none."""
        return next((piece.text for piece in self.pieces if piece.kind is PieceKind.TITLE), None)

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the article that a text is, a line for each piece.

        A line without a full stop is a heading, and the title where it is the first; `- ` begins an item.
        Lines such as `Goods: Salt | Tonnes: 3` are the rows of a table. `[1]` at the end of a paragraph
        calls the footnote that the line beginning with it is.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        notes = {line.split()[0]: line.split(" ", 1)[1] for line in lines if _NOTE.match(line)}
        pieces: list[Piece] = []
        for position, line in enumerate(lines):
            if _NOTE.match(line):
                continue
            if line.startswith(_ITEM):
                pieces.append(Piece(PieceKind.ITEM, line.removeprefix(_ITEM)))
            elif _ROW.fullmatch(line):
                _add_row(pieces, line)
            elif len(line) <= _HEADING_MAX_CHARACTERS and line[-1] not in ".!?]":
                pieces.append(Piece(PieceKind.HEADING if position else PieceKind.TITLE, line))
            else:
                call = _CALL.search(line)
                note = notes.get(call[0]) if call else None
                pieces.append(Piece(PieceKind.PARAGRAPH, _CALL.sub("", line) if note else line, note))
        return cls(tuple(pieces))

    def sections(self) -> list[tuple[str | None, list[Piece]]]:
        """Return the headings, each with what stands below it; None for what stands before the first one."""
        found: list[tuple[str | None, list[Piece]]] = []
        for piece in self.pieces:
            if piece.kind in (PieceKind.TITLE, PieceKind.HEADING):
                found.append((piece.text, []))
            else:
                if not found:
                    found.append((None, []))
                found[-1][1].append(piece)
        return found


def _add_row(pieces: list[Piece], line: str) -> None:
    cells = [cell.split(": ", 1) for cell in line.split(" | ")]
    names, values = (tuple(cell[side] for cell in cells) for side in (0, 1))
    if pieces and pieces[-1].kind is PieceKind.TABLE and pieces[-1].rows[0] == names:
        pieces[-1] = Piece(PieceKind.TABLE, rows=(*pieces[-1].rows, values))
    else:
        pieces.append(Piece(PieceKind.TABLE, rows=(names, values)))
