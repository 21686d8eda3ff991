"""Every row of every table against the checksum it was stored with."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from index.doctor.fault import Fault, Remedy, legible
from index.sql.database import raw_of
from index.sql.schema import documents, is_whole, metadata, passages

Row = Mapping[str, Any]

ALTERED = "the row is not the one that was stored"

_REMEDIES = {
    "meta": Remedy.META,
    "spaces": Remedy.SPACE,
    "documents": Remedy.DOCUMENT,
    "segments": Remedy.DOCUMENT,
    "changes": Remedy.LOG,
}


def rows_of(
    connection: sa.Connection, table: sa.Table, column: str = "", value: object = None
) -> Iterator[tuple[int, Row]]:
    """Yield each row of a table, or those with a value in a column, and the number SQLite keeps it under.

    In the order of these. Values come as they are in the file, of whatever kind: SQLAlchemy would refuse
    some. `rowid` is a column, too. Raise `sqlite3.DatabaseError` where the file cannot be read on.
    """
    statement, names = _selecting(table, column)
    for rowid, *found in raw_of(connection).execute(statement, (value,) if column else ()):
        yield rowid, dict(zip(names, found, strict=True))


@cache
def _selecting(table: sa.Table, column: str) -> tuple[str, tuple[str, ...]]:
    number: sa.ColumnElement[int] = sa.literal_column("rowid")
    statement = sa.select(number, *table.columns).order_by(number)
    if column:
        statement = statement.where(
            (number if column == "rowid" else table.columns[column]) == sa.bindparam("")
        )
    return str(statement.compile(dialect=sqlite.dialect())), tuple(found.name for found in table.columns)


def whole_rows(
    connection: sa.Connection, table: sa.Table, column: str = "", value: object = None
) -> Iterator[Row]:
    """Yield the rows of a table, or those with a value in a column, that are those that were stored."""
    return (row for _, row in rows_of(connection, table, column, value) if is_whole(table, row))


def row_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield the rows that are not those that were stored, each with its place."""
    sources = Sources(connection)
    for table in metadata.sorted_tables:
        try:
            for rowid, row in rows_of(connection, table):
                if not is_whole(table, row):
                    yield Fault(
                        sources.place(table.name, rowid, row),
                        ALTERED,
                        _REMEDIES.get(table.name, Remedy.ROW),
                        table=table.name,
                        rowid=rowid,
                        document=_document_of(table.name, row),
                        space=_space_of(table.name, row),
                    )
        except sqlite3.Error as error:
            yield Fault(f"table {table.name}", f"it cannot be read on: {error}", Remedy.SALVAGE)


class Sources:
    """Names the places of rows as people know them, by the sources of the documents they are of."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        try:
            self._names = {row["id"]: row["source"] for _, row in rows_of(connection, documents)}
        except sqlite3.Error:
            self._names = {}

    def document(self, document_id: object) -> str:
        """Return how a document is named."""
        source = self._names.get(document_id)
        return legible(f"document {document_id}" + (f" ({source})" if source is not None else ""))

    def cut(self, document_id: object, space: object) -> str:
        """Return how a document's cut is named."""
        return legible(f"the cut of {self.document(document_id)} in space {space}")

    def passage(self, rowid: int, row: Row) -> str:
        """Return how a row of `passages` is named."""
        return f"row {rowid} of passages of {self.document(row['document_id'])}"

    def place(self, table: str, rowid: int, row: Row) -> str:
        """Return how a row is named."""
        match table:
            case "documents":
                place = self.document(row["id"])
            case "outlines":
                place = f"the outline of {self.document(row['document_id'])}"
            case "layouts":
                place = f"the layout of page {row['page']} of {self.document(row['document_id'])}"
            case "originals":
                place = f"part {row['part']} of the original of {self.document(row['document_id'])}"
            case "segments":
                place = f"the text from character {row['start']} of {self.document(row['document_id'])}"
            case "cuts":
                place = self.cut(row["document_id"], row["space"])
            case "passages":
                place = self.passage(rowid, row)
            case "vectors":
                place = f"row {rowid} of vectors{self._of_passage(rowid)}"
            case "changes":
                place = f"change {rowid}"
            case "job_files":
                # Not by its origin, which can tell a path.
                place = f"file {row['source']} of job {row['job_id']}"
            case "uploads":
                place = f"part {row['part']} of the upload of job {row['job_id']}"
            case _:
                place = f"row {next(iter(row.values()))!r} of {table}"
        return legible(place)

    def _of_passage(self, rowid: int) -> str:
        try:
            for _, row in rows_of(self._connection, passages, "row", rowid):
                return f" of {self.document(row['document_id'])}"
        except sqlite3.Error:
            pass
        return ""


def _document_of(table: str, row: Row) -> str:
    return legible(row["id"] if table == "documents" else row.get("document_id", ""))


def _space_of(table: str, row: Row) -> str:
    return legible(row["id"] if table == "spaces" else row.get("space", ""))
