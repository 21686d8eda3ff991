"""Texts to measure on, cut into passages as an ingest cuts them."""

from __future__ import annotations

from collections.abc import Mapping

from index.chunking import CHUNK_TOKENS, Chunker, TokenWindow, indexed_text
from index.loading import load_bytes
from rag.settings import Settings


def passages_of(named: Mapping[str, str], window: TokenWindow, settings: Settings) -> list[str]:
    """Return the passages of texts by name, as they are embedded."""
    chunker = Chunker(window, settings.chunk_tokens or CHUNK_TOKENS)
    found = []
    for name, text in named.items():
        source = name if "." in name else f"{name}.txt"
        document = load_bytes(text.encode(), source, origin=source, max_bytes=settings.max_bytes)
        found += [indexed_text(passage) for passage in chunker.chunk(document)]
    return found
