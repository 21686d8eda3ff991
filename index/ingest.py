"""Files and uploads into a collection: only what changed is parsed, only what is new is embedded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from index.catalog import embedding_key
from index.chunking import Chunker, indexed_text
from index.embedding import Embedder, Vectors
from index.errors import InputError, SourceNotFound, StorageError, UnsupportedFormat
from index.loading import content_sha256, file_origin, label, load_bytes, path_of, read_file, upload_origin
from index.store import Store
from index.types import Document, Passage

# Small documents are embedded together: a batch of passages costs less than its passages one by one.
_BATCH_PASSAGES = 64


class Status(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"
    SKIPPED = "skipped"
    FAILED = "failed"


class Prune(StrEnum):
    """Whether documents go whose files are no longer in the folders that are ingested."""

    NEVER = "never"
    IF_FEW = "if few"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `reason` is given where it was kept, skipped or failed."""

    source: str
    status: Status
    document_id: str | None = None
    passages: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Every file that was looked at, in order, and how many passages had to be embedded."""

    outcomes: tuple[Outcome, ...]
    embedded: int

    def count(self, status: Status) -> int:
        """Return how many files had an outcome."""
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def complete(self) -> bool:
        """Whether no file failed, and none was kept that should have gone."""
        return not self.count(Status.FAILED) and not self.count(Status.KEPT)


class Progress(Protocol):
    """Is told how an ingest goes on. Calls come from the thread that ingests."""

    def found(self, files: int, passages: int) -> None:
        """Files to look at, and passages to embed, are more by these numbers."""
        ...

    def embedded(self, passages: int) -> None:
        """As many more passages have a vector."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """A file is done."""
        ...


class Silent:
    """A `Progress` that tells nobody."""

    def found(self, files: int, passages: int) -> None:
        """Do nothing."""

    def embedded(self, passages: int) -> None:
        """Do nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Do nothing."""


@dataclass(slots=True)
class _Prepared:
    """A document cut into passages, waiting for its vectors."""

    document: Document
    passages: list[Passage]
    replaces: bool


@dataclass(slots=True)
class _Run:
    """What one call of `ingest` has done so far."""

    progress: Progress
    outcomes: list[Outcome] = field(default_factory=list)
    embedded: int = 0
    waiting: list[_Prepared] = field(default_factory=list)

    def finish(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.progress.finished(outcome)

    def report(self) -> Report:
        return Report(tuple(self.outcomes), self.embedded)


class Ingestor:
    """Brings documents into a collection.

    A file whose bytes are those stored under its origin is neither parsed nor embedded; a passage
    whose text was embedded before gets its vector from the catalog. Each document is one
    transaction, so that an ingest that is broken off is finished by running it again.
    """

    def __init__(self, store: Store, chunker: Chunker, embedder: Embedder, *, max_bytes: int) -> None:
        self._store = store
        self._chunker = chunker
        self._embedder = embedder
        self._max_bytes = max_bytes

    def ingest(
        self, paths: Sequence[Path], progress: Progress | None = None, prune: Prune = Prune.NEVER
    ) -> Report:
        """Ingest files and folders with all below them; hidden files are left out.

        Raise `SourceNotFound`, before anything is done, where a path is not there. A file that cannot
        be read is reported, not raised; one of a format that is not read is skipped within a folder
        and fails where it was named itself. An error of the storage ends the run: the file fails
        with it, and so do all that come after.

        With `Prune.IF_FEW`, documents whose files have vanished from a folder are removed, unless they
        are more than half of those it gave: then they are kept and reported, since an empty mount looks
        like that. `Prune.ALWAYS` removes them all the same.
        """
        run = _Run(progress or Silent())
        files = list(_files(paths))
        run.progress.found(len(files), 0)
        try:
            for path, named in files:
                self._take(path, named, run)
            self._store_waiting(run)
            if prune is not Prune.NEVER:
                for folder in filter(Path.is_dir, paths):
                    self._prune(folder, prune, run)
        except StorageError as error:
            _give_up(run, files, error)
        return run.report()

    def _prune(self, folder: Path, prune: Prune, run: _Run) -> None:
        """Remove what came from below a folder and is no longer there."""
        below = file_origin(folder).rstrip("/") + "/"
        given = [info for info in self._store.catalog.documents() if info.origin.startswith(below)]
        gone = [info for info in given if _has_vanished(path_of(info.origin))]
        status, reason = Status.REMOVED, None
        if prune is Prune.IF_FEW and len(gone) > len(given) / 2:
            status = Status.KEPT
            reason = (
                f"{len(gone)} of {len(given)} files have vanished, so none was removed: --yes removes them"
            )
        for info in gone:
            if status is Status.REMOVED:
                self._store.delete(info.id)
            run.finish(Outcome(info.source, status, info.id, info.passages, reason))

    def add(self, data: bytes, name: str) -> Outcome:
        """Ingest an upload under its name; an earlier upload of that name is replaced.

        Raise `InputError` where it cannot be read, `StorageError` where it cannot be kept.
        """
        run = _Run(Silent())
        prepared = self._prepare(data, label(name), upload_origin(name), run)
        if prepared is not None:
            run.waiting.append(prepared)
            self._store_waiting(run)
        return run.outcomes[0]

    def _take(self, path: Path, named: bool, run: _Run) -> None:
        source = str(path)
        try:
            data = read_file(path, source, max_bytes=self._max_bytes)
            prepared = self._prepare(data, label(source), file_origin(path), run)
        except UnsupportedFormat as error:
            status = Status.FAILED if named else Status.SKIPPED
            run.finish(Outcome(label(source), status, reason=str(error)))
            return
        except InputError as error:
            run.finish(Outcome(label(source), Status.FAILED, reason=str(error)))
            return
        if prepared is not None:
            run.waiting.append(prepared)
            if sum(len(entry.passages) for entry in run.waiting) >= _BATCH_PASSAGES:
                self._store_waiting(run)

    def _prepare(self, data: bytes, source: str, origin: str, run: _Run) -> _Prepared | None:
        """Parse and chunk, or report at once that the bytes are those already stored."""
        stored = self._store.catalog.find(origin)
        if stored is not None and stored.content_sha256 == content_sha256(data):
            run.finish(Outcome(source, Status.UNCHANGED, stored.id, stored.passages))
            return None
        document = load_bytes(data, source, origin=origin, max_bytes=self._max_bytes)
        passages = self._chunker.chunk(document)
        run.progress.found(0, len(passages))
        return _Prepared(document, passages, replaces=stored is not None)

    def _store_waiting(self, run: _Run) -> None:
        if not run.waiting:
            return
        vectors = self._vectors([passage for entry in run.waiting for passage in entry.passages], run)
        first = 0
        while run.waiting:
            entry = run.waiting[0]
            after = first + len(entry.passages)
            info = self._store.put(entry.document, entry.passages, vectors[first:after])
            first = after
            run.waiting.pop(0)
            status = Status.REPLACED if entry.replaces else Status.ADDED
            if info.origin != entry.document.origin:
                # The same text under the same name is stored already, from elsewhere.
                status = Status.UNCHANGED
            run.finish(Outcome(entry.document.source, status, info.id, info.passages))

    def _vectors(self, passages: list[Passage], run: _Run) -> Vectors:
        texts = {embedding_key(text): text for text in map(indexed_text, passages)}
        known = self._store.catalog.known_vectors(self._store.space.id, texts)
        new = [key for key in texts if key not in known]
        run.progress.embedded(len(passages) - len(new))
        for first in range(0, len(new), _BATCH_PASSAGES):
            batch = new[first : first + _BATCH_PASSAGES]
            embedded = self._embedder.embed_passages([texts[key] for key in batch])
            known.update(zip(batch, embedded, strict=True))
            run.embedded += len(batch)
            run.progress.embedded(len(batch))
        return np.stack([known[embedding_key(indexed_text(passage))] for passage in passages])


def _has_vanished(path: Path) -> bool:
    """Tell whether a file is surely not there; one that may not be looked for is not surely gone."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _give_up(run: _Run, files: Sequence[tuple[Path, bool]], error: StorageError) -> None:
    for entry in run.waiting:
        run.finish(Outcome(entry.document.source, Status.FAILED, reason=str(error)))
    run.waiting.clear()
    done = {outcome.source for outcome in run.outcomes}
    for source in (label(str(path)) for path, _ in files):
        if source not in done:
            run.finish(Outcome(source, Status.FAILED, reason=f"not tried: {error}"))


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield each file once, with whether it was named itself rather than found in a folder."""
    for path in paths:
        if not path.exists():
            raise SourceNotFound(f"there is no file or folder {label(str(path))!r}")
    seen: set[str] = set()
    for path in paths:
        for file in [path] if not path.is_dir() else _below(path):
            origin = file_origin(file)
            if origin not in seen:
                seen.add(origin)
                yield file, file == path


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)
