"""How far the figures of a run could be chance: bootstrap intervals, and comparisons of two runs.

Cases are what is drawn: they stand for the questions that might have been asked. Every draw comes from a
seed, so that the same outcomes have the same interval to the last digit. In a comparison the two runs are of
the same cases in the same order, and the difference is second − first. A function raises `ValueError` where
there are no cases, or not as many in one run as in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000
# Sign flips are cheaper than draws, and a p-value from n of them is no finer than 1 / n.
FLIPS = 9999
SEED = 7

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
# A figure of the cases at some places; a case that was drawn twice is there twice.
Statistic = Callable[[Places], float]

# Up to so many cases that differ, all of their sign flips are gone through.
_EXACT = 14
# How many numbers are drawn at a time.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds of its interval."""

    value: float
    low: float
    high: float


class Method(StrEnum):
    """How it was found whether two runs differ."""

    BOOTSTRAP = "paired bootstrap"
    RANDOMISATION = "randomisation"
    MCNEMAR = "exact McNemar"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of two runs on the same `cases`, second − first with its interval, and whether it is chance.

    `p_value` is two-sided: how often a difference at least as great would come about if there were none.
    """

    method: Method
    cases: int
    first: float
    second: float
    difference: Interval
    p_value: float


def mean_interval(
    values: Sequence[float], level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """Return the mean of the cases' values with its bootstrap interval; see `bootstrap_interval`.

    The order of the values does not matter.
    """
    _check(len(values))
    ranked = np.sort(np.asarray(values, dtype=np.float64))
    return _percentiles(float(ranked.mean()), _means(ranked, resamples, seed), level)


def bootstrap_interval(
    statistic: Statistic,
    cases: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Return a figure of all cases with its interval by the percentile bootstrap.

    As many cases as there are, are drawn with replacement, `resamples` times; the bounds are the
    (1 − level)/2 and (1 + level)/2 quantiles of the figures of the draws (Efron, "Bootstrap methods: another
    look at the jackknife", 1979; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13).
    """
    _check(cases)
    return _percentiles(statistic(np.arange(cases)), _drawn(statistic, cases, resamples, seed), level)


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Compare the means of two runs' values by the paired bootstrap; see `paired_bootstrap_of`."""
    one, other = _paired(first, second)
    differences = np.sort(other - one)
    drawn = _means(differences, resamples, seed)
    return Comparison(
        Method.BOOTSTRAP,
        len(one),
        float(one.mean()),
        float(other.mean()),
        _percentiles(float(differences.mean()), drawn, level),
        _bootstrap_p(drawn),
    )


def paired_bootstrap_of(
    first: Statistic,
    second: Statistic,
    cases: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Compare any figure of two runs by the paired bootstrap: both are of the same draws of cases.

    Koehn ("Statistical significance tests for machine translation evaluation", 2004) takes the share of
    draws in which the better run is not better. Here that share is doubled, since which run is better was
    not said before, and one draw is added as if it had been against, so that it is never 0 (Davison and
    Hinkley, "Bootstrap methods and their application", 1997, chapter 4):
    p = 2 (min(#{d ≤ 0}, #{d ≥ 0}) + 1) / (draws + 1), at most 1.
    """

    def difference(places: Places) -> float:
        return second(places) - first(places)

    _check(cases)
    every = np.arange(cases)
    drawn = _drawn(difference, cases, resamples, seed)
    return Comparison(
        Method.BOOTSTRAP,
        cases,
        first(every),
        second(every),
        _percentiles(difference(every), drawn, level),
        _bootstrap_p(drawn),
    )


def randomisation_test(
    first: Sequence[float], second: Sequence[float], flips: int = FLIPS, seed: int = SEED
) -> Comparison:
    """Compare the means of two runs' values by flipping which run a case's value is of.

    If the runs did not differ, each case's two values could as well stand the other way round. p is the
    share of sign flips of the differences whose mean is as far from 0 as that found, or farther (Noreen,
    "Computer-intensive methods for testing hypotheses", 1989): of all of them where at most fourteen cases
    differ, else of `flips` random ones with what was found added: (# + 1) / (flips + 1). The interval is
    that of the paired bootstrap.
    """
    paired = paired_bootstrap(first, second, seed=seed)
    one, other = _paired(first, second)
    differences = np.sort(other - one)
    differences = differences[differences != 0]
    # Sums of the same numbers in another order differ by rounding.
    bound = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()
    count = len(differences)
    if count <= _EXACT:
        numbers = np.arange(2**count)[:, np.newaxis] >> np.arange(count)
        p_value = float((np.abs((1 - 2 * (numbers & 1)) @ differences) >= bound).mean())
    else:
        rng = np.random.default_rng(seed)
        beyond = sum(
            int((np.abs((1 - 2 * rng.integers(0, 2, (rows, count))) @ differences) >= bound).sum())
            for rows in _blocks(flips, count)
        )
        p_value = (beyond + 1) / (flips + 1)
    return Comparison(
        Method.RANDOMISATION, paired.cases, paired.first, paired.second, paired.difference, p_value
    )


def mcnemar(first: Sequence[bool], second: Sequence[bool], seed: int = SEED) -> Comparison:
    """Compare the shares of cases that went well in two runs, by those that went well in one alone.

    Of n such cases, b in the first run, each is as likely in either if the runs do not differ: p is twice the
    smaller tail of the binomial distribution, 2 P(X ≤ min(b, n − b)) with X ~ B(n, ½), at most 1 (McNemar,
    "Note on the sampling error of the difference between correlated proportions", 1947, in its exact form).
    The interval is that of the paired bootstrap.
    """
    paired = paired_bootstrap([float(flag) for flag in first], [float(flag) for flag in second], seed=seed)
    lost = sum(one and not other for one, other in zip(first, second, strict=True))
    won = sum(other and not one for one, other in zip(first, second, strict=True))
    discordant = lost + won
    term = tail = 1
    for count in range(min(lost, won)):
        term = term * (discordant - count) // (count + 1)
        tail += term
    p_value = min(1.0, 2 * tail / 2**discordant)
    return Comparison(Method.MCNEMAR, paired.cases, paired.first, paired.second, paired.difference, p_value)


def _check(cases: int) -> None:
    if not cases:
        raise ValueError("there are no cases to draw from")


def _paired(first: Sequence[float], second: Sequence[float]) -> tuple[Floats, Floats]:
    if len(first) != len(second):
        raise ValueError(f"the runs have {len(first)} and {len(second)} cases; compare runs of the same")
    _check(len(first))
    return np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)


def _blocks(rows: int, columns: int) -> Iterator[int]:
    """Yield how many rows to draw at a time, so that memory does not grow with the cases."""
    most = max(1, _BLOCK // columns)
    for done in range(0, rows, most):
        yield min(most, rows - done)


def _draws(cases: int, resamples: int, seed: int) -> Iterator[Places]:
    rng = np.random.default_rng(seed)
    for rows in _blocks(resamples, cases):
        yield rng.integers(0, cases, (rows, cases))


def _means(values: Floats, resamples: int, seed: int) -> Floats:
    return np.concatenate([values[block].mean(axis=1) for block in _draws(len(values), resamples, seed)])


def _drawn(statistic: Statistic, cases: int, resamples: int, seed: int) -> Floats:
    return np.array([statistic(places) for block in _draws(cases, resamples, seed) for places in block])


def _percentiles(value: float, drawn: Floats, level: float) -> Interval:
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Interval(value, float(low), float(high))


def _bootstrap_p(drawn: Floats) -> float:
    against = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (against + 1) / (len(drawn) + 1))
