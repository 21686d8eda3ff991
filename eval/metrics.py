"""Metrics as pure functions; each names the source of its definition.

Retrieval metrics (recall@k, MRR, nDCG@10) come from ir-measures and are called by the runner.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’–—…")


def normalized_answer(text: str) -> str:
    """Return an answer without case, punctuation, articles and extra blanks, as SQuAD's script does."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1 if the prediction equals an answer after normalisation, else 0 (Rajpurkar et al., 2016)."""
    return float(any(normalized_answer(prediction) == normalized_answer(answer) for answer in answers))


def token_f1(prediction: str, answers: Sequence[str]) -> float:
    """Return the greatest F1 of the bags of normalised words of prediction and an answer (ibid.)."""
    return max((_f1(prediction, answer) for answer in answers), default=0.0)


def _f1(prediction: str, answer: str) -> float:
    predicted, expected = normalized_answer(prediction).split(), normalized_answer(answer).split()
    if not predicted or not expected:
        return float(predicted == expected)
    shared = sum((Counter(predicted) & Counter(expected)).values())
    return f_measure(shared / len(predicted), shared / len(expected))


def f_measure(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision and recall of a set; each is 1 where there is nothing that could be wrong or missed."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return f_measure(self.precision, self.recall)


def precision_recall(true_positives: int, predicted: int, expected: int) -> PrecisionRecall:
    """Return precision and recall from counts."""
    return PrecisionRecall(
        true_positives / predicted if predicted else 1.0, true_positives / expected if expected else 1.0
    )


def area_under_roc(scores: Sequence[float], positives: Sequence[bool]) -> float:
    """Return the probability that a positive scores above a negative, ties counting half.

    0.5 where there are no positives or no negatives (Hanley and McNeil, 1982).
    """
    ranked = sorted(zip(scores, positives, strict=True))
    above = ties = 0.0
    negatives_below = 0
    place = 0
    while place < len(ranked):
        after = place
        while after < len(ranked) and ranked[after][0] == ranked[place][0]:
            after += 1
        group = [positive for _, positive in ranked[place:after]]
        above += sum(group) * negatives_below
        ties += sum(group) * (len(group) - sum(group))
        negatives_below += len(group) - sum(group)
        place = after
    pairs = sum(positives) * (len(positives) - sum(positives))
    return (above + ties / 2) / pairs if pairs else 0.5


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """At a threshold on confidence: the share of questions answered, and the share of those that is wrong."""

    threshold: float
    coverage: float
    risk: float


def risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> list[RiskCoverage]:
    """Return the risk at each coverage that a threshold on confidence can give, least coverage first.

    Answering means answering every question of at least that confidence; `correct` says whether the
    answer to a question would be right, which for an unanswerable one it never is (Geifman and
    El-Yaniv, "Selective classification for deep neural networks", 2017).
    """
    ranked = sorted(zip(confidences, correct, strict=True), key=lambda entry: -entry[0])
    points = []
    wrong = 0
    for count, (confidence, right) in enumerate(ranked, start=1):
        wrong += not right
        if count == len(ranked) or ranked[count][0] < confidence:
            points.append(RiskCoverage(confidence, count / len(ranked), wrong / count))
    return points


def area_under_risk_coverage(points: Sequence[RiskCoverage]) -> float:
    """Return the mean risk over coverage, each point holding back to the one before it; lower is better."""
    area = before = 0.0
    for point in points:
        area += (point.coverage - before) * point.risk
        before = point.coverage
    return area


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed (nearest rank)."""
    if not values:
        return 0.0
    ranked = sorted(values)
    # Less a rounding error of the product: 0.07 * 100 is a little more than 7.
    return ranked[max(0, math.ceil(share * len(ranked) - 1e-9) - 1)]
