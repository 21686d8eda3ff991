"""What is usual in a document: the size and weight of its text, and how far its lines are apart."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.loading.pdf.placed import PageContent
from index.loading.pdf.reading_order import Column

_USUAL_SPACING = 1.2
_SPACINGS = (0.8, 2.5)
_SAME_SIZE_POINTS = 0.5
_DEFAULT_SIZE = 10.0
# From so few pairs of lines nothing is told of a page by itself.
_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Measures:
    """`size` is in points, `spacing` of lines in sizes; `bold` says that most of the text is."""

    size: float
    spacing: float
    bold: bool
    by_page: Mapping[int, float]

    def spacing_on(self, page: int) -> float:
        """Return the spacing on a page, or in the document where that is wider."""
        return max(self.spacing, self.by_page.get(page, 0.0))


def measured(pages: Sequence[tuple[PageContent, list[Column]]]) -> Measures:
    """Return the measures of some pages, each given with its columns."""
    sizes: Counter[float] = Counter()
    bold = 0
    for page, _ in pages:
        for line in page.lines:
            sizes[round(line.size, 1)] += len(line.text)
            bold += len(line.text) if line.bold else 0
    size = max(sizes, key=lambda found: (sizes[found], found), default=_DEFAULT_SIZE) or _DEFAULT_SIZE
    spacings = {page.number: _spacings(columns, size) for page, columns in pages}
    every = [spacing for found in spacings.values() for spacing in found]
    return Measures(
        size,
        statistics.median(every) if every else _USUAL_SPACING,
        2 * bold > sum(sizes.values()),
        {page: statistics.median(found) for page, found in spacings.items() if len(found) >= _PAIRS},
    )


def _spacings(columns: list[Column], size: float) -> list[float]:
    """Return how far the lines of the text's size are apart on a page."""
    low, high = _SPACINGS
    found = [
        (lower.baseline - upper.baseline) / size
        for column in columns
        for (upper, *_), (lower, *_) in pairwise(column.rows)
        if max(abs(upper.size - size), abs(lower.size - size)) < _SAME_SIZE_POINTS
    ]
    return [spacing for spacing in found if low <= spacing <= high]
