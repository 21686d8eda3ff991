"""The shapes of what is told of a document's pages in responses; as stable as those of `wire`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Self

from pydantic import BaseModel

from index.boxes import WordBox
from index.coverage import Coverage, reason_of
from index.types import DocumentInfo, Page, PageLayout, PageReading
from rag.service.wire import DocumentOut

# Of what is kept of a file's own metadata, what is told.
_TOLD = ("author", "date")


class UnreadPageOut(BaseModel):
    """A page that could not be read, and why."""

    page: int
    reason: str


class CoverageOut(BaseModel):
    """How many pages there are, how many were read in which way or are blank, and which were not read."""

    pages: int
    text: int
    ocr: int
    blank: int
    unread: list[UnreadPageOut]

    @classmethod
    def of(cls, coverage: Coverage) -> Self:
        """Return the wire shape."""
        unread = [UnreadPageOut(page=page.number, reason=reason_of(page)) for page in coverage.unread]
        return cls(
            pages=coverage.pages, text=coverage.text, ocr=coverage.ocr, blank=coverage.blank, unread=unread
        )


class DocumentDetailOut(DocumentOut):
    """A stored document with what was read of it; `coverage` is null for formats without pages.

    `metadata` has `author` and `date` where the file tells them, the date as ISO 8601 as exact as it is.
    """

    coverage: CoverageOut | None
    language: str
    metadata: dict[str, str]

    @classmethod
    def of_document(cls, info: DocumentInfo, language: str, metadata: Mapping[str, str]) -> Self:
        """Return the wire shape."""
        return cls(
            **DocumentOut.of(info).model_dump(),
            coverage=CoverageOut.of(info.coverage) if info.pages else None,
            language=language,
            metadata={name: metadata[name] for name in _TOLD if metadata.get(name)},
        )


class PageOut(BaseModel):
    """A page, slide or sheet: its span of the text, how it was read, and its size in points where known."""

    number: int
    kind: Literal["page", "slide", "sheet"]
    label: str | None
    start: int
    end: int
    reading: Literal["text", "ocr", "blank", "unread"]
    reason: str | None
    width: float | None
    height: float | None


class PagesOut(BaseModel):
    """The pages of a document in order; none for formats without pages."""

    document_id: str
    pages: list[PageOut]

    @classmethod
    def of(cls, document_id: str, pages: Iterable[Page], layouts: Sequence[PageLayout]) -> Self:
        """Return the wire shape."""
        sizes = {layout.number: (layout.width, layout.height) for layout in layouts}
        return cls(document_id=document_id, pages=[_page(page, sizes.get(page.number)) for page in pages])


def _page(page: Page, size: tuple[float, float] | None) -> PageOut:
    width, height = size or (None, None)
    return PageOut(
        number=page.number,
        kind=page.kind.value,
        label=page.label,
        start=page.start,
        end=page.end,
        reading=page.reading.value,
        reason=reason_of(page) if page.reading is PageReading.UNREAD else page.reason,
        width=width,
        height=height,
    )


class WordOut(BaseModel):
    """A word's span of the text, and its box on a page in points from the page's top left corner."""

    page: int
    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


class WordsOut(BaseModel):
    """Words in order, the first 10,000 of them: who gets as many asks on from where the last one ends."""

    document_id: str
    words: list[WordOut]

    @classmethod
    def of(cls, document_id: str, boxes: Iterable[WordBox]) -> Self:
        """Return the wire shape."""
        words = [
            WordOut(
                page=box.page,
                start=box.word.start,
                end=box.word.end,
                left=box.word.left,
                top=box.word.top,
                right=box.word.right,
                bottom=box.word.bottom,
            )
            for box in boxes
        ]
        return cls(document_id=document_id, words=words)
