"""Nearest passages by cosine: immutable segments searched with FAISS, derived from the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from index.embedding import Vectors
from index.errors import InvalidVector
from index.large_vectors import LargeVectors
from index.merging import Merge, is_large, merge, pays
from index.segment_vectors import Rows
from index.segments import Segment, ordered

# Additions go to a small segment that is cheap to copy; from this many rows on it is sealed.
_MAX_DELTA = 4096
# So many vectors in double precision fit into the processor's cache.
_CACHED = 256


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
    that is there replaces its vector. `updated` and `with_merged` copy no vectors of the index beyond
    a fixed number of them; what builds up by that, `merged` puts in order.
    """

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def contains(self, rows: Sequence[int] | Rows) -> list[bool]:
        """Tell for each row whether it is in the index."""
        ...

    def search(self, query: Vectors, k: int, among: Sequence[int] | Rows | None = None) -> list[Scored]:
        """Return the `k` rows nearest to a query of shape (dimension,), nearest first.

        Scores are cosines. Equal scores are in the order of rows, and of those equal at the end the
        lowest rows are returned. There are fewer than `k` results only where the index has fewer
        rows; `k` below 1 gives none. With `among`, the index is searched as if it had only those of
        its rows: in any order, those that are named twice once, those that it does not have passed
        over. Raise `InvalidVector` for a query that is zero, not finite or of another shape.
        """
        ...

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between the query and each row, as `search` would score it.

        Raise `KeyError` for a row that is not in the index, `InvalidVector` as `search` does.
        """
        ...

    def updated(self, removed: Sequence[int] | Rows, rows: Sequence[int] | Rows, vectors: Vectors) -> Self:
        """Return an index without the rows `removed` and then with `rows`.

        `vectors` has shape (len(rows), dimension). Rows in `removed` that are not in the index are
        passed over; arrays of int64 are taken as they are. Raise `ValueError` where `rows` names one
        twice, `InvalidVector` as `search` does; then nothing is added.
        """
        ...

    def scan(self) -> Iterator[tuple[Rows, Vectors]]:
        """Yield all rows in ascending order with their vectors, scaled to length 1, in blocks."""
        ...

    @property
    def worth_merging(self) -> bool:
        """Whether `merged` would make searches faster, or free memory, by enough to pay for it.

        False of what `merged` returned.
        """
        ...

    def merged(self) -> Self:
        """Return an index of the same rows and vectors that is searched faster or takes less memory.

        This takes long, and as much memory again as what is merged; it may run in another thread
        while `updated` goes on, and `with_merged` then brings the two together.
        """
        ...

    def with_merged(self, merged: Self) -> Self:
        """Return an index of the rows and vectors of this one, built of `merged` as far as they agree.

        `merged` was returned by `merged` of this index, or of one that this came from by `updated`:
        what was added, replaced or removed since then stays so. Raise `ValueError` where it was not
        and rows would be lost or come back, and always where it comes from another empty index.
        """
        ...


def normalized(vectors: Vectors, dimension: int) -> Vectors:
    """Return vectors of shape (n, dimension) scaled to length 1.

    Raise `InvalidVector` for another shape, and for vectors that are zero or not finite.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise InvalidVector(f"vectors have shape {vectors.shape}, not (n, {dimension})")
    units = np.empty(vectors.shape, dtype=np.float32)
    # Some at a time, in a quarter of the time that all at once take.
    for first in range(0, len(vectors), _CACHED):
        # In double precision: the length of a large or tiny float32 vector may overflow or vanish.
        exact = vectors[first : first + _CACHED].astype(np.float64)
        lengths = np.sqrt(np.vecdot(exact, exact))[:, np.newaxis]
        if not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise InvalidVector("a vector is zero or not finite; the embedding model is at fault")
        units[first : first + _CACHED] = exact / lengths
    return units


class FlatVectorIndex:
    """Implements `VectorIndex`: exactly while there are few vectors, large segments nearly so.

    Sealed segments, a small one for additions (none or one), and marks for removals, so that an update
    copies little. FAISS must never see `add` beside `search` (it crashes), so a segment is built once.
    A merge rewrites sealed segments, in which nothing but marks changes meanwhile; `scratch` is the
    folder where it may write the vectors of a large one, and without it none is made. What reads such
    vectors raises `StorageUnavailable` and `DamagedStore`, and `merged` also `OSError`.
    """

    def __init__(
        self,
        dimension: int,
        sealed: tuple[Segment, ...] = (),
        delta: tuple[Segment, ...] = (),
        family: object = None,
        merge: Merge | None = None,
        scratch: Path | None = None,
    ) -> None:
        self._dimension = dimension
        self._sealed = sealed
        self._delta = delta
        # The same in all that came from one index by `updated`.
        self._family = family or object()
        self._merge = merge
        self._scratch = scratch

    @property
    def large(self) -> list[tuple[Segment, LargeVectors]]:
        """The segments that are searched nearly exactly, with what searches them."""
        return [
            (segment, segment.vectors)
            for segment in self._segments
            if isinstance(segment.vectors, LargeVectors)
        ]

    @property
    def nbytes(self) -> int:
        """The bytes of memory that vectors, rows and marks take."""
        return sum(segment.nbytes for segment in self._segments)

    @property
    def _segments(self) -> tuple[Segment, ...]:
        return self._sealed + self._delta

    @property
    def rows(self) -> Rows:
        """All rows, ascending."""
        found = [segment.rows[segment.live] for segment in self._segments]
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *found]))

    def __len__(self) -> int:
        return sum(segment.count for segment in self._segments)

    def contains(self, rows: Sequence[int] | Rows) -> list[bool]:
        """Tell for each row whether it is in the index."""
        wanted = _as_rows(rows)
        present = np.zeros(len(wanted), dtype=np.bool_)
        for segment in self._segments:
            present |= segment.positions(wanted) >= 0
        found: list[bool] = present.tolist()
        return found

    def search(self, query: Vectors, k: int, among: Sequence[int] | Rows | None = None) -> list[Scored]:
        """Return the `k` rows nearest to the query, of all rows or of some."""
        unit = normalized(np.atleast_2d(query), self._dimension)[0]
        wanted = None if among is None else np.unique(_as_rows(among))
        found = [entry for segment in self._segments for entry in segment.search(unit, k, wanted)]
        found.sort(key=lambda entry: (-entry[1], entry[0]))
        return [Scored(row, score) for row, score in found[: max(k, 0)]]

    def cosines(self, query: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the cosine between the query and each row."""
        unit = normalized(np.atleast_2d(query), self._dimension)[0]
        wanted = _as_rows(rows)
        cosines = np.full(len(wanted), np.nan, dtype=np.float32)
        for segment in self._segments:
            positions = segment.positions(wanted)
            here = positions >= 0
            if here.any():
                cosines[here] = segment.scores(unit, positions[here])
        if np.isnan(cosines).any():
            raise KeyError(int(wanted[np.isnan(cosines)][0]))
        return [float(cosine) for cosine in cosines]

    def updated(
        self, removed: Sequence[int] | Rows, rows: Sequence[int] | Rows, vectors: Vectors
    ) -> FlatVectorIndex:
        """Return an index with the rows removed and added."""
        added = _as_rows(rows)
        units = normalized(vectors, self._dimension)
        if len(added) != len(units):
            raise InvalidVector(f"{len(added)} rows came with {len(units)} vectors")
        if len(np.unique(added)) < len(added):
            raise ValueError("a row is added twice")
        gone = np.sort(np.concatenate([_as_rows(removed), added]))
        sealed = [segment.without(gone) for segment in self._sealed]
        delta = [segment.without(gone) for segment in self._delta]
        if len(added) >= _MAX_DELTA:
            sealed.append(Segment.build(added, units))
        elif len(added):
            kept = [segment.living() for segment in delta]
            delta = [
                Segment.build(
                    np.concatenate([*(rows for rows, _ in kept), added]),
                    np.concatenate([*(vectors for _, vectors in kept), units]),
                )
            ]
            if delta[0].count >= _MAX_DELTA:
                sealed, delta = sealed + delta, []
        return self._with(tuple(sealed), tuple(delta))

    def scan(self) -> Iterator[tuple[Rows, Vectors]]:
        """Yield all rows in ascending order with their vectors."""
        return ordered(self._segments, self._dimension)

    def scan_exact(self) -> Iterator[tuple[Rows, Vectors]]:
        """Yield as `scan` does what is not in large segments."""
        return ordered([segment for segment in self._segments if not is_large(segment)], self._dimension)

    @property
    def worth_merging(self) -> bool:
        """Whether many segments would become one, or one has to go."""
        return pays(self._sealed, self._scratch)

    def merged(self) -> FlatVectorIndex:
        """Return an index in which sealed segments of like size are one, without what is dead in them."""
        made = merge(self._sealed, self._dimension, self._scratch)
        return self._with(self._replaced(made), self._delta, made)

    def with_merged(self, merged: FlatVectorIndex) -> FlatVectorIndex:
        """Return this index with the merged segment in place of those it was made from."""
        made = merged._merge
        if made is None or merged._family is not self._family:
            raise ValueError("the index was not merged from this one, nor from one that this came from")
        return self._with(self._replaced(made), self._delta)

    def _replaced(self, made: Merge) -> tuple[Segment, ...]:
        """Return the sealed segments with the merged one for its sources; what died since is dead in it."""
        now = {segment.key: segment for segment in self._sealed}
        fresh = made.segment
        for key, live in made.sources.items():
            # Rows of a segment die and never come back: one alive here and dead there is of another line.
            if key not in now or (now[key].live & ~live).any():
                raise ValueError("the index was merged from one with changes that this one does not have")
            if fresh is not None:
                fresh = fresh.without(now[key].rows[live & ~now[key].live])
        others = [segment for segment in self._sealed if segment.key not in made.sources]
        return tuple(others if fresh is None else [*others, fresh])

    def _with(
        self, sealed: tuple[Segment, ...], delta: tuple[Segment, ...], merge: Merge | None = None
    ) -> FlatVectorIndex:
        return FlatVectorIndex(self._dimension, sealed, delta, self._family, merge, self._scratch)


def _as_rows(rows: Sequence[int] | Rows) -> Rows:
    if isinstance(rows, np.ndarray):
        return rows
    return np.fromiter(rows, dtype=np.int64, count=len(rows))
