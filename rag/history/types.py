"""What is kept of a conversation. Times are ISO 8601 in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rag.types import Answer


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A conversation as it is listed; `turns` is how many questions it has."""

    id: str
    title: str
    created: str
    updated: str
    turns: int


class Thumb(StrEnum):
    """Whether an answer was found to be good."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a visitor says of an answer; `case` asks that it be made a case of the eval."""

    thumb: Thumb | None = None
    comment: str = ""
    case: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self != Feedback()


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A question and its answer, with what of it stands in the documents now.

    `documents` are the ids of those that the question was asked of, empty for all of the collection.
    `lost` counts the citations whose quote is not there any more; they are left out of the answer, and
    so is what rested on nothing else. Markers stay as they were.
    """

    id: str
    question: str
    asked: str
    collection: str
    documents: tuple[str, ...]
    answer: Answer
    feedback: Feedback = field(default_factory=Feedback)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class KeptConversation:
    """A conversation with its turns, the oldest first."""

    info: ConversationInfo
    turns: tuple[KeptTurn, ...]
