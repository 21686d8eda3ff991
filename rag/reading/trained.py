"""Reading with a trained network, its numbers weighed together with likeness and shared words.

Alone the network is drawn by short passages and unfamiliar text, likeness by what is on the subject and
does not answer; together they are better than either (docs/quality.md has each signal's share). Passages
are read in their order until one has a sentence that those behind it will hardly surpass; the sentences
that come out first are then compared with the question by the embedding model, and ranked anew with that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import regex
from numpy.typing import NDArray

from index.embedding import Embedder
from index.types import Hit, Span
from rag.combination import Linear
from rag.overlap import Question
from rag.reading.features import as_rows
from rag.reading.network import Network
from rag.reading.signals import COMPARED_SIGNALS, READ_SIGNALS, Floats, Sentences, SignalReader
from rag.types import Evidence, Reading

COEFFICIENTS_FILE = Path(__file__).with_name("reader.json")

# So many sentences, the best of what was read, are compared; with eight no figure is better.
COMPARED = 5
# A question that "yes" or "no" answers.
_YES_NO = regex.compile(
    r"\W*(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)"
    r"(?:n['’]t)?\b",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TwoStages:
    """What `quotebound eval fit` found for a network.

    `first` ranks sentences by `READ_SIGNALS`; `relevance` ranks the best of them by `COMPARED_SIGNALS`;
    `answerable` is the probability that the one that is then first answers. `threshold` is the least of it
    at which to answer, `least_margin` the least at which the words that answer are told. Reading ends once
    the best sentence is ahead of the passages that are left by `settled`, both in log-odds: `first` for the
    sentence, `ranking` for a passage. `weights` is the SHA-256 of the network's file.
    """

    first: Linear
    relevance: Linear
    answerable: Linear
    threshold: float
    least_margin: float
    weights: str
    settled: float = math.inf

    @classmethod
    def uncalibrated(cls, weights: str) -> Self:
        """Return what reads everything and ranks by `evidence`, until something is fitted."""
        first, compared = (
            Linear(0.0, dict.fromkeys(signals, 0.0) | {"evidence": 1.0})
            for signals in (READ_SIGNALS, COMPARED_SIGNALS)
        )
        return cls(first, compared, compared, threshold=0.5, least_margin=0.0, weights=weights)

    @classmethod
    def load(cls, path: Path = COEFFICIENTS_FILE) -> Self:
        """Read the coefficients; raise `ValueError` where they are of other signals than these."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        functions = {}
        for name, signals in (
            ("first", READ_SIGNALS),
            ("relevance", COMPARED_SIGNALS),
            ("answerable", COMPARED_SIGNALS),
        ):
            if set(stored[name]["weights"]) != set(signals):
                raise ValueError(f"{path.name} is of other signals; fit it anew with `quotebound eval fit`")
            functions[name] = Linear.restored(stored[name], signals)
        return cls(
            **functions,
            threshold=stored["threshold"],
            least_margin=stored["least_margin"],
            weights=stored["weights_sha256"],
            settled=stored["settled"],
        )


def foremost(scores: Floats) -> NDArray[np.intp]:
    """Return the places of the sentences to compare, the `COMPARED` of the highest scores, in order."""
    return np.sort(np.argsort(-scores, kind="stable")[:COMPARED])


class TrainedReader:
    """Implements `Reader` with a network, an embedding model and what was fitted for the two."""

    def __init__(self, network: Network, embedder: Embedder, coefficients: TwoStages) -> None:
        self._signals = SignalReader(network, embedder)
        self._coefficients = coefficients

    @property
    def threshold(self) -> float:
        """The least `Reading.answerable` at which to answer, as it was fitted."""
        return self._coefficients.threshold

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return the sentences of the hits, the most relevant first."""
        asked = Question.analysed(question)
        read = self._signals.read(asked, hits, self._coefficients.first, self._coefficients.settled)
        if not read.candidates:
            return Reading((), 0.0)
        rows = as_rows(read.signals, READ_SIGNALS)
        scores = self._coefficients.first.probability(rows)
        best = foremost(scores)
        compared = self._signals.compare(read, best.tolist())
        relevance = self._coefficients.relevance.probability(compared)
        # What was not compared comes after what was.
        scores = np.minimum(scores, relevance.min())
        scores[best] = relevance
        first = compared[[int(np.argmax(relevance))]]
        # What "yes" or "no" answers, no words of a sentence do.
        marked = not _YES_NO.match(asked.text)
        known = {
            place: dict(zip(COMPARED_SIGNALS, row, strict=True))
            for place, row in zip(best, compared.tolist(), strict=True)
        }
        evidence = tuple(
            Evidence(
                hit=read.candidates[place].hit,
                span=read.candidates[place].span,
                answer=self._answer(read, place) if marked else None,
                score=float(scores[place]),
                signals=known.get(place) or dict(zip(READ_SIGNALS, rows[place].tolist(), strict=True)),
            )
            for place in np.argsort(-scores, kind="stable").tolist()
        )
        return Reading(evidence, float(self._coefficients.answerable.probability(first)[0]))

    def _answer(self, read: Sentences, place: int) -> Span | None:
        sure = read.signals["span"][place] >= self._coefficients.least_margin
        return read.spans[place] if sure else None
