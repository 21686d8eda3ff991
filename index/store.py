"""One collection: a catalog and two derived indexes, changed together and searched at one moment."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog

from index.catalog import Catalog, Change
from index.embedding import EmbeddingSpace, Vectors
from index.errors import SpaceMismatch
from index.lexical import IndexedPassage, LexicalIndex, LexicalSnapshot, TantivyIndex
from index.sql_catalog import SqlCatalog
from index.types import Document, DocumentInfo, Located, Passage
from index.vectors import FlatVectorIndex, Scored, VectorIndex

CATALOG_FILE = "catalog.db"
LEXICAL_FOLDER = "lexical"
_CATCH_UP_DOCUMENTS = 200

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection as it was after one change: what a request searches, from start to end.

    `generation` is the number of that change. Passages and text are read from the catalog by row
    and document; rows are never given twice, so that what was deleted since is missing, not other.
    """

    generation: int
    catalog: Catalog
    vectors: VectorIndex
    words: LexicalSnapshot

    def __len__(self) -> int:
        return len(self.vectors)

    def dense(self, query: Vectors, k: int) -> list[Scored]:
        """Return the `k` rows nearest to a query vector by cosine, nearest first."""
        return self.vectors.search(query, k)

    def lexical(self, query: str, k: int) -> list[Scored]:
        """Return at most `k` rows that share terms with a query, best BM25 first."""
        found = self.words.search(query, k)
        # The lexical index may be a change ahead or behind; the vectors say which rows there are.
        live = self.vectors.contains([scored.row for scored in found])
        return [scored for scored, alive in zip(found, live, strict=True) if alive]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between a query vector and each of some rows of this snapshot."""
        return self.vectors.cosines(query, rows)

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the passages of rows that are still stored."""
        return self.catalog.passages(rows)


class Store:
    """Holds one collection in a folder.

    A change is committed to the catalog, then published to both indexes, and only then does the
    call return: afterwards no search finds what was deleted or replaced. One thread changes at a
    time; any number search meanwhile, each on the snapshot it took.
    """

    def __init__(self, folder: Path, space: EmbeddingSpace, *, writable: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.space = space
        self._writing = threading.Lock()
        self.catalog: Catalog = SqlCatalog(folder / CATALOG_FILE, writable=writable)
        _check_space(self.catalog.active_space(), space, folder.name)
        generation = self.catalog.sequence()
        vectors: VectorIndex = FlatVectorIndex(space.dimension)
        for rows, batch in self.catalog.scan_vectors(space.id):
            vectors = vectors.updated((), rows, batch)
        self._words: LexicalIndex = TantivyIndex(folder / LEXICAL_FOLDER, writable=writable)
        if self._words.sequence != generation and not writable:
            self._words = TantivyIndex()
        catch_up(self.catalog, self._words)
        if len(self._words) != sum(info.passages for info in self.catalog.documents()):
            # One of the two was put back from a copy: the numbers agree and the contents do not.
            self._words.clear()
            catch_up(self.catalog, self._words)
        self._snapshot = Snapshot(generation, self.catalog, vectors, self._words.snapshot())

    def snapshot(self) -> Snapshot:
        """Return the collection as it is now; take it once for a request."""
        return self._snapshot

    def put(self, document: Document, passages: Sequence[Passage], vectors: Vectors) -> DocumentInfo:
        """Store a document in place of the one of the same origin, if any, and return what is now stored.

        `vectors` has shape (len(passages), dimension). Raise what `Catalog.put` raises.
        """
        with self._writing:
            if self.catalog.active_space() is None:
                self.catalog.activate_space(self.space)
            change = self.catalog.put(document, passages, vectors, self.space.id)
            if change.rows_added or change.rows_removed:
                entries = [
                    IndexedPassage(row, passage, document.language)
                    for row, passage in zip(change.rows_added, passages, strict=False)
                ]
                self._publish(change, entries, vectors[: len(entries)])
            return self.catalog.document(document.id)

    def delete(self, document_id: str) -> None:
        """Remove a document and all that came from it; raise `DocumentNotFound`."""
        with self._writing:
            change = self.catalog.delete(document_id)
            self._publish(change, [], np.empty((0, self.space.dimension), dtype=np.float32))

    def close(self) -> None:
        """Let go of files and threads."""
        with self._writing:
            self._words.close()
            self.catalog.close()

    def _publish(self, change: Change, added: Sequence[IndexedPassage], vectors: Vectors) -> None:
        current = self._snapshot
        updated = current.vectors.updated(change.rows_removed, change.rows_added, vectors)
        try:
            if self._words.sequence == current.generation:
                self._words.apply(change.document_ids_removed, added, change.sequence)
            else:
                catch_up(self.catalog, self._words)
        except (ValueError, OSError) as error:
            # The change is committed; the words follow with the next one, and stale rows are filtered out.
            _log.warning("lexical index fell behind", change=change.sequence, error=str(error))
        self._snapshot = Snapshot(change.sequence, self.catalog, updated, self._words.snapshot())


def _check_space(stored: EmbeddingSpace | None, wanted: EmbeddingSpace, collection: str) -> None:
    if stored is None or stored.id == wanted.id:
        return
    if (stored.name, stored.weights) == (wanted.name, wanted.weights):
        what = f"{stored.passages}, and the settings ask for {wanted.passages}"
        way_out = "set QUOTEBOUND_CHUNK_TOKENS back"
    else:
        what = f"the model {stored.name}, and the settings ask for {wanted.name}"
        way_out = f"set QUOTEBOUND_MODEL={stored.name}"
    raise SpaceMismatch(
        f"collection {collection!r} was made with {what}; {way_out}, "
        "or ingest into another collection or home"
    )


def catch_up(catalog: Catalog, words: LexicalIndex) -> None:
    """Apply to a lexical index all changes that the catalog has seen since."""
    # A document that changed again later is done once, at its last change.
    pending = {document_id: sequence for sequence, document_id in catalog.changes_since(words.sequence)}
    ordered = sorted(pending.items(), key=lambda entry: entry[1])
    for first in range(0, len(ordered), _CATCH_UP_DOCUMENTS):
        batch = ordered[first : first + _CATCH_UP_DOCUMENTS]
        added = [
            IndexedPassage(row, passage, catalog.language(document_id))
            for document_id, _ in batch
            for row, passage in catalog.passages_of(document_id)
        ]
        words.apply([document_id for document_id, _ in batch], added, batch[-1][1])
