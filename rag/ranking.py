"""Which of the passages that were found most probably holds the answer: a cheap look at all of them.

Fusion of ranks throws away how near and how telling a passage is. A logistic regression on what is known
without reading, fitted by `quotebound eval fit --ranking`, ranks better than either list or their fusion
(the file has the figures), and says with which probability a passage is worth being read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from index.types import Passage, Why
from rag.combination import Linear
from rag.overlap import Overlap, Question

COEFFICIENTS_FILE = Path(__file__).with_name("ranking.json")

PASSAGE_SIGNALS = (
    "sentence_coverage",  # the highest share of the question's words, by weight, that a sentence has
    "cosine",  # of question and passage
    "bm25",  # as a share of the highest among the passages compared
)


@dataclass(frozen=True, slots=True)
class PassageRanking:
    """Ranks passages by the probability that they hold the answer to a question."""

    probability: Linear

    @classmethod
    def load(cls, path: Path = COEFFICIENTS_FILE) -> Self:
        """Read what was fitted."""
        return cls(Linear.restored(json.loads(path.read_text(encoding="utf-8")), PASSAGE_SIGNALS))

    def probabilities(
        self, query: str, passages: Sequence[Passage], why: Sequence[Why]
    ) -> NDArray[np.float64]:
        """Return for each passage the probability that it answers a query; `why` is how each was found."""
        if not passages:
            return np.empty(0)
        return self.probability.probability(passage_signals(query, passages, why))


def passage_signals(query: str, passages: Sequence[Passage], why: Sequence[Why]) -> NDArray[np.float64]:
    """Return `PASSAGE_SIGNALS` of one or more passages, a row each."""
    overlap = Overlap.of(Question.analysed(query), passages)
    covered = iter(overlap.in_sentence)
    best = [
        max((overlap.coverage(next(covered)) for _ in passage.sentences), default=0.0) for passage in passages
    ]
    bm25 = np.array([found.lexical_score or 0.0 for found in why])
    return np.column_stack([best, [found.dense_score or 0.0 for found in why], bm25 / (bm25.max() or 1.0)])
