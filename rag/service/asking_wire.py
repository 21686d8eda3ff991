"""The shapes of questions, searches and streamed answers; as stable as those of `wire`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from index.types import DEFAULT_COLLECTION
from rag.conversation import carried, depends
from rag.service.wire import (
    AskResponse,
    CollectionName,
    ErrorOut,
    HitOut,
    Question,
    Request,
    TopK,
)
from rag.types import DEFAULT_TOP_K, Answer, Asking, Turn, WriterChoice

# Of a conversation that the client tells.
MAX_MESSAGES = 40
MAX_MESSAGE_CHARACTERS = 20_000
MAX_DOCUMENTS = 1_000

# Some documents of the collection, all where none are named.
DocumentIds = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(default_factory=list, max_length=MAX_DOCUMENTS),
]


class MessageIn(Request):
    """A message of a conversation before the question."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS)]


class AskRequest(Request):
    """A question for a collection, or for some of its `documents`, by id; `top_k` passages are read.

    What came before it is told by `history`, the oldest first, or kept by the service under a
    `conversation_id` of the client's choice. `writer` chooses between the documents' own sentences
    (`quotes`) and a language model (`model`); null is the model where one is set.
    """

    question: Question = Field(examples=["what justification did Pakistan give?"])
    collection: CollectionName = DEFAULT_COLLECTION
    top_k: TopK = DEFAULT_TOP_K
    documents: DocumentIds
    conversation_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    history: Annotated[list[MessageIn], Field(default_factory=list, max_length=MAX_MESSAGES)]
    writer: Literal["quotes", "model"] | None = None

    @model_validator(mode="after")
    def _one_conversation(self) -> Self:
        if self.history and self.conversation_id is not None:
            raise ValueError(
                "give history or conversation_id, not both: an id stands for what the service kept"
            )
        return self

    def asking(self) -> Asking:
        """Return what is asked, after the turns of `history`."""
        turns = turns_of(self.history)
        writer = WriterChoice(self.writer) if self.writer is not None else None
        return Asking(self.question, self.collection, self.top_k, turns, writer, tuple(self.documents))


class SearchRequest(Request):
    """A query for a collection; at most `top_k` passages are returned.

    With the ids of `documents`, only these are searched.
    """

    query: Question = Field(examples=["Durand Line"])
    collection: CollectionName = DEFAULT_COLLECTION
    top_k: TopK = DEFAULT_TOP_K
    documents: DocumentIds


def turns_of(history: Sequence[MessageIn]) -> tuple[Turn, ...]:
    """Return messages as turns: each question of the user with all that was answered until the next one."""
    turns: list[Turn] = []
    for message in history:
        content = " ".join(message.content.split())
        if message.role == "user":
            if content:
                effective = carried(content, turns) if depends(content, turns) else content
                turns.append(Turn(content, effective, ""))
        elif turns:
            turns[-1] = replace(turns[-1], answer=f"{turns[-1].answer} {content}".strip())
    return tuple(turns)


class RetrievalOut(BaseModel):
    """The event `retrieval`: what was searched for, and what was found.

    `written_by` names the language model that begins to write, null where none will.
    """

    effective_query: str
    confidence: float
    hits: list[HitOut]
    generation: int
    conversation_id: str | None
    written_by: str | None

    @classmethod
    def of(cls, answer: Answer, written_by: str | None, conversation_id: str | None) -> Self:
        """Return the wire shape."""
        return cls(
            effective_query=answer.effective_query,
            confidence=answer.confidence,
            hits=[HitOut.of(hit) for hit in answer.hits],
            generation=answer.generation,
            conversation_id=conversation_id,
            written_by=written_by,
        )


class StreamErrorOut(ErrorOut):
    """The event `error`: the answer broke off. `answer` is the documents' own, null where there is none."""

    answer: AskResponse | None
