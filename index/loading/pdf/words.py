"""The words of a PDF's page with their places, from the characters that pdfium finds on it."""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.loading.composing import normalised
from index.loading.pdf.fields import field_words
from index.loading.pdf.placed import Line, PlacedWord, is_from_the_right, lines_of
from index.loading.pdf.places import Affine, Box, affine_of
from index.loading.pdf.symbols import composed, meaning, meaning_in

if TYPE_CHECKING:
    import pypdfium2

# More are on no page that anyone reads; a page that claims more is cut off there.
MAX_CHARACTERS = 200_000
# How pdfium gives a hyphen that breaks a word at the end of a line.
_BREAKING_HYPHENS = (0x2, 0xFFFE)
_BOLD_WEIGHT = 600
_BOLD_NAMES = ("bold", "black", "heavy", "demi", "-medi", "cmbx", "sfbx", "sfsx")
# Characters of a word are no further apart than this, in sizes, and stand about on one baseline.
_WORD_GAP = 0.3
_DOUBTFUL_GAP = 0.1
_WORD_RISE = 0.6
# Digits that are set off from others by more than this are a note's mark or an exponent.
_RAISED = 0.12
_QUARTER = math.pi / 2
_ASKEW = math.radians(8)
_NAME_BYTES = 128
# How far a word may lie outside of a page, whose edge cuts through letters at times.
_OUTSIDE_POINTS = 2.0


@dataclass(frozen=True, slots=True)
class PageText:
    """The lines of a page as they are read, turned upright.

    `turned` is by how many quarter turns, clockwise, that is from how the page is displayed; `width`
    and `height` are those of the turned page. `aside` is what stands at another angle. `unmapped` is
    the share of characters whose meaning nobody knows.
    """

    lines: tuple[Line, ...]
    aside: tuple[Line, ...]
    width: float
    height: float
    turned: int
    characters: int
    unmapped: float


@dataclass(slots=True)
class _Glyphs:
    """Characters of one word, in the order in which they come."""

    text: list[str]
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float
    bold: bool
    turn: int | None
    last_baseline: float
    last_box: Box
    last_glyph: int = 0

    def takes(self, character: str, box: Box, baseline: float, *, doubtful: bool) -> bool:
        """Tell whether a character belongs to this word; doubtful where there may be a blank before it."""
        if self.turn is None:
            # What is askew is kept together by the blanks between its words alone.
            return not doubtful
        left, top, right, bottom = box
        if abs(baseline - self.baseline) > _WORD_RISE * self.size:
            return False
        among_digits = character.isdigit() and self.text[-1][-1:].isdigit()
        if among_digits and abs(baseline - self.last_baseline) > _RAISED * self.size:
            return False  # `556` with a note's mark 2 is not the number 5562.
        if self.turn in (0, 2):
            apart = max(left, self.left) - min(right, self.right)
        else:
            apart = max(top, self.top) - min(bottom, self.bottom)
        return -self.size < apart <= (_DOUBTFUL_GAP if doubtful else _WORD_GAP) * self.size

    def add(self, character: str, box: Box, baseline: float) -> None:
        """Take a character."""
        if box != self.last_box:
            self.last_glyph = len(self.text)
            left, top, right, bottom = self.last_box = box
            self.left, self.top = min(self.left, left), min(self.top, top)
            self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
        # pdfium turns right-to-left text round letter by letter, those of one glyph (lam and alef), too.
        at = self.last_glyph if is_from_the_right(character) else len(self.text)
        self.text.insert(at, character)
        self.last_baseline = baseline

    def word(self) -> PlacedWord | None:
        text = "".join(self.text)
        box = (self.left, self.top, self.right, self.bottom)
        if text.isascii() and text.isprintable():
            return PlacedWord(text, *box, self.baseline, self.size, self.bold)
        if any("\ud800" <= character <= "\udfff" for character in text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if text.endswith("\N{SOFT HYPHEN}") and len(text) > 1:
            text = f"{text[:-1]}-"
        text = "".join(normalised(composed(text)).split())
        if not text:
            return None
        return PlacedWord(text, *box, self.baseline, self.size, self.bold)


def page_text(page: pypdfium2.PdfPage, form: object = None) -> PageText:
    """Return the text of a page, with the values of its fields where the document's form is given."""
    width, height = page.get_size()
    affine = affine_of(page, width, height)
    textpage = page.get_textpage()
    try:
        reader = _Characters(textpage, affine)
        words = [found for found in reader.words() if _is_on(found[0], width, height)]
    finally:
        textpage.close()
    filled = [word for word in field_words(page, form, affine) if _is_on(word, width, height)]
    turns = Counter(turn for word, turn in words if turn is not None for _ in word.text)
    turn = max(turns, key=lambda found: (turns[found], -found), default=0)
    upright = [_turned(word, turn, width, height) for word, found in words if found == turn]
    fields = [_turned(word, turn, width, height) for word in filled]
    aside = [word for word, found in words if found != turn]
    size = (height, width) if turn % 2 else (width, height)
    characters = sum(len(word.text) for word, _ in words) + sum(len(word.text) for word in filled)
    return PageText(
        lines_of(upright) + lines_of(fields),
        (Line(tuple(aside)),) if aside else (),
        *size,
        turn,
        characters,
        reader.unmapped / max(1, reader.seen),
    )


def _is_on(word: PlacedWord, width: float, height: float) -> bool:
    """Tell whether a word can be seen on its page: some writers keep what they have cut off."""
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    margin = _OUTSIDE_POINTS
    return -margin <= across <= width + margin and -margin <= down <= height + margin


def _turned(word: PlacedWord, turn: int, width: float, height: float) -> PlacedWord:
    """Turn a word back by as many quarters as its text stands turned, clockwise, on the page."""
    if not turn:
        return word
    box = (word.left, word.top, word.right, word.bottom)
    baseline = word.baseline
    # The origin's other coordinate is that of the baseline for text that runs up or down.
    for _ in range(turn):
        left, top, right, bottom = box
        box = (top, width - right, bottom, width - left)
        width, height = height, width
    left, top, right, bottom = box
    if turn in (1, 2):
        baseline = height - baseline
    return replace(word, left=left, top=top, right=right, bottom=bottom, baseline=baseline)


class _Characters:
    """Goes over the characters of a page and gives its words, each with the quarter turn it stands at.

    `seen` counts the characters, `unmapped` those that nobody knows the meaning of.
    """

    def __init__(self, textpage: pypdfium2.PdfTextPage, affine: Affine) -> None:
        # As in `pdf`: a question asked from a shell needs no PDF library.
        from pypdfium2 import raw  # noqa: PLC0415

        self._raw = raw
        # The handle itself: asked for through its owner, it costs as much as the call that it goes to.
        self._text = textpage.raw
        self._affine = affine
        self._box_read = raw.FS_RECTF()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._name, self._flags = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_int()
        self.seen = 0
        self.unmapped = 0

    def words(self) -> Iterator[tuple[PlacedWord, int | None]]:
        """Yield the words in the order of the file; None for the turn of one that stands askew."""
        raw, text = self._raw, self._text
        unicode_of, is_unmapped = raw.FPDFText_GetUnicode, raw.FPDFText_HasUnicodeMapError
        found: _Glyphs | None = None
        doubtful = False
        for index in range(min(raw.FPDFText_CountChars(text), MAX_CHARACTERS)):
            code = unicode_of(text, index)
            if code in _BREAKING_HYPHENS and is_unmapped(text, index) != 1:
                if found is not None:
                    found.text.append("-")
                    yield from _done(found)
                found = None
                continue
            character = self._character(index, code)
            if not character.strip():
                # pdfium puts blanks where it thinks that they belong: before an exponent, too.
                if found is not None and raw.FPDFText_IsGenerated(text, index) == 1:
                    doubtful = True
                else:
                    yield from _done(found)
                    found = None
                continue
            box = self._box(index)
            if found is None:
                baseline = 0.0
            elif found.turn == 0 and box[1::2] == found.last_box[1::2]:
                baseline = found.last_baseline  # as high in one font, and so on one baseline
            else:
                baseline = self._baseline(index, found.turn)
            if found is not None and not found.takes(character, box, baseline, doubtful=doubtful):
                yield from _done(found)
                found = None
            if found is None:
                found = self._begun(index, box)
                baseline = found.baseline
            found.add(character, box, baseline)
            doubtful = False
        yield from _done(found)

    def _character(self, index: int, code: int) -> str:
        """Return what a character means; nothing for what is a blank or a piece of a drawing."""
        if self._raw.FPDFText_HasUnicodeMapError(self._text, index) == 1:
            self.seen += 1
            told = meaning_in(self._font(index), code)
            self.unmapped += not told.isprintable() or told == "\N{REPLACEMENT CHARACTER}"
            return told
        if code <= 32:
            return ""
        self.seen += 1
        return meaning(code) if code >= 0xE000 else chr(code)

    def _box(self, index: int) -> Box:
        read = self._box_read
        self._raw.FPDFText_GetLooseCharBox(self._text, index, read)
        return self._affine.box(read.left, read.bottom, read.right, read.top)

    def _baseline(self, index: int, turn: int | None) -> float:
        self._raw.FPDFText_GetCharOrigin(self._text, index, self._x, self._y)
        across, down = self._affine.point(self._x.value, self._y.value)
        return across if turn in (1, 3) else down

    def _begun(self, index: int, box: Box) -> _Glyphs:
        raw, text, affine = self._raw, self._text, self._affine
        matrix = raw.FS_MATRIX()
        size = raw.FPDFText_GetFontSize(text, index) or 1.0
        angle = 0.0
        if raw.FPDFText_GetMatrix(text, index, matrix):
            size *= math.hypot(matrix.c, matrix.d) or 1.0
            # Along the baseline, as it is displayed: down is positive there, so an angle is clockwise.
            across = affine.a * matrix.a + affine.c * matrix.b
            down = affine.b * matrix.a + affine.d * matrix.b
            angle = math.atan2(down, across)
        quarters = round(angle / _QUARTER)
        turn = quarters % 4 if abs(angle - quarters * _QUARTER) <= _ASKEW else None
        baseline = self._baseline(index, turn)
        return _Glyphs([], *box, baseline, max(size, 0.5), self._is_bold(index), turn, baseline, box)

    def _is_bold(self, index: int) -> bool:
        if self._raw.FPDFText_GetFontWeight(self._text, index) >= _BOLD_WEIGHT:
            return True
        told = self._font(index).casefold()
        return any(part in told for part in _BOLD_NAMES)

    def _font(self, index: int) -> str:
        self._raw.FPDFText_GetFontInfo(self._text, index, self._name, _NAME_BYTES, self._flags)
        return self._name.value.decode("utf-8", "replace")


def _done(found: _Glyphs | None) -> Iterator[tuple[PlacedWord, int | None]]:
    if found is not None and (word := found.word()) is not None:
        yield word, found.turn
