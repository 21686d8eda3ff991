"""What every request passes before anything else sees it, the mounted page included.

ASGI middleware, because FastAPI's dependencies do not cover mounted apps: a request's id and its line
in the log, and who may ask: a known host, no other site's script, and the key where one is set.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
import uuid
from contextlib import suppress
from hmac import compare_digest

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import QuoteboundError, TooLarge
from rag.errors import Forbidden, Unauthorized
from rag.service import errors
from rag.settings import Settings

_log = structlog.get_logger(__name__)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Answers to anyone: it says nothing but that the process lives.
OPEN_PATHS = frozenset({"/healthz"})
REQUEST_ID_HEADER = "X-Request-ID"

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
# Python refuses to read numbers of thousands of digits, and not everything that reads this one expects it.
_LENGTH = re.compile(r"[0-9]{1,18}")
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestContext:
    """Outermost: gives the request an id, logs one line about it, and answers for what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        identifier = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identifier
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = identifier
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            _log.exception("unexpected error", request_id=identifier, exc_info=error)
            if not status:
                await errors.unexpected(Request(scope))(scope, receive, send_with_id)
        finally:
            _log.info(
                "request",
                request_id=identifier,
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
            )


class Guard:
    """Refuses what may not ask, before a byte of the body is read.

    A browser can be made to send requests to the loopback address by any page it shows, and a name
    can be made to point there; so host and origin have to be the service's own.
    """

    def __init__(self, app: ASGIApp, settings: Settings, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._key = settings.api_key.get_secret_value().encode() if settings.api_key else None
        self._hosts: frozenset[str] | None = LOOPBACK_NAMES | {
            name.lower() for name in settings.allowed_hosts
        }
        if not settings.serves_loopback_only and not settings.allowed_hosts:
            self._hosts = None  # by whatever name others reach it: the key is what protects it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or answer for it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            _check_origin(headers)
            if scope["path"] not in OPEN_PATHS:
                self._check_key(headers)
            self._check_length(headers)
        except QuoteboundError as error:
            response = errors.known(Request(scope), error)
            if isinstance(error, Unauthorized):
                response.headers["WWW-Authenticate"] = _challenge(headers)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        given = headers.getlist("host")
        match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            raise Forbidden("the request names no host, or one that cannot be")
        name = match["name"].lower()
        if self._hosts is not None and name not in self._hosts:
            raise Forbidden(
                f"this service is not reached by the name {name!r}; QUOTEBOUND_ALLOWED_HOSTS can add it"
            )

    def _check_key(self, headers: Headers) -> None:
        if self._key is None:
            return
        # Every candidate is compared, so that the time taken tells nothing about which came near.
        matches = [compare_digest(candidate, self._key) for candidate in _keys(headers)]
        if not any(matches):
            raise Unauthorized(
                "an API key is needed: send it as `Authorization: Bearer …`, "
                "as `X-API-Key`, or as the password"
            )

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > self._max_body_bytes:
            raise TooLarge(
                f"the request has {length[:40]} bytes, more than the {self._max_body_bytes} "
                "that the service takes; raise QUOTEBOUND_MAX_FILE_MB or send less"
            )


def _challenge(headers: Headers) -> str:
    """Return what asks for the key; of a page that is open in a browser, so that it tells its reader itself.

    At a challenge that they know, browsers ask for a password whatever the reader is doing.
    """
    scheme = "Basic" if headers.get("sec-fetch-mode", "navigate") == "navigate" else "Bearer"
    return f'{scheme} realm="Quotebound", charset="UTF-8"'


def _check_origin(headers: Headers) -> None:
    origin = headers.get("origin")
    if origin is not None:
        foreign = origin.partition("://")[2].lower() != headers.get("host", "").lower()
    else:
        # Embedded by another site's page; following its link is navigation.
        another = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        foreign = another and headers.get("sec-fetch-mode") != "navigate"
    if foreign:
        raise Forbidden("the request was made by another site's page")


def _keys(headers: Headers) -> list[bytes]:
    """Return the keys that a request carries, in any of the three ways."""
    found = [headers.get("x-api-key", "").encode()]
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.append(credentials.strip().encode())
    elif scheme.lower() == "basic":
        with suppress(binascii.Error, ValueError):
            found.append(base64.b64decode(credentials, validate=True).partition(b":")[2])
    return found
