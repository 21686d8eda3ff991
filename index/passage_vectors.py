"""Passages to vectors: what was embedded before in the same space is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from index.catalog import Catalog, embedding_key
from index.chunking import indexed_text
from index.embedding import Embedder, EmbeddingSpace, Vectors
from index.types import Passage

# Enough for the model to work at its speed; between two of these a process that stops can stop.
EMBEDDED_AT_ONCE = 32


def passage_vectors(
    catalog: Catalog,
    embedder: Embedder,
    space: EmbeddingSpace,
    passages: Sequence[Passage],
    embedded: Callable[[int, int], None] = lambda _made, _reused: None,
    also: Mapping[bytes, Vectors] | None = None,
) -> Vectors:
    """Return the vectors of passages in a space, shape (len(passages), dimension).

    The catalog's are taken where it has one for the same text, and those of `also`, by `embedding_key`, which
    are not stored yet. `embedded` is told how many more
    passages have one, made now or taken. Raise what the embedder and the catalog raise.
    """
    texts = {embedding_key(text): text for text in map(indexed_text, passages)}
    known = {**catalog.known_vectors(space.id, texts), **_among(also or {}, texts)}
    new = [key for key in texts if key not in known]
    embedded(0, len(passages) - len(new))
    for first in range(0, len(new), EMBEDDED_AT_ONCE):
        batch = new[first : first + EMBEDDED_AT_ONCE]
        known.update(zip(batch, embedder.embed_passages([texts[key] for key in batch]), strict=True))
        embedded(len(batch), 0)
    if not passages:
        return np.empty((0, space.dimension), dtype=np.float32)
    return np.stack([known[embedding_key(indexed_text(passage))] for passage in passages])


def _among(vectors: Mapping[bytes, Vectors], keys: Collection[bytes]) -> dict[bytes, Vectors]:
    return {key: vectors[key] for key in keys if key in vectors}
