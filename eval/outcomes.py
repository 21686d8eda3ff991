"""What became of the cases of a run, as a file holds it: every figure is worked out of it."""

from __future__ import annotations

from dataclasses import dataclass

from eval.citation_metrics import JudgedClaim
from eval.evidence_metrics import EvidenceCounts
from rag.types import AnswerStatus


@dataclass(frozen=True, slots=True)
class ExpectedQuote:
    """A piece of evidence as the case names it first, and what became of it.

    `documents` are the ids of those in which it, or an alternative to it, stands. `rank` is that of the
    first passage retrieved that holds it, None where none does; `cited` says whether a citation shows it.
    """

    source: str
    quote: str
    documents: tuple[str, ...]
    rank: int | None
    cited: bool


@dataclass(frozen=True, slots=True)
class CitedQuote:
    """A quote as it was shown; `right` says whether it shows a piece of the evidence.

    `start` and `end`, and those of the `answer` within it if there is one, are offsets of the document.
    `place` is the page, slide or sheet in words, empty where there are none.
    """

    marker: int
    document_id: str
    source: str
    title: str
    place: str
    start: int
    end: int
    quote: str
    answer: tuple[int, int] | None
    score: float
    right: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case.

    `predicted` are the words that are held to be the answer, empty for an abstention. `best` is the
    sentence that the reader puts first, whether or not it was then held good enough to answer; None
    where there was nothing to read. `hits` counts the passages retrieved, and `documents` names theirs
    in the order of their first passage. `exact_match` and `token_f1` are None for a case without
    answers in words. `verbatim` counts the citations whose quotes are the document's own words, letter
    for letter; `mutants` the altered quotes that were tried on the invariant, and `mutants_passed`
    those of them that it let pass.
    """

    id: str
    question: str
    kind: str
    answerable: bool
    answers: tuple[str, ...]
    expected: tuple[ExpectedQuote, ...]
    status: AnswerStatus
    confidence: float
    answer: str
    predicted: str
    citations: tuple[CitedQuote, ...]
    best: CitedQuote | None
    hits: int
    documents: tuple[str, ...]
    exact_match: float | None
    token_f1: float | None
    characters: EvidenceCounts
    claims: tuple[JudgedClaim, ...]
    verbatim: int
    mutants: int
    mutants_passed: int
    written_by: str | None
    fallback: str | None
    withheld: int
    milliseconds: dict[str, float]

    @property
    def abstained(self) -> bool:
        """Whether no answer was given."""
        return self.status is AnswerStatus.ABSTAINED

    @property
    def first_citation_right(self) -> bool:
        """Whether the sentence cited first shows evidence."""
        return bool(self.citations) and self.citations[0].right

    @property
    def best_sentence_right(self) -> bool:
        """Whether the sentence that the reader puts first shows evidence."""
        return self.best is not None and self.best.right

    @property
    def sentences(self) -> EvidenceCounts:
        """How many citations show evidence, and how many pieces of it are cited."""
        return EvidenceCounts(
            right=sum(citation.right for citation in self.citations),
            cited=len(self.citations),
            found=sum(piece.cited for piece in self.expected),
            expected=len(self.expected),
        )
