"""Runs jobs to their ends: what was broken off goes on where it was; an error is kept with the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Self

import structlog

from index.errors import EmbeddingError, InvalidVector, QuoteboundError, SpaceChanged, StorageError
from index.ingest import Ingestor
from index.jobs import Job, JobKind, JobLog
from index.reindex import ReindexProgress
from index.report import Progress, Report, Tally
from index.sync import SyncRequest

# So often in a row the collection may go over to another embedding space while a job runs.
_SWITCHES = 3
_INTERNAL = "internal_error"

Reindex = Callable[[Mapping[str, object], ReindexProgress], object]

_log = structlog.get_logger(__name__)


class JobRunner:
    """Runs the jobs of one collection, one at a time.

    `ingestor` makes what brings documents into the collection, in the embedding space that serves;
    `reindex` does the jobs of that kind, which are left as they are where it is not given.
    """

    def __init__(
        self, jobs: JobLog, ingestor: Callable[[], Ingestor], reindex: Reindex | None = None
    ) -> None:
        self._jobs = jobs
        self._ingestor = ingestor
        self._reindex = reindex

    @classmethod
    def over(cls, ingestor: Ingestor) -> Self:
        """Return a runner for one ingestor, for a collection that is not reindexed meanwhile."""
        return cls(ingestor.jobs, lambda: ingestor)

    def sync(self, request: SyncRequest, progress: Progress | None = None) -> Report:
        """Sync files and folders, or finish the sync of the same request that was broken off."""
        return self.run(add_sync(self._jobs, request), progress)

    def add(self, data: bytes, name: str, progress: Progress | None = None) -> Report:
        """Store an upload under its name."""
        return self.run(add_upload(self._jobs, data, name), progress)

    def run(self, job: Job, progress: Progress | None = None) -> Report:
        """Run a job to its end, and return what became of it.

        An error ends the job, and is in the report. One of the storage or the model, which may be over
        another time, leaves it unfinished: what was done is kept, and the job can be run again. What a
        `Progress` raises that is no `Exception` is passed on, and leaves it unfinished, too.
        """
        tally = Tally(progress)
        error: Exception | None = None
        try:
            self._jobs.start(job.id)
            if self._work(job, tally):
                self._jobs.end(job.id)
            else:
                self._jobs.put_off(job.id, code="not_possible", message="this job is not done here")
        except QuoteboundError as raised:
            error = raised
            self._keep_error(job, raised.code, str(raised), ended=not _may_be_over(raised))
        except Exception as raised:
            error = raised
            _log.exception("job failed unexpectedly", job=job.id, kind=job.kind.value)
            self._keep_error(
                job, _INTERNAL, "something went wrong inside, which the log tells of", ended=True
            )
        return Report(self._now(job, error), tally.files, tally.made, error)

    def _work(self, job: Job, tally: Tally) -> bool:
        """Do what a job asks for; return whether it was done."""
        if job.kind is JobKind.REINDEX:
            if self._reindex is None:
                return False
            self._reindex(job.request, _Reindexing(tally))
            return True
        for _ in range(_SWITCHES):
            with suppress(SpaceChanged):
                self._ingest(job, tally)
                return True
        self._ingest(job, tally)
        return True

    def _ingest(self, job: Job, tally: Tally) -> None:
        ingestor = self._ingestor()
        if job.kind is JobKind.UPLOAD:
            ingestor.add(self._jobs.data(job.id), str(job.request["name"]), job.id, tally)
        else:
            ingestor.sync(SyncRequest.read(job.request), job.id, tally)

    def _keep_error(self, job: Job, code: str, message: str, *, ended: bool) -> None:
        # The disk may be what failed. Then the job is still unfinished, and the report has the error.
        with suppress(StorageError):
            if ended:
                self._jobs.end(job.id, code=code, message=message)
            else:
                self._jobs.put_off(job.id, code=code, message=message)

    def _now(self, job: Job, error: Exception | None) -> Job:
        try:
            return self._jobs.job(job.id)
        except QuoteboundError:
            code = error.code if isinstance(error, QuoteboundError) else _INTERNAL
            return replace(job, code=code, message=str(error)) if error is not None else job


class _Reindexing:
    """A `ReindexProgress` that tells a `Progress`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def due(self, documents: int) -> None:
        """Tell it as files."""
        self._progress.found(documents, 0)

    def done(self, documents: int, passages: int) -> None:  # noqa: ARG002 - part of the protocol
        """Tell it as passages."""
        self._progress.embedded(passages, 0)


def add_sync(jobs: JobLog, request: SyncRequest) -> Job:
    """Keep a sync as a job, or return the one that was broken off.

    An unfinished sync of the same paths that asks for something else is ended by it: to prune, say,
    which was broken off because it was not meant.
    """
    asked = request.values()
    for earlier in jobs.unfinished():
        same = earlier.kind is JobKind.SYNC and earlier.request["paths"] == asked["paths"]
        if same and request.changed is None and dict(earlier.request) != asked:
            jobs.end(earlier.id, code="superseded", message="another sync of the same paths was asked for")
    return jobs.add(JobKind.SYNC, asked)


def add_reindex(jobs: JobLog, request: Mapping[str, object]) -> Job:
    """Keep a reindex as a job, or return the unfinished one of the same request; it ends any other one."""
    for earlier in jobs.unfinished():
        if earlier.kind is JobKind.REINDEX and dict(earlier.request) != dict(request):
            jobs.end(earlier.id, code="superseded", message="another reindex was asked for")
    return jobs.add(JobKind.REINDEX, request)


def add_upload(jobs: JobLog, data: bytes, name: str) -> Job:
    """Keep an upload as a job, or return the unfinished one of the same name and bytes."""
    return jobs.add(JobKind.UPLOAD, {"name": name}, data)


def _may_be_over(error: QuoteboundError) -> bool:
    """Tell whether a job that met an error can be done later as it is."""
    if isinstance(error, EmbeddingError):
        return not isinstance(error, InvalidVector)
    return isinstance(error, StorageError) and error.retryable
