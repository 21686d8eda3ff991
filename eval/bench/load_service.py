"""The real service as a process of its own, over a home of its own, for as long as it is measured."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from eval.bench.load_figures import NO_REPLY, Reply
from index.errors import QuoteboundError
from rag.settings import Settings

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_PROGRAM = (sys.executable, "-m", "rag.cli")


class ServiceFailed(QuoteboundError):
    """The service that was to be measured could not be started, or its documents not be read."""

    code = "service_failed"


@contextmanager
def served(settings: Settings, documents: Sequence[Path]) -> Iterator[int]:
    """Read documents into the home of some settings, serve it from a process of its own; yield the port.

    Further settings are those of the environment, but for host, port and key. The process is stopped at
    the end, by its own id. Raise `ServiceFailed`.
    """
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if name != "QUOTEBOUND_API_KEY"} | {
        "QUOTEBOUND_HOME": str(settings.home),
        "QUOTEBOUND_MODEL_CACHE": str(settings.compiled_models),
        "QUOTEBOUND_HOST": "127.0.0.1",
        "QUOTEBOUND_PORT": str(port),
        "QUOTEBOUND_LOG_LEVEL": "warning",
    }
    with tempfile.TemporaryFile() as log:
        ingest = [*_PROGRAM, "ingest", *map(str, documents)]
        # S603: this very program, with paths of files.
        if subprocess.run(ingest, env=environment, stdout=log, stderr=log, check=False).returncode:  # noqa: S603
            raise ServiceFailed(f"the documents could not be read: {_end(log)}")
        service = subprocess.Popen([*_PROGRAM, "serve"], env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            _await_ready(service, port, log)
            yield port
        finally:
            _stop(service)


class HealthPoll:
    """Asks `/healthz` again and again from a thread, and keeps how long each took; a context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self.replies: list[Reply] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        due = time.perf_counter()
        while not self._over.wait(max(0.0, due - time.perf_counter())):
            # From when it was due: a reply that comes late must not spare those that wait behind it.
            self.replies.append(Reply(_status(connection, "/healthz"), time.perf_counter() - due))
            due += _POLL_SECONDS
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return NO_REPLY
    return response.status


def _await_ready(service: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while _status(connection, "/readyz") != http.HTTPStatus.OK:
        if service.poll() is not None or time.monotonic() > until:
            raise ServiceFailed(f"the service did not start: {_end(log)}")
        time.sleep(0.1)
    connection.close()


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    try:
        service.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()


def _end(log: IO[bytes]) -> str:
    """Return the last of what a process wrote into a file."""
    log.seek(0)
    return log.read().decode("utf-8", "replace").strip()[-500:] or "it said nothing"
