"""Documents are embedded in a thread while those before them are stored and those after them parsed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from index.catalog import Catalog, embedding_key
from index.chunking import indexed_text
from index.embedding import Embedder, EmbeddingSpace, Vectors
from index.passage_vectors import passage_vectors
from index.types import Document, Passage


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cut into passages, waiting for its vectors."""

    document: Document
    passages: list[Passage]
    replaces: bool


@dataclass(frozen=True, slots=True)
class Embedded:
    """Documents with the vectors of their passages, one a row; `counts` is what `passage_vectors` told."""

    documents: list[Prepared]
    vectors: Vectors
    counts: list[tuple[int, int]]


@dataclass(slots=True)
class _Running:
    documents: list[Prepared]
    vectors: Future[Vectors]
    counts: list[tuple[int, int]] = field(default_factory=list)


class EmbeddingAhead:
    """Embeds one batch of documents at a time, in a thread that ends with the `with` block.

    What it began is finished before that, so that nothing works on after an error.
    """

    def __init__(self, catalog: Catalog, embedder: Embedder, space: EmbeddingSpace) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._space = space
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")
        self._running: _Running | None = None

    @property
    def documents(self) -> list[Prepared]:
        """The documents that are being embedded."""
        return self._running.documents if self._running is not None else []

    def exchange(self, waiting: list[Prepared]) -> Embedded | None:
        """Begin with some documents, and return those begun with before; raise what embedding them raised.

        Those returned are not stored yet when the others begin: a text of both is embedded once.
        """
        before = None
        late: Mapping[bytes, Vectors] = {}
        if (running := self._running) is not None:
            before = Embedded(running.documents, running.vectors.result(), running.counts)
            late = dict(zip(_keys(running.documents), before.vectors, strict=True))
        self._running = self._begun(waiting, late) if waiting else None
        return before

    def _begun(self, documents: list[Prepared], late: Mapping[bytes, Vectors]) -> _Running:
        counts: list[tuple[int, int]] = []
        vectors = self._thread.submit(
            passage_vectors,
            self._catalog,
            self._embedder,
            self._space,
            [passage for entry in documents for passage in entry.passages],
            lambda made, reused: counts.append((made, reused)),
            late,
        )
        return _Running(documents, vectors, counts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()


def _keys(documents: list[Prepared]) -> list[bytes]:
    return [embedding_key(indexed_text(passage)) for entry in documents for passage in entry.passages]
