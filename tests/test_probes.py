"""A model is believed once it makes again what is stored of it."""

from collections.abc import Sequence

import numpy as np
import pytest
from contracts import EmbedderContract
from doubles import HashingEmbedder

from index.embedding import Embedder, Vectors
from index.embedding.probes import ProvenEmbedder
from index.errors import SpaceMismatch

TEXTS = ["A dam was built in 1947.", "The treaty was signed.", "A glacier melted."]


class TestProvenEmbedder(EmbedderContract):
    def embedder(self) -> Embedder:
        model = HashingEmbedder()
        return ProvenEmbedder(model, TEXTS, model.embed_passages(TEXTS))


class Drifted(HashingEmbedder):
    """A model of the same name and files whose vectors are others."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = super().embed_passages(texts)
        return (vectors + np.roll(vectors, 1, axis=1)).astype(np.float32)


def test_a_model_that_makes_other_vectors_is_refused_with_the_command_to_run() -> None:
    proven = ProvenEmbedder(Drifted(), TEXTS, HashingEmbedder().embed_passages(TEXTS))
    with pytest.raises(SpaceMismatch, match="quotebound reindex --model hashing"):
        proven.embed_query("glacier")
    with pytest.raises(SpaceMismatch):
        proven.embed_passages(["glacier"])
    with pytest.raises(SpaceMismatch):
        proven.embed_tokens(["glacier"])


def test_one_vector_that_differs_is_enough() -> None:
    expected = HashingEmbedder().embed_passages(TEXTS)
    expected[1] = expected[0]
    with pytest.raises(SpaceMismatch):
        ProvenEmbedder(HashingEmbedder(), TEXTS, expected).embed_query("glacier")


def test_vectors_that_are_no_numbers_prove_nothing() -> None:
    class Broken(HashingEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            return np.full((len(texts), 64), np.nan, dtype=np.float32)

    with pytest.raises(SpaceMismatch):
        ProvenEmbedder(Broken(), TEXTS, HashingEmbedder().embed_passages(TEXTS)).embed_query("glacier")


def test_the_probes_are_embedded_once_and_not_before_they_are_needed() -> None:
    model = HashingEmbedder()
    proven = ProvenEmbedder(model, TEXTS, HashingEmbedder().embed_passages(TEXTS))
    assert proven.window.limit == model.window.limit
    assert model.embedded == []
    for _ in range(3):
        proven.embed_query("glacier")
    assert model.embedded == TEXTS


def test_where_nothing_is_stored_nothing_is_asked() -> None:
    model = Drifted()
    ProvenEmbedder(model, [], np.empty((0, 0), dtype=np.float32)).embed_query("glacier")
    assert model.embedded == []
