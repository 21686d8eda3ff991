"""Embedding with a model that was compiled once: no torch, one text at a time, a thread a processor."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import structlog

from index.embedding.compiling import (
    FORMAT,
    Compiled,
    NotCompilable,
    Outputs,
    Task,
    compile_model,
    load_compiled,
)
from index.embedding.embedder import TokenVectors, Vectors
from index.embedding.lanes import Lanes, Urgency
from index.embedding.model_files import PACKAGED_MODEL, ModelFiles, open_model
from index.embedding.of_files import EmbedderOfFiles
from index.embedding.runtime import Precision, native_precision, processors
from index.embedding.sentence_transformers import SentenceTransformerEmbedder, token_vectors

_log = structlog.get_logger(__name__)


class _OnLanes:
    """Embeds with a compiled model.

    Texts are not put together: on two processors 2,000 tokens are as quick in 8 texts one after another,
    a thread each, as in one padded batch, and the padding and its mask are saved (ARCHITECTURE.md).
    """

    def __init__(self, files: ModelFiles, compiled: Compiled) -> None:
        self._files = files
        self._lanes: Lanes[Task, Outputs] = Lanes(compiled.infer, processors())

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        prompt = self._files.identity.prompts["passage"]
        ids = self._files.all_input_ids([prompt + text for text in texts])
        vectors = np.empty((len(texts), self._files.identity.dimension), dtype=np.float32)
        outputs = self._lanes.run([(text, False) for text in ids], Urgency.INGEST, _tokens)
        for place, (_, pooled) in enumerate(outputs):
            vectors[place] = pooled
        return vectors

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text."""
        prompt = self._files.identity.prompts["passage"]
        inputs = self._files.all_encoded([prompt + text for text in texts])
        outputs = self._lanes.run([(text.ids, True) for text in inputs], Urgency.READING, _tokens)
        return [
            token_vectors(text.spans, tokens, pooled, len(prompt))
            for text, (tokens, pooled) in zip(inputs, outputs, strict=True)
        ]

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for."""
        ids = self._files.input_ids(self._files.identity.prompts["query"] + text)
        ((_, pooled),) = self._lanes.run([(ids, False)], Urgency.QUESTION, _tokens)
        return pooled


def _tokens(task: Task) -> int:
    return len(task[0])


class CompiledEmbedder(EmbedderOfFiles):
    """Implements `Embedder` with any sentence-transformers model that OpenVINO can run.

    The model is loaded on first use, from below `cache`, and compiled with torch before that if it is
    not there. One that cannot be compiled, or then makes other vectors, runs on torch, which is logged.
    `precision` is by default what the processor computes quickly without changing vectors.
    """

    def __init__(
        self,
        model: str = PACKAGED_MODEL,
        *,
        cache: Path,
        precision: Precision | None = None,
        allow_download: bool = False,
    ) -> None:
        super().__init__(open_model(model, allow_download=allow_download))
        self._cache = cache
        self._precision = precision
        self._loading = threading.Lock()
        self._loaded: _OnLanes | SentenceTransformerEmbedder | None = None

    def load_ahead(self) -> None:
        """Begin to load the model in a thread if it was compiled before; who uses it waits for the rest."""
        # No daemon: the process must not end while OpenVINO is at work.
        threading.Thread(target=self._load_compiled, name="loading").start()

    def _load_compiled(self) -> None:
        if self._folder(self._precision or native_precision()).is_dir():
            self._model()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        return self._model().embed_passages(texts)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text."""
        return self._model().embed_tokens(texts)

    def _embed_query(self, text: str) -> Vectors:
        return self._model().embed_query(text)

    def _model(self) -> _OnLanes | SentenceTransformerEmbedder:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _folder(self, precision: Precision) -> Path:
        # f32 and bf16 are computed from the same file.
        kind = "int8" if precision is Precision.INT8 else "float"
        return self._cache / f"{self.identity.weights[:32]}-{kind}-{FORMAT}"

    def _load(self) -> _OnLanes | SentenceTransformerEmbedder:
        precision = self._precision or native_precision()
        folder, streams = self._folder(precision), processors()
        compiled = load_compiled(folder, self._files, precision, streams)
        if compiled is None:
            try:
                compiled = compile_model(folder, self._files, precision, streams)
            except NotCompilable as error:
                _log.warning("model runs on torch, slower", model=self.identity.name, reason=str(error))
                return SentenceTransformerEmbedder(self._files)
        return _OnLanes(self._files, compiled)
