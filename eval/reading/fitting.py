"""Fits how a network's numbers, likeness and words are put together, and when to answer.

Everything is fitted on the five development articles of SQuAD 2.0, on which the network was not trained;
every figure is of articles that were left out of the fit in turn. `first` and `relevance` are conditional
logits (McFadden, 1974), calibrated as the log-odds that a sentence holds an answer (Platt, 1999).
`answerable` is a logistic regression on the sentence that comes out first.

A third of the questions are taken to have no answer, half of those because the documents are silent on
what is asked (the answering passages were taken away), half because they nearly say it (SQuAD's misleading
questions). The threshold is one half: an answer is given where the documents more probably answer than not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.metrics import area_under_roc
from eval.reading.open_questions import OpenQuestion
from eval.regression import Choice, Floats, calibrated_ranking, logistic_regression
from eval.samples import Kind
from rag.combination import Linear
from rag.reading.signals import COMPARED_SIGNALS, READ_SIGNALS, read_until_settled
from rag.reading.trained import TwoStages, foremost

SHARES = {Kind.ANSWERABLE: 2 / 3, Kind.REMOVED: 1 / 6, Kind.MISLEADING: 1 / 6}
THRESHOLD = 0.5
# A third of the passages is read, and the right sentence comes first as often as if all were.
SETTLED = 2.0
# Signals say much the same as one another, and without it weights cancel: AUROC on SQuAD's held-out articles
# is .003 to .015 higher then, and on WiCE, of which nothing was fitted, .817 instead of .849.
_PENALTY = 0.01
_CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question once its sentences are ranked: the places of the best, and P(answered) of the first.

    `read` is how many of its hits were read.
    """

    question: OpenQuestion
    order: NDArray[np.intp]
    probability: float
    read: int

    def is_right(self, among: int) -> bool:
        """Tell whether one of the first `among` sentences holds an answer."""
        return bool(self.question.right[self.order[:among]].any())


def fit(
    questions: Sequence[OpenQuestion],
    weights: str,
    signals: Sequence[str] = COMPARED_SIGNALS,
    settled: float = SETTLED,
) -> TwoStages:
    """Fit on questions; signals that are not named weigh nothing.

    `first` is fitted with all hits read, what comes after it with those read until it is `settled`.
    """
    used = [signal for signal in READ_SIGNALS if signal in signals]
    first = _ranking(
        questions, used, [np.arange(len(question.right)) for question in questions], READ_SIGNALS
    )
    compared = [_compared(question, first, settled) for question in questions]
    relevance = _ranking(questions, list(signals), compared, COMPARED_SIGNALS)
    stages = TwoStages(first, relevance, first, THRESHOLD, 0.0, weights, settled)
    best = np.stack([question.signals[_order(question, stages)[0]] for question in questions])
    columns = [COMPARED_SIGNALS.index(signal) for signal in signals]
    outcomes = np.array([question.answerable for question in questions])
    found, constant = logistic_regression(best[:, columns], outcomes, weights_of(questions), _PENALTY)
    return replace(stages, answerable=_linear(constant, signals, found, COMPARED_SIGNALS))


def cross_fitted(
    questions: Sequence[OpenQuestion],
    signals: Sequence[str] = COMPARED_SIGNALS,
    settled: float = SETTLED,
) -> tuple[list[Ranked], list[bool]]:
    """Return each question ranked by what was fitted on the other articles, and whether it was abstained."""
    found: list[Ranked] = []
    abstained: list[bool] = []
    for article in dict.fromkeys(question.article for question in questions):
        stages = fit(
            [question for question in questions if question.article != article], "", signals, settled
        )
        part = ranked([question for question in questions if question.article == article], stages)
        found += part
        abstained += [entry.probability < stages.threshold for entry in part]
    return found, abstained


def ranked(questions: Sequence[OpenQuestion], stages: TwoStages) -> list[Ranked]:
    """Return questions with their sentences ranked."""
    made = []
    for question in questions:
        order = _order(question, stages)
        probability = float(stages.answerable.probability(question.signals[order[:1]])[0])
        made.append(Ranked(question, order, probability, hits_read(question, stages.first, stages.settled)))
    return made


def _order(question: OpenQuestion, stages: TwoStages) -> NDArray[np.intp]:
    best = _compared(question, stages.first, stages.settled)
    return best[np.argsort(-stages.relevance(question.signals[best]), kind="stable")]


def _compared(question: OpenQuestion, first: Linear, settled: float) -> NDArray[np.intp]:
    read = int(np.searchsorted(question.hit, hits_read(question, first, settled)))
    return foremost(first(question.signals[:read, : len(READ_SIGNALS)]))


def hits_read(question: OpenQuestion, first: Linear, settled: float) -> int:
    """Return how many hits of a question are read until it is settled."""
    scores = first(question.signals[:, : len(READ_SIGNALS)])

    def best_of(place: int) -> float:
        first, end = np.searchsorted(question.hit, [place, place + 1])
        return float(scores[first:end].max(initial=-np.inf))

    return read_until_settled(question.ranking, best_of, settled)


def _ranking(
    questions: Sequence[OpenQuestion],
    used: Sequence[str],
    among: Sequence[NDArray[np.intp]],
    names: Sequence[str],
) -> Linear:
    columns = [COMPARED_SIGNALS.index(signal) for signal in used]
    rows = [question.signals[places][:, columns] for question, places in zip(questions, among, strict=True)]
    right = [question.right[places] for question, places in zip(questions, among, strict=True)]
    choices = [Choice(signals, gold) for signals, gold in zip(rows, right, strict=True)]
    weights, constant = calibrated_ranking(choices, weights_of(questions))
    return _linear(constant, used, weights, names)


def _linear(constant: float, used: Sequence[str], weights: Floats, names: Sequence[str]) -> Linear:
    known = dict(zip(used, map(float, weights), strict=True))
    return Linear(constant, {name: known.get(name, 0.0) for name in names})


def weights_of(questions: Sequence[OpenQuestion]) -> Floats:
    """Return weights under which the kinds have their assumed shares."""
    counts = {kind: sum(question.kind is kind for question in questions) for kind in Kind}
    return np.array([SHARES[question.kind] / counts[question.kind] for question in questions])


def abstention(found: Sequence[Ranked], abstained: Sequence[bool]) -> tuple[float, float]:
    """Return precision and recall of abstaining under the assumed shares."""
    weights = weights_of([entry.question for entry in found])
    unanswerable = np.array([not entry.question.answerable for entry in found])
    withheld = np.array(abstained)
    right = weights[withheld & unanswerable].sum()
    return right / max(weights[withheld].sum(), 1e-12), right / weights[unanswerable].sum()


def figures(found: Sequence[Ranked], abstained: Sequence[bool]) -> dict[str, float]:
    """Return the figures of what `cross_fitted` gave, with the baselines beside them."""
    asked = [entry for entry in found if entry.question.answerable]
    cosine, coverage = (COMPARED_SIGNALS.index(name) for name in ("sentence_cosine", "sentence_coverage"))
    baselines: dict[str, Callable[[Floats], Floats]] = {
        "cosine": lambda signals: signals[:, cosine],
        "cosine_and_words": lambda signals: signals[:, cosine] + signals[:, coverage] / 2,
    }
    result: dict[str, float] = {"questions": len(asked)}
    result["answer_among_found"] = _mean([entry.question.right.any() for entry in asked])
    result["answer_among_read"] = _mean([_answer_read(entry) for entry in asked])
    result["passages_found"] = float(np.mean([len(entry.question.ranking) for entry in found]))
    for kind in Kind:
        of_kind = [entry.read for entry in found if entry.question.kind is kind]
        result[f"passages_read_{kind}"] = float(np.mean(of_kind)) if of_kind else 0.0
    for name, score in baselines.items():
        orders = [np.argsort(-score(entry.question.signals), kind="stable") for entry in found]
        by = [replace(entry, order=order) for entry, order in zip(found, orders, strict=True)]
        best = [float(score(entry.question.signals).max()) for entry in found]
        result |= _ranking_figures(name, by, best)
    result |= _ranking_figures("reader", found, [entry.probability for entry in found])
    precision, recall = abstention(found, abstained)
    result |= {"abstention_precision": precision, "abstention_recall": recall}
    result["calibration_error"] = calibration_error(found)
    return {name: round(float(value), 4) for name, value in result.items()}


def _answer_read(entry: Ranked) -> bool:
    question = entry.question
    return bool(question.right[question.hit < entry.read].any())


def _ranking_figures(name: str, found: Sequence[Ranked], scores: Sequence[float]) -> dict[str, float]:
    asked = [entry for entry in found if entry.question.answerable]
    made = {
        f"first_{name}": _mean([entry.is_right(1) for entry in asked]),
        f"in_three_{name}": _mean([entry.is_right(3) for entry in asked]),
    }
    for kind in (Kind.MISLEADING, Kind.REMOVED):
        chosen = [
            place for place, entry in enumerate(found) if entry.question.kind in (Kind.ANSWERABLE, kind)
        ]
        made[f"auroc_{kind}_{name}"] = area_under_roc(
            [scores[place] for place in chosen], [found[place].question.answerable for place in chosen]
        )
    return made


def calibration(found: Sequence[Ranked]) -> list[tuple[float, float, float]]:
    """Return for each tenth of probability the share of questions, their mean, and the share that answers."""
    weights = weights_of([entry.question for entry in found])
    weights = weights / weights.sum()
    probabilities = np.array([entry.probability for entry in found])
    answerable = np.array([entry.question.answerable for entry in found])
    bins = np.minimum((probabilities * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    made = []
    for number in range(_CALIBRATION_BINS):
        inside = bins == number
        share = float(weights[inside].sum())
        if share:
            mean = float(weights[inside] @ probabilities[inside]) / share
            made.append((share, mean, float(weights[inside] @ answerable[inside]) / share))
    return made


def risk_coverage(found: Sequence[Ranked], coverages: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return coverage, risk and threshold where the most confident are answered, about so large a share.

    Risk is the share of them whose first sentence holds no answer, under the assumed shares of the kinds.
    """
    weights = weights_of([entry.question for entry in found])
    order = np.argsort([-entry.probability for entry in found], kind="stable")
    covered = np.cumsum(weights[order]) / weights.sum()
    wrong = np.array([not found[place].is_right(1) for place in order])
    risk = np.cumsum(weights[order] * wrong) / np.cumsum(weights[order])
    chosen = [min(int(np.searchsorted(covered, coverage)), len(order) - 1) for coverage in coverages]
    return [(float(covered[n]), float(risk[n]), found[order[n]].probability) for n in chosen]


def calibration_error(found: Sequence[Ranked]) -> float:
    """Return the expected calibration error over tenths (Guo et al., ICML 2017), under the assumed shares."""
    return sum(share * abs(mean - right) for share, mean, right in calibration(found))


def ablation(questions: Sequence[OpenQuestion]) -> dict[str, dict[str, float]]:
    """Return the main figures without each group of signals, and with each group alone."""
    groups = {
        "network": ("evidence", "span", "passage_evidence", "passage_span", "relevance"),
        "likeness": ("passage_cosine", "sentence_cosine", "token_similarity"),
        "words": ("sentence_coverage", "passage_coverage", "sentence_names", "passage_names"),
        "kind of answer": ("type_match", "type_miss"),
        "ranking of passages": ("ranking",),
    }
    table = {"all": _short(questions, COMPARED_SIGNALS)}
    table["all, every passage read"] = _short(questions, COMPARED_SIGNALS, math.inf)
    for name, group in groups.items():
        table[f"without {name}"] = _short(questions, [s for s in COMPARED_SIGNALS if s not in group])
    for name in ("network", "likeness", "words"):
        table[f"{name} alone"] = _short(questions, [s for s in COMPARED_SIGNALS if s in groups[name]])
    return table


def _short(
    questions: Sequence[OpenQuestion], signals: Sequence[str], settled: float = SETTLED
) -> dict[str, float]:
    found, _ = cross_fitted(questions, signals, settled)
    return {
        name: round(value, 4)
        for name, value in _ranking_figures("reader", found, [entry.probability for entry in found]).items()
    }


def _mean(flags: Sequence[object]) -> float:
    return sum(map(bool, flags)) / len(flags) if flags else 0.0
