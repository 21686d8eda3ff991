"""Where the words of a stretch of text stand on the pages of its document."""

from __future__ import annotations

from dataclasses import dataclass

from index.catalog import Catalog
from index.types import Span, Word

# Some twenty are as many words as are asked for at most, and of a quote there are two.
_PAGES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class WordBox:
    """A word and the number of the page that it stands on."""

    page: int
    word: Word


def boxes_at(catalog: Catalog, document_id: str, span: Span, most: int) -> list[WordBox]:
    """Return the first words, at most `most` of them, that overlap a span of a document, page by page.

    Empty where the document's format tells nothing of where words stand; raise `DocumentNotFound`.
    """
    numbers = [
        page.number for page in catalog.pages(document_id) if page.start < span.end and span.start < page.end
    ]
    found: list[WordBox] = []
    for first in range(0, len(numbers), _PAGES_AT_ONCE):
        for layout in catalog.layouts(document_id, numbers[first : first + _PAGES_AT_ONCE]):
            found += [
                WordBox(layout.number, word)
                for word in layout.words()
                if word.start < span.end and span.start < word.end
            ]
        if len(found) >= most:
            break
    return found[:most]
