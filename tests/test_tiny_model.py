"""A real llama.cpp server with the tiny model: the protocol end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import tiny_model
from llm_replies import TOO_LONG

from rag.generation.prompts import REPLY_SCHEMA

# Text that the model never saw and that does not change; some 2.4 characters a token.
TEXT = (Path(__file__).resolve().parents[1] / "LICENSE").read_text(encoding="utf-8")


@pytest.fixture
def client(llama_cpp: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=llama_cpp, api_key="none", max_retries=0) as opened:
        yield opened


def reply(client: openai.OpenAI, prompt: str) -> tuple[list[str], int]:
    """Return a streamed reply in its pieces, and the number of tokens of the prompt."""
    stream = client.chat.completions.create(
        model=tiny_model.NAME,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        messages=[
            {"role": "system", "content": "Answer from the sources."},
            {"role": "user", "content": prompt},
        ],
    )
    chunks = list(stream)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    usage = chunks[-1].usage
    assert usage is not None
    return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices], usage.prompt_tokens


def test_the_server_lists_the_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [tiny_model.NAME]


@pytest.mark.parametrize("length", [0, 400, 1200, 2500, 4000, 5500])
def test_the_reply_is_streamed_in_tokens_whatever_the_prompt(client: openai.OpenAI, length: int) -> None:
    pieces, tokens = reply(client, f"{TEXT[4000 : 4000 + length]}\n\nQuestion: When does it leave?")
    assert "".join(pieces) == tiny_model.REPLY
    assert len(pieces) > 50
    assert length / 3 < tokens < 3500


def test_the_reply_stands_after_the_document_and_an_earlier_reply_too(client: openai.OpenAI) -> None:
    prompt = f"{tiny_model.DOCUMENT}\n{tiny_model.REPLY}\n{tiny_model.REPLY[:40]}"
    assert "".join(reply(client, prompt)[0]) == tiny_model.REPLY


def test_a_schema_is_kept_by_grammar(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(
        model=tiny_model.NAME,
        temperature=0,
        max_tokens=400,
        messages=[{"role": "user", "content": f"{TEXT[:3000]}\n\nQuestion: When does it leave?"}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": REPLY_SCHEMA, "strict": True},
        },
    )
    assert json.loads(done.choices[0].message.content or "") == json.loads(tiny_model.JSON_REPLY)


def test_a_prompt_that_is_too_long_is_refused_in_the_words_that_the_scripted_server_uses(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        reply(client, TEXT)
    told = refused.value.body
    scripted = json.loads(TOO_LONG["llama.cpp"].body)["error"]
    assert isinstance(told, dict)
    counted = ("n_prompt_tokens", "n_ctx")
    for body in (told, scripted):
        for name in counted:
            body["message"] = body["message"].replace(str(body[name]), name)
    assert {**told, **dict.fromkeys(counted)} == {**scripted, **dict.fromkeys(counted)}


def test_who_leaves_in_the_middle_of_a_reply_leaves_the_server_free(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=tiny_model.NAME, stream=True, messages=[{"role": "user", "content": "When does it leave?"}]
    )
    next(stream)
    stream.close()
    assert "".join(reply(client, "When?")[0]) == tiny_model.REPLY


def test_what_it_quotes_stands_in_the_document_but_for_the_last() -> None:
    assert [words in tiny_model.DOCUMENT for words, _ in tiny_model.SAID] == [True, True, False]


def test_a_model_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"no model")
    with pytest.raises(AssertionError, match="did not start"), tiny_model.running(tmp_path / "broken.gguf"):
        pass
