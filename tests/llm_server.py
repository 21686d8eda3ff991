"""A language model's server on loopback that replies as it is told to, each fault included.

It speaks `/v1/chat/completions` (stream and not) and `/v1/models` of the OpenAI protocol over real sockets:

    with LanguageModelServer([RATE_LIMITED, spoken("Q1: exact words\\nS: A sentence.")]) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="any")

A script is one reply for all requests, a sequence with a reply for each, or a callable that is given the
request; the replies are in `llm_replies.py`. Nothing sleeps: a `Gate` holds a reply where a test wants it
held, and a `Tally` waits for what is to happen. Once the block is left, nobody listens at `base_url`.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from types import TracebackType
from typing import Any, Self

from llm_replies import Cut, Drip, Gate, Held, Plain, Raw, Reply, Request, Script, Spoken, Thought, event

# How long a test waits for what has to happen before it fails; nothing is asserted of how long it took.
_PATIENCE_SECONDS = 60


class Tally:
    """A number that a test may wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self, change: int = 1) -> None:
        with self._changed:
            self._count += change
            self._changed.notify_all()

    def wait_until(self, wanted: Callable[[int], bool]) -> None:
        """Wait until the number is as wanted; raise `AssertionError` where it does not become so."""
        with self._changed:
            if not self._changed.wait_for(lambda: wanted(self._count), _PATIENCE_SECONDS):
                raise AssertionError(f"it stayed at {self._count}")

    def reach(self, count: int) -> None:
        """Wait until the number is at least so great."""
        self.wait_until(lambda now: now >= count)


_USAGE = {"prompt_tokens": 7, "completion_tokens": 7, "total_tokens": 14}


def _envelope(kind: str, request: Request) -> dict[str, Any]:
    return {"id": "chatcmpl-test", "object": kind, "created": 0, "model": request.body.get("model", "")}


class _Left(Exception):
    """The client has gone before the end of its reply."""


class _Stopped(Exception):
    """The server is to stop, or a script has cut the connection."""


class LanguageModelServer:
    """A server that runs within a `with` block; at its end no thread and no socket of it is left.

    A request for which the script has no reply, and an error within a script, are raised at the end of the
    block. `requests` holds what was asked and `asked` counts it; `listings` holds the requests for the list
    of models. `cancelled` counts the clients that left before the end of their reply, `open_connections`
    what is open.
    """

    def __init__(self, script: Script, models: Sequence[str] | Reply = ("scripted",)) -> None:
        self.requests: list[Request] = []
        self.listings: list[Request] = []
        self.asked, self.cancelled, self.open_connections = Tally(), Tally(), Tally()
        self._script = script
        self._models = models
        self._lock = threading.Lock()
        self._listener = _Listener(self)
        self.base_url = f"http://127.0.0.1:{self._listener.server_port}/v1"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stop()
        self._thread.join()
        if self._listener.failures and error is None:
            raise self._listener.failures[0]

    def reply_to(self, request: Request) -> Reply:
        """Record what was asked and return the script's reply."""
        with self._lock:
            self.requests.append(request)
            place = len(self.requests)
        self.asked.add()
        if isinstance(self._script, Reply):
            return self._script
        if callable(self._script):
            return self._script(request)
        if place > len(self._script):
            raise AssertionError(f"the script has {len(self._script)} replies, and this is request {place}")
        return self._script[place - 1]

    def listing(self, request: Request) -> Reply:
        """Record the request and return the list of models."""
        self.listings.append(request)
        if isinstance(self._models, Reply):
            return self._models
        entries = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self._models]
        return Plain(200, json.dumps({"object": "list", "data": entries}).encode())


class _Listener(ThreadingHTTPServer):
    """The sockets of a server: one thread a connection, and a record of what is open."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, owner: LanguageModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self.failures: list[BaseException] = []
        self.stopping = Gate()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        self.owner.open_connections.add()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)
        self.owner.open_connections.add(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.failures.append(error)

    def stop(self) -> None:
        """Close all that is open and wait for the threads."""
        self.shutdown()
        self.stopping.set()
        with self._lock:
            for connection in self._open:
                # Wakes who reads from it or writes to it; the thread itself closes it.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        request = self._request({})
        if self.path == "/v1/models":
            self._answer(self.server.owner.listing(request), request)
        else:
            self._answer(Plain(404, b'{"error": {"message": "not found", "code": 404}}'), request)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = self._request(body)
        if self.path == "/v1/chat/completions":
            self._answer(self.server.owner.reply_to(request), request)
        else:
            self._answer(Plain(404, b'{"error": {"message": "not found", "code": 404}}'), request)

    def _request(self, body: Mapping[str, Any]) -> Request:
        return Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)

    def _answer(self, reply: Reply, request: Request) -> None:
        try:
            if isinstance(reply, Held):
                self._hold(reply.gate)
                reply = reply.reply
            if isinstance(reply, Cut):
                self.close_connection = True
            elif isinstance(reply, Plain):
                self._whole(reply)
            elif request.streamed:
                self._stream(reply, request)
            else:
                self._speak_whole(reply, request)
        except _Stopped:
            self.close_connection = True
        except (_Left, ConnectionError):
            self.close_connection = True
            if not self.server.stopping.is_set():
                self.server.owner.cancelled.add()

    def _whole(self, reply: Plain, *, of: int | None = None) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(of or len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _speak_whole(self, reply: Spoken, request: Request) -> None:
        said: dict[str, str] = {"content": ""}
        cut = False
        for part in reply.parts:
            if isinstance(part, Gate):
                self._hold(part)
            elif isinstance(part, str):
                said["content"] += part
            elif isinstance(part, Thought):
                said["reasoning_content"] = said.get("reasoning_content", "") + part.text
            elif isinstance(part, Cut):
                cut = True
                break
        choice = {
            "index": 0,
            "message": {"role": "assistant", **said},
            "finish_reason": reply.finish_reason,
        }
        body = {**_envelope("chat.completion", request), "choices": [choice], "usage": _USAGE}
        data = json.dumps(body, ensure_ascii=False).encode()
        if cut:
            self._whole(Plain(200, data[: len(data) // 2]), of=len(data))
            raise _Stopped
        self._whole(Plain(200, data))

    def _stream(self, reply: Spoken, request: Request) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header(*(("Transfer-Encoding", "chunked") if reply.chunked else ("Connection", "close")))
        self.end_headers()
        envelope = _envelope("chat.completion.chunk", request)

        def delta(said: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
            return event({**envelope, "choices": [choice]})

        for part in chain([Raw(delta({"role": "assistant", "content": ""}))], reply.parts):
            match part:
                case str():
                    self._send(delta({"content": part}), reply)
                case Thought():
                    self._send(delta({"reasoning_content": part.text}), reply)
                case Raw():
                    self._send(part.data, reply)
                case Gate():
                    self._hold(part)
                case Drip():
                    while not self._hold(part.until, part.seconds):
                        self._send(b": keep-alive\n\n", reply)
                case Cut():
                    raise _Stopped
        if reply.finish_reason is not None:
            self._send(delta({}, reply.finish_reason), reply)
        if (request.body.get("stream_options") or {}).get("include_usage"):
            self._send(event({**envelope, "choices": [], "usage": _USAGE}), reply)
        if reply.done:
            self._send(b"data: [DONE]\n\n", reply)
        if reply.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, data: bytes, reply: Spoken) -> None:
        size = reply.write or len(data) or 1
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)

    def _hold(self, gate: Gate, seconds: float | None = None) -> bool:
        """Wait for a gate and tell whether it was set within so many seconds; raise `_Left` or `_Stopped`."""
        ear, mouth = socket.socketpair()
        with ear, mouth, gate.waking(mouth), self.server.stopping.waking(mouth):
            poll = select.poll()
            poll.register(self.connection, select.POLLRDHUP)
            poll.register(ear, select.POLLIN)
            gate.reached.set()
            while not gate.is_set():
                if self.server.stopping.is_set():
                    raise _Stopped
                ready = dict(poll.poll(None if seconds is None else seconds * 1000))
                if self.connection.fileno() in ready:
                    raise _Left
                if not ready:
                    return False
        return True
