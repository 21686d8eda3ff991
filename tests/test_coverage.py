"""What is told of pages that were read and of those that were not."""

from index.coverage import UNKNOWN_REASON, Coverage, Unread, told
from index.types import Page, PageKind, PageReading
from rag.unread import unread_line

NO_TEXT = "no text is on it, and tesseract is not installed"


def unread(number: int, reason: str | None = NO_TEXT, kind: PageKind = PageKind.PAGE) -> Page:
    return Page(number, 0, 0, kind, PageReading.UNREAD, reason)


def test_pages_are_counted_by_how_they_were_read_and_the_unread_ones_named() -> None:
    scan, blank = Page(2, 5, 9, reading=PageReading.OCR), Page(4, 9, 9, reading=PageReading.BLANK)
    pages = [Page(1, 0, 5), scan, unread(3), blank, Page(5, 9, 12), unread(6)]
    coverage = Coverage.of(pages)
    assert coverage == Coverage(text=2, ocr=1, blank=1, unread=(unread(3), unread(6)))
    assert coverage.pages == 6


def test_a_document_without_pages_has_none_to_cover() -> None:
    assert Coverage.of([]) == Coverage()
    assert Coverage().pages == 0


def test_unread_pages_of_one_reason_are_told_together_and_in_ranges() -> None:
    pages = [unread(number) for number in (3, 7, 8, 9, 11, 12)]
    assert told(pages) == [f"pages 3, 7–9, 11–12: {NO_TEXT}"]


def test_one_page_is_told_as_one_and_each_reason_in_a_line() -> None:
    pages = [unread(1, "it is damaged"), unread(2), unread(3), unread(4, "it is damaged"), unread(9, None)]
    assert told(pages) == ["pages 1, 4: it is damaged", f"pages 2–3: {NO_TEXT}", f"page 9: {UNKNOWN_REASON}"]


def test_slides_and_sheets_are_told_as_such() -> None:
    assert told([unread(2, "x", PageKind.SLIDE), unread(3, "x", PageKind.SLIDE)]) == ["slides 2–3: x"]
    assert told([unread(1, "x", PageKind.SHEET)]) == ["sheet 1: x"]


def test_what_is_missing_from_an_answer_is_said_in_one_sentence() -> None:
    assert unread_line(Unread(2, 4)) == (
        "4 pages of 2 documents could not be read, so they are not part of this answer."
    )
    assert unread_line(Unread(1, 1)) == (
        "1 page of 1 document could not be read, so it is not part of this answer."
    )
    assert unread_line(Unread(1200, 34567)).startswith("34,567 pages of 1,200 documents ")
