"""The shapes of requests and responses. They are stable: programs are written against them.

All offsets are code points of `GET /documents/{id}/text`, half-open.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from index.types import DEFAULT_COLLECTION, DocumentInfo, Hit
from rag.answering import MAX_QUESTION_CHARACTERS, MAX_TOP_K
from rag.types import Answer, Citation, SearchResult

# Documented here; `InvalidName` refuses, whose message says what a name may be.
_NAME = {"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}
CollectionName = Annotated[str, Field(max_length=64, examples=[DEFAULT_COLLECTION], json_schema_extra=_NAME)]
TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K, strict=True)]
Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]


class Request(BaseModel):
    """What a client sends: fields that are not known are refused, so that none is thought to have worked."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Mirror(BaseModel):
    """A shape that has the fields of the type it shows, or some of them."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, shown: object) -> Self:
        """Return the wire shape."""
        return cls.model_validate(shown)


class WhyOut(Mirror):
    """Why a passage was retrieved; a rank is null where the passage was not in that list."""

    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    reader_score: float | None


class HitOut(BaseModel):
    """A retrieved passage."""

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
    why: WhyOut

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """Return the wire shape."""
        passage = hit.passage
        return cls(
            passage_id=passage.id,
            document_id=passage.document_id,
            source=hit.source,
            title=hit.title,
            heading=passage.heading,
            page=passage.page,
            text=passage.text,
            start=passage.start,
            end=passage.end,
            score=hit.score,
            rank=hit.rank,
            why=WhyOut.of(hit.why),
        )


class AnswerSpanOut(Mirror):
    """The words within a quote that answer."""

    text: str
    start: int
    end: int


class CitationOut(BaseModel):
    """A quote, verbatim: `quote` is `text[start:end]` of the document."""

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
    answer_span: AnswerSpanOut | None

    @classmethod
    def of(cls, citation: Citation) -> Self:
        """Return the wire shape."""
        quote, span = citation.quote, citation.answer_span
        return cls(
            marker=citation.marker,
            document_id=quote.document_id,
            sha256=quote.sha256,
            source=citation.source,
            title=citation.title,
            heading=citation.heading,
            page=citation.page,
            quote=quote.text,
            start=quote.start,
            end=quote.end,
            score=citation.score,
            answer_span=AnswerSpanOut.of(span) if span is not None else None,
        )


class SentenceOut(Mirror):
    """A sentence of the answer and the markers of what it rests on.

    `verdict` tells what became of the words that it claimed to quote; a sentence that is not
    `supported` has no marker. `support` is the probability that the quotes say what the sentence says,
    null where it is the quote.
    """

    text: str
    markers: list[int]
    verdict: Literal["exact", "relocated", "stitched", "altered", "absent"]
    supported: bool
    support: float | None


class FallbackOut(Mirror):
    """Why an answer is the documents' own sentences although a language model was to write it."""

    reason: Literal[
        "unreachable", "timeout", "unauthorized", "rate_limited", "server_error", "refused",
        "context_too_long", "unusable", "cut_off", "busy", "resting",
    ]  # fmt: skip
    message: str


class UnreadOut(Mirror):
    """How many pages of the documents asked could not be read, and in how many documents they are."""

    documents: int
    pages: int


class AskResponse(BaseModel):
    """An answer; or an abstention, which has no citations, and hits that are only the nearest passages.

    `unread` is null where every page of the documents asked was read: what is on one that was not can be
    in no answer. `written_by` names the language model that wrote the sentences, null where they are the
    documents' own; `withheld` counts those it wrote under which no quote stood.
    """

    status: Literal["answered", "abstained"]
    answer: str
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    confidence: float
    effective_query: str
    hits: list[HitOut]
    timings_ms: dict[str, float]
    generation: int
    unread: UnreadOut | None
    conversation_id: str | None
    written_by: str | None
    fallback: FallbackOut | None
    withheld: int

    @classmethod
    def of(cls, answer: Answer, conversation_id: str | None = None) -> Self:
        """Return the wire shape."""
        return cls(
            status=answer.status.value,
            answer=answer.text,
            sentences=[SentenceOut.of(sentence) for sentence in answer.sentences],
            citations=[CitationOut.of(citation) for citation in answer.citations],
            confidence=answer.confidence,
            effective_query=answer.effective_query,
            hits=[HitOut.of(hit) for hit in answer.hits],
            timings_ms={step: round(taken, 3) for step, taken in answer.timings.items()},
            generation=answer.generation,
            unread=UnreadOut.of(answer.unread) if answer.unread is not None else None,
            conversation_id=conversation_id,
            written_by=answer.written_by,
            fallback=FallbackOut.of(answer.fallback) if answer.fallback is not None else None,
            withheld=answer.withheld,
        )


class SearchResponse(BaseModel):
    """Passages, best first."""

    effective_query: str
    hits: list[HitOut]
    generation: int

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """Return the wire shape."""
        return cls(
            effective_query=result.effective_query,
            hits=[HitOut.of(hit) for hit in result.hits],
            generation=result.generation,
        )


class DocumentOut(BaseModel):
    """A stored document. `added` is an ISO 8601 time in UTC; `pages` is 0 for formats without pages."""

    id: str
    source: str
    title: str
    media_type: str
    sha256: str
    characters: int
    passages: int
    pages: int
    unread_pages: int
    added: str

    @classmethod
    def of(cls, info: DocumentInfo) -> Self:
        """Return the wire shape."""
        return cls(
            id=info.id,
            source=info.source,
            title=info.title,
            media_type=info.media_type,
            sha256=info.sha256,
            characters=info.characters,
            passages=info.passages,
            pages=info.pages,
            unread_pages=len(info.coverage.unread),
            added=info.added,
        )


class DocumentsOut(BaseModel):
    """The documents of a collection."""

    documents: list[DocumentOut]


class TextOut(BaseModel):
    """A document's stored text; `sha256` is that of its UTF-8 bytes."""

    document_id: str
    sha256: str
    text: str


class JobAccepted(BaseModel):
    """The id of the job that does what was asked for: `GET /jobs/{id}` tells how it goes on."""

    job: str


class StatusOut(BaseModel):
    """Whether the service lives, or is ready to answer."""

    status: Literal["ok", "ready"]


class ErrorOut(BaseModel):
    """What every error looks like."""

    code: str
    message: str
    request_id: str
