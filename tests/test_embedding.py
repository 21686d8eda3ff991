"""Embedding models: the contract on the double and on the real model, and how a model is found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contracts import EmbedderContract
from doubles import HashingEmbedder

from index.embedding import Embedder, EmbeddingSpace
from index.embedding.model_files import PACKAGED_MODEL, find_model, open_model
from index.embedding.sentence_transformers import ON_GPU, SentenceTransformerEmbedder
from index.errors import ModelNotFound

_REAL = SentenceTransformerEmbedder(open_model())


class TestHashingEmbedder(EmbedderContract):
    def embedder(self) -> Embedder:
        return HashingEmbedder()


class TestSentenceTransformerEmbedder(EmbedderContract):
    def embedder(self) -> Embedder:
        return _REAL

    def test_the_window_is_that_of_the_model_not_of_its_tokenizer_file(self) -> None:
        # The packaged tokenizer.json cuts and pads to 128.
        assert _REAL.window.limit == 254
        assert _REAL.window.counts(["word " * 400, "one"]) == [400, 1]

    def test_a_query_is_embedded_once(self) -> None:
        assert _REAL.embed_query("the same question") is _REAL.embed_query("the same question")


def test_a_model_given_by_its_folder_is_the_same_model() -> None:
    by_folder = SentenceTransformerEmbedder(open_model(str(find_model(PACKAGED_MODEL))))
    assert by_folder.identity.space("x").id == _REAL.identity.space("x").id


def test_a_model_that_is_not_on_this_machine_is_named_and_not_fetched() -> None:
    with pytest.raises(ModelNotFound, match=r"nobody/no-such-model.*QUOTEBOUND_ALLOW_DOWNLOAD"):
        find_model("nobody/no-such-model")


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="not a sentence-transformers model"):
        find_model(str(tmp_path))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelNotFound, match="pickled"):
        find_model(str(tmp_path))


def test_spaces_differ_by_all_that_changes_a_vector_and_not_by_name() -> None:
    base = {
        "weights": "w",
        "dimension": 3,
        "pooling": "mean",
        "prompts": {"query": "", "passage": ""},
        "normalized": True,
        "passages": "p",
    }
    other = {
        "weights": "v",
        "dimension": 4,
        "pooling": "cls",
        "prompts": {"query": "q: ", "passage": ""},
        "normalized": False,
        "passages": "o",
    }
    same = EmbeddingSpace(name="a", **base)  # type: ignore[arg-type]
    assert same.id == EmbeddingSpace(name="b", **base).id  # type: ignore[arg-type]
    for key, value in other.items():
        assert EmbeddingSpace(name="a", **{**base, key: value}).id != same.id  # type: ignore[arg-type]


def test_half_precision_is_near_and_comes_back_as_float32() -> None:
    half = SentenceTransformerEmbedder(open_model(), replace(ON_GPU, device="cpu"))
    texts = ["A dam was built in 1947.", "The treaty was signed."]
    found, expected = half.embed_passages(texts), _REAL.embed_passages(texts)
    assert found.dtype == half.embed_query("dam").dtype == np.float32
    assert (found * expected).sum(axis=1).min() > 0.99
    assert half.embed_tokens(texts)[0].vectors.dtype == np.float32


def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(ModelNotFound, match="cannot be loaded"):
        SentenceTransformerEmbedder(open_model(), replace(ON_GPU, device="cuda:99")).embed_query("dam")
