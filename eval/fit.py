"""Fits the similarity reader's coefficients and threshold on SQuAD 2.0: `quotebound eval fit --data DIR`.

Each question is read among the ten passages of its article that stand around its paragraph, as in a
small collection on one subject: whatever is read is near, and the reader has to tell what answers.
Fitted on all articles but the last five by title; those choose the threshold and give the figures
that are printed, for such neighbourhoods and for questions asked of all articles at once.

Unanswerable are answerable questions whose answering passages were taken away ("right topic, absent
fact"). A third of the questions are taken to be such. The threshold is where precision and recall of
abstaining are equal under that assumption: as many answers are withheld wrongly as are given wrongly.

The questions that SQuAD's annotators wrote to mislead, by a word changed in a sentence that would
otherwise answer, are measured and not fitted on: similarity cannot tell them (AUROC 0.69 when they are
half of the unanswerable, 0.67 when left out), and trying costs more on absent facts than it gains.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.metrics import area_under_roc
from eval.public import file_sha256, load_squad2, squad2_path
from eval.regression import Choice, Floats, calibrated_ranking, logistic_regression
from eval.samples import Kind, Library, Sample, collect
from index.embedding import Embedder
from rag.combination import Linear
from rag.models import embedder_of
from rag.reading.features import SENTENCE_SIGNALS
from rag.reading.training.sources import DEVELOPMENT_TITLES, SQUAD2_FILE
from rag.settings import Settings

CALIBRATION_ARTICLES = DEVELOPMENT_TITLES
UNANSWERABLE_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Fitted:
    """The coefficients and the figures on the calibration articles."""

    relevance: Linear
    answerable: Linear
    threshold: float
    figures: dict[str, dict[str, float]]


def fit(near: Sequence[Sequence[Sample]], far: Sequence[Sample]) -> Fitted:
    """Fit on all articles but the last; choose the threshold and measure on those."""
    training = [
        sample
        for article in near[:-CALIBRATION_ARTICLES]
        for sample in article
        if sample.kind is not Kind.MISLEADING
    ]
    held_out = [sample for article in near[-CALIBRATION_ARTICLES:] for sample in article]
    choices = [Choice(sample.signals, sample.gold) for sample in training]
    ranking, odds = calibrated_ranking(choices, _weights(training))
    relevance = Linear(odds, dict(zip(SENTENCE_SIGNALS, map(float, ranking), strict=True)))

    best = np.stack([_best(sample, relevance) for sample in training])
    outcomes = np.array([sample.kind is Kind.ANSWERABLE for sample in training])
    weights, constant = logistic_regression(best, outcomes, _weights(training))
    answerable = Linear(constant, dict(zip(SENTENCE_SIGNALS, map(float, weights), strict=True)))
    threshold = _threshold(held_out, relevance, answerable)
    figures = {
        name: _figures(samples, relevance, answerable, threshold)
        for name, samples in (("among_neighbours", held_out), ("among_all_articles", far))
    }
    return Fitted(relevance, answerable, threshold, figures)


def _weights(samples: Sequence[Sample]) -> Floats:
    """Return weights under which the kinds have their assumed shares; misleading questions have none."""
    shares = {
        Kind.ANSWERABLE: 1 - UNANSWERABLE_SHARE,
        Kind.REMOVED: UNANSWERABLE_SHARE,
        Kind.MISLEADING: 0.0,
    }
    counts = {kind: sum(sample.kind is kind for sample in samples) for kind in Kind}
    return np.array([shares[sample.kind] / max(1, counts[sample.kind]) for sample in samples])


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

    def imbalance(threshold: float) -> float:
        precision, recall, _ = _abstention(probabilities, samples, threshold)
        return abs(precision - recall)

    # At either end hardly anything or everything is withheld, and the two can agree by chance.
    return round(float(min(np.arange(0.3, 0.9, 0.01), key=imbalance)), 2)


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
    misled = [p for p, sample in zip(probabilities, samples, strict=True) if sample.kind is Kind.MISLEADING]
    figures["abstained_when_misled"] = float(np.mean([p < threshold for p in misled])) if misled else 1.0
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
    embedder = embedder or embedder_of(settings)
    with Library.apart(embedder, settings) as library:
        fitted = fit(*collect(articles, library, CALIBRATION_ARTICLES, tell))
    return {
        "signals": list(SENTENCE_SIGNALS),
        "relevance": fitted.relevance.stored(),
        "answerable": fitted.answerable.stored(),
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


def dump(result: dict[str, Any]) -> str:
    """Return the text of a coefficients file."""
    return json.dumps(result, indent=2) + "\n"
