"""The table in which tesseract gives the words that it read, to lines of words with their places."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.loading.composing import normalised
from index.loading.pdf.placed import Line, PlacedWord

_POINTS_PER_INCH = 72.0
_WORD_LEVEL, _LINE_LEVEL = "5", "4"
_COLUMNS = 12
# A line that tesseract is this unsure of, on the whole, is no line: it reads pictures and stains, too.
_LEAST_CONFIDENCE = 35.0
_SURE_OF_SIGNS = 60.0
# How high and how deep letters are, in sizes of their font.
_TALL, _LOW, _DEEP = 0.68, 0.46, 0.21
_IS_TALL = re.compile(r"[A-Z0-9bdfhkltßÄÖÜ(\[!?&%/]")
_IS_DEEP = re.compile(r"[gjpqyQ,;()\[\]/]")
# Sizes that are measured differ by chance; within this share of the usual one they are that.
_SAME_SIZE = 0.1
_EDGES = re.compile(r"(?<=\w)_+$|^_+(?=\w)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A word as it was seen, in points."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float

    @property
    def size(self) -> float:
        """The size of the font, from how high such letters are."""
        height = _TALL if _IS_TALL.search(self.text) else _LOW
        return (self.bottom - self.top) / (height + (_DEEP if _IS_DEEP.search(self.text) else 0.0))

    @property
    def baseline(self) -> float:
        return self.bottom - (_DEEP * self.size if _IS_DEEP.search(self.text) else 0.0)


@dataclass(frozen=True, slots=True)
class _SeenLine:
    """A line as it was seen; `paragraph` is what tells apart the paragraphs that tesseract found."""

    paragraph: tuple[str, str]
    words: list[_Seen]

    @property
    def is_sure(self) -> bool:
        """Whether it is text."""
        told = [word.confidence for word in self.words for _ in word.text]
        return bool(told) and statistics.mean(told) >= _LEAST_CONFIDENCE


def lines_of_table(table: str, dots_per_inch: float) -> tuple[Line, ...]:
    """Return the lines of text in tesseract's table, in points.

    Its columns are level, page, block, paragraph, line, word, left, top, width, height, confidence, text.
    A word that it is unsure of stays within its line: without it, the line would say something else.
    """
    seen = [line for line in _seen(table, _POINTS_PER_INCH / dots_per_inch) if line.is_sure]
    sizes = _sizes(seen)
    return tuple(_line(line.words, size) for line, size in zip(seen, sizes, strict=True))


def _seen(table: str, scale: float) -> Iterator[_SeenLine]:
    line: _SeenLine | None = None
    for row in table.split("\n")[1:]:
        fields = row.rstrip("\r").split("\t")
        if len(fields) != _COLUMNS:
            continue
        if fields[0] == _LINE_LEVEL:
            if line is not None:
                yield line
            line = _SeenLine((fields[2], fields[3]), [])
        elif fields[0] == _WORD_LEVEL and line is not None:
            # Wide gaps between words are taken for lines to be filled in.
            text = _EDGES.sub("", "".join(normalised(fields[11]).split()))
            confidence = float(fields[10])
            if any(map(str.isalnum, text)) or (text.strip("_") and confidence >= _SURE_OF_SIGNS):
                left, top, width, height = (int(field) * scale for field in fields[6:10])
                line.words.append(_Seen(text, left, top, left + width, top + height, confidence))
    if line is not None:
        yield line


def _sizes(lines: Sequence[_SeenLine]) -> list[float]:
    """Return the size of each line: one for those of a paragraph, the usual one where it is about that."""
    if not lines:
        return []
    by_paragraph: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        by_paragraph.setdefault(line.paragraph, []).extend(word.size for word in line.words)
    usual = statistics.median(size for sizes in by_paragraph.values() for size in sizes)
    found = {paragraph: statistics.median(sizes) for paragraph, sizes in by_paragraph.items()}
    return [
        usual if abs(found[line.paragraph] - usual) <= _SAME_SIZE * usual else found[line.paragraph]
        for line in lines
    ]


def _line(words: Sequence[_Seen], size: float) -> Line:
    baseline = statistics.median(word.baseline for word in words)
    return Line(
        tuple(
            PlacedWord(word.text, word.left, word.top, word.right, word.bottom, baseline, size)
            for word in words
        )
    )
