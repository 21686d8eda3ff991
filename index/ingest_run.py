"""What is known and told of one run of an ingest job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from index.embedding_ahead import EmbeddingAhead, Prepared
from index.errors import InputError, StorageError
from index.jobs import FileRecord, FileStatus
from index.parsing_ahead import ParsingAhead
from index.report import Progress
from index.sources import label
from index.sync import Found
from index.types import DocumentInfo

# Small documents are embedded together: a batch of passages costs less than its passages one by one.
_BATCH_PASSAGES = 64
# Few passages may come of a large file, as of one with pictures.
_BATCH_BYTES = 64 * 2**20


@dataclass(slots=True)
class Run:
    """What one run of a job knows and has done so far.

    `stored` are documents by origin, `copies` by name and digest of their bytes. `refused` are the files
    that could not be read. `unkept` is what was told and is not in the job's log yet. Without
    `members_stored` no document came in a file of its own, as one in an archive does.
    """

    job_id: str
    progress: Progress
    parsing: ParsingAhead
    ahead: EmbeddingAhead
    earlier: dict[str, FileRecord]
    stored: dict[str, DocumentInfo]
    copies: dict[tuple[str, str], DocumentInfo] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    waiting: list[Prepared] = field(default_factory=list)
    storing: list[Prepared] = field(default_factory=list)
    unkept: list[FileRecord] = field(default_factory=list)
    refused: dict[str, InputError] = field(default_factory=dict)
    members_stored: bool = True

    @property
    def has_batch(self) -> bool:
        """Whether what waits is enough to be embedded."""
        held = sum(len(entry.document.original or b"") for entry in self.waiting)
        return held >= _BATCH_BYTES or sum(len(entry.passages) for entry in self.waiting) >= _BATCH_PASSAGES

    @property
    def unfinished(self) -> list[Prepared]:
        """The documents that are on their way."""
        return [*self.storing, *self.ahead.documents, *self.waiting]

    def record(
        self,
        origin: str,
        source: str,
        status: FileStatus,
        info: DocumentInfo | None = None,
        passages: int = 0,
        reason: str | None = None,
    ) -> FileRecord:
        """Return what became of a file of this job."""
        return FileRecord(self.job_id, origin, source, status, info.id if info else None, passages, reason)

    def tell(self, record: FileRecord) -> None:
        """Tell what became of a file."""
        self.done.add(record.origin)
        self.progress.finished(record)

    def give_up(self, files: Sequence[Found], error: StorageError) -> None:
        """Tell of all that is not done that it failed for an error of the storage."""
        on_their_way = {entry.document.origin: entry.document.source for entry in self.unfinished}
        on_their_way |= {file.origin: file.source for file in self.parsing.files if not file.known}
        for origin, source in on_their_way.items():
            self.tell(self.record(origin, source, FileStatus.FAILED, reason=str(error)))
        for found in files:
            if found.origin not in self.done:
                reason = f"not tried: {error}"
                self.tell(self.record(found.origin, label(found.source), FileStatus.FAILED, reason=reason))
