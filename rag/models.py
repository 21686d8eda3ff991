"""Which embedder and which reader stand behind a name, with little to import: they are loaded meanwhile."""

from __future__ import annotations

from functools import cache

from index.embedding import Embedder
from index.embedding.embedder import LoadsAhead
from index.embedding.fast import CompiledEmbedder
from index.embedding.model_files import PACKAGED_MODEL, open_model
from index.embedding.runtime import Precision
from index.embedding.sentence_transformers import ON_CPU, ON_GPU, SentenceTransformerEmbedder
from rag.reading import Reader
from rag.reading.network import CompiledNetwork, Network
from rag.reading.similarity import SimilarityReader
from rag.reading.trained import TrainedReader, TwoStages
from rag.settings import OWN_READER, SIMILARITY, Settings


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


@cache
def _own_network(sha256: str) -> CompiledNetwork:
    """Return the network that ships with the product: one for all who ask in this process."""
    return CompiledNetwork(sha256)


def hub_reader(settings: Settings) -> tuple[Network, TwoStages]:
    """Return the network of the model that the settings name, and what was fitted for it, if anything was."""
    # Imported here: only who names another model needs it.
    from rag.reading.hub import hub_network  # noqa: PLC0415

    return hub_network(
        settings.reader,
        cache=settings.compiled_models,
        coefficients=settings.home / "readers",
        allow_download=settings.allow_download,
    )


class Readers:
    """Makes the reader that the settings name for an embedder; its `network` is loaded once for all.

    `network` is None for the reader that works with the embedding model alone.
    """

    def __init__(self, settings: Settings) -> None:
        self.network: Network | None = None
        self._coefficients: TwoStages | None = None
        if settings.reader == OWN_READER:
            self._coefficients = TwoStages.load()
            self.network = _own_network(self._coefficients.weights)
        elif settings.reader != SIMILARITY:
            self.network, self._coefficients = hub_reader(settings)

    def load_ahead(self) -> None:
        """Begin to load the network in a thread; who reads waits for the rest."""
        if isinstance(self.network, CompiledNetwork):
            self.network.load_ahead()

    def load(self) -> None:
        """Load the network; raise `ModelNotFound` where it cannot be."""
        if self.network is not None:
            self.network.read("ready", [])

    def reader_of(self, embedder: Embedder) -> Reader:
        """Return the reader for what is embedded by an embedder."""
        if self.network is None or self._coefficients is None:
            return SimilarityReader(embedder)
        return TrainedReader(self.network, embedder, self._coefficients)
