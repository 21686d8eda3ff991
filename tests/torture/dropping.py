"""Clients that leave in the middle of a streamed answer, and what of them is left in the service."""

from __future__ import annotations

import gc
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from doubles import HashingEmbedder
from listening import listening
from llm_replies import Gate, Reply, Spoken
from llm_server import LanguageModelServer
from writing import EXACT, FERRY, QUESTION

from index.running import JobRunner
from rag.service.app import create_app
from rag.settings import Settings
from rag.wiring import Application

# Until threads and connections that are kept for the next request are there.
_WARMING = 10
_LEFT_OVER = 5
# Of a thousand requests, a few objects of which each kept would be more.
_GROWTH_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has: threads, open descriptors, and resident memory in bytes."""

    threads: int
    descriptors: int
    memory: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What came of some dropped streams; the request to the model was cancelled within `slowest_seconds`."""

    streams: int
    before: Held
    after: Held
    slowest_seconds: float

    @property
    def violations(self) -> list[str]:
        """What is left that should not be."""
        found = []
        if abs(self.after.threads - self.before.threads) > _LEFT_OVER:
            found.append("threads")
        if abs(self.after.descriptors - self.before.descriptors) > _LEFT_OVER:
            found.append("descriptors")
        if self.after.memory - self.before.memory > _GROWTH_BYTES:
            found.append("memory")
        return found


def held() -> Held:
    """Return what this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Held(threading.active_count(), descriptors, pages * os.sysconf("SC_PAGE_SIZE"))


def half_answered() -> Spoken:
    """Return a reply that says one sentence and then nothing more."""
    return Spoken([EXACT.split("\nQ1: It")[0] + "\n", Gate()])


@contextmanager
def answering(home: Path, server: LanguageModelServer) -> Iterator[str]:
    """Yield the address of a service over one document whose answers a server writes."""
    settings = Settings(
        home=home, threshold=0.0, chunk_tokens=48, llm_url=server.base_url, llm_format="lines", llm_retries=0
    )
    application = Application(settings, writable=True, embedder=HashingEmbedder())
    JobRunner.over(application.ingestor()).add(FERRY.encode(), "ferry.txt")
    with listening(create_app(application), lifespan=True) as address:
        yield address


@contextmanager
def asking(address: str, path: str) -> Iterator[socket.socket]:
    """Yield the connection of a client that has asked a question, and close it."""
    place = urlsplit(address)
    body = json.dumps({"question": QUESTION}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=60) as client:
        client.sendall(head.encode() + body)
        yield client


def drop(address: str, server: LanguageModelServer) -> float:
    """Leave a streamed answer after its first sentence.

    Return after how many seconds the request to the model was cancelled.
    """
    before = server.cancelled.count
    with asking(address, "/ask/stream") as client:
        got = b""
        while b"event: sentence" not in got:
            piece = client.recv(65536)
            if not piece:
                raise AssertionError(f"the stream ended by itself: {got!r}")
            got += piece
    started = time.perf_counter()
    server.cancelled.reach(before + 1)
    return time.perf_counter() - started


def run(streams: int) -> Dropped:
    """Drop so many streams, one after the other."""

    def script(_: object) -> Reply:
        return half_answered()

    with (
        tempfile.TemporaryDirectory() as home,
        LanguageModelServer(script) as server,
        answering(Path(home), server) as address,
    ):
        for _ in range(_WARMING):
            drop(address, server)
        before = held()
        slowest = max(drop(address, server) for _ in range(streams))
        server.open_connections.wait_until(lambda now: now == 0)
        return Dropped(streams, before, held(), slowest)
