"""The one table of file formats, and which of them some bytes are in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from index.errors import EmptyDocument, EncryptedDocument, UnsupportedFormat
from index.loading import zips
from index.loading.archive import ArchiveLoader
from index.loading.loader import Drawer, Loader, Signs
from index.loading.mail.loader import MailLoader
from index.loading.office.docx import DocxLoader
from index.loading.office.pptx import PptxLoader
from index.loading.open_document.loaders import OpenDocumentPresentationLoader, OpenDocumentTextLoader
from index.loading.pdf.loader import PdfLoader
from index.loading.pdf.picture import PdfDrawer
from index.loading.protection import OLE_SIGNATURE, password_protected
from index.loading.rich_text.loader import RichTextLoader
from index.loading.tables.separated import SeparatedValuesLoader
from index.loading.tables.spreadsheets import SpreadsheetFormat, SpreadsheetLoader
from index.loading.text.markdown import MarkdownLoader
from index.loading.text.plain import PlainTextLoader
from index.loading.web.epub import EpubLoader
from index.loading.web.page import WebPageLoader
from index.sources import label, too_large

# Asked in this order: what content tells comes first, documents that are ZIP files before any ZIP file.
# Plain text accepts everything, so it is last.
LOADERS: tuple[Loader, ...] = (
    PdfLoader(),
    DocxLoader(),
    PptxLoader(),
    *map(SpreadsheetLoader, SpreadsheetFormat),
    OpenDocumentTextLoader(),
    OpenDocumentPresentationLoader(),
    EpubLoader(),
    ArchiveLoader(),
    RichTextLoader(),
    WebPageLoader(),
    SeparatedValuesLoader("text/csv"),
    SeparatedValuesLoader("text/tab-separated-values"),
    MarkdownLoader(),
    MailLoader(),
    PlainTextLoader(),
)

# Of which formats the pages can be shown as they look.
DRAWERS: tuple[Drawer, ...] = (PdfDrawer(),)

_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_READ = "give it as PDF, an Office document, a web page, Markdown or text"

# Formats that no loader reads, by their first bytes: named, so that the message helps.
_UNREAD = (
    (b"PK\x05\x06", "an empty ZIP file"),
    (b"PK\x03\x04", "a damaged ZIP or Office file"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
)


def chosen_loader(data: bytes, source: str, *, max_bytes: int, loaders: Sequence[Loader] = LOADERS) -> Loader:
    """Return the loader for some bytes, without parsing them: by content first, and by suffix second.

    Raise `TooLarge`, `UnsupportedFormat`, or `EmptyDocument` where there is nothing but white space.
    """
    path = PurePosixPath(label(source))
    if len(data) > max_bytes:
        raise too_large(str(path), len(data), max_bytes)
    if not data or data.isspace():
        raise EmptyDocument(f"{path.name} holds no text")
    return _choose(Signs(data, path.suffix.lower(), *zips.contents(data)), path.name, loaders)


def drawer_of(media_type: str) -> Drawer | None:
    """Return what draws the pages of a format, None where nothing does."""
    return next((drawer for drawer in DRAWERS if drawer.media_type == media_type), None)


def _choose(signs: Signs, name: str, loaders: Sequence[Loader]) -> Loader:
    # The last one accepts everything; what is known not to be text comes before it.
    for loader in loaders[:-1]:
        if loader.accepts(signs):
            return loader
    if signs.data.startswith(OLE_SIGNATURE):
        raise _old_office_file(signs.data, name)
    for signature, kind in _UNREAD:
        if signs.data.startswith(signature):
            raise UnsupportedFormat(f"{name} is {kind}, which is not read; {_READ}")
    if loaders and loaders[-1].accepts(signs):
        return loaders[-1]
    raise UnsupportedFormat(f"{name} is in a format that is not read; {_READ}")


def _old_office_file(data: bytes, name: str) -> EncryptedDocument | UnsupportedFormat:
    if _ENCRYPTED_PACKAGE in data:
        return password_protected(name)
    return UnsupportedFormat(f"{name} is an old Office file; save it as DOCX, PPTX, XLSX or PDF")
