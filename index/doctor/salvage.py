"""A catalog that SQLite cannot read any more, carried over row by row into a new file.

What is carried over is every row whose checksum is right, wherever it is in the file; a row that can be
read and is not right goes to the quarantine. The old file is kept beside the new one.
"""

from __future__ import annotations

import mmap
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from index.disk import make_durable
from index.doctor.pages import PAGE_BYTES, Cell, cells, page_bytes_of
from index.doctor.quarantine import set_aside
from index.errors import DamagedStore
from index.sql.database import sqlite_engine, storage_errors
from index.sql.schema import documents, is_whole, meta, metadata, originals, outlines
from index.store import CATALOG_FILE

_NEW = "salvaged"
_BATCH = 1_000

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Found:
    """The rows of a file by table, those that are damaged, and those that could not be read.

    Whole parts of originals are counted only: they can be more than there is memory for.
    """

    page_bytes: int
    whole: dict[str, list[Row]] = field(default_factory=dict)
    damaged: list[tuple[int, str, Row]] = field(default_factory=list)
    unreadable: list[tuple[int, Row]] = field(default_factory=list)
    originals: int = 0

    @property
    def count(self) -> int:
        return sum(map(len, self.whole.values())) + self.originals


def salvage(folder: Path) -> list[str]:
    """Put a new catalog in place of a collection's damaged one; return what was done, in sentences.

    Broken off at any point, the old one or the new one is in place. Raise `DamagedStore` where no row
    could be read, and then nothing has changed.
    """
    path = folder / CATALOG_FILE
    _recover(path)
    with path.open("rb") as file, closing(_mapped(file.fileno())) as data:
        found = max(
            (_read(data, size) for size in {PAGE_BYTES, page_bytes_of(data[:100]) or PAGE_BYTES}),
            key=lambda found: found.count,
        )
        if not found.count:
            raise DamagedStore(
                "no row of the catalog could be read: restore a backup with `quotebound restore`, "
                "or remove the collection's folder and ingest its documents again"
            )
        new = folder / f"{CATALOG_FILE}.{_NEW}"
        _remove(new)
        with storage_errors():
            _write(new, found, data)
    kept = _swap(path, new)
    lost = len(found.damaged) + len(found.unreadable)
    return [
        f"{found.count} rows were carried over into a new file, {lost} were not; the old one is {kept}, "
        "for you to remove: it keeps what is deleted from now on"
    ]


def unbound_engine(path: Path) -> sa.Engine:
    """Return an engine that writes, and lets rows stand whose document is missing: they are found later."""
    engine = sqlite_engine(path, writable=True)
    # After those that `sqlite_engine` sets, among which is the opposite.
    event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys=OFF"))
    return engine


def _recover(path: Path) -> None:
    """Have SQLite finish what a killed writer began, as far as it can."""
    with suppress(sqlite3.Error, UnicodeError), closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _mapped(descriptor: int) -> mmap.mmap:
    try:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise DamagedStore("the catalog is empty: restore a backup with `quotebound restore`") from error


def _read(data: mmap.mmap, page_bytes: int) -> _Found:
    found = _Found(page_bytes)
    shapes = [(table, _shape(table)) for table in metadata.sorted_tables]
    with memoryview(data) as view:
        for cell in cells(view, page_bytes):
            if not isinstance(cell, Cell):
                found.unreadable.append((cell.page, {"cell": cell.cell, "bytes": cell.data}))
                continue
            fitting = [
                (table, row) for table, shape in shapes if (row := _row(table, shape, cell)) is not None
            ]
            whole = [(table, row) for table, row in fitting if is_whole(table, row)]
            if whole:
                for table, row in whole:
                    if table is originals:
                        found.originals += 1
                    else:
                        found.whole.setdefault(table.name, []).append(row)
            elif fitting:
                found.damaged.append((cell.page, fitting[0][0].name, fitting[0][1]))
            elif not _is_of_sqlite(cell):
                values = {str(place): value for place, value in enumerate(cell.values)}
                found.unreadable.append((cell.page, {"number": cell.rowid, **values}))
    _part(found)
    return found


def _originals(data: mmap.mmap, page_bytes: int) -> Iterator[Row]:
    """Yield the whole parts of originals in a file."""
    shape = _shape(originals)
    with memoryview(data) as view:
        for cell in cells(view, page_bytes):
            row = _row(originals, shape, cell) if isinstance(cell, Cell) else None
            if row is not None and is_whole(originals, row):
                yield row


def _is_of_sqlite(cell: Cell) -> bool:
    """Tell whether a row is one of SQLite's own: a definition, or the number last given in a table."""
    return len(cell.values) == 2 or (len(cell.values) == 5 and cell.values[0] in ("table", "index"))


def _shape(table: sa.Table) -> list[tuple[type, ...]]:
    """Return the kinds of value that each column of a table can have in the file."""
    kinds: list[tuple[type, ...]] = []
    for column in table.columns:
        kind = _KINDS[type(column.type)]
        if column.name == _number(table):
            kinds.append((type(None),))
        else:
            kinds.append((*kind, type(None)) if column.nullable else kind)
    return kinds


# SQLite writes a whole number in a column of real ones as an integer, which is shorter.
_KINDS: dict[type, tuple[type, ...]] = {
    sa.Integer: (int,),
    sa.REAL: (float, int),
    sa.Text: (str,),
    sa.LargeBinary: (bytes,),
}


def _number(table: sa.Table) -> str | None:
    """Return the column that is the number under which SQLite keeps a row, and not among its values."""
    key = list(table.primary_key.columns)
    return key[0].name if len(key) == 1 and isinstance(key[0].type, sa.Integer) else None


def _row(table: sa.Table, shape: Sequence[tuple[type, ...]], cell: Cell) -> Row | None:
    if len(cell.values) != len(shape) or not all(map(isinstance, cell.values, shape)):
        return None
    values = (
        float(value) if float in kinds and isinstance(value, int) else value
        for value, kinds in zip(cell.values, shape, strict=True)
    )
    row = dict(zip((column.name for column in table.columns), values, strict=True))
    number = _number(table)
    return row if number is None else {**row, number: cell.rowid}


def _part(found: _Found) -> None:
    """Tell values and outlines apart: both are two texts, and only outlines begin with a document's id."""
    ids = {row["id"] for row in found.whole.get(documents.name, ())}
    outlined = [row for row in found.whole.get(outlines.name, ()) if row["document_id"] in ids]
    found.whole[outlines.name] = outlined
    found.whole[meta.name] = [row for row in found.whole.get(meta.name, ()) if row["key"] not in ids]


def _write(path: Path, found: _Found, data: mmap.mmap) -> None:
    engine = unbound_engine(path)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            for table in metadata.sorted_tables:
                is_large = table is originals
                rows = (
                    _originals(data, found.page_bytes) if is_large else iter(found.whole.get(table.name, []))
                )
                # The same row can be in two pages, of which one was about to be freed.
                statement = sa.insert(table).prefix_with("OR IGNORE")
                while batch := list(islice(rows, 1 if is_large else _BATCH)):
                    connection.execute(statement, batch)
            for page, name, row in found.damaged:
                set_aside(connection, f"page {page}", "the row is not the one that was stored", name, row)
            for page, row in found.unreadable:
                set_aside(connection, f"page {page}", "the row cannot be read", "", row)
        with engine.connect() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                raise DamagedStore("the new catalog is damaged as well: is the disk failing?")
    finally:
        engine.dispose()
    make_durable(path)


def _swap(path: Path, new: Path) -> str:
    """Put a new file in the place of the catalog, and keep the old one; return its name."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = path.with_name(f"catalog.damaged-{time}")
    try:
        os.link(path, kept)
    except OSError:
        shutil.copy2(path, kept)
    # What SQLite could not apply to the old file must not be applied to the new one.
    for suffix in _suffixes(path):
        path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    make_durable(path.parent)
    new.replace(path)
    make_durable(path.parent)
    return kept.name


def _suffixes(path: Path) -> Iterator[str]:
    return (suffix for suffix in ("-journal", "-wal", "-shm") if path.with_name(path.name + suffix).exists())


def _remove(path: Path) -> None:
    for suffix in ("", *_suffixes(path)):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
