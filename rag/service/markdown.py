"""Answers as Markdown (`rag.markdown`): for chat programs, which render whatever they are sent.

What comes from documents, titles and language models becomes its own letters and nothing else.
What Quotebound adds are markers `[n]`, notes `_(…)_`, and the list of sources.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import regex

from rag.generation import plain
from rag.markdown import FELL_BACK, literal, note, sentence
from rag.types import Answer, AnswerSentence, Citation, Fallback

BROKE_OFF = "The answer above broke off and does not count: {message}. The documents' own sentences follow."
CHANGED = "The documents changed while this was written. What stands of the answer follows."

_TITLE_CHARACTERS = 160

_MARKER = regex.compile(r"(?<!\\) ?\[\d+\]")
_NOTE = regex.compile(r"(?m)(?<!\\)_\(.*?\)_(?=\s|$)")
_ESCAPE = regex.compile(r"\\([!-/:-@\[-`{-~])")
_SOURCES = "\n\n[1] "
# A line break that Markdown keeps.
_BREAK = "  \n"


def sources(citations: Sequence[Citation]) -> str:
    """Return the list of what was cited: `[1] Title, page 3: “quote”`, a line each."""
    return _BREAK.join(_source(citation) for citation in citations)


def _source(citation: Citation) -> str:
    title = literal(plain.one_line(citation.title, _TITLE_CHARACTERS))
    place = f", {literal(citation.place)}" if citation.place else ""
    return f"[{citation.marker}] {title}{place}: “{literal(citation.quote.text)}”"


def _ending(answer: Answer, *notes: str) -> str:
    """Return what follows the sentences of an answer, beginning with the blank line before it."""
    listed = [sources(answer.citations)] if answer.citations else []
    return "".join(f"\n\n{part}" for part in (*notes, *listed))


def _why(fallback: Fallback | None) -> list[str]:
    return [note(FELL_BACK.format(message=fallback.message))] if fallback is not None else []


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
        return self._told(f"\n\n{note(CHANGED)}\n\n{whole(answer)}")

    def break_off(self, answer: Answer, fallback: Fallback) -> str:
        """Return the end of an answer that broke off: what takes its place."""
        why = note(BROKE_OFF.format(message=fallback.message))
        return self._told(f"\n\n{why}\n\n{_body(answer)}{_ending(answer)}")

    def _told(self, part: str) -> str:
        self.text += part
        return part


def told_before(content: str) -> str:
    """Return what an answer in this form said, for who goes on with the conversation: only its sentences."""
    said = content.split(_SOURCES, maxsplit=1)[0]
    for ours in (_NOTE, _MARKER):
        said = ours.sub("", said)
    return html.unescape(_ESCAPE.sub(r"\1", said)).strip()
