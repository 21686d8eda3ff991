"""Reading by likeness: sentences near the question in meaning and in words, weighed by fitted coefficients.

Two linear functions of the same signals (`features.SENTENCE_SIGNALS`). One ranks the sentences of a
question against each other, fitted as a conditional logit (McFadden, 1974); the other says how
probable it is that the best one answers, fitted as a logistic regression on answerable and
unanswerable questions. `quotebound eval fit` fits both and writes `similarity.json` beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedding import Embedder
from index.types import Hit, Span
from rag.combination import Coefficients
from rag.overlap import Overlap, Question
from rag.reading.features import SENTENCE_SIGNALS, Candidate, as_rows, candidate_sentences, lexical_signals
from rag.reading.likeness import CACHED_SENTENCES, Likeness
from rag.reading.spans import Expected, answer_span, expected_answer
from rag.types import Evidence, Reading

COEFFICIENTS_FILE = Path(__file__).with_name("similarity.json")
_TYPE_MATCH = SENTENCE_SIGNALS.index("type_match")


class SimilarityReader:
    """Implements `Reader` with the embedding model alone."""

    def __init__(
        self,
        embedder: Embedder,
        coefficients: Coefficients | None = None,
        *,
        cached_sentences: int = CACHED_SENTENCES,
    ) -> None:
        self._coefficients = coefficients or Coefficients.load(COEFFICIENTS_FILE, SENTENCE_SIGNALS)
        self._likeness = Likeness(embedder, cached_sentences)

    @property
    def threshold(self) -> float:
        """The least `Reading.answerable` at which to answer, as it was fitted."""
        return self._coefficients.threshold

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return the sentences of the hits, the most relevant first."""
        asked = Question.analysed(question)
        sentences, signals = self.signals(asked, hits)
        if not sentences:
            return Reading((), 0.0)
        relevance = self._coefficients.relevance.probability(signals)
        order = np.argsort(-relevance, kind="stable")
        expected = expected_answer(asked.text)
        answerable = float(self._coefficients.answerable.probability(signals[order[:1]])[0])
        evidence = tuple(
            Evidence(
                hit=sentences[place].hit,
                span=sentences[place].span,
                # Without words of the kind asked for, which the signals tell, there is nothing to find.
                answer=_answer(sentences[place], asked, expected) if signals[place, _TYPE_MATCH] else None,
                score=float(relevance[place]),
                signals=dict(zip(SENTENCE_SIGNALS, map(float, signals[place]), strict=True)),
            )
            for place in order
        )
        return Reading(evidence, answerable)

    def signals(self, question: Question, hits: Sequence[Hit]) -> tuple[list[Candidate], NDArray[np.float64]]:
        """Return every sentence of the hits with its signals, one row each."""
        sentences = candidate_sentences(hits)
        if not sentences:
            return [], np.empty((0, len(SENTENCE_SIGNALS)))
        overlap = Overlap.of(question, [hit.passage for hit in hits])
        found = lexical_signals(question, hits, sentences, overlap)
        found |= self._likeness.signals(question, sentences, overlap)
        return sentences, as_rows(found, SENTENCE_SIGNALS)


def _answer(sentence: Candidate, question: Question, expected: Expected) -> Span | None:
    found = answer_span(sentence.text, expected, question.terms)
    if found is None:
        return None
    return Span(sentence.span.start + found.start, sentence.span.start + found.end)
