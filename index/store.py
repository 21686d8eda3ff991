"""One collection: a catalog and two derived indexes, changed together and searched at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog

from index.catalog import Catalog
from index.embedding import EmbeddingSpace, Vectors
from index.errors import DamagedStore, OutcomeUnknown, SpaceChanged, StorageError, StorageFull
from index.jobs import FileRecord
from index.publishing import Published, together
from index.snapshot import Snapshot
from index.sql.catalog import SqlCatalog
from index.types import Document, DocumentInfo, Passage
from index.vector_upkeep import VectorUpkeep
from index.word_upkeep import WordUpkeep

CATALOG_FILE = "catalog.db"
_DROPPED_AT_ONCE = 2_000

_Made = TypeVar("_Made")

_log = structlog.get_logger(__name__)


class Store:
    """Holds one collection in a folder, in the embedding space that it is in; a new one in `space`.

    A change is committed to the catalog, then published to both indexes, and only then does the
    call return: afterwards no search finds what was deleted or replaced. One thread changes at a
    time; any number search meanwhile, each on the snapshot it took. A change raises what the catalog
    raises; after `StorageUnavailable` nothing of it was kept, after `OutcomeUnknown` the same call
    again settles it. `admit` is called with the space that a collection is in before its vectors are
    read, and may refuse it.
    """

    def __init__(
        self,
        folder: Path,
        space: EmbeddingSpace,
        *,
        writable: bool,
        admit: Callable[[EmbeddingSpace], None] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writable = writable
        # Held for each change; a thread that holds it may make several of them one after another.
        self._writing = threading.RLock()
        # Set when a change failed in a way that leaves open whether the catalog is ahead of the snapshot.
        self._in_doubt = False
        # What was changed within `together` and is not published yet, None outside of it.
        self._held: list[Published] | None = None
        # Whether something that was removed may still be in a log.
        self._unwiped = False
        self.catalog: Catalog = SqlCatalog(folder / CATALOG_FILE, writable=writable)
        self._upkeep = VectorUpkeep(self.catalog, folder, self._writing)
        self._words = WordUpkeep(self.catalog, folder, writable=writable)
        stored = self.catalog.spaces.active()
        if stored is not None and admit is not None:
            admit(stored)
        self._snapshot = self._loaded(stored or space)
        self._tidy()

    @property
    def space(self) -> EmbeddingSpace:
        """The embedding space that serves."""
        return self._snapshot.space

    def snapshot(self) -> Snapshot:
        """Return the collection as it is now; take it once for a request."""
        words_due = self._words.is_due
        if (self._in_doubt or words_due or not self._writable) and self._writing.acquire(blocking=False):
            try:
                # A catalog that cannot be asked now leaves the snapshot that there is.
                with suppress(OutcomeUnknown):
                    self._settle()
                current = self._snapshot
                if words_due and (words := self._words.catch_up(current.generation)) is not None:
                    self._snapshot = replace(current, words=words)
            finally:
                self._writing.release()
        return self._snapshot

    def put(
        self,
        document: Document,
        passages: Sequence[Passage],
        vectors: Vectors,
        space: str | None = None,
        record: FileRecord | None = None,
    ) -> DocumentInfo:
        """Store a document in place of the one of the same origin, if any, and return what is now stored.

        `vectors` has shape (len(passages), dimension) and is of `space`, by default the store's. Raise
        `SpaceChanged` where another one serves by now.
        """
        with self._writing:
            self._require_space(space)
            self._activate_first()
            change = self._committed(
                lambda: self.catalog.put(document, passages, vectors, self.space.id, record)
            )
            if change is not None:
                self._publish(Published.of(change, document, passages, vectors))
            try:
                return self.catalog.document(document.id)
            except StorageError as error:
                raise OutcomeUnknown("the document is stored, and cannot be read; try again") from error

    @contextmanager
    def together(self) -> Iterator[None]:
        """Publish all that is changed in the block at once at its end, also after an error.

        Each change is committed to the catalog as ever; searches see none of them before the end, and all
        from then on. One commit of the words costs as much as one for each document.
        """
        with self._writing:
            outer, self._held = self._held, [] if self._held is None else self._held
            try:
                yield
            finally:
                held, self._held = self._held, outer
                if outer is None and held:
                    self._publish_all(held)

    def delete(self, document_id: str, record: FileRecord | None = None) -> None:
        """Remove a document and all that came from it; raise `DocumentNotFound`."""
        with self._writing:
            change = self._committed(lambda: self.catalog.delete(document_id, record))
            if change is not None:
                empty = np.empty((0, self.space.dimension), dtype=np.float32)
                self._publish(Published.of(change, None, (), empty))

    def cut(self, document: Document, passages: Sequence[Passage], vectors: Vectors, space: str) -> None:
        """Store a document's passages and vectors of a space, beside those of others, if it is still there.

        Of the space that serves, they take the place of those it had.
        """
        with self._writing:
            change = self._committed(lambda: self.catalog.spaces.cut(document.id, passages, vectors, space))
            if change is not None and space == self.space.id:
                self._publish(Published.of(change, document, passages, vectors))

    def switch(self, space: EmbeddingSpace) -> bool:
        """Have another space serve; False, and nothing changes, while documents are due in it.

        One transaction decides. Who took a snapshot before goes on in the old space.
        """
        with self._writing:
            if space.id == self.space.id:
                return True
            sequence = self._committed(lambda: self.catalog.spaces.activate(space))
            if sequence is not None:
                # The catalog has gone over; whatever fails from here on, the snapshot has to follow.
                self._in_doubt = True
                self._follow()
            elif self.space.id != space.id:
                return False
            self._upkeep.discard()
            self._tidy()
            _log.info("embedding space switched", space=space.name, change=sequence)
            return True

    def add_space(self, space: EmbeddingSpace) -> None:
        """Make a space known, which is to be built beside the one that serves."""
        with self._writing:
            self._activate_first()
            self.catalog.spaces.add(space)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Let nobody else change the collection meanwhile."""
        with self._writing:
            yield

    def drop_space(self, space: str) -> int:
        """Remove a space that does not serve, with its passages and vectors; return how many there were.

        Bit by bit: other changes come between.
        """
        dropped = 0
        while True:
            with self._writing:
                last = self.catalog.spaces.drop(space, _DROPPED_AT_ONCE)
            dropped += last
            if last < _DROPPED_AT_ONCE:
                with self._writing:
                    self._wipe()
                return dropped

    def close(self) -> None:
        """Let go of files and threads."""
        with self._writing:
            self._upkeep.stop()
            self._words.close()
            self.catalog.close()
        self._upkeep.join()

    def _activate_first(self) -> None:
        if self.catalog.spaces.active() is None:
            self.catalog.spaces.activate(self.space)

    def _require_space(self, space: str | None) -> None:
        if space is not None and space != self.space.id:
            raise SpaceChanged(f"the collection went over to {self.space.name} meanwhile; try again")

    def _committed(self, change: Callable[[], _Made]) -> _Made | None:
        """Make a change and return what it gave; None where it was kept and there is nothing left to publish.

        A disk that fails at a commit may have kept it all the same, and the catalog then says so.
        """
        self._settle()
        try:
            return change()
        except (DamagedStore, StorageFull):
            # Nothing was kept, and on a full disk new connections may not be had.
            raise
        except StorageError as error:
            self._in_doubt = True
            before = self._snapshot.generation
            self._settle(error)
            if self._snapshot.generation == before:
                raise
            self._wipe()
            return None

    def _settle(self, cause: StorageError | None = None) -> None:
        """Follow the catalog where it is in doubt, or another process writes; raise `OutcomeUnknown`."""
        if self._in_doubt:
            self.catalog.forget_connections()
        if self._in_doubt or not self._writable:
            self._follow(cause)

    def _follow(self, cause: StorageError | None = None) -> None:
        try:
            if self.catalog.sequence() != self._snapshot.generation:
                self._snapshot = self._loaded(self.catalog.spaces.active() or self.space)
        except StorageError as error:
            raise OutcomeUnknown(
                "the disk refused, and whether the change was kept cannot be told yet; try again"
            ) from (cause or error)
        self._in_doubt = False

    def _loaded(self, space: EmbeddingSpace) -> Snapshot:
        """Return the collection in a space as the catalog has it, with indexes made or caught up."""
        while True:
            generation = self.catalog.sequence()
            vectors = self._upkeep.opened(space)
            if self.catalog.sequence() == generation:
                break
            # Another process wrote meanwhile; it may have changed the space, too.
            space = self.catalog.spaces.active() or space
        return Snapshot(generation, space, self.catalog, vectors, self._words.opened(space))

    def _publish(self, published: Published) -> None:
        if self._held is not None:
            self._held.append(published)
        else:
            self._publish_all([published])

    def _publish_all(self, published: Sequence[Published]) -> None:
        """Bring the indexes from where they are to the last of some changes, in order."""
        current = self._snapshot
        # After an error the snapshot may have been made anew, with some of them.
        due = [change for change in published if change.sequence > current.generation]
        if not due:
            return
        change = together(due)
        self._upkeep.added(len(change.entries))
        rows = [entry.row for entry in change.entries]
        updated = current.vectors.updated(change.rows_removed, rows, change.vectors)
        words = self._words.follow(current.generation, change.removed, change.entries, change.sequence)
        self._snapshot = Snapshot(change.sequence, current.space, self.catalog, updated, words)
        if change.rows_removed or self._unwiped:
            self._wipe()
        self._tidy()

    def _wipe(self) -> None:
        """Have nothing of what was removed left in a log; a disk that refuses is asked again later."""
        try:
            self.catalog.wipe()
            self._unwiped = False
        except StorageError as error:
            self._unwiped = True
            _log.warning("the write-ahead log could not be emptied", error=str(error))

    def _tidy(self) -> None:
        if self._writable:
            self._upkeep.tidy(lambda: self._snapshot, self._show)

    def _show(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
