"""What travels between the steps of loading, chunking, embedding and search.

All offsets are code points of the stored text, half-open: `text[start:end]`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
    """A stretch of text that is one thing: a heading, a paragraph, a list item.

    `start:end` leaves out markup such as `## ` or `- `. `level` is 1 to 6 for headings, else 0.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document; `number` counts from 1."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored and quoted.

    `id` depends on `source` and the text. `origin` tells two files of one name apart and is never
    shown: `file:` with the resolved path, or `upload:` with the name. `sha256` is that of the text's
    UTF-8 bytes, `content_sha256` that of the bytes it was loaded from. `blocks` are in order and do
    not overlap.
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
    language: str = "en"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A stored document without its text. `added` is an ISO 8601 time in UTC."""

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
