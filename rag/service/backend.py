"""What routes and page have in common: the application's work, off the event loop and within bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, TypeVar

import structlog

from index.catalog import Catalog
from index.errors import QuoteboundError
from index.home import CollectionInfo, described
from index.jobs import Job
from index.loading import chosen_loader
from index.report import Report
from index.running import add_reindex, add_upload
from index.sources import label
from index.sync import SyncRequest
from index.types import DEFAULT_COLLECTION, DocumentInfo
from index.watching import Watcher
from rag.answering import DEFAULT_TOP_K
from rag.errors import Overloaded
from rag.service.work import Work, spare_what_is_loaded
from rag.service.worker import JobKey, Standing, Worker
from rag.types import Answer, SearchResult
from rag.wiring import Application

Found = TypeVar("Found")
Shaped = TypeVar("Shaped")

_log = structlog.get_logger(__name__)

# Uploads that were accepted and are not stored yet: they are on the disk.
_WAITING_UPLOADS = 256
# Uploads that came and are not accepted yet: what is over a megabyte of them is in files.
_ARRIVING_UPLOADS = 64
# A question that would have to wait longer is refused at once: who asked can try again, and those who
# are let in are answered in time, however many more there are than can be.
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A job that has not ended, and how far it is where it runs now."""

    job: Job
    standing: Standing | None


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
        self._accepting = Work("accepting", 1, _ARRIVING_UPLOADS)
        # Reads of the catalog are short and must not wait behind questions.
        self._reading = Work("reading", settings.workers, settings.queue)
        self._loading: asyncio.Task[None] | None = None
        self._worker = Worker(application)
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
        await asyncio.to_thread(self._worker.stop)
        for thread in self._watching:
            await asyncio.to_thread(thread.join)
        for work in (self._asking, self._accepting, self._reading):
            await asyncio.to_thread(work.close)
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        await asyncio.to_thread(self.application.close)

    async def ask(
        self, question: str, collection: str = DEFAULT_COLLECTION, top_k: int = DEFAULT_TOP_K
    ) -> Answer:
        """Return the answer to a question."""
        return await self.ask_for(_itself, question, collection, top_k)

    async def ask_for(
        self,
        shape: Callable[[Answer], Shaped],
        question: str,
        collection: str = DEFAULT_COLLECTION,
        top_k: int = DEFAULT_TOP_K,
    ) -> Shaped:
        """Return what `shape` makes of the answer to a question, in the thread that works it out."""
        ask = self.application.assistant.ask
        return await self._asking.run(lambda: shape(ask(question, collection, top_k)))

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
    ) -> Shaped:
        """Return what `shape` makes of the passages nearest to a query, in the thread that finds them."""
        search = self.application.assistant.search
        return await self._asking.run(lambda: shape(search(query, collection, top_k)))

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

    async def upload(self, file: BinaryIO, name: str, collection: str = DEFAULT_COLLECTION) -> Job:
        """Accept an upload, and return the job that stores it in place of an earlier one of its name.

        Once this returns it outlives the process. Raise what can be told without parsing: `TooLarge`,
        `UnsupportedFormat`, `EmptyDocument`; and `Overloaded` where too many are waiting.
        """

        def accept() -> Job:
            limit = self.application.settings.max_bytes
            data, source = file.read(limit + 1), label(name)
            chosen_loader(data, source, max_bytes=limit)
            if self._worker.waiting_uploads >= _WAITING_UPLOADS:
                raise Overloaded("too many uploads are waiting to be stored; try again in a moment")
            store = self.application.home.collection(collection, create=True)
            return self._submitted(add_upload(store.catalog.jobs, data, source), collection)

        return await self._accepting.run(accept)

    async def jobs(self, collection: str = DEFAULT_COLLECTION) -> list[Job]:
        """Return the jobs of a collection, the newest first."""

        def jobs() -> list[Job]:
            return self._catalog(collection).jobs.all()

        return await self._reading.run(jobs)

    async def report(self, job_id: str, collection: str = DEFAULT_COLLECTION) -> Report:
        """Return a job and what became of its files so far."""

        def report() -> Report:
            jobs = self._catalog(collection).jobs
            standing = self._worker.standing(JobKey(collection, job_id))
            made = standing.passages_embedded if standing is not None else None
            return Report(jobs.job(job_id), tuple(jobs.files(job_id)), made)

        return await self._reading.run(report)

    async def follow(
        self, job_id: str, collection: str = DEFAULT_COLLECTION
    ) -> AsyncGenerator[Moment | Report, None]:
        """Yield how far a job is whenever there is news, and its report once it has ended.

        Without a report it ends where the service stops, or the job is gone.
        """
        key = JobKey(collection, job_id)
        with self._worker.followed(key) as follower:
            report = await self.report(job_id, collection)
            while not report.job.state.ended:
                yield Moment(report.job, self._worker.standing(key))
                if follower.gone:
                    return
                await follower.news.wait()
                follower.news.clear()
                report = follower.report or report
            yield report

    async def end_of(self, job: Job, collection: str = DEFAULT_COLLECTION) -> Report:
        """Return the report of a job once it has ended, or was put off."""
        last = job
        async with aclosing(self.follow(job.id, collection)) as news:
            async for told in news:
                if isinstance(told, Report):
                    return told
                last = told.job
                if last.code is not None and told.standing is None:
                    break
        return Report(last, (), None)

    async def delete(self, document_id: str, collection: str = DEFAULT_COLLECTION) -> None:
        """Remove a document; once this returns no answer uses it."""
        await self._reading.run(lambda: self.application.home.collection(collection).delete(document_id))

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
        if name == DEFAULT_COLLECTION:
            await self._reading.run(self.application.home.collection, name, create=True)

    async def reindex(self, collection: str, model: str | None, *, rollback: bool = False) -> str:
        """Accept a reindex of a collection, and return the id of its job; raise as `reindex_request`."""

        def accept() -> str:
            request = self.application.reindex_request(collection, model, rollback=rollback)
            return self._submitted(add_reindex(self._catalog(collection).jobs, request), collection).id

        return await self._accepting.run(accept)

    def _submitted(self, job: Job, collection: str) -> Job:
        self._worker.submit(JobKey(collection, job.id), job.kind)
        return job

    def _catalog(self, collection: str) -> Catalog:
        return self.application.home.collection(collection).catalog


def _itself(found: Found) -> Found:
    return found
