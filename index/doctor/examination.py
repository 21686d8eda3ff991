"""Reads everything in a collection and says what is not as it was written."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from index import lexical_files
from index.doctor.fault import Fault, Remedy, legible
from index.doctor.relations import CHECKS
from index.doctor.rows import row_faults, rows_of, whole_rows
from index.doctor.structure import PLACE, format_faults, structure_faults, writing_faults
from index.errors import StorageError
from index.lexical import TantivyIndex
from index.sql import database
from index.sql.changes import last_sequence
from index.sql.migrations import LEXICAL_KEY
from index.sql.schema import meta, passages, spaces
from index.store import CATALOG_FILE
from index.vector_files import SavedIndex
from index.word_upkeep import LEXICAL_FOLDER

# A writer publishes to the indexes after it has committed to the catalog: what differs is looked at again.
_LOOKS = 3
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: in which collection, where, and what."""

    collection: str
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Approximation:
    """How well a large segment of vectors is searched that a collection keeps in a file.

    `recall` is the share of the ten nearest that a search found when the segment was built, with
    `probes` of its `lists`.
    """

    collection: str
    passages: int
    lists: int
    probes: int
    recall: float


def approximations(folder: Path) -> list[Approximation]:
    """Return what is searched nearly exactly in a collection; none where the catalog cannot be read."""
    try:
        kept = _saved_indexes(folder)
    except (StorageError, sqlite3.Error, UnicodeError):
        return []
    return [
        Approximation(folder.name, part.rows, part.lists, part.probes, part.recall)
        for saved in kept
        for part in saved.large
    ]


def examine(folder: Path) -> list[Finding]:
    """Return the findings of a collection's folder; none where all is well.

    Reads only, with its own connection, so that a store that cannot be opened can still be examined.
    """
    return _findings(folder, faults(folder))


def examine_catalog(folder: Path) -> list[Finding]:
    """Return the findings of a collection's catalog alone, of which all else can be made anew."""
    return _findings(folder, catalog_faults(folder))


def _findings(folder: Path, found: list[Fault]) -> list[Finding]:
    return [Finding(folder.name, fault.place, fault.message) for fault in found]


def faults(folder: Path, *, in_use: bool = True) -> list[Fault]:
    """Return what is wrong in a collection's folder, with what mends it.

    Where it is not `in_use` by a writer, indexes that differ from the catalog are not looked at again.
    """
    return catalog_faults(folder) + derived_faults(folder, in_use=in_use)


def catalog_faults(folder: Path) -> list[Fault]:
    """Return what is wrong in a collection's catalog, with what mends it."""
    path = folder / CATALOG_FILE
    found: list[Fault] = []
    try:
        with database.reading(path) as connection:
            found += _held(format_faults, connection)
            if not found:
                for check in (structure_faults, row_faults, *CHECKS):
                    found += _held(check, connection)
        found += writing_faults(path)
    except (StorageError, UnicodeError) as error:
        found.append(Fault(PLACE, legible(error), _remedy_of(error)))
    # A file that cannot be read on is found by every check that reads it.
    return list({(fault.place, fault.message): fault for fault in found}.values())


def _remedy_of(error: Exception) -> Remedy:
    code = getattr(getattr(error.__cause__, "orig", error.__cause__), "sqlite_errorcode", 0) & 0xFF
    return Remedy.NONE if code in _OF_THE_DISK else Remedy.SALVAGE


# The disk refuses, or the file is not to be had: nothing is said about what is in it.
_OF_THE_DISK = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}


def _held(check: Callable[[sa.Connection], Iterator[Fault]], connection: sa.Connection) -> Iterator[Fault]:
    """Yield what a check finds, and where it cannot go on, that."""
    try:
        yield from check(connection)
    except (sqlite3.Error, UnicodeError) as error:
        # Of its own messages, too: it quotes what it cannot read.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        remedy = Remedy.NONE if code in _OF_THE_DISK else Remedy.SALVAGE
        yield Fault(PLACE, legible(f"it cannot be read on: {error}"), remedy)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        yield Fault(PLACE, legible(f"a value is not of the kind that was stored: {error}"), Remedy.NONE)


def derived_faults(folder: Path, *, in_use: bool = True) -> list[Fault]:
    """Return what is wrong with the files that are made from a catalog; none where that cannot be read."""
    try:
        return [*_lexical(folder, _LOOKS if in_use else 1), *_vector_files(folder)]
    except (StorageError, sqlite3.Error, UnicodeError):
        return []  # found already


def _lexical(folder: Path, looks: int) -> Iterator[Fault]:
    sequence, message = 0, None
    for look in range(looks):
        if look:
            time.sleep(_PAUSE_SECONDS)
        sequence, space, key, rows = _expected(folder)
        if space is None or key is None:
            return
        words = folder / LEXICAL_FOLDER / space
        damage = lexical_files.damage(lexical_files.format_folder(words))
        if damage is not None:
            message = damage
            break
        message = _difference(words, key, rows)
        if message is None:
            return
    if message is not None and _expected(folder)[0] == sequence:
        yield Fault("lexical index", f"{message}; the next start rebuilds it", Remedy.DERIVED)


def _expected(folder: Path) -> tuple[int, str | None, bytes | None, set[int]]:
    """Return the last change, the space that serves, the key of its words and the rows there are."""
    with database.reading(folder / CATALOG_FILE) as connection:
        active = [row["id"] for row in whole_rows(connection, spaces) if row["active"] == 1]
        key = [row["value"] for row in whole_rows(connection, meta, "key", LEXICAL_KEY)]
        if len(active) != 1 or not key:
            return 0, None, None, set()
        rows = {rowid for rowid, _ in rows_of(connection, passages, "space", active[0])}
        return last_sequence(connection), active[0], bytes.fromhex(key[0]), rows


def _difference(folder: Path, key: bytes, rows: set[int]) -> str | None:
    index = TantivyIndex(folder, key=key, writable=False)
    try:
        if len(index) != len(rows):
            return f"it has {len(index)} passages of {len(rows)}"
        return None if index.rows() == rows else "it has other passages than the catalog"
    except StorageError as error:
        return legible(error)
    finally:
        index.close()


def _vector_files(folder: Path) -> Iterator[Fault]:
    for saved in _saved_indexes(folder):
        message = _file_message(folder, saved)
        # A writer may have put another file in its place meanwhile.
        if message is not None and saved in _saved_indexes(folder):
            place = f"file of vectors {saved.name}"
            yield Fault(place, f"{message}; the next start rebuilds it", Remedy.DERIVED)


def _saved_indexes(folder: Path) -> list[SavedIndex]:
    with database.reading(folder / CATALOG_FILE) as connection:
        kept = [SavedIndex.from_json(row["value"]) for row in whole_rows(connection, meta)]
    return [saved for saved in kept if saved is not None]


def _file_message(folder: Path, saved: SavedIndex) -> str | None:
    try:
        with (folder / saved.name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None if found == (saved.sha256, saved.size) else "it is not the one that was written"
