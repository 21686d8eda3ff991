"""The vectors of a space in memory: made at the start, merged while others search, kept in a file if many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog

from index.catalog import Catalog
from index.embedding import EmbeddingSpace
from index.errors import StorageError
from index.segment_vectors import Rows
from index.snapshot import Snapshot
from index.vector_files import SavedIndex, discard_others, load, save
from index.vectors import FlatVectorIndex

# Past so many, making them from the catalog takes more than two seconds.
FILE_PAST_ROWS = 150_000
# Rows past those of the file are read from the catalog; with so many, the file is written anew.
_REPLAYED_ROWS = 40_000
_KEY = "vector_file"

_log = structlog.get_logger(__name__)


class VectorUpkeep:
    """Makes the vector index of a collection in its folder, and keeps the index's file.

    The file is derived: whatever is wrong with it costs only the time to make the index anew. `change`
    is held around what it writes to the catalog.
    """

    def __init__(self, catalog: Catalog, folder: Path, change: threading.RLock) -> None:
        self._catalog = catalog
        self._folder = folder
        self._change = change
        # How many rows the next start would read from the catalog.
        self._unsaved = 0
        self._stopping = False
        self._merging: threading.Thread | None = None

    def opened(self, space: EmbeddingSpace) -> FlatVectorIndex:
        """Return the vectors of a space as the catalog has them now."""
        index = self._from_file(space)
        if index is None:
            index = FlatVectorIndex(space.dimension, scratch=self._folder)
        last = int(index.rows[-1]) if len(index) else -1
        self._unsaved = 0
        for rows, batch in self._catalog.scan_vectors(space, last):
            index = index.updated((), rows, batch)
            self._unsaved += len(rows)
        return index

    def _from_file(self, space: EmbeddingSpace) -> FlatVectorIndex | None:
        try:
            saved = SavedIndex.from_json(self._catalog.value(_KEY) or "")
        except StorageError as error:
            _log.warning("file of vectors not used", reason=str(error))
            return None
        # A later change than the last one: the catalog was put back from a copy.
        if saved is None or saved.space != space.id or saved.sequence > self._catalog.sequence():
            return None
        index = load(self._folder, saved, space)
        if index is None:
            return None
        present = np.array(self._catalog.rows(space.id), dtype=np.int64)
        gone: Rows = np.setdiff1d(index.rows, present, assume_unique=True)
        return index.updated(gone, (), np.empty((0, space.dimension), dtype=np.float32))

    def is_kept(self, index: FlatVectorIndex) -> bool:
        """Tell whether the next start is quick with the file as it is, or without one."""
        return len(index) < FILE_PAST_ROWS or self._unsaved < _REPLAYED_ROWS

    def added(self, rows: int) -> None:
        """Count rows that the file does not have."""
        self._unsaved += rows

    def tidy(self, current: Callable[[], Snapshot], show: Callable[[Snapshot], None]) -> None:
        """Merge segments in a thread, and write the file anew, if that pays and nobody is at it.

        `current` gives the collection as it is, `show` puts another snapshot in its place.
        """
        if self._merging is not None and self._merging.is_alive():
            return
        vectors = current().vectors
        if vectors.worth_merging or not self.is_kept(vectors):
            # The thread holds the store, by way of these two; nothing else here does.
            self._merging = threading.Thread(
                target=self._merge, args=(current, show), name="merging", daemon=True
            )
            self._merging.start()

    def stop(self) -> None:
        """Have a thread that merges change nothing any more."""
        self._stopping = True

    def join(self) -> None:
        """Wait for the thread that merges, if there is one."""
        if self._merging is not None:
            self._merging.join()

    def _merge(self, current: Callable[[], Snapshot], show: Callable[[Snapshot], None]) -> None:
        while not self._stopping:
            before = current()
            vectors = before.vectors
            if vectors.worth_merging:
                try:
                    vectors = vectors.merged()
                except (OSError, StorageError) as error:
                    # All stays as it was, and the next change tries again.
                    _log.warning("vectors not merged", reason=type(error).__name__)
                    return
                with self._change:
                    try:
                        merged = current().vectors.with_merged(vectors)
                    except ValueError:
                        # The vectors were made anew meanwhile: another space, or after an error.
                        return
                    show(replace(current(), vectors=merged))
            self._save_if_due(replace(before, vectors=vectors), current)
            if not current().vectors.worth_merging:
                return

    def _save_if_due(self, snapshot: Snapshot, current: Callable[[], Snapshot]) -> None:
        """Write the vectors of a snapshot to a file, if that pays at the next start; it takes long."""
        index, space, sequence = snapshot.vectors, snapshot.space, snapshot.generation
        if self.is_kept(index):
            return
        unsaved = self._unsaved
        try:
            saved = save(self._folder, index, space, sequence)
            with self._change:
                if not self._stopping and current().space == space:
                    self._catalog.keep_value(_KEY, saved.to_json())
                    self._unsaved -= unsaved
                    discard_others(self._folder, [saved])
        except (OSError, StorageError) as error:
            _log.warning("vectors not kept in a file", reason=type(error).__name__, change=sequence)

    def discard(self) -> None:
        """Remove every file: the vectors are of another space from now on."""
        discard_others(self._folder)
        try:
            self._catalog.keep_value(_KEY, None)
        except StorageError as error:
            _log.warning("a file of vectors that is gone is still noted", reason=str(error))
