"""Fits how the support score weighs its signals, on pairs made by rule of SQuAD's articles.

Half of their weight is supported. Of what is not, each kind counts alike: real models err in other shares,
which nobody knows beforehand. The threshold and the bound of the gate are chosen by what each article gets
from a fit on the others.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.metrics import area_under_roc
from eval.public import file_sha256
from eval.regression import logistic_regression
from eval.support.figures import Flags, Floats, balanced_accuracy, best_threshold, gate_bound
from eval.support.pairs import PairMaker, SupportPair
from index.embedding import Embedder
from rag.combination import Linear
from rag.reading.features import as_rows
from rag.reading.support import SUPPORT_SIGNALS, SupportCoefficients, support_signals
from rag.reading.training.sources import (
    DEVELOPMENT_TITLES,
    SQUAD2_FILE,
    SQUAD11_FILE,
    Asked,
    squad,
    training_path,
)

_CONTEXTS, _QUESTIONS = 12, 25
_FOLDS = 5
_SEED = 7
_AT_ONCE = 64
# A person worded these statements anew; the others repeat their sources, and are easy.
_REWORDED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class FittedSupport:
    """What was fitted, and what goes into the file beside it: how it does on articles left out of the fit."""

    coefficients: SupportCoefficients
    provenance: dict[str, Any]

    def stored(self) -> dict[str, Any]:
        """Return what `rag/reading/support.json` holds."""
        return self.coefficients.stored() | {"fitted": self.provenance}


def fit(data: Path, embedder: Embedder, tell: Callable[[str], None]) -> FittedSupport:
    """Fit on pairs of the SQuAD articles that are not for development, half of their weight supported."""
    squad2, squad11 = (training_path(data, file) for file in (SQUAD2_FILE, SQUAD11_FILE))
    articles = squad(squad2)[:-DEVELOPMENT_TITLES] + squad(squad11)
    made = made_pairs(articles, _CONTEXTS, _QUESTIONS)
    tell(f"{len(made)} pairs of {len(articles)} articles")
    signals = _signals(made, embedder)
    supported = np.array([pair.supported for pair in made])
    weights = weights_of(made)
    titles = sorted({pair.group for pair in made})
    folds = np.array([titles.index(pair.group) % _FOLDS for pair in made])
    # What each article gets by a fit on others: the threshold and bound are chosen by that.
    apart = np.empty(len(made))
    for fold in range(_FOLDS):
        inside = folds == fold
        if inside.any():
            function = _function(signals[~inside], supported[~inside], weights[~inside])
            apart[inside] = function.probability(signals[inside])
    threshold = best_threshold(apart, supported, weights)
    return FittedSupport(
        SupportCoefficients(
            _function(signals, supported, weights),
            round(threshold, 4),
            round(gate_bound(apart, supported, weights), 4),
        ),
        {
            "command": "quotebound eval support --data DIR --fit",
            "data": {str(SQUAD2_FILE): file_sha256(squad2), str(SQUAD11_FILE): file_sha256(squad11)},
            "embedding_model": embedder.identity.name,
            "embedding_sha256": embedder.identity.weights,
            "articles": len(articles),
            "pairs": dict(sorted(Counter(pair.kind for pair in made).items())),
            "auroc": round(area_under_roc(apart.tolist(), supported.tolist()), 4),
            "balanced_accuracy": round(balanced_accuracy(apart >= threshold, supported), 4),
        },
    )


def weights_of(pairs: Sequence[SupportPair]) -> Floats:
    """Return weights under which half of the pairs are supported and all kinds of others count alike.

    Of those supported, statements that a person worded anew have a share of their own.
    """
    counts = Counter((pair.supported, pair.kind) for pair in pairs)
    groups: dict[tuple[bool, bool], list[tuple[bool, str]]] = {}
    for supported, kind in counts:
        groups.setdefault((supported, supported and kind.startswith("declared")), []).append(
            (supported, kind)
        )
    share = {
        (False, False): 0.5,
        (True, True): 0.5 * _REWORDED_SHARE,
        (True, False): 0.5 * (1 - _REWORDED_SHARE),
    }
    weight = {
        kind: share[group] / len(kinds) / counts[kind] for group, kinds in groups.items() for kind in kinds
    }
    return np.array([weight[pair.supported, pair.kind] for pair in pairs])


def _function(signals: Floats, supported: Flags, weights: Floats) -> Linear:
    found, constant = logistic_regression(signals, supported, weights)
    return Linear(constant, dict(zip(SUPPORT_SIGNALS, map(float, found), strict=True)))


def made_pairs(
    articles: Sequence[tuple[str, list[Asked]]], contexts: int, questions: int
) -> list[SupportPair]:
    """Return pairs of at most so many contexts and questions of each article, the same ones each time."""
    return list(PairMaker(articles, random.Random(_SEED)).pairs(contexts, questions))  # noqa: S311 - no secret


def _signals(pairs: Sequence[SupportPair], embedder: Embedder) -> Floats:
    rows = []
    for first in range(0, len(pairs), _AT_ONCE):
        part = [(pair.sentence, pair.quote) for pair in pairs[first : first + _AT_ONCE]]
        rows.append(as_rows(support_signals(part, embedder), SUPPORT_SIGNALS))
    return np.concatenate(rows)
