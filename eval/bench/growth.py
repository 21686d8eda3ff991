"""A collection made larger with passages like its own: real sentences recombined, real vectors perturbed."""

from __future__ import annotations

import numpy as np

from index.embedding import Vectors
from index.loading import load_bytes
from index.store import Store
from index.types import Document, Passage, Span, content_id
from index.vectors import normalized

# As many in a document as in a report of some hundred pages.
_PASSAGES_A_DOCUMENT = 250
_SENTENCES = 6
# Beside the real vector of length 1: another passage of the same matter.
_NOISE = 0.7
_SEED = 11


def grow(store: Store, passages: int) -> None:
    """Add made documents to a collection until it has so many passages.

    Nothing is embedded: a passage gets the vector of a real one with Gaussian noise, scaled to length 1.
    Raise `ValueError` where the collection has no sentence to start from.
    """
    random = np.random.default_rng(_SEED)
    sentences, vectors = _real(store)
    missing = passages - len(store.snapshot())
    for first in range(0, missing, _PASSAGES_A_DOCUMENT):
        count = min(_PASSAGES_A_DOCUMENT, missing - first)
        document, found = _made(f"made-{first}.txt", count, sentences, random)
        chosen = vectors[random.integers(0, len(vectors), len(found))]
        noise = random.standard_normal(chosen.shape, dtype=np.float32) * np.float32(
            _NOISE / chosen.shape[1] ** 0.5
        )
        store.put(document, found, normalized(chosen + noise, chosen.shape[1]))


def _real(store: Store) -> tuple[list[str], Vectors]:
    texts = []
    for info in store.catalog.documents():
        whole = store.catalog.text(info.id)
        for _, passage in store.catalog.passages_of(info.id):
            texts += [" ".join(whole[span.start : span.end].split()) for span in passage.sentences]
    if not texts:
        raise ValueError("the collection has no sentence to make others of")
    batches = [batch for _, batch in store.catalog.scan_vectors(store.space)]
    return texts, np.concatenate(batches)


def _made(
    name: str, count: int, sentences: list[str], random: np.random.Generator
) -> tuple[Document, list[Passage]]:
    # With a number in each, so that none was read before another question asks for it.
    chosen = [
        [_numbered(sentences[place], random) for place in random.integers(0, len(sentences), _SENTENCES)]
        for _ in range(count)
    ]
    text = "\n\n".join(" ".join(passage) for passage in chosen)
    document = load_bytes(text.encode(), name, origin=name, max_bytes=len(text) * 4 + 1)
    passages, start = [], 0
    for ordinal, passage in enumerate(chosen):
        spans, at = [], start
        for sentence in passage:
            spans.append(Span(at, at + len(sentence)))
            at += len(sentence) + 1
        whole = document.text[start : at - 1]
        passages.append(
            Passage(
                id=content_id(document.id, str(ordinal), whole),
                document_id=document.id,
                ordinal=ordinal,
                start=start,
                end=at - 1,
                text=whole,
                heading=None,
                page=None,
                sentences=tuple(spans),
            )
        )
        start = at + 1
    return document, passages


def _numbered(sentence: str, random: np.random.Generator) -> str:
    return f"{sentence[:-1]} {random.integers(10**9)}{sentence[-1]}"
