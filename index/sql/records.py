"""Rows of the catalog's tables to types and back. A row that is not the one that was stored gives none."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
import structlog

from index.coverage import Coverage
from index.embedding import EmbeddingSpace, Vectors
from index.errors import DamagedStore
from index.sql.schema import documents, is_whole, outlines, passages, segments, spaces, vectors
from index.types import (
    ATTACHMENTS,
    Block,
    BlockKind,
    Document,
    DocumentInfo,
    Page,
    PageKind,
    PageLayout,
    PageReading,
    Passage,
    Span,
)

SEGMENT_CHARACTERS = 65_536
# Stored little-endian whatever the machine, so that a home can be carried to another.
FLOAT = np.dtype("<f4")
# To call an enumeration takes as long as all else of a page, and there are thousands of them.
_KINDS = {kind.value: kind for kind in PageKind}
_READINGS = {reading.value: reading for reading in PageReading}

Record = dict[str, Any]
Row = Mapping[Any, Any]

_log = structlog.get_logger(__name__)


def now() -> str:
    """Return the time as it is stored: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def document_record(document: Document) -> Record:
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
        "pages": json.dumps([_page_values(page) for page in document.pages]),
        "metadata": json.dumps(dict(document.metadata)),
        "added": now(),
    }


def require_whole(table: sa.Table, row: Row, place: str) -> Row:
    """Return a row that is the one that was stored; raise `DamagedStore` naming its place."""
    if not is_whole(table, row):
        raise DamagedStore(f"{place} is damaged: run `quotebound doctor --repair`")
    return row


def whole_document(row: Row) -> Row:
    """Return a row of `documents`; raise `DamagedStore` where it is not the one that was stored."""
    return require_whole(documents, row, f"the row of document {row['id']}")


def document_info(row: Row) -> DocumentInfo:
    """Return what is told of a document; raise `DamagedStore`.

    The row is one of `documents` with `cut`, how many passages there are, and `has_original`.
    """
    coverage = Coverage.of(pages(whole_document(row)))
    return DocumentInfo(
        id=row["id"],
        source=row["source"],
        origin=row["origin"],
        title=row["title"],
        media_type=row["media_type"],
        sha256=row["sha256"],
        content_sha256=row["content_sha256"],
        characters=row["characters"],
        passages=row["cut"] or 0,
        pages=coverage.pages,
        added=row["added"],
        coverage=coverage,
        attachments=int(metadata(row).get(ATTACHMENTS, 0)),
        has_original=bool(row["has_original"]),
    )


def whole_infos(rows: Sequence[Row]) -> list[DocumentInfo]:
    """Return what is told of documents, leaving out the rows that are damaged."""
    found = []
    for row in rows:
        try:
            found.append(document_info(row))
        except DamagedStore as error:
            _log.error("row left out", reason=str(error))
    return found


def pages(row: Row) -> tuple[Page, ...]:
    """Return the pages kept in a row of `documents`."""
    return tuple(_page(*values) for values in json.loads(row["pages"]))


def _page_values(page: Page) -> list[int | str | None]:
    kind, reading = page.kind.value, page.reading.value
    return [page.number, page.start, page.end, kind, reading, page.reason, page.label]


def _page(
    number: int,
    start: int,
    end: int,
    # A page that an earlier format stored ends here.
    kind: str = PageKind.PAGE.value,
    reading: str = PageReading.TEXT.value,
    reason: str | None = None,
    label: str | None = None,
) -> Page:
    return Page(number, start, end, _KINDS[kind], _READINGS[reading], reason, label)


def outline_record(document: Document) -> Record:
    """Return a document's blocks as a row of `outlines`."""
    blocks = [[block.kind.value, block.start, block.end, block.level] for block in document.blocks]
    return {"document_id": document.id, "blocks": json.dumps(blocks)}


def blocks(row: Row | None) -> tuple[Block, ...]:
    """Return the blocks of a row of `outlines`; none where there is no whole one."""
    if row is None or not is_whole(outlines, row):
        return ()
    return tuple(
        Block(BlockKind(kind), start, end, level) for kind, start, end, level in json.loads(row["blocks"])
    )


def document(row: Row, text: str, outline: Row | None, layouts: Sequence[PageLayout]) -> Document:
    """Return a whole document of its rows; raise `DamagedStore`."""
    whole_document(row)
    return Document(
        id=row["id"],
        source=row["source"],
        origin=row["origin"],
        title=row["title"],
        text=text,
        sha256=row["sha256"],
        content_sha256=row["content_sha256"],
        media_type=row["media_type"],
        blocks=blocks(outline),
        pages=pages(row),
        layouts=tuple(layouts),
        language=row["language"],
        metadata=metadata(row),
    )


def metadata(row: Row) -> dict[str, str]:
    """Return what a whole row of `documents` tells of who wrote the document, and when."""
    found: dict[str, str] = json.loads(row["metadata"])
    return found


def segment_records(document: Document) -> Iterator[Record]:
    """Yield a document's text as rows of `segments`."""
    for start in range(0, len(document.text), SEGMENT_CHARACTERS):
        text = document.text[start : start + SEGMENT_CHARACTERS]
        yield {"document_id": document.id, "start": start, "text": text}


def segment_text(row: Row) -> str:
    """Return the text of a row of `segments`; raise `DamagedStore` where it is not what was stored."""
    text: str = require_whole(segments, row, f"the text of document {row['document_id']}")["text"]
    return text


def passage_record(row: int, space: str, passage: Passage) -> Record:
    """Return a passage as a row of `passages`."""
    return {
        "row": row,
        "space": space,
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


def passage(row: Row) -> Passage | None:
    """Return a row of `passages` as a passage, None where it is not what was stored."""
    if not is_whole(passages, row):
        _log.error("row left out", reason=f"passage row {row['row']} is damaged")
        return None
    return Passage(
        id=row["id"],
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
        heading=row["heading"],
        page=row["page"],
        sentences=tuple(Span(start, end) for start, end in json.loads(row["sentences"])),
    )


def vector_record(row: int, space: str, key: bytes, vector: Vectors) -> Record:
    """Return a vector as a row of `vectors`."""
    return {"row": row, "space": space, "key": key, "vector": vector.astype(FLOAT).tobytes()}


def vector(row: Row) -> Vectors | None:
    """Return a row of `vectors` as a vector, None where it is not what was stored."""
    if not is_whole(vectors, row):
        _log.error("row left out", reason=f"vector row {row['row']} is damaged")
        return None
    return np.frombuffer(row["vector"], dtype=FLOAT).astype(np.float32)


def vector_batch(
    rows: Sequence[tuple[int, str, bytes, bytes, int]], dimension: int
) -> tuple[list[int], Vectors]:
    """Return rows `(row, space, key, vector, crc)` as row numbers and one array, damaged ones left out."""
    size = dimension * FLOAT.itemsize
    numbers: list[int] = []
    blobs: list[bytes] = []
    for row, space, key, data, crc in rows:
        if (
            # A damaged column can come out as another type.
            (type(row), type(space), type(key), type(data)) == (int, str, bytes, bytes)
            and len(data) == size
            # `checksum(row, space, key, data)` in two calls, which makes a start half as long.
            and zlib.crc32(
                data, zlib.crc32(b"%ds%sb%sb" % (row, space.encode("utf-8", "surrogatepass"), key))
            )
            == crc
        ):
            numbers.append(row)
            blobs.append(data)
    if len(numbers) < len(rows):
        _log.error("rows left out", reason=f"{len(rows) - len(numbers)} vectors are damaged")
    found = np.frombuffer(b"".join(blobs), dtype=FLOAT)
    return numbers, found.reshape(len(blobs), dimension).astype(np.float32, copy=False)


def space_record(space: EmbeddingSpace) -> Record:
    """Return a space that is not in use yet as a row of `spaces`."""
    description = json.dumps(asdict(space), sort_keys=True)
    return {"id": space.id, "description": description, "active": 0, "activated": None}


def space(row: Row) -> EmbeddingSpace:
    """Return a row of `spaces` as a space; raise `DamagedStore` where it is not what was stored."""
    return EmbeddingSpace(
        **json.loads(require_whole(spaces, row, f"the row of space {row['id']}")["description"])
    )
