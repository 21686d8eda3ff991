"""What an ingest tells: how it goes on while it does, and what became of every file in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from index.jobs import FileRecord, FileStatus, Job


class Stopped(BaseException):
    """Raised by a `Progress` to break a job off; the job stays unfinished, and what is done is kept."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a job did: every file, by source, and how many passages this run of it had to embed.

    `job` is the job as it is now. Where `error` kept it from being done and the job has not ended,
    the files that are failed for it are those that the next run tries.
    """

    job: Job
    files: tuple[FileRecord, ...]
    embedded: int | None
    error: Exception | None = None

    def count(self, status: FileStatus) -> int:
        """Return how many files had an outcome."""
        return sum(record.status is status for record in self.files)

    @property
    def complete(self) -> bool:
        """Whether the job is done, no file failed, and none was kept that should have gone."""
        faults = self.count(FileStatus.FAILED) + self.count(FileStatus.KEPT)
        return not faults and self.error is None and self.job.code is None


class Progress(Protocol):
    """Is told how a job goes on. Calls come from the thread that runs it; `Stopped` breaks it off."""

    def found(self, files: int, passages: int) -> None:
        """Files to look at, and passages to embed, are more by these numbers."""
        ...

    def reading(self, source: str, page: int, pages: int) -> None:
        """A file is being read: so many of its pages are done; 0 of 0 while that is not known.

        Told again now and then while nothing comes.
        """
        ...

    def embedded(self, made: int, reused: int) -> None:
        """As many more passages have a vector, made now or stored before."""
        ...

    def finished(self, record: FileRecord) -> None:
        """A file is done."""
        ...


class Silent:
    """A `Progress` that tells nobody."""

    def found(self, files: int, passages: int) -> None:
        """Do nothing."""

    def reading(self, source: str, page: int, pages: int) -> None:
        """Do nothing."""

    def embedded(self, made: int, reused: int) -> None:
        """Do nothing."""

    def finished(self, record: FileRecord) -> None:
        """Do nothing."""


class Tally:
    """A `Progress` that keeps what it is told, and tells another one what is new in it."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or Silent()
        self._files: dict[str, FileRecord] = {}
        self.made = 0

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Each file once, as it was last told of, by source."""
        return tuple(sorted(self._files.values(), key=lambda record: (record.source, record.origin)))

    def found(self, files: int, passages: int) -> None:
        """Tell it on."""
        self._progress.found(files, passages)

    def reading(self, source: str, page: int, pages: int) -> None:
        """Tell it on."""
        self._progress.reading(source, page, pages)

    def embedded(self, made: int, reused: int) -> None:
        """Count and tell on."""
        self.made += made
        self._progress.embedded(made, reused)

    def finished(self, record: FileRecord) -> None:
        """Keep it, and tell it on unless that was done."""
        if self._files.get(record.origin) != record:
            self._files[record.origin] = record
            self._progress.finished(record)
