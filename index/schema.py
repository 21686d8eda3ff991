"""The catalog's tables, its migrations, and the connection settings that make a commit durable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from index.errors import DamagedStore, StorageError, StorageFull, StorageUnavailable

metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False),  # JSON of EmbeddingSpace
    sa.Column("active", sa.Boolean, nullable=False),
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
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("pages", sa.Text, nullable=False),  # JSON list of [number, start, end]
    sa.Column("metadata", sa.Text, nullable=False),  # JSON object
    sa.Column("added", sa.Text, nullable=False),
)

# A document's text in segments, so that checking a quote reads no more than it has to.
segments = sa.Table(
    "segments",
    metadata,
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("start", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("crc", sa.Integer, nullable=False),
)

passages = sa.Table(
    "passages",
    metadata,
    # Counted on in `meta` and never given twice: a stale row is then missing, not another passage.
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("heading", sa.Text),
    sa.Column("page", sa.Integer),
    sa.Column("sentences", sa.Text, nullable=False),  # JSON list of [start, end]
    sa.Column("crc", sa.Integer, nullable=False),
    sa.UniqueConstraint("document_id", "ordinal"),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("row", sa.Integer, sa.ForeignKey("passages.row"), primary_key=True),
    sa.Column("space", sa.Text, sa.ForeignKey("spaces.id"), primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),  # digest of the embedded text
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float32, little-endian
    sa.Column("crc", sa.Integer, nullable=False),
    sa.Index("vectors_by_key", "space", "key"),
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("operation", sa.Text, nullable=False),  # put | delete
    sa.Column("document_id", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)


def _create(connection: sa.Connection) -> None:
    metadata.create_all(connection)


# Numbered by position and append-only: entry n brings a catalog of version n to version n + 1.
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_create,)
_VERSION_KEY = "schema_version"


def migrate(connection: sa.Connection) -> None:
    """Bring the catalog to the newest version, all or nothing within the connection's transaction."""
    version = _stored_version(connection)
    if version > len(MIGRATIONS):
        raise _too_new(version)
    for migration in MIGRATIONS[version:]:
        migration(connection)
    if version < len(MIGRATIONS):
        connection.execute(sa.delete(meta).where(meta.c.key == _VERSION_KEY))
        connection.execute(sa.insert(meta).values(key=_VERSION_KEY, value=str(len(MIGRATIONS))))


def require_newest(connection: sa.Connection) -> None:
    """Raise `StorageError` where the catalog is of another version than this program's.

    For readers, who may not migrate it.
    """
    version = _stored_version(connection)
    if version > len(MIGRATIONS):
        raise _too_new(version)
    if version < len(MIGRATIONS):
        raise StorageError(
            f"this home is of catalog version {version}, older than {len(MIGRATIONS)}, and another "
            "process holds it; stop that process, or let it do the migration"
        )


def _too_new(version: int) -> StorageError:
    return StorageError(
        f"this home was written by a newer Quotebound (catalog version {version}, "
        f"this one knows {len(MIGRATIONS)}); use that version, or another QUOTEBOUND_HOME"
    )


def _stored_version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table(meta.name):
        return 0
    value = connection.scalar(sa.select(meta.c.value).where(meta.c.key == _VERSION_KEY))
    try:
        return int(value) if value is not None else 0
    except ValueError as error:
        raise DamagedStore("the catalog's version is damaged: run `quotebound doctor`") from error


def write_ahead_log_is_safe(version: tuple[int, ...]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset bug, which can lose a committed transaction."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


_BUSY_SECONDS = 30.0


def sqlite_engine(path: Path, *, writable: bool) -> sa.Engine:
    """Return an engine on an SQLite file whose commits survive a power loss.

    WAL with synchronous=FULL where SQLite's WAL can be trusted, else DELETE with EXTRA; both lost
    nothing in the power-loss replay of the design, NORMAL did. Transactions of a writable engine
    begin IMMEDIATE; an engine that is not writable refuses every statement that writes.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_SECONDS}
    )
    safe_log = write_ahead_log_is_safe(sqlite3.sqlite_version_info)

    def configure(connection: Any, _record: object) -> None:
        # SQLAlchemy begins transactions itself (below), not sqlite3.
        connection.isolation_level = None
        # What is no UTF-8 any more is damage of one row, for its checksum to find, not of the whole query.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        cursor = connection.cursor()
        if writable:
            cursor.execute(f"PRAGMA journal_mode={'WAL' if safe_log else 'DELETE'}")
            cursor.execute(f"PRAGMA synchronous={'FULL' if safe_log else 'EXTRA'}")
            # What is deleted is overwritten, whatever this SQLite does of itself.
            cursor.execute("PRAGMA secure_delete=ON")
        else:
            # Not mode=ro: after a crash the first reader has to roll back what was not committed.
            cursor.execute("PRAGMA query_only=ON")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin)
    return engine


@contextmanager
def reading(path: Path) -> Iterator[sa.Connection]:
    """Open a catalog's file to read it this once; raise as `storage_errors` does."""
    engine = sqlite_engine(path, writable=False)
    try:
        with storage_errors(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def row_count(connection: sa.Connection, table: sa.Table) -> int:
    """Return how many rows a table has."""
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the database raises into `StorageFull`, `DamagedStore` or `StorageUnavailable`."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The low byte is the primary code; the rest says where it happened.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            raise StorageFull(
                "the disk is full; nothing of this document was kept: free some space and retry"
            ) from error
        if code in _DAMAGED:
            raise DamagedStore("the catalog is damaged: run `quotebound doctor`") from error
        raise StorageUnavailable(f"the catalog cannot be used: {cause}") from error
