"""What routes and page have in common: the application's work, off the event loop and within bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from index.catalog import Catalog
from index.errors import QuoteboundError
from index.home import CollectionInfo, described
from index.sync import SyncRequest
from index.types import DEFAULT_COLLECTION, DocumentInfo
from index.watching import Watcher
from rag.errors import Overloaded
from rag.history.store import History
from rag.responding import answer_of
from rag.service.conversations import Conversations
from rag.service.desk import Desk
from rag.service.examples import Examples
from rag.service.pictures import Pictures
from rag.service.removed import HELD_SECONDS, Receipt, Removed
from rag.service.work import Work, spare_what_is_loaded
from rag.service.worker import Worker
from rag.types import DEFAULT_TOP_K, Answer, AnswerEvent, Asking, SearchResult
from rag.wiring import Application

Found = TypeVar("Found")
Shaped = TypeVar("Shaped")
P = ParamSpec("P")

_log = structlog.get_logger(__name__)

# Uploads that came and are not accepted yet: what is over a megabyte of them is in files.
_ARRIVING_UPLOADS = 64
_TOLD_AT_ONCE = 100_000
# A question that would have to wait longer is refused at once: who asked can try again, and those who
# are let in are answered in time, however many more there are than can be.
_PATIENCE_SECONDS = 1.0


class Backend:
    """The application as coroutines. Raises what the assistant, the ingestor and the store raise.

    The model loads in the background from `start` on: what needs it waits, what does not is served.
    What is to be done to a collection is a job, which outlives the process; the changes below the paths
    of `watched` become jobs of the default collection.
    """

    def __init__(self, application: Application, watched: Sequence[SyncRequest] = ()) -> None:
        settings = application.settings
        self.application = application
        self.ready = False
        self.fault: QuoteboundError | None = None
        self._asking = Work("asking", settings.workers, settings.queue, _PATIENCE_SECONDS)
        # What is found is looked up and told here: those who are let in to ask are its bound.
        self._telling = Work("telling", settings.workers, _TOLD_AT_ONCE)
        self._conversations = Conversations()
        self._accepting = Work("accepting", 1, _ARRIVING_UPLOADS)
        # Reads of the catalog are short and must not wait behind questions.
        self._reading = Work("reading", settings.workers, settings.queue)
        # An answer that was given is kept, however many others are: those let in to ask are the bound.
        self._keeping = Work("keeping", settings.workers, _TOLD_AT_ONCE)
        self.pictures = Pictures(application, self._reading)
        self._loading: asyncio.Task[None] | None = None
        self._removed = Removed(application.home)
        # How many questions are being answered now.
        self._asked = 0
        self._examples = Examples(
            application.assistant.ask, self._asking, self._reading, lambda: self._asked == 0
        )
        self._worker = Worker(application)
        self.desk = Desk(application, self._worker, self._accepting, self._reading)
        self._watchers = [
            Watcher(request, partial(self._worker.sync, collection=DEFAULT_COLLECTION)) for request in watched
        ]
        self._watching = [
            threading.Thread(target=watcher.run, name="watching", daemon=True) for watcher in self._watchers
        ]

    async def start(self) -> None:
        """Make the default collection, begin to load the model, and take up the jobs that did not end."""
        await self._reading.run(self.application.home.collection, DEFAULT_COLLECTION, create=True)
        self._loading = asyncio.create_task(self._load())
        self._worker.start()
        for thread in self._watching:
            thread.start()

    async def _load(self) -> None:
        try:
            model = await self._asking.run(self._warm)
        except QuoteboundError as error:
            self.fault = error
            _log.error("model not loaded", error=str(error))
        else:
            self.ready = True
            _log.info("ready", model=model)

    def _warm(self) -> str:
        """Load the models, hold the default collection's to its stored vectors, and return its name."""
        snapshot = self.application.home.collection(create=True).snapshot()
        self.application.engine(snapshot).embedder.embed_query("ready")
        self.application.readers.load()
        spare_what_is_loaded()
        return snapshot.space.name

    def check_ready(self) -> None:
        """Raise what keeps the model from answering: its fault, or `Overloaded` while it is loading."""
        if self.fault is not None:
            raise self.fault
        if not self.ready:
            raise Overloaded("the model is being loaded; try again in a few seconds")

    def dismiss(self) -> None:
        """End what would not end by itself: streams of news, and the job that is being done."""
        self._worker.dismiss()

    async def stop(self) -> None:
        """Let running work finish, break the running job off, and close the home."""
        self.dismiss()
        for watcher in self._watchers:
            watcher.stop()
        await self._examples.stop()
        await asyncio.to_thread(self._worker.stop)
        for thread in self._watching:
            await asyncio.to_thread(thread.join)
        for work in (self._asking, self._telling, self._accepting, self._reading, self._keeping):
            await asyncio.to_thread(work.close)
        await asyncio.to_thread(self.pictures.close)
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        await asyncio.to_thread(self.application.close)

    async def ask(self, asking: Asking) -> Answer:
        """Return the answer to a question."""
        async with aclosing(self.answering(asking)) as events:
            return await answer_of(events)

    async def ask_for(
        self,
        shape: Callable[[Answer], Shaped],
        question: str,
        collection: str = DEFAULT_COLLECTION,
        top_k: int = DEFAULT_TOP_K,
        documents: Sequence[str] = (),
    ) -> Shaped:
        """Return what `shape` makes of the answer to a question, made away from the event loop."""
        asking = Asking(question, collection, top_k, documents=tuple(documents))
        return await self.told(shape, await self.ask(asking))

    async def answering(self, asking: Asking) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the events of the answer to a question, as `Responder.events` does.

        Closing the iterator gives the answer up.
        """
        responder = self.application.responder
        self._asked += 1
        try:
            async with aclosing(responder.events(asking, self._asking.run, self._telling.run)) as events:
                async for event in events:
                    yield event
        finally:
            self._asked -= 1

    async def conversing(
        self, asking: Asking, conversation_id: str | None
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the events of an answer after the turns that were kept under an id, and keep it there."""
        events = self.answering(asking)
        if conversation_id is not None:
            snapshot = await self.told(self.application.home.collection(asking.collection).snapshot)
            events = self._conversations.answering(
                asking, conversation_id, snapshot.generation, self.answering
            )
        async with aclosing(events):
            async for event in events:
                yield event

    async def told(self, shape: Callable[P, Shaped], *args: P.args, **kwargs: P.kwargs) -> Shaped:
        """Return what `shape` makes of what was found, away from the event loop."""
        return await self._telling.run(shape, *args, **kwargs)

    async def search(
        self, query: str, collection: str = DEFAULT_COLLECTION, top_k: int = DEFAULT_TOP_K
    ) -> SearchResult:
        """Return the passages nearest to a query."""
        return await self.search_for(_itself, query, collection, top_k)

    async def search_for(
        self,
        shape: Callable[[SearchResult], Shaped],
        query: str,
        collection: str = DEFAULT_COLLECTION,
        top_k: int = DEFAULT_TOP_K,
        documents: Sequence[str] = (),
    ) -> Shaped:
        """Return what `shape` makes of the passages nearest to a query, in the thread that finds them."""
        search = self.application.assistant.search
        return await self._asking.run(lambda: shape(search(query, collection, top_k, documents)))

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

    async def read_for(self, read: Callable[[Catalog], Found], collection: str = DEFAULT_COLLECTION) -> Found:
        """Return what `read` makes of a collection's catalog, in a thread that reads."""
        return await self._reading.run(lambda: read(self._catalog(collection)))

    async def kept(
        self, call: Callable[Concatenate[History, P], Found], *args: P.args, **kwargs: P.kwargs
    ) -> Found:
        """Return what a method of the kept conversations does: `kept(History.turns, visitor, id)`."""
        return await self._keeping.run(lambda: call(self.application.history, *args, **kwargs))

    async def delete(self, document_id: str, collection: str = DEFAULT_COLLECTION) -> None:
        """Remove a document; once this returns no answer uses it."""
        await self._reading.run(lambda: self.application.home.collection(collection).delete(document_id))

    async def remove(self, document_id: str, collection: str, owner: str) -> Receipt:
        """Remove a document as `delete` does, to be put back with the receipt until its owner leaves."""
        receipt = await self._reading.run(self._removed.remove, collection, document_id, owner)
        asyncio.get_running_loop().call_later(HELD_SECONDS, self._removed.expire)
        return receipt

    async def restore(self, owner: str, receipt_id: str) -> DocumentInfo:
        """Put a removed document back; raise as `Removed.restore`."""
        return await self._reading.run(self._removed.restore, owner, receipt_id)

    async def forget(self, owner: str) -> None:
        """Let go of what an owner removed, who left."""
        # At once: to wait for a thread is to be refused where too many do.
        self._removed.forget(owner)

    async def examples(self, collection: str = DEFAULT_COLLECTION) -> list[str]:
        """Return questions that a collection answers; none while they are being worked out."""
        if not self.ready:
            return []
        snapshot = await self._reading.run(lambda: self.application.home.collection(collection).snapshot())
        return self._examples.of(snapshot, collection)

    async def collections(self) -> list[CollectionInfo]:
        """Return what is told of each collection."""
        return await self._reading.run(described, self.application.settings.home)

    async def create_collection(self, name: str) -> CollectionInfo:
        """Make a collection; raise `InvalidName` or `CollectionExists`."""
        await self._reading.run(self.application.home.create, name)
        return CollectionInfo(name, 0, None)

    async def delete_collection(self, name: str) -> None:
        """Remove a collection with everything in it; raise `InvalidName` or `CollectionNotFound`.

        The default one is there all the same, and empty.
        """
        await self._reading.run(self.application.home.delete, name)
        self._removed.forget_collection(name)
        if name == DEFAULT_COLLECTION:
            await self._reading.run(self.application.home.collection, name, create=True)

    def _catalog(self, collection: str) -> Catalog:
        return self.application.home.collection(collection).catalog


def _itself(found: Found) -> Found:
    return found
