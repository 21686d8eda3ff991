"""One pass over the training data: which examples are made of which questions, and in what shares."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from index.terms import analyze
from rag.reading.training.examples import Composer, Contexts, Example, occurrences
from rag.reading.training.sources import (
    DEVELOPMENT_TITLES,
    QAMR_FILE,
    QED_FILE,
    SELQA_FILE,
    SQUAD2_FILE,
    SQUAD11_FILE,
    Asked,
    records,
    squad,
    training_path,
)

# How long a window around an answer is, in words: a paragraph of a report to a full passage.
_WINDOW = (40, 170)
# Shares of the questions of a pass that also make an example of a kind.
_QAMR = 0.4
_NEAREST = 0.5
_WITHOUT_ANSWER = 0.4
_EXCHANGED = 0.5
_AMONG_OTHERS = 0.35
_NEGATIVES = 8


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What is trained on, and the SQuAD questions of the development titles, which are not."""

    misleading: list[Asked]
    paragraphs: list[Asked]
    sentences: list[Asked]
    development: list[Asked]

    @classmethod
    def load(cls, data: Path, sample: int | None = None, seed: int = 0) -> TrainingData:
        """Read the files below a data folder; `sample` keeps so many questions of each part.

        `misleading` are SQuAD 2.0's, answerable and not; `paragraphs` answerable questions on paragraphs;
        `sentences` such on single sentences. Raise `SourceNotFound` where a file is missing.
        """
        squad2 = squad(training_path(data, SQUAD2_FILE))
        squad11 = squad(training_path(data, SQUAD11_FILE))
        parts = [
            [asked for _, article in squad2[:-DEVELOPMENT_TITLES] for asked in article],
            [asked for _, article in squad11 for asked in article]
            + records(training_path(data, QED_FILE))
            + records(training_path(data, SELQA_FILE)),
            records(training_path(data, QAMR_FILE)),
            [asked for _, article in squad2[-DEVELOPMENT_TITLES:] for asked in article],
        ]
        if sample is not None:
            rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
            parts = [rng.sample(part, min(sample, len(part))) for part in parts]
        return cls(*([asked for asked in part if asked.question] for part in parts))


class Passes:
    """Makes the examples of a pass, the same ones for the same number."""

    def __init__(self, data: TrainingData, seed: int) -> None:
        self._data = data
        self._seed = seed
        self._contexts = Contexts([*data.misleading, *data.paragraphs])
        self._single = Contexts(data.sentences)
        answerable = [asked for asked in (*data.misleading, *data.paragraphs) if asked.answerable]
        self._nearest = nearest_without_answer(answerable, self._contexts.all)

    def examples(self, number: int) -> list[Example]:
        """Return the examples of a pass, in no order."""
        rng = random.Random(f"{self._seed}/{number}")  # noqa: S311 - reproducible, not secret
        composer, single = Composer(self._contexts, rng), Composer(self._single, rng)
        made: list[Example | None] = []
        for asked in self._data.misleading:
            made.append(composer.whole(asked))
            if asked.answerable:
                made += self._of(asked, composer, rng)
        for asked in self._data.paragraphs:
            made += self._of(asked, composer, rng)
        for asked in rng.sample(self._data.sentences, int(_QAMR * len(self._data.sentences))):
            made.append(single.composed(asked, others=4))
            if rng.random() < _AMONG_OTHERS:
                made.append(single.among_others(asked, others=5))
        return [example for example in made if example is not None]

    def _of(self, asked: Asked, composer: Composer, rng: random.Random) -> list[Example | None]:
        made = [composer.answerable(asked, words=_WINDOW)]
        if rng.random() < _NEAREST and (near := self._nearest.get(asked.question)):
            made.append(composer.unanswerable(asked, rng.choice(near), words=_WINDOW))
        if rng.random() < _WITHOUT_ANSWER:
            made.append(composer.without_answer(asked))
        if rng.random() < _EXCHANGED and (other := composer.exchanged(asked)) is not None:
            made.append(composer.whole(other))
        return made


def nearest_without_answer(asked: Sequence[Asked], contexts: Sequence[str]) -> dict[str, list[str]]:
    """Return for each question the contexts nearest by TF-IDF that hold none of its answers."""
    vocabulary: dict[str, int] = {}
    documents = _counts(contexts, vocabulary, grow=True)
    frequency = np.bincount(documents.indices, minlength=len(vocabulary))
    weight = np.log((1 + len(contexts)) / (1 + frequency))
    documents = _normalized(documents.multiply(weight).tocsr())
    found: dict[str, list[str]] = {}
    for first in range(0, len(asked), 500):
        part = asked[first : first + 500]
        questions = _counts([entry.question for entry in part], vocabulary, grow=False)
        scores = (_normalized(questions.multiply(weight).tocsr()) @ documents.T).toarray()
        for entry, row in zip(part, scores, strict=True):
            order = np.argsort(-row)[: _NEGATIVES + 4]
            kept = [
                contexts[place] for place in order if row[place] > 0 and not _holds(entry, contexts[place])
            ]
            found[entry.question] = kept[:_NEGATIVES]
    return found


def _counts(texts: Sequence[str], vocabulary: dict[str, int], *, grow: bool) -> csr_array:
    columns, starts = [], [0]
    number: Callable[[str], int | None] = (
        (lambda term: vocabulary.setdefault(term, len(vocabulary))) if grow else vocabulary.get
    )
    for text in texts:
        terms = {place for term in set(analyze(text, "en")) if (place := number(term)) is not None}
        columns += sorted(terms)
        starts.append(len(columns))
    data = np.ones(len(columns), dtype=np.float32)
    return csr_array((data, columns, starts), shape=(len(texts), len(vocabulary)))


def _normalized(rows: csr_array) -> csr_array:
    norms = np.sqrt(rows.multiply(rows).sum(axis=1))
    scaled: csr_array = rows.multiply(1 / np.maximum(norms, 1e-9)[:, np.newaxis]).tocsr()
    return scaled


def _holds(asked: Asked, context: str) -> bool:
    if context == asked.context:
        return True
    if any(text in context for text in asked.evidence):
        return True
    return any(any(occurrences(text, context)) for text in asked.answers)
