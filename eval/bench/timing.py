"""Durations of steps, and the real seams with a clock around them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eval.metrics import percentile
from index.chunking import Chunker, TokenWindow
from index.embedding import Embedder, ModelIdentity, TokenVectors, Vectors
from index.jobs import FileRecord
from index.store import Store
from index.types import Document, DocumentInfo, Passage
from rag.reading.network import Network, ReadPassage


class Durations:
    """Seconds that steps took, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name].append(time.perf_counter() - started)

    def total(self, name: str) -> float:
        """Return the seconds a step took altogether."""
        return sum(self.seconds.get(name, ()))


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, p50 and p99 of some durations, in milliseconds."""
    return {
        "count": len(seconds),
        "p50_ms": round(percentile(seconds, 0.5) * 1000, 3),
        "p99_ms": round(percentile(seconds, 0.99) * 1000, 3),
    }


class TimedEmbedder:
    """An `Embedder` whose passes through the model are timed as `model`."""

    def __init__(self, embedder: Embedder, durations: Durations) -> None:
        self._embedder = embedder
        self._durations = durations

    @property
    def identity(self) -> ModelIdentity:
        """As the embedder's."""
        return self._embedder.identity

    @property
    def window(self) -> TokenWindow:
        """As the embedder's."""
        return self._embedder.window

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Time the embedder's."""
        with self._durations.step("model"):
            return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vectors:
        """Time the embedder's."""
        with self._durations.step("model"):
            return self._embedder.embed_query(text)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Time the embedder's."""
        with self._durations.step("model"):
            return self._embedder.embed_tokens(texts)


class TimedNetwork:
    """A `Network` whose passes are timed as `model`."""

    def __init__(self, network: Network, durations: Durations) -> None:
        self._network = network
        self._durations = durations

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """Time the network's."""
        with self._durations.step("model"):
            return self._network.read(question, passages)


class TimedChunker(Chunker):
    """A `Chunker` that is timed as `chunk`."""

    def __init__(self, window: TokenWindow, target_tokens: int, durations: Durations) -> None:
        super().__init__(window, target_tokens)
        self._durations = durations

    def chunk(self, document: Document) -> list[Passage]:
        """Time the chunker's."""
        with self._durations.step("chunk"):
            return super().chunk(document)


class TimedStore(Store):
    """A `Store` whose changes are timed as `store`."""

    def __init__(self, durations: Durations, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._durations = durations

    def put(
        self,
        document: Document,
        passages: Sequence[Passage],
        vectors: Vectors,
        space: str | None = None,
        record: FileRecord | None = None,
    ) -> DocumentInfo:
        """Time the store's."""
        with self._durations.step("store"):
            return super().put(document, passages, vectors, space, record)
