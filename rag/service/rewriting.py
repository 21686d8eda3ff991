"""Responses whose body is written anew: held back until they are whole."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send


def rewriting(
    send: Send, is_rewritten: Callable[[Message], bool], rewrite: Callable[[bytes, int], bytes]
) -> Send:
    """Return a `send` that gives a response another body where its start says so.

    `rewrite` takes the whole body and the status; the length is set anew. All else passes as it comes.
    """
    held: Message | None = None
    whole = bytearray()

    async def send_rewritten(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and is_rewritten(message):
            held = message
            return
        if held is not None and message["type"] == "http.response.body":
            whole.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            body = rewrite(bytes(whole), held["status"])
            MutableHeaders(scope=held)["Content-Length"] = str(len(body))
            await send(held)
            message = {"type": "http.response.body", "body": body}
        await send(message)

    return send_rewritten
