"""The catalog's tables, and the checksum that every row of them carries."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

# The last column of every table: the checksum of all others (`checksum`).
CRC = "crc"


def _crc() -> sa.Column[int]:
    return sa.Column(CRC, sa.Integer, nullable=False)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    _crc(),
)

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False),  # JSON of EmbeddingSpace
    sa.Column("active", sa.Integer, nullable=False),  # 1 for the one that serves, else 0
    sa.Column("activated", sa.Integer),  # number of the change that last made it the active one
    _crc(),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False, unique=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("characters", sa.Integer, nullable=False),
    # JSON list of [number, start, end, kind, reading, reason, label]; of format 2, the first three alone
    sa.Column("pages", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),  # JSON object
    sa.Column("added", sa.Text, nullable=False),
    _crc(),
)

# The structure that a loader found, so that a document can be cut anew without its file.
outlines = sa.Table(
    "outlines",
    metadata,
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("blocks", sa.Text, nullable=False),  # JSON list of [kind, start, end, level]
    _crc(),
)

# Where the words of a page stand on it. Without it a quote can still be read, and not be shown on its page.
layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True),
    sa.Column("width", sa.REAL, nullable=False),  # in points, as is the height
    sa.Column("height", sa.REAL, nullable=False),
    sa.Column("words", sa.LargeBinary, nullable=False),  # `PageLayout.packed`
    _crc(),
)

# The bytes of a document's file, in parts, where they are kept: what shows its pages as they look. The part
# comes first, so that a row that is found in a damaged file is not taken for one of `uploads`.
originals = sa.Table(
    "originals",
    metadata,
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    _crc(),
    sa.PrimaryKeyConstraint("document_id", "part"),
)

# A document's text in segments, so that checking a quote reads no more than it has to.
segments = sa.Table(
    "segments",
    metadata,
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("start", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    _crc(),
)

# Which documents are cut into passages and embedded in which space. One that is missing here is due.
cuts = sa.Table(
    "cuts",
    metadata,
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("space", sa.Text, sa.ForeignKey("spaces.id"), primary_key=True),
    sa.Column("passages", sa.Integer, nullable=False),
    _crc(),
)

passages = sa.Table(
    "passages",
    metadata,
    # Counted on in `meta` and never given twice: a stale row is then missing, not another passage.
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("space", sa.Text, sa.ForeignKey("spaces.id"), nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("heading", sa.Text),
    sa.Column("page", sa.Integer),
    sa.Column("sentences", sa.Text, nullable=False),  # JSON list of [start, end]
    _crc(),
    sa.UniqueConstraint("document_id", "space", "ordinal"),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("row", sa.Integer, sa.ForeignKey("passages.row"), primary_key=True, autoincrement=False),
    sa.Column("space", sa.Text, sa.ForeignKey("spaces.id"), nullable=False),
    sa.Column("key", sa.LargeBinary, nullable=False),  # digest of the embedded text
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float32, little-endian
    _crc(),
    sa.Index("vectors_by_key", "space", "key"),
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("operation", sa.Text, nullable=False),  # put | delete | space
    sa.Column("document_id", sa.Text, nullable=False),  # that of the space for `space`
    _crc(),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # sync | upload | reindex
    sa.Column("request", sa.Text, nullable=False),  # JSON object: what was asked for
    sa.Column("state", sa.Text, nullable=False),  # waiting | running | done | failed
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("updated", sa.Text, nullable=False),
    sa.Column("code", sa.Text),  # of the error that ended it
    sa.Column("message", sa.Text),
    _crc(),
)

# What became of each file of a job. The file's own origin, so that a job resumed knows what it did.
job_files = sa.Table(
    "job_files",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text),
    _crc(),
)

# The bytes of an upload from the moment it is accepted until its job has read them.
uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    _crc(),
)

# What `quotebound doctor --repair` took out of the other tables, as it found it.
quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("added", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),  # JSON object; bytes as hexadecimal
    _crc(),
    sqlite_autoincrement=True,
)


def checksum(*values: object) -> int:
    """Return the CRC-32 of some values of a row, the same on every machine and Python.

    Text counts by its UTF-8 bytes and what is no UTF-8 any more by its surrogates, so that damage shows.
    """
    crc = 0
    for value in values:
        if isinstance(value, bytes):
            data = b"b" + value
        elif isinstance(value, str):
            data = b"s" + value.encode("utf-8", "surrogatepass")
        else:
            data = repr(value).encode()
        crc = zlib.crc32(data, crc)
    return crc


def sealed(table: sa.Table, record: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with its checksum."""
    return {**record, CRC: checksum(*map(record.get, _sealed_columns(table)))}


def is_whole(table: sa.Table, row: Mapping[Any, Any]) -> bool:
    """Tell whether a row is the one that was sealed."""
    found: bool = checksum(*map(row.__getitem__, _sealed_columns(table))) == row[CRC]
    return found


@cache
def _sealed_columns(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.name != CRC)


def row_count(connection: sa.Connection, table: sa.Table) -> int:
    """Return how many rows a table has."""
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
