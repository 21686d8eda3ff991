"""Questions of SQuAD as the reader saw them: a row of signals for each sentence, and which hold an answer."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eval.public import SquadArticle, SquadQuestion
from eval.regression import Floats
from index.chunking import CHUNK_TOKENS, Chunker
from index.embedding import Embedder
from index.home import Home
from index.ingest import Ingestor
from index.jobs import FileStatus
from index.running import JobRunner
from index.store import Store
from index.types import Hit, Why
from rag.combination import Coefficients, Linear
from rag.overlap import Question
from rag.ranking import PassageRanking
from rag.reading.features import SENTENCE_SIGNALS, Candidate
from rag.reading.similarity import SimilarityReader
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import DEFAULT_TOP_K

# How deep to search so that the passages left fill the page when the answering ones are taken out.
DEEPER = 10
_CACHED = 4000


class Kind(StrEnum):
    """Why a question can or cannot be answered from what was read."""

    ANSWERABLE = "answerable"
    MISLEADING = "misleading"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sample:
    """A question as it was read: a row of signals for each sentence, and which of them hold an answer."""

    kind: Kind
    signals: Floats
    gold: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Library:
    """A collection of its own, with what searches and reads it: wiring would want the coefficients."""

    home: Home
    store: Store
    embedder: Embedder
    ingestor: Ingestor
    retriever: Retriever
    reader: SimilarityReader

    @classmethod
    @contextmanager
    def apart(cls, embedder: Embedder, settings: Settings) -> Iterator[Self]:
        """Yield a collection in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            library = cls._open(Path(folder), embedder, settings)
            try:
                yield library
            finally:
                library.home.close()

    @classmethod
    def _open(cls, folder: Path, embedder: Embedder, settings: Settings) -> Self:
        chunker = Chunker(embedder.window, settings.chunk_tokens or CHUNK_TOKENS)
        home = Home(folder, embedder.identity.space(chunker.fingerprint), writable=True)
        store = home.collection(create=True)
        nothing = Linear(0.0, dict.fromkeys(SENTENCE_SIGNALS, 0.0))
        return cls(
            home,
            store,
            embedder,
            Ingestor(store, chunker, embedder, max_bytes=settings.max_bytes),
            Retriever(embedder, ranking=PassageRanking.load()),
            SimilarityReader(embedder, Coefficients(nothing, nothing, 0.0), cached_sentences=_CACHED),
        )


def collect(
    articles: Sequence[SquadArticle], library: Library, asked_of_all: int, tell: Callable[[str], None]
) -> tuple[list[list[Sample]], list[Sample]]:
    """Return each article's samples among neighbours, and those of the last few asked of all articles."""
    documents = ingested(articles, library)
    near: list[list[Sample]] = []
    far: list[Sample] = []
    for number, article in enumerate(articles, start=1):
        document_id = documents[article.title]
        rows = [row for row, _ in library.store.catalog.passages_of(document_id)]
        near.append([])
        for question in article.questions:
            hits = _neighbours(question, rows, library)
            near[-1] += _samples(question, document_id, hits, len(hits), library)
            if number > len(articles) - asked_of_all:
                snapshot = library.store.snapshot()
                found = library.retriever.search(snapshot, question.text, DEFAULT_TOP_K + DEEPER)
                far += _samples(question, document_id, found.hits, DEFAULT_TOP_K, library)
        tell(f"{number}/{len(articles)} {article.title}: {len(near[-1])} samples")
    return near, far


def ingested(articles: Sequence[SquadArticle], library: Library) -> dict[str, str]:
    """Bring articles into a library; return their documents' ids by title."""
    documents = {}
    for article in articles:
        report = JobRunner.over(library.ingestor).add(article.text.encode(), f"{article.title}.txt")
        if not report.files or (outcome := report.files[0]).status is not FileStatus.ADDED:
            raise ValueError(f"{article.title} was not added: {report.job.message}")
        documents[article.title] = outcome.document_id or ""
    return documents


def _neighbours(question: SquadQuestion, rows: Sequence[int], library: Library) -> list[Hit]:
    """Return ten passages in a row of the question's article, its own at a place that its id decides."""
    snapshot = library.store.snapshot()
    located = snapshot.passages(rows)
    own = sum(located[row].passage.end <= question.paragraph for row in rows)
    before = int(hashlib.sha256(question.id.encode()).hexdigest(), 16) % DEFAULT_TOP_K
    first = max(0, min(own - before, len(rows) - DEFAULT_TOP_K))
    chosen = rows[first : first + DEFAULT_TOP_K]
    cosines = snapshot.cosines(library.embedder.embed_query(question.text), chosen)
    ranked = sorted(zip(chosen, cosines, strict=True), key=lambda entry: -entry[1])
    return [
        Hit(located[row].passage, "", "", cosine, rank, Why(dense_rank=rank, dense_score=cosine))
        for rank, (row, cosine) in enumerate(ranked, start=1)
    ]


def _samples(
    question: SquadQuestion, document_id: str, hits: Sequence[Hit], count: int, library: Library
) -> list[Sample]:
    found = []
    for kind, read in readings(question, document_id, hits, count):
        sentences, signals = library.reader.signals(Question.analysed(question.text), read)
        found.append(Sample(kind, signals, holding_answers(sentences, read, document_id, question)))
    return found


def readings(
    question: SquadQuestion, document_id: str, hits: Sequence[Hit], count: int
) -> Iterator[tuple[Kind, Sequence[Hit]]]:
    """Yield what is read of a question's hits, `count` each: as they are, and without those that answer."""
    yield (Kind.ANSWERABLE if question.answerable else Kind.MISLEADING), hits[:count]
    if question.answerable:
        others = [hit for hit in hits if not _holds(hit, document_id, question)]
        yield Kind.REMOVED, others[:count]


def _holds(hit: Hit, document_id: str, question: SquadQuestion) -> bool:
    passage = hit.passage
    return passage.document_id == document_id and any(
        passage.start <= answer < passage.end for answer in question.answers
    )


def holding_answers(
    sentences: Sequence[Candidate], hits: Sequence[Hit], document_id: str, question: SquadQuestion
) -> NDArray[np.bool_]:
    """Tell of each sentence whether it holds an answer of a question on a document."""
    held = [
        hits[sentence.hit].passage.document_id == document_id
        and any(sentence.span.start <= answer < sentence.span.end for answer in question.answers)
        for sentence in sentences
    ]
    return np.array(held, dtype=np.bool_)
