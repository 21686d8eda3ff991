"""What the page's chat shows and keeps, over a backend that is busy, full or without a disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from drawn import Drawn, answer, citation

from index.errors import DocumentNotFound, QuoteboundError, StorageFull
from rag.errors import ConversationFull, ConversationNotFound, Overloaded
from rag.history.store import History
from rag.history.types import ConversationInfo
from rag.responding import told
from rag.service.backend import Backend
from rag.types import Answer, AnswerEvent, Asking, Turn
from ui.chat import Chat
from ui.context import Context

VISITOR = "v" * 43
INFO = ConversationInfo("c1", "When?", "2026-01-01", "2026-01-01", 1)


class Scripted:
    """Stands in for the backend: answers, or raises, and keeps what it is given."""

    def __init__(self, found: Answer | QuoteboundError, keeping: QuoteboundError | None = None) -> None:
        self.found = found
        self.keeping = keeping
        self.before: tuple[Turn, ...] | QuoteboundError = ()
        self.asked: list[Asking] = []
        self.kept_in: list[str | None] = []

    async def answering(self, asking: Asking) -> AsyncGenerator[AnswerEvent, None]:
        self.asked.append(asking)
        if isinstance(self.found, QuoteboundError):
            raise self.found
        for event in told(self.found):
            yield event

    async def kept(self, call: Callable[..., Any], *given: Any) -> Any:
        if call is History.turns:
            if isinstance(self.before, QuoteboundError):
                raise self.before
            return self.before
        assert call is History.keep
        self.kept_in.append(given[1])
        if self.keeping is not None:
            raise self.keeping
        return INFO

    async def read_for(self, read: Callable[[Any], Any], collection: str) -> dict[int, Any]:
        return {}

    async def document(self, document_id: str, collection: str) -> Any:
        if document_id == "gone":
            raise DocumentNotFound("there is no document 'gone'")
        return SimpleNamespace(title="The dam")


def shown(
    backend: Scripted, question: str = "When?", visitor: str = VISITOR, **context: Any
) -> list[tuple[Any, Any]]:
    """Return what asking shows, one patch after the other, and what becomes of the field."""
    request = SimpleNamespace(cookies={"quotebound_visitor": visitor})

    async def all_of_it() -> list[tuple[Any, Any]]:
        asking = Chat(cast(Backend, backend)).ask(question, json.dumps(context), cast(gr.Request, request))
        return [patch async for patch in asking]

    return asyncio.run(all_of_it())


def last(patches: Sequence[tuple[Any, Any]]) -> Drawn:
    return Drawn(patches[-1][0])


def test_a_question_is_shown_before_anything_is_looked_for_and_the_field_is_emptied() -> None:
    first, field = shown(Scripted(answer(citation())))[0]
    assert Drawn(first).values("data-state") == ["pending"]
    assert field == ""


def test_an_answer_grows_in_one_turn_and_says_where_it_is_kept() -> None:
    patches = shown(Scripted(answer(citation(), citation("It holds.", 2))))
    drawn = [Drawn(patch) for patch, _ in patches]
    assert [each.values("data-state")[0] for each in drawn] == ["pending", "growing", "growing", "answered"]
    assert len({each.values("id")[0] for each in drawn}) == 1
    assert drawn[-1].values("data-conversation") == ["c1"]
    assert all(not each.values("data-conversation") for each in drawn[:-1])


def test_who_cannot_be_let_in_is_told_to_try_again() -> None:
    page = last(shown(Scripted(Overloaded("too many questions at once; try again in a moment"))))
    assert "too many questions at once; try again in a moment" in page.text
    assert page.values("data-state") == ["failed"]
    assert "again" in page.values("data-local")


@pytest.mark.parametrize(
    "error", [ConversationFull("it has 200 questions; begin a new one"), StorageFull("no room")]
)
def test_an_answer_that_cannot_be_kept_is_shown_with_the_reason(error: QuoteboundError) -> None:
    page = last(shown(Scripted(answer(citation()), keeping=error)))
    assert "It was built in 1947. [1]" in page.text
    assert f"This answer is not kept: {error}" in page.text
    assert not page.values("data-thumb")


def test_without_a_cookie_an_answer_is_shown_and_not_kept() -> None:
    backend = Scripted(answer(citation()))
    page = last(shown(backend, visitor="nobody"))
    assert "It was built in 1947. [1]" in page.text
    assert backend.kept_in == []


def test_a_question_goes_on_from_the_turns_before_it_and_is_kept_with_them() -> None:
    backend = Scripted(answer(citation()))
    backend.before = (Turn("Who?", "Who?", "Ada."),)
    shown(backend, conversation="c1")
    assert backend.asked[0].turns == backend.before
    assert backend.kept_in == ["c1"]


def test_a_question_in_a_conversation_that_was_deleted_meanwhile_is_answered() -> None:
    backend = Scripted(answer(citation()))
    backend.before = ConversationNotFound("there is no such conversation")
    page = last(shown(backend, conversation="c1"))
    assert page.values("data-state") == ["answered"]
    assert backend.asked[0].turns == ()


def test_the_collection_and_documents_that_were_chosen_are_asked_and_told() -> None:
    backend = Scripted(answer(citation()))
    page = last(shown(backend, collection="reports", documents=["d1", "d2"]))
    assert (backend.asked[0].collection, backend.asked[0].documents) == ("reports", ("d1", "d2"))
    assert "Asked of collection reports · The dam and 1 other" in page.text


def test_a_chosen_document_that_is_gone_is_named() -> None:
    page = last(shown(Scripted(answer(citation())), documents=["gone"]))
    assert "there is no document" in page.text


@pytest.mark.parametrize("question", ["", "  ", "\n\t"])
def test_a_blank_question_changes_nothing(question: str) -> None:
    backend = Scripted(answer(citation()))
    shown(backend, question)
    assert backend.asked == []


@pytest.mark.parametrize(
    "told",
    ["", "no JSON", "[]", "null", "3", '{"documents": 4, "collection": [], "conversation": {}}', "[" * 9999],
)
def test_a_context_that_cannot_be_read_is_as_if_nothing_was_chosen(told: str) -> None:
    request = cast(gr.Request, SimpleNamespace(cookies={}))
    assert Context.read(told, request) == Context(None)


def test_a_context_is_bounded() -> None:
    request = cast(gr.Request, SimpleNamespace(cookies={"quotebound_visitor": VISITOR}))
    found = Context.read(json.dumps({"documents": ["d"] * 5000 + [3], "query": "q" * 5000}), request)
    assert (len(found.documents), len(found.query), found.visitor) == (1000, 200, VISITOR)
    assert replace(found, documents=(), query="").collection == "default"
