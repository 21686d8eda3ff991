"""Work that outlives its process: what was asked for, how far it came, and what became of each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class JobKind(StrEnum):
    """What a job does."""

    SYNC = "sync"
    UPLOAD = "upload"
    REINDEX = "reindex"


class JobState(StrEnum):
    """How far a job is. A job that its process left `running` is taken up again by the next one."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be done."""
        return self in (JobState.DONE, JobState.FAILED)


class FileStatus(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of one file of a job; `origin` is its identity, `source` the name that is shown.

    `reason` is given where it was kept, skipped or failed.
    """

    job_id: str
    origin: str
    source: str
    status: FileStatus
    document_id: str | None = None
    passages: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept. `request` says what was asked for, in values of JSON.

    `created` and `updated` are ISO 8601 times in UTC; `code` and `message` tell of the error that
    ended it, or that it waits for to be over.
    """

    id: str
    kind: JobKind
    request: Mapping[str, object]
    state: JobState
    created: str
    updated: str
    code: str | None = None
    message: str | None = None


class JobLog(Protocol):
    """The jobs of a collection. Every method is one transaction, and returns when that is durable.

    The methods raise as those of `Catalog` do; those that take an id raise `JobNotFound`.
    """

    def add(self, kind: JobKind, request: Mapping[str, object], data: bytes | None = None) -> Job:
        """Keep a new job, waiting, and with it the bytes of an upload; return it.

        Where a job of the same kind and request, and the same bytes, has not ended yet, it is that one.
        """
        ...

    def job(self, job_id: str) -> Job:
        """Return a job."""
        ...

    def all(self) -> list[Job]:
        """Return all jobs, the one added last first."""
        ...

    def unfinished(self) -> list[Job]:
        """Return the jobs that have not ended, in the order in which they were added."""
        ...

    def start(self, job_id: str) -> None:
        """Say that work on a job has begun."""
        ...

    def put_off(self, job_id: str, *, code: str, message: str) -> None:
        """Say that a job waits again, and what kept it from ending."""
        ...

    def end(self, job_id: str, *, code: str | None = None, message: str | None = None) -> None:
        """Say that a job is done, or with a code that it failed; the bytes of its upload go.

        Of the jobs that have ended, the last are kept: a few hundred, and fewer where they name many files.
        """
        ...

    def data(self, job_id: str) -> bytes:
        """Return the bytes of an upload; raise `DamagedStore` where they are not those that came."""
        ...

    def record(self, records: Sequence[FileRecord]) -> None:
        """Keep what became of some files, each in place of what was kept of it in the same job."""
        ...

    def files(self, job_id: str) -> list[FileRecord]:
        """Return what became of the files of a job, by source."""
        ...
