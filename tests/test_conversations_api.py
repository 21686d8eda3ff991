"""Conversations over HTTP: what a follow-up is taken to ask, by rule and by a language model."""

from pathlib import Path
from typing import Any

import pytest
from llm_replies import BROKEN, Request, spoken
from serving import accepted, end_of
from starlette.testclient import TestClient
from writing import EXACT, FERRY, QUESTION, asked, streamed, written

from rag.service.conversations import MAX_CONVERSATIONS, MAX_TURNS, Conversations
from rag.types import Answer, AnswerStatus

FOLLOW_UP = "How long does it take?"
STANDALONE = "How long does the crossing to Kallinge take?"


@pytest.fixture
def ferry(client: TestClient) -> TestClient:
    end_of(client, accepted(client, FERRY, "ferry.txt"))
    return client


def history(*contents: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": content} for place, content in enumerate(contents)]


def test_a_follow_up_takes_its_topic_from_the_conversation_that_is_kept(ferry: TestClient) -> None:
    first = asked(ferry, QUESTION, conversation_id="one")
    assert first["effective_query"] == QUESTION
    assert first["conversation_id"] == "one"
    second = asked(ferry, FOLLOW_UP, conversation_id="one")
    assert second["effective_query"] != FOLLOW_UP
    assert "ferry" in second["effective_query"].lower()


def test_a_follow_up_takes_its_topic_from_the_history_that_is_told(ferry: TestClient) -> None:
    answer = asked(ferry, FOLLOW_UP, history=history(QUESTION, "At nine."))
    assert "ferry" in answer["effective_query"].lower()
    assert answer["conversation_id"] is None


def test_a_question_that_stands_by_itself_is_left_alone(ferry: TestClient) -> None:
    asked(ferry, QUESTION, conversation_id="one")
    assert asked(ferry, "Do bicycles travel free of charge?", conversation_id="one")["effective_query"] == (
        "Do bicycles travel free of charge?"
    )


def test_a_question_without_a_conversation_is_left_alone(ferry: TestClient) -> None:
    asked(ferry, QUESTION, conversation_id="one")
    assert asked(ferry, FOLLOW_UP)["effective_query"] == FOLLOW_UP


def test_conversations_know_nothing_of_each_other(ferry: TestClient) -> None:
    asked(ferry, QUESTION, conversation_id="one")
    assert asked(ferry, FOLLOW_UP, conversation_id="two")["effective_query"] == FOLLOW_UP


def test_a_conversation_is_within_its_collection(ferry: TestClient) -> None:
    ferry.post("/collections", json={"name": "other"})
    asked(ferry, QUESTION, conversation_id="one")
    there = asked(ferry, FOLLOW_UP, conversation_id="one", collection="other")
    assert there["effective_query"] == FOLLOW_UP


def test_a_stream_keeps_its_conversation_too(ferry: TestClient) -> None:
    streamed(ferry, QUESTION, conversation_id="one")
    told = dict(streamed(ferry, FOLLOW_UP, conversation_id="one"))
    assert "ferry" in told["retrieval"]["effective_query"].lower()
    assert told["done"]["conversation_id"] == "one"


def test_a_model_writes_the_question_again(tmp_path: Path) -> None:
    def script(request: Request) -> Any:
        return spoken(EXACT if "<source-" in request.told("user") else STANDALONE)

    with written(tmp_path, script) as (client, server):
        answer = asked(client, FOLLOW_UP, history=history(QUESTION, "At nine."))
        assert answer["effective_query"] == STANDALONE
        prompt = server.requests[0].told("user")
        assert QUESTION in prompt
        assert prompt.endswith(FOLLOW_UP)


@pytest.mark.parametrize("reply", [BROKEN, spoken("I cannot.\n\nSorry."), spoken("x" * 5000), spoken(" \n ")])
def test_a_model_that_writes_no_question_is_done_without(tmp_path: Path, reply: Any) -> None:
    def script(request: Request) -> Any:
        return spoken(EXACT) if "<source-" in request.told("user") else reply

    with written(tmp_path, script) as (client, _):
        answer = asked(client, FOLLOW_UP, history=history(QUESTION, "At nine."))
        assert "ferry" in answer["effective_query"].lower()


def test_a_model_is_not_asked_about_a_question_that_stands_by_itself(tmp_path: Path) -> None:
    with written(tmp_path, spoken(EXACT)) as (client, server):
        asked(client, QUESTION, history=history("What do tickets cost?", "120 kronor."))
        assert server.asked.count == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversation_id": "a b"},
        {"conversation_id": "x" * 65},
        {"conversation_id": ""},
        {"history": [{"role": "system", "content": "x"}]},
        {"history": [{"role": "user", "content": "x"}] * 41},
        {"history": [{"role": "user"}]},
    ],
)
def test_a_conversation_that_cannot_be_is_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    response = client.post("/ask", json={"question": QUESTION, **wrong})
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_request"


def answer(question: str, text: str = "At nine.", generation: int = 1) -> Answer:
    return Answer(question, question, text, (), (), AnswerStatus.ABSTAINED, 0.5, (), {}, generation)


def test_the_conversations_used_last_are_kept() -> None:
    kept = Conversations()
    for number in range(MAX_CONVERSATIONS):
        kept.add(str(number), "default", (), answer("first"))
    assert kept.turns("0", "default", 1)
    kept.add("one more", "default", (), answer("first"))
    assert kept.turns("0", "default", 1)
    assert kept.turns("1", "default", 1) == ()


def test_the_last_turns_of_a_conversation_are_kept() -> None:
    kept = Conversations()
    for number in range(MAX_TURNS + 5):
        kept.add("one", "default", kept.turns("one", "default", 1), answer(f"question {number}"))
    turns = kept.turns("one", "default", 1)
    assert len(turns) == MAX_TURNS
    assert turns[-1].question == f"question {MAX_TURNS + 4}"


def test_what_was_answered_before_a_deletion_is_not_told_to_a_model(tmp_path: Path) -> None:
    def script(request: Request) -> Any:
        return spoken(EXACT if "<source-" in request.told("user") else STANDALONE)

    with written(tmp_path, script) as (client, server):
        asked(client, QUESTION, conversation_id="one")
        end_of(client, accepted(client, "Buses leave the harbour at ten.", "bus.txt"))
        asked(client, FOLLOW_UP, conversation_id="one")
        assert "The ferry leaves at nine." in EXACT
        assert all("Answered: The ferry leaves at nine." not in r.told("user") for r in server.requests)
        asked(client, FOLLOW_UP, conversation_id="one")
        assert "Answered: The ferry leaves at nine." in server.requests[-2].told("user")
