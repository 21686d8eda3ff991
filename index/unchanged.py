"""Whether a file has to be read again, or what is stored is all that can be had of it."""

from __future__ import annotations

from index.loading import OcrMode, Parsing
from index.loading.pdf.loader import PdfLoader
from index.loading.pdf.ocr import could_read
from index.types import DocumentInfo


def is_current(stored: DocumentInfo, content: str, parsing: Parsing) -> bool:
    """Tell whether a stored document is that of some bytes, by their digest, and reading finds no more."""
    # One without passages lost them to damage.
    return stored.content_sha256 == content and stored.passages > 0 and not _reads_more(stored, parsing)


def _reads_more(stored: DocumentInfo, parsing: Parsing) -> bool:
    """Tell whether pages of a document are to be read by OCR that were not before."""
    mode, languages = parsing.ocr, parsing.languages
    if mode is OcrMode.FORCE and stored.coverage.text and stored.media_type == PdfLoader.media_type:
        return True
    return any(could_read(page.reason, mode, languages) for page in stored.coverage.unread)
