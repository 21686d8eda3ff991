"""How signals are put together: linear functions, fitted by `quotebound eval fit` and kept as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Linear:
    """A weight for each signal, in the order of their columns, and a constant.

    `probability` is the logistic function of their sum.
    """

    constant: float
    weights: Mapping[str, float]

    def __call__(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted sum for each row of signals."""
        vector = np.array(list(self.weights.values()))
        total: NDArray[np.float64] = signals @ vector + self.constant
        return total

    def probability(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logistic function of the weighted sum for each row of signals."""
        result: NDArray[np.float64] = 1 / (1 + np.exp(-self(signals)))
        return result

    @classmethod
    def restored(cls, stored: Mapping[str, Any], signals: Sequence[str]) -> Self:
        """Return what `stored` wrote, its weights in the order of `signals`."""
        return cls(stored["constant"], {name: stored["weights"][name] for name in signals})

    def stored(self) -> dict[str, Any]:
        """Return the function in values of JSON, to six decimals."""
        return {
            "constant": round(self.constant, 6),
            "weights": {name: round(weight, 6) for name, weight in self.weights.items()},
        }


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What `quotebound eval fit` found: how to rank sentences, when to answer, and from which threshold.

    `relevance` orders sentences and gives the probability that one is evidence; `answerable` is for
    the best sentence of a question. `threshold` is the least `answerable` at which to answer.
    """

    relevance: Linear
    answerable: Linear
    threshold: float

    @classmethod
    def load(cls, path: Path, signals: Sequence[str]) -> Self:
        """Read the coefficients; raise `ValueError` where they are of other signals than those named."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["signals"] != list(signals):
            raise ValueError(f"{path.name} is of other signals; fit it anew with `quotebound eval fit`")
        relevance, answerable = (Linear.restored(stored[key], signals) for key in ("relevance", "answerable"))
        return cls(relevance, answerable, stored["threshold"])
