"""Composes the text of a document whose format holds no plain text: block by block, normalised once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.errors import ParseLimit
from index.loading.loader import Attachment, Parsed, Parsing
from index.types import Block, BlockKind, Page, PageKind, PageLayout, PageReading

# Typographic ligatures; other compatibility characters (²) mean something and stay.
_LIGATURES = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
    "\ufb05": "st", "\ufb06": "st",
}  # fmt: skip
# What is not seen: soft hyphens, zero-width spaces and joins between words, byte-order marks, directions.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LIGATURE = re.compile(f"[{''.join(_LIGATURES)}]")
_CELL_SEPARATOR = " | "
_HEADER_SEPARATOR = ": "
_BLANK_LINE = "\n\n"
# A header row names columns; longer cells are prose.
_HEADER_CELL_CHARACTERS = 60


def normalised(text: str) -> str:
    """Return text as it is stored: one kind of line end, no ligatures, nothing invisible."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\N{NO-BREAK SPACE}", " ")
    text = _LIGATURE.sub(lambda found: _LIGATURES[found[0]], text)
    text = _UNPRINTABLE.sub(" ", _INVISIBLE.sub("", text))
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Return text normalised, each run of white space a single blank."""
    return " ".join(normalised(text).split())


class Composer:
    """Takes the blocks of a document in reading order and gives the `Parsed` of them.

    Each call adds one block, normalised; one without a visible character adds nothing. Blank lines
    stand between blocks, and a line end between the rows of a table and the items of a list. Raise
    `ParseLimit` past the characters that `parsing` allows.
    """

    def __init__(self, name: str, parsing: Parsing) -> None:
        self._name = name
        self._parsing = parsing
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._layouts: list[PageLayout] = []
        self.attachments: list[Attachment] = []

    @property
    def length(self) -> int:
        """How many characters the text has so far."""
        return self._length

    @property
    def is_empty(self) -> bool:
        """Whether there is no block yet."""
        return not self._blocks

    def block(self, kind: BlockKind, text: str, level: int = 0) -> Block | None:
        """Add a block of a kind, as the methods of these do; a row of a table is one that is made already."""
        match kind:
            case BlockKind.HEADING:
                return self.heading(text, level)
            case BlockKind.ITEM:
                return self.item(text)
            case BlockKind.CODE:
                return self.code(text)
            case BlockKind.TABLE:
                return self.row([one_line(text)])
            case BlockKind.METADATA:
                return self.note(text)
            case BlockKind.PARAGRAPH:
                return self.paragraph(text)

    def heading(self, text: str, level: int) -> Block | None:
        """Add a heading; `level` is taken to the nearest of 1 to 6."""
        return self._add(BlockKind.HEADING, one_line(text), min(max(level, 1), 6))

    def paragraph(self, text: str) -> Block | None:
        """Add a paragraph; its line breaks are layout."""
        return self._add(BlockKind.PARAGRAPH, one_line(text))

    def item(self, text: str) -> Block | None:
        """Add an item of a list, without its bullet."""
        return self._add(BlockKind.ITEM, one_line(text))

    def note(self, text: str) -> Block | None:
        """Add what can be found and not quoted, as the addresses of a mail."""
        return self._add(BlockKind.METADATA, one_line(text))

    def code(self, text: str) -> Block | None:
        """Add lines that stay as they are."""
        return self._add(BlockKind.CODE, normalised(text).strip("\n").rstrip())

    def table(self, rows: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> None:
        """Add the rows of a table, each with the names of its columns where it has a header.

        So that a row can be understood, and quoted, by itself: `Region: North | Sales: 12`. Without a
        header given, the first row is taken for one where it looks like it. Empty cells are left out.
        """
        lines = [[one_line(cell) for cell in row] for row in rows]
        lines = [line for line in lines if any(line)]
        if header is None and looks_like_header(lines):
            header, lines = lines[0], lines[1:]
        names = [one_line(name) for name in header or ()]
        for line in lines:
            self.row(line, names)

    def row(self, cells: Sequence[str], names: Sequence[str] = ()) -> Block | None:
        """Add one row of a table; cells and names are one line each."""
        return self._add(BlockKind.TABLE, _CELL_SEPARATOR.join(_named(cells, names)))

    def begin_page(
        self,
        number: int,
        kind: PageKind = PageKind.PAGE,
        *,
        reading: PageReading = PageReading.TEXT,
        reason: str | None = None,
        label: str | None = None,
    ) -> None:
        """Begin a page; what is added from here on stands on it, until the next one begins."""
        start = self._length + len(_BLANK_LINE) if self._parts else 0
        named = one_line(label or "") or None
        self._pages.append(Page(number, start, start, kind, reading, reason, named))

    def place(self, pages: Sequence[Page], layouts: Sequence[PageLayout]) -> None:
        """Say where the pages are, for a format whose blocks run over them."""
        self._pages = list(pages)
        self._layouts = list(layouts)

    def parsed(self, title: str | None = None, metadata: Mapping[str, str | None] | None = None) -> Parsed:
        """Return the document; of `metadata`, what says something."""
        told = {key: one_line(value) for key, value in (metadata or {}).items() if value and one_line(value)}
        text = "".join(self._parts)
        return Parsed(
            text,
            tuple(self._blocks),
            (one_line(title) or None) if title else None,
            tuple(_ended(self._pages, text)),
            tuple(self._layouts),
            told,
            tuple(self.attachments),
        )

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> Block | None:
        if not text.strip():
            return None
        between = ""
        if self._parts:
            rows = kind in (BlockKind.TABLE, BlockKind.ITEM) and self._blocks[-1].kind is kind
            joins = rows and not (self._pages and self._pages[-1].start > self._length)
            between = "\n" if joins else _BLANK_LINE
        if self._length + len(between) + len(text) > self._parsing.characters:
            raise ParseLimit(f"{self._name} holds more than {self._parsing.characters} characters; split it")
        self._append(between)
        block = Block(kind, self._length, self._length + len(text), level)
        self._append(text)
        self._blocks.append(block)
        return block

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _named(cells: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the cells that say something, each with the name of its column."""
    told = []
    for column, cell in enumerate(cells):
        name = names[column] if column < len(names) else ""
        if cell:
            told.append(f"{name}{_HEADER_SEPARATOR}{cell}" if name and name != cell else cell)
    return told


def cell_starts(cells: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return where each cell begins in the row that `Composer.row` makes of them; none may be empty."""
    starts: list[int] = []
    length = 0
    for named, cell in zip(_named(cells, names), cells, strict=True):
        starts.append(length + len(named) - len(cell))
        length += len(named) + len(_CELL_SEPARATOR)
    return starts


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row of a table names its columns: short, distinct, and no numbers."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    names = [cell for cell in rows[0] if cell]
    return (
        len(names) >= max(2, len(rows[0]) - 1)
        and len(set(names)) == len(names)
        and all(len(name) <= _HEADER_CELL_CHARACTERS for name in names)
        and not any(_is_number(name) for name in names)
    )


def _is_number(cell: str) -> bool:
    return any(character.isdigit() for character in cell) and not any(
        character.isalpha() for character in cell
    )


def _ended(pages: Sequence[Page], text: str) -> list[Page]:
    """Return pages with their ends: where the next one begins, without the white space between."""
    ended = []
    for position, page in enumerate(pages):
        start = min(page.start, len(text))
        limit = pages[position + 1].start if position + 1 < len(pages) else len(text)
        end = start + len(text[start:limit].rstrip())
        ended.append(replace(page, start=start, end=end))
    return ended
