"""Mends a collection by what the doctor finds, until it finds nothing that can be mended.

Each round examines the catalog and does in one transaction what the findings ask for; what that leaves
without its other half is found in the next. Broken off at any point, it is begun again. What is damaged
is copied to the quarantine before it goes; what is whole is never removed, unless it can be made again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from index import doctor
from index.doctor import Finding
from index.doctor.fault import Fault, Remedy, legible
from index.doctor.remedies import applied
from index.doctor.rows import whole_rows
from index.doctor.salvage import salvage, unbound_engine
from index.errors import StorageError
from index.home import collection_folders, locked
from index.sql.database import Database, reading, storage_errors
from index.sql.records import space as space_of
from index.sql.schema import meta, spaces
from index.store import CATALOG_FILE, Store
from index.vector_files import SavedIndex, discard_others
from index.word_upkeep import LEXICAL_FOLDER

# What a round leaves without its other half is found in the next; more than a few would not help.
_ROUNDS = 8
# Of which a repair can mend nothing.
_LEFT = (Remedy.NONE, Remedy.AWAIT)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done: in which collection, about which place, and what."""

    collection: str
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was found in a home, what was done about it, and what is found now.

    `due` are the collections in which documents wait to be cut and embedded anew.
    """

    findings: tuple[Finding, ...]
    actions: tuple[Action, ...]
    left: tuple[Finding, ...]
    due: tuple[str, ...]


def repair(home: Path) -> Repaired:
    """Mend every collection of a home; raise `HomeLocked` where another process writes to it."""
    lock = locked(home)
    try:
        done = [repair_collection(folder) for folder in collection_folders(home)]
    finally:
        lock.release()
    return Repaired(
        findings=tuple(finding for one in done for finding in one.findings),
        actions=tuple(action for one in done for action in one.actions),
        left=tuple(finding for one in done for finding in one.left),
        due=tuple(name for one in done for name in one.due),
    )


def repair_collection(folder: Path) -> Repaired:
    """Mend a collection that nobody else has open; the home's lock is the caller's."""
    before = found = doctor.faults(folder, in_use=False)
    actions: list[tuple[str, str]] = []
    touched = False
    try:
        for _ in range(_ROUNDS):
            wanted = [fault for fault in found if fault.remedy not in _LEFT]
            if not wanted:
                break
            # First, so that nothing made from rows that go or change is ever taken for what is made anew.
            touched = True
            _drop_derived(folder)
            actions += _round(folder, wanted)
            # The indexes are made last, of a catalog in which nothing is to be mended any more.
            found = doctor.catalog_faults(folder)
        if touched:
            _restore_derived(folder)
            found = doctor.faults(folder, in_use=False)
    except StorageError as error:
        actions.append(("catalog", f"nothing more could be done: {error}"))
        found = doctor.faults(folder, in_use=False)
    return Repaired(
        findings=tuple(Finding(folder.name, fault.place, fault.message) for fault in before),
        actions=tuple(Action(folder.name, place, legible(message)) for place, message in actions),
        left=tuple(Finding(folder.name, fault.place, fault.message) for fault in found),
        due=(folder.name,) if any(fault.remedy is Remedy.AWAIT for fault in found) else (),
    )


def _round(folder: Path, faults: list[Fault]) -> list[tuple[str, str]]:
    remedies = {fault.remedy for fault in faults}
    if Remedy.SALVAGE in remedies:
        return [("catalog", message) for message in salvage(folder)]
    if Remedy.MIGRATE in remedies:
        Database(folder / CATALOG_FILE, writable=True).close()
        return [("catalog", "brought to the format of this version")]
    done: list[tuple[str, str]] = []
    engine = unbound_engine(folder / CATALOG_FILE)
    try:
        with storage_errors(), engine.begin() as connection:
            if Remedy.REINDEX in remedies:
                connection.exec_driver_sql("REINDEX")
                return [("catalog", "the indexes of the database are made anew from its tables")]
            done += applied(connection, faults)
            _forget_vector_files(connection)
    finally:
        engine.dispose()
    if Remedy.DERIVED in remedies:
        done.append(("indexes", "removed, and made anew from the catalog"))
    return done


def _forget_vector_files(connection: sa.Connection) -> None:
    for row in list(whole_rows(connection, meta)):
        if SavedIndex.from_json(row["value"]) is not None:
            connection.execute(sa.delete(meta).where(meta.c.key == row["key"]))


def _drop_derived(folder: Path) -> None:
    shutil.rmtree(folder / LEXICAL_FOLDER, ignore_errors=True)
    discard_others(folder)


def _restore_derived(folder: Path) -> None:
    """Make the indexes anew by opening the collection, if there is a space to open it in."""
    with reading(folder / CATALOG_FILE) as connection:
        active = [space_of(row) for row in whole_rows(connection, spaces) if row["active"] == 1]
    if len(active) == 1:
        Store(folder, active[0], writable=True).close()
