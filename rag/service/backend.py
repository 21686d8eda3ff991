"""What routes and page have in common: the application's work, off the event loop and within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from index.catalog import Catalog
from index.errors import QuoteboundError
from index.home import DEFAULT_COLLECTION
from index.types import DocumentInfo
from rag.answering import DEFAULT_TOP_K
from rag.errors import Overloaded
from rag.types import Answer, SearchResult
from rag.wiring import Application

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)

# One upload is embedded at a time; as many more may wait.
_WAITING_UPLOADS = 8


class Work:
    """Threads of its own and a bounded queue in front of them.

    The event loop never waits for the model, and the loop's default threads, which answer health
    checks and files, are never taken by it. Past the bound `Overloaded` is raised at once.
    """

    def __init__(self, name: str, workers: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._room = workers + queue
        self._taken = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, called in a thread."""
        if self._taken >= self._room:
            raise Overloaded("too many requests are waiting; try again in a moment")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, partial(function, *args, **kwargs)
            )
        finally:
            self._taken -= 1

    def close(self) -> None:
        """Let what is running finish and start nothing more."""
        self._threads.shutdown(wait=True, cancel_futures=True)


class Backend:
    """The application as coroutines. Raises what the assistant, the ingestor and the store raise.

    The model loads in the background from `start` on: what needs it waits, what does not is served.
    """

    def __init__(self, application: Application) -> None:
        settings = application.settings
        self.application = application
        self.ready = False
        self.fault: QuoteboundError | None = None
        self._asking = Work("asking", settings.workers, settings.queue)
        self._adding = Work("adding", 1, _WAITING_UPLOADS)
        # Reads of the catalog are short and must not wait behind questions.
        self._reading = Work("reading", settings.workers, settings.queue)
        self._loading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the default collection and begin to load the model."""
        await self._reading.run(self.application.home.collection, DEFAULT_COLLECTION, create=True)
        self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            await self._asking.run(self.application.embedder.embed_query, "ready")
        except QuoteboundError as error:
            self.fault = error
            _log.error("model not loaded", error=str(error))
        else:
            self.ready = True
            _log.info("ready", model=self.application.embedder.identity.name)

    def check_ready(self) -> None:
        """Raise what keeps the model from answering: its fault, or `Overloaded` while it is loading."""
        if self.fault is not None:
            raise self.fault
        if not self.ready:
            raise Overloaded("the model is being loaded; try again in a few seconds")

    async def stop(self) -> None:
        """Let running work finish and close the home."""
        for work in (self._asking, self._adding, self._reading):
            await asyncio.to_thread(work.close)
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        await asyncio.to_thread(self.application.close)

    async def ask(
        self, question: str, collection: str = DEFAULT_COLLECTION, top_k: int = DEFAULT_TOP_K
    ) -> Answer:
        """Return the answer to a question."""
        return await self._asking.run(self.application.assistant.ask, question, collection, top_k)

    async def search(
        self, query: str, collection: str = DEFAULT_COLLECTION, top_k: int = DEFAULT_TOP_K
    ) -> SearchResult:
        """Return the passages nearest to a query."""
        return await self._asking.run(self.application.assistant.search, query, collection, top_k)

    async def documents(self, collection: str = DEFAULT_COLLECTION) -> list[DocumentInfo]:
        """Return the documents of a collection by source."""
        return await self._reading.run(lambda: self._catalog(collection).documents())

    async def document(self, document_id: str, collection: str = DEFAULT_COLLECTION) -> DocumentInfo:
        """Return a document without its text."""
        return await self._reading.run(lambda: self._catalog(collection).document(document_id))

    async def text(
        self,
        document_id: str,
        start: int = 0,
        end: int | None = None,
        collection: str = DEFAULT_COLLECTION,
    ) -> str:
        """Return `text[start:end]` of a stored document."""
        return await self._reading.run(lambda: self._catalog(collection).text(document_id, start, end))

    async def add(self, data: bytes, name: str, collection: str = DEFAULT_COLLECTION) -> DocumentInfo:
        """Store an upload in place of an earlier one of its name, and return it as it is stored."""

        def add() -> DocumentInfo:
            outcome = self.application.ingestor(collection).add(data, name)
            return self._catalog(collection).document(outcome.document_id or "")

        return await self._adding.run(add)

    async def delete(self, document_id: str, collection: str = DEFAULT_COLLECTION) -> None:
        """Remove a document; once this returns no answer uses it."""
        await self._reading.run(lambda: self.application.home.collection(collection).delete(document_id))

    def _catalog(self, collection: str) -> Catalog:
        return self.application.home.collection(collection).catalog
