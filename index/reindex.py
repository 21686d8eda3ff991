"""Another embedding space for a collection, made beside the one that serves until it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from index.chunking import Chunker
from index.embedding import Embedder, EmbeddingSpace
from index.errors import DocumentNotFound
from index.loading import blocks_of
from index.passage_vectors import passage_vectors
from index.store import Store
from index.types import Document, Passage

# Small documents are embedded together, and what is lost to a kill is at most this.
_BATCH_PASSAGES = 64
_BATCH_DOCUMENTS = 64
# So often the rest is made while others write; then they wait for the last few documents.
_ROUNDS = 8


class ReindexProgress(Protocol):
    """Is told how a reindex goes on. Calls come from the thread that does it."""

    def due(self, documents: int) -> None:
        """So many documents are still to be cut and embedded."""
        ...

    def done(self, documents: int, passages: int) -> None:
        """So many more are, with this many passages embedded."""
        ...


class SilentProgress:
    """A `ReindexProgress` that tells nobody."""

    def due(self, documents: int) -> None:
        """Do nothing."""

    def done(self, documents: int, passages: int) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What a reindex did: the space that serves now, and what had to be made for it."""

    space: EmbeddingSpace
    documents: int
    passages: int


class Reindexer:
    """Cuts and embeds every document of a collection anew, and then has the new space serve.

    The old space serves until then, and stays beside the new one until it is dropped. Each batch of
    documents is kept as it is done, so that a reindex that was broken off is finished by running it
    again. Documents that are added meanwhile are made up for before the switch.
    """

    def __init__(self, store: Store, chunker: Chunker, embedder: Embedder) -> None:
        self._store = store
        self._chunker = chunker
        self._embedder = embedder
        self.space = embedder.identity.space(chunker.fingerprint)

    def run(self, progress: ReindexProgress | None = None) -> Reindexed:
        """Make the space whole and have it serve; raise what the embedder and the store raise."""
        told = progress or SilentProgress()
        self._store.add_space(self.space)
        documents = passages = 0
        for _ in range(_ROUNDS):
            more = self._make_due(told)
            documents, passages = documents + more[0], passages + more[1]
            if self._store.switch(self.space):
                break
        else:
            with self._store.exclusively():
                more = self._make_due(told)
                documents, passages = documents + more[0], passages + more[1]
                self._store.switch(self.space)
        return Reindexed(self.space, documents, passages)

    def _make_due(self, progress: ReindexProgress) -> tuple[int, int]:
        """Cut and embed the documents that are due; return how many, and how many passages they have."""
        spaces = self._store.catalog.spaces
        progress.due(spaces.due_count(self.space.id))
        documents = passages = 0
        while ids := spaces.due(self.space.id, _BATCH_DOCUMENTS):
            made = [(document, self._chunker.chunk(document)) for document in self._whole(ids)]
            while made:
                batch = _taken(made)
                cut = [passage for _, found in batch for passage in found]
                vectors = passage_vectors(self._store.catalog, self._embedder, self.space, cut)
                first = 0
                for document, found in batch:
                    after = first + len(found)
                    self._store.cut(document, found, vectors[first:after], self.space.id)
                    first = after
                documents, passages = documents + len(batch), passages + first
                progress.done(len(batch), first)
        return documents, passages

    def _whole(self, ids: Sequence[str]) -> list[Document]:
        found = []
        for document_id in ids:
            try:
                document = self._store.catalog.whole(document_id)
            except DocumentNotFound:
                continue  # deleted meanwhile
            found.append(document if document.blocks else replace(document, blocks=blocks_of(document)))
        return found


def _taken(made: list[tuple[Document, list[Passage]]]) -> list[tuple[Document, list[Passage]]]:
    """Take documents off a list until they have passages enough for a batch."""
    batch = [made.pop(0)]
    while made and sum(len(found) for _, found in batch) < _BATCH_PASSAGES:
        batch.append(made.pop(0))
    return batch
