"""Reading passages one after another, as far as it takes, and what is then known of each sentence."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.embedding import Embedder
from index.embedding.runtime import processors
from index.types import Hit, Span
from rag.combination import Linear
from rag.overlap import Overlap, Question
from rag.reading.features import Candidate, as_rows, candidate_sentences, lexical_signals
from rag.reading.likeness import CACHED_SENTENCES, Likeness
from rag.reading.network import UNREAD, Network, ReadPassage

# What is known of a sentence once its passage was read.
READ_SIGNALS = (
    "evidence",  # log-odds of the sentence against "no answer", by the network
    "span",  # of the best span in it
    "passage_evidence",  # the highest `evidence` in its passage
    "passage_span",  # and the highest `span`
    "relevance",  # log-odds that the passage answers, by the network
    "ranking",  # log-odds that the passage answers, before it is read (`Hit.score`)
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
# Log-odds of what is taken for certain.
_CERTAIN = 12.0

Floats = NDArray[np.float64]


def read_until_settled(
    ranking: Sequence[float], read: Callable[[int], float], settled: float = math.inf
) -> int:
    """Read hits from the first on, and return how many were read.

    `ranking` are their log-odds before they are read. `read` reads the hit at a place and returns the
    log-odds of the best sentence in it. It goes on until that of all that was read is ahead of every hit
    that is left by `settled`.
    """
    best, done = -math.inf, 0
    while done < len(ranking) and not (done and best - max(ranking[done:]) >= settled):
        best, done = max(best, read(done)), done + 1
    return done


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of those hits that were read: their signals by name, and the best span in each.

    `ranking` are the log-odds of all hits before they were read.
    """

    question: Question
    candidates: list[Candidate]
    overlap: Overlap
    signals: dict[str, list[float]]
    spans: list[Span | None]
    ranking: tuple[float, ...]


class _Reading:
    """The hits of a question while they are read; `signals` and `spans` are of the sentences read so far."""

    def __init__(self, question: Question, hits: Sequence[Hit], network: Network) -> None:
        self._question = question
        self._network = network
        self._passages = [hit.passage for hit in hits]
        self.ranking = [log_odds(hit.score) for hit in hits]
        self.sentences = candidate_sentences(hits)
        self.overlap = Overlap.of(question, self._passages)
        self._known = lexical_signals(question, hits, self.sentences, self.overlap)
        self._known["ranking"] = [self.ranking[sentence.hit] for sentence in self.sentences]
        self.signals: dict[str, list[float]] = {name: [] for name in READ_SIGNALS}
        self.spans: list[Span | None] = []
        self._read: list[ReadPassage] = []

    def read(self, place: int, at_once: int) -> Floats:
        """Read the next hit, the one at a place; return the signals of its sentences, a row each.

        Where the network has not read it yet, it reads so many at once.
        """
        if place == len(self._read):
            self._read += self._network.read(self._question.text, self._passages[place : place + at_once])
        passage, first = self._read[place], len(self.spans)
        evidence = [sentence.evidence for sentence in passage.sentences]
        margins = [sentence.margin for sentence in passage.sentences]
        count = len(evidence)
        self.spans += [sentence.span for sentence in passage.sentences]
        made = {name: values[first : len(self.spans)] for name, values in self._known.items()} | {
            "evidence": evidence,
            "span": margins,
            "passage_evidence": [max(evidence, default=UNREAD)] * count,
            "passage_span": [max(margins, default=UNREAD)] * count,
            "relevance": [passage.relevance] * count,
        }
        for name in READ_SIGNALS:
            self.signals[name] += made[name]
        return as_rows(made, READ_SIGNALS)


class SignalReader:
    """Finds the signals of the sentences of some hits.

    Where it has processors to spare, the network reads passages ahead; what is then not needed is not used,
    so that a reading is the same on any machine and under any load. `threads` is how many passages are read
    at the same time.
    """

    def __init__(
        self,
        network: Network,
        embedder: Embedder,
        *,
        cached_sentences: int = CACHED_SENTENCES,
        threads: int | None = None,
    ) -> None:
        self._network = network
        self._threads = threads or processors()
        self._questions = 0
        self._counting = threading.Lock()
        self._likeness = Likeness(embedder, cached_sentences)

    def read(
        self, question: Question, hits: Sequence[Hit], first: Linear | None = None, settled: float = math.inf
    ) -> Sentences:
        """Return every sentence of the hits that are read, with what its words and the network say of it.

        That are `READ_SIGNALS`. With `first`, which ranks by them, hits are read until it is `settled`.
        """
        reading = _Reading(question, hits, self._network)

        def best_of(place: int) -> float:
            rows = reading.read(place, max(1, self._threads // self._questions))
            return float(first(rows).max()) if first is not None and len(rows) else -math.inf

        # Without sentences there is nothing to find: the network need not be loaded.
        if reading.sentences:
            with self._one_question_more():
                read_until_settled(reading.ranking, best_of, settled)
        read = reading.sentences[: len(reading.spans)]
        return Sentences(
            question, read, reading.overlap, reading.signals, reading.spans, tuple(reading.ranking)
        )

    @contextmanager
    def _one_question_more(self) -> Iterator[None]:
        with self._counting:
            self._questions += 1
        try:
            yield
        finally:
            with self._counting:
                self._questions -= 1

    def compare(self, read: Sentences, places: Sequence[int]) -> Floats:
        """Return all signals of some of the sentences, in the order of `COMPARED_SIGNALS`, a row each."""
        chosen = [read.candidates[place] for place in places]
        found = {name: [values[place] for place in places] for name, values in read.signals.items()}
        found |= self._likeness.signals(read.question, chosen, read.overlap)
        return as_rows(found, COMPARED_SIGNALS)


def log_odds(probability: float) -> float:
    """Return the log-odds of a probability, that of a certain one finite."""
    bound = 1 / (1 + math.exp(_CERTAIN))
    inside = min(max(probability, bound), 1 - bound)
    return math.log(inside / (1 - inside))
