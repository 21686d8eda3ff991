"""The seam for the only truth about a collection: its documents, passages, vectors and their changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from index.embedding import EmbeddingSpace, Vectors
from index.types import Document, DocumentInfo, Located, Page, Passage


@dataclass(frozen=True, slots=True)
class Change:
    """What a committed change did: its number, and the rows that went and came."""

    sequence: int
    document_ids_removed: tuple[str, ...]
    rows_removed: tuple[int, ...]
    rows_added: tuple[int, ...]


class Catalog(Protocol):
    """Holds one collection. Every method is one transaction, and returns when that is durable.

    One thread writes at a time; any number read. A reader sees all of a change or nothing of it.
    Text, spans, headings and vectors come back exactly as they were put. What fails its checksum is
    never returned: rows are left out, and `text` raises `DamagedStore`. All methods
    raise `StorageFull`, `StorageUnavailable` or `DamagedStore`; a change that raised `StorageFull`
    left nothing behind.
    """

    def put(self, document: Document, found: Sequence[Passage], embedded: Vectors, space: str) -> Change:
        """Store a document with its passages and their vectors (one a row, same order).

        The document of the same origin, if there is one, is removed in the same transaction. Where a
        document of this id is stored already, from this origin or another, nothing is added.
        """
        ...

    def delete(self, document_id: str) -> Change:
        """Remove a document with everything that came from it; raise `DocumentNotFound`."""
        ...

    def document(self, document_id: str) -> DocumentInfo:
        """Return a document without its text; raise `DocumentNotFound`."""
        ...

    def find(self, origin: str) -> DocumentInfo | None:
        """Return the document that came from an origin."""
        ...

    def documents(self) -> list[DocumentInfo]:
        """Return all documents, by source and then id."""
        ...

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document; raise `DocumentNotFound`."""
        ...

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """Return a document's pages in order; raise `DocumentNotFound`."""
        ...

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the stored passages of some rows with their documents' names; others are left out."""
        ...

    def passages_of(self, document_id: str) -> list[tuple[int, Passage]]:
        """Return a document's rows and passages by ordinal; empty where there is no such document."""
        ...

    def language(self, document_id: str) -> str:
        """Return the language a document was found to be in; raise `DocumentNotFound`."""
        ...

    def scan_vectors(self, space: str) -> Iterator[tuple[list[int], Vectors]]:
        """Yield rows and vectors of a space in batches, by row."""
        ...

    def known_vectors(self, space: str, keys: Iterable[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors already made for texts with these keys (see `embedding_key`)."""
        ...

    def sequence(self) -> int:
        """Return the number of the last change, 0 where there was none."""
        ...

    def changes_since(self, sequence: int) -> list[tuple[int, str]]:
        """Return the number and document of each change after the given one, in order."""
        ...

    def active_space(self) -> EmbeddingSpace | None:
        """Return the space that the stored vectors belong to, None where none was chosen yet."""
        ...

    def activate_space(self, space: EmbeddingSpace) -> None:
        """Make this the space of the collection."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def embedding_key(text: str) -> bytes:
    """Return 16 bytes that stand for an embedded text: equal texts of one space have equal vectors."""
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]
