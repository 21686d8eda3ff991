"""The seam for embedding models, and what identifies the vectors that a model makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from index.chunking import TokenWindow
from index.types import Span

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """Everything that has to be equal for two vectors to be comparable.

    `weights` is the SHA-256 of the model's files, `prompts` the texts put before queries and
    passages, `passages` the chunker's fingerprint. `name` is for people and does not count.
    """

    name: str
    weights: str
    dimension: int
    pooling: str
    prompts: Mapping[str, str]
    normalized: bool
    passages: str

    @property
    def id(self) -> str:
        """Return 16 hexadecimal digits, the same in every process for the same space."""
        identity = {key: value for key, value in asdict(self).items() if key != "name"}
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The part of an embedding space that the model alone decides."""

    name: str
    weights: str
    dimension: int
    pooling: str
    prompts: Mapping[str, str]
    normalized: bool

    def space(self, passages: str) -> EmbeddingSpace:
        """Return the space of this model's vectors of passages with the given fingerprint."""
        return EmbeddingSpace(**asdict(self), passages=passages)


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text as a model sees it: a vector for each of its tokens in context, and one for the whole.

    `spans[i]` is where token i stands in the text, in order; `vectors` has shape (tokens, d), rows of
    length 1; `pooled` has shape (dimension,) and is what `embed_passages` gives for the text.
    """

    spans: tuple[Span, ...]
    vectors: Vectors
    pooled: Vectors


def cosines(left: Vectors, right: Vectors) -> Vectors:
    """Return the cosine of each row of `left` with that of `right`, both of shape (n, dimension)."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    found: Vectors = (left * right).sum(axis=1) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how near they are in meaning.

    `identity` and `window` cost no model load. `embed_passages` returns float32 of shape
    (len(texts), identity.dimension), row i for text i; an empty sequence gives shape (0, dimension).
    `embed_query` returns shape (dimension,). A text's vector does not depend on the other texts of
    the call, up to 1e-5 in each component. All values are finite; with `identity.normalized` each
    row has length 1 within 1e-3. `embed_tokens` gives a `TokenVectors` for each text, in order. Texts
    over the window are cut, not refused. All may be called from several threads at once. They raise
    `ModelNotFound` where the model cannot be loaded.
    """

    @property
    def identity(self) -> ModelIdentity:
        """What makes this model's vectors incomparable with those of others."""
        ...

    @property
    def window(self) -> TokenWindow:
        """How much text the model reads at once."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector for each text that is searched."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a text that is searched for."""
        ...

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, and of the text, as of one that is searched."""
        ...


@runtime_checkable
class LoadsAhead(Protocol):
    """An embedder that can be loaded while other work is done."""

    def load_ahead(self) -> None:
        """Begin to load the model in a thread, where that takes no long; who uses it waits for the rest."""
        ...
