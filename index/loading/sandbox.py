"""Files are read in processes of their own: with limits on memory and time, without network or secrets."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import structlog

from index.errors import InputError, ParseLimit, UnreadableText
from index.loading.frames import (
    BrokenFrames,
    Frame,
    FrameKind,
    FrameReader,
    error_of,
    page_of,
    write_frame,
)
from index.loading.loader import Drawer, Loader, Parsed, Parsing
from index.loading.tasks import Task, drawing_of, parsing_of

_MODULE = "index.loading.registry"
_READ_BYTES = 1 << 20
# Where the process is gone that makes the children.
_TRIES = 2
# Ended by a signal of these, a process ran into its limit of processor time.
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
_KEPT = ("PATH", "TESSDATA_PREFIX")
# One thread for each process, and little room set aside for threads: there is a limit on memory.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

_Value = TypeVar("_Value")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What parsing one file, or drawing a page of it, may take.

    `idle_seconds` is how long nothing may be heard of a page, `total_seconds` how long it may take in
    all, and how much processor time each process may use. `memory_bytes` bounds the address space, and
    `output_bytes` all that is handed over.
    """

    idle_seconds: float = 30.0
    total_seconds: float = 3600.0
    memory_bytes: int = 2 * 2**30
    output_bytes: int = 384 * 2**20


class Sandbox:
    """Parses or draws one file at a time, each in a child process; for one thread, except for `kill`.

    The process that makes the children starts with the first file and ends with `close`. A child has no
    network where the system allows that, no environment but a few harmless variables, cannot write to
    files, and is killed past its limits; another one then takes its place. `module` has the `LOADERS`
    and `DRAWERS` that it knows, and is found in `folders` too.
    """

    def __init__(
        self, limits: Limits | None = None, *, module: str = _MODULE, folders: Sequence[str] = ()
    ) -> None:
        self._limits = limits or Limits()
        self._arguments = [module, *folders]
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._closed = threading.Event()

    def parse(self, loader: Loader, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return what a loader finds in a file.

        Raise what the loader raises; `ParseLimit` where it takes too long or too much, `UnreadableText`
        where it breaks the process that reads it. `parsing.page_done` is called in this thread.
        """
        if loader.harmless:
            return loader.parse(data, name, parsing)
        return self._done(parsing_of(loader, data, name, parsing))

    def draw(self, drawer: Drawer, data: bytes, name: str, page: int, width: int) -> bytes:
        """Return the PNG that a drawer makes of a page of a file; raise as `parse` does."""
        return self._done(drawing_of(drawer, data, name, page, width))

    def _done(self, task: Task[_Value]) -> _Value:
        for _ in range(_TRIES):
            try:
                found = self._tried(task)
            except _Gone:
                continue
            if isinstance(found, InputError):
                raise found
            return found
        raise ParseLimit(
            f"{task.name} was not read: the process that reads files was ended from outside; is memory short?"
        )

    def _tried(self, task: Task[_Value]) -> _Value | InputError:
        """Return what comes of a task, or what it raises; end the process where it came to harm."""
        # What an earlier child might still say is not of this file: it gets a pipe of its own.
        process, requests = self._started()
        found, theirs = os.pipe()
        try:
            self._ask(requests, theirs, task)
            return self._answer(process, found, task)
        except _Broken as error:
            self._end()
            raise UnreadableText(
                f"{task.name} is damaged, or not what it claims to be: it breaks what reads it"
            ) from error
        except BaseException:
            self._end()
            raise
        finally:
            os.close(found)

    def kill(self) -> None:
        """End the processes at once, also while another thread waits for them, and start none any more."""
        self._closed.set()
        if (process := self._process) is not None:
            _kill(process)

    def close(self) -> None:
        """End the processes."""
        self._closed.set()
        self._end()

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._process is not None and self._requests is not None and self._process.poll() is None:
            return self._process, self._requests
        self._end()
        if self._closed.is_set():
            raise RuntimeError("a sandbox that was closed parses nothing")
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-I", "-m", "index.loading.confined", *self._arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                # Ctrl-C is for the one who asked, and a group can be ended with all that is in it.
                start_new_session=True,
                env={**_ENVIRONMENT, **{name: os.environ[name] for name in _KEPT if name in os.environ}},
            )
        if self._closed.is_set():  # meanwhile, when there was nothing to kill yet
            _kill(self._process)
        return self._process, self._requests

    def _ask(self, requests: socket.socket, found: int, task: Task[object]) -> None:
        request = task.request(self._limits.memory_bytes, int(self._limits.total_seconds))
        try:
            socket.send_fds(requests, [b"F"], [found])
            write_frame(requests.fileno(), FrameKind.REQUEST, request)
            write_frame(requests.fileno(), FrameKind.BLOB, task.data)
        except OSError as error:
            raise _Gone from error
        finally:
            os.close(found)

    def _answer(
        self, process: subprocess.Popen[bytes], found: int, task: Task[_Value]
    ) -> _Value | InputError:
        name = task.name
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        ends = process.stdout.fileno()
        reader = FrameReader(self._limits.output_bytes)
        heard = began = time.monotonic()
        blobs: list[bytes] = []
        last: Frame | None = None
        ended: int | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(found, selectors.EVENT_READ)
            selector.register(ends, selectors.EVENT_READ)
            while ended is None:
                left = min(heard + self._limits.idle_seconds, began + self._limits.total_seconds)
                ready = {key.fd for key, _ in selector.select(max(0.0, left - time.monotonic()))}
                if not ready:
                    raise self._too_long(name, time.monotonic() - began)
                if found not in ready:
                    # All that the child said was read by now.
                    ended = _exit_code(os.read(ends, 64))
                    continue
                if not (data := os.read(found, _READ_BYTES)):
                    selector.unregister(found)
                for frame in self._frames(reader, data, name):
                    heard = time.monotonic()
                    if frame.kind is FrameKind.PAGE:
                        task.page_done(*_told(page_of, frame.payload))
                    elif frame.kind is FrameKind.BLOB:
                        blobs.append(frame.payload)
                    else:
                        last = frame
        if ended in _OUT_OF_TIME:
            raise self._too_long(name, time.monotonic() - began)
        if ended or last is None:
            _log.warning("a parser broke", file=name, code=ended)
            raise _Broken
        if last.kind is FrameKind.ERROR:
            return _told(lambda payload: error_of(payload, name), last.payload)
        if last.kind is not task.told:
            raise _Broken
        return _told(lambda payload: task.read(payload, blobs), last.payload)

    def _frames(self, reader: FrameReader, data: bytes, name: str) -> list[Frame]:
        try:
            return list(reader.feed(data))
        except OverflowError as error:
            raise ParseLimit(
                f"{name} gives more than {self._limits.output_bytes // 2**20} MB of text and files; split it"
            ) from error
        except BrokenFrames as error:
            raise _Broken from error

    def _too_long(self, name: str, seconds: float) -> ParseLimit:
        return ParseLimit(
            f"{name} was given up after {seconds:.0f} seconds: it takes longer to read than one file may; "
            "split it or raise QUOTEBOUND_PARSE_SECONDS"
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        process.wait()
        for end in (process.stdout, self._requests):
            if end is not None:
                end.close()
        self._requests = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Broken(Exception):
    """The child that parsed was ended by what it read, or said what it never says."""


class _Gone(Exception):
    """The first process is gone, with its child: nothing that a file did."""


def _told(read: Callable[[bytes], _Value], payload: bytes) -> _Value:
    try:
        return read(payload)
    except BrokenFrames as error:
        raise _Broken from error


def _exit_code(told: bytes) -> int:
    try:
        return int(told)
    except ValueError as error:
        raise _Gone from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Not reaped before, so that the group is still its own.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
