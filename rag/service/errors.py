"""Errors as the service tells them: a status, a code, a message, the request's id; no stack, no path."""

from __future__ import annotations

import json
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import (
    Conflict,
    EmbeddingError,
    HomeLocked,
    InputError,
    NotFound,
    QuoteboundError,
    ReadOnlyStore,
    StorageError,
    StorageFull,
    TooLarge,
    UnsupportedFormat,
)
from rag.errors import Forbidden, Overloaded, Unauthorized
from rag.service.openai_wire import OpenAIErrorOut
from rag.service.rewriting import rewriting

RETRY_SECONDS = "1"

# The first that the error is an instance of decides.
_STATUSES: tuple[tuple[type[QuoteboundError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedFormat, 415),
    (InputError, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Overloaded, 503),
    (StorageFull, 507),
    (HomeLocked, 409),
    (ReadOnlyStore, 409),
    (StorageError, 503),
    (EmbeddingError, 503),
)
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}

PAGE_API = "/gradio_api/"
OPENAI_API = "/v1/"


def documented(*statuses: int | str) -> dict[int | str, dict[str, Any]]:
    """Return how a route tells of its errors in the OpenAPI document: as JSON, whatever else it sends."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}
    return {status: {"content": content} for status in statuses}


def status_of(error: QuoteboundError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def request_id(request: Request) -> str:
    """Return the id that the outermost middleware gave the request."""
    return cast(str, request.scope.get("state", {}).get("request_id", ""))


def error_response(request: Request, status: int, code: str, message: str) -> JSONResponse:
    """Return an error as JSON, with the body that every error has."""
    retry = {"Retry-After": RETRY_SECONDS} if status in (429, 503) else None
    # A message may repeat what was sent, and that may hold what UTF-8 cannot.
    told = message.encode("utf-8", "replace").decode("utf-8")
    if request.scope["path"].startswith(OPENAI_API):
        return JSONResponse(OpenAIErrorOut.of(status, code, told).model_dump(), status, headers=retry)
    body = {"code": code, "message": told, "request_id": request_id(request)}
    return JSONResponse(body, status, headers=retry)


def known(request: Request, error: QuoteboundError) -> JSONResponse:
    """Return one of Quotebound's own errors as JSON."""
    return error_response(request, status_of(error), error.code, str(error))


def unexpected(request: Request) -> JSONResponse:
    """Return what is told of an error that nobody meant."""
    message = "something went wrong inside; the log has it under this request_id"
    return error_response(request, 500, "internal_error", message)


def install(app: FastAPI) -> None:
    """Make every error of the app look alike."""

    @app.exception_handler(QuoteboundError)
    async def on_known(request: Request, error: QuoteboundError) -> JSONResponse:
        return known(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return error_response(request, 422, "invalid_request", faults(error))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        response = _http_response(request, error)
        response.headers.update(error.headers or {})
        if "Allow" in response.headers:
            response.headers["Allow"] = _allowed(request)
        return response

    @app.exception_handler(ClientDisconnect)
    async def on_gone(_: Request, __: ClientDisconnect) -> Response:
        # Nobody reads it; the log has the status, as of proxies that tell of such a client.
        return Response(status_code=499)

    @app.exception_handler(Exception)
    async def on_unknown(request: Request, _: Exception) -> JSONResponse:
        # It is raised again after this, and logged by `RequestContext`.
        return unexpected(request)


class UniformErrors:
    """Gives refusals of the mounted page the form that the API's have: `{"detail"}` becomes the usual body.

    What the page's own scripts ask, below `PAGE_API`, is left to them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or scope["path"].startswith(PAGE_API):
            await self._app(scope, receive, send)
            return

        def uniform(body: bytes, status: int) -> bytes:
            return _uniform(body, status, Request(scope))

        send_uniform = rewriting(send, _is_json_error, uniform)

        async def send_as_json(message: Message) -> None:
            # Starlette's own limit of a body answers in plain text.
            if message["type"] == "http.response.start" and message["status"] == 413:
                MutableHeaders(scope=message)["Content-Type"] = "application/json"
            await send_uniform(message)

        await self._app(scope, receive, send_as_json)


def _is_json_error(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and kind.startswith("application/json")


def _uniform(body: bytes, status: int, request: Request) -> bytes:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    # JSON-RPC, which MCP speaks, and OpenAI's API have errors of their own form, which their clients read.
    if isinstance(told, dict) and not told.keys().isdisjoint({"code", "jsonrpc", "error"}):
        return body
    detail = told.get("detail") if isinstance(told, dict) else None
    return bytes(_http_response(request, HTTPException(status, str(detail) if detail else None)).body)


def faults(error: RequestValidationError) -> str:
    """Return what is wrong with a request in one line: where, and what was expected there."""
    faults = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"] if part != "body") or "body"
        faults.append(f"{place}: {fault['msg']}")
    return "; ".join(faults)


def _http_response(request: Request, error: HTTPException) -> JSONResponse:
    code = _CODES.get(error.status_code, "error")
    return error_response(request, error.status_code, code, _http_message(request, error))


def _allowed(request: Request) -> str:
    """Return the methods that a path takes: each of its routes tells only its own."""
    taken = (
        method
        for method in _METHODS
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    )
    return ", ".join(dict.fromkeys(taken))


def _http_message(request: Request, error: HTTPException) -> str:
    path: str = request.scope["path"]
    if error.status_code == 404:
        return f"there is nothing at {path}; /docs lists what there is"
    if error.status_code == 413:
        if path.startswith("/documents"):
            return "the request is larger than the service takes; raise QUOTEBOUND_MAX_FILE_MB or send less"
        return "the request is larger than what is asked here can be; send less"
    return str(error.detail)
