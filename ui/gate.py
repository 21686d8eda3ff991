"""What stands before the mounted page: only what it needs of Gradio is there, and visitors are told apart."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.service.headers import is_page
from rag.service.rewriting import rewriting

VISITOR_COOKIE = "quotebound_visitor"
_YEAR_SECONDS = 365 * 24 * 3600
_VISITOR = re.compile(r"[A-Za-z0-9_-]{43}")
# All that the page asks Gradio for. There are fifty more, some of which read files or fetch addresses.
# Not `app_id`: by that Gradio would load the page anew once the service is back, with what was typed in it.
_NEEDED = re.compile(
    r"/|/assets/[\w.-]+|/static/(?:fonts|img|js)/[\w./-]+|/theme\.css|/favicon\.ico|/config/?"
    r"|/gradio_api/(?:queue/join|queue/data|cancel|heartbeat/[a-z0-9]+|startup-events)/?"
)
_EVENT = re.compile(r"/gradio_api/queue/join/?")
# A question of the greatest length fits many times over.
_MOST_EVENT_BYTES = 2**18

_HEAD, _END = b"<head>", b"</body>"
# Gradio's words on itself, with addresses of other hosts.
_ABOUT_GRADIO = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>')


class Gate:
    """Passes on what the page needs of Gradio, and gives each browser a cookie that no other one has.

    The cookie is of this host alone and out of reach of scripts. `Lax`: who follows a link to the page
    comes with it, and no other site's page can send anything with it. The page gets the `scripts` at
    these addresses into its head, since what Gradio puts there runs in any order, and the `styles` after
    all else, so that they win over Gradio's own, which come into the head as they are needed.
    """

    def __init__(self, app: ASGIApp, styles: Sequence[str] = (), scripts: Sequence[str] = ()) -> None:
        self._app = app
        self._head = "".join(f'<script src="{address}"></script>' for address in scripts).encode()
        self._end = "".join(f'<link rel="stylesheet" href="{address}">' for address in styles).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        if not _NEEDED.fullmatch(path) or ".." in path:
            raise HTTPException(404)
        if _EVENT.fullmatch(path) and scope["method"] == "POST":
            receive = await _of_texts(scope, receive)
        if path != "/":
            await self._app(scope, receive, send)
            return
        send = rewriting(send, is_page, self._completed)
        connection = HTTPConnection(scope)
        if visitor_of(connection.cookies) is not None:
            await self._app(scope, receive, send)
            return
        secure = "; Secure" if connection.url.scheme == "https" else ""
        cookie = (
            f"{VISITOR_COOKIE}={secrets.token_urlsafe(32)}; Path=/; Max-Age={_YEAR_SECONDS}; HttpOnly; "
            f"SameSite=Lax{secure}"
        )

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _completed(self, page: bytes, _: int) -> bytes:
        headed = _ABOUT_GRADIO.sub(b"", page).replace(_HEAD, _HEAD + self._head, 1)
        before, end, after = headed.rpartition(_END)
        return before + self._end + end + after


async def _of_texts(scope: Scope, receive: Receive) -> Receive:
    """Return what gives the body of an event again, whose data are texts as the page sends them.

    Of anything else Gradio would copy the files that it names, whatever they are, or fetch its addresses.
    """
    body = b""
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > _MOST_EVENT_BYTES:
            raise HTTPException(413)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, list) or not all(each is None or isinstance(each, str) for each in data):
        raise HTTPException(400)
    # As it was understood here: another reader may take the first of two fields of one name.
    body = json.dumps(told).encode()
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def visitor_of(cookies: Mapping[str, str]) -> str | None:
    """Return what tells a visitor from all others; None for one who takes no cookies."""
    visitor = cookies.get(VISITOR_COOKIE, "")
    return visitor if _VISITOR.fullmatch(visitor) else None
