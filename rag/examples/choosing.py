"""From questions that may be asked to the few that are shown: those answered well from where they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from index.catalog import Catalog
from index.terms import query_terms
from rag.examples.candidates import LANGUAGE, Candidate, candidates_of, sampled
from rag.types import Answer, AnswerStatus

EXAMPLES = 4
ASKED_AT_MOST = 8
_CANDIDATES = 30
# Well above the threshold at which an answer is given: an example should convince.
LEAST_CONFIDENCE = 0.75
_LONGEST_ANSWER = 400


class Choosing:
    """Chooses among candidates by asking: `question` is what to ask next, `heard` what was answered.

    Documents and kinds of question not chosen yet come first. What is asked, and how often, depends on the
    candidates and the answers alone.
    """

    def __init__(self, candidates: Sequence[Candidate], least_confidence: float = LEAST_CONFIDENCE) -> None:
        # By turns, so that each document has some where there are too many.
        first = {candidate.question: candidate for candidate in reversed(_by_turns(candidates))}
        self._waiting = list(reversed(first.values()))[:_CANDIDATES]
        self._least_confidence = least_confidence
        self._asked = 0
        self._next: Candidate | None = None
        self._chosen: list[Candidate] = []

    @property
    def chosen(self) -> list[str]:
        """The questions that were chosen so far."""
        return [candidate.question for candidate in self._chosen]

    def question(self) -> str | None:
        """Return what to ask next, None where enough was chosen or asked."""
        if len(self._chosen) == EXAMPLES or self._asked == ASKED_AT_MOST or not self._waiting:
            return None
        self._next = min(self._waiting, key=self._sameness)
        self._waiting.remove(self._next)
        self._asked += 1
        return self._next.question

    def heard(self, answer: Answer) -> None:
        """Take the answer to what was asked last."""
        candidate, self._next = self._next, None
        if candidate is not None and self._answers(answer, candidate):
            self._chosen.append(candidate)
            self._waiting = [other for other in self._waiting if not _alike(candidate, other)]

    def _sameness(self, candidate: Candidate) -> int:
        documents = sum(other.document_id == candidate.document_id for other in self._chosen)
        kinds = sum(other.kind is candidate.kind for other in self._chosen)
        return 3 * documents + 2 * kinds

    def _answers(self, answer: Answer, candidate: Candidate) -> bool:
        if answer.status is not AnswerStatus.ANSWERED or answer.confidence < self._least_confidence:
            return False
        quote = answer.citations[0].quote.text
        return len(quote) <= _LONGEST_ANSWER and (quote in candidate.text or candidate.text in quote)


def examples(ask: Callable[[str], Answer], catalog: Catalog) -> list[str]:
    """Return up to four questions that a collection answers, from different documents where that can be.

    The same ones for the same generation. None come from documents in other languages than English.
    `ask` is called at most eight times. Raise what it and the catalog raise.
    """
    found = [candidate for document in sampled(catalog) for candidate in candidates_of(catalog, document)]
    choosing = Choosing(found)
    while (question := choosing.question()) is not None:
        choosing.heard(ask(question))
    return choosing.chosen


def _by_turns(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates in turns: the first of each document, then the second of each, and so on."""
    turns: dict[str, int] = {}
    order: list[int] = []
    for candidate in candidates:
        order.append(turns.setdefault(candidate.document_id, 0))
        turns[candidate.document_id] += 1
    return [
        candidate for _, candidate in sorted(zip(order, candidates, strict=True), key=lambda pair: pair[0])
    ]


def _alike(chosen: Candidate, other: Candidate) -> bool:
    """Tell whether two questions are of the same sentence, or nearly in the same words."""
    if (chosen.document_id, chosen.start) == (other.document_id, other.start):
        return True
    mine, others = set(query_terms(chosen.question, LANGUAGE)), set(query_terms(other.question, LANGUAGE))
    return 2 * len(mine & others) > min(len(mine), len(others))
