"""How far a quote supports a written sentence: a probability for each sentence with its quote.

What the words say (`stated`: names and numbers that the quote lacks, negations and opposites by which it says
otherwise), and how near each word of the sentence is to the quote by meaning: late interaction, as in
`features`. Weighed by a logistic regression on pairs made by rule from question sets; `quotebound eval
support --fit` fits it, writes `support.json` beside this file, and measures what it is worth.

The reading network has no part in it: read with the sentence for a question, or with each of its names and
numbers asked for in turn, it told nothing more on articles that it was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from index.embedding import Embedder, TokenVectors
from rag.combination import Linear
from rag.reading.features import as_rows, content_words
from rag.reading.stated import Stated, contradictions

COEFFICIENTS_FILE = Path(__file__).with_name("support.json")

SUPPORT_SIGNALS = (
    "token_similarity",  # how near the sentence's words are to the quote on average, 1 where it has them
    "names_missing",  # how many names of the sentence the quote has not
    "numbers_missing",  # and how many numbers
    "negation_added",  # the sentence denies what the quote says
    "negation_dropped",  # the sentence says what the quote denies
    "opposite",  # the quote has the opposite of a word of the sentence
)

Pairs = Sequence[tuple[str, str]]


class Support(Protocol):
    """Says how far quotes support written sentences.

    `score` takes pairs of a sentence and the words quoted for it, and returns for each pair, in order, a
    probability in [0, 1] that the quote supports the whole sentence. A pair's score does not depend on the
    others, up to 1e-4. An empty text supports nothing and nothing supports it: its score is 0. No pairs give
    no scores. Several threads may score at once. Text is data: no words in it change what is done. Raises
    `ModelNotFound` where a model cannot be loaded.
    """

    def score(self, pairs: Pairs) -> list[float]:
        """Return the probability that each quote supports its sentence."""
        ...


@dataclass(frozen=True, slots=True)
class SupportCoefficients:
    """What `quotebound eval support --fit` found.

    `threshold` is the score from which more speaks for support than against it, on the pairs it was fitted
    with: half of those are supported. Of those below `bound`, nineteen in twenty are not supported.
    """

    support: Linear
    threshold: float
    bound: float

    @classmethod
    def load(cls, path: Path = COEFFICIENTS_FILE) -> Self:
        """Read the coefficients; raise `ValueError` where they are of other signals than these."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        if set(stored["support"]["weights"]) != set(SUPPORT_SIGNALS):
            raise ValueError(
                f"{path.name} is of other signals; fit it anew with `quotebound eval support --fit`"
            )
        return cls(Linear.restored(stored["support"], SUPPORT_SIGNALS), stored["threshold"], stored["bound"])

    def stored(self) -> dict[str, Any]:
        """Return the function, threshold and bound in values of JSON."""
        return {"support": self.support.stored(), "threshold": self.threshold, "bound": self.bound}


class TrainedSupport:
    """Implements `Support` with the words, an embedding model and what was fitted for the two."""

    def __init__(self, embedder: Embedder, coefficients: SupportCoefficients | None = None) -> None:
        self._embedder = embedder
        self._coefficients = coefficients or SupportCoefficients.load()

    @property
    def threshold(self) -> float:
        """The least score at which more speaks for support than against it."""
        return self._coefficients.threshold

    def score(self, pairs: Pairs) -> list[float]:
        """Return the probability that each quote supports its sentence."""
        given = [pair for pair in pairs if pair[0].strip() and pair[1].strip()]
        scored: dict[tuple[str, str], float] = {}
        if given:
            rows = as_rows(support_signals(given, self._embedder), SUPPORT_SIGNALS)
            scored = dict(zip(given, self._coefficients.support.probability(rows).tolist(), strict=True))
        return [scored.get(pair, 0.0) for pair in pairs]


def support_signals(pairs: Pairs, embedder: Embedder) -> dict[str, list[float]]:
    """Return `SUPPORT_SIGNALS` of pairs of texts that are not empty, by name."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    stated = {text: Stated.of(text) for text in texts}
    tokens = dict(zip(texts, embedder.embed_tokens(texts), strict=True))
    found: dict[str, list[float]] = {name: [] for name in SUPPORT_SIGNALS}
    for sentence, quote in pairs:
        signals = contradictions(stated[sentence], stated[quote])
        signals["token_similarity"] = _nearness(sentence, tokens[sentence], stated[quote], tokens[quote])
        for name, values in found.items():
            values.append(signals[name])
    return found


def _nearness(sentence: str, tokens: TokenVectors, quoted: Stated, quoted_tokens: TokenVectors) -> float:
    content = content_words(sentence, tokens)
    if not len(content.vectors) or not len(quoted_tokens.vectors):
        return 0.0
    present = np.array([quoted.stems.issuperset(stems) for stems in content.stems])
    near = np.clip((content.vectors @ quoted_tokens.vectors.T).max(axis=1), 0.0, 1.0)
    return float(np.where(present, 1.0, near).mean())
