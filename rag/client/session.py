"""Requests as calls: sent, tried again where that can do no harm, and their failures told as one tree."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO, TypeVar
from urllib.parse import quote

import httpx2

from rag.client import errors
from rag.client.connection import Connection
from rag.client.errors import ConnectionFailed, ConnectionLost, Overloaded, QuoteboundError, TimedOut
from rag.client.parsing import parsed

T = TypeVar("T")

# What a service asks for beyond this is left to the caller.
LONGEST_PAUSE = 10.0
_FIRST_PAUSE = 0.5
_LONGEST_MESSAGE = 500

_KINDS: Mapping[int, type[QuoteboundError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the service. What is None in `params` and `body` is left to the service's default.

    `upload` is the name and the content of a file. One that is `repeatable` is sent again where the
    service was not reached or refused it for having too much to do, and a GET also where the connection
    was lost.
    """

    method: str
    path: str
    params: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    upload: tuple[str, bytes | BinaryIO] | None = None
    repeatable: bool = False


class Session:
    """Asks one service. Raises `QuoteboundError`s only, but for what the caller gave."""

    def __init__(
        self, connection: Connection, build_request: Callable[..., httpx2.Request], retries: int
    ) -> None:
        self._connection = connection
        self._build_request = build_request
        self.retries = retries

    async def call(self, request: Request, shape: type[T]) -> T:
        """Return the response as a dataclass."""
        return parsed(shape, (await self._tried(request, stream=False)).content)

    async def content(self, request: Request) -> bytes:
        """Return the response's bytes."""
        return (await self._tried(request, stream=False)).content

    async def do(self, request: Request) -> None:
        """Have something done that has no response to speak of."""
        await self._tried(request, stream=False)

    async def events(self, request: Request) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the events of a response that streams; to close this ends the connection."""
        response = await self._tried(request, stream=True)
        try:
            with self._told(response.request):
                async with aclosing(self._connection.events(response)) as events:
                    async for event in events:
                        if event.data:  # an event without data is none, by the specification of such streams
                            yield event
        finally:
            await self._connection.release(response)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self._connection.pause(seconds)

    async def close(self) -> None:
        """End all connections."""
        await self._connection.close()

    async def _tried(self, request: Request, *, stream: bool) -> httpx2.Response:
        """Return the response to a request, of as many attempts as may be made."""
        attempt = 0
        while True:
            try:
                return await self._sent(request, stream=stream)
            except QuoteboundError as error:
                pause = _pause(error, attempt) if _may_repeat(request, error) else None
                if pause is None or attempt >= self.retries:
                    raise
            attempt += 1
            await self._connection.pause(pause)

    async def _sent(self, request: Request, *, stream: bool) -> httpx2.Response:
        """Return a response that is no error: unread where it streams, else read and released."""
        built = self._built(request)
        with self._told(built):
            response = await self._connection.send(built)
            streams = stream and response.is_success
            try:
                if not streams:
                    await self._connection.read(response)
            finally:
                if not streams:
                    await self._connection.release(response)
        if not response.is_success:
            raise error_of(response)
        return response

    def _built(self, request: Request) -> httpx2.Request:
        body = _given(request.body) if request.body is not None else None
        files = {"file": request.upload} if request.upload is not None else None
        try:
            # A form's fields travel with its file, and anything else as JSON.
            content = {"files": files, "data": body or {}} if files is not None else {"json": body}
            return self._build_request(request.method, request.path, params=_given(request.params), **content)
        except UnicodeEncodeError as error:
            raise errors.Invalid(
                "invalid_request", f"{error.object!r:.80} is no text: half a character"
            ) from error

    @contextmanager
    def _told(self, request: httpx2.Request) -> Iterator[None]:
        """Tell the failures of the network in the client's own tree."""
        place = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            message = f"no connection to {place} ({_why(error)}); is `quotebound serve` running there?"
            raise ConnectionFailed(message) from error
        except httpx2.TimeoutException as error:
            message = f"{place} said nothing for too long; `timeout` sets how many seconds are waited"
            raise TimedOut(message) from error
        except (httpx2.SSEError, httpx2.DecodingError, httpx2.TooManyRedirects) as error:
            raise errors.UnexpectedResponse(f"{place} sent what cannot be read: {_why(error)}") from error
        except httpx2.RequestError as error:
            message = f"the connection to {place} ended before the response did ({_why(error)})"
            raise ConnectionLost(message) from error


def place(name: str) -> str:
    """Return a name as one part of a path, which no name can leave."""
    # Dots are encoded too: `..` would be taken for the folder above.
    return quote(name, safe="").replace(".", "%2E")


def error_of(response: httpx2.Response) -> QuoteboundError:
    """Return what a response with an error's status tells, whoever made it."""
    status, request_id = response.status_code, response.headers.get("x-request-id")
    code, message = f"http_{status}", f"the response was {status} {response.reason_phrase}".rstrip()
    try:
        told = json.loads(response.content)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("code"), str) and isinstance(told.get("message"), str):
        code, message = told["code"], told["message"]
        request_id = told.get("request_id") or request_id
    message = message[:_LONGEST_MESSAGE]
    if status in (429, 503):
        return Overloaded(
            code, message, request_id, status, _retry_after(response.headers.get("retry-after"))
        )
    if status >= 500:
        return errors.ServerError(code, message, request_id, status)
    if status >= 400:
        return _KINDS.get(status, errors.Invalid)(code, message, request_id, status)
    return errors.UnexpectedResponse(f"{message}: is it the service's own address?", request_id, status)


def _retry_after(given: str | None) -> float | None:
    """Return the seconds of a Retry-After, which are a number or up to a date; None where it is neither."""
    if given is None:
        return None
    if given.strip().isdecimal():
        return float(given)
    try:
        when = parsedate_to_datetime(given)
    except ValueError:
        return None
    # A date without a zone is in UTC.
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _may_repeat(request: Request, error: QuoteboundError) -> bool:
    """Tell whether asking again can do no harm, and may do good."""
    if isinstance(error, ConnectionLost):
        # What was asked may have been done: a question is then part of its conversation.
        return request.repeatable and request.method == "GET"
    return request.repeatable and isinstance(error, ConnectionFailed | Overloaded)


def _pause(error: QuoteboundError, attempt: int) -> float | None:
    """Return the seconds before another attempt, None where the service asks for more than is waited."""
    asked = error.retry_after if isinstance(error, Overloaded) else None
    if asked is not None and asked > LONGEST_PAUSE:
        return None
    pause = asked if asked is not None else min(LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    # Those who were refused together do not come back together.
    return pause * random.uniform(1, 1.25)  # noqa: S311


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _why(error: httpx2.RequestError) -> str:
    return str(error) or type(error).__name__
