"""Embedding with a model that was compiled once: no torch, one text at a time, a thread a processor."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import structlog

from index.chunking import TokenWindow
from index.embedding.compiling import FORMAT, Infer, NotCompilable, compile_model, load_compiled
from index.embedding.embedder import Embedder, ModelIdentity, TokenVectors, Vectors
from index.embedding.lanes import Lanes, Urgency
from index.embedding.model_files import PACKAGED_MODEL, open_model
from index.embedding.runtime import Precision, native_precision, processors
from index.embedding.sentence_transformers import SentenceTransformerEmbedder, token_vectors

_CACHED_QUERIES = 1024

_log = structlog.get_logger(__name__)

# Token ids, and whether the vectors of tokens are wanted.
_Task = tuple[Sequence[int], bool]
_Outputs = tuple[Vectors, Vectors]


class CompiledEmbedder:
    """Implements `Embedder` with any sentence-transformers model that OpenVINO can run.

    The model is loaded on first use, from below `cache`, and compiled with torch before that if it is
    not there. One that cannot be compiled, or then makes other vectors, runs on torch, which is logged.
    `precision` is by default what the processor computes quickly without changing vectors.

    Texts are not put together: on two processors 2,000 tokens are as quick in 8 texts one after another,
    a thread each, as in one padded batch, and the padding and its mask are saved (ARCHITECTURE.md).
    """

    def __init__(
        self,
        model: str = PACKAGED_MODEL,
        *,
        cache: Path,
        precision: Precision | None = None,
        allow_download: bool = False,
    ) -> None:
        self._files = open_model(model, allow_download=allow_download)
        self._cache = cache
        self._precision = precision
        self._loading = threading.Lock()
        self._lanes: Lanes[_Task, _Outputs] | None = None
        self._torch: Embedder | None = None
        self._cached_query = functools.lru_cache(_CACHED_QUERIES)(self._embed_query)

    @property
    def identity(self) -> ModelIdentity:
        """What makes this model's vectors incomparable with those of others."""
        return self._files.identity

    @property
    def window(self) -> TokenWindow:
        """How much text the model reads at once."""
        return self._files

    def load_ahead(self) -> None:
        """Begin to load the model in a thread if it was compiled before; who uses it waits for the rest."""
        # No daemon: the process must not end while OpenVINO is at work.
        threading.Thread(target=self._load_compiled, name="loading").start()

    def _load_compiled(self) -> None:
        if self._folder(self._precision or native_precision()).is_dir():
            self._ready()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        lanes = self._ready()
        if lanes is None:
            return self._on_torch().embed_passages(texts)
        prompt = self.identity.prompts["passage"]
        ids = self._files.all_input_ids([prompt + text for text in texts])
        vectors = np.empty((len(texts), self.identity.dimension), dtype=np.float32)
        # The longest first, so that no thread is left with a long one at the end.
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        outputs = lanes.run([(ids[place], False) for place in order], Urgency.INGEST)
        for place, (_, pooled) in zip(order, outputs, strict=True):
            vectors[place] = pooled
        return vectors

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text."""
        lanes = self._ready()
        if lanes is None:
            return self._on_torch().embed_tokens(texts)
        prompt = self.identity.prompts["passage"]
        inputs = self._files.all_encoded([prompt + text for text in texts])
        order = sorted(range(len(inputs)), key=lambda place: -len(inputs[place].ids))
        outputs = lanes.run([(inputs[place].ids, True) for place in order], Urgency.READING)
        found = {
            place: token_vectors(inputs[place].spans, tokens, pooled, len(prompt))
            for place, (tokens, pooled) in zip(order, outputs, strict=True)
        }
        return [found[place] for place in range(len(texts))]

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for; read-only, since it may be served again."""
        return self._cached_query(text)

    def _embed_query(self, text: str) -> Vectors:
        lanes = self._ready()
        if lanes is None:
            return self._on_torch().embed_query(text)
        ids = self._files.input_ids(self.identity.prompts["query"] + text)
        ((_, pooled),) = lanes.run([(ids, False)], Urgency.QUESTION)
        pooled.flags.writeable = False
        return pooled

    def _on_torch(self) -> Embedder:
        if self._torch is None:
            raise AssertionError("asked before the model was loaded")
        return self._torch

    def _ready(self) -> Lanes[_Task, _Outputs] | None:
        """Return the threads with the model, None where it runs on torch."""
        with self._loading:
            if self._lanes is None and self._torch is None:
                self._load()
            return self._lanes

    def _folder(self, precision: Precision) -> Path:
        # f32 and bf16 are computed from the same file.
        kind = "int8" if precision is Precision.INT8 else "float"
        return self._cache / f"{self.identity.weights[:32]}-{kind}-{FORMAT}"

    def _load(self) -> None:
        precision = self._precision or native_precision()
        streams = processors()
        folder = self._folder(precision)
        compiled = load_compiled(folder, self._files, precision, streams)
        if compiled is None:
            try:
                compiled = compile_model(folder, self._files, precision, streams)
            except NotCompilable as error:
                _log.warning("model runs on torch, slower", model=self.identity.name, reason=str(error))
                self._torch = SentenceTransformerEmbedder(self._files)
                return
        self._lanes = Lanes(lambda: _unpacking(compiled.infer()), streams)


def _unpacking(infer: Infer) -> Callable[[_Task], _Outputs]:
    return lambda task: infer(*task)
