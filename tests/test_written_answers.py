"""Answers that a language model writes, over HTTP: what is shown of them, and in which events."""

from pathlib import Path
from typing import Any

import pytest
from llm_replies import Plain, Request, spoken
from writing import EXACT, FERRY, QUESTION, asked, streamed, written

from index.errors import DamagedStore
from rag.answering import Assistant

ALTERED = "Q1: The ferry to Kallinge leaves at ten\nS: The ferry leaves at ten."


def reply(*sentences: tuple[str, str]) -> str:
    return "\n".join(f"Q1: {quote}\nS: {sentence}" for quote, sentence in sentences)


def test_a_written_sentence_stands_over_the_quote_it_rests_on(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT)) as (client, server):
        answer = asked(client)
        assert answer["status"] == "answered"
        assert answer["written_by"] == "scripted"
        assert [sentence["text"] for sentence in answer["sentences"]] == [
            "The ferry leaves at nine.",
            "The crossing lasts forty minutes.",
        ]
        assert {sentence["verdict"] for sentence in answer["sentences"]} == {"exact"}
        assert answer["answer"] == "The ferry leaves at nine. The crossing lasts forty minutes."
        for citation in answer["citations"]:
            text = client.get(f"/documents/{citation['document_id']}/text").json()["text"]
            assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert server.asked.count == 1


def test_a_quote_is_shown_as_the_whole_sentence_it_is_from(tmp_path: Path) -> None:
    cut = reply(("run on Sundays", "The ferry runs on Sundays."))
    with written(tmp_path, spoken(cut)) as (client, _):
        (citation,) = asked(client)["citations"]
        assert citation["quote"] == "It does not run on Sundays."
        assert citation["answer_span"]["text"] == "run on Sundays"


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ("Q1: The ferry to Kallinge leaves at ten", "altered"),
        ("Q1: The ferry to Kallinge ... forty minutes", "stitched"),
        ("Q1: Dragons guard the harbour by night", "absent"),
    ],
)
def test_a_sentence_without_a_quote_that_stands_is_withheld_or_marked(
    tmp_path: Path, claimed: str, verdict: str
) -> None:
    text = f"{claimed}\nS: Something else happens.\n{EXACT}"
    with written(tmp_path / "drop", spoken(text)) as (client, _):
        answer = asked(client)
        assert "Something else happens." not in str(answer["sentences"])
        assert answer["withheld"] == 1
    with written(tmp_path / "mark", spoken(text), unsupported="mark") as (client, _):
        answer = asked(client)
        first = answer["sentences"][0]
        assert (first["verdict"], first["supported"], first["markers"]) == (verdict, False, [])
        assert answer["answer"].startswith("Something else happens. (not supported by the documents)")
        assert answer["withheld"] == 0


def test_what_is_marked_is_streamed_in_its_place(tmp_path: Path) -> None:
    first, second = EXACT.split("\nQ1: It")
    text = f"{ALTERED}\n{first}\n{ALTERED.replace('ten', 'six')}\nQ1: It{second}"
    with written(tmp_path, spoken(text), unsupported="mark") as (client, _):
        told = streamed(client)
        said = [data for name, data in told if name == "sentence"]
        assert [sentence["supported"] for sentence in said] == [False, True, False, True]
        assert said == told[-1][1]["sentences"]


def test_a_store_that_fails_while_an_answer_is_written_ends_the_stream_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DamagedStore("the catalog of 'default' is damaged")

    with written(tmp_path, spoken(EXACT)) as (client, _):
        monkeypatch.setattr(Assistant, "cited", fail)
        told = streamed(client)
        assert [name for name, _ in told] == ["retrieval", "error"]
        assert told[-1][1]["code"] == DamagedStore.code
        assert told[-1][1]["answer"] is None


@pytest.mark.parametrize("unsupported", ["drop", "mark"])
def test_an_answer_of_which_nothing_stands_is_an_abstention(tmp_path: Path, unsupported: str) -> None:
    with written(tmp_path, spoken(ALTERED), unsupported=unsupported) as (client, _):
        answer = asked(client)
        assert answer["status"] == "abstained"
        assert answer["answer"] == "The documents do not say."
        assert (answer["sentences"], answer["citations"], answer["withheld"]) == ([], [], 1)
        names = [name for name, _ in streamed(client)]
        assert names == ["retrieval", "done"]


def test_a_model_that_finds_no_answer_abstains(tmp_path: Path) -> None:
    with written(tmp_path, spoken("NO ANSWER")) as (client, _):
        answer = asked(client)
        assert (answer["status"], answer["withheld"], answer["fallback"]) == ("abstained", 0, None)


def test_a_quote_from_another_source_is_cited_there(tmp_path: Path) -> None:
    wrong = EXACT.replace("Q1", "Q9")
    with written(tmp_path, spoken(wrong)) as (client, _):
        answer = asked(client)
        assert [sentence["verdict"] for sentence in answer["sentences"]] == ["relocated"] * 2
        assert answer["citations"]


def test_the_model_is_not_asked_where_the_documents_do_not_answer(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT), threshold=1.0) as (client, server):
        assert asked(client)["status"] == "abstained"
        assert server.asked.count == 0


def test_who_wants_the_documents_own_sentences_gets_them(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT)) as (client, server):
        answer = asked(client, writer="quotes")
        assert (answer["written_by"], answer["fallback"]) == (None, None)
        assert all(sentence["text"] in FERRY for sentence in answer["sentences"])
        assert server.asked.count == 0


def test_a_model_can_only_write_where_one_is_set(client: Any) -> None:
    response = client.post("/ask", json={"question": QUESTION, "writer": "model"})
    assert response.status_code == 422
    assert response.json()["code"] == "no_language_model"
    assert "QUOTEBOUND_LLM_URL" in response.json()["message"]


def test_a_stream_cites_before_it_says_and_ends_with_the_whole_answer(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT, size=3)) as (client, _):
        told = streamed(client)
        names = [name for name, _ in told]
        assert names == ["retrieval", "citation", "sentence", "citation", "sentence", "done"]
        by_name = dict(told)
        assert by_name["retrieval"]["written_by"] == "scripted"
        assert by_name["retrieval"]["hits"]
        done = by_name["done"]
        assert [data for name, data in told if name == "sentence"] == done["sentences"]
        assert [data for name, data in told if name == "citation"] == done["citations"]


def test_the_documents_own_answer_is_streamed_in_the_same_events(client: Any) -> None:
    from serving import accepted, end_of

    end_of(client, accepted(client, FERRY, "ferry.txt"))
    told = streamed(client)
    assert [name for name, _ in told][:3] == ["retrieval", "citation", "sentence"]
    name, done = told[-1]
    assert name == "done"
    assert [data for name, data in told if name == "sentence"] == done["sentences"]
    assert done["answer"] == asked(client)["answer"]


def test_what_is_wrong_with_a_question_is_told_before_a_stream_begins(client: Any) -> None:
    for body, status in (
        ({"question": " "}, 422),
        ({"question": "when", "collection": "nowhere"}, 404),
        ({"question": "when", "top_k": 0}, 422),
        ({"question": "when", "history": [{"role": "user", "content": "x"}], "conversation_id": "a"}, 422),
    ):
        response = client.post("/ask/stream", json=body)
        assert response.status_code == status, response.text
        assert set(response.json()) == {"code", "message", "request_id"}


def test_json_that_a_schema_holds_is_asked_for_and_read(tmp_path: Path) -> None:
    text = (
        '{"sentences": [{"quotes": [{"source": 1, "words": "The ferry to Kallinge leaves at nine"}], '
        '"text": "It leaves at nine."}]}'
    )
    with written(tmp_path, spoken(text, size=2), llm_format="json") as (client, server):
        assert [sentence["text"] for sentence in asked(client)["sentences"]] == ["It leaves at nine."]
        assert server.requests[0].body["response_format"]["type"] == "json_schema"


def test_a_server_without_schemas_is_asked_in_lines_from_then_on(tmp_path: Path) -> None:
    def script(request: Request) -> Any:
        if "response_format" in request.body:
            return Plain(400, b'{"error": {"message": "response_format is not supported", "code": 400}}')
        return spoken(EXACT)

    with written(tmp_path, script, llm_format="auto") as (client, server):
        assert asked(client)["written_by"] == "scripted"
        assert asked(client, "When does the ferry leave?")["written_by"] == "scripted"
        assert ["response_format" in request.body for request in server.requests] == [True, False, False]


def test_parameters_that_a_server_refuses_by_name_are_said_otherwise(tmp_path: Path) -> None:
    def script(request: Request) -> Any:
        for name in ("max_tokens", "temperature"):
            if name in request.body:
                return Plain(400, b'{"error": {"message": "Unsupported parameter: %s"}}' % name.encode())
        return spoken(EXACT)

    with written(tmp_path, script) as (client, server):
        assert asked(client)["written_by"] == "scripted"
        assert server.requests[-1].body["max_completion_tokens"] == 800


def test_sources_are_numbered_and_delimited_and_the_question_comes_last(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT)) as (client, server):
        asked(client)
        prompt = server.requests[0].told("user")
        assert 'number="1"' in prompt
        assert prompt.rstrip().endswith(f"Question: {QUESTION}")
        assert "The ferry to Kallinge leaves at nine." in prompt


def test_a_small_context_holds_the_best_sources_only(tmp_path: Path) -> None:
    lines = [f"Ferry number {number} leaves the harbour of Kallinge at nine." for number in range(60)]
    with written(tmp_path, spoken(EXACT), "\n\n".join(lines), llm_context=1024, llm_max_tokens=300) as (
        client,
        server,
    ):
        asked(client, "When does ferry number 7 leave?", top_k=30)
        prompt = server.requests[0].told("user")
        assert 1 <= prompt.count("</source-") - 1 < 30


def test_the_key_is_sent_to_the_server_and_shown_to_nobody(tmp_path: Path) -> None:
    with written(
        tmp_path, Plain(401, b'{"error": {"message": "bad key sk-secret"}}'), llm_key="sk-secret"
    ) as (
        client,
        server,
    ):
        told = client.post("/ask", json={"question": QUESTION}).text
        assert server.requests[0].headers["authorization"] == "Bearer sk-secret"
        assert "sk-secret" not in told


def test_a_document_deleted_while_the_model_writes_is_not_cited_at_the_end(tmp_path: Path) -> None:
    deleting: list[Any] = []

    def script(_: Request) -> Any:
        deleting[0]()
        return spoken(EXACT)

    with written(tmp_path, script) as (client, _):
        document_id = client.get("/documents").json()["documents"][0]["id"]
        deleting.append(lambda: client.delete(f"/documents/{document_id}"))
        answer = asked(client)
        assert (answer["status"], answer["citations"]) == ("abstained", [])


def test_the_name_of_the_model_is_asked_for_once(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT)) as (client, server):
        asked(client)
        asked(client)
        assert len(server.listings) == 1


def test_a_model_that_is_named_is_asked_for(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT), llm_model="tiny") as (client, server):
        assert asked(client)["written_by"] == "tiny"
        assert server.requests[0].body["model"] == "tiny"
        assert server.listings == []
