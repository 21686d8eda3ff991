"""`/mcp` over real sockets, with the SDK's own client: behind the guards, bounded, and let go of in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import pytest
from doubles import HashingEmbedder
from fastapi import FastAPI
from listening import listening
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from test_mcp import FERRY, MODES, QUESTION, stored

from rag.service import errors
from rag.service.app import create_app
from rag.service.backend import Backend
from rag.service.mcp import install, running
from rag.settings import Settings
from rag.wiring import Application

KEY = "a key of more than sixteen characters"
BOUND_SECONDS = 20
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
NEWEST = {"mcp-protocol-version": "2026-07-28"}


@contextmanager
def answering(settings: Settings) -> Iterator[str]:
    """Yield the address of a service that has a document."""
    application = Application(settings, writable=True, embedder=HashingEmbedder())
    stored(application, FERRY, "ferry.txt")
    with listening(create_app(application), lifespan=True) as address:
        yield address


@asynccontextmanager
async def connected(
    url: str, headers: dict[str, str] | None = None, mode: str = "auto"
) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_the_sdks_client_asks_and_gets_quotes(settings: Settings, path: str, mode: str) -> None:
    async def use(address: str) -> None:
        async with connected(address + path, mode=mode) as client:
            assert client.server_info is not None
            assert client.server_info.name == "quotebound"
            assert len((await client.list_tools()).tools) == 4
            answer = (await client.call_tool("ask", {"question": QUESTION})).structured_content
            (citation,) = answer["citations"]
            assert FERRY[citation["start"] : citation["end"]] == citation["quote"]

    with answering(settings) as address:
        asyncio.run(use(address))


def test_without_the_key_nothing_is_served_and_with_it_all(settings: Settings) -> None:
    guarded = settings.model_copy(update={"api_key": SecretStr(KEY)})

    async def use(address: str) -> None:
        with pytest.RaisesGroup(MCPError, flatten_subgroups=True):
            async with connected(f"{address}/mcp"):
                pass
        async with connected(f"{address}/mcp", {"Authorization": f"Bearer {KEY}"}) as client:
            result = await client.call_tool("list_documents", {})
            assert result.structured_content["total"] == 1

    with answering(guarded) as address:
        refused = httpx2.post(f"{address}/mcp", json=PING, headers=HEADERS)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        asyncio.run(use(address))


@pytest.fixture
def served(settings: Settings, embedder: HashingEmbedder) -> Iterator[TestClient]:
    named = settings.model_copy(update={"allowed_hosts": ["quotes.example"]})
    application = Application(named, writable=True, embedder=embedder)
    with TestClient(create_app(application), base_url="http://127.0.0.1:8000", headers=HEADERS) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "quotes.example"}, 200),
        ({"host": "quotes.example:8000", "origin": "http://quotes.example:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_host_and_origin_have_to_be_the_services_own(
    served: TestClient, headers: dict[str, str], status: int
) -> None:
    assert served.post("/mcp", json=PING, headers=headers).status_code == status


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize("version", [{}, NEWEST])
def test_only_posts_are_taken(served: TestClient, method: str, version: dict[str, str]) -> None:
    response = served.request(method, "/mcp", headers=version, follow_redirects=False)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["code"] == "method_not_allowed"


def test_a_client_that_takes_json_alone_is_answered(served: TestClient) -> None:
    response = served.post("/mcp", json=PING, headers={"accept": "application/json"})
    assert response.json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "mcp-session-id" not in response.headers


@pytest.mark.parametrize("version", [{}, NEWEST])
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"a"', b'{"jsonrpc": "2.0", "id": {}}', b'{"a":' * 50_000, b"\xff"]
)
def test_what_is_no_message_is_refused_in_the_form_that_its_clients_read(
    served: TestClient, body: bytes, version: dict[str, str]
) -> None:
    response = served.post("/mcp", content=body, headers=version)
    assert response.status_code == 400
    assert set(response.json()) == {"jsonrpc", "id", "error"}
    assert "Traceback" not in response.text


def test_an_error_of_the_protocol_reaches_the_client_as_it_is(settings: Settings) -> None:
    async def use(address: str) -> None:
        async with connected(f"{address}/mcp") as client:
            with pytest.raises(MCPError, match="there is no tool 'delete'"):
                await client.call_tool("delete", {})

    with answering(settings) as address:
        asyncio.run(use(address))


@pytest.mark.parametrize("version", [{}, NEWEST])
def test_a_message_over_a_megabyte_is_refused(served: TestClient, version: dict[str, str]) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 2**16

    whole = served.post("/mcp", content=b" " * (2**20 + 1), headers=version)
    assert whole.status_code == 413
    assert served.post("/mcp", content=parts(), headers=version).status_code == 413
    fits = served.post("/mcp", json={**PING, "params": {"_meta": {"a": "b" * (2**20 - 100)}}})
    assert fits.status_code == 200


class Waiting:
    """An `Asker` that is asked and never answers, until who asked goes away."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def ask_for(self, *_: object) -> Any:
        self.asked.set()
        try:
            await asyncio.Future()
        finally:
            self.cancelled.set()

    search_for = read_for = ask_for


def app_over(asker: Any) -> FastAPI:
    app = FastAPI()
    errors.install(app)
    install(app, asker)
    return app


class Call:
    """A call of a tool over ASGI, by a client that can go away."""

    def __init__(self, app: FastAPI, version: dict[str, str]) -> None:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": "ask", "arguments": {"question": QUESTION}, **({"_meta": meta} if version else {})}
        named = {"mcp-method": "tools/call", "mcp-name": "ask"} if version else {}
        request = httpx2.Request(
            "POST",
            "http://127.0.0.1:8000/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={**HEADERS, **version, **named},
        )
        self._body = request.read()
        self._left = asyncio.Event()
        self.sent: list[Any] = []
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "path": "/mcp", "raw_path": b"/mcp", "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }  # fmt: skip
        self.ended = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def leave(self) -> None:
        self._left.set()
        await self.ended


@pytest.mark.parametrize("version", [{}, NEWEST])
def test_what_a_client_asked_is_cancelled_when_it_goes_away(version: dict[str, str]) -> None:
    async def scenario() -> None:
        asker = Waiting()
        app = app_over(asker)
        async with asyncio.timeout(BOUND_SECONDS), running(app):
            before = len(asyncio.all_tasks())
            call = Call(app, version)
            await asker.asked.wait()
            await call.leave()
            await asker.cancelled.wait()
            assert call.sent == []
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0)

    asyncio.run(scenario())


@pytest.mark.parametrize("version", [{}, NEWEST])
def test_what_is_asked_when_the_service_stops_is_cancelled(version: dict[str, str]) -> None:
    async def scenario() -> None:
        asker = Waiting()
        app = app_over(asker)
        async with asyncio.timeout(BOUND_SECONDS):
            async with running(app):
                call = Call(app, version)
                await asker.asked.wait()
                call.ended.cancel()
            await asker.cancelled.wait()

    asyncio.run(scenario())


def test_before_the_service_has_started_a_client_is_told_to_come_again(settings: Settings) -> None:
    client = TestClient(app_over(Waiting()), headers=HEADERS)
    response = client.post("/mcp", json=PING)
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert response.headers["retry-after"]


def test_a_page_at_the_root_does_not_take_what_is_for_the_tools(
    settings: Settings, embedder: HashingEmbedder
) -> None:
    def mount(app: FastAPI, _: Backend) -> None:
        app.router.routes.append(Mount("/", Starlette(exception_handlers={404: _page})))

    application = Application(settings, writable=True, embedder=embedder)
    with TestClient(
        create_app(application, mount), base_url="http://127.0.0.1:8000", headers=HEADERS
    ) as client:
        assert client.post("/mcp", json=PING).json()["result"] == {}
        assert client.post("/mcp/", json=PING).json()["result"] == {}
        assert client.get("/mcp").status_code == 405
        assert client.post("/mcp/else", json=PING).text == "page"


def _page(*_: object) -> PlainTextResponse:
    return PlainTextResponse("page")
