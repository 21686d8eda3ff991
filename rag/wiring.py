"""Settings to objects: the only place that knows which class stands behind which seam."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from index.chunking import CHUNK_TOKENS, Chunker, target_of
from index.embedding import Embedder, EmbeddingSpace
from index.embedding.model_files import PACKAGED_MODEL
from index.embedding.probes import ProvenEmbedder
from index.errors import InvalidReindex, ReadOnlyStore, SpaceMismatch
from index.home import Home
from index.snapshot import Snapshot
from index.store import Store
from index.types import DEFAULT_COLLECTION
from rag.answering import Assistant, Engine
from rag.errors import InvalidSetting
from rag.generation.extractive import ExtractiveGenerator
from rag.generation.writing import Writer
from rag.models import Readers, embedder_of
from rag.ranking import PassageRanking
from rag.reading.support import TrainedSupport
from rag.responding import Responder
from rag.retrieval import Retriever
from rag.settings import Settings

if TYPE_CHECKING:
    from index.catalog import Catalog
    from index.ingest import Ingestor
    from index.reindex import Reindexed, Reindexer, ReindexProgress
    from index.running import JobRunner, Reindex
    from rag.history.store import History


class Application:
    """A home and an assistant over it, as the settings ask for them. Use it as a context manager.

    With `writable` it holds the home's lock; raise `HomeLocked` where another process does. Each
    collection is asked with the model that it was made with. An `embedder` of one's own stands for
    the model that it says it is; `embedders` finds those of other names, `readers` makes readers, and a
    `writer` takes the place of the language model that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        writable: bool,
        embedder: Embedder | None = None,
        embedders: Callable[[str], Embedder] | None = None,
        readers: Readers | None = None,
        writer: Writer | None = None,
    ) -> None:
        self.settings = settings
        self._find = embedders or (lambda name: embedder_of(settings, name))
        self._embedders: dict[str, Embedder] = {}
        self._engines: dict[str, Engine] = {}
        self._building = threading.Lock()
        self._writable = writable
        # Not the lock above, which is held while a model is made ready.
        self._opening = threading.Lock()
        self._history: History | None = None
        self.readers = readers or Readers(settings)
        self._writer = writer or writer_of(settings)
        self.embedder = embedder or self._find(settings.model or PACKAGED_MODEL)
        self._embedders[self.embedder.identity.name] = self.embedder
        chunker = Chunker(self.embedder.window, settings.chunk_tokens or CHUNK_TOKENS)
        space = self.embedder.identity.space(chunker.fingerprint)
        self.home = Home(settings.home, space, writable=writable, admit=self._admit)
        self.assistant = self.with_threshold(settings.threshold)
        self.responder = Responder(self.assistant, self._writer, mark=settings.unsupported == "mark")

    def with_threshold(self, threshold: float | None) -> Assistant:
        """Return an assistant over this home that answers from another confidence; None: the reader's own."""
        return Assistant(self._snapshot, self.engine, ExtractiveGenerator(), threshold)

    def engine(self, snapshot: Snapshot) -> Engine:
        """Return what asks in the space of a snapshot; raise `ModelNotFound` or `SpaceMismatch`."""
        space = snapshot.space
        key = space.id  # made anew each time
        with self._building:
            if key not in self._engines:
                proven = ProvenEmbedder(self._embedder(space), *snapshot.catalog.probes(key))
                support = TrainedSupport(proven) if self._writer is not None else None
                reader = self.readers.reader_of(proven)
                retriever = Retriever(proven, ranking=PassageRanking.load())
                self._engines[key] = Engine(proven, retriever, reader, support)
            return self._engines[key]

    def ingestor(self, collection: str = DEFAULT_COLLECTION) -> Ingestor:
        """Return what brings documents into a collection, which is made if it is not there."""
        return self._ingestor(self.home.collection(collection, create=True))

    def runner(self, collection: str = DEFAULT_COLLECTION, reindex: Reindex | None = None) -> JobRunner:
        """Return what does the jobs of a collection; it makes none that was deleted meanwhile.

        `reindex` takes the place of the application's own, for who wants to know more of it.
        """
        from index.running import JobRunner

        return JobRunner(
            self.home.collection(collection).catalog.jobs,
            lambda: self._ingestor(self.home.collection(collection)),
            reindex or partial(self.reindex, collection),
        )

    def _ingestor(self, store: Store) -> Ingestor:
        from index.ingest import Ingestor
        from index.loading import OcrMode, Parsing
        from index.loading.sandbox import Limits

        settings = self.settings
        engine = self.engine(store.snapshot())
        chunker = self._chunker(engine.embedder, store.space)
        return Ingestor(
            store,
            chunker,
            engine.embedder,
            max_bytes=settings.max_bytes,
            parsing=Parsing(
                OcrMode(settings.ocr), settings.ocr_languages, int(settings.max_unpacked_mb * 2**20)
            ),
            limits=Limits(settings.parse_seconds, memory_bytes=settings.parse_memory_mb * 2**20),
            keep_originals=settings.keep_originals,
        )

    def reindex_request(
        self,
        collection: str,
        model: str | None = None,
        chunk_tokens: int | None = None,
        *,
        rollback: bool = False,
    ) -> dict[str, object]:
        """Return what `reindex` is asked for, in values of JSON: a model and the length of passages.

        By default the collection's own, so that a model whose files changed is taken up as it is now.
        With `rollback` the space that served before; raise `InvalidReindex` where there is none,
        `ModelNotFound` where there is no such model.
        """
        store = self.home.collection(collection)
        asked: dict[str, object]
        if rollback:
            space = previous_space(store)
            asked = {"model": space.name, "chunk_tokens": target_of(space.passages), "space": space.id}
        else:
            target = chunk_tokens or target_of(store.space.passages) or CHUNK_TOKENS
            asked = {"model": model or store.space.name, "chunk_tokens": target}
        self._reindexer(store, asked)
        return asked

    def reindex(
        self, collection: str, request: Mapping[str, object], progress: ReindexProgress | None = None
    ) -> Reindexed:
        """Make another space for a collection and have it serve; the old one serves until then."""
        return self._reindexer(self.home.collection(collection), request).run(progress)

    def _reindexer(self, store: Store, request: Mapping[str, object]) -> Reindexer:
        from index.reindex import Reindexer

        with self._building:
            embedder = self._embedder_named(str(request["model"]))
        target = request["chunk_tokens"]
        chunker = Chunker(embedder.window, target if isinstance(target, int) else CHUNK_TOKENS)
        reindexer = Reindexer(store, chunker, embedder)
        if request.get("space") not in (None, reindexer.space.id):
            raise InvalidReindex(
                f"the space made with {request['model']} cannot be gone back to: its model or how passages "
                f"are cut is another by now; `quotebound reindex --model {request['model']}` makes a new one"
            )
        return reindexer

    @property
    def history(self) -> History:
        """The conversations that visitors had, opened when first asked for.

        Raise `ReadOnlyStore` where the application is not writable, and as `HistoryFile` does.
        """
        if not self._writable:
            raise ReadOnlyStore("this process reads the home only; another one may be keeping conversations")
        with self._opening:
            if self._history is None:
                from rag.history.file import HISTORY_FILE
                from rag.history.store import History

                path = self.settings.home / HISTORY_FILE
                self._history = History(path, self._catalog, self.assistant.verifier)
            return self._history

    def close(self) -> None:
        """Close the home and let go of its lock."""
        if self._history is not None:
            self._history.close()
        self.home.close()

    def _catalog(self, collection: str) -> Catalog:
        return self.home.collection(collection).catalog

    def _snapshot(self, collection: str) -> Snapshot:
        return self.home.collection(collection).snapshot()

    def _embedder_named(self, name: str) -> Embedder:
        if name not in self._embedders:
            self._embedders[name] = self._find(name)
        return self._embedders[name]

    def _embedder(self, space: EmbeddingSpace) -> Embedder:
        """Return the embedder of a space; raise `SpaceMismatch` where its model is another by now."""
        embedder = self._embedder_named(space.name)
        if embedder.identity.space(space.passages).id != space.id:
            raise SpaceMismatch(
                f"the files of the model {space.name} are not those the collection was made with: "
                f"run `quotebound reindex --model {space.name}`, or bring the old files back"
            )
        return embedder

    @staticmethod
    def _chunker(embedder: Embedder, space: EmbeddingSpace) -> Chunker:
        target = target_of(space.passages)
        if target is None:
            raise SpaceMismatch(
                "the collection's passages were cut as an earlier version did: "
                "run `quotebound reindex`, after which documents can be added"
            )
        return Chunker(embedder.window, target)

    def _admit(self, collection: str, stored: EmbeddingSpace) -> None:
        """Refuse a collection that is in another space than the settings ask for by name."""
        model, tokens = self.settings.model, self.settings.chunk_tokens
        if model is not None and model != stored.name:
            raise SpaceMismatch(
                f"collection {collection!r} was made with the model {stored.name}, and the settings ask for "
                f"{model}: run `quotebound reindex --model {model} --collection {collection}`, "
                f"or set QUOTEBOUND_MODEL={stored.name}, or not at all"
            )
        if tokens is not None and tokens != target_of(stored.passages):
            raise SpaceMismatch(
                f"collection {collection!r} was made with {stored.passages}, and the settings ask for "
                f"{tokens}: run `quotebound reindex --collection {collection}`, "
                "or set QUOTEBOUND_CHUNK_TOKENS back, or not at all"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def writer_of(settings: Settings) -> Writer | None:
    """Return what writes answers with the language model of the settings, None where they name none."""
    if settings.llm_url is None:
        return None
    from rag.generation.chat import ChatWriter, ReplyForm
    from rag.generation.endpoint import Endpoint, EndpointSettings

    if settings.llm_max_tokens * 2 > settings.llm_context:
        raise InvalidSetting(
            f"QUOTEBOUND_LLM_MAX_TOKENS is {settings.llm_max_tokens}, more than half of the "
            f"{settings.llm_context} of QUOTEBOUND_LLM_CONTEXT: sources would have no room; "
            "lower the one or raise the other"
        )
    endpoint = Endpoint(
        EndpointSettings(
            url=settings.llm_url,
            model=settings.llm_model,
            key=settings.llm_key.get_secret_value() if settings.llm_key else None,
            temperature=settings.llm_temperature,
            max_tokens=settings.llm_max_tokens,
            idle=settings.llm_timeout,
            deadline=settings.llm_deadline,
            retries=settings.llm_retries,
            parallel=settings.llm_parallel,
        )
    )
    return ChatWriter(endpoint, settings.llm_context, ReplyForm(settings.llm_format))


def previous_space(store: Store) -> EmbeddingSpace:
    """Return the space that served before the one that does; raise `InvalidReindex` where there is none."""
    for stored in store.catalog.spaces.all():
        if not stored.active and stored.activated is not None:
            return stored.space
    raise InvalidReindex("there is no earlier embedding space to go back to; what was pruned is gone")
