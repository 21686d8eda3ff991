"""Programs that speak OpenAI's API, against a service behind a socket: nothing about them is changed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from doubles import HashingEmbedder
from listening import listening
from llm_replies import ERROR_EVENT, Gate, Script, Spoken, spoken
from llm_server import LanguageModelServer
from openai.types.chat import ChatCompletionChunk
from writing import EXACT, FERRY, QUESTION

from index.errors import StorageUnavailable
from index.running import JobRunner
from rag.answering import Assistant
from rag.service.app import create_app
from rag.settings import Settings
from rag.wiring import Application

KEY = "sk-of-more-than-sixteen-characters"
# All of the first sentence, and the beginning of the second, with which the first has ended.
FIRST = EXACT[: EXACT.rindex("S: ")]
ASKED: Any = [{"role": "user", "content": QUESTION}]


@contextmanager
def service(home: Path, script: Script | None = None) -> Iterator[tuple[str, LanguageModelServer]]:
    """Yield the base URL of a service over one document, and the server that writes its answers."""
    with LanguageModelServer(script or spoken(EXACT)) as server:
        settings = Settings.model_validate(
            {"home": home, "threshold": 0.0, "chunk_tokens": 48, "api_key": KEY, "llm_retries": 0}
            | ({"llm_url": server.base_url, "llm_format": "lines"} if script is not None else {})
        )
        application = Application(settings, writable=True, embedder=HashingEmbedder())
        JobRunner.over(application.ingestor()).add(FERRY.encode(), "ferry.txt")
        with listening(create_app(application), lifespan=True) as address:
            yield f"{address}/v1", server


@pytest.fixture
def base_url(tmp_path: Path) -> Iterator[str]:
    with service(tmp_path / "home") as (url, _):
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with client_of(base_url) as opened:
        yield opened


@contextmanager
def client_of(base_url: str, key: str = KEY) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0) as opened:
        yield opened


def text(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_the_openai_client_lists_and_describes_models(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert (model.id, model.owned_by, model.object) == ("quotebound", "quotebound", "model")
    assert client.models.retrieve("quotebound") == model


def test_the_openai_client_reads_an_answer_and_its_citations(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="quotebound", messages=ASKED)
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert "[1] The ferry: “The ferry to Kallinge leaves at nine.”" in str(choice.message.content)
    assert choice.message.model_extra is not None
    (citation,) = choice.message.model_extra["quotebound"]["citations"]
    assert citation["quote"] == FERRY[citation["start"] : citation["end"]]
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


def test_the_openai_client_streams(client: openai.OpenAI) -> None:
    usual = {"model": "quotebound", "messages": ASKED}
    whole = client.chat.completions.create(**usual).choices[0].message
    chunks = list(
        client.chat.completions.create(**usual, stream=True, stream_options={"include_usage": True})
    )
    assert text(chunks) == whole.content
    assert chunks[-1].usage is not None
    extra = chunks[-2].choices[0].delta.model_extra
    assert (extra, chunks[-2].choices[0].finish_reason) == (whole.model_extra, "stop")


def test_the_openai_client_puts_a_stream_together(client: openai.OpenAI) -> None:
    usual = {"model": "quotebound", "messages": ASKED}
    whole = client.chat.completions.create(**usual).choices[0].message
    with client.chat.completions.stream(**usual) as stream:
        told = stream.get_final_completion().choices[0].message
    assert (told.content, told.role) == (whole.content, "assistant")
    assert told.model_extra is not None
    assert told.model_extra["quotebound"] == (whole.model_extra or {})["quotebound"]


def test_the_asynchronous_client_streams(base_url: str) -> None:
    async def told() -> tuple[list[ChatCompletionChunk], str | None]:
        async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            whole = await client.chat.completions.create(model="quotebound", messages=ASKED)
            stream = await client.chat.completions.create(model="quotebound", messages=ASKED, stream=True)
            return [chunk async for chunk in stream], whole.choices[0].message.content

    chunks, whole = asyncio.run(told())
    assert text(chunks) == whole


def test_the_openai_client_raises_what_it_raises_at_openai(base_url: str) -> None:
    with client_of(base_url) as client, client_of(base_url, "sk-wrong") as stranger:
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="gpt-4o", messages=ASKED)
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("quotebound/nowhere")
        with pytest.raises(openai.BadRequestError, match="n is 2") as twice:
            client.chat.completions.create(model="quotebound", messages=ASKED, n=2)
        assert twice.value.param == "n"
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model="quotebound", messages=ASKED, stream=True)


def test_a_written_answer_streams_sentence_by_sentence(tmp_path: Path) -> None:
    gate = Gate()
    with (
        service(tmp_path / "home", Spoken((FIRST, gate, EXACT.removeprefix(FIRST)))) as (url, _),
        client_of(url) as client,
    ):
        stream = client.chat.completions.create(model="quotebound", messages=ASKED, stream=True)
        chunks = [next(stream), next(stream)]
        assert text(chunks) == "The ferry leaves at nine. [1]"
        gate.set()
        chunks += stream
        assert text(chunks).startswith(
            "The ferry leaves at nine. [1] The crossing lasts forty minutes. [2]\n\n"
        )


def test_an_answer_that_breaks_off_says_so_to_who_reads_the_text(tmp_path: Path) -> None:
    with (
        service(tmp_path / "home", Spoken((FIRST, ERROR_EVENT))) as (url, _),
        client_of(url) as client,
    ):
        chunks = list(client.chat.completions.create(model="quotebound", messages=ASKED, stream=True))
    _, note, own, _ = text(chunks).split("\n\n")
    assert "broke off and does not count" in note
    assert own.startswith("The ferry to Kallinge leaves at nine. [1]")
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_openai_client_raises_where_nothing_takes_the_place_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise StorageUnavailable("the disk refused")

    monkeypatch.setattr(Assistant, "cited", refuse)
    with service(tmp_path / "home", spoken(EXACT)) as (url, _), client_of(url) as client:
        stream = client.chat.completions.create(model="quotebound", messages=ASKED, stream=True)
        with pytest.raises(openai.APIError, match="the disk refused") as failed:
            list(stream)
    assert failed.value.code == "storage_unavailable"


@pytest.mark.parametrize("said", [(), (FIRST,)])
def test_the_language_model_is_cancelled_once_a_reader_goes_away(
    tmp_path: Path, said: tuple[str, ...]
) -> None:
    gate = Gate()
    with service(tmp_path / "home", Spoken((*said, gate))) as (url, server), client_of(url) as client:
        stream = client.chat.completions.create(model="quotebound", messages=ASKED, stream=True)
        for _ in range(1 + len(said)):
            next(stream)
        assert gate.reached.wait(60)
        stream.close()
        server.cancelled.reach(1)


def test_the_language_model_is_cancelled_once_nobody_waits_for_the_whole_answer(tmp_path: Path) -> None:
    gate = Gate()
    body = json.dumps({"model": "quotebound", "messages": ASKED})
    with service(tmp_path / "home", Spoken((gate,))) as (url, server):
        port = httpx2.URL(url).port
        with socket.create_connection(("127.0.0.1", port or 0)) as connection:
            connection.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            assert gate.reached.wait(60)
        server.cancelled.reach(1)


def test_a_chat_program_in_the_manner_of_open_webui_lists_asks_and_goes_on(tmp_path: Path) -> None:
    headers = {
        "Authorization": f"Bearer {KEY}", "Content-Type": "application/json",
        "X-OpenWebUI-User-Name": "Ada", "X-OpenWebUI-User-Role": "user", "X-OpenWebUI-Chat-Id": "c1",
    }  # fmt: skip
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You are a helpful assistant."}]
    with (
        service(tmp_path / "home", spoken(EXACT)) as (url, _),
        httpx2.Client(headers=headers, timeout=60) as browser,
    ):
        (model,) = browser.get(f"{url}/models").json()["data"]
        for question in (QUESTION, "How long does it take?"):
            messages.append({"role": "user", "content": question})
            content, finished, usage = streamed_as_open_webui_does(browser, url, model["id"], messages)
            assert finished == "stop"
            assert usage["completion_tokens"] > 10
            assert "[1] The ferry: “" in content
            messages.append({"role": "assistant", "content": content})
        title = {
            "model": model["id"],
            "messages": [{"role": "user", "content": "### Task:\nGenerate a title for the chat: ferry"}],
            "stream": False, "max_completion_tokens": 1000, "metadata": {"task": "title_generation"},
        }  # fmt: skip
        told = browser.post(f"{url}/chat/completions", json=title).json()
        assert isinstance(told["choices"][0]["message"]["content"], str)


def streamed_as_open_webui_does(
    browser: httpx2.Client, url: str, model: str, messages: list[dict[str, Any]]
) -> tuple[str, str | None, dict[str, int]]:
    """Return the text, why it ended, and its tokens, read line by line as that program reads a stream."""
    body = {
        "model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True},
        "params": {}, "tool_servers": [], "features": {"web_search": False}, "variables": {"{{NAME}}": "Ada"},
        "session_id": "s", "chat_id": "c1", "id": "m1", "background_tasks": {"title_generation": True},
        "temperature": 0.8, "max_tokens": 128, "function_calling": "native",
    }  # fmt: skip
    content, finished = "", None
    usage: dict[str, int] = {}
    with browser.stream("POST", f"{url}/chat/completions", json=body) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            # What its HTTP library takes as one line.
            assert len(line.encode()) < 2**16
            if not line.startswith("data:") or line == "data: [DONE]":
                continue
            told = json.loads(line.removeprefix("data:"))
            usage = told.get("usage") or usage
            for choice in told.get("choices", []):
                content += choice.get("delta", {}).get("content") or ""
                finished = choice.get("finish_reason") or finished
    return content, finished, usage
