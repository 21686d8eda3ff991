"""The jobs of a home: taken in, told of, and followed while they are done."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO

from index.jobs import Job
from index.loading import chosen_loader
from index.report import Report
from index.running import add_reindex, add_upload
from index.sources import label
from index.types import DEFAULT_COLLECTION
from rag.errors import Overloaded
from rag.service.work import Work
from rag.service.worker import JobKey, Standing, Worker
from rag.wiring import Application

# Uploads that were accepted and are not stored yet: they are on the disk.
_WAITING_UPLOADS = 256


@dataclass(frozen=True, slots=True)
class Moment:
    """A job that has not ended, and how far it is where it runs now."""

    job: Job
    standing: Standing | None


class Desk:
    """Takes in what is to be done to collections as jobs, which outlive the process, and tells how they go.

    `accepting` runs what looks at what came, `reading` what looks jobs up. Raises what the storage raises.
    """

    def __init__(self, application: Application, worker: Worker, accepting: Work, reading: Work) -> None:
        self._application = application
        self._worker = worker
        self._accepting = accepting
        self._reading = reading

    async def upload(self, file: BinaryIO, name: str, collection: str = DEFAULT_COLLECTION) -> Job:
        """Accept an upload, and return the job that stores it in place of an earlier one of its name.

        Once this returns it outlives the process. Raise what can be told without parsing: `TooLarge`,
        `UnsupportedFormat`, `EmptyDocument`; and `Overloaded` where too many are waiting.
        """

        def accept() -> Job:
            limit = self._application.settings.max_bytes
            data, source = file.read(limit + 1), label(name)
            chosen_loader(data, source, max_bytes=limit)
            if self._worker.waiting_uploads >= _WAITING_UPLOADS:
                raise Overloaded("too many uploads are waiting to be stored; try again in a moment")
            store = self._application.home.collection(collection, create=True)
            return self._submitted(add_upload(store.catalog.jobs, data, source), collection)

        return await self._accepting.run(accept)

    async def jobs(self, collection: str = DEFAULT_COLLECTION) -> list[Job]:
        """Return the jobs of a collection, the newest first."""

        def jobs() -> list[Job]:
            return self._application.home.collection(collection).catalog.jobs.all()

        return await self._reading.run(jobs)

    async def report(self, job_id: str, collection: str = DEFAULT_COLLECTION) -> Report:
        """Return a job and what became of its files so far."""

        def report() -> Report:
            jobs = self._application.home.collection(collection).catalog.jobs
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

    async def reindex(self, collection: str, model: str | None, *, rollback: bool = False) -> str:
        """Accept a reindex of a collection, and return the id of its job; raise as `reindex_request`."""

        def accept() -> str:
            request = self._application.reindex_request(collection, model, rollback=rollback)
            return self._submitted(
                add_reindex(self._application.home.collection(collection).catalog.jobs, request), collection
            ).id

        return await self._accepting.run(accept)

    def _submitted(self, job: Job, collection: str) -> Job:
        self._worker.submit(JobKey(collection, job.id), job.kind)
        return job
