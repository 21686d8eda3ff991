"""The thread that does the jobs of all collections, one after another, and tells who follows them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from index.errors import QuoteboundError, StorageError
from index.home import collection_folders
from index.jobs import FileRecord, FileStatus, JobKind
from index.report import Report, Stopped
from index.running import add_sync
from index.sql.jobs import has_unfinished
from index.store import CATALOG_FILE
from index.sync import SyncRequest
from rag.wiring import Application

# How long a job waits that met a full disk or the like, unless it is asked for again before; doubled
# each time, since to meet it again may cost the embedding of a whole document.
_RETRY_SECONDS = 30.0
_DOUBLED_AT_MOST = 5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class JobKey:
    """A job of a collection."""

    collection: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is that runs now, in memory only; `reading`: a file, its pages read, and of how many."""

    files_found: int
    counts: Mapping[FileStatus, int]
    passages_found: int
    passages_embedded: int
    passages_done: int
    last: FileRecord | None
    reading: tuple[str, int, int] | None


@dataclass(eq=False, slots=True)
class Follower:
    """Who waits for news of a job. It lives in the event loop; `report` is what a run of the job gave."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    report: Report | None = None
    gone: bool = False


class _Live:
    """A `Progress` that counts, and breaks the job off where the worker stops."""

    def __init__(self, worker: Worker, key: JobKey) -> None:
        self._worker = worker
        self._key = key
        self._files = self._passages = self._made = self._done = 0
        self._counts: Counter[FileStatus] = Counter()
        self._last: FileRecord | None = None
        self._reading: tuple[str, int, int] | None = None

    def standing(self) -> Standing:
        return Standing(
            self._files,
            dict(self._counts),
            self._passages,
            self._made,
            self._done,
            self._last,
            self._reading,
        )

    def found(self, files: int, passages: int) -> None:
        self._files += files
        self._passages += passages
        self._worker.news(self._key)

    def reading(self, source: str, page: int, pages: int) -> None:
        self._reading = (source, page, pages)
        self._worker.news(self._key)

    def embedded(self, made: int, reused: int) -> None:
        self._made += made
        self._done += made + reused
        self._worker.news(self._key)

    def finished(self, record: FileRecord) -> None:
        self._counts[record.status] += 1
        self._last, self._reading = record, None
        self._worker.news(self._key)


class Worker:
    """Takes jobs in the order in which they came, in a thread of its own, from `start` until `stop`.

    At the start it takes up what an earlier process left unfinished. What it is at when it stops stays
    unfinished, for the next start.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        # Guards what follows; the followers belong to the event loop.
        self._changed = threading.Condition()
        self._queue: deque[JobKey] = deque()
        self._put_off: dict[JobKey, float] = {}
        self._tries: Counter[JobKey] = Counter()
        self._uploads: set[JobKey] = set()
        self._waiters: dict[JobKey, list[threading.Event]] = {}
        self._running: tuple[JobKey, _Live] | None = None
        self._stopping = False
        self._told: set[JobKey] = set()
        self._followers: dict[JobKey, set[Follower]] = {}

    def start(self) -> None:
        """Begin to work; call it from the event loop that followers are in."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Break off what is being done, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            for event in [event for waiting in self._waiters.values() for event in waiting]:
                event.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def waiting_uploads(self) -> int:
        """How many uploads are not stored yet."""
        with self._changed:
            return len(self._uploads)

    def submit(self, key: JobKey, kind: JobKind) -> None:
        """Have a job done that its collection keeps."""
        with self._changed:
            self._put_off.pop(key, None)
            if key not in self._queue and not self._is_running(key):
                self._queue.append(key)
            if kind is JobKind.UPLOAD:
                self._uploads.add(key)
            self._changed.notify_all()

    def sync(self, request: SyncRequest, collection: str) -> None:
        """Have a sync done, and return when it was, or when the worker stops. For threads that watch."""
        for _ in range(2):
            jobs = self._application.home.collection(collection, create=True).catalog.jobs
            key = JobKey(collection, add_sync(jobs, request).id)
            done = threading.Event()
            with self._changed:
                # One that runs already may have looked before the change that this is about.
                again = self._is_running(key)
                self._waiters.setdefault(key, []).append(done)
                if self._stopping:
                    return
            self.submit(key, JobKind.SYNC)
            done.wait()
            if not again:
                return

    def standing(self, key: JobKey) -> Standing | None:
        """Return how far a job is, None where it does not run now."""
        with self._changed:
            return self._running[1].standing() if self._running and self._is_running(key) else None

    @contextmanager
    def followed(self, key: JobKey) -> Iterator[Follower]:
        """Give what is told of a job while the block lasts; for the event loop."""
        follower = Follower(gone=self._stopping)
        self._followers.setdefault(key, set()).add(follower)
        try:
            yield follower
        finally:
            following = self._followers[key]
            following.discard(follower)
            if not following:
                del self._followers[key]

    def dismiss(self) -> None:
        """Send all followers away, and those that come; for the event loop."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for follower in [follower for following in self._followers.values() for follower in following]:
            follower.gone = True
            follower.news.set()

    def news(self, key: JobKey) -> None:
        """Tell the followers of a job that there is something to look at; break off where it is the end."""
        if self._stopping:
            raise Stopped
        with self._changed:
            if key in self._told:
                return
            self._told.add(key)
        self._call(partial(self._tell, key))

    def _tell(self, key: JobKey, report: Report | None = None, *, gone: bool = False) -> None:
        with self._changed:
            self._told.discard(key)
        for follower in self._followers.get(key, ()):
            follower.report = report or follower.report
            follower.gone |= gone
            follower.news.set()

    def _call(self, function: partial[None]) -> None:
        # A loop that is closed has nobody left to tell.
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def _is_running(self, key: JobKey) -> bool:
        return self._running is not None and self._running[0] == key

    def _work(self) -> None:
        self._take_up()
        while (key := self._next()) is not None:
            report, later = self._done(key)
            with self._changed:
                self._running = None
                if later:
                    delay = _RETRY_SECONDS * 2 ** min(self._tries[key], _DOUBLED_AT_MOST)
                    self._put_off[key] = time.monotonic() + delay
                    self._tries[key] += 1
                else:
                    self._uploads.discard(key)
                    del self._tries[key]
                for event in self._waiters.pop(key, ()):
                    event.set()
            self._call(partial(self._tell, key, report, gone=report is None))

    def _take_up(self) -> None:
        """Queue what an earlier process left."""
        for folder in collection_folders(self._application.settings.home):
            try:
                # Opening a collection reads all its vectors: not to find that there is nothing to do.
                if not has_unfinished(folder / CATALOG_FILE):
                    continue
                for job in self._application.home.collection(folder.name).catalog.jobs.unfinished():
                    self.submit(JobKey(folder.name, job.id), job.kind)
            except QuoteboundError as error:
                _log.warning("jobs not taken up", collection=folder.name, error=str(error))

    def _next(self) -> JobKey | None:
        """Return the next job to do, None at the end; wait for one."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                for key in [key for key, due in self._put_off.items() if due <= now]:
                    del self._put_off[key]
                    self._queue.append(key)
                if self._queue:
                    key = self._queue.popleft()
                    self._running = (key, _Live(self, key))
                    return key
                self._changed.wait(min(self._put_off.values()) - now if self._put_off else None)
        return None

    def _done(self, key: JobKey) -> tuple[Report | None, bool]:
        """Run a job; return its report, if it has one, and whether it is to be run again later."""
        try:
            store = self._application.home.collection(key.collection)
            jobs = store.catalog.jobs
            job = jobs.job(key.job_id)
            if job.state.ended:
                return Report(job, tuple(jobs.files(job.id)), None), False
            _log.info("job begins", collection=key.collection, job=job.id, kind=job.kind.value)
            runner = self._application.runner(key.collection)
            report = runner.run(job, self._running[1] if self._running else None)
            ended = report.job.state.ended
            counts = {status.value: count for status in FileStatus if (count := report.count(status))}
            state = report.job.state.value if ended else "put off"
            _log.info("job ends", collection=key.collection, job=job.id, state=state, **counts)
        except Stopped:
            return None, False
        except QuoteboundError as error:
            _log.warning("job not done", collection=key.collection, job=key.job_id, error=str(error))
            return None, isinstance(error, StorageError) and error.retryable
        except Exception:
            _log.exception("job failed unexpectedly", collection=key.collection, job=key.job_id)
            return None, False
        return report, not ended
