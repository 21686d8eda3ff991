"""Text as Markdown: what comes from documents, titles and language models becomes its own letters.

No link, image, tag, code or heading comes of it. What Quotebound adds are markers `[n]` and notes `_(…)_`; no
text from elsewhere can be taken for them, because in it brackets and outer underscores are escaped.
"""

from __future__ import annotations

import regex

from rag.generation import plain
from rag.generation.phrases import UNSUPPORTED
from rag.types import AnswerSentence

FELL_BACK = "These are the documents' own sentences: {message}."

_PIECE = regex.compile(r"[^\s<>\[\]`]+|<(?=\S)|[\[\]`]")
_SPECIAL = regex.compile(r"[\\*~$]|(?<![\p{L}\p{N}])_|(?P<entity>&(?=#|[\p{L}\p{N}]+;))", regex.V1)
# What a program may take for an address by itself: a scheme, a name with dots that ends in letters, `www.`,
# a mailbox. An escape does not keep all of them from it, since some look for addresses after they have
# resolved escapes; code is left alone by every one.
_ADDRESS = regex.compile(r"(?i)\w:/?/|www\.|[-.+\w]@[-\w]|\w\.\p{L}{2}")
# What stands around an address and is no part of it.
_AROUND = ".,;:!?*_~()\"'“”„‟‘’‚«»‹›"
# At the beginning of a line: a heading, a quotation, a list.
_OPENING = regex.compile(r"(?:#{1,6}|[+-])(?=\s|$)|>|\d{1,9}\K[.)](?=\s|$)")
# At the end of a heading, which goes without it.
_CLOSING = regex.compile(r"#+$")


def literal(text: str) -> str:
    """Return Markdown that shows a text letter for letter, on one line and without what cannot be seen.

    Addresses are shown as code, so that no program makes links of them. It stands within a line: what
    begins or ends one may mean something there.
    """
    return _PIECE.sub(lambda piece: _piece(piece[0]), plain.one_line(text, len(text)))


def _piece(piece: str) -> str:
    if piece == "<":
        # Not an escape: programs look for tags such as `<think>` before they read Markdown.
        return "&lt;"
    if piece in "[]`":
        return f"\\{piece}"
    if _ADDRESS.search(piece) and (address := piece.strip(_AROUND)):
        before, _, after = piece.partition(address)
        return f"{_escaped(before)}`{address}`{_escaped(after)}"
    return _escaped(piece)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "&amp;" if found["entity"] else f"\\{found[0]}", text)


def sentence(said: AnswerSentence) -> str:
    """Return a sentence with its markers, or with the note that nothing supports it."""
    text = literal(said.text)
    text = _OPENING.sub(r"\\\g<0>", text, count=1) if _OPENING.match(text) else text
    if not said.supported:
        return f"{text} {note(UNSUPPORTED)}"
    return f"{text} {''.join(f'[{marker}]' for marker in said.markers)}"


def note(text: str) -> str:
    """Return what Quotebound says of its own accord."""
    return f"_({text})_"


def heading(level: int, text: str) -> str:
    """Return a heading that is called a text, letter for letter."""
    told = _CLOSING.sub(r"\\\g<0>", literal(text))
    return f"{'#' * level} {told}"
