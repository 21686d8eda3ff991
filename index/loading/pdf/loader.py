"""PDF: characters and their places from pdfium, words and lines from these; scanned pages by OCR."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.errors import NothingRead, ParseLimit, UnreadableText
from index.loading.composing import Composer
from index.loading.loader import Attachment, OcrMode, Parsed, Parsing, Signs
from index.loading.pdf.ocr import RESOLUTION, Ocr, Picture, Reading
from index.loading.pdf.paragraphs import PageComposer
from index.loading.pdf.placed import PageContent
from index.loading.pdf.words import PageText, page_text
from index.loading.protection import password_protected
from index.types import PageReading

if TYPE_CHECKING:
    import pypdfium2

SIGNATURE = b"%PDF-"
_SIGNATURE_WITHIN = 1024
_END = b"startxref"
_END_WITHIN = 2048
_MAX_PAGES = 10_000
# Above this share of words that the font has no meaning for, a page's text is none.
_MAX_UNMAPPED = 0.3
# With fewer characters a page whose pictures cover more than this of it is taken for a scan.
_SCAN_CHARACTERS = 25
_SCAN_SHARE = 0.4
_LOOKED_AT = 500
_MAX_PIXELS = 30_000_000
_POINTS_PER_INCH = 72
_MAX_SIDE_POINTS = 14_400
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
_NO_TITLES = frozenset({"untitled", "(anonymous)", "anonymous", "unspecified", "none", "unknown"})
_FILE_NAME = re.compile(
    r"(?:Microsoft Word - )?\S+\.(?:docx?|odt|tex|dvi|indd|pdf|rtf|pptx?|xlsx?)", re.IGNORECASE
)


class PdfLoader:
    """Reads PDF with pdfium. Pages that hold no text go to OCR where that is there, else they are unread."""

    media_type = "application/pdf"
    harmless = False
    libraries: tuple[str, ...] = ("pypdfium2",)

    def accepts(self, signs: Signs) -> bool:
        """Accept by content; some writers put something before the signature.

        A text, or an archive, may hold one too: then there is no table of objects at the end.
        """
        if signs.data.startswith(SIGNATURE):
            return True
        within = SIGNATURE in signs.data[:_SIGNATURE_WITHIN] and not signs.members
        return within and _END in signs.data[-_END_WITHIN:]

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the text by pages, with the place of each word.

        Raise `EncryptedDocument`, `UnreadableText`, `ParseLimit`, or `NothingRead` where no page gave
        any text, with the reason.
        """
        if SIGNATURE not in data[:_SIGNATURE_WITHIN]:
            raise UnreadableText(f"{name} is not a PDF")
        composer = Composer(name, parsing)
        with closing(opened(data, name)) as pdf, Ocr.of(parsing) as ocr:
            if len(pdf) > _MAX_PAGES:
                raise ParseLimit(
                    f"{name} has {len(pdf)} pages, more than the {_MAX_PAGES} that are read; split it"
                )
            pages = list(_read(pdf, ocr, name, parsing))
            metadata = {key: _told(pdf, key) for key in ("Title", "Author", "CreationDate")}
            composer.attachments.extend(_attachments(pdf, name, parsing))
        made = PageComposer(composer, pages, lambda: parsing.page_done(len(pages), len(pages)))
        made.compose()
        if composer.is_empty and not composer.attachments:
            raise _nothing_read(name, pages)
        told = {
            "author": metadata["Author"],
            "date": _date(metadata["CreationDate"]),
            "left_out": " | ".join(made.repeated),
        }
        return composer.parsed(_title(metadata["Title"]), told)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A page that is being read by OCR."""

    page: PageContent
    read: Reading

    def settled(self, waits: Callable[[], None]) -> PageContent:
        found = self.read.lines(waits)
        if isinstance(found, str):
            return replace(self.page, reading=PageReading.UNREAD, reason=found)
        return replace(self.page, lines=found, reading=PageReading.OCR if found else PageReading.BLANK)


def opened(data: bytes, name: str) -> pypdfium2.PdfDocument:
    """Return an open PDF with its form; raise `EncryptedDocument` or `UnreadableText`."""
    # A question asked from a shell needs no PDF library.
    import pypdfium2  # noqa: PLC0415
    from pypdfium2 import raw  # noqa: PLC0415

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise password_protected(name) from error
        raise UnreadableText(f"{name} is damaged: it cannot be read as PDF") from error
    if pdf.get_formtype():
        pdf.init_forms()
    return pdf


def has_page_size(width: float, height: float) -> bool:
    """Tell whether a size in points is one that pages have."""
    return 0 < width <= _MAX_SIDE_POINTS and 0 < height <= _MAX_SIDE_POINTS


def _read(pdf: pypdfium2.PdfDocument, ocr: Ocr, name: str, parsing: Parsing) -> Iterator[PageContent]:
    """Yield the pages in order, telling of each that is done, and that one is waited for."""
    count = len(pdf)
    done = characters = 0

    def waits() -> None:
        parsing.page_done(done, count)

    for begun in _begun_pages(pdf, ocr):
        page = begun.settled(waits) if isinstance(begun, _Pending) else begun
        characters += sum(len(line.text) for line in page.lines)
        if characters > parsing.characters:
            raise ParseLimit(f"{name} holds more than {parsing.characters} characters; split it")
        yield page
        done = page.number
        waits()


def _begun_pages(pdf: pypdfium2.PdfDocument, ocr: Ocr) -> Iterator[PageContent | _Pending]:
    """Yield the pages in order; those for OCR are read beside each other, a few at a time."""
    waiting: deque[PageContent | _Pending] = deque()
    for index in range(len(pdf)):
        waiting.append(_page(pdf, index, ocr))
        while waiting and (isinstance(waiting[0], PageContent) or len(waiting) > ocr.ahead):
            yield waiting.popleft()
    yield from waiting


def _page(pdf: pypdfium2.PdfDocument, index: int, ocr: Ocr) -> PageContent | _Pending:
    import pypdfium2  # noqa: PLC0415

    unread = PageContent(index + 1, 0, 0, (), PageReading.UNREAD)
    try:
        with closing(pdf[index]) as page:
            width, height = page.get_size()
            if not has_page_size(width, height):
                return replace(unread, reason="a size that is not that of a page")
            return _content(page, index + 1, page_text(page, pdf.formenv), ocr)
    except pypdfium2.PdfiumError:
        return replace(unread, reason="damage to it")


def _content(page: pypdfium2.PdfPage, number: int, text: PageText, ocr: Ocr) -> PageContent | _Pending:
    content = PageContent(number, text.width, text.height, text.lines, aside=text.aside, turned=text.turned)
    mapped = text.unmapped <= _MAX_UNMAPPED
    if ocr.mode is not OcrMode.FORCE and mapped and not _is_picture(page, text.characters):
        return content if text.characters else replace(content, reading=PageReading.BLANK)
    width, height = page.get_size()
    bare = PageContent(number, width, height, ())
    if ocr.lacking is None:
        return _Pending(bare, ocr.begin(_picture(page)))
    if mapped and text.characters:
        return content  # the little that there is, as a page number on a photograph
    reason = ocr.lacking if mapped else f"a font that does not tell what its characters are: {ocr.lacking}"
    return replace(bare, reading=PageReading.UNREAD, reason=reason)


def _is_picture(page: pypdfium2.PdfPage, characters: int) -> bool:
    """Tell whether a page shows what may be text: pictures over much of it, or drawings without any text."""
    from pypdfium2 import raw  # noqa: PLC0415

    if characters >= _SCAN_CHARACTERS:
        return False
    width, height = page.get_size()
    covered, drawn = 0.0, False
    for at in range(min(raw.FPDFPage_CountObjects(page), _LOOKED_AT)):
        found = raw.FPDFPage_GetObject(page, at)
        kind = raw.FPDFPageObj_GetType(found)
        drawn = drawn or kind in (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING, raw.FPDF_PAGEOBJ_FORM)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            covered += _area(found)
    return covered >= _SCAN_SHARE * width * height or (not characters and (covered > 0 or drawn))


def _area(image: object) -> float:
    import ctypes  # noqa: PLC0415

    from pypdfium2 import raw  # noqa: PLC0415

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(image, left, bottom, right, top)
    return abs(right.value - left.value) * abs(top.value - bottom.value)


def _picture(page: pypdfium2.PdfPage) -> Picture:
    width, height = page.get_size()
    scale = RESOLUTION / _POINTS_PER_INCH
    scale = min(scale, (_MAX_PIXELS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    rows = bitmap.to_numpy()
    pixels = rows.reshape(rows.shape[0], -1).tobytes()
    return Picture(pixels, bitmap.width, bitmap.height, scale * _POINTS_PER_INCH)


def _attachments(pdf: pypdfium2.PdfDocument, name: str, parsing: Parsing) -> Iterator[Attachment]:
    """Yield the files within a PDF."""
    count = pdf.count_attachments()
    if count > parsing.members:
        raise ParseLimit(f"{name} has {count} files attached, more than the {parsing.members} that are read")
    size = 0
    for index in range(count):
        file = _attachment(pdf, index)
        size += len(file.data)
        if size > parsing.unpacked_bytes:
            raise ParseLimit(f"the files attached to {name} are larger than the limit; split it")
        yield file


def _attachment(pdf: pypdfium2.PdfDocument, index: int) -> Attachment:
    """Return an attached file; one that is damaged comes empty, and is refused as that by itself."""
    import pypdfium2  # noqa: PLC0415

    name, data = "", b""
    with suppress(pypdfium2.PdfiumError, ValueError):
        attachment = pdf.get_attachment(index)
        name = attachment.get_name()
        data = bytes(attachment.get_data())
    return Attachment(name or f"attachment-{index + 1}", data)


def _told(pdf: pypdfium2.PdfDocument, key: str) -> str:
    """Return what a PDF says of itself; what cannot be decoded is no reason to refuse it."""
    with suppress(ValueError):
        return str(pdf.get_metadata_value(key))
    return ""


def _nothing_read(name: str, pages: list[PageContent]) -> NothingRead:
    unread = [page for page in pages if page.reading is PageReading.UNREAD]
    if not unread:
        what = "its page shows" if len(pages) == 1 else f"its {len(pages)} pages show"
        return NothingRead(f"{name} holds no text: {what} none")
    told = "; ".join(dict.fromkeys(page.reason for page in unread if page.reason))
    if len(pages) == 1:
        return NothingRead(f"{name} could not be read: its page has {told}")
    return NothingRead(f"{name} could not be read: of {len(pages)} pages, {len(unread)} have {told}")


def _title(title: str) -> str | None:
    """Return a title that says something: many writers put a file's name, or nothing meant, into it."""
    told = " ".join(title.split())
    if told.casefold() in _NO_TITLES or _FILE_NAME.fullmatch(told):
        return None
    return told or None


def _date(told: str) -> str:
    """Return a PDF's date, `D:20240131…`, as ISO 8601; as much of it as is given."""
    found = _DATE.match(told)
    return "-".join(part for part in found.groups() if part) if found else ""
