"""What travels between the steps of loading, chunking, embedding and search.

All offsets are code points of the stored text, half-open: `text[start:end]`.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from index.coverage import Coverage

_UNITS_PER_POINT = 20


def content_id(*parts: str) -> str:
    """Return 32 hexadecimal digits that depend on the parts alone, the same in every process."""
    # surrogatepass: a file name on Linux may hold bytes that are not UTF-8 and still needs an id.
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


DEFAULT_COLLECTION = "default"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points."""

    start: int
    end: int

    def stripped(self, text: str) -> Span | None:
        """Return the span without the white space at its ends, None where nothing else is in it."""
        piece = text[self.start : self.end]
        content = piece.strip()
        if not content:
            return None
        start = self.start + len(piece) - len(piece.lstrip())
        return Span(start, start + len(content))


class BlockKind(StrEnum):
    """What a block of a document is, as far as chunking and reading need to know."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    TABLE = "table"
    CODE = "code"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that is one thing: a heading, a paragraph, a list item, a row of a table.

    `start:end` leaves out markup such as `## ` or `- `. `level` is 1 to 6 for headings, else 0.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


class PageKind(StrEnum):
    """What a page of a document is: something printed, a slide, or a sheet of a workbook."""

    PAGE = "page"
    SLIDE = "slide"
    SHEET = "sheet"


class PageReading(StrEnum):
    """How a page came to its text: from the file, by OCR; or not, since nothing is on it, or all the same."""

    TEXT = "text"
    OCR = "ocr"
    BLANK = "blank"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document; `number` counts from 1.

    A page that gave no text has `start == end`. `reason` says why one is unread; `label` is the name
    that it carries, as a sheet does. Slides and sheets are things of their own: no passage runs over
    from one into the next, while a printed page may end within a sentence.
    """

    number: int
    start: int
    end: int
    kind: PageKind = PageKind.PAGE
    reading: PageReading = PageReading.TEXT
    reason: str | None = None
    label: str | None = None

    @property
    def told(self) -> str:
        """The page as people refer to it: `page 3`, `slide 4`, `sheet Prices`."""
        return f"{self.kind.value} {self.label or self.number}"


@dataclass(frozen=True, slots=True)
class Word:
    """A word on a page: its span in the document's text, and its box in points from the top left corner."""

    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageLayout:
    """Where the words of a page stand on it, as it is displayed.

    `width` and `height` are in points. The words are packed, since there are hundreds of them on each
    of hundreds of pages and few are ever looked at.
    """

    number: int
    width: float
    height: float
    packed: bytes

    @classmethod
    def of(cls, number: int, width: float, height: float, words: Iterable[Word]) -> Self:
        """Return the layout of some words; boxes are kept to a twentieth of a point."""
        values = array("i")
        for word in words:
            box = (word.left, word.top, word.right, word.bottom)
            values.extend((word.start, word.end, *(round(edge * _UNITS_PER_POINT) for edge in box)))
        if sys.byteorder == "big":
            values.byteswap()
        return cls(number, width, height, zlib.compress(values.tobytes(), 6))

    def words(self) -> list[Word]:
        """Return the words in reading order."""
        values = array("i", zlib.decompress(self.packed))
        if sys.byteorder == "big":
            values.byteswap()
        return [
            Word(values[at], values[at + 1], *(edge / _UNITS_PER_POINT for edge in values[at + 2 : at + 6]))
            for at in range(0, len(values), 6)
        ]


# The name in a document's metadata under which it is kept how many files its own file had in it.
ATTACHMENTS = "attachments"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored and quoted.

    `id` depends on `source` and the text. `origin` tells two files of one name apart and is never
    shown: `file:` with the resolved path, or `upload:` with the name. `sha256` is that of the text's
    UTF-8 bytes, `content_sha256` that of the bytes it was loaded from. `blocks` are in order and do
    not overlap. `original` are those bytes, where they are to be kept with the document.
    """

    id: str
    source: str
    origin: str
    title: str
    text: str
    sha256: str
    content_sha256: str
    media_type: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...] = ()
    layouts: tuple[PageLayout, ...] = ()
    language: str = "en"
    metadata: Mapping[str, str] = field(default_factory=dict)
    original: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A stored document without its text. `added` is an ISO 8601 time in UTC.

    `attachments` is how many files its own file had in it when it was stored. `has_original` tells
    whether the bytes of that file are stored, too.
    """

    id: str
    source: str
    origin: str
    title: str
    media_type: str
    sha256: str
    content_sha256: str
    characters: int
    passages: int
    pages: int
    added: str
    coverage: Coverage = field(default_factory=Coverage)
    attachments: int = 0
    has_original: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that is embedded and retrieved as one.

    `document.text[start:end] == text`. `heading` is the path of headings above it, outermost first,
    and is None where there is none. `sentences` are the spans, in document offsets, that may be
    quoted as evidence: whole sentences, list items, rows; never headings.
    """

    id: str
    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    heading: str | None
    page: int | None
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A stored passage with the names of its document."""

    passage: Passage
    source: str
    title: str


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was retrieved: its place in each list, None where it was not in it.

    Ranks count from 1. `dense_score` is the cosine to the query, known whether or not the passage
    was among the nearest; `lexical_score` is a BM25 sum; `reader_score` is that of its best sentence
    once a reader has seen it.
    """

    dense_rank: int | None = None
    dense_score: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    reader_score: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage with its document's names. `rank` counts from 1; `score` is in [0, 1]."""

    passage: Passage
    source: str
    title: str
    score: float
    rank: int
    why: Why
