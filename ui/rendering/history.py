"""The list of conversations that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rag.history.types import ConversationInfo
from ui.rendering.parts import button, counted, data

TITLE_CHARACTERS = 120


def conversations(infos: Sequence[ConversationInfo], query: str = "", doomed: str | None = None) -> str:
    """Return the list, newest first; the one whose id is `doomed` asks whether it should go."""
    if not infos:
        told = f"No conversation has “{query}” in it." if query else "Conversations are kept here."
        return f'<p class="nothing" dir="auto">{escape(told)}</p>'
    rows = "".join(_conversation(info, asked=info.id == doomed) for info in infos)
    return f'<ul class="conversations">{rows}</ul>'


def _conversation(info: ConversationInfo, *, asked: bool) -> str:
    title = escape(info.title)
    identity = escape(info.id)
    opening = (
        f'<button type="button" class="title"{data({"action": "open", "id": info.id})} dir="auto">{title}'
        f'<span class="when">{escape(info.updated[:10])} · {counted(info.turns, "question")}</span></button>'
    )
    if asked:
        sure = button("Delete for good", kind="danger", action="confirm", id=info.id)
        keep = button("Keep", action="keep", id=info.id)
        doing = f'<div class="sure" role="group" aria-label="Delete {title}?">{sure}{keep}</div>'
    else:
        doing = (
            f'<details class="menu"><summary aria-label="More for {title}">⋯</summary><div class="choices">'
            f"<form{data({'action': 'rename', 'id': info.id})}>"
            f'<label for="title-{identity}">Title</label>'
            f'<input id="title-{identity}" name="title" value="{title}" maxlength="{TITLE_CHARACTERS}" '
            'required dir="auto"><button type="submit">Rename</button></form>'
            f'<a href="/conversations/{identity}.md" download>Export as Markdown</a>'
            f"{button('Delete', kind='danger', action='delete', id=info.id)}</div></details>"
        )
    return f"<li{data({'conversation': info.id})}>{opening}{doing}</li>"
