"""The lexical index of a space: opened, and brought to where the catalog is."""

from __future__ import annotations

from pathlib import Path

import structlog

from index.catalog import Catalog
from index.embedding import EmbeddingSpace
from index.errors import DamagedStore, DocumentNotFound, ReadOnlyStore
from index.lexical import IndexedPassage, LexicalIndex, TantivyIndex
from index.lexical_files import discard_others
from index.sql.migrations import LEXICAL_KEY

LEXICAL_FOLDER = "lexical"
_CATCH_UP_DOCUMENTS = 200

_log = structlog.get_logger(__name__)


def opened_words(catalog: Catalog, folder: Path, space: EmbeddingSpace, *, writable: bool) -> LexicalIndex:
    """Return the lexical index of a collection's folder, holding what the catalog holds of a space.

    A process that may not write works in memory where the folder is behind.
    """
    key = bytes.fromhex(catalog.value(LEXICAL_KEY) or "")
    generation = catalog.sequence()
    if writable and (folder / LEXICAL_FOLDER).is_dir():
        try:
            discard_others(folder / LEXICAL_FOLDER, space.id)
        except OSError as error:
            _log.warning("an old lexical index was not removed", reason=error.strerror)
    words: LexicalIndex = TantivyIndex(folder / LEXICAL_FOLDER / space.id, key=key, writable=writable)
    if words.sequence != generation and not writable:
        words = TantivyIndex(key=key)
    try:
        try:
            catch_up(catalog, words)
        except ReadOnlyStore:
            # Another process wrote since.
            words = TantivyIndex(key=key)
            catch_up(catalog, words)
        if len(words) != catalog.passage_count(space.id):
            # One of the two was put back from a copy: the numbers agree and the contents do not.
            words.clear()
            catch_up(catalog, words)
    except (ValueError, OSError) as error:
        _log.warning("lexical index fell behind", change=generation, error=str(error))
    return words


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
