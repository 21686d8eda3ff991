"""What the Python client makes of failures: its tree of errors, what it tries again, and what it does not."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from clients import KINDS, opened
from listening import listening
from starlette.responses import JSONResponse

from rag.client import (
    Client,
    Conflict,
    ConnectionFailed,
    ConnectionLost,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    QuoteboundError,
    ServerError,
    TimedOut,
    Unauthorized,
    UnexpectedResponse,
    connection,
)

Reply = httpx2.Response | Exception
KEY = "a key that nobody should read"


class Scripted(httpx2.MockTransport):
    """A network that answers by a script, and counts; its last reply is repeated."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__(self._answer)
        self._replies = list(replies)
        self.requests: list[httpx2.Request] = []

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx2.Response(reply.status_code, headers=reply.headers, content=reply.content)


def error(status: int, code: str = "some_code", **headers: str) -> httpx2.Response:
    body = {"code": code, "message": "what was wrong", "request_id": "r-1"}
    return httpx2.Response(
        status, json=body, headers={name.replace("_", "-"): told for name, told in headers.items()}
    )


def found() -> httpx2.Response:
    return httpx2.Response(200, json={"effective_query": "ferry", "hits": [], "generation": 1})


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait, and return what would have been waited."""
    waited: list[float] = []

    async def pause(_: object, seconds: float) -> None:
        waited.append(seconds)

    for kind in (connection.Blocking, connection.Awaiting):
        monkeypatch.setattr(kind, "pause", pause)
    return waited


def search(client: Client) -> Any:
    return client.search("ferry")


def documents(client: Client) -> Any:
    return client.documents()


def delete(client: Client) -> Any:
    return client.delete("d")


def add(client: Client) -> Any:
    return client.add(b"The dam holds.", "dam.txt")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, Invalid), (401, Unauthorized), (403, Forbidden), (404, NotFound), (405, Invalid),
        (409, Conflict), (413, Invalid), (415, Invalid), (422, Invalid), (429, Overloaded),
        (500, ServerError), (503, Overloaded), (507, ServerError),
    ],
)  # fmt: skip
def test_an_error_is_the_leaf_of_its_status(kind: str, status: int, raised: type[QuoteboundError]) -> None:
    with opened(kind, transport=Scripted(error(status)), retries=0) as client, pytest.raises(raised) as found:
        client.search("ferry")
    assert type(found.value) is raised
    assert (found.value.code, str(found.value)) == ("some_code", "what was wrong")
    assert (found.value.request_id, found.value.status) == ("r-1", status)
    assert found.value.retryable == (status in (429, 503))


@pytest.mark.parametrize(
    ("reply", "raised", "code"),
    [
        (httpx2.Response(502, text="<html>Bad Gateway</html>"), ServerError, "http_502"),
        (httpx2.Response(404, json=["nothing"]), NotFound, "http_404"),
        (httpx2.Response(500, json={"code": 5, "message": None}), ServerError, "http_500"),
        (
            httpx2.Response(307, headers={"location": "https://elsewhere/"}),
            UnexpectedResponse,
            "unexpected_response",
        ),
        (httpx2.Response(200, text="<html>Welcome</html>"), UnexpectedResponse, "unexpected_response"),
        (httpx2.Response(200, json={"hits": []}), UnexpectedResponse, "unexpected_response"),
    ],
)
def test_what_is_not_of_quotebound_is_told_without_its_content(
    reply: httpx2.Response, raised: type[QuoteboundError], code: str
) -> None:
    with Client(transport=Scripted(reply)) as client, pytest.raises(raised) as found:
        client.search("ferry")
    assert found.value.code == code
    assert "html" not in str(found.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "reply", [error(503), error(429), httpx2.ConnectError("refused"), httpx2.ConnectTimeout("")]
)
@pytest.mark.parametrize("ask", [search, documents])
def test_reads_and_questions_are_tried_again(
    kind: str, reply: Reply, ask: Callable[[Client], Any], pauses: list[float]
) -> None:
    answer = found() if ask is search else httpx2.Response(200, json={"documents": []})
    network = Scripted(reply, reply, answer)
    with opened(kind, transport=network) as client:
        ask(client)
    assert len(network.requests) == 3
    first, second = pauses
    assert 0.5 <= first <= 0.625
    assert 1 <= second <= 1.25


@pytest.mark.parametrize("ask", [delete, add])
@pytest.mark.parametrize("reply", [error(503), httpx2.ConnectError("refused")])
def test_changes_are_tried_once(ask: Callable[[Client], Any], reply: Reply, pauses: list[float]) -> None:
    network = Scripted(reply)
    with Client(transport=network) as client, pytest.raises((Overloaded, ConnectionFailed)):
        ask(client)
    assert (len(network.requests), pauses) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_what_would_fail_again_is_tried_once(status: int) -> None:
    network = Scripted(error(status))
    with Client(transport=network) as client, pytest.raises(QuoteboundError):
        client.search("ferry")
    assert len(network.requests) == 1


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_no_more_attempts_are_made_than_were_allowed(retries: int, pauses: list[float]) -> None:
    network = Scripted(error(503))
    with Client(transport=network, retries=retries) as client, pytest.raises(Overloaded):
        client.search("ferry")
    assert len(network.requests) == retries + 1
    assert len(pauses) == retries
    assert max(pauses, default=0) <= 12.5


def test_a_lost_connection_is_made_again_for_reads_but_nothing_is_asked_twice(pauses: list[float]) -> None:
    network = Scripted(httpx2.RemoteProtocolError("closed"), httpx2.Response(200, json={"documents": []}))
    with Client(transport=network) as client:
        assert client.documents() == ()
    network = Scripted(httpx2.RemoteProtocolError("closed"))
    with Client(transport=network) as client, pytest.raises(ConnectionLost, match="closed"):
        client.ask("ferry", conversation_id="c")
    assert len(network.requests) == 1


def test_the_service_is_given_the_time_it_asks_for(pauses: list[float]) -> None:
    with Client(transport=Scripted(error(503, retry_after="3"), found())) as client:
        client.search("ferry")
    (waited,) = pauses
    assert 3 <= waited <= 3.75


@pytest.mark.parametrize("after", ["3600", format_datetime(datetime.now(UTC) + timedelta(days=2))])
def test_a_time_beyond_all_patience_is_left_to_the_caller(after: str, pauses: list[float]) -> None:
    network = Scripted(error(503, retry_after=after))
    with Client(transport=network) as client, pytest.raises(Overloaded) as raised:
        client.search("ferry")
    assert (len(network.requests), pauses) == (1, [])
    assert (raised.value.retry_after or 0) >= 3600


@pytest.mark.parametrize(
    "after", ["soon", "-1", "", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 -0000"]
)
def test_a_time_that_is_none_does_no_harm(after: str, pauses: list[float]) -> None:
    with Client(transport=Scripted(error(503, retry_after=after), found())) as client:
        client.search("ferry")
    assert [0 <= waited <= 0.625 for waited in pauses] == [True]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (httpx2.ConnectError("refused"), ConnectionFailed),
        (httpx2.ReadTimeout("slow"), TimedOut),
        (httpx2.ReadError("reset"), ConnectionLost),
        (httpx2.DecodingError("not gzip"), UnexpectedResponse),
    ],
)
def test_failures_of_the_network_name_the_address_and_the_way_out(
    kind: str, reply: Exception, raised: type[QuoteboundError]
) -> None:
    network = Scripted(reply)
    with opened(kind, transport=network, retries=0, api_key=KEY) as client, pytest.raises(raised) as told:
        client.documents()
    assert "http://127.0.0.1:8000" in str(told.value)
    assert told.value.__cause__ is reply
    assert (told.value.status, told.value.request_id) == (None, None)
    assert KEY not in f"{told.value!r} {told.value}"


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_at_the_address_is_told_as_such(kind: str) -> None:
    with opened(kind, "http://127.0.0.1:9", retries=0) as client:
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:9 .*quotebound serve"):
            client.documents()
        assert not client.healthy()
        assert not client.ready()
        with pytest.raises(TimedOut, match="not ready within 0 s"):
            client.wait_until_ready(timeout=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_loading_is_waited_for(kind: str, pauses: list[float]) -> None:
    network = Scripted(
        httpx2.ConnectError("refused"),
        error(503, "overloaded"),
        httpx2.Response(200, json={"status": "ready"}),
    )
    with opened(kind, transport=network) as client:
        client.wait_until_ready()
    assert len(pauses) == 2


def test_a_model_that_is_not_there_is_not_waited_for(pauses: list[float]) -> None:
    with Client(transport=Scripted(error(503, "model_not_found"))) as client:
        assert not client.ready()
        with pytest.raises(Overloaded) as raised:
            client.wait_until_ready()
    assert (raised.value.code, pauses) == ("model_not_found", [])


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8000", "localhost", "", "ftp://127.0.0.1", "http://", "http://a:b"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8000") as raised:
        Client(address)
    assert repr(address) in str(raised.value)


def test_a_service_below_a_path_is_asked_there() -> None:
    network = Scripted(found())
    with Client("https://tools.example/quotebound/", api_key=KEY, transport=network) as client:
        client.search("ferry")
    (request,) = network.requests
    assert str(request.url) == "https://tools.example/quotebound/search"
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"])
def test_this_machine_is_not_looked_for_through_a_proxy(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with listening(JSONResponse({"documents": []})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        with Client("http://elsewhere.example") as client:
            assert client.documents() == ()  # of the proxy
        with Client(address, retries=0) as client, pytest.raises(ConnectionFailed):
            client.documents()


def test_an_error_can_be_sent_to_another_process() -> None:
    network = Scripted(error(503, retry_after="60"))
    with Client(transport=network) as client, pytest.raises(Overloaded) as raised:
        client.documents()
    sent = pickle.loads(pickle.dumps(raised.value))
    assert (type(sent), str(sent), vars(sent)) == (Overloaded, "what was wrong", vars(raised.value))
