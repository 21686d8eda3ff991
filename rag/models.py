"""Which embedder stands behind a model's name, with little to import: it is loaded while the rest is."""

from __future__ import annotations

from index.embedding import Embedder
from index.embedding.embedder import LoadsAhead
from index.embedding.fast import CompiledEmbedder
from index.embedding.model_files import PACKAGED_MODEL, open_model
from index.embedding.runtime import Precision
from index.embedding.sentence_transformers import ON_CPU, ON_GPU, SentenceTransformerEmbedder
from rag.settings import Settings


def embedder_of(settings: Settings, model: str | None = None) -> Embedder:
    """Return the embedder of a model, by default the one the settings name; it is not loaded yet."""
    name = model or settings.model or PACKAGED_MODEL
    if settings.precision in ("torch", "cuda"):
        placement = ON_GPU if settings.precision == "cuda" else ON_CPU
        files = open_model(name, allow_download=settings.allow_download)
        return SentenceTransformerEmbedder(files, placement)
    return CompiledEmbedder(
        name,
        cache=settings.compiled_models,
        precision=None if settings.precision == "auto" else Precision(settings.precision),
        allow_download=settings.allow_download,
    )


def loading_embedder_of(settings: Settings) -> Embedder:
    """Return the embedder that the settings name, which begins to load while other work is done."""
    embedder = embedder_of(settings)
    if isinstance(embedder, LoadsAhead):
        embedder.load_ahead()
    return embedder
