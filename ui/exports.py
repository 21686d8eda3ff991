"""Conversations as files to keep."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from rag.errors import ConversationNotFound
from rag.history.export import to_markdown
from rag.history.store import History
from rag.service.access import BackendOf
from ui.gate import visitor_of

router = APIRouter(prefix="/conversations", include_in_schema=False)


@router.get("/{conversation_id}.md")
async def export(conversation_id: str, request: Request, backend: BackendOf) -> Response:
    """Return a conversation of the visitor who asks as Markdown, with its citations."""
    visitor = visitor_of(request.cookies)
    if visitor is None:
        raise ConversationNotFound("there is no such conversation")
    kept = await backend.kept(History.conversation, visitor, conversation_id)
    text = await backend.told(to_markdown, kept)
    return Response(
        text,
        media_type="text/markdown; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="conversation-{kept.info.created[:10]}.md"',
            "Cache-Control": "no-store",
        },
    )
