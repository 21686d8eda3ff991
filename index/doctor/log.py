"""The change log: whole from 1 to its end, and told of by SQLite, the spaces and the documents alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy
from index.doctor.rows import Row, Sources, rows_of, whole_rows
from index.sql.database import raw_of
from index.sql.schema import changes, documents, spaces


@dataclass(frozen=True, slots=True)
class Log:
    """The whole rows of the change log by number, and the numbers that SQLite gave last by table."""

    changes: Mapping[int, Row]
    given: tuple[tuple[object, object], ...]


def log_of(connection: sa.Connection) -> Log:
    """Return what is left of the change log."""
    raw = raw_of(connection)
    given = raw.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    return Log({row["sequence"]: row for row in whole_rows(connection, changes)}, tuple(given))


def log_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield where the change log has gaps, or ends elsewhere than what refers to it."""
    log = log_of(connection)
    present = [rowid for rowid, _ in rows_of(connection, changes)]
    for first, last in _gaps(present):
        message = "it is missing" if first == last else f"and those up to {last} are missing"
        yield Fault(f"change {first}", message, Remedy.LOG)
    last = max(present, default=0)
    for row in whole_rows(connection, spaces):
        if (row["activated"] or 0) > last:
            message = f"it says that change {row['activated']} made it serve, and there is none"
            yield Fault(f"row {row['id']!r} of spaces", message, Remedy.LOG)
    numbers = {"changes": last, "quarantine": _last_quarantined(connection)}
    expected = {(name, number) for name, number in numbers.items() if number}
    # A table that had rows and lost them, or never had any, may have a 0.
    if {entry for entry in log.given if entry[1] != 0 or entry[0] not in numbers} != expected:
        yield Fault("table sqlite_sequence", "its numbers are not those of the last rows", Remedy.LOG)
    told = {row["document_id"] for row in log.changes.values() if row["operation"] == "put"}
    if len(log.changes) == len(present):
        sources = Sources(connection)
        for row in whole_rows(connection, documents):
            if row["id"] not in told:
                place = sources.document(row["id"])
                yield Fault(place, "no change tells of it", Remedy.LOG, document=row["id"])


def _gaps(present: list[int]) -> Iterator[tuple[int, int]]:
    before = 0
    for number in sorted(present):
        if number > before + 1:
            yield before + 1, number - 1
        before = number


def _last_quarantined(connection: sa.Connection) -> int:
    raw = raw_of(connection)
    return raw.execute("SELECT max(id) FROM quarantine").fetchone()[0] or 0
