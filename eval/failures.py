"""What went wrong with a case: the first step that failed, or what was shown instead of the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from eval.outcomes import Outcome


class FailureKind(StrEnum):
    """How a case failed. A case has one kind; what is tried first is above.

    A case that is not answerable:
    `MISSED_ABSTENTION`: it was answered.

    An answerable one whose best sentence does not show the evidence:
    `RETRIEVAL_MISSED`: no piece of the evidence is among the hits, whatever came of it.
    `WRONG_DOCUMENT`: the evidence is among the hits, and the sentence cited first is of a document that none
    of it is in.
    `WRONG_SENTENCE`: that sentence is of a document of the evidence, but does not show it.
    `READER_MISSED`: the evidence is among the hits, another sentence was put first, and nothing was answered.

    An answerable one whose best sentence shows it:
    `WRONG_ABSTENTION`: nothing was answered.

    `NONE`: it was answered with a first citation that shows evidence, or rightly withheld. What else was
    cited, and whether all pieces were, has no part in it.
    """

    MISSED_ABSTENTION = "missed_abstention"
    RETRIEVAL_MISSED = "retrieval_missed"
    WRONG_DOCUMENT = "wrong_document"
    WRONG_SENTENCE = "wrong_sentence"
    READER_MISSED = "reader_missed"
    WRONG_ABSTENTION = "wrong_abstention"
    NONE = "none"


def failure_kind(outcome: Outcome) -> FailureKind:
    """Return how a case failed, the earliest failing step before what it led to."""
    right = outcome.best_sentence_right if outcome.abstained else outcome.first_citation_right
    if not outcome.answerable:
        return FailureKind.NONE if outcome.abstained else FailureKind.MISSED_ABSTENTION
    if right:
        return FailureKind.WRONG_ABSTENTION if outcome.abstained else FailureKind.NONE
    if all(piece.rank is None for piece in outcome.expected):
        return FailureKind.RETRIEVAL_MISSED
    if outcome.abstained:
        return FailureKind.READER_MISSED
    if any(outcome.citations[0].document_id in piece.documents for piece in outcome.expected):
        return FailureKind.WRONG_SENTENCE
    return FailureKind.WRONG_DOCUMENT


def failure_counts(outcomes: Iterable[Outcome]) -> dict[FailureKind, int]:
    """Return how many cases failed in each way; every kind is there, and the counts add up to the cases."""
    counts = dict.fromkeys(FailureKind, 0)
    for outcome in outcomes:
        counts[failure_kind(outcome)] += 1
    return counts
