"""Fits how passages are ranked before they are read: `quotebound eval fit --ranking --data DIR`.

Fitted on questions that are asked of all articles of their set at once: those of SQuAD, whose authors saw
the text, and those of Natural Questions (as QED has them), whose authors did not and used words of their
own. Figures are of articles and questions that are left out: SQuAD 2.0's development articles, and QED's
development set. No network is trained here, so that what it was trained on does no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.public import QED_FILE as QED_DEVELOPMENT_FILE
from eval.public import file_sha256, load_qed, squad2_path
from eval.regression import Choice, Floats, calibrated_ranking
from eval.samples import Library
from index.embedding import Embedder
from index.running import JobRunner
from index.types import Hit
from rag.combination import Linear
from rag.models import embedder_of
from rag.ranking import PASSAGE_SIGNALS, passage_signals
from rag.reading.training.sources import (
    DEVELOPMENT_TITLES,
    QED_FILE,
    SQUAD2_FILE,
    SQUAD11_FILE,
    Asked,
    records,
    squad,
    training_path,
)
from rag.retrieval import COMPARED, Retriever
from rag.settings import Settings

# Of each set as many, so that each has its say.
_QUESTIONS = 3000
DEPTHS = (1, 3, 5, 10, COMPARED)


@dataclass(frozen=True, slots=True)
class Searched:
    """What fusion found for a question: `PASSAGE_SIGNALS` of each passage, and which hold an answer."""

    signals: Floats
    right: NDArray[np.bool_]


def run(
    data: Path, settings: Settings, tell: Callable[[str], None], embedder: Embedder | None = None
) -> dict[str, Any]:
    """Fit on the data below a folder and return what goes into the file."""
    embedder = embedder or embedder_of(settings)
    squad2 = squad2_path(data)
    articles = [asked for _, asked in squad(squad2)]
    older = [asked for _, asked in squad(training_path(data, SQUAD11_FILE))]
    natural = records(training_path(data, QED_FILE))
    development = [
        Asked(entry.question, entry.context, (), (_selected(entry),), f"{place}")
        for place, entry in enumerate(load_qed(data))
    ]
    training, held_out = _joined(articles[:-DEVELOPMENT_TITLES]), _joined(articles[-DEVELOPMENT_TITLES:])
    squad_training = [*training, *_joined(older)]
    found = {
        "squad": collect(squad_training, squad_training, embedder, settings),
        "natural_questions": collect(natural, natural, embedder, settings),
    }
    tell(f"{sum(map(len, found.values()))} questions to fit on")
    probability = fit([searched for part in found.values() for searched in part])
    measured = {
        "squad2_development": collect([*training, *held_out], held_out, embedder, settings),
        "qed_development": collect(development, development, embedder, settings),
    }
    files = {
        SQUAD2_FILE: squad2,
        SQUAD11_FILE: data / SQUAD11_FILE,
        QED_FILE: data / QED_FILE,
        QED_DEVELOPMENT_FILE: data / QED_DEVELOPMENT_FILE,
    }
    return {
        **probability.stored(),
        "fitted": {
            "command": "quotebound eval fit --ranking --data DIR",
            "data": {file.as_posix(): file_sha256(path) for file, path in files.items()},
            "embedding_model": embedder.identity.name,
            "embedding_sha256": embedder.identity.weights,
            "questions": {name: len(part) for name, part in found.items()},
            "figures": {name: figures(part, probability) for name, part in measured.items()},
        },
    }


def fit(searched: Sequence[Searched]) -> Linear:
    """Fit the probability that a passage holds the answer to the question it was found for."""
    weights, constant = calibrated_ranking(
        [Choice(entry.signals, entry.right) for entry in searched], np.ones(len(searched))
    )
    return Linear(constant, dict(zip(PASSAGE_SIGNALS, map(float, weights), strict=True)))


def collect(
    texts: Sequence[Asked], asked: Sequence[Asked], embedder: Embedder, settings: Settings
) -> list[Searched]:
    """Return what is found among some texts for the answerable ones of some questions on them."""
    retriever = Retriever(embedder)
    with Library.apart(embedder, settings) as library:
        places = _ingested(texts, library)
        snapshot = library.store.snapshot()
        found = []
        for entry in _chosen(asked):
            hits = retriever.search(snapshot, entry.question, COMPARED).hits
            if hits and entry.context in places:
                passages = [hit.passage for hit in hits]
                signals = passage_signals(entry.question, passages, [hit.why for hit in hits])
                right = [_holds(hit, entry, *places[entry.context]) for hit in hits]
                found.append(Searched(signals, np.array(right, dtype=np.bool_)))
    return found


def _ingested(texts: Sequence[Asked], library: Library) -> dict[str, tuple[str, int]]:
    """Bring texts into a library, a document for each article; return where each stands, as it is stored.

    One that the loader changed is missing.
    """
    runner = JobRunner.over(library.ingestor)
    places: dict[str, tuple[str, int]] = {}
    for group, contexts in _contexts(texts).items():
        name = f"{hashlib.sha256(group.encode()).hexdigest()[:16]}.txt"
        for file in runner.add("\n\n".join(contexts).encode(), name).files:
            if file.document_id is not None:
                stored = library.store.catalog.text(file.document_id)
                found = {context: stored.find(context) for context in contexts}
                places |= {text: (file.document_id, start) for text, start in found.items() if start >= 0}
    return places


def figures(searched: Sequence[Searched], probability: Linear) -> dict[str, float]:
    """Return the share of questions with an answer in the first k passages, fused and ranked."""
    made: dict[str, float] = {"questions": len(searched)}
    orders: dict[str, Callable[[Searched], NDArray[np.intp]]] = {
        "fused": lambda entry: np.arange(len(entry.right)),
        "ranked": lambda entry: np.argsort(-probability(entry.signals), kind="stable"),
    }
    for name, order in orders.items():
        for depth in DEPTHS:
            held = [entry.right[order(entry)[:depth]].any() for entry in searched]
            made[f"recall_at_{depth}_{name}"] = round(float(np.mean(held)), 4)
    return made


def _joined(articles: Iterable[Sequence[Asked]]) -> list[Asked]:
    return [entry for article in articles for entry in article]


def _selected(entry: Any) -> str:
    span = entry.sentences[entry.selected]
    text: str = entry.context[span.start : span.end]
    return text


def _contexts(texts: Sequence[Asked]) -> dict[str, list[str]]:
    """Return the texts of each article or document, each once."""
    found: dict[str, dict[str, None]] = {}
    for entry in texts:
        found.setdefault(entry.group, {}).setdefault(entry.context)
    return {group: list(contexts) for group, contexts in found.items()}


def _chosen(asked: Sequence[Asked]) -> list[Asked]:
    """Return so many of the answerable questions, chosen by their words alone."""
    answerable = {f"{entry.question}\n{entry.context}": entry for entry in asked if entry.answerable}
    order = sorted(answerable, key=lambda text: hashlib.sha256(text.encode()).digest())
    return [answerable[text] for text in order[:_QUESTIONS]]


def _holds(hit: Hit, asked: Asked, document_id: str, start: int) -> bool:
    """Tell whether the middle of an answer lies in a hit's passage."""
    texts = asked.answers or asked.evidence
    middles = [start + asked.context.find(text) + len(text) // 2 for text in texts]
    passage = hit.passage
    return passage.document_id == document_id and any(
        passage.start <= middle < passage.end for middle in middles
    )
