"""The shapes of jobs in responses; as stable as those of `wire`."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel

from index.jobs import FileStatus, Job, JobKind
from index.report import Report
from rag.service.desk import Moment
from rag.service.wire import Mirror
from rag.service.worker import Standing


class JobErrorOut(BaseModel):
    """The error that ended a job, or that keeps it waiting."""

    code: str
    message: str


class JobOut(BaseModel):
    """A job. `created` and `updated` are ISO 8601 times in UTC; one that did not end goes on by itself."""

    id: str
    kind: Literal["sync", "upload", "reindex"]
    state: Literal["waiting", "running", "done", "failed"]
    collection: str
    created: str
    updated: str
    request: dict[str, Any]
    error: JobErrorOut | None

    @classmethod
    def of(cls, job: Job, collection: str) -> Self:
        """Return the wire shape."""
        return cls(**_told(job, collection))


class FileOut(Mirror):
    """What became of a file; `reason` is given where it was kept, skipped or failed."""

    source: str
    status: Literal["added", "replaced", "unchanged", "removed", "kept", "skipped", "failed"]
    document_id: str | None
    passages: int
    reason: str | None


class JobReportOut(JobOut):
    """A job and what became of every file so far; `passages_embedded` is known while it runs here."""

    counts: dict[str, int]
    passages_embedded: int | None
    files: list[FileOut]

    @classmethod
    def of_report(cls, report: Report, collection: str) -> Self:
        """Return the wire shape."""
        return cls(
            **_told(report.job, collection),
            counts={status.value: report.count(status) for status in FileStatus},
            passages_embedded=report.embedded,
            files=[FileOut.of(record) for record in report.files],
        )


class JobsOut(BaseModel):
    """The jobs of a collection, the newest first."""

    jobs: list[JobOut]


class ReadingOut(BaseModel):
    """A file that is being read: how many of its pages are done; 0 of 0 while that is not known."""

    source: str
    page: int
    pages: int


class ProgressOut(BaseModel):
    """How far a job is; `last` is the source of the file that was done last.

    `reading` is the file that is waited for, null where that is none.
    """

    id: str
    state: Literal["waiting", "running"]
    error: JobErrorOut | None
    counts: dict[str, int]
    files_found: int
    passages_found: int
    passages_done: int
    passages_embedded: int
    last: str | None
    reading: ReadingOut | None

    @classmethod
    def of(cls, moment: Moment) -> Self:
        """Return the wire shape."""
        job, standing = moment.job, moment.standing
        counts = {status.value: count for status, count in standing.counts.items()} if standing else {}
        return cls(
            id=job.id,
            state="running" if standing else "waiting",
            error=None if standing else _error(job),
            counts=counts,
            files_found=standing.files_found if standing else 0,
            passages_found=standing.passages_found if standing else 0,
            passages_done=standing.passages_done if standing else 0,
            passages_embedded=standing.passages_embedded if standing else 0,
            last=standing.last.source if standing and standing.last else None,
            reading=_reading(standing),
        )


def _reading(standing: Standing | None) -> ReadingOut | None:
    if standing is None or standing.reading is None:
        return None
    source, page, pages = standing.reading
    return ReadingOut(source=source, page=page, pages=pages)


def _told(job: Job, collection: str) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "collection": collection,
        "created": job.created,
        "updated": job.updated,
        "request": _request(job),
        "error": _error(job),
    }


def _request(job: Job) -> dict[str, Any]:
    """Return what was asked for; of paths, as they were given and not where they are on this machine."""
    if job.kind is not JobKind.SYNC:
        return dict(job.request)
    return {"paths": job.request["shown"], "prune": job.request["prune"], "yes": job.request["yes"]}


def _error(job: Job) -> JobErrorOut | None:
    return JobErrorOut(code=job.code, message=job.message or "") if job.code is not None else None
