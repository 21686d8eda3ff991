"""The quote invariant: what is quoted stands, letter for letter, where the citation says it stands.

Every quote that leaves the process passes `Verifier`. It compares with the stored text and mends
nothing: a quote that is off by one character is dropped, logged and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from index.catalog import Catalog
from index.errors import DamagedStore, DocumentNotFound
from index.types import Hit, Page, Span
from rag.types import Citation, Dropped

_log = structlog.get_logger(__name__)


class Version(Protocol):
    """What tells one version of a document from another."""

    @property
    def sha256(self) -> str:
        """That of the UTF-8 bytes of the whole text, in hexadecimal."""
        ...


class StoredText(Protocol):
    """Where the text of a document is looked up; a `Catalog` is one."""

    def document(self, document_id: str) -> Version:
        """Return what version of a document is stored; raise `DocumentNotFound`."""
        ...

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document; raise `DocumentNotFound` or `DamagedStore`."""
        ...


def fault(
    document_id: str, start: int, end: int, text: str, store: StoredText, sha256: str | None = None
) -> str | None:
    """Say why `text` is not `text[start:end]` of the document named, or None where it is.

    This is the one check behind every quote. It looks at nothing but the stored text. With `sha256`
    the document must also be that version.
    """
    if not 0 <= start < end:
        return "offsets are no span"
    if end - start != len(text):
        return "text and span differ in length"
    try:
        stored = store.text(document_id, start, end)
        if sha256 is not None and store.document(document_id).sha256 != sha256:
            return "the document is another version"
    except DocumentNotFound:
        return "no such document"
    except DamagedStore:
        return "stored text is damaged"
    return None if stored == text else "text differs from what is stored there"


def citation_fault(citation: Citation, store: StoredText) -> str | None:
    """Say why a citation must not be shown, or None where quote and answer span are verbatim."""
    quote, span = citation.quote, citation.answer_span
    reason = fault(quote.document_id, quote.start, quote.end, quote.text, store, quote.sha256)
    if reason is None and span is not None:
        if not quote.start <= span.start < span.end <= quote.end:
            return "the answer span is not within the quote"
        # The quote is what is stored there, so the words within it need no second look at the store.
        if quote.text[span.start - quote.start : span.end - quote.start] != span.text:
            return "the answer differs from the words of the quote"
    return reason


class StoredExcerpts:
    """The `StoredText` of a catalog at one moment, at the places that are going to be looked up.

    They are read from the catalog in one transaction when this is made. What was not found in it, and
    any other place, is looked up in the catalog by itself, which returns or raises as it always does.
    """

    def __init__(self, catalog: Catalog, places: Iterable[tuple[str, Span]]) -> None:
        self._catalog = catalog
        try:
            self._found = catalog.excerpts(places)
        except DamagedStore:
            # Of the file as a whole; each place is then told of by itself.
            self._found = {}
        self._versions = {document_id: excerpt for (document_id, _), excerpt in self._found.items()}

    def document(self, document_id: str) -> Version:
        """Return what version of a document is stored; raise `DocumentNotFound` or `DamagedStore`."""
        return self._versions.get(document_id) or self._catalog.document(document_id)

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """Return a document's pages in order; raise `DocumentNotFound` or `DamagedStore`."""
        known = self._versions.get(document_id)
        return known.pages if known is not None else self._catalog.pages(document_id)

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document; raise `DocumentNotFound` or `DamagedStore`."""
        found = self._found.get((document_id, Span(start, end))) if end is not None else None
        return found.text if found is not None else self._catalog.text(document_id, start, end)


def still_stored(dropped: Sequence[Dropped], store: StoredText) -> list[Dropped]:
    """Return those passages left out whose document is stored: of one that was deleted nothing is told."""
    return [left for left in dropped if _is_stored(left.document_id, store)]


def _is_stored(document_id: str, store: StoredText) -> bool:
    try:
        store.document(document_id)
    except (DocumentNotFound, DamagedStore):
        return False
    return True


class Verifier:
    """Lets through what is verbatim; logs and counts what it dropped."""

    def __init__(self) -> None:
        self.checked = 0
        self.dropped = 0

    def citations(self, claimed: Sequence[Citation], store: StoredText) -> list[Citation]:
        """Return the citations whose quote is verbatim and whose answer span is verbatim within it."""
        return [
            citation
            for citation in claimed
            if self._accepts(
                citation_fault(citation, store), citation.quote.document_id, citation.quote.start
            )
        ]

    def hits(self, claimed: Sequence[Hit], store: StoredText) -> list[Hit]:
        """Return the hits whose passage is verbatim."""
        kept = []
        for hit in claimed:
            passage = hit.passage
            reason = fault(passage.document_id, passage.start, passage.end, passage.text, store)
            if self._accepts(reason, passage.document_id, passage.start):
                kept.append(hit)
        return kept

    def reject(self, reason: str, document_id: str, start: int) -> None:
        """Log and count a quote that must not be shown."""
        self.checked += 1
        self.dropped += 1
        _log.error("quote dropped", reason=reason, document=document_id, start=start)

    def _accepts(self, reason: str | None, document_id: str, start: int) -> bool:
        if reason is None:
            self.checked += 1
            return True
        self.reject(reason, document_id, start)
        return False
