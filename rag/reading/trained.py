"""Reading with a trained network, its numbers weighed together with likeness and shared words.

Alone the network is drawn by short passages and unfamiliar text, likeness by what is on the subject and
does not answer; together they are better than either (docs/quality.md has each signal's share). All
passages are read first; the sentences that come out first are then compared with the question by the
embedding model, and ranked anew with that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import regex
from numpy.typing import NDArray

from index.embedding import Embedder
from index.types import Hit, Span
from rag.overlap import Overlap, Question
from rag.reading.combination import Linear
from rag.reading.features import Candidate, as_rows, candidate_sentences, lexical_signals
from rag.reading.likeness import CACHED_SENTENCES, Likeness
from rag.reading.network import UNREAD, Network
from rag.types import Evidence, Reading

COEFFICIENTS_FILE = Path(__file__).with_name("reader.json")

# What is known of a sentence once its passage was read.
READ_SIGNALS = (
    "evidence",  # log-odds of the sentence against "no answer", by the network
    "span",  # of the best span in it
    "passage_evidence",  # the highest `evidence` in its passage
    "passage_span",  # and the highest `span`
    "relevance",  # log-odds that the passage answers, by the network
    "retrieval",  # the fused score of the passage
    "passage_cosine",
    "sentence_coverage",
    "passage_coverage",
    "type_match",
    "type_miss",
    "sentence_names",
    "passage_names",
)
# And once it was compared with the question by the embedding model.
COMPARED_SIGNALS = (*READ_SIGNALS, "sentence_cosine", "token_similarity")
# So many sentences, the best of what was read, are compared: one passage's worth of the embedding model.
COMPARED = 8

# A question that "yes" or "no" answers.
_YES_NO = regex.compile(
    r"\W*(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|shall|should|may|might|must)"
    r"(?:n['’]t)?\b",
    regex.IGNORECASE,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TwoStages:
    """What `quotebound eval fit` found for a network.

    `first` ranks sentences by `READ_SIGNALS`; `relevance` ranks the best of them by `COMPARED_SIGNALS`;
    `answerable` is the probability that the one that is then first answers. `threshold` is the least of it
    at which to answer, `least_margin` the least at which the words that answer are told. `weights` is the
    SHA-256 of the network's file.
    """

    first: Linear
    relevance: Linear
    answerable: Linear
    threshold: float
    least_margin: float
    weights: str

    @classmethod
    def uncalibrated(cls, weights: str) -> Self:
        """Return what ranks by a network's `evidence` alone, until something is fitted for it."""
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
        )


def foremost(scores: Floats) -> NDArray[np.intp]:
    """Return the places of the sentences to compare, the `COMPARED` of the highest scores, in order."""
    return np.sort(np.argsort(-scores, kind="stable")[:COMPARED])


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of some hits as they were read: their signals by name, and the best span in each."""

    question: Question
    candidates: list[Candidate]
    overlap: Overlap
    signals: dict[str, list[float]]
    spans: list[Span | None]


class SignalReader:
    """Finds the signals of the sentences of some hits."""

    def __init__(
        self, network: Network, embedder: Embedder, *, cached_sentences: int = CACHED_SENTENCES
    ) -> None:
        self._network = network
        self._likeness = Likeness(embedder, cached_sentences)

    def read(self, question: Question, hits: Sequence[Hit]) -> Sentences:
        """Return every sentence of the hits with what its words and the network say: `READ_SIGNALS`."""
        sentences = candidate_sentences(hits)
        # Without sentences there is nothing to find: the network need not be loaded.
        passages = self._network.read(question.text, [hit.passage for hit in hits]) if sentences else []
        read = [sentence for passage in passages for sentence in passage.sentences]
        overlap = Overlap.of(question, [hit.passage for hit in hits])
        found = lexical_signals(question, hits, sentences, overlap)
        found["evidence"] = [sentence.evidence for sentence in read]
        found["span"] = [sentence.margin for sentence in read]
        for name in ("evidence", "span"):
            best = [UNREAD] * len(hits)
            for sentence, value in zip(sentences, found[name], strict=True):
                best[sentence.hit] = max(best[sentence.hit], value)
            found[f"passage_{name}"] = [best[sentence.hit] for sentence in sentences]
        found["relevance"] = [passages[sentence.hit].relevance for sentence in sentences]
        found["retrieval"] = [hits[sentence.hit].score for sentence in sentences]
        return Sentences(question, sentences, overlap, found, [sentence.span for sentence in read])

    def compare(self, read: Sentences, places: Sequence[int]) -> Floats:
        """Return all signals of some of the sentences, in the order of `COMPARED_SIGNALS`, a row each."""
        chosen = [read.candidates[place] for place in places]
        found = {name: [values[place] for place in places] for name, values in read.signals.items()}
        found |= self._likeness.signals(read.question, chosen, read.overlap)
        return as_rows(found, COMPARED_SIGNALS)


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
        read = self._signals.read(asked, hits)
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
