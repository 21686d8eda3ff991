"""What an answer is made of. Offsets are code points of the stored document, half-open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from index.coverage import Unread
from index.types import Hit, Span


class AnswerStatus(StrEnum):
    """Whether the documents answer the question. A failure is neither: it raises."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document, claimed to be `document.text[start:end]`; `sha256` is that of its whole text."""

    document_id: str
    start: int
    end: int
    text: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """The words within a quote that answer, in offsets of the document."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote under a marker `[n]` of the answer, with what a reader needs to find and weigh it.

    `score` is in [0, 1] and comparable between the citations of one answer. `place` is the page, slide
    or sheet in words, empty for formats without.
    """

    marker: int
    quote: Quote
    source: str
    title: str
    heading: str | None
    page: int | None
    score: float
    answer_span: AnswerSpan | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of the answer and the markers of the citations it rests on."""

    text: str
    markers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What `Assistant.ask` returns.

    Every quote in it has passed the invariant against generation `generation` of the collection. An
    abstention has no citations; its hits are the nearest passages, offered as such. `confidence` is
    the calibrated probability that the documents answer the question. `timings` are in milliseconds.
    `unread` tells of pages of the collection that could not be read, None where there are none.
    """

    question: str
    effective_query: str
    text: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    status: AnswerStatus
    confidence: float
    hits: tuple[Hit, ...]
    timings: Mapping[str, float]
    generation: int
    unread: Unread | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What `Assistant.search` returns: passages, best first, of one generation of the collection."""

    effective_query: str
    hits: tuple[Hit, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that a reader puts forward, best first in a `Reading`.

    `hit` is its place among the hits that were read, `span` the sentence and `answer` the words
    within it that answer, None where the reader cannot tell; both in document offsets. `score` is in
    [0, 1]; `signals` are what it was made of, by name.
    """

    hit: int
    span: Span
    answer: Span | None
    score: float
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of some passages: sentences, best first, and whether they answer at all.

    `answerable` is the calibrated probability that the passages answer the question.
    """

    evidence: tuple[Evidence, ...]
    answerable: float
