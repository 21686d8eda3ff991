"""What of a collection's documents was read: no fault where something was not, and yet to be known."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from index.coverage import Coverage
from index.doctor.rows import whole_rows
from index.errors import StorageError
from index.sql import database, records
from index.sql.schema import documents
from index.store import CATALOG_FILE
from index.types import Page


@dataclass(frozen=True, slots=True)
class PartlyRead:
    """A document with pages that could not be read."""

    document_id: str
    source: str
    unread: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class CollectionCoverage:
    """How the pages of a collection came to their text, and the documents of which some did not."""

    collection: str
    text: int
    ocr: int
    blank: int
    documents: tuple[PartlyRead, ...]

    @property
    def unread(self) -> int:
        """How many pages could not be read."""
        return sum(len(document.unread) for document in self.documents)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return self.text + self.ocr + self.blank + self.unread


def coverage_of(folder: Path) -> CollectionCoverage | None:
    """Return what of a collection was read; None where none of it has pages, or the catalog is unreadable.

    A document whose row is damaged is left out: it is found by the examination.
    """
    text, ocr, blank, partly = 0, 0, 0, []
    try:
        with database.reading(folder / CATALOG_FILE) as connection:
            for row in whole_rows(connection, documents):
                read = Coverage.of(records.pages(row))
                text, ocr, blank = text + read.text, ocr + read.ocr, blank + read.blank
                if read.unread:
                    partly.append(PartlyRead(row["id"], row["source"], read.unread))
    except (StorageError, sqlite3.Error, ValueError, KeyError, TypeError):
        return None
    found = CollectionCoverage(
        folder.name, text, ocr, blank, tuple(sorted(partly, key=lambda one: (one.source, one.document_id)))
    )
    return found if found.pages else None
