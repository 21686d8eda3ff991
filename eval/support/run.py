"""What the support score is worth: `quotebound eval support --data DIR`.

Measured on WiCE (Kamoi et al., EMNLP 2023), claims of Wikipedia that people judged by the pages they cite,
and on pairs made by rule of SQuAD's development articles. Beside the score stand the embedding model's cosine
and the share of words. Nothing is chosen by WiCE but the thresholds of its cross-validation, which all three
get in the same way. A claim that is supported in part counts as not supported.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.metrics import area_under_roc
from eval.support.figures import Flags, Floats, Gate, Separation, gate, separation
from eval.support.fitting import made_pairs
from eval.support.pairs import SupportPair
from index.embedding import Embedder
from index.embedding.embedder import cosines
from index.errors import SourceNotFound
from index.terms import analyze, query_terms
from rag.reading.support import Support, SupportCoefficients, TrainedSupport
from rag.reading.training.sources import (
    DEVELOPMENT_TITLES,
    SQUAD2_FILE,
    squad,
    training_path,
)

WICE_FILE = Path("dev/wice.jsonl.gz")

OURS = "support"
SCORES = (OURS, "cosine", "words")
# The sentences of a cited page that are scored one by one, and of those the ones taken together.
_CANDIDATES = 10
_TOGETHER = 3
_DEVELOPMENT_CONTEXTS, _DEVELOPMENT_QUESTIONS = 30, 60
_AT_ONCE = 64

Pairs = Sequence[tuple[str, str]]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of WiCE: the sentences of the cited page, and those of a person's choice that support it."""

    text: str
    supported: bool
    page: tuple[str, ...]
    supporting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Pairs of one kind: how many, how many of them supported, and how well each score tells which."""

    name: str
    pairs: int
    supported: int
    scores: tuple[Separation, ...]
    gate: Gate


@dataclass(frozen=True, slots=True)
class Alteration:
    """How well each score, by area under ROC, tells sentences altered in one way from those supported."""

    kind: str
    pairs: int
    auroc: dict[str, float]


@dataclass(frozen=True, slots=True)
class SupportFigures:
    """What the score is worth; `threshold` is the one that was fitted."""

    threshold: float
    tasks: tuple[Task, ...]
    alterations: tuple[Alteration, ...]


def wice_path(data: Path) -> Path:
    """Return where WiCE is below a data folder; raise `SourceNotFound` saying where it comes from."""
    path = data / WICE_FILE
    if not path.is_file():
        raise SourceNotFound(
            f"there is no {WICE_FILE} in the data folder: it is the claims of WiCE's development set "
            "(Kamoi et al., 2023; annotations ODC-BY), JSON Lines, compressed with gzip"
        )
    return path


def load_wice(path: Path) -> list[Claim]:
    """Return the claims of a file of WiCE; of several choices of supporting sentences the first."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            chosen = (entry["supporting_sentences"] or [[]])[0]
            found.append(
                Claim(
                    text=entry["claim"],
                    supported=entry["label"] == "supported",
                    page=tuple(entry["evidence"]),
                    supporting=tuple(entry["evidence"][place] for place in sorted(chosen)),
                )
            )
    return found


def measured(
    data: Path, embedder: Embedder, tell: Tell, coefficients: SupportCoefficients | None = None
) -> SupportFigures:
    """Return what the score is worth, by default with the coefficients that ship with the product."""
    fitted = coefficients or SupportCoefficients.load()
    scorer = TrainedSupport(embedder, fitted)
    claims = load_wice(wice_path(data))
    development = made_pairs(
        squad(training_path(data, SQUAD2_FILE))[-DEVELOPMENT_TITLES:],
        _DEVELOPMENT_CONTEXTS,
        _DEVELOPMENT_QUESTIONS,
    )
    tell(f"{len(claims)} claims of WiCE")
    chosen = [claim for claim in claims if claim.supporting]
    tasks = [
        _task(
            "chosen sentences",
            _scored([(claim.text, " ".join(claim.supporting)) for claim in chosen], scorer, embedder),
            np.array([claim.supported for claim in chosen]),
            fitted,
        )
    ]
    supported = np.array([claim.supported for claim in claims])
    nearest = [_nearest(claim) for claim in claims]
    singles = [(claim.text, text) for claim, own in zip(claims, nearest, strict=True) for text in own]
    each = _scored(singles, scorer, embedder)
    ends = np.cumsum([len(own) for own in nearest])
    best = {name: np.array([part.max() for part in np.split(each[name], ends[:-1])]) for name in SCORES}
    tasks.append(_task("page, best sentence", best, supported, fitted))
    together = [
        (claim.text, " ".join(text for text in claim.page if text in own[:_TOGETHER]))
        for claim, own in zip(claims, nearest, strict=True)
    ]
    tasks.append(_task("page, three sentences", _scored(together, scorer, embedder), supported, fitted))
    tell(f"{len(development)} made pairs of {DEVELOPMENT_TITLES} articles")
    made = _scored([(pair.sentence, pair.quote) for pair in development], scorer, embedder)
    held = np.array([pair.supported for pair in development])
    tasks.append(_task("made of development articles", made, held, fitted))
    return SupportFigures(fitted.threshold, tuple(tasks), _alterations(development, made))


def _nearest(claim: Claim) -> list[str]:
    """Return the sentences of a page that share most words with the claim, those first."""
    asked = frozenset(query_terms(claim.text, "en"))
    shared = {text: len(asked.intersection(analyze(text, "en"))) for text in claim.page if text.strip()}
    return sorted(shared, key=lambda text: -shared[text])[:_CANDIDATES]


def _scored(pairs: Pairs, scorer: Support, embedder: Embedder) -> dict[str, Floats]:
    """Return the scores of pairs: ours and the two baselines."""
    support: list[float] = []
    for first in range(0, len(pairs), _AT_ONCE):
        support += scorer.score(pairs[first : first + _AT_ONCE])
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    places = {text: place for place, text in enumerate(texts)}
    vectors = embedder.embed_passages(texts)
    left, right = (vectors[[places[pair[side]] for pair in pairs]] for side in (0, 1))
    words = []
    for sentence, quote in pairs:
        terms = query_terms(sentence, "en")
        words.append(len(set(terms).intersection(analyze(quote, "en"))) / max(1, len(terms)))
    return {
        OURS: np.array(support),
        "cosine": cosines(left, right).astype(np.float64),
        "words": np.array(words),
    }


def _task(name: str, scores: dict[str, Floats], supported: Flags, fitted: SupportCoefficients) -> Task:
    return Task(
        name,
        len(supported),
        int(supported.sum()),
        tuple(
            separation(score, scores[score], supported, fixed=fitted.threshold)
            if score == OURS
            else separation(score, scores[score], supported, against=scores[OURS])
            for score in SCORES
        ),
        gate(fitted.bound, scores[OURS], supported),
    )


def _alterations(pairs: Sequence[SupportPair], scores: dict[str, Floats]) -> tuple[Alteration, ...]:
    held = np.array([pair.supported for pair in pairs])
    kinds = np.array([pair.kind for pair in pairs])
    found = []
    for kind in sorted(set(kinds[~held].tolist())):
        among = held | (kinds == kind)
        found.append(
            Alteration(
                kind,
                int((kinds == kind).sum()),
                {
                    name: area_under_roc(values[among].tolist(), held[among].tolist())
                    for name, values in scores.items()
                },
            )
        )
    return tuple(found)
