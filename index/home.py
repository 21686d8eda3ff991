"""The folder that holds everything: one lock for writing, and a folder of its own for each collection."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import sqlalchemy as sa
import structlog
from filelock import FileLock, Timeout

from index.disk import make_durable
from index.embedding import EmbeddingSpace
from index.errors import (
    CollectionExists,
    CollectionNotFound,
    HomeLocked,
    InvalidName,
    ReadOnlyStore,
    StorageError,
    StorageUnavailable,
)
from index.sql import database, records
from index.sql.schema import documents, row_count, spaces
from index.store import CATALOG_FILE, Store
from index.types import DEFAULT_COLLECTION

_log = structlog.get_logger(__name__)

# Each holds its vectors in memory; what is not used lately is opened again when it is asked for.
KEPT_OPEN = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LOCK_FILE = "lock"
COLLECTIONS_FOLDER = "collections"
_DELETED = ".deleted-"


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection by name; `model` is None where there is nothing in it yet, or it cannot be read."""

    name: str
    documents: int
    model: str | None


class Home:
    """Opens the collections under one folder, each when it is first asked for.

    With `writable` it takes the home's lock and keeps it until `close`: at most one process writes.
    Any number of others may read at the same time. Raise `HomeLocked` where another process writes,
    `StorageUnavailable` where the folder cannot be used. New collections are in `space`; `admit` is
    called with a collection's name and space before it is opened, and may refuse it.

    `kept_open` collections stay open, those used last; another one is closed once nobody holds it.
    """

    def __init__(
        self,
        path: Path,
        space: EmbeddingSpace,
        *,
        writable: bool,
        admit: Callable[[str, EmbeddingSpace], None] | None = None,
        kept_open: int = KEPT_OPEN,
    ) -> None:
        self._path = path
        self._space = space
        self._writable = writable
        self._admit = admit
        self._kept_open = kept_open
        # Strong for those used lately, weak for all that somebody still works with: never two of one folder.
        self._recent: OrderedDict[str, Store] = OrderedDict()
        self._open: WeakValueDictionary[str, Store] = WeakValueDictionary()
        # What told the file of a collection from others when it was opened.
        self._identities: dict[str, tuple[int, int] | None] = {}
        self._opening = threading.Lock()
        self._lock: FileLock | None = None
        if writable:
            self._lock = locked(path)
            self._sweep()

    def collection(self, name: str = DEFAULT_COLLECTION, *, create: bool = False) -> Store:
        """Return a collection; raise `InvalidName`, or `CollectionNotFound` unless it may be created."""
        folder = self._folder(name)
        with self._opening:
            store = self._open.get(name)
            if store is not None and not self._writable and _identity(folder) != self._identities[name]:
                # Another process deleted it, and may have made one of the same name since.
                self._let_go(name)
                store = None
            if store is None:
                if not (create and self._writable) and not (folder / CATALOG_FILE).is_file():
                    raise self._not_found(name)
                store = self._opened(folder)
            self._keep(name, store)
        return store

    def create(self, name: str) -> Store:
        """Make a collection and return it; raise `InvalidName` or `CollectionExists`."""
        folder = self._folder(name)
        self._require_writable()
        with self._opening:
            if (folder / CATALOG_FILE).exists():
                raise CollectionExists(f"there is a collection {name!r} already; give another name")
            store = self._opened(folder)
            self._keep(name, store)
        return store

    def require(self, name: str) -> None:
        """Raise `InvalidName`, or `CollectionNotFound` where there is no such collection."""
        if not (self._folder(name) / CATALOG_FILE).is_file():
            raise self._not_found(name)

    def delete(self, name: str) -> None:
        """Remove a collection with everything in it; raise `InvalidName` or `CollectionNotFound`.

        Once this returns it is gone, whatever happens then; who was still reading it finds it missing.
        """
        folder = self._folder(name)
        self._require_writable()
        with self._opening:
            self.require(name)
            self._let_go(name)
            doomed = folder.with_name(f"{_DELETED}{secrets.token_hex(8)}")
            folder.rename(doomed)
            make_durable(doomed.parent)
        shutil.rmtree(doomed, ignore_errors=True)

    def collections(self) -> list[str]:
        """Return the names of the collections there are, in order."""
        return [folder.name for folder in collection_folders(self._path)]

    def close(self) -> None:
        """Close every collection and give the lock back."""
        with self._opening:
            for store in list(self._open.values()):
                store.close()
            self._open.clear()
            self._recent.clear()
            if self._lock is not None:
                self._lock.release()

    def _require_writable(self) -> None:
        if not self._writable:
            raise ReadOnlyStore("this process reads the home only; another one may be writing to it")

    def _folder(self, name: str) -> Path:
        if not is_collection_name(name):
            raise InvalidName(
                f"{name[:80]!r} cannot name a collection: "
                "use up to 64 of a-z, 0-9, - and _, beginning with a letter or digit"
            )
        return self._path / COLLECTIONS_FOLDER / name

    def _opened(self, folder: Path) -> Store:
        admit = self._admit
        self._identities[folder.name] = _identity(folder)
        return Store(
            folder,
            self._space,
            writable=self._writable,
            admit=(lambda space: admit(folder.name, space)) if admit is not None else None,
        )

    def _keep(self, name: str, store: Store) -> None:
        self._open[name] = store
        self._recent[name] = store
        self._recent.move_to_end(name)
        while len(self._recent) > self._kept_open:
            self._recent.popitem(last=False)

    def _let_go(self, name: str) -> None:
        store = self._open.pop(name, None)
        self._recent.pop(name, None)
        if store is not None:
            store.close()

    def _sweep(self) -> None:
        """Finish deletions that a process did not live to finish."""
        for doomed in (self._path / COLLECTIONS_FOLDER).glob(f"{_DELETED}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def _not_found(self, name: str) -> CollectionNotFound:
        known = self.collections()
        if not known:
            return CollectionNotFound("there are no documents yet; add some with `quotebound ingest PATH`")
        return CollectionNotFound(f"there is no collection {name!r}; there are: {', '.join(known)}")


def described(home: Path) -> list[CollectionInfo]:
    """Return what is told of each collection of a home, without opening its indexes."""
    return [_described(folder) for folder in collection_folders(home)]


def _described(folder: Path) -> CollectionInfo:
    try:
        with database.reading(folder / CATALOG_FILE) as connection:
            count = row_count(connection, documents)
            row = connection.execute(sa.select(spaces).where(spaces.c.active == 1)).mappings().first()
            return CollectionInfo(folder.name, count, records.space(row).name if row is not None else None)
    except StorageError as error:
        _log.warning("collection cannot be read", collection=folder.name, error=str(error))
        return CollectionInfo(folder.name, 0, None)


def collection_folders(home: Path) -> list[Path]:
    """Return the folder of each collection of a home, by name."""
    found = (entry.parent for entry in (home / COLLECTIONS_FOLDER).glob(f"*/{CATALOG_FILE}"))
    return sorted(folder for folder in found if is_collection_name(folder.name))


def is_collection_name(name: str) -> bool:
    """Tell whether a collection can have this name."""
    return _NAME.fullmatch(name) is not None


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells a collection's file from others while it is open, None where there is none."""
    try:
        found = (folder / CATALOG_FILE).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def locked(path: Path) -> FileLock:
    """Take the lock of a home, which is made if it is not there; raise as `Home` does."""
    # Of the process, not of the thread: the service closes its home in another one than opened it.
    lock = FileLock(path / _LOCK_FILE, thread_local=False)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise HomeLocked(
            "another writer holds this home, such as a running `quotebound serve`; "
            "stop it, add documents through its page or API, or set another QUOTEBOUND_HOME"
        ) from error
    except OSError as error:
        raise StorageUnavailable(f"QUOTEBOUND_HOME cannot be written to: {error.strerror}") from error
    return lock
