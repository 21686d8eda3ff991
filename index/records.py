"""Rows of the catalog's tables to types and back, with the checksums that say whether they are whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from index.embedding import Vectors
from index.errors import DamagedStore
from index.types import Document, DocumentInfo, Page, Passage, Span

SEGMENT_CHARACTERS = 65_536
# Stored little-endian whatever the machine, so that a home can be carried to another.
_FLOAT = np.dtype("<f4")

Record = dict[str, Any]

_PASSAGE_COLUMNS = (
    "row",
    "id",
    "document_id",
    "ordinal",
    "start",
    "end",
    "text",
    "heading",
    "page",
    "sentences",
)


def document_record(document: Document, passages: int) -> Record:
    """Return a document as a row of `documents`, added now."""
    return {
        "id": document.id,
        "origin": document.origin,
        "source": document.source,
        "title": document.title,
        "media_type": document.media_type,
        "language": document.language,
        "sha256": document.sha256,
        "content_sha256": document.content_sha256,
        "characters": len(document.text),
        "passages": passages,
        "pages": json.dumps([[page.number, page.start, page.end] for page in document.pages]),
        "metadata": json.dumps(dict(document.metadata)),
        "added": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def document_info(row: sa.Row[Any]) -> DocumentInfo:
    """Return a row of `documents` as what is told of a document."""
    return DocumentInfo(
        id=row.id,
        source=row.source,
        origin=row.origin,
        title=row.title,
        media_type=row.media_type,
        sha256=row.sha256,
        content_sha256=row.content_sha256,
        characters=row.characters,
        passages=row.passages,
        pages=len(pages(row.id, row.pages)),
        added=row.added,
    )


def pages(document_id: str, stored: str) -> tuple[Page, ...]:
    """Return the pages kept in a row of `documents`; raise `DamagedStore` where they are none."""
    try:
        return tuple(Page(*page) for page in json.loads(stored))
    except (ValueError, TypeError) as error:
        raise DamagedStore(
            f"the pages of document {document_id} are damaged: run `quotebound doctor`"
        ) from error


def segment_records(document: Document) -> Iterator[Record]:
    """Yield a document's text as rows of `segments`."""
    for start in range(0, len(document.text), SEGMENT_CHARACTERS):
        text = document.text[start : start + SEGMENT_CHARACTERS]
        yield {
            "document_id": document.id,
            "start": start,
            "text": text,
            "crc": _text_crc(text),
        }


def segment_text(row: sa.Row[Any]) -> str:
    """Return the text of a row of `segments`; raise `DamagedStore` where it is not what was stored."""
    if not isinstance(row.text, str) or _text_crc(row.text) != row.crc:
        raise DamagedStore(f"the text of document {row.document_id} is damaged: run `quotebound doctor`")
    return row.text


def _text_crc(text: str) -> int:
    # Bytes that are no UTF-8 any more come out of the database as lone surrogates, and differ.
    return zlib.crc32(text.encode("utf-8", "surrogateescape"))


def passage_record(row: int, passage: Passage) -> Record:
    """Return a passage as a row of `passages`."""
    record: Record = {
        "row": row,
        "id": passage.id,
        "document_id": passage.document_id,
        "ordinal": passage.ordinal,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "heading": passage.heading,
        "page": passage.page,
        "sentences": json.dumps([[span.start, span.end] for span in passage.sentences]),
    }
    return record | {"crc": _passage_crc(record)}


def passage(row: sa.Row[Any]) -> Passage | None:
    """Return a row of `passages` as a passage, None where it is not what was stored."""
    record = {column: row._mapping[column] for column in _PASSAGE_COLUMNS}
    # A damaged column can come out as bytes, which no passage has.
    if bytes in map(type, record.values()) or _passage_crc(record) != row.crc:
        return None
    return Passage(
        id=row.id,
        document_id=row.document_id,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        text=row.text,
        heading=row.heading,
        page=row.page,
        sentences=tuple(Span(start, end) for start, end in json.loads(row.sentences)),
    )


def _passage_crc(record: Record) -> int:
    whole = json.dumps([record[column] for column in _PASSAGE_COLUMNS])
    return zlib.crc32(whole.encode("utf-8"))


def vector_record(row: int, space: str, key: bytes, vector: Vectors) -> Record:
    """Return a vector as a row of `vectors`."""
    data = vector.astype(_FLOAT).tobytes()
    return {"row": row, "space": space, "key": key, "vector": data, "crc": zlib.crc32(data)}


def vector(row: sa.Row[Any]) -> Vectors | None:
    """Return a row of `vectors` as a vector, None where it is not what was stored."""
    if not isinstance(row.vector, bytes) or zlib.crc32(row.vector) != row.crc:
        return None
    return np.frombuffer(row.vector, dtype=_FLOAT).astype(np.float32)
