"""A compiled model: torch's vectors without torch, kept beside the home, and torch where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import structlog
from contracts import EmbedderContract
from models import small_model

from index.embedding import Embedder, compiling
from index.embedding.fast import CompiledEmbedder
from index.embedding.model_files import open_model
from index.embedding.probe_texts import calibration_texts, probes
from index.embedding.runtime import LEAST_COSINE, Precision, native_precision
from index.embedding.sentence_transformers import SentenceTransformerEmbedder

TEXTS = ["A dam was built in 1947.", "x", "The treaty was signed by all " * 40, "Gletscher schmelzen."]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    small_model(folder / "mean")
    small_model(folder / "cls", architecture="distilbert", pooling="cls_token", prompt="passage: ")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries  # type: ignore[misc]  # mappings with other keys


class TestCompiledEmbedder(EmbedderContract):
    def embedder(self) -> Embedder:
        return _packaged()


def _packaged(precision: Precision | None = None) -> CompiledEmbedder:
    from rag.settings import load_settings

    return _kept.setdefault(
        precision, CompiledEmbedder(cache=load_settings().compiled_models, precision=precision)
    )


_kept: dict[Precision | None, CompiledEmbedder] = {}


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray((left * right).sum(axis=1) / lengths)


@pytest.mark.parametrize("name", ["mean", "cls"])
@pytest.mark.parametrize("precision", [Precision.F32, Precision.BF16, Precision.INT8])
def test_any_model_makes_torchs_vectors(models: Path, cache: Path, name: str, precision: Precision) -> None:
    if precision is Precision.BF16 and native_precision() is not Precision.BF16:
        pytest.skip("this processor has no bf16")
    torch = SentenceTransformerEmbedder(open_model(str(models / name)))
    compiled = CompiledEmbedder(str(models / name), cache=cache, precision=precision)
    assert compiled.identity == torch.identity
    found, expected = compiled.embed_passages(TEXTS), torch.embed_passages(TEXTS)
    assert cosines(found, expected).min() >= LEAST_COSINE[precision]
    query = compiled.embed_query("who signed?"), torch.embed_query("who signed?")
    assert cosines(query[0][np.newaxis], query[1][np.newaxis])[0] >= LEAST_COSINE[precision]
    for tokens, others in zip(compiled.embed_tokens(TEXTS), torch.embed_tokens(TEXTS), strict=True):
        assert tokens.spans == others.spans
        assert cosines(tokens.vectors, others.vectors).min() >= 0.98


@pytest.mark.parametrize("precision", [None, Precision.F32])
def test_one_text_has_one_vector_to_the_last_bit(precision: Precision | None) -> None:
    embedder = _packaged(precision)
    together = embedder.embed_passages(TEXTS)
    for place, text in enumerate(TEXTS):
        np.testing.assert_array_equal(embedder.embed_passages([text])[0], together[place])
    for place, tokens in enumerate(embedder.embed_tokens(TEXTS)):
        np.testing.assert_array_equal(tokens.pooled, together[place])


def test_a_compiled_model_is_used_without_torch_and_tells_nobody(models: Path, cache: Path) -> None:
    CompiledEmbedder(str(models / "mean"), cache=cache).embed_query("x")
    program = (
        "import json, sys; from pathlib import Path; from index.embedding.fast import CompiledEmbedder; "
        f"e = CompiledEmbedder({str(models / 'mean')!r}, cache=Path({str(cache)!r})); "
        "v = e.embed_query('x'); "
        "names = [name for name, module in sys.modules.items() if module is not None]; "
        "print(json.dumps([float(v[0]), names]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    value, loaded = json.loads(done.stdout)
    assert np.isfinite(value)
    for unwanted in ("torch", "transformers", "sentence_transformers", "openvino_telemetry"):
        assert unwanted not in loaded


def test_compiling_tells_nobody(models: Path, cache: Path) -> None:
    CompiledEmbedder(str(models / "mean"), cache=cache).embed_query("x")
    assert sys.modules["openvino_telemetry"] is None


def test_a_damaged_compiled_model_is_made_anew(
    models: Path, cache: Path, logged: list[dict[str, object]]
) -> None:
    name = str(models / "mean")
    expected = CompiledEmbedder(name, cache=cache).embed_passages(TEXTS)
    weights = next(cache.glob("*/model.bin"))
    weights.write_bytes(bytes(len(weights.read_bytes())))
    found = CompiledEmbedder(name, cache=cache).embed_passages(TEXTS)
    np.testing.assert_array_equal(found, expected)
    assert any(entry["event"] == "compiled model not used" for entry in logged)


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"openvino": "0", "vectors": []}'])
def test_a_record_that_is_none_is_not_believed(models: Path, cache: Path, damage: str) -> None:
    name = str(models / "mean")
    expected = CompiledEmbedder(name, cache=cache).embed_query("x")
    next(cache.glob("*/probes.json")).write_text(damage)
    np.testing.assert_array_equal(CompiledEmbedder(name, cache=cache).embed_query("x"), expected)


def test_a_model_that_cannot_be_compiled_runs_on_torch_and_says_so(
    models: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    def refuse(*_: object) -> object:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(compiling, "converted", refuse)
    name = str(models / "mean")
    embedder = CompiledEmbedder(name, cache=cache)
    torch = SentenceTransformerEmbedder(open_model(name))
    np.testing.assert_allclose(embedder.embed_passages(TEXTS), torch.embed_passages(TEXTS), atol=1e-6)
    np.testing.assert_allclose(embedder.embed_query("x"), torch.embed_query("x"), atol=1e-6)
    assert embedder.embed_tokens(["x"])[0].spans == torch.embed_tokens(["x"])[0].spans
    assert [entry["reason"] for entry in logged if entry["log_level"] == "warning"] == [
        "RuntimeError: no such operation"
    ]
    assert not list(cache.glob("*"))


def test_a_model_that_makes_other_vectors_once_compiled_is_not_used(
    models: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    monkeypatch.setitem(LEAST_COSINE, native_precision(), 1.1)
    embedder = CompiledEmbedder(str(models / "mean"), cache=cache)
    assert embedder.embed_query("x").shape == (32,)
    assert any("makes other vectors" in str(entry.get("reason")) for entry in logged)


def test_a_cache_that_cannot_be_written_costs_time_only(
    models: Path, tmp_path: Path, logged: list[dict[str, object]]
) -> None:
    (tmp_path / "file").write_text("")
    embedder = CompiledEmbedder(str(models / "mean"), cache=tmp_path / "file")
    assert embedder.embed_query("x").shape == (32,)
    assert any(entry["event"] == "compiled model not kept" for entry in logged)


def test_the_probes_are_of_many_lengths_and_calibration_reaches_the_models_window() -> None:
    files = open_model()
    lengths = [len(files.input_ids(text)) for text in probes()]
    assert min(lengths) < 8
    assert max(lengths) > 100
    assert max(len(files.input_ids(text)) for text in calibration_texts()) == 256
    assert len(set(probes())) == len(probes())
