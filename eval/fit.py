"""Fits the similarity reader's coefficients and threshold on SQuAD 2.0: `quotebound eval fit --data DIR`.

All articles are one collection, searched and read as a user's documents are. Fitted on all articles
but the last five by title; those calibrate the threshold and give the figures that are printed.

Unanswerable questions are of two kinds, weighed alike: those that SQuAD's annotators wrote to mislead,
and answerable ones whose answering passages were taken out of the collection ("right topic, absent
fact"). A third of the questions are taken to be unanswerable; the threshold is the one at which
abstention has the best F1 under that assumption.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eval.metrics import area_under_roc
from eval.public import SQUAD2_FILE, SquadArticle, SquadQuestion, file_sha256, load_squad2, squad2_path
from eval.regression import Choice, Floats, conditional_logit, logistic_regression
from index.chunking import Chunker
from index.embedding import Embedder
from index.embedding.sentence_transformers import SentenceTransformerEmbedder
from index.home import Home
from index.ingest import Ingestor, Status
from index.store import Store
from index.types import Hit
from rag.answering import DEFAULT_TOP_K
from rag.reading.features import SENTENCE_SIGNALS, Question
from rag.reading.similarity import Coefficients, Linear, SimilarityReader
from rag.retrieval import Retriever
from rag.settings import Settings

CALIBRATION_ARTICLES = 5
UNANSWERABLE_SHARE = 1 / 3
# How deep to search so that the passages left fill the page when the answering ones are taken out.
_DEEPER = 10


class Kind(StrEnum):
    """Why a question can or cannot be answered from what was read."""

    ANSWERABLE = "answerable"
    MISLEADING = "misleading"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sample:
    """A question as it was read: a row of signals for each sentence, and which of them hold an answer."""

    kind: Kind
    signals: Floats
    gold: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Library:
    """A collection of its own, with what searches and reads it; not wired, since that needs the coefficients."""

    home: Home
    store: Store
    ingestor: Ingestor
    retriever: Retriever
    reader: SimilarityReader

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, settings: Settings) -> Self:
        """Make a collection in a folder."""
        chunker = Chunker(embedder.window, settings.chunk_tokens)
        home = Home(folder, embedder.identity.space(chunker.fingerprint), writable=True)
        store = home.collection(create=True)
        nothing = Linear(0.0, dict.fromkeys(SENTENCE_SIGNALS, 0.0))
        return cls(
            home,
            store,
            Ingestor(store, chunker, embedder, max_bytes=settings.max_bytes),
            Retriever(embedder),
            SimilarityReader(embedder, Coefficients(nothing, nothing, 0.0)),
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """The coefficients and the figures on the calibration articles."""

    relevance: Linear
    answerable: Linear
    threshold: float
    figures: dict[str, float]


def collect(
    articles: Sequence[SquadArticle], library: Library, tell: Callable[[str], None]
) -> list[list[Sample]]:
    """Return the samples of each article, all articles being one collection."""
    documents = {}
    for article in articles:
        outcome = library.ingestor.add(article.text.encode(), f"{article.title}.txt")
        if outcome.status is not Status.ADDED or outcome.document_id is None:
            raise ValueError(f"{article.title} was not added: {outcome.reason}")
        documents[article.title] = outcome.document_id
    samples = []
    for number, article in enumerate(articles, start=1):
        found = [
            sample
            for question in article.questions
            for sample in _samples(question, documents[article.title], library)
        ]
        samples.append(found)
        tell(f"{number}/{len(articles)} {article.title}: {len(found)} samples")
    return samples


def _samples(question: SquadQuestion, document_id: str, library: Library) -> list[Sample]:
    snapshot = library.store.snapshot()
    hits = library.retriever.search(snapshot, question.text, DEFAULT_TOP_K + _DEEPER)
    kind = Kind.ANSWERABLE if question.answerable else Kind.MISLEADING
    found = [_sample(kind, question, document_id, hits[:DEFAULT_TOP_K], library)]
    if question.answerable:
        others = [hit for hit in hits if not _holds(hit, document_id, question)]
        found.append(_sample(Kind.REMOVED, question, document_id, others[:DEFAULT_TOP_K], library))
    return found


def _holds(hit: Hit, document_id: str, question: SquadQuestion) -> bool:
    passage = hit.passage
    return passage.document_id == document_id and any(
        passage.start <= answer < passage.end for answer in question.answers
    )


def _sample(
    kind: Kind, question: SquadQuestion, document_id: str, hits: Sequence[Hit], library: Library
) -> Sample:
    sentences, signals = library.reader.signals(Question.analysed(question.text), hits)
    gold = [
        hits[sentence.hit].passage.document_id == document_id
        and any(sentence.span.start <= answer < sentence.span.end for answer in question.answers)
        for sentence in sentences
    ]
    return Sample(kind, signals, np.array(gold, dtype=np.bool_))


def fit(samples: Sequence[Sequence[Sample]]) -> Fitted:
    """Fit on all articles but the last, calibrate and measure on those."""
    training = [sample for article in samples[:-CALIBRATION_ARTICLES] for sample in article]
    held_out = [sample for article in samples[-CALIBRATION_ARTICLES:] for sample in article]
    choices = [Choice(sample.signals, sample.gold) for sample in training if sample.gold.any()]
    ranking = conditional_logit(choices)
    relevance = _calibrated(ranking, training)

    best = np.stack([_best(sample, relevance) for sample in training])
    outcomes = np.array([sample.kind is Kind.ANSWERABLE for sample in training])
    weights, constant = logistic_regression(best, outcomes, _weights(training))
    answerable = Linear(constant, dict(zip(SENTENCE_SIGNALS, map(float, weights), strict=True)))
    threshold = _threshold(held_out, relevance, answerable)
    return Fitted(relevance, answerable, threshold, _figures(held_out, relevance, answerable, threshold))


def _calibrated(ranking: Floats, training: Sequence[Sample]) -> Linear:
    """Return the ranking as the log-odds that a sentence holds an answer (Platt, 1999)."""
    sums = np.concatenate([sample.signals @ ranking for sample in training])[:, np.newaxis]
    gold = np.concatenate([sample.gold for sample in training])
    weights = np.repeat(_weights(training), [len(sample.gold) for sample in training])
    (slope,), constant = logistic_regression(sums, gold, weights)
    return Linear(constant, dict(zip(SENTENCE_SIGNALS, map(float, ranking * slope), strict=True)))


def _weights(samples: Sequence[Sample]) -> Floats:
    """Return weights under which the kinds have their assumed shares."""
    shares = {
        Kind.ANSWERABLE: 1 - UNANSWERABLE_SHARE,
        Kind.MISLEADING: UNANSWERABLE_SHARE / 2,
        Kind.REMOVED: UNANSWERABLE_SHARE / 2,
    }
    counts = {kind: sum(sample.kind is kind for sample in samples) for kind in Kind}
    return np.array([shares[sample.kind] / counts[sample.kind] for sample in samples])


def _best(sample: Sample, relevance: Linear) -> Floats:
    if not len(sample.signals):
        return np.zeros(len(SENTENCE_SIGNALS))
    best: Floats = sample.signals[int(np.argmax(relevance(sample.signals)))]
    return best


def _probabilities(samples: Sequence[Sample], relevance: Linear, answerable: Linear) -> Floats:
    return answerable.probability(np.stack([_best(sample, relevance) for sample in samples]))


def _abstention(
    probabilities: Floats, samples: Sequence[Sample], threshold: float
) -> tuple[float, float, float]:
    """Return precision, recall and F1 of abstaining below a threshold, under the assumed shares."""
    weights = _weights(samples)
    unanswerable = np.array([sample.kind is not Kind.ANSWERABLE for sample in samples])
    abstained = probabilities < threshold
    right = weights[abstained & unanswerable].sum()
    precision = right / max(weights[abstained].sum(), 1e-12)
    recall = right / weights[unanswerable].sum()
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def _threshold(samples: Sequence[Sample], relevance: Linear, answerable: Linear) -> float:
    probabilities = _probabilities(samples, relevance, answerable)
    grid = np.arange(0.05, 1.0, 0.01)
    return round(float(max(grid, key=lambda value: _abstention(probabilities, samples, value)[2])), 2)


def _figures(
    samples: Sequence[Sample], relevance: Linear, answerable: Linear, threshold: float
) -> dict[str, float]:
    cosine, coverage = (SENTENCE_SIGNALS.index(name) for name in ("sentence_cosine", "sentence_coverage"))
    rankers: dict[str, Callable[[Floats], Floats]] = {
        "cosine": lambda signals: signals[:, cosine],
        "cosine_and_coverage": lambda signals: signals[:, cosine] + signals[:, coverage] / 2,
        "fitted": relevance,
    }
    asked = [sample for sample in samples if sample.kind is Kind.ANSWERABLE]
    figures: dict[str, float] = {"questions": len(asked)}
    for name, ranker in rankers.items():
        ranks = [_first_gold(sample, ranker) for sample in asked]
        figures[f"gold_sentence_first_{name}"] = float(np.mean([rank < 1 for rank in ranks]))
        figures[f"gold_sentence_in_three_{name}"] = float(np.mean([rank < 3 for rank in ranks]))
    probabilities = _probabilities(samples, relevance, answerable)
    for kind in (Kind.MISLEADING, Kind.REMOVED):
        chosen = [place for place, sample in enumerate(samples) if sample.kind in (Kind.ANSWERABLE, kind)]
        figures[f"answerable_or_{kind}_auroc"] = area_under_roc(
            [float(probabilities[place]) for place in chosen],
            [samples[place].kind is Kind.ANSWERABLE for place in chosen],
        )
    precision, recall, f1 = _abstention(probabilities, samples, threshold)
    figures |= {"abstention_precision": precision, "abstention_recall": recall, "abstention_f1": f1}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _first_gold(sample: Sample, ranker: Callable[[Floats], Floats]) -> float:
    if not sample.gold.any():
        return float("inf")
    order = np.argsort(-ranker(sample.signals), kind="stable")
    return float(np.argmax(sample.gold[order]))


def run(
    data: Path, settings: Settings, tell: Callable[[str], None], embedder: Embedder | None = None
) -> dict[str, Any]:
    """Fit on the data below a folder and return what goes into `similarity.json`."""
    path = squad2_path(data)
    articles = load_squad2(path)
    embedder = embedder or SentenceTransformerEmbedder(settings.model)
    with tempfile.TemporaryDirectory() as folder:
        library = Library.open(Path(folder), embedder, settings)
        try:
            fitted = fit(collect(articles, library, tell))
        finally:
            library.home.close()
    return {
        "signals": list(SENTENCE_SIGNALS),
        "relevance": _rounded(fitted.relevance),
        "answerable": _rounded(fitted.answerable),
        "threshold": fitted.threshold,
        "fitted": {
            "command": "quotebound eval fit --data DIR",
            "data": {str(SQUAD2_FILE): file_sha256(path)},
            "model": embedder.identity.name,
            "weights_sha256": embedder.identity.weights,
            "calibration_articles": [article.title for article in articles[-CALIBRATION_ARTICLES:]],
            "unanswerable_share": round(UNANSWERABLE_SHARE, 4),
            "figures": fitted.figures,
        },
    }


def _rounded(linear: Linear) -> dict[str, Any]:
    return {
        "constant": round(linear.constant, 6),
        "weights": {name: round(weight, 6) for name, weight in linear.weights.items()},
    }


def dump(result: dict[str, Any]) -> str:
    """Return the text of a coefficients file."""
    return json.dumps(result, indent=2) + "\n"
