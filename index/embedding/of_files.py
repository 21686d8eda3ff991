"""What embedders of a model's files have in common: its identity, its window, and late questions' vectors."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod

from index.chunking import TokenWindow
from index.embedding.embedder import ModelIdentity, Vectors
from index.embedding.model_files import ModelFiles

_CACHED_QUERIES = 1024


class EmbedderOfFiles(ABC):
    """An `Embedder` of the model in some files, but for the embedding itself."""

    def __init__(self, files: ModelFiles) -> None:
        self._files = files
        self._cached_query = functools.lru_cache(_CACHED_QUERIES)(self._query)

    @property
    def identity(self) -> ModelIdentity:
        """What makes this model's vectors incomparable with those of others."""
        return self._files.identity

    @property
    def window(self) -> TokenWindow:
        """How much text the model reads at once."""
        return self._files

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for; read-only, since it may be served again."""
        return self._cached_query(text)

    def _query(self, text: str) -> Vectors:
        vector = self._embed_query(text)
        vector.flags.writeable = False
        return vector

    @abstractmethod
    def _embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for, of shape (dimension,)."""
