"""`/mcp`: the tools over HTTP, within the app and so behind all that guards it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from fastapi import FastAPI
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from rag.errors import Overloaded
from rag.service.errors import error_response
from rag.service.gone import unless_gone
from rag.service.mcp.server import server_of
from rag.service.mcp.tools import Asker

PATH = "/mcp"
# As for questions: one of the greatest length fits many times over.
_MOST_BYTES = 2**20


class Endpoint:
    """Serves an MCP server while `running`.

    A request is complete in itself and answered by one body of JSON: no session is kept, and there is no
    stream to hold open. What a client asked is cancelled when it goes away.
    """

    def __init__(self, server: Server[Any]) -> None:
        self._server = server
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve requests while the block lasts; what is not answered at its end is cancelled."""
        # Host and origin were looked at before, by the settings of the service.
        manager = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; raise `Overloaded` while the service starts or stops."""
        request = Request(scope, receive)
        if request.method != "POST":
            # There is no session to end, and nothing to tell a client that has not asked.
            refusal = error_response(request, 405, "method_not_allowed", "MCP is spoken by POST here")
            refusal.headers["Allow"] = "POST"
            await refusal(scope, receive, send)
            return
        if self._manager is None:
            raise Overloaded("the service is starting or stopping; try again in a moment")
        # Who is gone is told nothing.
        with suppress(ClientDisconnect):
            body = _told_once(await request.body())
            await unless_gone(request, self._manager.handle_request(scope, body, send))


def install(app: FastAPI, asker: Asker) -> None:
    """Serve the tools at `/mcp` and `/mcp/` of an app, before whatever is mounted at `/` after this.

    The app's lifespan has to enter `running(app)`.
    """
    endpoint = Endpoint(server_of(asker))
    app.state.mcp = endpoint
    # Two routes, because clients do not send a body again to where they are redirected.
    for path in (PATH, f"{PATH}/"):
        app.router.routes.append(Route(path, RequestBodyLimitMiddleware(endpoint, _MOST_BYTES)))


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Have `/mcp` of an app answer while the block lasts."""
    async with cast(Endpoint, app.state.mcp).running():
        yield


def _told_once(body: bytes) -> Receive:
    """Return what gives a body that was read already, and nothing after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Future()
        return messages.pop()

    return receive
