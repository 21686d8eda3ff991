"""Stretches of text that are marked: the quote that was opened, and others of the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from index.types import Span
from ui.rendering.parts import attributes


@dataclass(frozen=True, slots=True)
class Mark:
    """A quote in a document. `here` is the one that was opened; `marker` is its number in the answer."""

    span: Span
    marker: str = ""
    here: bool = False


def overlapping(marks: Sequence[Mark], start: int, end: int) -> Mark | None:
    """Return the mark that a stretch has a part of, the quote that was opened before all others."""
    found = [mark for mark in marks if mark.span.start < end and start < mark.span.end]
    return next((mark for mark in found if mark.here), found[0] if found else None)


def marked(text: str, start: int, marks: Sequence[Mark]) -> str:
    """Return the text that stands from `start` on in its document, with what is marked in it."""
    end = start + len(text)
    cuts = {start, end}
    for mark in marks:
        cuts |= {edge for edge in (mark.span.start, mark.span.end) if start < edge < end}
    pieces: list[tuple[Mark | None, int, int]] = []
    for first, last in pairwise(sorted(cuts)):
        found = overlapping(marks, first, last)
        if pieces and pieces[-1][0] == found:
            pieces[-1] = (found, pieces[-1][1], last)
        else:
            pieces.append((found, first, last))
    return "".join(_piece(text[first - start : last - start], first, mark) for mark, first, last in pieces)


def _piece(text: str, start: int, mark: Mark | None) -> str:
    if mark is None:
        return escape(text)
    if mark.here:
        told = attributes({"class": "here", "id": f"here-{start}"})
    else:
        told = attributes({"class": "other", "data-marker": mark.marker or None})
    return f"<mark{told}>{escape(text)}</mark>"
