"""Embedding with sentence-transformers on torch."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from index.embedding.embedder import TokenVectors, Vectors
from index.embedding.model_files import ModelFiles
from index.embedding.of_files import EmbedderOfFiles
from index.errors import ModelNotFound
from index.types import Span

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Placement:
    """Where torch computes, in which of its types, and how many texts at once.

    The model is held for one batch at a time, so that a question waits for at most one during ingest;
    sentences are short, so that more of them fit the same time. In half precision a text's vector
    depends on its batch in the third digit.
    """

    device: str
    dtype: str
    passages: int
    sentences: int


ON_CPU = Placement("cpu", "float32", 16, 32)
# A GPU is kept busy by large batches only, and by bfloat16 twice as long. Nothing of it was measured yet.
ON_GPU = Placement("cuda", "bfloat16", 256, 512)


class SentenceTransformerEmbedder(EmbedderOfFiles):
    """Implements `Embedder` with any sentence-transformers model on torch.

    The model is loaded on first use: torch and sentence-transformers take seconds to import, and an
    ingest without changes needs neither. Only safetensors, no code from the model, no network.
    """

    def __init__(self, files: ModelFiles, placement: Placement = ON_CPU) -> None:
        super().__init__(files)
        self._placement = placement
        self._loaded: SentenceTransformer | None = None
        # One thread in the model at a time: Hugging Face tokenizers fail when shared (transformers #47085).
        self._lock = threading.Lock()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        # The longest first, so that texts of one batch are of like length and little padding is computed.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        vectors = np.empty((len(texts), self.identity.dimension), dtype=np.float32)
        size = self._placement.passages
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            with self._lock:
                vectors[batch] = self._model().encode_document(
                    [texts[index] for index in batch], batch_size=size, show_progress_bar=False
                )
        return vectors

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text."""
        prompt = self.identity.prompts["passage"]
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        found: dict[int, TokenVectors] = {}
        size = self._placement.sentences
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            with self._lock:
                outputs = cast(
                    "list[dict[str, Tensor]]",
                    self._model().encode(
                        [texts[index] for index in batch],
                        prompt=prompt or None,
                        output_value=None,
                        batch_size=size,
                        show_progress_bar=False,
                    ),
                )
            for index, output in zip(batch, outputs, strict=True):
                found[index] = token_vectors(
                    self._files.encoded(prompt + texts[index]).spans,
                    _array(output["token_embeddings"][output["attention_mask"].bool()]),
                    _array(output["sentence_embedding"]),
                    len(prompt),
                )
        return [found[index] for index in range(len(texts))]

    def _embed_query(self, text: str) -> Vectors:
        with self._lock:
            vector = self._model().encode_query(text, show_progress_bar=False)
        return np.array(vector, dtype=np.float32)

    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            self._loaded = load_model(self._files, self._placement)
        return self._loaded


def token_vectors(
    spans: Sequence[Span | None], vectors: Vectors, pooled: Vectors, prompt: int
) -> TokenVectors:
    """Return the tokens of the text: no special ones, and none of the prompt before it.

    `spans` says where the tokens of the model's input stand, prompt included, `vectors` are theirs.
    """
    kept = [
        (place, Span(span.start - prompt, span.end - prompt))
        for place, span in enumerate(spans)
        if span is not None and span.start >= prompt
    ]
    rows = vectors[[place for place, _ in kept]]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return TokenVectors(
        spans=tuple(span for _, span in kept),
        vectors=(rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32),
        pooled=pooled.astype(np.float32),
    )


def _array(tensor: Tensor) -> Vectors:
    found: Vectors = tensor.float().cpu().numpy()
    return found


def load_model(files: ModelFiles, placement: Placement = ON_CPU) -> SentenceTransformer:
    """Return a model on torch; raise `ModelNotFound` where it cannot be loaded."""
    # Read when the hub's client is imported; nothing here has a reason to reach the hub.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # Imported here because it takes seconds.
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers is typed in part
    try:
        return SentenceTransformer(
            str(files.folder),
            device=placement.device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": placement.dtype},
        )
    except (OSError, ValueError, KeyError, RuntimeError, AssertionError) as error:
        raise ModelNotFound(
            f"the embedding model {files.identity.name!r} cannot be loaded: {error}"
        ) from error
