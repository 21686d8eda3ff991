"""The process that reads files: started once, it forks a child for each, which then has next to nothing.

`python -m index.loading.confined MODULE [FOLDER…]`, as `sandbox` starts it. Standard input is a socket:
for each file, a pipe for what the child says of it, and frames of a request. How the child ended is told
on standard output. `MODULE` is the one whose `LOADERS` and `DRAWERS` are asked, found in `FOLDER…` too.

The first process never looks into a file. It holds the libraries that these need, so that a child, made
by `fork`, need not load them again.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from index.errors import InputError, ParseLimit, UnreadableText
from index.loading.frames import (
    FrameKind,
    error_payload,
    page_payload,
    read_frame,
    send_parsed,
    write_frame,
)
from index.loading.loader import Drawer, Loader, OcrMode, Parsing
from index.loading.tasks import TaskKind

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be done with a file, and what the child may take for it."""

    kind: TaskKind
    media_type: str
    name: str
    asked: dict[str, Any]
    memory_bytes: int
    cpu_seconds: int
    data: bytes


_Send = Callable[[FrameKind, bytes], None]
_Make = Callable[[_Request, _Send], None]


def main(arguments: Sequence[str]) -> None:
    """Serve requests until standard input ends."""
    module, *folders = arguments
    requests = socket.socket(fileno=0)
    sys.path.extend(folders)
    _leave_network()
    known = importlib.import_module(module)
    loaders: Sequence[Loader] = known.LOADERS
    drawers: Sequence[Drawer] = known.DRAWERS
    # Written to when a child ends, so that its end and that of standard input can be waited for together.
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        try:
            found, request = _next_request(requests)
        except EOFError:
            return
        made = _made(loaders, drawers, request)
        child = os.fork()
        if not child:
            _work(made, request, found)
        os.close(found)
        del request
        status = _outcome(child, ended)
        os.write(sys.stdout.fileno(), f"{status}\n".encode())


def _next_request(requests: socket.socket) -> tuple[int, _Request]:
    _, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
    if not descriptors:
        raise EOFError
    values: dict[str, Any] = json.loads(read_frame(0).payload)
    data = read_frame(0).payload
    kind = TaskKind(values.pop("kind"))
    return descriptors[0], _Request(kind=kind, data=data, **values)


def _made(loaders: Sequence[Loader], drawers: Sequence[Drawer], request: _Request) -> _Make:
    """Return what does what is asked, with the libraries that it needs loaded."""
    if request.kind is TaskKind.DRAW:
        drawer = next(drawer for drawer in drawers if drawer.media_type == request.media_type)
        _import(drawer.libraries)
        return partial(_draw, drawer)
    loader = next(loader for loader in loaders if loader.media_type == request.media_type)
    _import(loader.libraries)
    return partial(_parse, loader)


def _import(libraries: Sequence[str]) -> None:
    for library in libraries:
        importlib.import_module(library)


def _parse(loader: Loader, request: _Request, send: _Send) -> None:
    def page_done(page: int, of: int) -> None:
        send(FrameKind.PAGE, page_payload(page, of))

    ocr = OcrMode(request.asked.pop("ocr"))
    parsing = Parsing(ocr=ocr, **request.asked, page_done=page_done)
    send_parsed(loader.parse(request.data, request.name, parsing), send)


def _draw(drawer: Drawer, request: _Request, send: _Send) -> None:
    send(FrameKind.PICTURE, drawer.draw(request.data, request.name, **request.asked))


def _outcome(child: int, ended: int) -> int:
    """Return how a child ended, as `os.waitstatus_to_exitcode` says it; end it where nobody asks any more."""
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        # One request at a time: what there is to read before the answer is the end of the pipe.
        if 0 in ready:
            # With the programs that the child started, and this process too.
            os.killpg(0, signal.SIGKILL)


def _work(made: _Make, request: _Request, found: int) -> None:
    """Do what is asked, say what came of it, and end; in the child."""
    code = 1
    try:
        _confine(request)
        name = request.name
        try:
            made(request, partial(write_frame, found))
        except InputError as error:
            write_frame(found, FrameKind.ERROR, error_payload(error))
        except MemoryError:
            limit = ParseLimit(
                f"{name} takes more memory to read than one file may; split it or raise "
                "QUOTEBOUND_PARSE_MEMORY_MB"
            )
            write_frame(found, FrameKind.ERROR, error_payload(limit))
        except RecursionError:
            limit = ParseLimit(f"{name} is nested more deeply than is read")
            write_frame(found, FrameKind.ERROR, error_payload(limit))
        except Exception:
            damaged = UnreadableText(f"{name} is damaged, or not what it claims to be: it cannot be read")
            write_frame(found, FrameKind.ERROR, error_payload(damaged))
        code = 0
    finally:
        # Nothing of the first process's own is to be ended or written twice.
        os._exit(code)


def _confine(request: _Request) -> None:
    """Take from this process what reading a file does not need."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for kind, limit in (
        (resource.RLIMIT_AS, request.memory_bytes),
        (resource.RLIMIT_CPU, request.cpu_seconds),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (least, least))
    # A write beyond the limit is then an error and not the end; there is nothing to write anyway.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _leave_network() -> None:
    """Go where there is no network, if the system lets this process."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main(sys.argv[1:])
