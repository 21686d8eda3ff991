"""The catalog's file: engines whose commits survive a power loss, and the errors that databases raise."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from weakref import finalize

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from index.errors import CollectionNotFound, DamagedStore, ReadOnlyStore, StorageFull, StorageUnavailable
from index.sql.migrations import migrate, require_newest
from index.sql.schema import is_whole, meta, sealed

_BUSY_SECONDS = 30.0
# SQLite allows 32,766 bound values in a statement; other databases fewer.
_BATCH = 500

_Key = TypeVar("_Key", int, str, bytes)


def write_ahead_log_is_safe(version: tuple[int, ...]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset bug, which can lose a committed transaction."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def durable_mode() -> tuple[str, str]:
    """Return the journal mode and the synchronous setting to write with.

    WAL with FULL where SQLite's WAL can be trusted, else DELETE with EXTRA: both lost nothing in the
    power-loss replay (docs/reliability.md), NORMAL and OFF did.
    """
    return ("WAL", "FULL") if write_ahead_log_is_safe(sqlite3.sqlite_version_info) else ("DELETE", "EXTRA")


def sqlite_engine(path: Path, *, writable: bool) -> sa.Engine:
    """Return an engine on an SQLite file whose commits survive a power loss.

    Transactions of a writable engine begin IMMEDIATE; an engine that is not writable refuses every
    statement that writes.
    """
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_SECONDS}
    )
    journal, synchronous = durable_mode()

    def configure(connection: Any, _record: object) -> None:
        # SQLAlchemy begins transactions itself (below), not sqlite3.
        connection.isolation_level = None
        # What is no UTF-8 any more is damage of one row, for its checksum to find, not of the whole query.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        cursor = connection.cursor()
        if writable:
            cursor.execute(f"PRAGMA journal_mode={journal}")
            cursor.execute(f"PRAGMA synchronous={synchronous}")
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


class Database:
    """A catalog's file, open for as long as something uses it; brought to the newest format by a writer.

    Writing goes through one engine and reading through another, so that no reader can write.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self._folder = path.parent
        self._reader = sqlite_engine(path, writable=False)
        self._writer = sqlite_engine(path, writable=True) if writable else None
        # Whoever holds it last lets go of its files, without having to say so.
        self._closing = finalize(self, _dispose, self._reader, self._writer)
        with storage_errors():
            if self._writer is not None:
                with self._writer.begin() as connection:
                    migrate(connection)
            else:
                with self._reader.connect() as connection:
                    require_newest(connection)
        for engine in filter(None, (self._reader, self._writer)):
            event.listen(engine, "connect", _only(path))

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one moment, and writes nothing."""
        self._require_open()
        with storage_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection within a transaction that is committed at the end; raise `ReadOnlyStore`."""
        self._require_open()
        if self._writer is None:
            raise ReadOnlyStore("this process reads the home only; another one may be writing to it")
        try:
            with storage_errors(), self._writer.begin() as connection:
                yield connection
        except StorageUnavailable as error:
            # SQLite tells of a journal that it cannot create, and not of the room that it had none for.
            if _code_of(error.__cause__) == sqlite3.SQLITE_CANTOPEN and _is_full(self._folder):
                raise _full() from error
            raise

    def _require_open(self) -> None:
        # A connection made now could be to another collection, of the same name and made since.
        if not self._closing.alive:
            raise _gone()

    def forget(self) -> None:
        """Drop every connection: after an error, the next one finds the file as the next start would.

        One that stays open would not know of a write-ahead log whose last frames the disk has all the same.
        """
        _dispose(self._reader, self._writer)

    def wipe(self) -> None:
        """Empty the write-ahead log, where there is one, of what was overwritten since."""
        if self._writer is not None and durable_mode()[0] == "WAL":
            with storage_errors(), self._writer.connect() as connection:
                raw_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of files and connections."""
        self._closing()


def _only(path: Path) -> Callable[[Any, object], None]:
    """Return what refuses a connection to another file than the one that a path names now.

    A collection that is deleted and made again, or repaired, has another file under the same name; rows
    of the one mean nothing in the other.
    """
    known = path.stat()

    def check(_connection: Any, _record: object) -> None:
        try:
            now = path.stat()
        except OSError:
            now = None
        if now is None or (now.st_dev, now.st_ino) != (known.st_dev, known.st_ino):
            raise _gone()

    return check


def _gone() -> CollectionNotFound:
    return CollectionNotFound("the collection was deleted meanwhile, or the service is stopping")


def _dispose(reader: sa.Engine, writer: sa.Engine | None) -> None:
    reader.dispose()
    if writer is not None:
        writer.dispose()


def raw_of(connection: sa.Connection) -> Any:
    """Return SQLite's own connection: past SQLAlchemy's rows, and what it does not know or refuses."""
    return connection.connection.dbapi_connection


def rows_among(
    connection: sa.Connection,
    table: sa.Table,
    column: sa.Column[_Key],
    keys: Sequence[_Key],
    condition: sa.ColumnElement[bool] | None = None,
) -> Iterator[sa.RowMapping]:
    """Yield the rows of a table whose column has one of some keys."""
    statement = sa.select(table) if condition is None else sa.select(table).where(condition)
    for first in range(0, len(keys), _BATCH):
        batch = list(keys[first : first + _BATCH])
        # All at once: row by row, each would let go of the interpreter and have to wait for it.
        yield from connection.execute(statement.where(column.in_(batch))).mappings().all()


def insert(connection: sa.Connection, table: sa.Table, records: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with their checksums."""
    if records:
        connection.execute(sa.insert(table), [sealed(table, record) for record in records])


def amend(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], **values: Any) -> int:
    """Change some columns of the rows that a condition names; return how many there were.

    A damaged row stays recognisable as one. The columns of the primary key stay as they are.
    """
    found = connection.execute(sa.select(table).where(where)).mappings().all()
    for row in found:
        changed = sealed(table, {**row, **values})
        if not is_whole(table, row):
            changed["crc"] = row["crc"]
        key = [column == row[column.name] for column in table.primary_key.columns]
        connection.execute(sa.update(table).where(*key).values(**changed))
    return len(found)


def stored_value(connection: sa.Connection, key: str) -> str | None:
    """Return a value of `meta`; raise `DamagedStore` where it is not the one that was stored."""
    row = connection.execute(sa.select(meta).where(meta.c.key == key)).mappings().first()
    if row is None:
        return None
    if not is_whole(meta, row):
        raise DamagedStore(f"row {key!r} of meta is damaged: run `quotebound doctor --repair`")
    value: str = row["value"]
    return value


def store_value(connection: sa.Connection, key: str, value: str | None) -> None:
    """Put a value into `meta`, or remove it."""
    connection.execute(sa.delete(meta).where(meta.c.key == key))
    if value is not None:
        insert(connection, meta, [{"key": key, "value": value}])


def _is_full(folder: Path) -> bool:
    status = os.statvfs(folder)
    return status.f_bfree * status.f_frsize < _LEAST_ROOM


def _full() -> StorageFull:
    return StorageFull("the disk is full; nothing of this document was kept: free some space and retry")


# A page and its journal.
_LEAST_ROOM = 16_384
_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the database raises into `StorageFull`, `DamagedStore` or `StorageUnavailable`."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        code = _code_of(error)
        if code in _FULL:
            raise _full() from error
        if code in _DAMAGED:
            raise DamagedStore("the catalog is damaged: run `quotebound doctor --repair`") from error
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StorageUnavailable(f"the catalog cannot be used: {cause}") from error
    except UnicodeDecodeError as error:
        # SQLite quotes what it cannot read in what it says of it.
        raise DamagedStore("the catalog is damaged: run `quotebound doctor --repair`") from error


def _code_of(error: BaseException | None) -> int:
    cause = error.orig if isinstance(error, DBAPIError) else error
    # The low byte is the primary code; the rest says where it happened.
    code: int = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return code
