"""What OpenAI's API has, for programs that speak it: each collection is a model that answers from it."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute

from index.errors import CollectionNotFound, InvalidName, QuoteboundError
from index.types import DEFAULT_COLLECTION
from index.vocabulary import encoding
from rag.responding import answer_of
from rag.service import markdown
from rag.service.access import BackendOf
from rag.service.backend import Backend
from rag.service.errors import RETRY_SECONDS, status_of
from rag.service.gone import unless_gone
from rag.service.lines import on_one_line
from rag.service.openai_requests import ChatRequest
from rag.service.openai_wire import (
    BoundOut,
    ChatCompletion,
    ChatCompletionChunk,
    ChoiceOut,
    ChunkChoiceOut,
    DeltaOut,
    MessageOut,
    ModelOut,
    ModelsOut,
    OpenAIErrorOut,
    UsageOut,
    model_of,
)
from rag.types import Answer, AnswerEvent, Broken, Cited, Finished, Said

_DONE = "data: [DONE]\n\n"


class OpenAIRoute(APIRoute):
    """A route that tells what is wrong with a request as OpenAI does: 400, and in which field."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except QuoteboundError as error:
                status, told = _known(error)
            except RequestValidationError as error:
                status, told = 400, _invalid(error)
            retry = {"Retry-After": RETRY_SECONDS} if status == 503 else None
            return JSONResponse(told.model_dump(), status, headers=retry)

        return handled


def _known(error: QuoteboundError) -> tuple[int, OpenAIErrorOut]:
    """Return the status and the shape of one of Quotebound's own errors."""
    if isinstance(error, CollectionNotFound | InvalidName):
        message = f"{_readable(str(error))}; GET /v1/models lists the models there are"
        return 404, OpenAIErrorOut.of(404, "model_not_found", message, "model")
    status = status_of(error)
    status = 400 if status == 422 else status
    return status, OpenAIErrorOut.of(status, error.code, _readable(str(error)))


def _invalid(error: RequestValidationError) -> OpenAIErrorOut:
    """Return what is first wrong with a request: where, and what was expected there."""
    fault = error.errors()[0]
    place = [part for part in fault["loc"] if part != "body"]
    param = ".".join(map(str, place)) if place and isinstance(place[0], str) else None
    message = _readable(fault["msg"].removeprefix("Value error, "))
    told = message if param is None or fault["type"] == "value_error" else f"{param}: {message}"
    return OpenAIErrorOut.of(400, "invalid_request", told, param)


def _readable(message: str) -> str:
    """Return a message without what UTF-8 cannot hold: it may repeat what was sent."""
    return message.encode("utf-8", "replace").decode("utf-8")


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": OpenAIErrorOut} for status in (400, 404, 413, 503)
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; as `chat.completion.chunk` events where `stream` is true",
        "content": {
            "text/event-stream": {
                "itemSchema": {
                    "type": "object",
                    "properties": {"data": {"type": "string"}},
                    "required": ["data"],
                }
            }
        },
    }
}

# A chat program sends the whole conversation each time, images that it showed included.
router = APIRouter(prefix="/v1", tags=["openai"], route_class=OpenAIRoute, max_body_size=2**24)


@router.get("/models", responses={503: _ERRORS[503]})
async def list_models(backend: BackendOf) -> ModelsOut:
    """List a model for each collection: `quotebound`, and `quotebound/<collection>`."""
    names = [found.name for found in await backend.collections()]
    names.sort(key=lambda name: (name != DEFAULT_COLLECTION, name))
    return ModelsOut(data=[ModelOut(id=model_of(name)) for name in names])


@router.get("/models/{model:path}", responses={404: _ERRORS[404], 503: _ERRORS[503]})
async def describe_model(model: str, backend: BackendOf) -> ModelOut:
    """Describe a model."""
    known = [model_of(found.name) for found in await backend.collections()]
    if model not in known:
        raise CollectionNotFound(f"there is no model {model!r}")
    return ModelOut(id=model)


async def _answering(
    asked: ChatRequest, backend: BackendOf
) -> AsyncIterator[AsyncGenerator[AnswerEvent, None]]:
    # Closed once the response is sent or its client has gone, whether it was begun or not.
    async with aclosing(backend.answering(asked.asking())) as events:
        yield events


EventsOf = Annotated[AsyncGenerator[AnswerEvent, None], Depends(_answering)]


@router.post("/chat/completions", response_model=ChatCompletion, responses=_STREAM | _ERRORS)
async def complete_chat(
    asked: ChatRequest, events: EventsOf, backend: BackendOf, request: Request
) -> Response:
    """Answer the last user message from the documents of a collection.

    The content is Markdown: sentences with markers `[n]`, then the sources with their quotes. The field
    `quotebound` of the message, or of the delta of the last part of a stream, has the same as data.
    """
    if asked.stream:
        # Up to its first event, so that what is wrong with the question is an error like any other.
        await unless_gone(request, anext(events))
        parts = _Stream(asked, backend).parts(events)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(parts, media_type="text/event-stream", headers=headers)
    answer = await unless_gone(request, answer_of(events))
    body = await backend.told(_completion, asked, answer)
    return Response(body, media_type="application/json")


def _identity() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _completion(asked: ChatRequest, answer: Answer) -> str:
    """Return the JSON of a whole answer."""
    content = markdown.whole(answer)
    message = MessageOut(content=content, quotebound=BoundOut.of_answer(answer))
    return ChatCompletion(
        id=_identity(),
        created=int(time.time()),
        model=asked.model,
        choices=[ChoiceOut(message=message)],
        usage=_usage(asked.question, content),
    ).model_dump_json()


def _usage(question: str, content: str) -> UsageOut:
    tokens = [len(encoding().encode_ordinary(text)) for text in (question, content)]
    return UsageOut(prompt_tokens=tokens[0], completion_tokens=tokens[1], total_tokens=sum(tokens))


@dataclass(frozen=True, slots=True)
class _Stream:
    """An answer as the events of a stream: the role, each sentence, the sources, the end, and `[DONE]`.

    Of an answer that breaks off, the text says so and goes on with what takes its place: a program that
    shows text shows all of that, where after an error it would show half an answer or none. Only where
    nothing can take its place the stream ends with an error and without `[DONE]`, which clients raise.
    """

    asked: ChatRequest
    backend: Backend
    id: str = field(default_factory=_identity)
    created: int = field(default_factory=lambda: int(time.time()))

    async def parts(self, events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[str, None]:
        """Yield the events of the stream for those of an answer after its first, `Retrieved`."""
        telling = markdown.Telling()
        yield self._part(DeltaOut(role="assistant", content=""))
        try:
            async for event in events:
                match event:
                    case Cited(citation):
                        telling.cite(citation)
                    case Said(sentence):
                        yield self._part(DeltaOut(content=telling.say(sentence)))
                    case Finished(answer):
                        yield self._part(DeltaOut(content=telling.finish(answer)))
                        yield await self.backend.told(self._end, answer, telling.text)
                    case Broken(answer, fallback):
                        yield self._part(DeltaOut(content=telling.break_off(answer, fallback)))
                        yield await self.backend.told(self._end, answer, telling.text)
        except QuoteboundError as error:
            yield _event(_known(error)[1].model_dump_json())
        else:
            yield _DONE

    def _end(self, answer: Answer, text: str) -> str:
        """Return the end of the message, and the number of its tokens where it was asked for."""
        last = self._part(DeltaOut(quotebound=BoundOut.of_answer(answer)), "stop")
        return last + self._chunk([], _usage(self.asked.question, text)) if self.asked.with_usage else last

    def _part(self, delta: DeltaOut, finish: Literal["stop"] | None = None) -> str:
        return self._chunk([ChunkChoiceOut(delta=delta, finish_reason=finish)])

    def _chunk(self, choices: list[ChunkChoiceOut], usage: UsageOut | None = None) -> str:
        chunk = ChatCompletionChunk(
            id=self.id, created=self.created, model=self.asked.model, choices=choices, usage=usage
        )
        return _event(chunk.model_dump_json(exclude=None if self.asked.with_usage else {"usage"}))


def _event(told: str) -> str:
    return f"data: {on_one_line(told)}\n\n"
