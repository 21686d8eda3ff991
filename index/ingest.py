"""Files and uploads into a collection: only what changed is parsed, only what is new is embedded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from index.chunking import Chunker
from index.embedding import Embedder, Vectors
from index.embedding_ahead import EmbeddingAhead, Prepared
from index.errors import DocumentNotFound, InputError, StorageError, UnsupportedFormat
from index.ingest_run import Run
from index.jobs import FileRecord, FileStatus, JobLog
from index.loading import Parsed, Parsing, document_of
from index.loading.documents import empty
from index.loading.sandbox import Limits
from index.originals import is_kept, keep_original
from index.parsing_ahead import ParsingAhead, Read, Unparsed
from index.report import Progress, Silent
from index.sources import content_sha256, is_member, label, members_prefix, read_file, upload_origin
from index.store import Store
from index.sync import Found, SyncRequest, vanished_below
from index.types import DocumentInfo
from index.unchanged import is_current

# What became of files that cost nothing is kept so many at a time.
_BATCH_RECORDS = 500
# What a job did to a file, which a later look at it by the same job does not make undone.
_DONE = (FileStatus.ADDED, FileStatus.REPLACED)


class Ingestor:
    """Brings documents into a collection, for jobs that its catalog keeps.

    While some passages are embedded the documents before them are stored, and those after them parsed,
    in processes of their own as `parsing` and `limits` say, and cut: the model never waits for the
    disk. No more than these two batches, and a few files, are held at once.

    A file whose bytes are those stored under its origin is neither parsed nor embedded; a passage
    whose text was embedded before gets its vector from the catalog. Each document is one
    transaction, together with what its job tells of the file. A job that was broken off is run again
    with the same id: what it did to a file before stays what it did, unless the file is another by now.

    Files within a file, as those in an archive or attached to a mail, are documents of their own. They
    go when a later version of the file has them no more. An archive is none itself. With
    `keep_originals` the bytes of a file whose pages can be shown are stored with its document.

    Calls raise what the store raises: `StorageError`, and `SpaceChanged` where the collection went
    over to another embedding space than the embedder's, which an ingestor for that one can go on from.
    """

    def __init__(
        self,
        store: Store,
        chunker: Chunker,
        embedder: Embedder,
        *,
        max_bytes: int,
        parsing: Parsing | None = None,
        limits: Limits | None = None,
        keep_originals: bool = True,
    ) -> None:
        self._store = store
        self._chunker = chunker
        self._embedder = embedder
        self._space = embedder.identity.space(chunker.fingerprint)
        self._max_bytes = max_bytes
        self._parsing = parsing or Parsing()
        self._limits = limits or Limits()
        self._keep_originals = keep_originals

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
        # To ask the catalog for each file what came in it costs more than to look at all of them once.
        run.members_stored = any(map(is_member, run.stored))
        files = list(request.files())
        run.progress.found(len(files), 0)
        try:
            with run.ahead, run.parsing:
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
            run.give_up(files, error)
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
        with run.ahead, run.parsing:
            self._look(Unparsed(data, source, origin, content_sha256(data), named=True), run)
            self._finish_waiting(run)
        self._keep_records(run)
        if origin in run.refused:
            raise run.refused[origin]

    def _run(self, job_id: str, progress: Progress | None) -> Run:
        earlier = {record.origin: record for record in self.jobs.files(job_id)}
        ahead = EmbeddingAhead(self._store.catalog, self._embedder, self._space)
        parsing = ParsingAhead(self._parsing, self._limits, max_bytes=self._max_bytes)
        return Run(job_id, progress or Silent(), parsing, ahead, earlier, {})

    def _prune(self, folder: str, request: SyncRequest, run: Run) -> None:
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
            self._remove(info, run)

    def _take(self, found: Found, run: Run) -> None:
        source = label(found.source)
        try:
            if found.problem is not None:
                self._finish(run.record(found.origin, source, FileStatus.FAILED, reason=found.problem), run)
                return
            data = read_file(Path(found.path), source, max_bytes=self._max_bytes)
        except InputError as error:
            self._refuse(found.origin, source, error, run, named=found.named)
        else:
            self._look(Unparsed(data, source, found.origin, content_sha256(data), found.named), run)
        while run.parsing.is_full:
            self._take_parsed(run)

    def _look(self, file: Unparsed, run: Run) -> None:
        """Have a file parsed, unless its bytes are those already stored."""
        stored = run.stored.get(file.origin)
        # The same bytes under the same name may be stored from elsewhere.
        same = run.copies.get((file.source, file.content)) if stored is None else stored
        if same is None or not is_current(same, file.content, self._parsing):
            run.parsing.add(file)
            return
        if not same.has_original and self._keeps(same.media_type):
            # Stored when originals were not kept: its text and its vectors stay as they are.
            keep_original(self._store, same.id, file.data)
        earlier = run.earlier.get(file.origin)
        if earlier is not None and earlier.status in _DONE and earlier.document_id == same.id:
            run.tell(earlier)
        else:
            self._finish(run.record(file.origin, file.source, FileStatus.UNCHANGED, same, same.passages), run)
        if same.attachments:
            # A job that was broken off may have stored this one, and not all that is within it.
            run.parsing.add(replace(file, known=True))

    def _keeps(self, media_type: str) -> bool:
        return self._keep_originals and is_kept(media_type)

    def _take_parsed(self, run: Run) -> None:
        """Cut the next document that was parsed, and look at what is within its file."""
        read = run.parsing.next(run.progress)
        if read is None:
            return
        file, found = read.file, read.found
        try:
            if isinstance(found, InputError):
                raise found
            members = run.parsing.within(file, found.attachments)
            if found.text.strip():
                if not file.known:
                    self._cut(read, found, run)
            elif not members:
                raise empty(file.source)
            self._look_within(file, members, run, counted=bool(found.text.strip()))
        except InputError as error:
            self._refuse(file.origin, file.source, error, run, named=file.named)
        if run.has_batch:
            self._advance(run)

    def _cut(self, read: Read, found: Parsed, run: Run) -> None:
        file = read.file
        document = document_of(found, read.media_type, file.source, origin=file.origin, content=file.content)
        if self._keeps(read.media_type):
            document = replace(document, original=file.data)
        passages = self._chunker.chunk(document)
        run.progress.found(0, len(passages))
        stored = run.stored.get(file.origin)
        run.waiting.append(Prepared(document, passages, replaces=stored is not None))
        if stored is not None:
            run.copies.pop((stored.source, stored.content_sha256), None)

    def _look_within(self, file: Unparsed, members: list[Unparsed], run: Run, *, counted: bool) -> None:
        """Look at the files within a file, and remove those that an earlier version of it had."""
        run.done.add(file.origin)
        there = {member.origin for member in members}
        prefix = members_prefix(file.origin)
        for info in self._store.catalog.within(file.origin) if run.members_stored else ():
            run.stored.setdefault(info.origin, info)
            member = prefix + info.origin[len(prefix) :].partition("#")[0]
            if member not in there:
                self._remove(info, run)
        # What is only a way to hold files is not counted among them.
        run.progress.found(len(members) - (not counted), 0)
        for within in members:
            self._look(within, run)

    def _remove(self, info: DocumentInfo, run: Run) -> None:
        record = run.record(info.origin, info.source, FileStatus.REMOVED, info, info.passages)
        with suppress(DocumentNotFound):  # deleted by someone else meanwhile
            self._store.delete(info.id, record)
        run.tell(record)

    def _refuse(self, origin: str, source: str, error: InputError, run: Run, *, named: bool) -> None:
        run.refused[origin] = error
        skipped = isinstance(error, UnsupportedFormat) and not named
        status = FileStatus.SKIPPED if skipped else FileStatus.FAILED
        self._finish(run.record(origin, source, status, reason=str(error)), run)

    def _finish_waiting(self, run: Run) -> None:
        while run.parsing.files:
            self._take_parsed(run)
        while run.waiting or run.ahead.documents:
            self._advance(run)

    def _advance(self, run: Run) -> None:
        """Begin to embed what waits, and meanwhile store what was embedded before."""
        before = run.ahead.exchange(run.waiting)
        run.waiting = []
        if before is not None:
            run.storing = before.documents
            for made, reused in before.counts:
                run.progress.embedded(made, reused)
            self._store_all(before.vectors, run)

    def _store_all(self, vectors: Vectors, run: Run) -> None:
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

    def _store_one(self, entry: Prepared, vectors: Vectors, run: Run) -> FileRecord:
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

    def _finish(self, record: FileRecord, run: Run) -> None:
        """Tell what became of a file that no change of a document tells of, and keep it soon."""
        run.unkept.append(record)
        run.tell(record)
        if len(run.unkept) >= _BATCH_RECORDS:
            self._keep_records(run)

    def _keep_records(self, run: Run) -> None:
        self.jobs.record(run.unkept)
        run.unkept.clear()
