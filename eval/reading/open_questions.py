"""SQuAD 2.0's development questions asked of all articles at once, each sentence read with its signals.

Three kinds, as `eval.samples` has them: answerable questions, those that annotators wrote to mislead, and
answerable ones whose answering passages were taken out of what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eval.public import SquadArticle
from eval.samples import DEEPER, Kind, Library, holding_answers, ingested, readings
from index.types import Passage
from rag.overlap import Question
from rag.reading.network import Network, ReadPassage
from rag.reading.signals import Sentences, SignalReader
from rag.types import DEFAULT_TOP_K

Floats = NDArray[np.float64]
_CACHED_SENTENCES = 8000


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question with all its hits read: the signals of each sentence (`COMPARED_SIGNALS`), which are right.

    `hit` is the place of each sentence's hit, ascending; `ranking` the log-odds of each hit before reading.
    """

    article: str
    kind: Kind
    signals: Floats
    right: NDArray[np.bool_]
    hit: NDArray[np.intp]
    ranking: tuple[float, ...]

    @classmethod
    def of(
        cls, article: str, kind: Kind, sentences: Sentences, signals: Floats, right: NDArray[np.bool_]
    ) -> Self:
        """Return a question of all sentences of its hits."""
        hit = np.array([candidate.hit for candidate in sentences.candidates], dtype=np.intp)
        return cls(article, kind, signals, right, hit, sentences.ranking)

    @property
    def answerable(self) -> bool:
        """Whether what was read may answer: retrieval may have missed it."""
        return self.kind is Kind.ANSWERABLE


def collect(
    articles: Sequence[SquadArticle],
    asked: int,
    library: Library,
    network: Network,
    tell: Callable[[str], None],
) -> list[OpenQuestion]:
    """Return the questions of the last `asked` articles by title, as they are read among all articles."""
    documents = ingested(articles, library)
    once = _ReadOnce(network)
    reader = SignalReader(once, library.embedder, cached_sentences=_CACHED_SENTENCES)
    snapshot = library.store.snapshot()
    found = []
    for article in articles[-asked:]:
        document_id = documents[article.title]
        for question in article.questions:
            hits = library.retriever.search(snapshot, question.text, DEFAULT_TOP_K + DEEPER).hits
            once.forget()
            for kind, read in readings(question, document_id, hits, DEFAULT_TOP_K):
                sentences = reader.read(Question.analysed(question.text), read)
                right = holding_answers(sentences.candidates, read, document_id, question)
                signals = reader.compare(sentences, range(len(sentences.candidates)))
                found.append(OpenQuestion.of(article.title, kind, sentences, signals, right))
        tell(f"{article.title}: {len(found)} readings")
    return found


class _ReadOnce:
    """A network that reads each passage of a question once, though the question is read twice."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._read: dict[str, ReadPassage] = {}

    def forget(self) -> None:
        self._read.clear()

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        missing = [passage for passage in passages if passage.id not in self._read]
        for passage, read in zip(missing, self._network.read(question, missing), strict=True):
            self._read[passage.id] = read
        return [self._read[passage.id] for passage in passages]
