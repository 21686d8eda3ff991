"""The conversation: questions are answered as they come, kept, and commented on."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from index.errors import NotFound, QuoteboundError
from rag.history.store import History
from rag.history.types import Feedback, KeptTurn, Thumb
from rag.service.backend import Backend
from rag.types import Answer, AnswerSentence, Asking, Broken, Citation, Cited, Finished, Said, Turn
from ui.context import Context, whole
from ui.regions import chosen
from ui.rendering import turns
from ui.rendering.empty import no_turns
from ui.rendering.parts import counted, notice
from ui.rendering.turns import Asked, Told
from ui.surroundings import surroundings


class Chat:
    """Answers the questions of a conversation, shows it, and takes what is said of its answers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._shown = itertools.count()

    async def ask(self, question: str, told: str, request: gr.Request) -> AsyncIterator[tuple[Any, Any]]:
        """Show the question at once, and its answer as it comes; empty the field it was typed in."""
        if not question.strip():
            yield gr.skip(), gr.skip()
            return
        context = Context.read(told, request)
        asked = Asked(uuid.uuid4().hex, whole(question), context.collection)
        yield turns.part(turns.pending(asked)), ""
        try:
            asked = replace(asked, scope=await self._scope(context.documents, context.collection))
            async for patch in self._answering(asked, context):
                yield patch, gr.skip()
        except QuoteboundError as error:
            yield turns.part(turns.failed(asked, str(error))), gr.skip()

    async def _answering(self, asked: Asked, context: Context) -> AsyncIterator[str]:
        asking = Asking(
            asked.question,
            context.collection,
            turns=await self._before(context),
            documents=context.documents,
        )
        sentences: list[AnswerSentence] = []
        citations: list[Citation] = []
        async with aclosing(self._backend.answering(asking)) as events:
            async for event in events:
                match event:
                    case Cited(citation):
                        citations.append(citation)
                    case Said(sentence):
                        sentences.append(sentence)
                        yield turns.part(turns.growing(asked, sentences, citations))
                    case Finished(answer) | Broken(answer, _):
                        around = await surroundings(self._backend, answer.citations, asked.collection)
                        told = Told(answer, around, kept=context.visitor is not None)
                        conversation = None
                        try:
                            conversation = await self._kept(asked, context, asking, answer)
                        except QuoteboundError as error:
                            # It is shown all the same.
                            told = replace(told, kept=False, note=f"This answer is not kept: {error}")
                        yield turns.part(turns.answered(asked, told), conversation)

    async def _kept(self, asked: Asked, context: Context, asking: Asking, answer: Answer) -> str | None:
        """Keep a turn and return the id of its conversation; None where there is nobody to keep it for."""
        if context.visitor is None:
            return None
        keep, conversation = History.keep, context.conversation or None
        info = await self._backend.kept(keep, context.visitor, conversation, asked.id, asking, answer)
        return info.id

    async def _before(self, context: Context) -> tuple[Turn, ...]:
        if context.visitor is None or not context.conversation:
            return ()
        try:
            return await self._backend.kept(History.turns, context.visitor, context.conversation)
        except NotFound:
            # Deleted in another window: the question begins a conversation.
            return ()

    async def _scope(self, documents: tuple[str, ...], collection: str) -> str:
        """Return in words what was asked of, empty for all documents; raise `DocumentNotFound`."""
        if not documents:
            return ""
        title = (await self._backend.document(documents[0], collection)).title
        others = len(documents) - 1
        return f"{title} and {counted(others, 'other')}" if others else title

    async def shown(self, context: Context) -> str:
        """Return the patch that shows the conversation that is open, or what there is to ask."""
        if context.visitor is not None and context.conversation:
            try:
                kept = await self._backend.kept(History.conversation, context.visitor, context.conversation)
                shown = [await self._turn(turn) for turn in kept.turns]
                return turns.whole(shown, kept.info.id, number=next(self._shown))
            except NotFound:
                pass
            except QuoteboundError as error:
                return turns.whole((), "", notice(str(error), error=True), next(self._shown))
        return turns.whole((), "", await self._empty(context.collection), next(self._shown))

    async def invited(self, context: Context) -> str:
        """Return the patch of what there is to ask, for a chat in which nothing was asked yet."""
        return turns.part(await self._empty(context.collection), number=next(self._shown))

    async def _empty(self, collection: str) -> str:
        try:
            documents = await self._backend.documents(collection)
            examples = await self._backend.examples(collection) if documents else []
        except QuoteboundError as error:
            return f'<div class="empty">{notice(str(error), error=True)}</div>'
        return no_turns(examples, has_documents=bool(documents))

    async def _turn(self, turn: KeptTurn) -> str:
        try:
            scope = await self._scope(turn.documents, turn.collection)
            around = await surroundings(self._backend, turn.answer.citations, turn.collection)
        except NotFound:
            scope, around = "documents that are gone", {}
        asked = Asked(turn.id, turn.question, turn.collection, scope)
        return turns.answered(asked, Told(turn.answer, around, turn.feedback, lost=turn.lost))

    async def judge(self, event: gr.EventData, request: gr.Request) -> str:
        """Keep what a visitor says of an answer, and return the patch of its turn."""
        data, context = chosen(event, request)
        if context.visitor is None or "turn" not in data:
            return ""
        try:
            turn = await self._backend.kept(History.turn, context.visitor, data["turn"])
        except NotFound:
            # Its conversation was deleted in another window.
            return ""
        feedback = turn.feedback
        if data.get("action") == "thumb":
            given = data.get("thumb")
            feedback = replace(feedback, thumb=Thumb(given) if given in set(Thumb) else None)
        else:
            feedback = Feedback(feedback.thumb, data.get("comment", "").strip(), "case" in data)
        await self._backend.kept(History.feedback, context.visitor, turn.id, feedback)
        return turns.part(await self._turn(replace(turn, feedback=feedback)))
