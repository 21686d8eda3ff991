"""A client that speaks just enough HTTP/1.1 to ask a service on this machine, at little cost of its own."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from eval.bench.load_figures import NO_REPLY, Reply

# The service closes a connection that rests for five seconds.
_RESTING_SECONDS = 4.0


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rested_since: float = field(default_factory=time.monotonic)

    @property
    def usable(self) -> bool:
        rested = time.monotonic() - self.rested_since
        return rested < _RESTING_SECONDS and not self.reader.at_eof()


class Client:
    """Keeps connections to `127.0.0.1:port` and opens another where all are in use."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._resting: list[_Connection] = []

    async def ask(self, question: str, due: float | None = None) -> Reply:
        """Ask a question and read the answer. `due` is when it was to be sent, by `time.perf_counter`.

        The seconds of the reply count from then, however late it was really sent.
        """
        started = time.perf_counter() if due is None else due
        body = json.dumps({"question": question}).encode()
        status, headers = await self._sent("POST", "/ask", body)
        return Reply(status, time.perf_counter() - started, float(headers.get("retry-after", 0)))

    async def _sent(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Send a request, read all of the reply and return status and headers; `NO_REPLY` where none came."""
        try:
            connection = self._rested() or await self._connected()
        except OSError:
            return NO_REPLY, {}
        try:
            status, headers = await _exchange(connection, self._port, method, path, body)
        except (OSError, ValueError, KeyError, asyncio.IncompleteReadError):
            connection.writer.close()
            return NO_REPLY, {}
        except asyncio.CancelledError:
            connection.writer.close()
            raise
        if headers.get("connection", "").lower() != "close":
            connection.rested_since = time.monotonic()
            self._resting.append(connection)
        else:
            connection.writer.close()
        return status, headers

    def close(self) -> None:
        """Close the connections that rest."""
        while self._resting:
            self._resting.pop().writer.close()

    def _rested(self) -> _Connection | None:
        while self._resting:
            connection = self._resting.pop()
            if connection.usable:
                return connection
            connection.writer.close()
        return None

    async def _connected(self) -> _Connection:
        return _Connection(*await asyncio.open_connection("127.0.0.1", self._port))


async def _exchange(
    connection: _Connection, port: int, method: str, path: str, body: bytes
) -> tuple[int, dict[str, str]]:
    """Return the status of a reply and its headers, with names in lower case."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.writer.write(head.encode() + body)
    await connection.writer.drain()
    status_line, *lines = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    await connection.reader.readexactly(int(headers["content-length"]))
    return int(status_line.split(" ", 2)[1]), headers
