"""Rich Text Format: groups, control words and code pages, read in one pass without recursion.

A reader of our own: striprtf 0.0.35 shows hidden and deleted text, loses footnotes as LibreOffice writes
them, leaves characters beyond 16 bits in two halves, and tells no heading, item or row from a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field

from index.errors import ParseLimit, UnreadableText
from index.loading.composing import Composer
from index.loading.rich_text.words import (
    ABOUT,
    ASIDES,
    BREAKS,
    CHARACTERS,
    CHARSETS,
    LIST_MARKS,
    OF_DOCUMENT,
    PASSED_OVER,
    READ_THOUGH_MARKED,
    SYMBOL_FONT,
    SYMBOLS,
    Group,
    code_page,
    joined,
    level_of_style,
    of_symbol_font,
)

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|(?P<plain>[^\\{}\r\n]+)|[\r\n]+|\\"
)
# Programs nest some tens of groups.
_DEPTH = 1_000
_BYTES_BETWEEN_SIGNS_OF_LIFE = 4 * 2**20


@dataclass(slots=True)
class RichTextReader:
    """Reads a document into a composer; what it says about itself is in `about` and `created`."""

    composer: Composer
    name: str
    about: dict[str, str] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    _group: Group = field(default_factory=Group)
    _stack: list[Group] = field(default_factory=list)
    _encoding: str = "cp1252"
    _default_font: int | None = None
    _font_encodings: dict[int, str] = field(default_factory=dict)
    _style_levels: dict[int, int] = field(default_factory=dict)
    _bytes: bytearray = field(default_factory=bytearray)
    _parts: list[str] = field(default_factory=list)
    _asides: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _to_skip: int = 0
    _marked: bool = False
    _is_item: bool = False

    def read(self, data: bytes, sign_of_life: Callable[[], None]) -> None:
        """Read all of a document, and end what it leaves open; give signs of life meanwhile."""
        position = told = 0
        while token := _TOKEN.match(data, position):
            if position - told > _BYTES_BETWEEN_SIGNS_OF_LIFE:
                sign_of_life()
                told = position
            position = token.end()
            if word := token["word"]:
                number = int(token["number"]) if token["number"] else None
                if word == b"bin":
                    position += max(0, number or 0)
                else:
                    self._word(word.decode("ascii"), number)
            elif token["hex"]:
                self._plain(bytes.fromhex(token["hex"].decode("ascii")))
            elif token["plain"]:
                self._plain(token["plain"])
            elif token["symbol"]:
                self._symbol(token["symbol"])
            elif token["brace"] == b"{":
                self._open()
            elif token["brace"]:
                self._close()
                if not self._stack:
                    break
        if self._stack:
            raise UnreadableText(f"{self.name} is damaged: it ends before its last group is closed")
        self._end_of_paragraph()
        self._end_of_table()

    def _open(self) -> None:
        self._flush()
        self._to_skip = 0
        if len(self._stack) >= _DEPTH:
            raise ParseLimit(f"{self.name} has more than {_DEPTH} groups within each other")
        self._stack.append(self._group)
        passed_over = self._group.passed_over or self._group.ansi_next
        self._group.ansi_next = False
        self._group = copy(self._group)
        self._group.passed_over, self._group.outer_parts = passed_over, None

    def _close(self) -> None:
        self._flush()
        self._to_skip = 0
        self._marked = False
        ended = self._group
        self._group = self._stack.pop()
        if ended.outer_parts is not None:
            text = joined(self._parts)
            self._parts = ended.outer_parts
            if ended.goes_to == "aside":
                self._asides.append(text)
            elif ended.goes_to == "style":
                level = ended.level if ended.level is not None else level_of_style(text)
                level = self._style_levels.get(ended.based_on) if level is None else level
                if level is not None:
                    self._style_levels[ended.style] = level
            elif ended.goes_to != "nowhere":
                self.about[ended.goes_to] = text

    def _divert(self, to: str) -> None:
        """Let what the group holds go elsewhere."""
        self._group.goes_to = to
        if self._group.outer_parts is None:
            self._group.outer_parts = self._parts
        self._parts = []

    def _symbol(self, symbol: bytes) -> None:
        self._flush()
        if symbol == b"*":
            self._marked = True
        elif symbol in b"\r\n":
            self._word("par", None)
        elif character := SYMBOLS.get(symbol):
            self._add(character)

    def _word(self, word: str, number: int | None) -> None:
        if word != "u":
            self._flush()
            if self._to_skip and word not in BREAKS:
                self._to_skip -= 1
        marked, self._marked = self._marked, False
        if word in PASSED_OVER or (marked and word not in READ_THOUGH_MARKED):
            self._group.passed_over = True
        elif word == "ud":
            self._group.passed_over = False
        if self._group.passed_over:
            return
        if word == "u" and number is not None:
            self._unicode(number)
        elif word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif word in BREAKS:
            self._end_of_paragraph()
        elif word == "cell":
            self._cells.append(self._taken())
        elif word == "row":
            self._rows.append(self._cells)
            self._cells = []
        elif not self._destination(word):
            self._property(word, number)

    def _destination(self, word: str) -> bool:
        """Take a word that says what its group is for, and tell whether it was one."""
        group = self._group
        if word in ASIDES:
            self._divert("aside")
        elif word in LIST_MARKS:
            self._is_item = group.passed_over = True
        elif word in {"info", "fonttbl", "stylesheet"}:
            self._divert("nowhere")
            group.goes_to = word
        elif word in ABOUT and group.goes_to == "info":
            self._divert(word)
        elif word == "upr":
            group.ansi_next = True
        else:
            return False
        return True

    def _property(self, word: str, number: int | None) -> None:  # noqa: PLR0912 - a table of cases
        group = self._group
        on = number is None or number != 0
        match word:
            case "v":
                group.hidden = on
            case "deleted":
                group.deleted = on
            case "plain":
                group.hidden = group.deleted = False
                group.font = self._default_font
            case "pard":
                group.style, group.level, group.in_table = 0, None, False
            case "intbl":
                group.in_table = True
            case "s" if number is not None:
                group.style = number
                if group.goes_to == "stylesheet":
                    self._divert("style")
            case "sbasedon" if number is not None:
                group.based_on = number
            case "outlinelevel":
                group.level = number
            case "uc":
                group.skipped_after_unicode = max(0, number or 0)
            case "f":
                group.font = number
            case "deff":
                self._default_font = group.font = number
            case "fcharset" | "cpg" if group.font is not None and number is not None:
                named = CHARSETS.get(number) if word == "fcharset" else code_page(number)
                if named:
                    self._font_encodings[group.font] = named
            case "ansicpg" if number is not None:
                self._encoding = code_page(number) or self._encoding
            case "yr" | "mo" | "dy" | "hr" | "min" if group.goes_to == "creatim" and number is not None:
                self.created[word] = number
            case _:
                self._encoding = OF_DOCUMENT.get(word, self._encoding)

    def _plain(self, content: bytes) -> None:
        skipped = min(self._to_skip, len(content))
        self._to_skip -= skipped
        self._marked = False
        if not self._group.passed_over:
            # A character of several bytes may be half in hexadecimal: decoded when all of it is there.
            self._bytes += content[skipped:]

    def _unicode(self, number: int) -> None:
        self._flush()
        code = number % 0x10000
        if self._font_encoding() == SYMBOL_FONT and 0xF000 <= code <= 0xF0FF:
            self._add(of_symbol_font(code - 0xF000))
        else:
            self._add(chr(code))
        self._to_skip = self._group.skipped_after_unicode

    def _flush(self) -> None:
        if self._bytes:
            encoding = self._font_encoding()
            if encoding == SYMBOL_FONT:
                text = "".join(map(of_symbol_font, self._bytes))
            else:
                text = self._bytes.decode(encoding, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        group = self._group
        if not (group.passed_over or group.hidden or group.deleted):
            self._parts.append(text)

    def _font_encoding(self) -> str:
        font = self._group.font if self._group.font is not None else self._default_font
        return self._encoding if font is None else self._font_encodings.get(font, self._encoding)

    def _taken(self) -> str:
        self._flush()
        text = joined(self._parts)
        self._parts.clear()
        return text

    def _end_of_paragraph(self) -> None:
        group = self._group
        if group.goes_to or (group.in_table and self._stack):
            self._flush()
            self._parts.append(" ")
            return
        text, is_item, self._is_item = self._taken(), self._is_item, False
        if text.strip() or self._asides:
            self._end_of_table()
        level = group.level if group.level is not None else self._style_levels.get(group.style)
        if level is not None and 0 <= level < 9:
            self.composer.heading(text, level + 1)
        elif is_item:
            self.composer.item(text)
        else:
            self.composer.paragraph(text)
        self._add_asides()

    def _end_of_table(self) -> None:
        if self._cells:
            self._rows.append(self._cells)  # a row that was not ended
        rows, self._rows, self._cells = self._rows, [], []
        if rows:
            self.composer.table(rows)
            self._add_asides()

    def _add_asides(self) -> None:
        asides, self._asides = self._asides, []
        for aside in asides:
            self.composer.paragraph(aside)
