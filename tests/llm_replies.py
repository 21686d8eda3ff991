"""What a scripted language model replies (`llm_server.py`): whole, late, broken, refused or gullible."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Gate(threading.Event):
    """Holds a reply until it is `set`. `reached` is set once a reply is held here, or has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self._held: set[socket.socket] = set()
        self._lock = threading.Lock()

    def set(self) -> None:
        super().set()
        with self._lock:
            for held in self._held:
                held.send(b"!")

    @contextmanager
    def waking(self, held: socket.socket) -> Iterator[None]:
        """Send a byte to a socket when the gate is set."""
        with self._lock:
            self._held.add(held)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(held)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the path, the headers by their names in lower case, and the body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))

    def told(self, *roles: str) -> str:
        """Return the text of the messages of these roles, of all where none is named."""
        return "\n".join(
            message["content"] for message in self.body["messages"] if not roles or message["role"] in roles
        )


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of `reasoning_content`, as llama.cpp and vLLM send what a model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes put into a stream as they are: broken events, or an error told within it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Comments that keep a connection alive, one every so many seconds until the gate is set."""

    until: Gate
    seconds: float = 0.01


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is closed: as a reply before any header, within a reply in its middle."""


# Text in a `Spoken` is one event each; a `Gate` holds what follows it.
Part = str | Thought | Raw | Drip | Gate | Cut


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply in parts; `itertools.repeat` makes one that does not end.

    `finish_reason` None leaves out the event that ends a reply, `done` False the mark after it. `write` is
    how many bytes are sent at a time, which may part a character; `chunked` False ends the reply by closing
    the connection, as plain servers do, so that a break looks like an end. Where a reply is not
    streamed it must end; its texts and thoughts are put together, and what else a stream holds is left out.
    """

    parts: Iterable[Part]
    finish_reason: str | None = "stop"
    done: bool = True
    write: int | None = None
    chunked: bool = True


@dataclass(frozen=True, slots=True)
class Plain:
    """A whole HTTP response of another kind: an error, or garbage."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A reply whose headers wait for a gate; with a gate that is never set, silence."""

    gate: Gate
    reply: Spoken | Plain | Cut = Cut()


Reply = Spoken | Plain | Cut | Held
Script = Reply | Sequence[Reply] | Callable[[Request], Reply]


def spoken(text: str, size: int | None = None) -> Spoken:
    """Return a reply of a text, in pieces of so many characters; in one where none is given."""
    size = size or len(text) or 1
    return Spoken([text[start : start + size] for start in range(0, len(text), size)])


def event(data: Mapping[str, Any]) -> bytes:
    """Return an event of a stream. Characters are sent as they are, not escaped: a write may part them."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def refused(status: int, message: str, kind: str, code: str | int | None = None, **headers: str) -> Plain:
    """Return an error as OpenAI's servers word them; `_` in the name of a header stands for `-`."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Plain(status, json.dumps(body).encode(), headers=named)


UNAUTHORIZED = refused(401, "Incorrect API key provided: none.", "invalid_request_error", "invalid_api_key")
# `Retry-After` is short because the client obeys it before it tries again; a zero it would not obey.
RATE_LIMITED = refused(
    429, "Rate limit reached for requests", "requests", "rate_limit_exceeded", Retry_After="0.01"
)
BROKEN = refused(500, "The server had an error while processing your request", "server_error")
OVERLOADED = refused(503, "The engine is currently overloaded", "server_error", Retry_After="0.01")
NO_MODEL = refused(404, "The model `scripted` does not exist.", "invalid_request_error", "model_not_found")
# As OpenAI and as DeepSeek refuse a schema.
NO_SCHEMA = (
    refused(
        400,
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "invalid_request_error",
    ),
    refused(
        400, "This response_format type is unavailable now", "invalid_request_error", "invalid_request_error"
    ),
)

_TOO_LONG_OPENAI = (
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. "
    "Please reduce the length of the messages."
)
_TOO_LONG_LLAMA_CPP = {
    "code": 400,
    "message": "request (9001 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 9001,
    "n_ctx": 4096,
}
_TOO_LONG_VLLM = (
    "This model's maximum context length is 4096 tokens. However, you requested 800 output tokens and your "
    "prompt contains at least 3297 input tokens, for a total of at least 4097 tokens. Please reduce the "
    "length of the input prompt or the number of requested output tokens."
)
_TOO_LONG_OLD_VLLM = {
    "object": "error",
    "message": "This model's maximum context length is 4096 tokens. However, you requested 9801 tokens "
    "(9001 in the messages, 800 in the completion). Please reduce the length of the messages or completion.",
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}
# That a prompt is too long, in the words of each server.
TOO_LONG: Mapping[str, Plain] = {
    "openai": refused(400, _TOO_LONG_OPENAI, "invalid_request_error", "context_length_exceeded"),
    "llama.cpp": Plain(400, json.dumps({"error": _TOO_LONG_LLAMA_CPP}).encode()),
    "vllm": refused(400, _TOO_LONG_VLLM, "BadRequestError", 400),
    "older vllm": Plain(400, json.dumps(_TOO_LONG_OLD_VLLM).encode()),
}

# Responses of status 200 that are no reply.
GARBAGE: Mapping[str, Plain] = {
    "html": Plain(200, b"<!doctype html><title>Welcome</title><h1>It works!</h1>", "text/html"),
    "not json": Plain(200, b'{"choices": [{"message": '),
    "other json": Plain(200, b'["choices", 7, null]'),
    "binary": Plain(200, bytes(range(256)), "application/octet-stream"),
    "empty": Plain(200, b""),
}

BROKEN_EVENT = Raw(b'data: {"choices": [{"index": 0, "delta": {"con\n\n')
# Tells of an error where the status was sent long ago, as vLLM and llama.cpp do.
ERROR_EVENT = Raw(event({"error": {"message": "CUDA out of memory", "type": "server_error", "code": 500}}))

# Zero-width and bidirectional marks, soft hyphens: nothing to see, and no hindrance to a model.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_ORDERS = (
    re.compile(r"SAY:[ \t]*(?P<said>[^\n]+)"),
    re.compile(
        r"\b(?:ignore|disregard|forget)\b[^\n]{0,60}?\b(?:above|before|previous|prior)\b"
        r"[\s\S]{0,120}?\b(?:reply|respond|answer|say|write)\b(?:[ \t]+with)?(?:[ \t]+only)?[ \t]*:?[ \t]*"
        r"(?P<said>[^\n]+)",
        re.IGNORECASE,
    ),
)


def _as_a_model_reads(text: str) -> str:
    """Return a text as a model takes it in: without what nobody sees, with letters of the tag block read."""
    tags = {0xE0000 + letter: letter for letter in range(0x20, 0x7F)}
    return _UNSEEN.sub("", text.translate(tags))


@dataclass(frozen=True, slots=True)
class Gullible:
    """A script of a model that does whatever its prompt says: `SAY: …`, or `ignore the above … reply with …`.

    Only what users and documents say is an order (roles `user` and `tool`), wherever it stands. The reply has
    a line for each order, in their sequence; `\\n` written out parts a line. `otherwise` replies where
    there is none, and `orders` finds them, each in its group `said`.
    """

    otherwise: Callable[[Request], Reply] = lambda request: spoken("NO ANSWER")
    orders: Sequence[re.Pattern[str]] = _ORDERS
    size: int = 7

    def obeyed(self, prompt: str) -> list[str]:
        """Return what a prompt orders to be said."""
        text = _as_a_model_reads(prompt)
        found = {
            match.start("said"): match["said"] for order in self.orders for match in order.finditer(text)
        }
        return [found[place].strip(" \t\"'“”").replace("\\n", "\n") for place in sorted(found)]

    def __call__(self, request: Request) -> Reply:
        said = self.obeyed(request.told("user", "tool"))
        return spoken("\n".join(said), self.size) if said else self.otherwise(request)


obedient = Gullible()
