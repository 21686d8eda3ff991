"""A language model that fails in every way there is: the documents' own answer takes its place, labelled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm_failures import BREAKS, FAILURES, FIRST
from llm_replies import (
    BROKEN,
    OVERLOADED,
    RATE_LIMITED,
    TOO_LONG,
    UNAUTHORIZED,
    Drip,
    Gate,
    Held,
    Spoken,
    spoken,
)
from llm_server import LanguageModelServer
from writing import EXACT, FERRY, asked, streamed, written


def assert_own(answer: dict[str, Any], reason: str) -> None:
    """Assert that an answer is the documents' own, and says why."""
    assert answer["status"] == "answered"
    assert answer["written_by"] is None
    assert answer["fallback"]["reason"] == reason, answer["fallback"]
    assert answer["fallback"]["message"]
    assert answer["sentences"]
    assert all(sentence["text"] in FERRY for sentence in answer["sentences"])


@pytest.mark.parametrize("failure", FAILURES)
def test_the_documents_own_answer_takes_the_place_of_one_that_failed(tmp_path: Path, failure: str) -> None:
    script, reason = FAILURES[failure]
    with written(tmp_path, script, llm_timeout=0.4) as (client, _):
        assert_own(asked(client), reason)
        told = streamed(client)
        assert [name for name, _ in told][:2] == ["retrieval", "citation"]
        name, done = told[-1]
        assert name == "done"
        assert_own(done, reason)


def test_a_server_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with LanguageModelServer(spoken(EXACT)) as gone:
        url = gone.base_url
    with written(tmp_path, spoken(EXACT), llm_url=url) as (client, _):
        assert_own(asked(client), "unreachable")


def test_a_model_that_is_slow_as_a_whole_is_given_up(tmp_path: Path) -> None:
    # It never falls silent for long, and never says more.
    slowly = Spoken([FIRST[:9], Drip(Gate())])
    with written(tmp_path, slowly, llm_deadline=0.4) as (client, _):
        assert_own(asked(client), "timeout")


@pytest.mark.parametrize("broken", BREAKS)
def test_a_stream_that_breaks_ends_with_an_error_and_the_documents_own_answer(
    tmp_path: Path, broken: str
) -> None:
    parts, how, reason = BREAKS[broken]
    with written(tmp_path, Spoken(parts, **how), llm_timeout=0.4) as (client, _):
        told = streamed(client)
        assert "sentence" in [name for name, _ in told]
        assert "done" not in [name for name, _ in told]
        name, error = told[-1]
        assert name == "error"
        assert set(error) == {"code", "message", "request_id", "answer"}
        assert error["code"] == reason
        assert_own(error["answer"], reason)
        # And in one piece: no half of an answer, but the documents' own.
        assert_own(asked(client), reason)


def test_a_request_that_the_server_failed_is_made_again(tmp_path: Path) -> None:
    with written(tmp_path, [OVERLOADED, RATE_LIMITED, spoken(EXACT)], llm_retries=2) as (client, server):
        assert asked(client)["written_by"] == "scripted"
        assert server.asked.count == 3


def test_a_prompt_that_is_too_long_is_made_shorter_once(tmp_path: Path) -> None:
    lines = "\n\n".join(
        f"Ferry number {number} leaves the harbour of Kallinge at nine." for number in range(60)
    )
    replies = [TOO_LONG["llama.cpp"], spoken(EXACT)]
    with written(tmp_path, replies, lines, llm_context=1200, llm_max_tokens=200) as (client, server):
        asked(client, "When does ferry number 7 leave?", top_k=40)
        first, second = (request.told("user").count("</source-") for request in server.requests)
        assert second < first


def test_a_server_that_keeps_failing_is_left_alone(tmp_path: Path) -> None:
    with written(tmp_path, BROKEN) as (client, server):
        reasons = [asked(client)["fallback"]["reason"] for _ in range(6)]
        assert reasons == ["server_error"] * 4 + ["resting"] * 2
        assert server.asked.count == 4


def test_more_questions_than_the_model_takes_are_answered_by_the_documents(tmp_path: Path) -> None:
    gate = Gate()
    with written(tmp_path, Held(gate, spoken(EXACT)), llm_parallel=1) as (client, server):
        answers: list[dict[str, Any]] = []
        first = in_thread(lambda: answers.append(asked(client)))
        server.asked.reach(1)
        assert_own(asked(client), "busy")
        gate.set()
        first()
        assert answers[0]["written_by"] == "scripted"


def test_a_failure_tells_nothing_that_the_server_said(tmp_path: Path) -> None:
    with written(tmp_path, UNAUTHORIZED) as (client, _):
        response = client.post("/ask", json={"question": "When does the ferry leave?"})
        assert "Incorrect API key" not in response.text


def in_thread(work: Callable[[], None]) -> Callable[[], None]:
    """Begin some work in a thread; return what waits for its end."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)

    def wait() -> None:
        future.result(60)
        pool.shutdown()

    return wait
