"""How well scores tell supported pairs from others: thresholds, balanced accuracy, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.metrics import area_under_roc
from eval.significance import Interval

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_FOLDS = 5
_RESAMPLES = 1000
_SEED = 7
# What a gate has to reach: of the sentences that it withholds, so many are truly unsupported.
GATE_PRECISION = 0.95
# An honest model's sentences over verified quotes are mostly supported; evaluation sets are not like that.
_USUAL_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a score tells supported pairs from others.

    `balanced` is the balanced accuracy at a threshold that is chosen, for each fifth of the pairs, on the
    other four fifths; `fixed` that at a threshold from elsewhere, None where there is none. `behind` is by
    how much its area under ROC is less than that of a score it is held against, on the same draws of pairs.
    """

    score: str
    auroc: Interval
    balanced: Interval
    fixed: Interval | None
    behind: Interval | None


@dataclass(frozen=True, slots=True)
class Gate:
    """What withholding all pairs below a bound does.

    `withheld` is the share of unsupported pairs below it, `lost` the share of supported ones. `precision` is
    the share of what is withheld that is unsupported in the set as it is, `usual_precision` the same were
    nine tenths of the pairs supported; both are 1 where nothing is withheld.
    """

    bound: float
    withheld: float
    lost: Interval
    precision: Interval
    usual_precision: float


def separation(
    score: str,
    scores: Floats,
    supported: Flags,
    *,
    fixed: float | None = None,
    against: Floats | None = None,
) -> Separation:
    """Return how well scores tell which pairs are supported; both kinds have to be there."""
    kept = cross_validated(scores, supported)

    def area(of: Places, values: Floats) -> float:
        return area_under_roc(values[of].tolist(), supported[of].tolist())

    return Separation(
        score,
        _interval(lambda of: area(of, scores), supported),
        _interval(lambda of: balanced_accuracy(kept[of], supported[of]), supported),
        None
        if fixed is None
        else _interval(lambda of: balanced_accuracy(scores[of] >= fixed, supported[of]), supported),
        None if against is None else _interval(lambda of: area(of, against) - area(of, scores), supported),
    )


def balanced_accuracy(kept: Flags, supported: Flags) -> float:
    """Return the mean of the shares of supported pairs kept and of others not kept; each kind is there."""
    return float((kept[supported].mean() + (~kept[~supported]).mean()) / 2)


def best_threshold(scores: Floats, supported: Flags, weights: Floats | None = None) -> float:
    """Return the score from which to call pairs supported with the greatest balanced accuracy.

    It lies halfway between two scores that occur.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores, kind="stable")
    ranked, held, mass = scores[order], supported[order], weights[order]
    below = np.cumsum(mass * ~held) / (mass * ~held).sum() - np.cumsum(mass * held) / (mass * held).sum()
    # A threshold can stand only between different scores.
    apart = np.append(ranked[1:] > ranked[:-1], False)
    if not apart.any():
        return float(ranked[0])
    place = int(np.argmax(np.where(apart, below, -np.inf)))
    return float((ranked[place] + ranked[place + 1]) / 2)


def cross_validated(scores: Floats, supported: Flags) -> Flags:
    """Return which pairs are called supported, each by the threshold that is best for the other folds."""
    folds = np.empty(len(scores), dtype=np.int64)
    rng = np.random.default_rng(_SEED)
    # As many of each kind in each fold.
    for kind in (True, False):
        places = rng.permutation(np.flatnonzero(supported == kind))
        folds[places] = np.arange(len(places)) % _FOLDS
    kept = np.zeros(len(scores), dtype=np.bool_)
    for fold in range(_FOLDS):
        inside = folds == fold
        kept[inside] = scores[inside] >= best_threshold(scores[~inside], supported[~inside])
    return kept


def gate_bound(scores: Floats, supported: Flags, weights: Floats) -> float:
    """Return the greatest bound under which `GATE_PRECISION` of the weight is unsupported; 0 without one."""
    order = np.argsort(scores, kind="stable")
    ranked, mass, held = scores[order], weights[order], supported[order]
    precision = np.cumsum(mass * ~held) / np.cumsum(mass)
    good = np.flatnonzero((precision[:-1] >= GATE_PRECISION) & (ranked[1:] > ranked[:-1]))
    return float(ranked[good[-1] + 1]) if len(good) else 0.0


def gate(bound: float, scores: Floats, supported: Flags) -> Gate:
    """Return what withholding the pairs below a bound does."""
    below = scores < bound
    withheld, lost = float(below[~supported].mean()), float(below[supported].mean())
    caught, mistaken = (1 - _USUAL_SHARE) * withheld, _USUAL_SHARE * lost
    return Gate(
        bound,
        withheld,
        _interval(lambda of: _share(below[of][supported[of]]), supported),
        _interval(lambda of: _share(~supported[of][below[of]]), supported),
        caught / (caught + mistaken) if below.any() else 1.0,
    )


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else 1.0


def _interval(figure: Callable[[Places], float], supported: Flags) -> Interval:
    """Return a figure of all pairs and its interval; each draw has as many of each kind as there are."""
    rng = np.random.default_rng(_SEED)
    kinds: Sequence[Places] = [np.flatnonzero(supported), np.flatnonzero(~supported)]
    found = [
        figure(np.concatenate([rng.choice(places, len(places)) for places in kinds]))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(figure(np.concatenate(kinds)), float(low), float(high))
