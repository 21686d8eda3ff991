"""Nearest passages by cosine: immutable FAISS snapshots, derived from the catalog and rebuilt at start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embedding import Vectors
from index.errors import InvalidVector

Rows = NDArray[np.int64]

# Additions go to a small segment that is cheap to copy; past this it is merged into the large one.
_MAX_DELTA = 4096


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage's row in the catalog with a score; what the score means depends on who gave it."""

    row: int
    score: float


class VectorIndex(Protocol):
    """An immutable set of vectors, each known by its row, searched exactly or nearly so by cosine.

    Vectors and queries need not be normalised; they are compared by direction alone. All methods may
    be called from any thread at any time, since nothing changes: `updated` returns another index and
    leaves this one as it is, still searchable. A row stands at most once in an index; to add a row
    that is there replaces its vector.
    """

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def contains(self, rows: Sequence[int]) -> list[bool]:
        """Tell for each row whether it is in the index."""
        ...

    def search(self, query: Vectors, k: int) -> list[Scored]:
        """Return the `k` rows nearest to a query of shape (dimension,), nearest first.

        Scores are cosines. Equal scores are in the order of rows. There are fewer than `k` results
        only where the index has fewer rows; `k` below 1 gives none. Raise `InvalidVector` for a
        query that is zero, not finite or of another shape.
        """
        ...

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between the query and each row, as `search` would score it.

        Raise `KeyError` for a row that is not in the index, `InvalidVector` as `search` does.
        """
        ...

    def updated(self, removed: Sequence[int], rows: Sequence[int], vectors: Vectors) -> Self:
        """Return an index without the rows `removed` and then with `rows`.

        `vectors` has shape (len(rows), dimension). Rows in `removed` that are not in the index are
        passed over. Raise `InvalidVector` as `search` does; then nothing is added.
        """
        ...


def normalized(vectors: Vectors, dimension: int) -> Vectors:
    """Return vectors of shape (n, dimension) scaled to length 1.

    Raise `InvalidVector` for another shape, and for vectors that are zero or not finite.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise InvalidVector(f"vectors have shape {vectors.shape}, not (n, {dimension})")
    # In double precision: the length of a large or tiny float32 vector may overflow or vanish.
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise InvalidVector("a vector is zero or not finite; the embedding model is at fault")
    return np.ascontiguousarray(vectors / lengths, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A FAISS index never touched again after it is built; `rows` ascend, `live` marks those not removed."""

    index: faiss.IndexFlatIP
    rows: Rows
    live: NDArray[np.bool_]

    @classmethod
    def build(cls, rows: Rows, vectors: Vectors) -> _Segment:
        order = np.argsort(rows, kind="stable")
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors[order])
        return cls(index, rows[order], np.ones(len(rows), dtype=np.bool_))

    def positions(self, rows: Rows) -> NDArray[np.int64]:
        """Return where live rows stand; rows that are not here, or not live, are left out."""
        positions = np.searchsorted(self.rows, rows)
        inside = positions < len(self.rows)
        positions, rows = positions[inside], rows[inside]
        found: NDArray[np.int64] = positions[(self.rows[positions] == rows) & self.live[positions]]
        return found

    def without(self, rows: Rows) -> _Segment:
        positions = self.positions(rows)
        if not len(positions):
            return self
        live = self.live.copy()
        live[positions] = False
        return _Segment(self.index, self.rows, live)

    def live_vectors(self) -> tuple[Rows, Vectors]:
        vectors = self.index.reconstruct_n(0, len(self.rows)) if len(self.rows) else None
        if vectors is None:
            vectors = np.empty((0, self.index.d), dtype=np.float32)
        return self.rows[self.live], vectors[self.live]

    def search(self, query: Vectors, k: int) -> list[Scored]:
        k = min(k, int(self.live.sum()))
        if k < 1:
            return []
        parameters = None
        if not self.live.all():
            bits = np.packbits(self.live, bitorder="little")
            # The stubs describe the C++ constructors; in Python these take an array and a keyword.
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, positions = self.index.search(query[np.newaxis], k, params=parameters)
        # FAISS fills up with −1, which as an index would be the last row.
        found = positions[0] >= 0
        rows = self.rows[positions[0][found]]
        return [Scored(int(row), float(score)) for row, score in zip(rows, scores[0][found], strict=True)]


class FlatVectorIndex:
    """Implements `VectorIndex` exactly: all vectors in memory, compared one by one.

    A large segment, a small one for additions, and marks for removals, so that an update copies
    little. FAISS must never see `add` beside `search` (it crashes), so a segment is built once.
    """

    def __init__(self, dimension: int, base: _Segment | None = None, delta: _Segment | None = None) -> None:
        self._dimension = dimension
        self._base = base or _empty(dimension)
        self._delta = delta or _empty(dimension)

    def __len__(self) -> int:
        return int(self._base.live.sum() + self._delta.live.sum())

    def contains(self, rows: Sequence[int]) -> list[bool]:
        """Tell for each row whether it is in the index."""
        wanted = np.asarray(rows, dtype=np.int64)
        present = np.zeros(len(wanted), dtype=np.bool_)
        for segment in (self._base, self._delta):
            present |= np.isin(wanted, segment.rows[segment.live])
        return [bool(flag) for flag in present]

    def search(self, query: Vectors, k: int) -> list[Scored]:
        """Return the `k` rows nearest to the query."""
        unit = normalized(np.atleast_2d(query), self._dimension)[0]
        found = self._base.search(unit, k) + self._delta.search(unit, k)
        return sorted(found, key=lambda scored: (-scored.score, scored.row))[: max(k, 0)]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between the query and each row."""
        unit = normalized(np.atleast_2d(query), self._dimension)[0]
        return [float(self._vector(row) @ unit) for row in rows]

    def _vector(self, row: int) -> Vectors:
        for segment in (self._base, self._delta):
            positions = segment.positions(np.array([row], dtype=np.int64))
            if len(positions):
                return np.asarray(segment.index.reconstruct(int(positions[0])), dtype=np.float32)
        raise KeyError(row)

    def updated(self, removed: Sequence[int], rows: Sequence[int], vectors: Vectors) -> FlatVectorIndex:
        """Return an index with the rows removed and added."""
        added = np.asarray(rows, dtype=np.int64)
        units = normalized(vectors, self._dimension)
        if len(added) != len(units):
            raise InvalidVector(f"{len(added)} rows came with {len(units)} vectors")
        gone = np.concatenate([np.asarray(removed, dtype=np.int64), added])
        base, delta = self._base.without(gone), self._delta.without(gone)
        if len(added):
            kept_rows, kept = delta.live_vectors()
            delta = _Segment.build(np.concatenate([kept_rows, added]), np.concatenate([kept, units]))
        if len(delta.rows) > _MAX_DELTA or 2 * base.live.sum() < len(base.rows):
            base, delta = self._merged(base, delta), _empty(self._dimension)
        return FlatVectorIndex(self._dimension, base, delta)

    @staticmethod
    def _merged(base: _Segment, delta: _Segment) -> _Segment:
        base_rows, base_vectors = base.live_vectors()
        delta_rows, delta_vectors = delta.live_vectors()
        return _Segment.build(
            np.concatenate([base_rows, delta_rows]), np.concatenate([base_vectors, delta_vectors])
        )


def _empty(dimension: int) -> _Segment:
    return _Segment.build(np.empty(0, dtype=np.int64), np.empty((0, dimension), dtype=np.float32))
