"""What is said of an answer's collection where pages of it could not be read."""

from __future__ import annotations

from index.coverage import Unread


def unread_line(unread: Unread) -> str:
    """Return the sentence that says how much is missing from what an answer was looked for in."""
    pages = "1 page" if unread.pages == 1 else f"{unread.pages:,} pages"
    documents = "1 document" if unread.documents == 1 else f"{unread.documents:,} documents"
    are = "it is" if unread.pages == 1 else "they are"
    return f"{pages} of {documents} could not be read, so {are} not part of this answer."
