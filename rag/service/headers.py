"""What a browser may do with what it gets: nothing from elsewhere, and no script but the page's own."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.service.rewriting import rewriting

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# 'unsafe-eval': Gradio compiles the template of its HTML component, a constant, with `Function`. Inline
# handlers and scripts without the nonce stay forbidden, and so is every other host.
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# Nothing of a page: what is shown as a document of its own must not run or load anything.
_POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
_SCRIPT = re.compile(rb"<script(?=[\s>])")


class SecurityHeaders:
    """Adds the headers to every response, and to a page's own scripts the nonce that lets them run.

    A page is sent once it is whole, because its scripts are marked. Text of documents reaches a page
    only inside JSON that escapes `<`, so no script tag in it can be anyone else's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(18)

        def marked(page: bytes, _: int) -> bytes:
            return _SCRIPT.sub(b'<script nonce="%s"' % nonce.encode(), page)

        send_marked = rewriting(send, is_page, marked)

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                policy = _POLICY.format(nonce=nonce) if is_page(message) else _POLICY_OF_DATA
                # A route may tell otherwise of what it sends, such as what the page shows in a frame.
                for name, value in {**_HEADERS, "Content-Security-Policy": policy}.items():
                    headers.setdefault(name, value)
            await send_marked(message)

        await self._app(scope, receive, send_secured)


def is_page(start: Message) -> bool:
    """Tell from its start whether a response is a page that can be written anew."""
    headers = Headers(raw=start["headers"])
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers
