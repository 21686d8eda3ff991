"""Which segments pay to be merged, and into what: vectors in memory, or past a size what searches many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.embedding import Vectors
from index.large_build import built
from index.large_vectors import LargeVectors
from index.segment_vectors import Marks, Rows
from index.segments import Segment, ordered, united

# So many vectors are compared one by one at most. Nearly exact searches take 0.7 ms whether there are
# 100,000 × 384 or more, exact ones 0.7 ms for 10,000 and 7 ms for 100,000: up to some ten milliseconds an
# answer need not miss anything, and fewer need no file of vectors either. Eight bits a number without
# lists (4.6 ms for 100,000) pay at no size. Beside a segment that is large already, a share of as many is
# made large, too: one by one they would take as much memory as four times as many in it.
LARGE_ROWS = 150_000
_SHARE = 4
# A segment more than so many times as large as the smaller ones together is left out of their merge.
_RATIO = 2
# So many segments cost a search little; merging fewer would copy the same rows more often.
_FEW_SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge did: a segment (none where no row was live), and which rows of which it holds."""

    segment: Segment | None
    sources: dict[object, Marks]


def sources(sealed: Sequence[Segment], scratch: Path | None) -> list[Segment]:
    """Return the segments to merge into one.

    Those that have to go, and from the smallest on all up to the last one that is not much larger
    than the rest together: a row is copied again only when its segment has grown by a half.
    """
    due = _due(sealed, scratch)
    others = sorted((segment for segment in sealed if segment not in due), key=lambda segment: segment.count)
    together, last = sum(segment.count for segment in due), 0
    for place, segment in enumerate(others, start=1):
        if segment.count <= _RATIO * together:
            last = place
        together += segment.count
    return due + others[:last]


def pays(sealed: Sequence[Segment], scratch: Path | None) -> bool:
    """Tell whether many segments would become one, or some have to go."""
    return bool(_due(sealed, scratch)) or len(sources(sealed, scratch)) >= _FEW_SEGMENTS


def merge(sealed: Sequence[Segment], dimension: int, scratch: Path | None) -> Merge:
    """Merge what `sources` names into one, with a file in the folder `scratch` where it is large.

    Raise as `built` does.
    """
    found = sources(sealed, scratch)
    keys = {segment.key: segment.live for segment in found}
    if scratch is None or sum(segment.count for segment in found) < _limit(sealed):
        return Merge(united(found, dimension), keys)
    rows: list[Rows] = []

    def blocks() -> Iterator[Vectors]:
        for some, vectors in ordered(found, dimension):
            rows.append(some)
            yield vectors

    large = built(scratch, blocks(), dimension)
    return Merge(Segment.of(np.concatenate(rows), large), keys)


def is_large(segment: Segment) -> bool:
    """Tell whether a segment is searched nearly exactly."""
    return isinstance(segment.vectors, LargeVectors)


def _due(sealed: Sequence[Segment], scratch: Path | None) -> list[Segment]:
    """Return the segments that are mostly dead, and those compared one by one where they are too many."""
    dead = [segment for segment in sealed if segment.mostly_dead]
    compared = [segment for segment in sealed if not segment.mostly_dead and not is_large(segment)]
    rows = sum(segment.count for segment in (*dead, *compared))
    return dead + compared if scratch is not None and compared and rows >= _limit(sealed) else dead


def _limit(sealed: Sequence[Segment]) -> int:
    """Return how many rows together make a large segment."""
    beside = any(is_large(segment) and not segment.mostly_dead for segment in sealed)
    return max(LARGE_ROWS // _SHARE, 1) if beside else LARGE_ROWS
