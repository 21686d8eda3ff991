"""A home in one file, and back: the catalogs and what cannot be made from them.

The file is a gzipped tar: `manifest.json`, which names each collection with the SHA-256 of its catalog,
and each further database of the home with its own, and then these files. Each is copied as of one moment,
while others read and write it, and without the free pages in which SQLite leaves what was deleted.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.disk import make_durable
from index.doctor import examine_catalog
from index.errors import CollectionNotFound, DamagedStore, InvalidBackup, StorageFull, StorageUnavailable
from index.home import COLLECTIONS_FOLDER, collection_folders, is_collection_name, locked
from index.sql import database
from index.sql.changes import active_id
from index.sql.schema import documents, passages, row_count
from index.store import CATALOG_FILE

FORMAT = 2
# A backup of format 1 has collections alone.
_READ_FORMATS = (1, FORMAT)
_MANIFEST = "manifest.json"
_BLOCK = 2**20
# Passages of another space are kept too, and not counted.
_SERVED = sa.select(sa.func.count()).where(passages.c.space == active_id())


@dataclass(frozen=True, slots=True)
class SavedCollection:
    """A collection in a backup; `sha256` is that of its catalog's file."""

    name: str
    sha256: str
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A database of the home in a backup, which is of no collection; `sha256` is that of its file."""

    name: str
    sha256: str


def back_up(home: Path, file: Path, also: Sequence[str] = ()) -> list[SavedCollection]:
    """Write all collections of a home to a file, whoever uses them meanwhile.

    `also` names SQLite databases of the home that are saved with them where they are there. The file is
    there whole or not at all. Raise `CollectionNotFound` for an empty home, `InvalidBackup` where the
    file is there already, `DamagedStore` for a catalog or database that could not be restored,
    `StorageFull`, `StorageUnavailable`.
    """
    folders = collection_folders(home)
    if not folders:
        raise CollectionNotFound("there is nothing to back up; add documents with `quotebound ingest PATH`")
    if file.exists():
        raise InvalidBackup(f"{file.name} is there already; give another name, or remove it first")
    with _disk("nothing was written"), tempfile.TemporaryDirectory(dir=file.parent) as name:
        folder = Path(name)
        saved = [_copy(source, folder / source.name) for source in folders]
        files = [_copy_file(home / name, folder / name) for name in also if (home / name).is_file()]
        whole = folder / "backup"
        with tarfile.open(whole, "w:gz") as archive:
            manifest = {
                "format": FORMAT,
                "collections": [asdict(entry) for entry in saved],
                "files": [asdict(entry) for entry in files],
            }
            (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
            archive.add(folder / _MANIFEST, arcname=_MANIFEST)
            for entry in saved:
                archive.add(folder / entry.name / CATALOG_FILE, arcname=entry.name)
            for extra in files:
                archive.add(folder / extra.name, arcname=extra.name)
        make_durable(whole)
        whole.replace(file)
        make_durable(file.parent)
    return saved


def restore(home: Path, file: Path, also: Sequence[str] = ()) -> list[SavedCollection]:
    """Put the collections of a backup, and the files named in `also` that it has, into a home without them.

    Everything is verified before any of it is in place: hashes, and then each row as the doctor does.
    Raise `InvalidBackup`, `HomeLocked`, `StorageFull`, `StorageUnavailable`.
    """
    if not file.is_file():
        raise InvalidBackup(f"there is no backup {file.name!r}")
    lock = locked(home)
    try:
        if collection_folders(home):
            raise InvalidBackup(
                "this home has collections already: restore into an empty one, named by QUOTEBOUND_HOME"
            )
        with _disk("nothing was restored"), tempfile.TemporaryDirectory(dir=home) as name:
            found, files = _unpacked(file, Path(name), also)
            for extra in files:
                _require_absent(home, extra.name)
                (Path(name) / extra.name).rename(home / extra.name)
            target = home / COLLECTIONS_FOLDER
            # It may be there and empty: a home that was only opened.
            shutil.rmtree(target, ignore_errors=True)
            (Path(name) / COLLECTIONS_FOLDER).rename(target)
            make_durable(home)
        return found
    finally:
        lock.release()


def _copy(source: Path, target: Path) -> SavedCollection:
    target.mkdir()
    _vacuum_into(source / CATALOG_FILE, target / CATALOG_FILE)
    if findings := examine_catalog(target):
        raise DamagedStore(
            f"collection {source.name!r} is damaged ({findings[0].place}: {findings[0].message}), "
            "and could not be restored: run `quotebound doctor --repair`"
        )
    with database.reading(target / CATALOG_FILE) as connection:
        counts = [row_count(connection, documents), connection.scalar(_SERVED) or 0]
    return SavedCollection(source.name, _sha256(target / CATALOG_FILE), *counts)


def _copy_file(source: Path, target: Path) -> SavedFile:
    try:
        _vacuum_into(source, target)
    except DamagedStore as error:
        raise DamagedStore(
            f"{source.name} is damaged, and could not be restored: move it out of the home to save the rest"
        ) from error
    return SavedFile(source.name, _sha256(target))


def _vacuum_into(source: Path, target: Path) -> None:
    with database.reading(source) as connection:
        # Outside of a transaction, and the one statement that writes: to another file.
        raw = database.raw_of(connection)
        raw.execute("PRAGMA query_only=OFF")
        raw.execute("VACUUM INTO ?", (str(target),))


def _require_absent(home: Path, name: str) -> None:
    # What SQLite left beside another file of this name would be played into this one.
    if any((home / f"{name}{beside}").exists() for beside in ("", "-wal", "-shm", "-journal")):
        raise InvalidBackup(
            f"this home has a {name} already: restore into an empty one, named by QUOTEBOUND_HOME"
        )


def _unpacked(file: Path, folder: Path, also: Sequence[str]) -> tuple[list[SavedCollection], list[SavedFile]]:
    try:
        with tarfile.open(file, "r:gz") as archive:
            saved, files = _listed(archive, also)
            for entry in saved:
                target = folder / COLLECTIONS_FOLDER / entry.name
                target.mkdir(parents=True)
                _extract(archive, entry.name, target / CATALOG_FILE)
                for path in (target, target.parent):
                    make_durable(path)
            for extra in files:
                _extract(archive, extra.name, folder / extra.name)
    except (tarfile.TarError, BadGzipFile, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise InvalidBackup(f"{file.name} is no backup, or a damaged one: {error}") from error
    for entry in saved:
        target = folder / COLLECTIONS_FOLDER / entry.name
        if _sha256(target / CATALOG_FILE) != entry.sha256:
            raise InvalidBackup(f"{file.name} is damaged: collection {entry.name!r} is not as it was saved")
        if findings := examine_catalog(target):
            raise InvalidBackup(
                f"{file.name}: collection {entry.name!r} was saved damaged: {findings[0].message}"
            )
    for extra in files:
        if _sha256(folder / extra.name) != extra.sha256:
            raise InvalidBackup(f"{file.name} is damaged: {extra.name} is not as it was saved")
    return saved, files


def _extract(archive: tarfile.TarFile, name: str, target: Path) -> None:
    with _member(archive, name) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, _BLOCK)
    make_durable(target)


def _listed(archive: tarfile.TarFile, also: Sequence[str]) -> tuple[list[SavedCollection], list[SavedFile]]:
    with _member(archive, _MANIFEST) as source:
        manifest = json.load(source)
    if manifest["format"] not in _READ_FORMATS:
        raise InvalidBackup(f"the backup is of format {manifest['format']}; this version reads {FORMAT}")
    saved = [SavedCollection(**entry) for entry in manifest["collections"]]
    if not saved or not all(is_collection_name(entry.name) for entry in saved):
        raise ValueError("its collections have no names, or impossible ones")
    files = [SavedFile(**entry) for entry in manifest.get("files", ())]
    if not all(extra.name in also for extra in files):
        raise ValueError("it has files that belong to no home")
    return saved, files


@contextmanager
def _member(archive: tarfile.TarFile, name: str) -> Iterator[Any]:
    source = archive.extractfile(name)
    if source is None:
        raise ValueError(f"{name} is no file")
    with source:
        yield source


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk(consequence: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"the disk is full; {consequence}: free some space and retry") from error
        raise StorageUnavailable(f"the disk refused ({error.strerror}); {consequence}") from error
