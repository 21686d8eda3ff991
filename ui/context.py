"""What a browser knows of the page that it has open, and sends along with whatever is done there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Self

import gradio as gr

from index.types import DEFAULT_COLLECTION
from ui.gate import visitor_of

_MOST_DOCUMENTS = 1_000
_MOST_CHARACTERS = 200
# Half of a pair: JSON may hold one, and nothing that has one can be sent back.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Context:
    """The conversation that is open and of what questions are asked; `visitor` is None without a cookie.

    `conversation` is empty before the first question. `documents` are ids, none for all of the collection.
    `query` is what conversations are searched for. All but the visitor is what anyone might have sent.
    """

    visitor: str | None
    conversation: str = ""
    collection: str = DEFAULT_COLLECTION
    documents: tuple[str, ...] = ()
    query: str = ""

    @classmethod
    def read(cls, told: str, request: gr.Request) -> Self:
        """Return what a browser tells; what cannot be read is as if it were not there."""
        try:
            values = json.loads(told or "{}")
        except (ValueError, RecursionError):
            values = {}
        if not isinstance(values, dict):
            values = {}
        documents = values.get("documents")
        listed = documents if isinstance(documents, list) else []
        known = [whole(each) for each in listed if isinstance(each, str)]
        return cls(
            visitor_of(request.cookies),
            _text(values.get("conversation")),
            _text(values.get("collection")) or DEFAULT_COLLECTION,
            tuple(known[:_MOST_DOCUMENTS]),
            _text(values.get("query")),
        )


def _text(value: Any) -> str:
    return whole(value[:_MOST_CHARACTERS]) if isinstance(value, str) else ""


def whole(text: str) -> str:
    """Return a text that a browser sent, each half of a character replaced: so it can be sent back."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)
