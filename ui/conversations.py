"""The conversations of a visitor: listed, searched, opened, renamed, deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from index.errors import QuoteboundError
from rag.history.store import History
from rag.service.backend import Backend
from ui.chat import Chat
from ui.context import Context
from ui.regions import chosen
from ui.rendering.history import conversations
from ui.rendering.parts import notice


class Conversations:
    """Shows the list beside a chat, and does what is chosen in it."""

    def __init__(self, backend: Backend, chat: Chat) -> None:
        self._backend = backend
        self._chat = chat

    async def begin(self, told: str, request: gr.Request) -> tuple[str, str]:
        """Return the conversation that is open and the list, for a page that was just loaded."""
        context = Context.read(told, request)
        return await self._chat.shown(context), await self._listed(context)

    async def listed(self, told: str, request: gr.Request) -> str:
        """Return the list."""
        return await self._listed(Context.read(told, request))

    async def choose(self, event: gr.EventData, request: gr.Request) -> tuple[Any, str]:
        """Do what was chosen, and return the conversation where another one is shown, and the list."""
        data, context = chosen(event, request)
        action, conversation = data.get("action"), data.get("id", "")
        shown: Any = gr.skip()
        doomed, said = None, ""
        try:
            if action == "open":
                shown = await self._chat.shown(replace(context, conversation=conversation))
            elif action == "invite":
                shown = await self._chat.invited(context)
            elif action == "delete":
                doomed = conversation
            elif action == "confirm" and context.visitor is not None:
                await self._backend.kept(History.delete, context.visitor, conversation)
                said = notice("The conversation is deleted.", error=False)
                if conversation == context.conversation:
                    shown = await self._chat.shown(replace(context, conversation=""))
            elif action == "rename" and context.visitor is not None:
                title = data.get("title", "")
                await self._backend.kept(History.rename, context.visitor, conversation, title)
        except QuoteboundError as error:
            said = notice(str(error), error=True)
        return shown, said + await self._listed(context, doomed)

    async def _listed(self, context: Context, doomed: str | None = None) -> str:
        if context.visitor is None:
            return notice("Without cookies conversations are not kept.", error=False)
        try:
            infos = await self._backend.kept(History.conversations, context.visitor, context.query)
        except QuoteboundError as error:
            return notice(str(error), error=True)
        return conversations(infos, context.query, doomed)
