"""The lexical index of a collection: opened, kept to where the catalog is, and tried again where it fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from index.catalog import Catalog
from index.embedding import EmbeddingSpace
from index.errors import DamagedStore, DocumentNotFound, ReadOnlyStore, StorageError
from index.lexical import IndexedPassage, LexicalIndex, LexicalSnapshot, TantivyIndex
from index.lexical_files import discard_others
from index.sql.migrations import LEXICAL_KEY

LEXICAL_FOLDER = "lexical"
_CATCH_UP_DOCUMENTS = 200
# A disk that refused the words is not asked again with each question.
_AGAIN_SECONDS = 10.0
# How an index says that it could not follow; the catalog has the change, and stale rows are filtered out.
_FAILURES = (ValueError, OSError, StorageError)

_log = structlog.get_logger(__name__)


class WordUpkeep:
    """Keeps the lexical index of a collection in its folder to what the catalog holds of a space.

    The index is derived: what it cannot do costs only time, and it is brought up to date from the
    change log later. A process that may not write works in memory where the folder is behind.
    """

    def __init__(self, catalog: Catalog, folder: Path, *, writable: bool) -> None:
        self._catalog = catalog
        self._folder = folder / LEXICAL_FOLDER
        self._writable = writable
        self.index: LexicalIndex | None = None
        # When to try again what failed.
        self._due: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether the index is behind, and it is time to try again."""
        return self._due is not None and time.monotonic() >= self._due

    def opened(self, space: EmbeddingSpace) -> LexicalSnapshot:
        """Open the index of a space in place of the one at hand; raise what the catalog raises."""
        self.close()
        key = bytes.fromhex(self._catalog.value(LEXICAL_KEY) or "")
        generation = self._catalog.sequence()
        if self._writable and self._folder.is_dir():
            try:
                discard_others(self._folder, space.id)
            except OSError as error:
                _log.warning("an old lexical index was not removed", reason=error.strerror)
        self.index = TantivyIndex(self._folder / space.id, key=key, writable=self._writable)
        if self.index.sequence != generation and not self._writable:
            self.index = TantivyIndex(key=key)
        try:
            try:
                catch_up(self._catalog, self.index)
            except ReadOnlyStore:
                # Another process wrote since.
                self.index = TantivyIndex(key=key)
                catch_up(self._catalog, self.index)
            if len(self.index) != self._catalog.passage_count(space.id):
                # One of the two was put back from a copy: the numbers agree and the contents do not.
                self.index.clear()
                catch_up(self._catalog, self.index)
        except (ValueError, OSError) as error:
            _log.warning("lexical index fell behind", change=generation, error=str(error))
        return self.index.snapshot()

    def follow(
        self, before: int, removed: Sequence[str], added: Sequence[IndexedPassage], sequence: int
    ) -> LexicalSnapshot:
        """Apply a change, which came after change `before`, and return the index as it is then."""
        index = self._opened()
        try:
            if index.sequence == before:
                index.apply(removed, added, sequence)
            else:
                catch_up(self._catalog, index)
        except _FAILURES as error:
            self._fell_behind(sequence, error)
        return index.snapshot()

    def catch_up(self, generation: int) -> LexicalSnapshot | None:
        """Try again what failed, for a collection at this change; None if it fails again."""
        index = self._opened()
        self._due = None
        try:
            catch_up(self._catalog, index)
        except _FAILURES as error:
            self._fell_behind(generation, error)
            return None
        return index.snapshot()

    def close(self) -> None:
        """Let go of files and threads."""
        if self.index is not None:
            self.index.close()

    def _opened(self) -> LexicalIndex:
        if self.index is None:
            raise ValueError("the lexical index was not opened")
        return self.index

    def _fell_behind(self, change: int, error: Exception) -> None:
        _log.warning("lexical index fell behind", change=change, error=str(error))
        self._due = time.monotonic() + _AGAIN_SECONDS


def catch_up(catalog: Catalog, words: LexicalIndex) -> None:
    """Apply to a lexical index all changes that the catalog has seen since."""
    # A document that changed again later is done once, at its last change.
    pending = {document_id: sequence for sequence, document_id in catalog.changes_since(words.sequence)}
    ordered = sorted(pending.items(), key=lambda entry: entry[1])
    for first in range(0, len(ordered), _CATCH_UP_DOCUMENTS):
        batch = ordered[first : first + _CATCH_UP_DOCUMENTS]
        added = [entry for document_id, _ in batch for entry in _entries(catalog, document_id)]
        words.apply([document_id for document_id, _ in batch], added, batch[-1][1])


def _entries(catalog: Catalog, document_id: str) -> list[IndexedPassage]:
    found = catalog.passages_of(document_id)
    try:
        language = catalog.language(document_id) if found else ""
    except (DocumentNotFound, DamagedStore):
        return []  # deleted by another process meanwhile, or not shown before it is repaired
    return [IndexedPassage(row, passage, language) for row, passage in found]
