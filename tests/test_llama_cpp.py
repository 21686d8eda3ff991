"""Answers written by a real llama.cpp server, end to end: the model is tiny, the protocol is whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_model
from serving import accepted, end_of, served
from starlette.testclient import TestClient
from writing import QUESTION, asked, streamed

from rag.settings import Settings


@pytest.fixture(params=["lines", "json", "auto"])
def client(request: pytest.FixtureRequest, tmp_path: Path, llama_cpp: str) -> Iterator[TestClient]:
    settings = Settings(
        home=tmp_path,
        threshold=0.0,
        chunk_tokens=48,
        llm_url=llama_cpp,
        llm_format=request.param,
        # Its tokens are half as long as those that are counted.
        llm_context=2048,
        llm_max_tokens=400,
    )
    with served(settings) as opened:
        end_of(opened, accepted(opened, tiny_model.DOCUMENT, "ferry.txt"))
        yield opened


def assert_bound(answer: dict[str, Any]) -> None:
    """Assert that what is quoted rightly is shown, and what is made up is not."""
    assert answer["fallback"] is None
    assert answer["written_by"] == tiny_model.NAME
    assert [sentence["text"] for sentence in answer["sentences"]] == [
        sentence for _, sentence in tiny_model.SAID[:2]
    ]
    assert answer["withheld"] == 1
    for citation in answer["citations"]:
        assert tiny_model.DOCUMENT[citation["start"] : citation["end"]] == citation["quote"]


def test_what_it_quotes_is_shown_and_what_it_makes_up_is_withheld(client: TestClient) -> None:
    assert_bound(asked(client, QUESTION))


def test_its_answer_is_streamed(client: TestClient) -> None:
    told = streamed(client, QUESTION)
    assert [name for name, _ in told].count("sentence") == 2
    assert_bound(told[-1][1])
