"""The two regressions behind the reader's coefficients, by maximum likelihood with an L2 penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives of which at least one is right: `signals` of shape (n, signals), `right` of shape (n,)."""

    signals: Floats
    right: NDArray[np.bool_]


def conditional_logit(choices: Sequence[Choice], penalty: float = 1e-3) -> Floats:
    """Return weights under which right alternatives stand out from the others of their choice.

    Maximises the mean over choices of log P(right), P being the softmax of the weighted sums over
    the alternatives of a choice, where several are right their sum (McFadden, "Conditional logit
    analysis of qualitative choice behavior", 1974). The penalty is on standardised signals.
    """
    signals = np.concatenate([choice.signals for choice in choices])
    right = np.concatenate([choice.right for choice in choices]).astype(np.float64)
    scale = _scale(signals)
    signals = signals / scale
    sizes = [len(choice.right) for choice in choices]
    starts = np.cumsum([0, *sizes[:-1]])
    group = np.repeat(np.arange(len(sizes)), sizes)

    def loss(weights: Floats) -> tuple[float, Floats]:
        sums = signals @ weights
        exponents = np.exp(sums - np.maximum.reduceat(sums, starts)[group])
        every = np.add.reduceat(exponents, starts)
        chosen = np.add.reduceat(exponents * right, starts)
        gradient = ((exponents * right) / chosen[group] - exponents / every[group]) @ signals / len(sizes)
        value = -np.mean(np.log(chosen / every)) + penalty * weights @ weights
        return float(value), -gradient + 2 * penalty * weights

    found = minimize(loss, np.zeros(signals.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x / scale, dtype=np.float64)


def calibrated_ranking(choices: Sequence[Choice], sample_weights: Floats) -> tuple[Floats, float]:
    """Return weights that rank as `conditional_logit` has it, and a constant: log-odds of being right.

    Choices in which nothing is right teach no ranking and count for how probable it is (Platt, 1999).
    `sample_weights` has shape (choices,).
    """
    ranking = conditional_logit([choice for choice in choices if choice.right.any()])
    sums = np.concatenate([choice.signals @ ranking for choice in choices])[:, np.newaxis]
    weights = np.repeat(sample_weights, [len(choice.right) for choice in choices])
    outcomes = np.concatenate([choice.right for choice in choices])
    (slope,), constant = logistic_regression(sums, outcomes, weights)
    return ranking * slope, constant


def logistic_regression(
    signals: Floats, outcomes: NDArray[np.bool_], sample_weights: Floats, penalty: float = 1e-4
) -> tuple[Floats, float]:
    """Return weights and constant under which 1 / (1 + exp(−weighted sum)) fits the outcomes.

    `signals` has shape (n, signals); the penalty is on standardised signals, not on the constant.
    """
    mean, scale = signals.mean(axis=0), _scale(signals)
    standard = np.column_stack([(signals - mean) / scale, np.ones(len(signals))])
    signs = np.where(outcomes, 1.0, -1.0)
    shares = sample_weights / sample_weights.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = signs * (standard @ weights)
        penalised = np.append(weights[:-1], 0.0)
        value = shares @ np.logaddexp(0, -margins) + penalty * penalised @ penalised
        slope = -shares * signs * np.exp(-np.logaddexp(0, margins))
        return float(value), standard.T @ slope + 2 * penalty * penalised

    found = minimize(loss, np.zeros(standard.shape[1]), jac=True, method="L-BFGS-B").x
    weights = np.asarray(found[:-1] / scale, dtype=np.float64)
    return weights, float(found[-1] - weights @ mean)


def _scale(signals: Floats) -> Floats:
    """Return standard deviations; a signal that never varies has an infinite one, and so weighs nothing."""
    deviations: Floats = signals.std(axis=0)
    return np.where(deviations > 1e-9, deviations, np.inf)
