"""What an empty chat says: what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from ui.rendering.parts import button


def no_turns(examples: Sequence[str], *, has_documents: bool) -> str:
    """Return the invitation to ask, with questions that the documents answer, or first to add documents.

    Without examples it says that some may come.
    """
    if not has_documents:
        adding = button("Add documents", kind="primary", local="view", view="library")
        return (
            '<div class="empty"><p class="empty-title">Add your documents first</p>'
            "<p>Reports, news, PDFs, spreadsheets, mail: they stay on this machine. Then ask, and every "
            f'answer is quoted from them, word for word.</p><p class="tries">{adding}</p></div>'
        )
    tried = "".join(f"<li>{button(each, kind='example', local='example')}</li>" for each in examples)
    offered = f'<h2>For example</h2><ul class="examples">{tried}</ul>' if tried else ""
    waiting = "" if tried else " data-waiting"
    return (
        f'<div class="empty"{waiting}><p class="empty-title">Ask your documents a question</p>'
        "<p>Every answer is made of sentences quoted from them, word for word. "
        f"If they do not say, you are told so.</p>{offered}</div>"
    )
