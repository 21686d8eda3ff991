"""A collection at one moment: what a request searches and quotes, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from index.catalog import Catalog
from index.coverage import Unread
from index.embedding import EmbeddingSpace, Vectors
from index.lexical import LexicalSnapshot
from index.segment_vectors import Rows
from index.types import Located
from index.vectors import FlatVectorIndex, Scored


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The documents that a search is bound to, and the rows of their passages, ascending."""

    documents: tuple[str, ...]
    rows: Rows


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection as it was after one change: what a request searches, from start to end.

    `generation` is the number of that change, `space` the embedding space that queries have to be of.
    Passages and text are read from the catalog by row and document; rows are never given twice, so
    that what was deleted since is missing, not other. With a `scope` nothing but its documents is
    searched and told of.
    """

    generation: int
    space: EmbeddingSpace
    catalog: Catalog
    vectors: FlatVectorIndex
    words: LexicalSnapshot
    scope: Scope | None = None

    def __len__(self) -> int:
        return len(self.vectors) if self.scope is None else len(self.scope.rows)

    def within(self, document_ids: Sequence[str]) -> Self:
        """Return the snapshot of some of its documents alone, or this one where none are named.

        Raise `DocumentNotFound`, naming an id that is not stored any more or was never.
        """
        if not document_ids:
            return self
        rows = np.array(self.catalog.rows_of(document_ids, self.space.id), dtype=np.int64)
        # Those of documents that came since are not in it.
        here = rows[self.vectors.contains(rows)]
        return replace(self, scope=Scope(tuple(dict.fromkeys(document_ids)), here))

    def dense(self, query: Vectors, k: int) -> list[Scored]:
        """Return the `k` rows nearest to a query vector by cosine, nearest first."""
        return self.vectors.search(query, k, None if self.scope is None else self.scope.rows)

    def lexical(self, query: str, k: int) -> list[Scored]:
        """Return at most `k` rows that share terms with a query, best BM25 first."""
        found = self.words.search(query, k, () if self.scope is None else self.scope.documents)
        # The lexical index may be a change ahead or behind; the vectors say which rows there are.
        live = self.vectors.contains([scored.row for scored in found])
        return [scored for scored, alive in zip(found, live, strict=True) if alive]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between a query vector and each of some rows of this snapshot."""
        return self.vectors.cosines(query, rows)

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the passages of rows that are still stored."""
        found = self.catalog.passages(rows)
        if self.scope is None:
            return found
        # The passage itself says of which document it is, whatever an index of rows says.
        chosen = frozenset(self.scope.documents)
        return {row: located for row, located in found.items() if located.passage.document_id in chosen}

    def unread(self) -> Unread:
        """Return how many pages of what is searched could not be read, and of how many documents."""
        return self.catalog.unread(() if self.scope is None else self.scope.documents)
