"""Whether confidences are probabilities: reliability diagram, calibration errors, Brier score.

`confidences` are in [0, 1] and `correct` says of each whether what it was held of is so. A confidence that is
no probability raises `ValueError`; without confidences every error is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eval.metrics import area_under_risk_coverage, risk_coverage

# As many as in the paper by Guo et al.
BINS = 15


class Binning(StrEnum):
    """How confidences are put into bins: of equal width, or of equally many."""

    WIDTH = "width"
    MASS = "mass"


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of a reliability diagram: what was held, and what was so.

    `confidence` is the mean of the `count` confidences in (low, high], `accuracy` the share of them that is
    correct. Bins of equal mass give their least and greatest confidence as `low` and `high`.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float

    @property
    def gap(self) -> float:
        """By how much confidence and accuracy differ."""
        return abs(self.accuracy - self.confidence)


def reliability(
    confidences: Sequence[float],
    correct: Sequence[bool],
    bins: int = BINS,
    binning: Binning = Binning.WIDTH,
) -> list[Bin]:
    """Return the bins of a reliability diagram that hold something, least confidence first.

    Of equal width: bin m of M holds the confidences in ((m − 1)/M, m/M], the first 0 too (Guo, Pleiss, Sun
    and Weinberger, "On calibration of modern neural networks", 2017). Of equal mass: the n confidences in
    order are cut into M parts that differ by one at most (Nguyen and O'Connor, "Posterior calibration and
    exploratory analysis for natural language processing models", 2015); equal confidences stay together
    in the part of the first of them, so that the order of the cases tells nothing.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins hold nothing; give 1 or more")
    ranked = sorted(zip(confidences, correct, strict=True))
    _check(confidences)
    held: dict[int, list[tuple[float, bool]]] = {}
    first = 0
    for rank, entry in enumerate(ranked):
        if entry[0] != ranked[first][0]:
            first = rank
        number = _of_width(entry[0], bins) if binning is Binning.WIDTH else _of_mass(first, len(ranked), bins)
        held.setdefault(number, []).append(entry)
    return [_bin(number, bins, binning, entries) for number, entries in held.items()]


def _check(confidences: Sequence[float]) -> None:
    for confidence in confidences:
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"the confidence {confidence} is no probability: it has to be from 0 to 1")


def _of_width(confidence: float, bins: int) -> int:
    """Return m − 1 for the bin with (m − 1)/M < confidence ≤ m/M, by the very floats of its edges."""
    number = min(bins - 1, int(confidence * bins))
    # The product is on an edge or rounded up to one where the confidence does not exceed it; never below.
    while number and confidence <= number / bins:
        number -= 1
    return number


def _of_mass(rank: int, confidences: int, bins: int) -> int:
    """Return the part that holds a rank, the first parts being greater by one where they cannot be equal."""
    size, greater = divmod(confidences, bins)
    if rank < greater * (size + 1):
        return rank // (size + 1)
    return greater + (rank - greater * (size + 1)) // size


def _bin(number: int, bins: int, binning: Binning, entries: Sequence[tuple[float, bool]]) -> Bin:
    low, high = number / bins, (number + 1) / bins
    if binning is Binning.MASS:
        low, high = entries[0][0], entries[-1][0]
    return Bin(
        low,
        high,
        len(entries),
        sum(confidence for confidence, _ in entries) / len(entries),
        sum(flag for _, flag in entries) / len(entries),
    )


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return ECE = Σ (count / n) · |accuracy − confidence| over the bins (Guo et al., 2017)."""
    total = sum(entry.count for entry in bins)
    return sum(entry.count * entry.gap for entry in bins) / total if total else 0.0


def maximum_calibration_error(bins: Sequence[Bin]) -> float:
    """Return MCE = max |accuracy − confidence| over the bins (ibid.)."""
    return max((entry.gap for entry in bins), default=0.0)


def brier_score(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Return the mean of (confidence − 1 if correct, else 0)².

    As it is common for two outcomes, half of the sum over both that Brier gave ("Verification of forecasts
    expressed in terms of probability", 1950).
    """
    _check(confidences)
    squares = [(held - was) ** 2 for held, was in zip(confidences, correct, strict=True)]
    return sum(squares) / len(squares) if squares else 0.0


def excess_area(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Return by how much the area under the risk–coverage curve exceeds the least that any order can have.

    E-AURC = AURC − AURC*, where AURC* is the area with everything correct held more likely than all else:
    (1/n) Σᵢ max(0, i − r) / i for r correct of n (Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty
    estimation for deep neural classifiers", 2019, who approximate the sum by an integral). It tells how
    well confidences order, whatever the share of what is correct. Ties can keep it above 0.
    """
    area = area_under_risk_coverage(risk_coverage(confidences, correct))
    total, right = len(correct), sum(correct)
    return area - sum((place - right) / place for place in range(right + 1, total + 1)) / max(1, total)
