"""A model is believed once it makes again the vectors that are stored of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from index.chunking import TokenWindow
from index.embedding.embedder import Embedder, ModelIdentity, TokenVectors, Vectors, cosines
from index.errors import SpaceMismatch

# Vectors of one model differ in the last digits between machines, and by up to 0.005 with int8; those of
# another model are far apart.
LEAST_COSINE = 0.99


class ProvenEmbedder:
    """An `Embedder` that is compared with stored vectors before its first vector is used.

    `texts` are some that were embedded before, `expected` their vectors, one a row. A model can
    change under its name and with the same files, by another version of what runs it; its vectors
    would then be compared with others that they have nothing to do with. Raise `SpaceMismatch`.
    """

    def __init__(self, embedder: Embedder, texts: Sequence[str], expected: Vectors) -> None:
        self._embedder = embedder
        self._texts = texts
        self._expected = expected
        self._proven = threading.Event()
        if not texts:
            self._proven.set()
        self._proving = threading.Lock()

    @property
    def identity(self) -> ModelIdentity:
        """What makes this model's vectors incomparable with those of others."""
        return self._embedder.identity

    @property
    def window(self) -> TokenWindow:
        """How much text the model reads at once."""
        return self._embedder.window

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        self._prove()
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for."""
        self._prove()
        return self._embedder.embed_query(text)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text."""
        self._prove()
        return self._embedder.embed_tokens(texts)

    def _prove(self) -> None:
        if self._proven.is_set():
            return
        with self._proving:
            if self._proven.is_set():
                return
            found = self._embedder.embed_passages(self._texts)
            least = float(np.min(cosines(found, self._expected)))
            if not least >= LEAST_COSINE:
                name = self.identity.name
                raise SpaceMismatch(
                    f"the model {name} no longer makes the vectors that are stored of it "
                    f"(cosine {least:.3f}): run `quotebound reindex --model {name}`"
                )
            self._proven.set()
