"""What OpenAI's clients read: answers as chat completions, collections as models, and errors."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, JsonValue, SerializerFunctionWrapHandler, model_serializer

from index.errors import CollectionNotFound
from index.types import DEFAULT_COLLECTION
from rag.service.wire import AskResponse, CitationOut, FallbackOut, Mirror, SentenceOut, UnreadOut
from rag.types import Answer

MODEL = "quotebound"
# When a collection was made is not kept.
_CREATED = 0


def model_of(collection: str) -> str:
    """Return the model that answers from a collection."""
    return MODEL if collection == DEFAULT_COLLECTION else f"{MODEL}/{collection}"


def collection_of(model: str) -> str:
    """Return the collection that a model answers from; raise `CollectionNotFound` for another's model."""
    name, slash, collection = model.partition("/")
    if name != MODEL or (slash and not collection):
        raise CollectionNotFound(f"there is no model {model!r}")
    return collection or DEFAULT_COLLECTION


class BoundOut(Mirror):
    """The field `quotebound`: the answer as `POST /ask` gives it, without passages and times.

    Its texts are verbatim where `content` is Markdown.
    """

    status: Literal["answered", "abstained"]
    answer: str
    sentences: list[SentenceOut]
    citations: list[CitationOut]
    confidence: float
    effective_query: str
    generation: int
    unread: UnreadOut | None
    written_by: str | None
    fallback: FallbackOut | None
    withheld: int

    @classmethod
    def of_answer(cls, answer: Answer) -> Self:
        """Return the wire shape."""
        return cls.of(AskResponse.of(answer))


class UsageOut(BaseModel):
    """How many tokens question and answer have, counted with `cl100k_base`."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class MessageOut(BaseModel):
    """The answer: Markdown with markers `[n]` and a list of sources."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    quotebound: BoundOut


class ChoiceOut(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: MessageOut
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class ChatCompletion(BaseModel):
    """An answer in whole."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChoiceOut]
    usage: UsageOut
    system_fingerprint: None = None


class DeltaOut(BaseModel):
    """What a part of a stream adds to the message; the last one brings the field `quotebound`."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    quotebound: BoundOut | None = None

    @model_serializer(mode="wrap")
    def _only_what_is_added(self, serialize: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class ChunkChoiceOut(BaseModel):
    """A part of the one answer."""

    index: Literal[0] = 0
    delta: DeltaOut
    logprobs: None = None
    finish_reason: Literal["stop"] | None = None


class ChatCompletionChunk(BaseModel):
    """A part of a stream. `usage` is there where it was asked for, and null but in the last part."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoiceOut]
    system_fingerprint: None = None
    usage: UsageOut | None = None


class ModelOut(BaseModel):
    """A collection, as a model that answers from it."""

    id: str
    object: Literal["model"] = "model"
    created: int = _CREATED
    owned_by: Literal["quotebound"] = "quotebound"


class ModelsOut(BaseModel):
    """The models there are."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class FaultOut(BaseModel):
    """What is wrong, and with which field of the request."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None


class OpenAIErrorOut(BaseModel):
    """What an error looks like to OpenAI's clients."""

    error: FaultOut

    @classmethod
    def of(cls, status: int, code: str, message: str, param: str | None = None) -> Self:
        """Return the wire shape."""
        kind: Literal["invalid_request_error", "server_error"]
        kind = "invalid_request_error" if status < 500 else "server_error"
        return cls(error=FaultOut(message=message, type=kind, param=param, code=code))
