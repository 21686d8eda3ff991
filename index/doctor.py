"""Reads everything in a collection and says what is not as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from index import records, schema
from index.errors import DamagedStore, StorageError
from index.lexical import TantivyIndex
from index.schema import documents, passages, segments, spaces, vectors
from index.store import CATALOG_FILE, LEXICAL_FOLDER
from index.types import Passage, text_sha256


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: in which collection, where, and what."""

    collection: str
    place: str
    message: str


def examine(folder: Path) -> list[Finding]:
    """Return the findings of a collection's folder; none where all is well.

    Reads only, with its own connection, so that a store that cannot be opened can still be examined.
    """
    engine = schema.sqlite_engine(folder / CATALOG_FILE, writable=False)
    try:
        with schema.storage_errors(), engine.connect() as connection:
            schema.require_newest(connection)
            found = [*_pages(connection), *_documents(connection), *_vectors(connection)]
            expected = connection.scalar(sa.select(sa.func.count()).select_from(passages)) or 0
        found += _lexical(folder, expected)
    except StorageError as error:
        found = [("catalog", str(error))]
    finally:
        engine.dispose()
    return [Finding(folder.name, place, message) for place, message in found]


_Found = Iterator[tuple[str, str]]


def _pages(connection: sa.Connection) -> _Found:
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield "catalog", message


def _documents(connection: sa.Connection) -> _Found:
    for document in connection.execute(sa.select(documents).order_by(documents.c.source)):
        place = f"document {document.id} ({document.source})"
        statement = sa.select(segments).where(segments.c.document_id == document.id)
        try:
            stored = connection.execute(statement.order_by(segments.c.start))
            text = "".join(records.segment_text(row) for row in stored)
        except DamagedStore as error:
            yield place, str(error)
            continue
        if text_sha256(text) != document.sha256 or len(text) != document.characters:
            yield place, "the text is not the one that was stored"
        yield from _passages(connection, document.id, text, place, document.passages)


def _passages(connection: sa.Connection, document_id: str, text: str, place: str, expected: int) -> _Found:
    statement = sa.select(passages).where(passages.c.document_id == document_id)
    count = 0
    for row in connection.execute(statement.order_by(passages.c.ordinal)):
        passage = records.passage(row)
        if passage is None:
            yield f"passage row {row.row} of {place}", "the row is not the one that was stored"
        elif not _stands(passage, text, count):
            yield f"passage row {row.row} of {place}", "the passage does not stand in the text"
        count += 1
    if count != expected:
        yield place, f"there are {count} passages, and should be {expected}"


def _stands(passage: Passage, text: str, ordinal: int) -> bool:
    return (
        passage.ordinal == ordinal
        and text[passage.start : passage.end] == passage.text
        and all(passage.start <= span.start < span.end <= passage.end for span in passage.sentences)
    )


def _vectors(connection: sa.Connection) -> _Found:
    description = connection.scalar(sa.select(spaces.c.description).where(spaces.c.active))
    if description is None:
        return
    space = connection.scalar(sa.select(spaces.c.id).where(spaces.c.active))
    dimension = json.loads(description)["dimension"]
    missing = (
        sa.select(passages.c.row)
        .outerjoin(vectors, (vectors.c.row == passages.c.row) & (vectors.c.space == space))
        .where(vectors.c.row.is_(None))
    )
    for row in connection.scalars(missing):
        yield f"passage row {row}", "it has no vector"
    for stored in connection.execute(sa.select(vectors).where(vectors.c.space == space)):
        vector = records.vector(stored)
        if vector is None or vector.shape != (dimension,):
            yield f"vector row {stored.row}", "the vector is not the one that was stored"


def _lexical(folder: Path, expected: int) -> _Found:
    index = TantivyIndex(folder / LEXICAL_FOLDER, writable=False)
    if len(index) != expected:
        yield "lexical index", f"it has {len(index)} passages of {expected}; the next start rebuilds it"
    index.close()
