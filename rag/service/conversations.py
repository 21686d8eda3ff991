"""The conversations that the service keeps for clients that tell only an id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from rag.types import Answer, AnswerEvent, Asking, Broken, Finished, Turn

MAX_CONVERSATIONS = 1000
MAX_TURNS = 20


@dataclass(frozen=True, slots=True)
class _Kept:
    turns: tuple[Turn, ...]
    generation: int


class Conversations:
    """Keeps the turns of the conversations used last, in memory: what a restart forgets begins anew.

    A conversation is within its collection. What was answered before the collection changed is left
    out of what is told later: it may quote what was deleted. All calls are made in one event loop.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def answering(
        self,
        asking: Asking,
        conversation_id: str,
        generation: int,
        answering: Callable[[Asking], AsyncGenerator[AnswerEvent, None]],
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield the events of an answer after the turns that were kept under an id, and keep it there.

        `generation` is what the collection is at, `answering` yields the events.
        """
        turns = self.turns(conversation_id, asking.collection, generation)
        async with aclosing(answering(replace(asking, turns=turns))) as events:
            async for event in events:
                if isinstance(event, Finished | Broken):
                    self.add(conversation_id, asking.collection, turns, event.answer)
                yield event

    def turns(self, conversation_id: str, collection: str, generation: int) -> tuple[Turn, ...]:
        """Return the turns of a conversation, the oldest first; none of one that is not known."""
        kept = self._kept.get((collection, conversation_id))
        if kept is None:
            return ()
        self._kept.move_to_end((collection, conversation_id))
        if kept.generation != generation:
            return tuple(replace(turn, answer="") for turn in kept.turns)
        return kept.turns

    def add(self, conversation_id: str, collection: str, turns: tuple[Turn, ...], answer: Answer) -> None:
        """Take note of an answer after the turns that it was given for."""
        turn = Turn(answer.question, answer.effective_query, answer.text if answer.citations else "")
        known = (*turns, turn)[-MAX_TURNS:]
        self._kept[collection, conversation_id] = _Kept(known, answer.generation)
        self._kept.move_to_end((collection, conversation_id))
        while len(self._kept) > MAX_CONVERSATIONS:
            self._kept.popitem(last=False)
