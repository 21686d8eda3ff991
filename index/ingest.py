"""Files and uploads into a collection: only what changed is parsed, only what is new is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.chunking import Chunker
from index.embedding import Embedder, Vectors
from index.embedding_ahead import EmbeddingAhead, Prepared
from index.errors import DocumentNotFound, InputError, StorageError, UnsupportedFormat
from index.jobs import FileRecord, FileStatus, JobLog
from index.loading import content_sha256, label, load_bytes, read_file, upload_origin
from index.report import Progress, Silent
from index.store import Store
from index.sync import Found, SyncRequest, vanished_below
from index.types import DocumentInfo

# Small documents are embedded together: a batch of passages costs less than its passages one by one.
_BATCH_PASSAGES = 64
# What became of files that cost nothing is kept so many at a time.
_BATCH_RECORDS = 500
# What a job did to a file, which a later look at it by the same job does not make undone.
_DONE = (FileStatus.ADDED, FileStatus.REPLACED)


@dataclass(slots=True)
class _Run:
    """What one run of a job knows and has done so far."""

    job_id: str
    progress: Progress
    ahead: EmbeddingAhead
    earlier: dict[str, FileRecord]
    stored: dict[str, DocumentInfo]
    copies: dict[tuple[str, str], DocumentInfo] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    waiting: list[Prepared] = field(default_factory=list)
    storing: list[Prepared] = field(default_factory=list)
    unkept: list[FileRecord] = field(default_factory=list)

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


class Ingestor:
    """Brings documents into a collection, for jobs that its catalog keeps.

    While some passages are embedded the documents before them are stored, and those after them parsed
    and cut: the model never waits for the disk. No more than these two batches are held at once.

    A file whose bytes are those stored under its origin is neither parsed nor embedded; a passage
    whose text was embedded before gets its vector from the catalog. Each document is one
    transaction, together with what its job tells of the file. A job that was broken off is run again
    with the same id: what it did to a file before stays what it did, unless the file is another by now.

    Calls raise what the store raises: `StorageError`, and `SpaceChanged` where the collection went
    over to another embedding space than the embedder's, which an ingestor for that one can go on from.
    """

    def __init__(self, store: Store, chunker: Chunker, embedder: Embedder, *, max_bytes: int) -> None:
        self._store = store
        self._chunker = chunker
        self._embedder = embedder
        self._space = embedder.identity.space(chunker.fingerprint)
        self._max_bytes = max_bytes

    @property
    def jobs(self) -> JobLog:
        """The jobs of the collection."""
        return self._store.catalog.jobs

    def sync(self, request: SyncRequest, job_id: str, progress: Progress | None = None) -> None:
        """Do a sync of files and folders.

        Raise `SourceNotFound`, before anything is done, where a path is not there. A file that cannot
        be read is told of, not raised; one of a format that is not read is skipped within a folder
        and fails where it was named itself. Where the storage fails, so does the file and all that
        come after, which is told and not kept, and then the error is raised.
        """
        request.require_paths()
        run = self._run(job_id, progress)
        for info in self._store.catalog.documents():
            run.stored[info.origin] = info
            run.copies[info.source, info.content_sha256] = info
        files = list(request.files())
        run.progress.found(len(files), 0)
        try:
            with run.ahead:
                for found in files:
                    self._take(found, run)
                self._finish_waiting(run)
            if request.prune:
                for folder in request.folders():
                    self._prune(folder, request, run)
            self._keep_records(run)
        except StorageError as error:
            with suppress(StorageError):
                self._keep_records(run)
            _give_up(run, files, error)
            raise
        # What this job did before it was broken off, to files that are not there any more.
        for origin in sorted(run.earlier.keys() - run.done):
            run.tell(run.earlier[origin])

    def add(self, data: bytes, name: str, job_id: str, progress: Progress | None = None) -> None:
        """Store an upload under its name; an earlier upload of that name is replaced.

        Raise `InputError` where it cannot be read, which is told and kept, too.
        """
        run = self._run(job_id, progress)
        source, origin = label(name), upload_origin(name)
        if (stored := self._store.catalog.find(origin)) is not None:
            run.stored[origin] = stored
        run.progress.found(1, 0)
        try:
            self._prepare(data, source, origin, run)
        except InputError as error:
            self._finish(run.record(origin, source, FileStatus.FAILED, reason=str(error)), run)
            self._keep_records(run)
            raise
        with run.ahead:
            self._finish_waiting(run)
        self._keep_records(run)

    def _run(self, job_id: str, progress: Progress | None) -> _Run:
        earlier = {record.origin: record for record in self.jobs.files(job_id)}
        ahead = EmbeddingAhead(self._store.catalog, self._embedder, self._space)
        return _Run(job_id, progress or Silent(), ahead, earlier, {})

    def _prune(self, folder: str, request: SyncRequest, run: _Run) -> None:
        """Remove what came from below a folder and is no longer there."""
        gone, given = vanished_below(folder, self._store.catalog.documents())
        reason = None
        if len(gone) > given / 2 and not request.yes:
            reason = f"{len(gone)} of {given} files have vanished, so none was removed: --yes removes them"
        for info in gone:
            if reason is not None:
                status, passages = FileStatus.KEPT, info.passages
                self._finish(run.record(info.origin, info.source, status, info, passages, reason), run)
                continue
            record = run.record(info.origin, info.source, FileStatus.REMOVED, info, info.passages)
            with suppress(DocumentNotFound):  # deleted by someone else meanwhile
                self._store.delete(info.id, record)
            run.tell(record)

    def _take(self, found: Found, run: _Run) -> None:
        source = label(found.source)
        try:
            if found.problem is not None:
                self._finish(run.record(found.origin, source, FileStatus.FAILED, reason=found.problem), run)
                return
            data = read_file(Path(found.path), source, max_bytes=self._max_bytes)
            self._prepare(data, source, found.origin, run)
        except InputError as error:
            skipped = isinstance(error, UnsupportedFormat) and not found.named
            status = FileStatus.SKIPPED if skipped else FileStatus.FAILED
            self._finish(run.record(found.origin, source, status, reason=str(error)), run)
        if sum(len(entry.passages) for entry in run.waiting) >= _BATCH_PASSAGES:
            self._advance(run)

    def _prepare(self, data: bytes, source: str, origin: str, run: _Run) -> None:
        """Parse and chunk, unless the bytes are those already stored."""
        stored = run.stored.get(origin)
        digest = content_sha256(data)
        # The same bytes under the same name may be stored from elsewhere.
        same = run.copies.get((source, digest)) if stored is None else stored
        # One without passages lost them to damage.
        if same is not None and same.content_sha256 == digest and same.passages:
            earlier = run.earlier.get(origin)
            if earlier is not None and earlier.status in _DONE and earlier.document_id == same.id:
                run.tell(earlier)
            else:
                record = run.record(origin, source, FileStatus.UNCHANGED, same, same.passages)
                self._finish(record, run)
            return
        document = load_bytes(data, source, origin=origin, max_bytes=self._max_bytes)
        passages = self._chunker.chunk(document)
        run.progress.found(0, len(passages))
        run.waiting.append(Prepared(document, passages, replaces=stored is not None))
        if stored is not None:
            run.copies.pop((stored.source, stored.content_sha256), None)

    def _finish_waiting(self, run: _Run) -> None:
        while run.waiting or run.ahead.documents:
            self._advance(run)

    def _advance(self, run: _Run) -> None:
        """Begin to embed what waits, and meanwhile store what was embedded before."""
        before = run.ahead.exchange(run.waiting)
        run.waiting = []
        if before is not None:
            run.storing = before.documents
            for made, reused in before.counts:
                run.progress.embedded(made, reused)
            self._store_all(before.vectors, run)

    def _store_all(self, vectors: Vectors, run: _Run) -> None:
        """Store some documents, and tell of those that are once they can be found."""
        first = 0
        stored: list[FileRecord] = []
        try:
            with self._store.together():
                while run.storing:
                    entry = run.storing[0]
                    after = first + len(entry.passages)
                    stored.append(self._store_one(entry, vectors[first:after], run))
                    first = after
                    run.storing.pop(0)
        finally:
            for record in stored:
                run.tell(record)

    def _store_one(self, entry: Prepared, vectors: Vectors, run: _Run) -> FileRecord:
        document = entry.document
        status = FileStatus.REPLACED if entry.replaces else FileStatus.ADDED
        record = FileRecord(
            run.job_id, document.origin, document.source, status, document.id, len(entry.passages)
        )
        info = self._store.put(document, entry.passages, vectors, self._space.id, record)
        if info.origin != document.origin:
            # The same text under the same name is stored already, from elsewhere.
            record = replace(record, status=FileStatus.UNCHANGED, passages=info.passages)
            run.unkept.append(record)
        return record

    def _finish(self, record: FileRecord, run: _Run) -> None:
        """Tell what became of a file that no change of a document tells of, and keep it soon."""
        run.unkept.append(record)
        run.tell(record)
        if len(run.unkept) >= _BATCH_RECORDS:
            self._keep_records(run)

    def _keep_records(self, run: _Run) -> None:
        self.jobs.record(run.unkept)
        run.unkept.clear()


def _give_up(run: _Run, files: Sequence[Found], error: StorageError) -> None:
    for entry in run.unfinished:
        document = entry.document
        run.tell(run.record(document.origin, document.source, FileStatus.FAILED, reason=str(error)))
    for found in files:
        if found.origin not in run.done:
            reason = f"not tried: {error}"
            run.tell(run.record(found.origin, label(found.source), FileStatus.FAILED, reason=reason))
