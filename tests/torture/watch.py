"""Watches what files must not reach: the network, the memory of this process, and processes that stay."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from torture.natures import CANARY


class Watch:
    """Whoever calls at the canary, and the exit codes of children that broke, by the name of their file."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.calls = 0
        self.address = CANARY

    def note(self, logger: object, method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep a code, and log nothing: a processor of structlog."""
        if event.get("event") == "a parser broke":
            self.codes[event["file"]] = event["code"]
        raise structlog.DropEvent

    def listen(self, server: socket.socket) -> None:
        """Count who calls, until the server is shut down."""
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()


@contextmanager
def watched(address: tuple[str, int] = CANARY) -> Iterator[Watch]:
    """Give a watch that listens and notes; several runs at once may share an address."""
    watch = Watch()
    before = structlog.get_config()
    structlog.configure(processors=[watch.note])
    with socket.create_server(address, reuse_port=True) as server:
        watch.address = server.getsockname()
        thread = threading.Thread(target=watch.listen, args=(server,), daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            structlog.configure(**before)
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def resident_bytes() -> int:
    """Return how much memory this process has, without what it only has not given back yet."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def children(sessions: Collection[int] = ()) -> set[int]:
    """Return the processes that this one started and that run yet, or that are of some sessions."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in "ZX" and (int(parent) == os.getpid() or int(session) in sessions):
            found.add(int(path.parent.name))
    return found
