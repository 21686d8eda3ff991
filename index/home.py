"""The folder that holds everything: one lock for writing, and a folder of its own for each collection."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from index.embedding import EmbeddingSpace
from index.errors import CollectionNotFound, HomeLocked, InvalidName, StorageUnavailable
from index.store import CATALOG_FILE, Store

DEFAULT_COLLECTION = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LOCK_FILE = "lock"
COLLECTIONS_FOLDER = "collections"


class Home:
    """Opens the collections under one folder, each when it is first asked for.

    With `writable` it takes the home's lock and keeps it until `close`: at most one process writes.
    Any number of others may read at the same time. Raise `HomeLocked` where another process writes,
    `StorageUnavailable` where the folder cannot be used.
    """

    def __init__(self, path: Path, space: EmbeddingSpace, *, writable: bool) -> None:
        self._path = path
        self._space = space
        self._writable = writable
        self._stores: dict[str, Store] = {}
        self._opening = threading.Lock()
        self._lock: FileLock | None = None
        if writable:
            self._lock = locked(path)

    def collection(self, name: str = DEFAULT_COLLECTION, *, create: bool = False) -> Store:
        """Return a collection; raise `InvalidName`, or `CollectionNotFound` unless it may be created."""
        if not is_collection_name(name):
            raise InvalidName(
                f"{name[:80]!r} cannot name a collection: "
                "use up to 64 of a-z, 0-9, - and _, beginning with a letter or digit"
            )
        with self._opening:
            store = self._stores.get(name)
            if store is None:
                folder = self._path / COLLECTIONS_FOLDER / name
                if not (create and self._writable) and not (folder / CATALOG_FILE).is_file():
                    raise self._not_found(name)
                store = self._stores[name] = Store(folder, self._space, writable=self._writable)
        return store

    def collections(self) -> list[str]:
        """Return the names of the collections there are, in order."""
        return [folder.name for folder in collection_folders(self._path)]

    def close(self) -> None:
        """Close every collection and give the lock back."""
        with self._opening:
            for store in self._stores.values():
                store.close()
            self._stores.clear()
            if self._lock is not None:
                self._lock.release()

    def _not_found(self, name: str) -> CollectionNotFound:
        known = self.collections()
        if not known:
            return CollectionNotFound("there are no documents yet; add some with `quotebound ingest PATH`")
        return CollectionNotFound(f"there is no collection {name!r}; there are: {', '.join(known)}")


def collection_folders(home: Path) -> list[Path]:
    """Return the folder of each collection of a home, by name."""
    return sorted(entry.parent for entry in (home / COLLECTIONS_FOLDER).glob(f"*/{CATALOG_FILE}"))


def is_collection_name(name: str) -> bool:
    """Tell whether a collection can have this name."""
    return _NAME.fullmatch(name) is not None


def locked(path: Path) -> FileLock:
    """Take the lock of a home, which is made if it is not there; raise as `Home` does."""
    lock = FileLock(path / _LOCK_FILE)
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
