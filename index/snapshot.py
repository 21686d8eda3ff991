"""A collection at one moment: what a request searches and quotes, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.catalog import Catalog
from index.embedding import EmbeddingSpace, Vectors
from index.lexical import LexicalSnapshot
from index.types import Located
from index.vectors import FlatVectorIndex, Scored


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection as it was after one change: what a request searches, from start to end.

    `generation` is the number of that change, `space` the embedding space that queries have to be of.
    Passages and text are read from the catalog by row and document; rows are never given twice, so
    that what was deleted since is missing, not other.
    """

    generation: int
    space: EmbeddingSpace
    catalog: Catalog
    vectors: FlatVectorIndex
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
