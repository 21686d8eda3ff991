"""The two clients: the same methods, over a connection that blocks and over one that is awaited."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TypedDict

import httpx2

from rag.client.asking import AskingMethods
from rag.client.collections import CollectionMethods
from rag.client.connection import Awaiting, Blocking
from rag.client.documents import DocumentMethods
from rag.client.health import HealthMethods
from rag.client.jobs import JobMethods
from rag.client.methods import Awaits, Blocks, Method
from rag.client.session import Session
from rag.hosts import is_loopback

BASE_URL = "http://127.0.0.1:8000"
TIMEOUT = 120.0
RETRIES = 2

_CONNECT_SECONDS = 10.0
# The service ends an idle connection after five seconds: one that is used again is younger than that.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)


class _Methods(AskingMethods, DocumentMethods, JobMethods, CollectionMethods, HealthMethods):
    @Method
    async def close(self) -> None:
        """End all connections; the client is not to be used any more. May be called again."""
        await self._session.close()


class Client(_Methods, Blocks):
    """A client of a Quotebound service, whose methods return when what they do is done.

    `base_url` is where the service is, `api_key` its QUOTEBOUND_API_KEY. `timeout` is how many seconds
    the service may say nothing, None for ever. Reads, questions and searches are tried up to `retries`
    times more where the service is not reached, or refuses since it has too much to do. A `transport`
    takes the network's place. It may be used by several threads; closed, or at the end of a `with`, it
    leaves no connection. Every method raises the leaf of `QuoteboundError` that says what went wrong.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        api_key: str | None = None,
        timeout: float | None = TIMEOUT,
        retries: int = RETRIES,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        http = httpx2.Client(**_options(base_url, api_key, timeout), transport=transport)
        self._session = Session(Blocking(http), http.build_request, retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Methods, Awaits):
    """A client of a Quotebound service, whose methods are awaited; else it is as `Client`.

    It belongs to one event loop.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        api_key: str | None = None,
        timeout: float | None = TIMEOUT,
        retries: int = RETRIES,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        http = httpx2.AsyncClient(**_options(base_url, api_key, timeout), transport=transport)
        self._session = Session(Awaiting(http), http.build_request, retries)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Options(TypedDict):
    base_url: httpx2.URL
    headers: dict[str, str]
    timeout: httpx2.Timeout
    limits: httpx2.Limits
    trust_env: bool


def _options(base_url: str, api_key: str | None, timeout: float | None) -> _Options:
    """Return what both kinds of `httpx2` client take; raise `ValueError` for what is no address."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{base_url!r} is no address ({error}); give one such as {BASE_URL}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{base_url!r} is no address of HTTP; give one such as {BASE_URL}")
    connect = _CONNECT_SECONDS if timeout is None else min(timeout, _CONNECT_SECONDS)
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": httpx2.Timeout(timeout, connect=connect),
        "limits": _LIMITS,
        # A proxy of the environment would look for 127.0.0.1 on its own machine.
        "trust_env": not is_loopback(url.host),
    }
