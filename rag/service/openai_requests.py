"""What OpenAI's clients send: a conversation, of which the last user message is the question.

Fields that are not listed are ignored: clients send many (`temperature`, `max_tokens`, `tools`, `user`, …)
that mean nothing where documents answer. What would be misunderstood is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from rag.answering import MAX_QUESTION_CHARACTERS
from rag.service.asking_wire import MAX_MESSAGES, MessageIn, turns_of
from rag.service.markdown import told_before
from rag.service.openai_wire import MODEL, collection_of
from rag.types import Asking


class Given(BaseModel):
    """What a client sends, of which only the fields listed are looked at."""

    model_config = ConfigDict(extra="ignore")


class PartIn(Given):
    """A part of a message; only text can be read."""

    type: str = "text"
    text: str | None = None


class ChatMessageIn(Given):
    """A message of a conversation. `system` and `developer` messages are not read: documents answer."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartIn] | None = None

    @property
    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text" and part.text)
        return self.content or ""

    @property
    def other_parts(self) -> list[str]:
        """The kinds of its parts that are no text."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.type for part in parts if part.type != "text"]


class StreamOptionsIn(Given):
    """Whether a stream ends with the number of its tokens."""

    include_usage: Annotated[bool, Field(strict=True)] | None = None


class ResponseFormatIn(Given):
    """What the answer should look like: it is always text."""

    type: str = "text"


class ChatRequest(Given):
    """A conversation whose last user message is the question; what stands after that is not read."""

    model: str = Field(examples=[MODEL])
    messages: list[ChatMessageIn] = Field(
        examples=[[{"role": "user", "content": "what is the Durand Line?"}]]
    )
    stream: Annotated[bool, Field(strict=True)] | None = None
    stream_options: StreamOptionsIn | None = None
    n: Annotated[int, Field(strict=True)] | None = None
    response_format: ResponseFormatIn | None = None
    tool_choice: JsonValue = None

    @field_validator("messages")
    @classmethod
    def _with_a_question(cls, messages: list[ChatMessageIn]) -> list[ChatMessageIn]:
        place = _place_of_question(messages)
        if place is None:
            raise ValueError("there is no user message: the last one is the question")
        question = messages[place]
        if question.other_parts:
            raise ValueError(
                f"the question has a part of the type {question.other_parts[0]!r}: only text can be read"
            )
        if not question.text.strip():
            raise ValueError("the last user message is empty; ask something")
        if len(question.text) > MAX_QUESTION_CHARACTERS:
            raise ValueError(
                f"the last user message has {len(question.text)} characters, more than the "
                f"{MAX_QUESTION_CHARACTERS} of a question; shorten it, or add the text as a document"
            )
        return messages

    @field_validator("n")
    @classmethod
    def _one_answer(cls, n: int | None) -> int | None:
        if n not in (None, 1):
            raise ValueError(f"n is {n}, and there is one answer to a question; leave it out")
        return n

    @field_validator("response_format")
    @classmethod
    def _text(cls, form: ResponseFormatIn | None) -> ResponseFormatIn | None:
        if form is not None and form.type != "text":
            raise ValueError(f"answers are text and never {form.type}; `POST /ask` gives them as JSON")
        return form

    @field_validator("tool_choice")
    @classmethod
    def _no_tool(cls, choice: JsonValue) -> JsonValue:
        if choice not in (None, "none", "auto"):
            raise ValueError("no tool can be called; leave it out, or give `none` or `auto`")
        return choice

    @property
    def question(self) -> str:
        """The text of the last user message."""
        place = _place_of_question(self.messages)
        return self.messages[place].text if place is not None else ""

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the number of its tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def asking(self) -> Asking:
        """Return what is asked, after the last turns before it; raise `CollectionNotFound`."""
        before = self.messages[: _place_of_question(self.messages)]
        history = [message for message in map(_message, before) if message is not None][-MAX_MESSAGES:]
        return Asking(self.question, collection_of(self.model), turns=turns_of(history))


def _place_of_question(messages: Sequence[ChatMessageIn]) -> int | None:
    places = [place for place, message in enumerate(messages) if message.role == "user"]
    return places[-1] if places else None


def _message(given: ChatMessageIn) -> MessageIn | None:
    """Return a message of user or assistant, cut to the length of a question."""
    if given.role == "user":
        return MessageIn(role="user", content=given.text[:MAX_QUESTION_CHARACTERS])
    if given.role == "assistant":
        return MessageIn(role="assistant", content=told_before(given.text)[:MAX_QUESTION_CHARACTERS])
    return None
