"""Questions and searches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from index.errors import QuoteboundError
from rag.responding import answer_of
from rag.service.access import BackendOf
from rag.service.asking_wire import AskRequest, RetrievalOut, SearchRequest, StreamErrorOut
from rag.service.backend import Backend
from rag.service.errors import documented, request_id
from rag.service.gone import unless_gone
from rag.service.lines import on_one_line
from rag.service.wire import AskResponse, CitationOut, SearchResponse, SentenceOut
from rag.types import AnswerEvent, Broken, Cited, Finished, Retrieved, Said

Found = TypeVar("Found")

# A question of the greatest length fits many times over; one that is longer is told so by its length.
router = APIRouter(tags=["asking"], max_body_size=2**20, responses=documented(400, 404, 413, 422))


@router.post("/ask", response_model=AskResponse)
async def ask(asked: AskRequest, backend: BackendOf, request: Request) -> Response:
    """Answer a question with verbatim quotes, or say that the documents do not."""

    async def answer() -> Response:
        async with aclosing(_answering(asked, backend)) as events:
            found = await answer_of(events)
        return await backend.told(
            _body(partial(AskResponse.of, conversation_id=asked.conversation_id)), found
        )

    return await unless_gone(request, answer())


async def _begun(asked: AskRequest, backend: BackendOf) -> AsyncIterator[AsyncGenerator[AnswerEvent, None]]:
    # Up to its first event, so that what is wrong with the question is an error like any other.
    async with aclosing(_answering(asked, backend)) as events:
        yield _after(await anext(events), events)


async def _after(
    first: AnswerEvent, events: AsyncGenerator[AnswerEvent, None]
) -> AsyncGenerator[AnswerEvent, None]:
    yield first
    async for event in events:
        yield event


EventsOf = Annotated[AsyncGenerator[AnswerEvent, None], Depends(_begun)]


@router.post("/ask/stream", response_class=EventSourceResponse, responses=documented("4XX", "5XX"))
async def ask_stream(
    asked: AskRequest, events: EventsOf, backend: BackendOf, request: Request
) -> AsyncIterator[ServerSentEvent]:
    """Answer a question sentence by sentence.

    Events: `retrieval`, then `citation` before the first `sentence` that rests on it, and in the end
    `done` with the whole answer, or `error` with what takes the place of an answer that broke off.
    """
    try:
        async for event in events:
            name, told = await backend.told(_event, event, asked.conversation_id, request_id(request))
            yield ServerSentEvent(event=name, raw_data=told)
    except QuoteboundError as error:
        failed = StreamErrorOut(
            code=error.code, message=str(error), request_id=request_id(request), answer=None
        )
        yield ServerSentEvent(event="error", data=failed)


@router.post("/search", response_model=SearchResponse)
async def search(asked: SearchRequest, backend: BackendOf) -> Response:
    """Find the passages nearest to a query."""
    return await backend.search_for(
        _body(SearchResponse.of), asked.query, asked.collection, asked.top_k, asked.documents
    )


def _answering(asked: AskRequest, backend: Backend) -> AsyncGenerator[AnswerEvent, None]:
    return backend.conversing(asked.asking(), asked.conversation_id)


def _event(event: AnswerEvent, conversation_id: str | None, request: str) -> tuple[str, str]:
    """Return the name of an event and its data as JSON."""
    told: BaseModel
    match event:
        case Retrieved(own, written_by):
            name, told = "retrieval", RetrievalOut.of(own, written_by, conversation_id)
        case Cited(citation):
            name, told = "citation", CitationOut.of(citation)
        case Said(sentence):
            name, told = "sentence", SentenceOut.of(sentence)
        case Finished(answer):
            name, told = "done", AskResponse.of(answer, conversation_id)
        case Broken(answer, fallback):
            whole = AskResponse.of(answer, conversation_id)
            name = "error"
            told = StreamErrorOut(
                code=fallback.reason, message=fallback.message, request_id=request, answer=whole
            )
    return name, on_one_line(told.model_dump_json())


def _body(shape: Callable[[Found], BaseModel]) -> Callable[[Found], Response]:
    """Return what makes a response of something found, to be called in the thread that found it.

    FastAPI would make it in the event loop: milliseconds each, in which no health check is answered.
    """

    def response(found: Found) -> Response:
        return Response(shape(found).model_dump_json(), media_type="application/json")

    return response
