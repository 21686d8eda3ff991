"""What is done about each kind of fault in a catalog, within a transaction that the caller commits."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace

import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy, legible
from index.doctor.log import log_of
from index.doctor.quarantine import set_aside
from index.doctor.rows import Row, rows_of, whole_rows
from index.doctor.space_recovery import recovered
from index.sql.changes import NEXT_ROW, log, remove_cut
from index.sql.database import amend, insert, raw_of, store_value
from index.sql.migrations import FORMAT, LEXICAL_KEY, VERSION_KEY
from index.sql.schema import (
    changes,
    cuts,
    documents,
    job_files,
    layouts,
    meta,
    metadata,
    originals,
    outlines,
    passages,
    quarantine,
    segments,
    spaces,
    vectors,
)
from index.sql.unread import UNREAD, counted, keep_unread, kept_as

# The place, and what was done about it.
Done = Iterator[tuple[str, str]]


def applied(connection: sa.Connection, faults: list[Fault]) -> Done:
    """Do what faults ask for, in the order in which one thing may rest on another."""
    for remedy, apply in _REMEDIES.items():
        for fault in faults:
            if fault.remedy is remedy:
                yield from apply(connection, fault)
    # Rows came and went by numbers of their own.
    _count_anew(connection)


def _is_numbered(rowid: int) -> sa.ColumnElement[bool]:
    """Return the condition that SQLite keeps a row under a number."""
    number: sa.ColumnElement[int] = sa.literal_column("rowid")
    return number == rowid


def _taken(connection: sa.Connection, fault: Fault) -> Row | None:
    """Set a damaged row aside and remove it; None where it is gone already."""
    table = metadata.tables[fault.table]
    for _, row in rows_of(connection, table, "rowid", fault.rowid):
        set_aside(connection, fault.place, fault.message, fault.table, row)
        connection.execute(sa.delete(table).where(_is_numbered(fault.rowid)))
        return row
    return None


def _row(connection: sa.Connection, fault: Fault) -> Done:
    if _taken(connection, fault) is not None:
        yield fault.place, "set aside"


def _original(connection: sa.Connection, fault: Fault) -> Done:
    numbers = [rowid for rowid, _ in rows_of(connection, originals, "document_id", fault.document)]
    for number in numbers:
        _taken(connection, replace(fault, table=originals.name, rowid=number))
    if numbers:
        yield fault.place, "set aside; to see quotes on its pages, add the file again"


def _recut(connection: sa.Connection, fault: Fault) -> Done:
    is_cut = (cuts.c.document_id == fault.document) & (cuts.c.space == fault.space)
    counted = connection.execute(sa.select(cuts.c.space).where(is_cut)).first()
    if remove_cut(connection, fault.document, fault.space) or counted is not None:
        place = f"document {fault.document}"
        yield (
            place,
            f"its passages of space {fault.space} are removed, to be made anew from its text",
        )


def _document(connection: sa.Connection, fault: Fault) -> Done:
    source, origin = _name(connection, fault)
    removed = 0
    of_passages = [row for row, _ in rows_of(connection, passages, "document_id", fault.document)]
    for table, column, values in (
        # By its number, too: its id may be what is damaged.
        (documents, "rowid", [fault.rowid] if fault.table == documents.name else []),
        (documents, "id", [fault.document]),
        (outlines, "document_id", [fault.document]),
        (layouts, "document_id", [fault.document]),
        (originals, "document_id", [fault.document]),
        (segments, "rowid", [fault.rowid] if fault.table == segments.name else []),
        (segments, "document_id", [fault.document]),
        (cuts, "document_id", [fault.document]),
        (vectors, "row", of_passages),
        (passages, "document_id", [fault.document]),
    ):
        for value in values:
            for rowid, row in list(rows_of(connection, table, column, value)):
                set_aside(connection, fault.place, fault.message, table.name, row)
                connection.execute(sa.delete(table).where(_is_numbered(rowid)))
                removed += 1
    if removed:
        log(connection, "delete", fault.document)
        yield (
            fault.place,
            f"removed, its {removed} rows are set aside: ingest {source} again, which came from {origin}, "
            "or restore a backup",
        )


def _name(connection: sa.Connection, fault: Fault) -> tuple[str, str]:
    """Return the source and the origin of a document, as far as they are known."""
    known = ("rowid", fault.rowid) if fault.table == documents.name else ("id", fault.document)
    for _, row in rows_of(connection, documents, *known):
        return legible(row["source"]), legible(row["origin"])
    for row in whole_rows(connection, job_files, "document_id", fault.document):
        return row["source"], row["origin"]
    return "its file", "a place that is not known any more"


def _values(connection: sa.Connection, fault: Fault) -> Done:
    if fault.table and _taken(connection, fault) is not None:
        yield fault.place, "set aside"
    found = {row["key"]: row["value"] for row in whole_rows(connection, meta)}
    if VERSION_KEY not in found:
        # Looked at by the doctor before: the tables are today's.
        store_value(connection, VERSION_KEY, str(FORMAT))
        yield f"row {VERSION_KEY!r} of meta", f"is {FORMAT} again, as the tables are"
    if LEXICAL_KEY not in found:
        store_value(connection, LEXICAL_KEY, secrets.token_hex(16))
        yield f"row {LEXICAL_KEY!r} of meta", "is a new one; the lexical index is made anew with it"
    last = max(connection.scalar(sa.select(sa.func.max(table.c.row))) or -1 for table in (passages, vectors))
    if NEXT_ROW not in found or int(found[NEXT_ROW]) <= last:
        store_value(connection, NEXT_ROW, str(last + 1))
        yield f"row {NEXT_ROW!r} of meta", f"is {last + 1}, past the last row there is"
    unread = counted(connection)
    if found.get(UNREAD) != kept_as(unread):
        keep_unread(connection, unread)
        yield f"row {UNREAD!r} of meta", f"is {kept_as(unread) or 'gone'}, as the pages of the documents say"


def _space(connection: sa.Connection, fault: Fault) -> Done:
    whole = {row["id"]: row for row in whole_rows(connection, spaces)}
    referred = {
        str(row["space"]) for table in (cuts, passages) for row in whole_rows(connection, table)
    } - whole.keys()
    row = _taken(connection, fault)
    if row is None:
        return
    serves = any(other["active"] == 1 for other in whole.values())
    record = recovered(row, referred, log_of(connection), other_serves=serves)
    if record is not None and record["id"] not in whole:
        connection.execute(sa.insert(spaces), record)
        yield fault.place, "is whole again, as its id and its checksum prove"
    else:
        yield fault.place, "set aside; what it was cannot be told any more"


def _drop_space(connection: sa.Connection, fault: Fault) -> Done:
    if connection.scalar(sa.select(spaces.c.id).where(spaces.c.id == fault.space)) is not None:
        return  # recovered meanwhile
    count = 0
    for table in (vectors, passages, cuts):
        count += connection.execute(sa.delete(table).where(table.c.space == fault.space)).rowcount
    if count:
        yield fault.place, f"its {count} rows are removed; run `quotebound reindex` to make them anew"


def _activate(connection: sa.Connection, _fault: Fault) -> Done:
    known = {row["id"] for row in whole_rows(connection, spaces)}
    told = [
        change["document_id"]
        for _, change in sorted(log_of(connection).changes.items())
        if change["operation"] == "space" and change["document_id"] in known
    ]
    by_size = sa.select(cuts.c.space).group_by(cuts.c.space).order_by(sa.func.count().desc(), cuts.c.space)
    space: str | None = told[-1] if told else (connection.scalar(by_size) or min(known, default=None))
    if space is not None and space in known:
        amend(connection, spaces, spaces.c.active == 1, active=0)
        number = log(connection, "space", space)
        amend(connection, spaces, spaces.c.id == space, active=1, activated=number)
        yield f"space {space}", "serves, as the change log has it"


def _log(connection: sa.Connection, fault: Fault) -> Done:
    """Complete the change log: with what other rows tell of a change, else with one that does nothing."""
    if fault.table and _taken(connection, fault) is None:
        return
    whole = log_of(connection).changes
    activated = {row["activated"]: row["id"] for row in whole_rows(connection, spaces) if row["activated"]}
    present = [rowid for rowid, _ in rows_of(connection, changes)]
    # A damaged row can lie under any number; those are taken one by one, each as a fault of its own.
    trusted = [number for number in present if number in whole]
    last = max([*trusted, *activated], default=0)
    told = {change["document_id"] for change in whole.values() if change["operation"] == "put"}
    untold = [row["id"] for row in whole_rows(connection, documents) if row["id"] not in told]
    added = 0
    for number in range(1, last + 1):
        if number not in whole and number not in present:
            _note(connection, number, activated.get(number), untold)
            added += 1
    while untold:
        last += 1
        if last not in present:
            _note(connection, last, None, untold)
            added += 1
    yield fault.place, "set aside" if fault.table else f"{added} changes are noted in place of what is lost"


def _note(connection: sa.Connection, number: int, space: str | None, untold: list[str]) -> None:
    if space is not None:
        entry = ("space", space)
    elif untold:
        entry = ("put", untold.pop(0))
    else:
        entry = ("delete", "")
    insert(connection, changes, [{"sequence": number, "operation": entry[0], "document_id": entry[1]}])


def _count_anew(connection: sa.Connection) -> None:
    raw = raw_of(connection)
    raw.execute("DELETE FROM sqlite_sequence")
    for table, column in ((changes, changes.c.sequence), (quarantine, quarantine.c.id)):
        last = connection.scalar(sa.select(sa.func.max(column)))
        if last:
            raw.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, last))


_REMEDIES: dict[Remedy, Callable[[sa.Connection, Fault], Done]] = {
    # First, since a document that is removed is logged.
    Remedy.LOG: _log,
    Remedy.META: _values,
    Remedy.SPACE: _space,
    Remedy.DOCUMENT: _document,
    Remedy.ROW: _row,
    Remedy.ORIGINAL: _original,
    Remedy.RECUT: _recut,
    Remedy.DROP_SPACE: _drop_space,
    Remedy.ACTIVATE: _activate,
}
