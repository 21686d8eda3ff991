"""The seam for answers that a language model writes: sentences, each with the words it claims to quote."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from index.types import Hit
from rag.types import Fallback, Turn


@dataclass(frozen=True, slots=True)
class ClaimedQuote:
    """Words that are said to stand in a source; nothing has checked that.

    `source` is the number that the source had in the prompt, from 1; None where none was given.
    """

    source: int | None
    words: str


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence as it was written, with the quotes that it claims to rest on."""

    text: str
    quotes: tuple[ClaimedQuote, ...]


class Reason(StrEnum):
    """Why a language model did not write an answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    CONTEXT_TOO_LONG = "context_too_long"
    UNUSABLE = "unusable"
    CUT_OFF = "cut_off"
    BUSY = "busy"
    RESTING = "resting"


# What people are told. Not what the server said: that may hold a key, or a name inside a network.
_TOLD = {
    Reason.UNREACHABLE: "the language model cannot be reached",
    Reason.TIMEOUT: "the language model took too long",
    Reason.UNAUTHORIZED: "the language model's server refused the key; set QUOTEBOUND_LLM_KEY",
    Reason.RATE_LIMITED: "the language model's server takes no more requests at the moment",
    Reason.SERVER_ERROR: "the language model's server failed",
    Reason.REFUSED: "the language model's server refused the request; see QUOTEBOUND_LLM_MODEL",
    Reason.CONTEXT_TOO_LONG: "the sources are too long for the language model; lower QUOTEBOUND_LLM_CONTEXT",
    Reason.UNUSABLE: "what the language model wrote could not be used: it quoted nothing",
    Reason.CUT_OFF: "the language model stopped before its answer was whole",
    Reason.BUSY: "the language model is busy with other questions",
    Reason.RESTING: "the language model failed several times and is left alone for a moment",
}


class WritingFailed(Exception):
    """A language model did not write an answer, or not all of it: `reason` says why.

    It never leaves `rag.responding`: the documents' own answer takes its place.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{_TOLD[reason]}{f' ({detail})' if detail else ''}")
        self.reason = reason

    @property
    def fallback(self) -> Fallback:
        """What is told of it with the answer that takes its place."""
        return Fallback(self.reason.value, _TOLD[self.reason])


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be written: the answer to a question, from some passages, in a conversation.

    `effective_query` is the question by itself, without what came before.
    """

    question: str
    effective_query: str
    hits: Sequence[Hit]
    turns: Sequence[Turn] = ()


class Writer(Protocol):
    """Writes answers with a language model.

    What it yields is checked afterwards: a claimed quote that does not stand in the documents is
    dropped, and so is a sentence left without one. The text of questions, documents and names is data,
    never instructions. Closing the iterator gives the work up at once. Several may be written at once,
    each in the event loop that asks for it.
    """

    async def name(self) -> str:
        """Return the model's name; raise `WritingFailed` where it has to be asked for and is not told."""
        ...

    def write(self, assignment: Assignment) -> AsyncGenerator[WrittenSentence, None]:
        """Yield the sentences of an answer as they are written; none where the model finds no answer.

        Raise `WritingFailed` where there is no answer, or the rest of it is missing.
        """
        ...

    async def standalone(self, question: str, turns: Sequence[Turn]) -> str:
        """Return a question that depends on the turns before it as one that does not.

        Raise `WritingFailed`.
        """
        ...
