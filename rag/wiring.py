"""Settings to objects: the only place that knows which class stands behind which seam."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from index.chunking import Chunker
from index.embedding import Embedder
from index.embedding.sentence_transformers import SentenceTransformerEmbedder
from index.home import DEFAULT_COLLECTION, Home
from index.ingest import Ingestor
from index.store import Snapshot
from rag.answering import Assistant
from rag.generation.extractive import ExtractiveGenerator
from rag.reading.similarity import SimilarityReader
from rag.retrieval import Retriever
from rag.settings import Settings


def embedder_of(settings: Settings) -> Embedder:
    """Return the embedder that the settings name; its model is not loaded yet."""
    return SentenceTransformerEmbedder(settings.model, allow_download=settings.allow_download)


class Application:
    """A home and an assistant over it, as the settings ask for them. Use it as a context manager.

    With `writable` it holds the home's lock; raise `HomeLocked` where another process does. An
    `embedder` of one's own takes the place of the one that the settings name.
    """

    def __init__(self, settings: Settings, *, writable: bool, embedder: Embedder | None = None) -> None:
        self.settings = settings
        self.embedder = embedder or embedder_of(settings)
        self._chunker = Chunker(self.embedder.window, settings.chunk_tokens)
        space = self.embedder.identity.space(self._chunker.fingerprint)
        self.home = Home(settings.home, space, writable=writable)
        self.retriever = Retriever(self.embedder)
        self.reader = SimilarityReader(self.embedder)
        self.assistant = self.with_threshold(settings.threshold)

    def with_threshold(self, threshold: float | None) -> Assistant:
        """Return an assistant over this home that answers from another confidence; None: the reader's own."""
        return Assistant(
            self._snapshot, self.embedder, self.retriever, self.reader, ExtractiveGenerator(), threshold
        )

    def _snapshot(self, collection: str) -> Snapshot:
        return self.home.collection(collection).snapshot()

    def ingestor(self, collection: str = DEFAULT_COLLECTION) -> Ingestor:
        """Return what brings documents into a collection, which is made if it is not there."""
        store = self.home.collection(collection, create=True)
        return Ingestor(store, self._chunker, self.embedder, max_bytes=self.settings.max_bytes)

    def close(self) -> None:
        """Close the home and let go of its lock."""
        self.home.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
