"""Answers as Markdown: for chat programs, which render whatever they are sent.

What comes from documents, titles and language models becomes its own letters and nothing else: no link,
image, tag, code or heading. What Quotebound adds are markers `[n]`, notes `_(…)_`, and the list of sources;
no text from elsewhere can be taken for them, because in it brackets and outer underscores are escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import regex

from rag.generation import plain
from rag.generation.phrases import UNSUPPORTED
from rag.types import Answer, AnswerSentence, Citation, Fallback

FELL_BACK = "These are the documents' own sentences: {message}."
BROKE_OFF = "The answer above broke off and does not count: {message}. The documents' own sentences follow."
CHANGED = "The documents changed while this was written. What stands of the answer follows."

_TITLE_CHARACTERS = 160

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

_MARKER = regex.compile(r"(?<!\\) ?\[\d+\]")
_NOTE = regex.compile(r"(?m)(?<!\\)_\(.*?\)_(?=\s|$)")
_ESCAPE = regex.compile(r"\\([!-/:-@\[-`{-~])")
_SOURCES = "\n\n[1] "
# A line break that Markdown keeps.
_BREAK = "  \n"


def literal(text: str) -> str:
    """Return Markdown that shows a text letter for letter, on one line and without what cannot be seen.

    Addresses are shown as code, so that no program makes links of them.
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
        return f"{text} {_note(UNSUPPORTED)}"
    return f"{text} {''.join(f'[{marker}]' for marker in said.markers)}"


def sources(citations: Sequence[Citation]) -> str:
    """Return the list of what was cited: `[1] Title, page 3: “quote”`, a line each."""
    return _BREAK.join(_source(citation) for citation in citations)


def _source(citation: Citation) -> str:
    title = literal(plain.one_line(citation.title, _TITLE_CHARACTERS))
    place = f", {literal(citation.place)}" if citation.place else ""
    return f"[{citation.marker}] {title}{place}: “{literal(citation.quote.text)}”"


def _note(text: str) -> str:
    return f"_({text})_"


def _ending(answer: Answer, *notes: str) -> str:
    """Return what follows the sentences of an answer, beginning with the blank line before it."""
    listed = [sources(answer.citations)] if answer.citations else []
    return "".join(f"\n\n{part}" for part in (*notes, *listed))


def _why(fallback: Fallback | None) -> list[str]:
    return [_note(FELL_BACK.format(message=fallback.message))] if fallback is not None else []


def whole(answer: Answer) -> str:
    """Return an answer with its notes and sources; an abstention is its phrase."""
    return f"{_body(answer)}{_ending(answer, *_why(answer.fallback))}"


def _body(answer: Answer) -> str:
    return " ".join(map(sentence, answer.sentences)) or answer.text


class Telling:
    """An answer as it is told: each method returns what the text goes on with.

    What was told cannot be taken back; so where the end is another than it promised, the text says so
    and tells what stands instead. Of an answer that went well, the parts together are `whole` of it.
    """

    def __init__(self) -> None:
        self.text = ""
        self._sentences: list[AnswerSentence] = []
        self._citations: list[Citation] = []

    def cite(self, citation: Citation) -> None:
        """Take note of a citation before the first sentence that rests on it."""
        self._citations.append(citation)

    def say(self, said: AnswerSentence) -> str:
        """Return the next sentence."""
        self._sentences.append(said)
        return self._told(f"{' ' if self.text else ''}{sentence(said)}")

    def finish(self, answer: Answer) -> str:
        """Return the end of an answer that is whole."""
        if not self._sentences:
            return self._told(whole(answer))
        if (*self._sentences,) == answer.sentences and (*self._citations,) == answer.citations:
            return self._told(_ending(answer, *_why(answer.fallback)))
        return self._told(f"\n\n{_note(CHANGED)}\n\n{whole(answer)}")

    def break_off(self, answer: Answer, fallback: Fallback) -> str:
        """Return the end of an answer that broke off: what takes its place."""
        note = _note(BROKE_OFF.format(message=fallback.message))
        return self._told(f"\n\n{note}\n\n{_body(answer)}{_ending(answer)}")

    def _told(self, part: str) -> str:
        self.text += part
        return part


def told_before(content: str) -> str:
    """Return what an answer in this form said, for who goes on with the conversation: only its sentences."""
    said = content.split(_SOURCES, maxsplit=1)[0]
    for ours in (_NOTE, _MARKER):
        said = ours.sub("", said)
    return html.unescape(_ESCAPE.sub(r"\1", said)).strip()
