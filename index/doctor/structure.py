"""The catalog's file as SQLite keeps it: its pages, its header, its format and its tables' definitions."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy, legible
from index.doctor.rows import rows_of
from index.sql import migrations
from index.sql.database import raw_of
from index.sql.migrations import VERSION_KEY
from index.sql.schema import CRC, is_whole, meta, metadata

PLACE = "catalog"

# What an index says wrongly; the tables can be trusted then, and the indexes made anew from them.
_OF_INDEXES = re.compile(
    r"row \d+ missing from index |wrong # of entries in index |non-unique entry in index "
    r"|rowid not at end-of-record for row "
)

# What of the header `integrity_check` does not look at, and has to be as a catalog's is. Left are
# counters that may have any value (changes of file and schema, and for which change the size in the
# header holds), the suggested cache size, the version of SQLite that wrote last, and room unused.
_HEADER = {"encoding": "UTF-8", "auto_vacuum": 0, "user_version": 0, "application_id": 0}

# Tables that `migrations` reads of a catalog of format 1, as far as it needs them there.
_FORMAT_1 = (
    "CREATE TABLE meta (key, value)",
    "CREATE TABLE spaces (id, description, active)",
    "CREATE TABLE documents (id, passages)",
    "CREATE TABLE segments (document_id)",
    "CREATE TABLE passages (row)",
    "CREATE TABLE vectors (row)",
    "CREATE TABLE changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT)",
)

# Tables that were not there yet in a catalog that was new in an earlier format.
_SINCE = {3: ("layouts",), 4: ("originals",)}

Layout = frozenset[tuple[str, str, str, str | None]]


def format_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield why the catalog is of no format that can be examined; none where it is today's.

    A damaged number is a damaged row and not another format, where the tables are today's.
    """
    raw = raw_of(connection)
    columns = [column for _, column, *_ in raw.execute("PRAGMA table_info(meta)")]
    if CRC in columns or not columns:
        found = [row for _, row in rows_of(connection, meta, "key", VERSION_KEY)] if columns else []
        if not columns:
            yield Fault(PLACE, "it has no tables that could be read", Remedy.SALVAGE)
        elif found and is_whole(meta, found[0]) and found[0]["value"] != str(migrations.FORMAT):
            yield _other_format(found[0]["value"])
        return
    value = connection.scalar(sa.select(meta.c.value).where(meta.c.key == VERSION_KEY))
    yield _other_format(value)


def _other_format(value: object) -> Fault:
    if str(value).isdecimal() and int(str(value)) < migrations.FORMAT:
        message = f"it is of catalog version {value}: run `quotebound ingest` or `quotebound serve` once"
        return Fault(PLACE, message, Remedy.MIGRATE)
    return Fault(
        PLACE, f"it was written by a newer Quotebound (catalog version {legible(value)})", Remedy.NONE
    )


def structure_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield what is wrong with the file itself, whatever its rows say."""
    try:
        raw = raw_of(connection)
        messages = [str(message) for (message,) in raw.execute("PRAGMA integrity_check")]
        header = {name: raw.execute(f"PRAGMA {name}").fetchone()[0] for name in _HEADER}
    except sqlite3.Error as error:
        yield Fault(PLACE, legible(f"it cannot be read: {error}"), Remedy.SALVAGE)
        return
    wrong = [message for message in messages if message != "ok"]
    of_indexes = all(_OF_INDEXES.match(message) for message in wrong)
    for message in wrong:
        yield Fault(PLACE, legible(message), Remedy.REINDEX if of_indexes else Remedy.SALVAGE)
    for name, expected in _HEADER.items():
        if header[name] != expected:
            message = f"its header says {name} {legible(header[name])} instead of {expected}"
            yield Fault(PLACE, message, Remedy.SALVAGE)
    yield from _layout_faults(connection)


def _layout_faults(connection: sa.Connection) -> Iterator[Fault]:
    found = _layout(connection)
    expected = min(_known_layouts(), key=lambda known: len(known ^ found))
    for _, name, _, _ in sorted(found - expected, key=str):
        yield Fault(
            PLACE, legible(f"the definition of {name} is not the one that was stored"), Remedy.SALVAGE
        )
    missing = {name for _, name, _, _ in expected - found} - {name for _, name, _, _ in found}
    for name in sorted(missing):
        yield Fault(PLACE, f"the definition of {name} is missing", Remedy.SALVAGE)


@cache
def _known_layouts() -> tuple[Layout, ...]:
    """Return the definitions of a new catalog, and of one brought here from each earlier format."""
    known = []
    for number in range(1, migrations.FORMAT + 1):
        engine = sa.create_engine("sqlite://")
        with engine.begin() as connection:
            _make(connection, number)
            for migration in migrations.MIGRATIONS[number - 1 :]:
                migration(connection)
            known.append(_layout(connection))
        engine.dispose()
    return tuple(known)


def _make(connection: sa.Connection, number: int) -> None:
    """Make the tables of a new catalog of a format."""
    if number == 1:
        for statement in _FORMAT_1:
            connection.exec_driver_sql(statement)
        return
    later = {name for since, names in _SINCE.items() if since > number for name in names}
    metadata.create_all(connection, [table for table in metadata.sorted_tables if table.name not in later])


def _layout(connection: sa.Connection) -> Layout:
    rows = raw_of(connection).execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    # SQLite adds statistics of its own where somebody asks it to.
    return frozenset(row for row in rows if not str(row[1]).startswith("sqlite_stat"))


def writing_faults(path: Path) -> Iterator[Fault]:
    """Yield a fault where the header forbids to write to a file that the system lets us write to.

    The lock of a writer is taken for a moment and nothing is written: no other way tells of it.
    """
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return
    raw = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("ROLLBACK")
    except sqlite3.Error as error:
        # Who is kept out by a writer knows by that that one can write.
        if (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_READONLY:
            yield Fault(PLACE, "its header says that it may not be written to", Remedy.SALVAGE)
    finally:
        raw.close()
