"""Streams of the Python client: how they are read, and how they end, on the wire that a test writes."""

import asyncio
import gc
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
import pytest
from clients import KINDS, opened
from listening import listening
from starlette.types import Receive, Scope, Send

from rag.client import (
    AnswerBroken,
    AnswerEvent,
    AsyncClient,
    Citation,
    Client,
    ConnectionLost,
    Done,
    JobReport,
    Overloaded,
    Retrieval,
    Sentence,
    UnexpectedResponse,
    connection,
)

QUESTION = "When does the ferry leave?"
QUOTE = "Die Fähre 🚢 legt um neun ab."
RETRIEVAL: dict[str, Any] = {
    "effective_query": QUESTION,
    "confidence": 0.5,
    "hits": [],
    "generation": 3,
    "conversation_id": None,
    "written_by": "tiny",
}
CITATION: dict[str, Any] = {
    "marker": 1,
    "document_id": "d",
    "sha256": "0" * 64,
    "source": "ferry.txt",
    "title": "The ferry",
    "heading": None,
    "page": None,
    "quote": QUOTE,
    "start": 0,
    "end": len(QUOTE),
    "score": 1,
    "answer_span": None,
}
SENTENCE: dict[str, Any] = {
    "text": "It leaves at nine.",
    "markers": [1],
    "verdict": "exact",
    "supported": True,
    "support": 0.75,
}
ANSWER: dict[str, Any] = {
    "status": "answered",
    "answer": "It leaves at nine.",
    "sentences": [SENTENCE],
    "citations": [CITATION],
    "confidence": 0.5,
    "effective_query": QUESTION,
    "hits": [],
    "timings_ms": {"retrieval": 1.5},
    "generation": 3,
    "unread": None,
    "conversation_id": None,
    "written_by": "tiny",
    "fallback": None,
    "withheld": 0,
}
REPORT: dict[str, Any] = {
    "id": "j",
    "kind": "upload",
    "state": "done",
    "collection": "default",
    "created": "2026-11-26T08:00:00Z",
    "updated": "2026-11-26T08:00:01Z",
    "request": {"name": "ferry.txt"},
    "error": None,
    "counts": {"added": 1},
    "passages_embedded": None,
    "files": [],
}


def event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


WHOLE = (
    event("retrieval", RETRIEVAL)
    + event("citation", CITATION)
    + event("sentence", SENTENCE)
    + event("done", ANSWER)
)


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of a response, in pieces; it may end in an error, and knows whether it was closed."""

    def __init__(self, pieces: Iterable[bytes], error: Exception | None = None) -> None:
        self._pieces = list(pieces)
        self._error = error
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._error is not None:
            raise self._error

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def telling(body: bytes | Pieces, **headers: str) -> httpx2.MockTransport:
    """Return a network in which every request is answered by the same stream of events."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        stream = body if isinstance(body, Pieces) else Pieces([body])
        return httpx2.Response(200, headers={"content-type": "text/event-stream", **headers}, stream=stream)

    return httpx2.MockTransport(answer)


@pytest.fixture(params=KINDS)
def asked(request: pytest.FixtureRequest) -> Callable[[bytes | Pieces], list[AnswerEvent]]:
    def ask(body: bytes | Pieces) -> list[AnswerEvent]:
        with opened(request.param, transport=telling(body)) as client:
            return list(client.stream(QUESTION))

    return ask


Asked = Callable[[bytes | Pieces], list[AnswerEvent]]


def test_events_come_typed_and_in_order(asked: Asked) -> None:
    retrieval, citation, sentence, done = asked(WHOLE)
    assert isinstance(retrieval, Retrieval)
    assert isinstance(citation, Citation)
    assert isinstance(sentence, Sentence)
    assert isinstance(done, Done)
    assert (retrieval.written_by, citation.quote, sentence.support) == ("tiny", QUOTE, 0.75)
    assert done.answer.text == "It leaves at nine."
    assert done.answer.cited_by(done.answer.sentences[0]) == (citation,)


def test_events_are_the_same_however_the_bytes_are_cut(asked: Asked) -> None:
    whole = asked(WHOLE)
    assert asked(Pieces(WHOLE[at : at + 1] for at in range(len(WHOLE)))) == whole
    for at in range(1, len(WHOLE), 7):
        assert asked(Pieces([WHOLE[:at], WHOLE[at:]])) == whole


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_in_any_way(asked: Asked, end: str) -> None:
    told = WHOLE.replace(b"\n", end.encode())
    # A lone return at the very end could be half of a pair, which the next line tells.
    assert asked(told + b": the end\n") == asked(WHOLE)
    assert asked(Pieces(told[at : at + 1] for at in range(len(told)))) == asked(WHOLE)


def test_comments_and_what_is_not_known_are_passed_over(asked: Asked) -> None:
    told = (
        b": ping\n\nid: 7\nretry: 10\n\nevent: done\n\nevent: done\ndata:\n\n"
        + event("thinking", {"text": "..."})
        + WHOLE
    )
    assert asked(told.replace(b"\ndata:", b"\n: ping\nunknown: x\ndata:")) == asked(WHOLE)


def test_data_may_be_told_in_several_lines(asked: Asked) -> None:
    lines = "\n".join(f"data: {line}" for line in json.dumps(ANSWER, indent=1).split("\n"))
    (done,) = asked(f"event: done\n{lines}\n\n".encode())
    assert done == asked(WHOLE)[-1]


def test_fields_of_a_newer_service_are_passed_over(asked: Asked) -> None:
    newer = ANSWER | {"mood": "good", "sentences": [SENTENCE | {"colour": "red"}]}
    assert asked(event("done", newer)) == asked(event("done", ANSWER))


@pytest.mark.parametrize("field", ["citations", "withheld", "conversation_id"])
def test_a_field_that_is_missing_is_named(asked: Asked, field: str) -> None:
    with pytest.raises(UnexpectedResponse, match=f"Answer \\({field}: Field required"):
        asked(event("done", {name: value for name, value in ANSWER.items() if name != field}))


@pytest.mark.parametrize("data", ["{", "[]", "null", json.dumps(ANSWER | {"withheld": "0"}), "\ufffd"])
def test_data_that_is_no_answer_is_an_error(asked: Asked, data: str) -> None:
    with pytest.raises(UnexpectedResponse, match="Answer"):
        asked(f"event: done\ndata: {data}\n\n".encode())


def test_a_stream_that_breaks_raises_with_the_answer_in_its_place(asked: Asked) -> None:
    own = ANSWER | {"written_by": None, "fallback": {"reason": "cut_off", "message": "It stopped."}}
    broken = {"code": "cut_off", "message": "It stopped.", "request_id": "r-1", "answer": own}
    with pytest.raises(AnswerBroken, match="It stopped") as raised:
        asked(event("retrieval", RETRIEVAL) + event("sentence", SENTENCE) + event("error", broken))
    assert (raised.value.code, raised.value.request_id) == ("cut_off", "r-1")
    assert raised.value.answer is not None
    assert raised.value.answer.fallback is not None
    with pytest.raises(AnswerBroken) as without:
        asked(event("error", broken | {"answer": None}))
    assert without.value.answer is None


@pytest.mark.parametrize("cut", [0, len(event("retrieval", RETRIEVAL)), len(WHOLE) - 1])
def test_half_an_answer_is_never_taken_for_the_whole(asked: Asked, cut: int) -> None:
    with pytest.raises(ConnectionLost, match="before the answer did"):
        asked(WHOLE[:cut])
    with pytest.raises(ConnectionLost, match="connection to http://127"):
        asked(Pieces([WHOLE[:cut]], httpx2.ReadError("reset by peer")))


def test_nothing_is_read_after_the_end(asked: Asked) -> None:
    body = Pieces([WHOLE, b"data: {\n\n"], httpx2.ReadError("reset by peer"))
    assert len(asked(body)) == 4
    assert body.closed


def test_an_event_past_all_bounds_is_not_kept(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_EVENT_BYTES", 10_000)
    endless = Pieces([b"event: done\n"] + [b"data: " + b"x" * 1000 + b"\n"] * 20)
    with pytest.raises(UnexpectedResponse, match="10000"):
        asked(endless)
    with pytest.raises(UnexpectedResponse, match="10000"):
        asked(Pieces([b"x" * 1000] * 20))
    assert endless.closed


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_no_stream(kind: str) -> None:
    body = Pieces([b"<html>"])
    page = telling(body, **{"content-type": "text/html"})
    with opened(kind, transport=page) as client, pytest.raises(UnexpectedResponse, match="text/html"):
        list(client.stream(QUESTION))
    assert body.closed


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_before_the_stream_begins_is_an_error_like_any_other(kind: str) -> None:
    refusal = httpx2.MockTransport(
        lambda _: httpx2.Response(503, json={"code": "overloaded", "message": "full", "request_id": "r"})
    )
    with opened(kind, transport=refusal, retries=0) as client, pytest.raises(Overloaded, match="full"):
        list(client.stream(QUESTION))


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_sent_with_what_was_given_and_nothing_else(kind: str) -> None:
    sent = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append((request.url.path, json.loads(request.content)))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=WHOLE)

    with opened(kind, transport=httpx2.MockTransport(answer)) as client:
        list(client.stream(QUESTION))
        list(client.stream(QUESTION, collection="ferries", top_k=3, conversation_id="c", writer="model"))
        assert isinstance(found := list(client.stream(QUESTION, collection="ferries"))[-1], Done)
    assert found.answer.collection == "ferries"
    assert sent[:2] == [
        ("/ask/stream", {"question": QUESTION}),
        (
            "/ask/stream",
            {
                "question": QUESTION,
                "collection": "ferries",
                "top_k": 3,
                "conversation_id": "c",
                "writer": "model",
            },
        ),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_followed_over_a_lost_connection(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = unhurried(monkeypatch)
    bodies = [Pieces([]), Pieces([b": ping\n\n"], httpx2.ReadError("reset")), Pieces([event("done", REPORT)])]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(202, json={"job": "j"})
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=bodies.pop(0))

    with opened(kind, transport=httpx2.MockTransport(answer)) as client:
        job = client.add(b"The dam holds.", "dam.txt")
    assert isinstance(job, JobReport)
    assert (job.id, job.state, bodies, len(pauses)) == ("j", "done", [], 2)


def unhurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait, and return what would have been waited."""
    pauses: list[float] = []

    async def pause(_: object, seconds: float) -> None:
        pauses.append(seconds)

    for kind in (connection.Blocking, connection.Awaiting):
        monkeypatch.setattr(kind, "pause", pause)
    return pauses


class Endless:
    """A service that tells a sentence and then nothing for ever, and knows when the client is gone."""

    def __init__(self) -> None:
        self.gone = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": event("sentence", SENTENCE), "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        self.gone.set()


@pytest.fixture
def endless() -> Iterator[tuple[Endless, str]]:
    app = Endless()
    with listening(app) as address:
        yield app, address


@pytest.mark.parametrize("kind", KINDS)
def test_closing_a_stream_closes_its_connection(endless: tuple[Endless, str], kind: str) -> None:
    app, address = endless
    with opened(kind, address) as client:
        with client.stream(QUESTION) as stream:
            assert isinstance(next(stream), Sentence)
            assert not app.gone.is_set()
        assert app.gone.wait(30)
        stream.close()
        assert list(stream) == []


def test_leaving_a_loop_over_a_stream_closes_its_connection(endless: tuple[Endless, str]) -> None:
    app, address = endless
    with Client(address) as client:
        for told in client.stream(QUESTION):
            assert isinstance(told, Sentence)
            break
        gc.collect()
        assert app.gone.wait(30)


def test_in_a_thread_that_has_an_event_loop_a_stream_closes_at_once_too(endless: tuple[Endless, str]) -> None:
    app, address = endless

    async def blocked() -> bool:
        with Client(address) as client:
            for _ in client.stream(QUESTION):
                break
            return app.gone.wait(30)

    assert asyncio.run(blocked())


def test_cancelling_who_reads_a_stream_closes_its_connection(endless: tuple[Endless, str]) -> None:
    app, address = endless

    async def read(reading: asyncio.Event) -> None:
        async with AsyncClient(address) as client, client.stream(QUESTION) as stream:
            async for _ in stream:
                reading.set()

    async def cancelled() -> None:
        reading = asyncio.Event()
        task = asyncio.create_task(read(reading))
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert app.gone.wait(30)
