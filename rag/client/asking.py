"""Questions, streamed answers, searches, and the check of an answer's quotes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Literal

import httpx2

from rag.client.documents import text_of
from rag.client.errors import AnswerBroken, ConnectionLost, NotFound
from rag.client.methods import HasSession, Method, StreamMethod
from rag.client.parsing import parsed
from rag.client.results import (
    Answer,
    AnswerEvent,
    Citation,
    Done,
    QuoteFault,
    Retrieval,
    SearchResult,
    Sentence,
    Turn,
    Verification,
)
from rag.client.session import Request

Writer = Literal["quotes", "model"]

_GONE = "the document is not there any more"


@dataclass(frozen=True, slots=True)
class _Broken:
    """The event of an answer that broke off."""

    code: str
    message: str
    request_id: str
    answer: Answer | None


_EVENTS: Mapping[str, Callable[[str], AnswerEvent]] = {
    "retrieval": lambda data: parsed(Retrieval, data),
    "citation": lambda data: parsed(Citation, data),
    "sentence": lambda data: parsed(Sentence, data),
    "done": lambda data: Done(parsed(Answer, data)),
}


class AskingMethods(HasSession):
    """Of clients: what asks the documents."""

    @Method
    async def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        top_k: int | None = None,
        documents: Sequence[str] | None = None,
        conversation_id: str | None = None,
        history: Sequence[Turn] | None = None,
        writer: Writer | None = None,
    ) -> Answer:
        """Answer a question with verbatim quotes, or say that the documents do not.

        `top_k` passages of the collection are read (by default 10 of the collection `default`), or of
        some of its `documents` alone, by id. What came
        before is told either by a `conversation_id`, under which the service remembers it, or by a
        `history`. The `writer` is a language model where the service has one, or else the documents' own
        sentences are the answer; `quotes` or `model` asks for one of them.
        """
        asked = _asked(question, collection, top_k, documents, conversation_id, history, writer)
        answer = await self._session.call(Request("POST", "/ask", body=asked, repeatable=True), Answer)
        return replace(answer, collection=collection)

    @StreamMethod
    async def stream(
        self,
        question: str,
        *,
        collection: str | None = None,
        top_k: int | None = None,
        documents: Sequence[str] | None = None,
        conversation_id: str | None = None,
        history: Sequence[Turn] | None = None,
        writer: Writer | None = None,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Answer a question as the answer is made: a stream of events; the arguments are those of `ask`.

        First comes a `Retrieval`, then each `Sentence` after the `Citation`s it is the first to rest on,
        and in the end `Done` with the whole answer. An answer that breaks off raises `AnswerBroken` with
        what to show in its place, and `ConnectionLost` where even that does not come. To close the stream
        ends the connection, and the service then stops writing.
        """
        asked = _asked(question, collection, top_k, documents, conversation_id, history, writer)
        request = Request("POST", "/ask/stream", body=asked, repeatable=True)
        async with aclosing(self._session.events(request)) as events:
            async for event in events:
                told = _told(event, collection)
                if told is not None:
                    yield told
                if isinstance(told, Done):
                    return
        raise ConnectionLost("the stream ended before the answer did: nothing of it holds; ask again")

    @Method
    async def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        top_k: int | None = None,
        documents: Sequence[str] | None = None,
    ) -> SearchResult:
        """Find the passages nearest to a query, the best first; of some `documents` alone, by id."""
        chosen = list(documents) if documents is not None else None
        asked = {"query": query, "collection": collection, "top_k": top_k, "documents": chosen}
        return await self._session.call(Request("POST", "/search", body=asked, repeatable=True), SearchResult)

    @Method
    async def verify(self, answer: Answer) -> Verification:
        """Check that each quote of an answer is, letter for letter, what the stored text has at its place.

        The texts are fetched anew, each once, and compared here. The result is true where all quotes hold.
        """
        texts: dict[str, str] = {}
        for document_id in {citation.document_id for citation in answer.citations}:
            with suppress(NotFound):
                texts[document_id] = await text_of(self._session, document_id, answer.collection)
        reasons = [
            (
                citation,
                citation.fault_in(texts[citation.document_id]) if citation.document_id in texts else _GONE,
            )
            for citation in answer.citations
        ]
        faults = tuple(QuoteFault(citation, reason) for citation, reason in reasons if reason is not None)
        return Verification(len(answer.citations), faults)


def _asked(
    question: str,
    collection: str | None,
    top_k: int | None,
    documents: Sequence[str] | None,
    conversation_id: str | None,
    history: Sequence[Turn] | None,
    writer: Writer | None,
) -> dict[str, object]:
    return {
        "question": question,
        "collection": collection,
        "top_k": top_k,
        "documents": list(documents) if documents is not None else None,
        "conversation_id": conversation_id,
        "history": list(history) if history is not None else None,
        "writer": writer,
    }


def _told(event: httpx2.ServerSentEvent, collection: str | None) -> AnswerEvent | None:
    """Return an event as what it tells, None where a newer service has it; raise `AnswerBroken`."""
    if event.event == "error":
        broken = parsed(_Broken, event.data)
        answer = replace(broken.answer, collection=collection) if broken.answer is not None else None
        raise AnswerBroken(broken.code, broken.message, broken.request_id, answer)
    read = _EVENTS.get(event.event)
    told = read(event.data) if read is not None else None
    return Done(replace(told.answer, collection=collection)) if isinstance(told, Done) else told
