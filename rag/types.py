"""What an answer is made of. Offsets are code points of the stored document, half-open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from index.coverage import Unread
from index.types import DEFAULT_COLLECTION, Hit, Span, Why

DEFAULT_TOP_K = 10


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


class Verdict(StrEnum):
    """What became of the words that a sentence claims to quote.

    `EXACT`: they stand in the passage named. `RELOCATED`: they stand in another passage, which is
    cited instead. `STITCHED`: each part of them stands somewhere, but not next to the other. `ALTERED`:
    they are nearly what is written, or the sentence itself gives a number, an address or a quotation
    that is not there. `ABSENT`: nothing like them is there, or nothing was quoted.
    """

    EXACT = "exact"
    RELOCATED = "relocated"
    STITCHED = "stitched"
    ALTERED = "altered"
    ABSENT = "absent"

    @property
    def found(self) -> bool:
        """Whether words with this verdict stand in a passage, letter for letter."""
        return self in (Verdict.EXACT, Verdict.RELOCATED)


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of the answer and the markers of the citations it rests on.

    Without a marker it is not supported by the documents, and is shown as such or not at all.
    `support` is the probability that the quotes say what the sentence says, None where the sentence
    is the quote.
    """

    text: str
    markers: tuple[int, ...]
    verdict: Verdict = Verdict.EXACT
    support: float | None = None

    @property
    def supported(self) -> bool:
        """Whether a checked quote stands under the sentence."""
        return bool(self.markers)


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why an answer is the documents' own sentences although a language model was to write it.

    `reason` is a word for programs (`rag.generation.writing.Reason`), `message` a sentence for people.
    """

    reason: str
    message: str


class DropReason(StrEnum):
    """Why a passage that retrieval came upon is not among the hits.

    `DUPLICATE`: it is a near copy of a hit above it. `FAR`: it shares no word with the question, and
    is less near to it than the floor.
    """

    DUPLICATE = "duplicate"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A passage that retrieval left out, by its place alone; heading and page are those of the passage."""

    document_id: str
    source: str
    title: str
    heading: str | None
    page: int | None
    span: Span
    why: Why
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What `Assistant.ask` returns.

    Every quote in it has passed the invariant against generation `generation` of the collection. An
    abstention has no citations; its hits are the nearest passages, offered as such. `confidence` is
    the calibrated probability that the documents answer the question. `timings` are in milliseconds.
    `unread` tells of pages that could not be read of the documents asked, None where there are none.
    `dropped` are the first passages that retrieval left out before it had all hits, best first.
    `written_by` names the language model that wrote the sentences, None where they are the documents'
    own; `fallback` says why they are where a model was to write. `withheld` counts the sentences that
    were written and not shown, since no quote stood under them.
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
    written_by: str | None = None
    fallback: Fallback | None = None
    withheld: int = 0
    dropped: tuple[Dropped, ...] = ()


class WriterChoice(StrEnum):
    """Who writes an answer: the documents' own sentences are quoted, or a language model writes."""

    QUOTES = "quotes"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation, as it was searched for, and what was answered."""

    question: str
    effective_query: str
    answer: str


@dataclass(frozen=True, slots=True)
class Asking:
    """A question with all that decides how it is answered.

    `turns` is the conversation before it, the oldest first. Without a `writer` a language model writes
    where there is one. `documents` are the ids of those that are asked, all of the collection where
    none are named.
    """

    question: str
    collection: str = DEFAULT_COLLECTION
    top_k: int = DEFAULT_TOP_K
    turns: tuple[Turn, ...] = ()
    writer: WriterChoice | None = None
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The first event of an answer: what was searched for, and the documents' own answer to it.

    `written_by` names the language model that begins to write, None where none will.
    """

    own: Answer
    written_by: str | None


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation that a sentence after it rests on."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the answer; what it rests on was cited before it."""

    sentence: AnswerSentence


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of an answer that is whole."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Broken:
    """The last event of an answer that broke off after its first sentence.

    `answer` is the documents' own, with the `fallback` that says why; it takes the place of all that
    was said before.
    """

    answer: Answer
    fallback: Fallback


AnswerEvent = Retrieved | Cited | Said | Finished | Broken


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
