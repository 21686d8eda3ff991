"""Reads everything in a collection and says what is not as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
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
    found = examine_catalog(folder)
    with suppress(StorageError):  # a catalog that cannot be read is found already
        found += [Finding(folder.name, *entry) for entry in _lexical(folder)]
    return found


def examine_catalog(folder: Path) -> list[Finding]:
    """Return the findings of a collection's catalog alone, of which all else can be made anew."""
    found: list[tuple[str, str]] = []
    try:
        with schema.reading(folder / CATALOG_FILE) as connection:
            schema.require_newest(connection)
            for check in (_file, _documents, _vectors):
                found += _held(check, connection)
    except (StorageError, UnicodeError) as error:
        found.append(("catalog", str(error)))
    return [Finding(folder.name, place, message) for place, message in found]


_Found = Iterator[tuple[str, str]]


def _held(check: Callable[[sa.Connection], _Found], connection: sa.Connection) -> _Found:
    """Yield what a check finds, and where a value is of a kind that it cannot be, that."""
    try:
        yield from check(connection)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        yield "catalog", f"a value is not of the kind that was stored: {error}"


def _file(connection: sa.Connection) -> _Found:
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield "catalog", message
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table}", f"what it belongs to is not in {parent}"


def _documents(connection: sa.Connection) -> _Found:
    for document in connection.execute(sa.select(documents).order_by(documents.c.source)):
        place = f"document {document.id} ({document.source})"
        try:
            records.pages(document.id, document.pages)
            text = _text(connection, document.id)
        except DamagedStore as error:
            yield place, str(error)
            continue
        if text_sha256(text) != document.sha256 or len(text) != document.characters:
            yield place, "the text is not the one that was stored"
        yield from _passages(connection, document.id, text, place, document.passages)


def _text(connection: sa.Connection, document_id: str) -> str:
    statement = sa.select(segments).where(segments.c.document_id == document_id).order_by(segments.c.start)
    text = ""
    for row in connection.execute(statement):
        if row.start != len(text):
            raise DamagedStore("a part of the text is not where it was stored")
        text += records.segment_text(row)
    return text


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
    space = connection.execute(sa.select(spaces).where(spaces.c.active)).first()
    if space is None:
        if connection.scalar(sa.select(passages.c.row).limit(1)) is not None:
            yield "catalog", "no embedding space is marked as the one in use"
        return
    dimension = json.loads(space.description)["dimension"]
    missing = (
        sa.select(passages.c.row)
        .outerjoin(vectors, (vectors.c.row == passages.c.row) & (vectors.c.space == space.id))
        .where(vectors.c.row.is_(None))
    )
    for row in connection.scalars(missing):
        yield f"passage row {row}", "it has no vector"
    for stored in connection.execute(sa.select(vectors).where(vectors.c.space == space.id)):
        vector = records.vector(stored)
        if vector is None or vector.shape != (dimension,):
            yield f"vector row {stored.row}", "the vector is not the one that was stored"


def _lexical(folder: Path) -> _Found:
    with schema.reading(folder / CATALOG_FILE) as connection:
        expected = schema.row_count(connection, passages)
    index = TantivyIndex(folder / LEXICAL_FOLDER, writable=False)
    if len(index) != expected:
        yield "lexical index", f"it has {len(index)} passages of {expected}; the next start rebuilds it"
    index.close()
