"""Requests that nobody means well: whatever is sent to any route, it is refused in one form or served."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
from openapi_checks import form_of_errors, unexpected_errors
from serving import served
from starlette.testclient import TestClient
from starlette.types import Message

from rag.settings import Settings

Headers = Sequence[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"multipart/form-data; boundary=b")
DEEP = 10_000


@dataclass(frozen=True, slots=True)
class Operation:
    """A route of the OpenAPI document, with the media type of its body and the fields of that."""

    method: str
    path: str
    media_type: str | None
    fields: tuple[str, ...]

    @property
    def target(self) -> str:
        """A collection that is there, or a document and a job that are not."""
        return re.sub(r"\{\w+\}", "default", self.path)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Yield one service for all that is refused; it has to be as well after each as it was before."""
    home = tmp_path_factory.mktemp("bad") / "home"
    with served(Settings(home=home, threshold=0.0, max_file_mb=1, chunk_tokens=48)) as client:
        client.post("/search", json={"query": "x"})  # waits for the model
        yield client


@pytest.fixture(scope="module")
def operations(service: TestClient) -> list[Operation]:
    return list(operations_of(service.get("/openapi.json").json()))


@pytest.fixture(autouse=True)
def _nothing_unexpected(_quiet: None) -> Iterator[None]:
    """Whatever is refused is refused on purpose; nothing is raised after the answer has begun."""
    with unexpected_errors() as errors:
        yield
    assert not errors, errors[0]


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            content: dict[str, Any] = told.get("requestBody", {}).get("content", {})
            media_type = next(iter(content), None)
            schema = content[media_type]["schema"] if media_type is not None else {}
            name = schema.get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(name, {}).get("properties", {})
            yield Operation(method.upper(), path, media_type, tuple(fields))


def sent(
    client: TestClient,
    method: str,
    target: str,
    *,
    query: bytes = b"",
    headers: Headers = (),
    body: bytes = b"",
) -> Answer:
    """Send bytes that no client library would, and return the answer; what the service raises is raised."""
    answer: list[Message] = []

    async def exchange() -> None:
        ended, waiting = anyio.Event(), [{"type": "http.request", "body": body}]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answer.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(target),
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query,
            "headers": [(b"host", b"127.0.0.1:8000"), *headers],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        await client.app(scope, receive, send)

    assert client.portal is not None
    client.portal.call(exchange)
    kinds = [value for name, value in answer[0]["headers"] if name == b"content-type"]
    kind = kinds[0].decode() if kinds else ""
    return Answer(answer[0]["status"], kind, b"".join(part.get("body", b"") for part in answer[1:]))


def assert_refused_or_served(answer: Answer, path: str, what: object) -> None:
    assert answer.status < 500, (path, what, answer)
    if answer.status >= 400:
        assert answer.content_type == "application/json", (path, what, answer)
        assert set(json.loads(answer.body)) == form_of_errors(path), (path, what, answer)


def assert_refused(answer: Answer, path: str, what: object) -> None:
    assert_refused_or_served(answer, path, what)
    assert answer.status >= 400, (path, what, answer)


BODIES = {
    "nothing": b"",
    "white space": b" \n\t ",
    "a NUL": b"\x00",
    "half an object": b'{"',
    "not UTF-8": b'{"question": "\xff"}',
    "half of UTF-16": b"\xff\xfe{",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1e400",
    "a number of 5,000 digits": b"9" * 5000,
    "not a number": b"NaN",
    "a string": b'"question"',
    "a field without a name": b'{"": 1}',
    "a field named by half a character": rb'{"\ud800": 1}',
    "the same unknown field twice": b'{"other": 1, "other": 2}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"other": ' * DEEP + b"1" + b"}" * DEEP,
    "lists without an end": b"[" * 200_000,
    "more than is taken": b'{"other": "' + b"x" * 2**20 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_a_body_that_is_no_request_is_refused(
    service: TestClient, operations: list[Operation], body: bytes
) -> None:
    for taken in operations:
        if taken.media_type is not None:
            answer = sent(service, taken.method, taken.target, headers=[JSON], body=body)
            assert_refused(answer, taken.path, body[:40])


VALUES = {
    "half a character": rb'"\ud800"',
    "the other half": rb'"a\udfffb"',
    "a NUL": rb'"a\u0000b"',
    "nothing": b'""',
    "only marks": rb'"\u202e\ufeff\u0301"',
    "very long": b'"' + b"x" * 100_000 + b'"',
    "longer than a file's name may be": b'"' + b"x" * 499 + b'"',
    "a path": b'"../../../etc/passwd"',
    "a search language": rb'"NEAR(\" OR * ^ title:-"',
    "SQL": b'"\'; DROP TABLE documents; --"',
    "null": b"null",
    "true": b"true",
    "negative": b"-1",
    "huge": b"9" * 400,
    "infinite": b"1e400",
    "no number": b"NaN",
    "deep": b"[" * 900 + b"]" * 900,
    "an object": rb'{"\ud800": "\ud800"}',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_a_field_of_any_value_is_refused_or_served(
    service: TestClient, operations: list[Operation], value: bytes
) -> None:
    for taken in operations:
        for field in taken.fields if taken.media_type == "application/json" else ():
            for body in bodies(taken.fields, field, value):
                answer = sent(service, taken.method, taken.target, headers=[JSON], body=body)
                assert_refused_or_served(answer, taken.path, body[:80])


def bodies(fields: Sequence[str], spoiled: str, value: bytes) -> Iterator[bytes]:
    """Yield objects with a field of this value: alone, twice, and among others."""
    told = {name: b'"%s": "other"' % name.encode() for name in fields}
    told[spoiled] = b'"%s": %s' % (spoiled.encode(), value)
    yield b"{%s}" % told[spoiled]
    yield b"{%s, %s}" % (told[spoiled], told[spoiled])
    yield b"{%s}" % b", ".join(told.values())
    yield b"{%s}" % b", ".join(
        told[name] for name in fields if name in (spoiled, "question", "query", "name")
    )


KINDS = {
    "none": (),
    "empty": ((b"content-type", b""),),
    "text": ((b"content-type", b"text/plain"),),
    "no type": ((b"content-type", b"\xff/\xfe;;;=\x00"),),
    "a form": ((b"content-type", b"application/x-www-form-urlencoded"),),
    "parts without a boundary": ((b"content-type", b"multipart/form-data"),),
    "parts with an empty boundary": ((b"content-type", b"multipart/form-data; boundary="),),
    "parts with a boundary of no ASCII": ((b"content-type", b"multipart/form-data; boundary=\xff\xfe"),),
    "JSON of no charset": ((b"content-type", b"application/json; charset=none"),),
    "two": (JSON, FORM),
    "compressed": (JSON, (b"content-encoding", b"gzip")),
}


@pytest.mark.parametrize("headers", KINDS.values(), ids=list(KINDS))
def test_a_body_of_another_kind_is_refused_or_served(
    service: TestClient, operations: list[Operation], headers: Headers
) -> None:
    for taken in operations:
        for body in (b'{"question": "x"}', b"--b\r\n\xff"):
            answer = sent(service, taken.method, taken.target, headers=headers, body=body)
            assert_refused_or_served(answer, taken.path, headers)


HEADERS = {
    "a length of 5,000 digits": (b"content-length", b"9" * 5000),
    "a negative length": (b"content-length", b"-1"),
    "a cookie of no text": (b"cookie", b"\xff=;;\x00"),
    "a long identifier": (b"x-request-id", b"\xff" * 10_000),
    "a key of no text": (b"authorization", b"Basic \xff"),
    "a scheme alone": (b"authorization", b"Bearer"),
    "a range": (b"range", b"bytes=9-1,abc"),
    "a type of no text": (b"accept", b"\xff/\x00"),
    "a date that is none": (b"if-modified-since", b"yesterday"),
    "another place": (b"x-forwarded-prefix", b"//evil.example"),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=list(HEADERS))
def test_a_header_of_any_value_is_refused_or_served(
    service: TestClient, operations: list[Operation], header: tuple[bytes, bytes]
) -> None:
    for taken in operations:
        answer = sent(service, taken.method, taken.target, headers=[JSON, header], body=b"{}")
        assert_refused_or_served(answer, taken.path, header)


QUERIES = {
    "a megabyte": b"collection=" + b"x" * 2**20,
    "16,384 fields": b"a=b&" * 2**14,
    "not UTF-8": b"collection=%ff\xff&start=%ff&end=\xfe",
    "half a character": b"collection=%ED%A0%80",
    "a NUL": b"collection=%00&start=%00",
    "huge": b"collection=default&start=0&end=" + b"9" * 400,
    "5,000 digits": b"collection=default&start=0&end=" + b"9" * 5000,
    "twice": b"collection=default&collection=other&start=0&start=1&end=1&end=2",
    "no fields": b"&&==;?#%%%",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_a_query_of_any_value_is_refused_or_served(
    service: TestClient, operations: list[Operation], query: bytes
) -> None:
    for taken in operations:
        answer = sent(service, taken.method, taken.target, query=query)
        assert_refused_or_served(answer, taken.path, query[:40])


NAMES = (
    "%00",
    "%ff",
    "%ED%A0%80",
    "%",
    "..",
    "%2e%2e%2fetc",
    "x" * 100_000,
    "%F0%9F%9A%B2",
    "a%0d%0ab: c",
)


@pytest.mark.parametrize("name", NAMES, ids=[name[:20] for name in NAMES])
def test_a_name_that_nothing_has_is_refused(
    service: TestClient, operations: list[Operation], name: str
) -> None:
    for taken in operations:
        if "{" in taken.path:
            target = re.sub(r"\{\w+\}", lambda _: name, taken.path)
            answer = sent(service, taken.method, target, query=b"start=0&end=1", headers=[JSON], body=b"{}")
            assert_refused(answer, taken.path, name[:20])


@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PROPFIND", "get", "\x00"]
)
def test_a_method_that_a_route_does_not_take_is_refused(
    service: TestClient, operations: list[Operation], method: str
) -> None:
    for path, target in {taken.path: taken.target for taken in operations}.items():
        answer = sent(service, method, target)
        assert_refused(answer, path, method)
        assert answer.status == 405, (path, method, answer)


PARTS = {
    "nothing": b"",
    "no name": b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
    "no disposition": b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n",
    "no end": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nThe ferry',
    "another boundary": b"--c\r\n\r\n--c--\r\n",
    "a header of no text": b"--b\r\n\xff\x00: \xff\r\n\r\nx\r\n--b--\r\n",
    "many fields": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 20 + b"--b--\r\n",
    "many files": b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n1\r\n' * 3
    + b"--b--\r\n",
}


# Starlette leaves a part without an end to be closed with the last reference to it.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
@pytest.mark.parametrize("body", PARTS.values(), ids=list(PARTS))
def test_a_form_that_is_none_is_refused(
    service: TestClient, operations: list[Operation], body: bytes
) -> None:
    for taken in operations:
        if taken.media_type == "multipart/form-data":
            answer = sent(service, taken.method, taken.target, headers=[FORM], body=body)
            assert_refused(answer, taken.path, body)


FILES = {
    "a NUL": (b"a\x00b.txt", b""),
    "not UTF-8": (b"\xff\xfe.txt", b""),
    "half a character, escaped": (rb"\ud800.txt", b"; charset=unicode_escape"),
    "half a character, in UTF-7": (b"+2AA-.txt", b"; charset=utf-7"),
    "a charset that is a codec of bytes": (b"zz.txt", b"; charset=hex"),
    "a charset that raises": (b"9999.txt", b"; charset=punycode"),
    "a charset with a NUL": (b"a.txt", b"; charset=a\x00b"),
    "lines": (b"a%0d%0aX: y.txt", b""),
    "far above": (b"../../../../etc/passwd", b""),
    "longer than headers may be": (b"a" * 5000 + b".txt", b""),
}


@pytest.mark.parametrize(("name", "charset"), FILES.values(), ids=list(FILES))
def test_a_file_of_any_name_is_refused_or_stored_and_listed(
    client: TestClient, name: bytes, charset: bytes
) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
        b"The ferry leaves at nine.\r\n--b--\r\n" % name
    )
    kind = (FORM[0], FORM[1] + charset)
    answer = sent(client, "POST", "/documents", headers=[kind], body=body)
    assert_refused_or_served(answer, "/documents", name)
    if answer.status == 202:
        job = json.loads(answer.body)["job"]
        client.get(f"/jobs/{job}/events")
        assert client.get(f"/jobs/{job}").json()["state"] == "done"
        assert len(client.get("/documents").json()["documents"]) == 1
    assert client.get("/jobs").status_code == 200
