"""The one seam between the client and the network: what blocks and what is awaited, side by side.

Everything above is written once, as coroutines over a `Connection`. Those of `Blocking` never suspend, so
that a thread without an event loop runs whatever awaits them to its end in one step: `completed`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Protocol, TypeVar

import anyio
import httpx2

T = TypeVar("T")

# The last event of a job tells of each of its files, and there may be a hundred thousand of them.
MAX_EVENT_BYTES = 64 * 2**20


class Connection(Protocol):
    """Sends requests. Raises `httpx2.RequestError`, and its `SSEError` for what is no stream of events."""

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Return a response whose body is still to be read, by `read` or by `events`; then `release` it."""
        ...

    async def read(self, response: httpx2.Response) -> None:
        """Read the body of a response, which then has it."""
        ...

    def events(self, response: httpx2.Response) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the events of a response, each of at most `MAX_EVENT_BYTES`."""
        ...

    async def release(self, response: httpx2.Response) -> None:
        """Be done with a response; what of its body was not read ends the connection."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class Blocking:
    """The `Connection` of the thread that calls."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send it."""
        return self._http.send(request, stream=True)

    async def read(self, response: httpx2.Response) -> None:
        """Read the body."""
        response.read()

    async def events(self, response: httpx2.Response) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the events."""
        for event in httpx2.EventSource(response, MAX_EVENT_BYTES):
            yield event

    async def release(self, response: httpx2.Response) -> None:
        """Be done with it."""
        response.close()

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    async def close(self) -> None:
        """End all connections."""
        self._http.close()


class Awaiting:
    """The `Connection` of an event loop."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send it."""
        return await self._http.send(request, stream=True)

    async def read(self, response: httpx2.Response) -> None:
        """Read the body."""
        await response.aread()

    async def events(self, response: httpx2.Response) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the events."""
        async for event in httpx2.EventSource(response, MAX_EVENT_BYTES):
            yield event

    async def release(self, response: httpx2.Response) -> None:
        """Be done with it."""
        await response.aclose()

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        await anyio.sleep(seconds)

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()


def completed(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return what it returns; raise what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise RuntimeError("a coroutine over a blocking connection was suspended")
