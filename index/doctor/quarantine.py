"""Damaged rows set aside as they were found, in a table of the catalog itself."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa

from index.doctor.fault import legible
from index.sql import records
from index.sql.database import insert
from index.sql.schema import quarantine


def set_aside(
    connection: sa.Connection, place: str, reason: str, table: str, row: Mapping[str, object]
) -> None:
    """Copy a row to the quarantine, with where it was and why it is there; it stays where it was, too."""
    record = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
    # A number of our own: SQLite's would not be to be had where the last one given is damaged.
    last = connection.scalar(sa.select(sa.func.max(quarantine.c.id)).where(quarantine.c.id < 2**53))
    entry = {
        "id": (last or 0) + 1,
        "added": records.now(),
        "place": legible(place),
        "reason": legible(reason),
        # In ASCII, so that what is no UTF-8 any more is kept as well.
        "record": json.dumps({"table": table, "row": record}),
    }
    insert(connection, quarantine, [entry])
