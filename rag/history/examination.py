"""Reads all that is kept of conversations and says what is not as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from index.doctor import Finding
from index.doctor.fault import legible
from index.doctor.rows import ALTERED, rows_of
from index.errors import StorageError
from index.sql.database import raw_of, sqlite_engine
from index.sql.schema import is_whole
from rag.history.file import HISTORY_FILE, WAY_OUT, history_errors
from rag.history.schema import metadata, readable_format

_FILE = "the kept conversations"


def examine_history(home: Path) -> list[Finding]:
    """Return what is wrong with a home's kept conversations; nothing where there are none.

    Reads only. A damaged row is left out of what is shown, and there is nothing to mend it from.
    """
    path = home / HISTORY_FILE
    if not path.is_file():
        return []
    engine = sqlite_engine(path, writable=False)
    try:
        with history_errors(), engine.connect() as connection:
            return [Finding(HISTORY_FILE, place, legible(message)) for place, message in _faults(connection)]
    except (StorageError, sqlite3.Error, UnicodeError, ValueError, TypeError) as error:
        return [Finding(HISTORY_FILE, _FILE, legible(error))]
    finally:
        engine.dispose()


def _faults(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    if readable_format(connection) == 0:
        # Another process is about to make it, or was killed then.
        return
    damage = [told for (told,) in raw_of(connection).execute("PRAGMA integrity_check") if told != "ok"]
    yield from ((_FILE, f"{told}: {WAY_OUT}") for told in damage)
    for table in metadata.sorted_tables:
        for rowid, row in rows_of(connection, table):
            if not is_whole(table, row):
                yield f"row {rowid} of {table.name}", f"{ALTERED}, and is left out: {WAY_OUT}"
