"""Answers written by a language model from numbered sources, sentence by sentence, each with its quotes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import StrEnum

from index.vocabulary import encoding
from rag.generation import plain, prompts, telling
from rag.generation.endpoint import Endpoint
from rag.generation.prompts import Message
from rag.generation.replies import Reply, spoken
from rag.generation.writing import Assignment, Reason, WritingFailed, WrittenSentence
from rag.types import Turn

# A model's own tokenizer makes more tokens of a text than tiktoken's: by 5 to 20 % in English.
_MORE_TOKENS = 1.25
_TURNS_TOLD = 4
_LEAST_SOURCES = 1
_MAX_STANDALONE_CHARACTERS = 500


class ReplyForm(StrEnum):
    """How a model is to reply: in JSON held to a schema, in lines, or in JSON where the server can."""

    AUTO = "auto"
    JSON = "json"
    LINES = "lines"


class ChatWriter:
    """Implements `Writer` with an endpoint.

    The prompt holds as many passages, the best first, as `context` tokens have room for beside the
    reply. Sources stand between delimiters that are different for each prompt and cannot be told
    beforehand, so that no document can end its source and begin another.
    """

    def __init__(self, endpoint: Endpoint, context: int, form: ReplyForm = ReplyForm.AUTO) -> None:
        self._endpoint = endpoint
        self._room = int((context - endpoint.settings.max_tokens) / _MORE_TOKENS)
        self._form = form
        self._secret = secrets.token_bytes(16)

    async def name(self) -> str:
        """Return the model's name."""
        return await self._endpoint.model()

    async def write(self, assignment: Assignment) -> AsyncGenerator[WrittenSentence, None]:
        """Yield the sentences of an answer as they are written."""
        room, form = self._room, self._form
        while True:
            try:
                as_json = form is not ReplyForm.LINES
                async with aclosing(self._written(assignment, room, as_json=as_json)) as written:
                    async for sentence in written:
                        self._form = form
                        yield sentence
            except WritingFailed as failure:
                # Both are told before the first word.
                if failure.reason is Reason.CONTEXT_TOO_LONG and room > self._room / 2:
                    room //= 2
                elif failure.reason is Reason.REFUSED and form is ReplyForm.AUTO:
                    # A server without schemas. What it takes is asked for from then on.
                    form = ReplyForm.LINES
                else:
                    raise
            else:
                return

    async def standalone(self, question: str, turns: Sequence[Turn]) -> str:
        """Return a question that depends on the turns before it as one that does not."""
        told = turns[-_TURNS_TOLD:]
        fence = self._fence(question, *(text for turn in told for text in (turn.question, turn.answer)))
        reply = await self._endpoint.whole(prompts.standalone(question, told, fence))
        lines = [line.strip(" \"'*`") for line in (spoken(reply) or "").splitlines() if line.strip()]
        # An answer, an apology or an essay is not the question again.
        if len(lines) != 1 or not 0 < len(lines[0]) <= _MAX_STANDALONE_CHARACTERS:
            raise WritingFailed(Reason.UNUSABLE, "no question came back")
        standalone = plain.sentence(lines[0].removeprefix("Question:"))
        if not standalone or telling.made_up(
            standalone, [question, *(f"{turn.question}\n{turn.answer}" for turn in told)]
        ):
            raise WritingFailed(Reason.UNUSABLE, "an address or a code that nobody told")
        return standalone

    async def _written(
        self, assignment: Assignment, room: int, *, as_json: bool
    ) -> AsyncGenerator[WrittenSentence, None]:
        messages = self._messages(assignment, room, as_json=as_json)
        reply = Reply()
        schema = prompts.REPLY_SCHEMA if as_json else None
        async with aclosing(self._endpoint.reply(messages, schema)) as pieces:
            async for piece in pieces:
                for sentence in reply.feed(piece):
                    yield sentence
        for sentence in reply.end():
            yield sentence

    def _messages(self, assignment: Assignment, room: int, *, as_json: bool) -> list[Message]:
        """Return the prompt with as many sources as there is room for, and one in any case."""
        question, turns = assignment.question, assignment.turns[-_TURNS_TOLD:]
        if assignment.effective_query != question:
            question = f"{question} (that is: {assignment.effective_query})"
        told = [
            text
            for hit in assignment.hits
            for text in (hit.title, hit.passage.heading or "", hit.passage.text)
        ]
        fence = self._fence(
            question, *told, *(text for turn in turns for text in (turn.question, turn.answer))
        )
        left = room - _tokens(prompts.writing(question, (), turns, fence, as_json=as_json))
        sources: list[str] = []
        for number, hit in enumerate(assignment.hits, start=1):
            source = prompts.source(number, hit, fence)
            left -= len(encoding().encode_ordinary(source)) + 2
            if left < 0 and len(sources) >= _LEAST_SOURCES:
                break
            sources.append(source)
        return prompts.writing(question, sources, turns, fence, as_json=as_json)

    def _fence(self, *texts: str) -> str:
        """Return what delimits the parts of a prompt: the same for the same prompt in this process."""
        told = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).digest()
        return hmac.digest(self._secret, told, "sha256").hex()[:12]


def _tokens(messages: Sequence[Message]) -> int:
    return sum(len(encoding().encode_ordinary(message["content"])) + 4 for message in messages)
