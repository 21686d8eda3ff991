"""The API: its shapes, its statuses, and what it says to what it cannot use."""

import hashlib
import json
from typing import Any

import pytest
from serving import accepted, end_of
from starlette.testclient import TestClient

TEXT = (
    "The ferry\n\nThe ferry to Kallinge leaves at nine. It takes forty minutes.\n\n"
    "Tickets cost 120 kronor. Bicycles 🚲 travel free of charge.\n"
)


def add(client: TestClient, text: str | bytes = TEXT, name: str = "ferry.txt") -> dict[str, Any]:
    job = end_of(client, accepted(client, text, name))
    assert job["state"] == "done", job
    return dict(client.get(f"/documents/{job['files'][0]['document_id']}").json())


def ask(client: TestClient, question: str, **more: Any) -> dict[str, Any]:
    response = client.post("/ask", json={"question": question, **more})
    assert response.status_code == 200, response.text
    return dict(response.json())


def assert_error(response: Any, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"code", "message", "request_id"}
    assert body["code"] == code
    assert body["message"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert ".py" not in response.text


def test_an_answer_has_the_documented_fields(client: TestClient) -> None:
    add(client)
    answer = ask(client, "When does the ferry leave?")
    assert set(answer) == {
        "status", "answer", "sentences", "citations", "confidence", "effective_query", "hits",
        "timings_ms", "generation", "unread", "conversation_id", "written_by", "fallback", "withheld",
    }  # fmt: skip
    assert answer["status"] == "answered"
    assert {"marker", "document_id", "source", "title", "page", "quote", "start", "end", "score"} <= set(
        answer["citations"][0]
    )
    assert {"passage_id", "document_id", "source", "title", "page", "text", "start", "end", "score"} <= set(
        answer["hits"][0]
    )
    assert answer["hits"][0]["rank"] == 1


def test_a_citation_re_slices_from_the_stored_text(client: TestClient) -> None:
    add(client)
    answer = ask(client, "Do bicycles travel free of charge?")
    for citation in answer["citations"]:
        text = client.get(f"/documents/{citation['document_id']}/text").json()["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        if span := citation["answer_span"]:
            assert text[span["start"] : span["end"]] == span["text"]


def test_markers_of_sentences_are_those_of_citations(client: TestClient) -> None:
    add(client)
    answer = ask(client, "When does the ferry leave?")
    used = {marker for sentence in answer["sentences"] for marker in sentence["markers"]}
    assert used == {citation["marker"] for citation in answer["citations"]}


def test_a_question_to_an_empty_collection_is_abstained_from(client: TestClient) -> None:
    answer = ask(client, "When does the ferry leave?")
    assert (answer["status"], answer["citations"], answer["hits"]) == ("abstained", [], [])
    assert answer["answer"] == "The documents do not say."


def test_a_search_gives_passages_and_why(client: TestClient) -> None:
    add(client)
    found = client.post("/search", json={"query": "tickets", "top_k": 1}).json()
    assert set(found) == {"effective_query", "hits", "generation"}
    (hit,) = found["hits"]
    assert set(hit["why"]) == {
        "dense_rank", "dense_score", "lexical_rank", "lexical_score", "reader_score",
    }  # fmt: skip


def test_a_document_is_listed_described_and_read(client: TestClient) -> None:
    added = add(client)
    (listed,) = client.get("/documents").json()["documents"]
    assert set(listed) == {
        "id", "source", "title", "media_type", "sha256", "characters", "passages", "pages", "unread_pages",
        "added",
    }  # fmt: skip
    assert client.get(f"/documents/{added['id']}").json() == added
    assert listed.items() <= added.items()
    assert set(added) - set(listed) == {"coverage", "language", "metadata"}
    text = client.get(f"/documents/{added['id']}/text").json()
    assert text["text"] == TEXT
    assert text["sha256"] == added["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()


def test_a_deleted_document_is_never_cited(client: TestClient) -> None:
    added = add(client)
    assert client.delete(f"/documents/{added['id']}").status_code == 204
    assert ask(client, "When does the ferry leave?")["hits"] == []
    assert client.post("/search", json={"query": "ferry"}).json()["hits"] == []
    assert_error(client.get(f"/documents/{added['id']}/text"), 404, "document_not_found")


def test_an_upload_of_the_same_name_replaces_the_first(client: TestClient) -> None:
    add(client)
    add(client, TEXT.replace("nine", "ten"))
    assert len(client.get("/documents").json()["documents"]) == 1
    quotes = [citation["quote"] for citation in ask(client, "When does the ferry leave?")["citations"]]
    assert any("ten" in quote for quote in quotes)
    assert not any("nine" in quote for quote in quotes)


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("identifier", ["nothing", "0" * 32, "..%2f..%2fetc", "'; DROP TABLE documents; --"])
def test_an_unknown_document_is_not_found(client: TestClient, method: str, identifier: str) -> None:
    response = client.request(method, f"/documents/{identifier}")
    assert response.status_code == 404
    assert set(response.json()) == {"code", "message", "request_id"}


@pytest.mark.parametrize("top_k", [0, -1, 10**9, 101, 2.5, "many", None, True])
@pytest.mark.parametrize(("path", "field"), [("/ask", "question"), ("/search", "query")])
def test_an_impossible_top_k_is_refused(client: TestClient, path: str, field: str, top_k: object) -> None:
    response = client.post(path, json={field: "ferry", "top_k": top_k})
    assert_error(response, 422, "invalid_request")
    assert "top_k" in response.json()["message"]


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\x00", "x" * 4001, "x" * 100_000])
def test_an_unusable_question_is_refused(client: TestClient, question: str) -> None:
    response = client.post("/ask", json={"question": question})
    assert response.status_code == 422
    assert response.json()["code"] in ("invalid_request", "invalid_question")


@pytest.mark.parametrize("question", [r"\ud800", r"ferry \udfff", r"\ud83d"])
def test_half_a_surrogate_pair_is_no_question(client: TestClient, question: str) -> None:
    body = f'{{"question": "{question}"}}'
    response = client.post("/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422


def test_nul_in_a_question_is_a_space(client: TestClient) -> None:
    add(client)
    assert ask(client, "ferry\x00 leaves")["effective_query"] == "ferry leaves"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"question": 1}', "{}", '{"question": "x", "other": 1}']
)
def test_a_body_that_is_no_question_is_refused(client: TestClient, body: str) -> None:
    response = client.post("/ask", content=body, headers={"content-type": "application/json"})
    assert_error(response, 422, "invalid_request")


@pytest.mark.parametrize("body", [b"\xff", b'{"question": "\xff"}', b"[" * 200_000])
def test_a_body_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post("/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422), response.text
    assert set(response.json()) == {"code", "message", "request_id"}


@pytest.mark.parametrize("name", ["", "../etc", "A B", "x" * 65, "ä"])
def test_a_name_that_no_collection_can_have_is_refused(client: TestClient, name: str) -> None:
    assert client.post("/ask", json={"question": "x", "collection": name}).status_code == 422


def test_an_unknown_collection_is_not_found(client: TestClient) -> None:
    response = client.post("/ask", json={"question": "x", "collection": "other"})
    assert_error(response, 404, "collection_not_found")


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"", "empty.txt", 422, "empty_document"),
        (b"  \n\t ", "blank.txt", 422, "empty_document"),
        (b"\x7fELF" + bytes(60), "report.txt", 415, "unsupported_format"),
        (b"word " * 210_000, "long.txt", 413, "too_large"),
    ],
)
def test_an_upload_that_cannot_be_read_is_refused_at_once(
    client: TestClient, data: bytes, name: str, status: int, code: str
) -> None:
    response = client.post("/documents", files={"file": (name, data, "text/plain")})
    assert_error(response, status, code)
    assert client.get("/jobs").json() == {"jobs": []}


def test_an_upload_that_turns_out_to_be_no_text_is_a_failed_job(client: TestClient) -> None:
    job = end_of(client, accepted(client, bytes(range(256)) * 20, "binary.txt"))
    assert (job["state"], job["error"]["code"]) == ("failed", "unreadable_text")
    assert job["files"][0]["reason"] == job["error"]["message"]
    assert client.get("/documents").json()["documents"] == []


def test_an_upload_over_the_limit_is_refused(client: TestClient) -> None:
    response = client.post("/documents", files={"file": ("big.txt", b"word " * 10_000_000, "text/plain")})
    assert_error(response, 413, "too_large")


def test_a_body_without_a_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.txt"\r\n\r\n'
        while sent < 50 * 2**20:
            sent += 2**16
            yield b"x" * 2**16

    response = client.post(
        "/documents", content=endless(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert_error(response, 413, "too_large")


def test_an_upload_without_a_file_is_refused(client: TestClient) -> None:
    assert_error(client.post("/documents"), 422, "invalid_request")
    assert_error(client.post("/documents", data={"file": "not a file"}), 422, "invalid_request")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a" * 300 + ".txt", "<script>alert(1)</script>.md", "ü 🚲.txt"],
)
def test_the_name_of_an_upload_is_only_a_label(client: TestClient, name: str) -> None:
    added = add(client, name=name)
    assert added["source"] == name
    assert ask(client, "When does the ferry leave?")["citations"][0]["source"] == name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/nothing", 404), ("get", "/ask", 405), ("put", "/documents", 405), ("post", "/docs", 405)],
)
def test_what_is_not_there_is_an_error_of_the_same_form(
    client: TestClient, method: str, path: str, status: int
) -> None:
    assert_error(client.request(method, path), status, "not_found" if status == 404 else "method_not_allowed")


def test_a_fault_inside_tells_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret /home/someone/place.py")

    monkeypatch.setattr("rag.answering.Assistant.ask", broken)
    response = client.post("/ask", json={"question": "x"})
    assert_error(response, 500, "internal_error")
    assert "secret" not in response.text


def test_a_service_that_lives_says_so_and_one_that_can_answer_too(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ask(client, "anything")  # waits for the model
    assert client.get("/readyz").json() == {"status": "ready"}


def test_metrics_count_quotes(client: TestClient) -> None:
    add(client)
    ask(client, "When does the ferry leave?")
    counted = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    assert float(counted["quotebound_quotes_checked_total"]) > 0
    assert float(counted["quotebound_quotes_dropped_total"]) == 0


def test_the_docs_ask_no_other_host(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert client.get("/docs/assets/swagger-ui-bundle.js").status_code == 200


def test_the_openapi_description_has_every_route(client: TestClient) -> None:
    paths = json.loads(client.get("/openapi.json").text)["paths"]
    assert {
        "/ask",
        "/search",
        "/documents",
        "/documents/{document_id}",
        "/documents/{document_id}/text",
        "/documents/{document_id}/pages",
        "/documents/{document_id}/pages/{number}/image",
        "/documents/{document_id}/words",
        "/jobs",
        "/jobs/{job_id}",
        "/jobs/{job_id}/events",
    } <= set(paths)
    assert {"/healthz", "/readyz", "/metrics"} <= set(paths)
