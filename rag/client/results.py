"""What questions and searches return. Offsets are code points of a document's stored text, half-open.

The fields are those of the service's responses, by their names there (`Answer.text` is `answer`). What a
newer service tells besides is ignored; a field that is missing, or of another type, is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from pydantic import Field


class Turn(TypedDict):
    """One message of a conversation so far, as `history` takes it."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """The words within a quote that answer."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote, verbatim: `quote` is `text[start:end]` of the document, whose text has this `sha256`.

    `score` is in [0, 1] and comparable between the citations of one answer.
    """

    marker: int
    document_id: str
    sha256: str
    source: str
    title: str
    heading: str | None
    page: int | None
    quote: str
    start: int
    end: int
    score: float
    answer_span: AnswerSpan | None

    def verify(self, text: str) -> bool:
        """Tell whether the quote stands, letter for letter, where it says it stands in a document's text."""
        return self.fault_in(text) is None

    def fault_in(self, text: str) -> str | None:
        """Say why the quote is not what it claims to be in a document's text, or None where it is."""
        if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != self.sha256:
            return "the document is another version"
        if not 0 <= self.start < self.end or text[self.start : self.end] != self.quote:
            return "the quote differs from what is stored there"
        span = self.answer_span
        if span is None:
            return None
        if not self.start <= span.start < span.end <= self.end:
            return "the answer span is not within the quote"
        return None if text[span.start : span.end] == span.text else "the answer span differs from the quote"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, and the markers of the citations it rests on.

    `verdict` is what became of the words it claims to quote: `exact`, `relocated`, `stitched`, `altered`
    or `absent`. Only where `supported` does a checked quote stand under it. `support` is the probability
    that the quotes say what it says, None where it is the quote or that was not judged.
    """

    text: str
    markers: tuple[int, ...]
    verdict: str
    supported: bool
    support: float | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was retrieved; a rank is None where the passage was not in that list."""

    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    reader_score: float | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage; the best has rank 1."""

    passage_id: str
    document_id: str
    source: str
    title: str
    heading: str | None
    page: int | None
    text: str
    start: int
    end: int
    score: float
    rank: int
    why: Why


@dataclass(frozen=True, slots=True)
class Unread:
    """How many pages of a collection could not be read, and of how many documents."""

    documents: int
    pages: int


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why an answer is the documents' own sentences although a language model was to write it."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; or an abstention, which has no citations, and hits that are only the nearest passages.

    `confidence` is the calibrated probability that the documents answer the question. `written_by` names
    the language model that wrote the sentences, None where they are the documents' own; `withheld`
    counts those that were written and not shown, since no quote stood under them. `unread` is None where
    every page of the collection was read. `collection` is the one that was asked, None for the default.
    """

    status: Literal["answered", "abstained"]
    text: Annotated[str, Field(validation_alias="answer")]
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    confidence: float
    effective_query: str
    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float]
    generation: int
    unread: Unread | None
    conversation_id: str | None
    written_by: str | None
    fallback: Fallback | None
    withheld: int
    collection: str | None = None

    @property
    def answered(self) -> bool:
        """Whether the documents answer the question."""
        return self.status == "answered"

    def cited_by(self, sentence: Sentence) -> tuple[Citation, ...]:
        """Return what a sentence of this answer rests on, in the order of the citations."""
        return tuple(citation for citation in self.citations if citation.marker in sentence.markers)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first."""

    effective_query: str
    hits: tuple[Hit, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The first event of a streamed answer: what was searched for, and what was found.

    `written_by` names the language model that begins to write, None where the documents are quoted.
    """

    effective_query: str
    confidence: float
    hits: tuple[Hit, ...]
    generation: int
    conversation_id: str | None
    written_by: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of a streamed answer: the whole of it."""

    answer: Answer


AnswerEvent = Retrieval | Citation | Sentence | Done


@dataclass(frozen=True, slots=True)
class QuoteFault:
    """A citation that does not hold, and why."""

    citation: Citation
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of checking an answer's quotes against the stored text; true where all of them hold."""

    checked: int
    faults: tuple[QuoteFault, ...]

    def __bool__(self) -> bool:
        return not self.faults
