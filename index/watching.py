"""Follows files and folders: what changes below them is synced, until it is told to stop."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import structlog
import watchfiles

from index.errors import QuoteboundError
from index.sync import SyncRequest, below, is_below, is_passed_over

# How long to wait for changes before a look at whether the paths themselves are still the same.
_LOOK_MS = 500
# Changes that follow one another this closely are one sync.
_QUIET_MS = 200

_Identity = tuple[int, ...] | None
_UNKNOWN: _Identity = ()

_log = structlog.get_logger(__name__)


class Watcher:
    """Has the paths of a sync synced once, and from then on what changes below them.

    `sync` is called with a request at a time, from the thread that `run`s; what it raises of our own
    errors is logged and does not end the watch. `changes` gives the paths that changed, in batches,
    the first of which is everything: by default those that the system tells of.
    """

    def __init__(
        self,
        request: SyncRequest,
        sync: Callable[[SyncRequest], object],
        changes: Iterable[frozenset[str]] | None = None,
    ) -> None:
        self._request = request
        self._sync = sync
        self._stopping = threading.Event()
        self._changes = changes if changes is not None else changed_paths(request.paths, self._stopping)

    def run(self) -> None:
        """Sync and go on watching until `stop`."""
        for batch in self._changes:
            if self._stopping.is_set():
                return
            if (request := self._of(batch)) is not None:
                try:
                    self._sync(request)
                except QuoteboundError as error:
                    _log.warning("sync of what changed failed", code=error.code, error=str(error))

    def stop(self) -> None:
        """End the watch, from any thread; a sync that goes on is for its caller to end."""
        self._stopping.set()

    def _of(self, batch: frozenset[str]) -> SyncRequest | None:
        """Return the request for some changes, None where none of them is looked at."""
        if batch >= set(self._request.paths) and all(Path(path).exists() for path in self._request.paths):
            return self._request
        looked_at = [path for path in batch if self._is_looked_at(path)]
        return self._request.only(looked_at) if looked_at else None

    def _is_looked_at(self, path: str) -> bool:
        return any(
            path == root or (is_below(path, root) and not is_passed_over(below(path, root)))
            for root in self._request.paths
        )


def changed_paths(roots: tuple[str, ...], stopping: threading.Event) -> Iterator[frozenset[str]]:
    """Yield the paths that change below some paths; first of all those themselves, once they are watched.

    A path that vanishes, comes back or becomes another (as when something is mounted there) is
    yielded itself, and so is a file that was given.
    """
    before: dict[str, _Identity] = {}
    while not stopping.is_set():
        known = {root: _identity(Path(root)) for root in roots}
        # By their real paths, which changes are told of by; the way back leads to how they were given.
        folders = {str(Path(root).resolve()): root for root in roots if Path(root).is_dir()}
        told = watchfiles.watch(
            *folders,
            watch_filter=None,
            step=_QUIET_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            stop_event=stopping,
            ignore_permission_denied=True,
        )
        others = frozenset(root for root in roots if before.get(root, _UNKNOWN) != known[root])
        before = known
        try:
            for changes in told:
                yield others | {_as_given(path, folders) for _, path in changes}
                others = frozenset()
                if any(_identity(Path(root)) != identity for root, identity in known.items()):
                    break
        except FileNotFoundError:
            # Gone between the look and the watch: look again.
            before = {}
            stopping.wait(_LOOK_MS / 1000)


def _as_given(path: str, folders: dict[str, str]) -> str:
    for real, given in folders.items():
        if path == real:
            return given
        if is_below(path, real):
            return f"{given.rstrip('/')}/{below(path, real)}"
    return path


def _identity(path: Path) -> _Identity:
    """Return what tells a folder from another one at its place, and a file from another version."""
    try:
        status = path.stat()
    except OSError:
        return None
    place = (status.st_dev, status.st_ino)
    return place if stat.S_ISDIR(status.st_mode) else (*place, status.st_mtime_ns, status.st_size)
