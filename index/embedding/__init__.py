"""Texts in, vectors out: the `Embedder` seam and its implementations."""

from index.embedding.embedder import Embedder, EmbeddingSpace, ModelIdentity, TokenVectors, Vectors

__all__ = ["Embedder", "EmbeddingSpace", "ModelIdentity", "TokenVectors", "Vectors"]
