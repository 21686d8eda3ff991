"""The seams for the only truth about a collection: its documents, passages, vectors and their changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from index.coverage import Unread
from index.embedding import EmbeddingSpace, Vectors
from index.jobs import FileRecord, JobLog
from index.types import Block, Document, DocumentInfo, Located, Page, PageLayout, Passage, Span


@dataclass(frozen=True, slots=True)
class Change:
    """What a committed change did: its number, and the rows that went and came."""

    sequence: int
    document_ids_removed: tuple[str, ...]
    rows_removed: tuple[int, ...]
    rows_added: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What stands at a span of a stored document; `sha256` and `pages` are those of the whole document."""

    text: str
    sha256: str
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class StoredSpace:
    """An embedding space of a collection, and how many documents are cut and embedded in it.

    `activated` is the number of the change that last made it the one that serves, None where it never did.
    """

    space: EmbeddingSpace
    active: bool
    activated: int | None
    documents: int


class Spaces(Protocol):
    """The embedding spaces of a collection. One is active and serves; others are built or kept beside it.

    A document is due in a space in which it is not cut and embedded yet. The methods raise as those of
    `Catalog` do.
    """

    def active(self) -> EmbeddingSpace | None:
        """Return the space that serves, None where none was chosen yet."""
        ...

    def all(self) -> list[StoredSpace]:
        """Return every space, the one activated last first."""
        ...

    def add(self, space: EmbeddingSpace) -> None:
        """Make a space known, to be built; one that is known stays as it is."""
        ...

    def due(self, space: str, limit: int) -> list[str]:
        """Return the ids of at most `limit` documents that are due in a space, in order of id."""
        ...

    def due_count(self, space: str) -> int:
        """Return how many documents are due in a space."""
        ...

    def cut(self, document_id: str, found: Sequence[Passage], embedded: Vectors, space: str) -> Change | None:
        """Store a document's passages and vectors of a space in place of those it had there.

        None where the document was deleted meanwhile. In the active space it is a change like any
        other; in another one the change log does not tell of it.
        """
        ...

    def activate(self, space: EmbeddingSpace) -> int | None:
        """Make a known space the one that serves, and return the number of that change.

        None, and nothing changes, where documents are due in it.
        """
        ...

    def drop(self, space: str, limit: int) -> int:
        """Remove at most `limit` passages of a space that is not active; return how many went.

        With the last of them the space goes too. Removed bit by bit, so that others may write between.
        """
        ...


class Catalog(Protocol):
    """Holds one collection. Every method is one transaction, and returns when that is durable.

    One thread writes at a time; any number read. A reader sees all of a change or nothing of it.
    Text, spans, headings and vectors come back exactly as they were put. What fails its checksum is
    never returned: rows are left out of lists, and what was asked for by its id raises
    `DamagedStore`. All methods raise `StorageFull`, `StorageUnavailable` or `DamagedStore`; a change
    that raised `StorageFull` left nothing behind. What is told of passages without naming a space is
    of the active one.
    """

    @property
    def spaces(self) -> Spaces:
        """The embedding spaces."""
        ...

    @property
    def jobs(self) -> JobLog:
        """The jobs, in the same file."""
        ...

    def put(
        self,
        document: Document,
        found: Sequence[Passage],
        embedded: Vectors,
        space: str,
        record: FileRecord | None = None,
    ) -> Change:
        """Store a document with its passages and their vectors (one a row, same order).

        The document of the same origin, if there is one, is removed in the same transaction. Where a
        document of this id is stored already, from this origin or another, nothing is added but an
        `original` that it has not. With a `record`, what became of the file is noted in its job, in the
        same transaction.
        """
        ...

    def delete(self, document_id: str, record: FileRecord | None = None) -> Change:
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

    def within(self, origin: str) -> list[DocumentInfo]:
        """Return the documents that came in the file of an origin, at any depth, by source and then id."""
        ...

    def whole(self, document_id: str) -> Document:
        """Return a document with its text; raise `DocumentNotFound`.

        `blocks` is empty for a document that a format without them stored; damaged `layouts` are left out.
        `original` is always None.
        """
        ...

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a stored document; raise `DocumentNotFound`."""
        ...

    def excerpts(self, places: Iterable[tuple[str, Span]]) -> dict[tuple[str, Span], Excerpt]:
        """Return what stands at spans of documents, given by their ids: all of one moment.

        A span is left out where its document is not stored or what is needed of it is damaged, and
        where it is no span of the document's text: `text` tells which.
        """
        ...

    def pages(self, document_id: str) -> tuple[Page, ...]:
        """Return a document's pages in order; raise `DocumentNotFound`."""
        ...

    def blocks(self, document_id: str, span: Span | None = None) -> tuple[Block, ...]:
        """Return a document's blocks in order, all or those that overlap a span; raise `DocumentNotFound`.

        None for a document that a format without them stored, or where they are damaged.
        """
        ...

    def layouts(self, document_id: str, pages: Sequence[int] | None = None) -> list[PageLayout]:
        """Return where the words of a document's pages stand, by page; of some pages, or of all.

        Left out is what is damaged. Empty where there is no such document, or its format has none.
        """
        ...

    def original(self, document_id: str) -> bytes | None:
        """Return the bytes of a document's file, None where none are kept; raise `DocumentNotFound`."""
        ...

    def keep_original(self, document_id: str, data: bytes) -> None:
        """Keep the bytes of a stored document's file, for one that has none.

        Nothing changes where there is no such document, where it has an original, and where these are
        not the bytes that it was loaded from.
        """
        ...

    def unread(self, document_ids: Sequence[str] = ()) -> Unread:
        """Return how many pages of the collection could not be read, and of how many documents.

        Kept as it changes: to ask takes the same time however many documents there are. Where
        documents are named, only of these; one that is not stored has none.
        """
        ...

    def metadata(self, document_id: str) -> Mapping[str, str]:
        """Return what a document's own file tells of it, as its author; raise `DocumentNotFound`."""
        ...

    def passages(self, rows: Sequence[int]) -> dict[int, Located]:
        """Return the stored passages of some rows with their documents' names; others are left out."""
        ...

    def passages_of(self, document_id: str, space: str | None = None) -> list[tuple[int, Passage]]:
        """Return a document's rows and passages by ordinal; empty where there is no such document."""
        ...

    def rows_of(self, document_ids: Sequence[str], space: str | None = None) -> list[int]:
        """Return the rows of the passages of some documents, in order, without reading the passages.

        Raise `DocumentNotFound`, naming the first id that is not stored. An id may come twice.
        """
        ...

    def language(self, document_id: str) -> str:
        """Return the language a document was found to be in; raise `DocumentNotFound`."""
        ...

    def passage_count(self, space: str) -> int:
        """Return how many passages a space has."""
        ...

    def rows(self, space: str) -> list[int]:
        """Return the rows of a space that have a vector, in order."""
        ...

    def scan_vectors(self, space: EmbeddingSpace, after: int = -1) -> Iterator[tuple[list[int], Vectors]]:
        """Yield rows and vectors of a space in batches, by row, from the first row past `after` on."""
        ...

    def known_vectors(self, space: str, keys: Iterable[bytes]) -> dict[bytes, Vectors]:
        """Return the vectors already made for texts with these keys (see `embedding_key`)."""
        ...

    def probes(self, space: str) -> tuple[list[str], Vectors]:
        """Return a few short texts as they were embedded in a space, and their vectors, one a row."""
        ...

    def sequence(self) -> int:
        """Return the number of the last change, 0 where there was none."""
        ...

    def changes_since(self, sequence: int) -> list[tuple[int, str]]:
        """Return the number and document of each change after the given one, in order."""
        ...

    def value(self, key: str) -> str | None:
        """Return something kept under a name, None where nothing is; raise `DamagedStore`."""
        ...

    def keep_value(self, key: str, value: str | None) -> None:
        """Keep something under a name, or no longer."""
        ...

    def forget_connections(self) -> None:
        """Open anew with the next call, so that it sees what is on the disk: for after an error."""
        ...

    def wipe(self) -> None:
        """Leave nothing of what was removed in any file of the catalog."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def embedding_key(text: str) -> bytes:
    """Return 16 bytes that stand for an embedded text: equal texts of one space have equal vectors."""
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]
