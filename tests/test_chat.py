"""The writer that asks a language model, against a scripted server."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from llm_replies import BROKEN, Gate, Reply, Spoken, spoken
from llm_server import LanguageModelServer
from writer_contract import WriterContract, all_of

from rag.generation.chat import ChatWriter, ReplyForm
from rag.generation.endpoint import Endpoint, EndpointSettings
from rag.generation.writing import Writer

EXACT = "Q1: The treaty was signed on 3 May 1921\nS: It was signed in 1921.\n"


@contextmanager
def asking(reply: Reply) -> Iterator[tuple[ChatWriter, LanguageModelServer]]:
    with LanguageModelServer(reply) as server:
        settings = EndpointSettings(server.base_url, retries=0)
        yield ChatWriter(Endpoint(settings), 4096, ReplyForm.LINES), server


@contextmanager
def writing(reply: Reply) -> Iterator[Writer]:
    with asking(reply) as (writer, _):
        yield writer


class TestChatWriter(WriterContract):
    def answering(self) -> AbstractContextManager[Writer]:
        return writing(spoken(EXACT))

    def declining(self) -> AbstractContextManager[Writer]:
        return writing(spoken("NO ANSWER"))

    def failing(self) -> AbstractContextManager[Writer]:
        return writing(BROKEN)

    def rewriting(self) -> AbstractContextManager[Writer]:
        return writing(spoken("When was the treaty signed?"))

    @contextmanager
    def silent(self) -> Iterator[tuple[Writer, Callable[[], None]]]:
        with asking(Spoken([EXACT, Gate()])) as (writer, server):
            yield writer, lambda: server.cancelled.reach(1)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with writing(spoken(EXACT)) as writer:
        assert asyncio.run(all_of(writer))
