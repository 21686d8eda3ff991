"""Both clients behind one face, so that a test of what they do is a test of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from rag.client import AsyncClient, AsyncStream, Client

KINDS = ("blocking", "awaited")


@contextmanager
def opened(kind: str, address: str = "http://127.0.0.1:8000", **given: Any) -> Iterator[Client]:
    """Yield a client of one of the `KINDS`; an awaited one lives in an event loop of another thread."""
    if kind == "blocking":
        with Client(address, **given) as client:
            yield client
    else:
        with start_blocking_portal() as portal:
            awaited = AsyncClient(address, **given)
            try:
                yield cast(Client, _InALoop(portal, awaited))
            finally:
                portal.call(awaited.close)


class _InALoop:
    def __init__(self, portal: BlockingPortal, client: AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def called(*args: Any, **given: Any) -> Any:
            made = method(*args, **given)
            if isinstance(made, AsyncStream):
                return _Streamed(self._portal, made)
            return self._portal.call(lambda: made)

        return called


class _Streamed:
    def __init__(self, portal: BlockingPortal, stream: AsyncStream[Any]) -> None:
        self._portal = portal
        self._stream = stream

    def __iter__(self) -> _Streamed:
        return self

    def __next__(self) -> Any:
        try:
            return self._portal.call(self._stream.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        self._portal.call(self._stream.aclose)

    def __enter__(self) -> _Streamed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
