"""What stands before the page: only what it needs of Gradio is reached, and visitors are told apart."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from browsing import free_port, service
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from ui.gate import VISITOR_COOKIE, Gate, visitor_of

CLOSED = (
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file/etc/passwd",
    "/file=/etc/passwd",
    "/gradio_api/proxy=http://127.0.0.1:9/x",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/api/predict",
    "/gradio_api/run/predict",
    "/gradio_api/call/ask",
    "/gradio_api/call/v2/ask",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
    "/gradio_api/component_server",
    "/gradio_api/queue/status",
    "/gradio_api/reset",
    "/gradio_api/process_recording",
    "/gradio_api/vibe-edit",
    "/gradio_api/run-history/records",
    "/gradio_api/deep_link",
    "/gradio_api/stream/x/1/1/playlist.m3u8",
    "/gradio_api/dev/reload",
    "/gradio_api/user",
    "/gradio_api/token",
    "/login",
    "/logout",
    "/monitoring",
    "/monitoring/summary",
    "/manifest.json",
    "/pwa_icon",
    "/custom_component/1/client/component/index.js",
    "/svelte/../../etc/passwd",
    "/static/img/../../../../etc/passwd",
    "/static/quotebound/../app.py",
    "/assets/../../routes.py",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with service(tmp_path_factory.mktemp("home"), free_port()) as url, httpx2.Client(base_url=url) as client:
        yield client


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a page in place of Gradio's."""
    path = Request(scope).url.path
    shown = (
        HTMLResponse("<html><head><title>x</title></head><body>y</body></html>")
        if path == "/"
        else Response("other")
    )
    await shown(scope, receive, send)


@pytest.fixture
def gated() -> Iterator[TestClient]:
    app = Starlette(routes=[Mount("/", Gate(page, ["/s/a.css"], ["/s/a.js", "/s/b.js"]))])
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_need_is_not_there(served: httpx2.Client, path: str) -> None:
    for response in (served.get(path), served.post(path, json={})):
        assert response.status_code in (404, 405)
        assert response.json()["code"] in ("not_found", "method_not_allowed")


def test_what_the_page_needs_is_there(served: httpx2.Client) -> None:
    assert served.get("/").status_code == 200
    assert served.get("/theme.css").status_code == 200
    # No session is named.
    assert served.post("/gradio_api/queue/join", json={"data": []}).status_code == 400


def test_the_page_names_its_own_scripts_in_order_and_no_other_host(served: httpx2.Client) -> None:
    head = served.get("/").text.partition("</head>")[0]
    names = re.findall(r"/static/quotebound/([a-z]+)\.js", head)
    assert names[0] == "page"
    assert set(names) >= {"turns", "pane", "viewer", "library", "evaluation", "health"}
    assert "og:image" not in head and "githubusercontent" not in head


def test_scripts_come_first_and_styles_last(gated: TestClient) -> None:
    text = gated.get("/").text
    assert '<head><script src="/s/a.js"></script><script src="/s/b.js"></script><title>' in text
    assert text.endswith('y<link rel="stylesheet" href="/s/a.css"></body></html>')


def test_a_conversation_is_exported_to_nobody_but_its_visitor(served: httpx2.Client) -> None:
    served.cookies.clear()
    assert served.get("/conversations/abc.md").json()["code"] == "conversation_not_found"
    served.get("/")
    assert served.get("/conversations/abc.md").status_code == 404


def test_a_report_of_a_run_that_is_not_there_is_told_as_every_error(served: httpx2.Client) -> None:
    response = served.get("/evaluation/report", params={"run": "none"})
    assert (response.status_code, response.json()["code"]) == (404, "run_not_found")


def test_each_visitor_gets_a_cookie_of_his_own(gated: TestClient) -> None:
    visitors = set()
    for _ in range(3):
        gated.cookies.clear()
        response = gated.get("/")
        visitors.add(visitor_of(response.cookies))
        told = response.headers["set-cookie"]
        assert "HttpOnly" in told and "SameSite=Lax" in told and "Path=/" in told and "Secure" not in told
    assert len(visitors) == 3 and None not in visitors


def test_a_visitor_who_comes_again_stays_who_he_is(gated: TestClient) -> None:
    gated.get("/")
    assert "set-cookie" not in gated.get("/").headers


def test_only_the_page_itself_gives_a_cookie(gated: TestClient) -> None:
    assert "set-cookie" not in gated.get("/theme.css").headers


@pytest.mark.parametrize("forged", ["", "short", "x" * 42, "x" * 44, "<script>" + "x" * 35])
def test_a_cookie_that_the_page_did_not_make_is_of_nobody(gated: TestClient, forged: str) -> None:
    assert visitor_of({VISITOR_COOKIE: forged}) is None
    response = gated.get("/", headers={"cookie": f"{VISITOR_COOKIE}={forged}"})
    assert visitor_of(response.cookies) is not None


def test_a_cookie_is_for_secure_connections_where_the_page_is_on_one(gated: TestClient) -> None:
    assert "; Secure" in gated.get("https://127.0.0.1:8000/").headers["set-cookie"]


@pytest.mark.parametrize(
    "data",
    [
        [{"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, "{}"],
        [["nested"], "{}"],
        "no list",
        None,
    ],
)
def test_an_event_that_names_a_file_is_refused(served: httpx2.Client, data: object) -> None:
    event = {"data": data, "fn_index": 0, "session_hash": "abc"}
    assert served.post("/gradio_api/queue/join", json=event).status_code == 400


def test_an_event_of_more_than_texts_can_be_is_refused(served: httpx2.Client) -> None:
    event = {"data": ["x" * 2**19], "fn_index": 0, "session_hash": "abc"}
    assert served.post("/gradio_api/queue/join", json=event).status_code == 413
