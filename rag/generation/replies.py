"""What a language model replies, read as it streams: sentences with the quotes they claim.

Two forms are understood, whichever was asked for. JSON, for servers that hold a model to a schema:
`{"sentences": [{"quotes": [{"source": 1, "words": "…"}], "text": "…"}]}`. And lines, which small models
manage: `Q1: the exact words` for each quote, then `S: the sentence`. The quotes may also come after
their sentence, and a line without a label may carry them inside: `The sentence. [1] "the exact words"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import regex

from rag.generation.lines import Lines, is_labelled
from rag.generation.phrases import ABSTENTION
from rag.generation.prompts import NO_ANSWER
from rag.generation.writing import ClaimedQuote, Reason, WritingFailed, WrittenSentence

# More than any answer: a model that does not end is broken off.
MAX_REPLY_CHARACTERS = 40_000

_THOUGHT = regex.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", regex.DOTALL)
_THINKING = regex.compile(r"\s*<think(?:ing)?>")
_THOUGHT_OUT = regex.compile(r"</think(?:ing)?>")
_FENCED = regex.compile(r"```\w*[ \t]*(?:\r?\n|(?=[{\[]))")
_FENCE_BEGUN = regex.compile(r"`{1,3}|```\w*[ \t]*\r?")
_OBJECT = regex.compile(r"\s*(?:\{|\[\s*\{)")
_LIST = regex.compile(r'"sentences"\s*:\s*\[')


_NOTHING_SAID = regex.compile(
    r"\b(?:sources?|documents?|passages?|texts?|context|information|question)\b[^.]*"
    r"\b(?:do(?:es)? not|don[’']t|doesn[’']t|cannot|can[’']t|is not|are not|isn[’']t|aren[’']t|no)\b[^.]*"
    r"\b(?:say|answer(?:ed)?|contain|mention|provide|specify|state|include|available|given|found)\b"
    r"|\bno (?:answer|information|mention)\b|\bI (?:do not|don[’']t) know\b|\bI (?:cannot|can[’']t) answer\b",
    regex.IGNORECASE,
)


class _Form(StrEnum):
    JSON = "json"
    LINES = "lines"


class Reply:
    """A reply that is being read. `feed` and `end` yield what is complete by then.

    Raise `WritingFailed` where the reply is no answer at all (`UNUSABLE`), or ends within JSON or within
    a thought (`CUT_OFF`).
    """

    def __init__(self) -> None:
        # How many quotes were claimed, and whether the model said that there is no answer.
        self.quotes = 0
        self.declined = False
        self._text = ""
        self._done = 0
        self._form: _Form | None = None
        self._lines = Lines()
        self._thinking = False
        self._listed = False
        self._objects_read = 0
        self._tried = 0

    def feed(self, piece: str) -> Iterator[WrittenSentence]:
        """Yield the sentences that are complete with the next piece of the reply."""
        self._text += piece
        if len(self._text) > MAX_REPLY_CHARACTERS:
            raise WritingFailed(Reason.UNUSABLE, "the reply does not end")
        yield from self._counted(self._read(ended=False))

    def end(self) -> Iterator[WrittenSentence]:
        """Yield what is complete with the end of the reply."""
        yield from self._counted(self._read(ended=True))
        if self._thinking:
            raise WritingFailed(Reason.CUT_OFF, "a thought that does not end")
        if self._form is _Form.JSON:
            if not self._listed:
                raise WritingFailed(Reason.UNUSABLE, "JSON without sentences")
            if not self._text[self._done :].lstrip(" \t\r\n,").startswith("]"):
                raise WritingFailed(Reason.CUT_OFF, "JSON that does not end")
            self.declined |= not self._objects_read
        if not self.quotes and not self.declined:
            raise WritingFailed(Reason.UNUSABLE, "nothing in it was quoted")

    def _counted(self, found: Iterator[WrittenSentence]) -> Iterator[WrittenSentence]:
        for written in found:
            if _declines(written):
                self.declined = True
                continue
            self.quotes += len(written.quotes)
            yield written

    def _read(self, *, ended: bool) -> Iterator[WrittenSentence]:
        form = None
        while form is None or (form is _Form.LINES and self._form is None):
            form = self._form = self._form or self._begun(ended=ended)
            if form is None:
                return
            if form is _Form.LINES:
                yield from self._complete_lines(ended=ended)
        if self._form is _Form.JSON:
            yield from self._objects()

    def _begun(self, *, ended: bool) -> _Form | None:
        """Return the form that a reply has behind thoughts and a fence; None while that cannot be told."""
        while True:
            while self._text[self._done : self._done + 1].isspace():
                self._done += 1
            text, start = self._text, self._done
            waiting = None if not ended else _Form.LINES
            if start == len(text):
                return None
            if _THINKING.match(text, start):
                out = _THOUGHT_OUT.search(text, start)
                self._thinking = out is None
                if out is None:
                    return None
                self._done = out.end()
            elif "<thinking>".startswith(text[start : start + 10]):
                return waiting
            elif match := _FENCED.match(text, start):
                self._done = match.end()
            elif _FENCE_BEGUN.fullmatch(text, start) or not text[start:].strip("[ \t\r\n"):
                return waiting
            else:
                bare = text[start] == "[" and text[start + 1 :].lstrip().startswith("]")
                return _Form.JSON if bare or _OBJECT.match(text, start) else _Form.LINES

    def _complete_lines(self, *, ended: bool) -> Iterator[WrittenSentence]:
        while self._form is _Form.LINES:
            end = self._text.find("\n", self._done)
            if end < 0 and not (ended and self._done < len(self._text)):
                break
            start, self._done = self._done, end + 1 if end >= 0 else len(self._text)
            line = self._text[start : self._done].removesuffix("\n")
            out = _THOUGHT_OUT.search(line)
            if self._thinking:
                self._thinking = out is None
                yield from self._lines.line(line[out.end() :] if out else "")
            elif _THINKING.match(line):
                self._thinking = out is None
                yield from self._lines.line(_THOUGHT.sub("", line))
            elif out and self._was_thought(line[: out.start()]):
                # Some servers leave out where the thought begins: all so far was one.
                self._lines, self._form, self._done = Lines(), None, start + out.end()
            elif _OBJECT.match(line) and not self._lines.begun:
                # What was said before it is no part of the answer.
                self._lines, self._form, self._done = Lines(), _Form.JSON, start
            else:
                yield from self._lines.line(line)
        if ended and self._form is _Form.LINES:
            yield from self._lines.end()

    def _was_thought(self, line: str) -> bool:
        return not line.strip() or not (self._lines.begun or is_labelled(line))

    def _objects(self) -> Iterator[WrittenSentence]:
        """Yield the sentences whose objects have been closed since the last call."""
        text = self._text
        if not self._listed:
            named = _LIST.search(text, self._done) if text[self._done :].lstrip()[:1] == "{" else None
            if named is None and text[self._done :].lstrip()[:1] != "[":
                return
            self._done = named.end() if named else text.index("[", self._done) + 1
            self._listed = True
        # An object ends with a brace: without a new one there is nothing to try.
        if text.find("}", self._tried) < 0:
            return
        self._tried = len(text)
        decoder = json.JSONDecoder(strict=False)
        while True:
            place = self._done
            while place < len(text) and text[place] in " \t\r\n,":
                place += 1
            if place >= len(text) or text[place] != "{":
                return
            try:
                value, self._done = decoder.raw_decode(text, place)
            except (ValueError, RecursionError):
                return
            self._objects_read += 1
            if (written := _written(value)) is not None:
                yield written


def _declines(written: WrittenSentence) -> bool:
    """Tell whether a sentence says that there is no answer: as was asked for, or in other words."""
    said = written.text.strip(" \"'*_`").rstrip(".").casefold()
    if said in (NO_ANSWER.casefold(), ABSTENTION.rstrip(".").casefold()):
        return True
    return not written.quotes and _NOTHING_SAID.search(written.text) is not None


def spoken(text: str) -> str:
    """Return a whole reply without what the model thought."""
    return _THOUGHT.sub("", _THOUGHT_OUT.split(text)[-1])


def _written(value: Any) -> WrittenSentence | None:
    """Return an object of the reply as a sentence, None where it is none."""
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return None
    quotes = value.get("quotes")
    claimed = []
    for quote in quotes if isinstance(quotes, list) else ():
        if isinstance(quote, dict) and isinstance(quote.get("words"), str):
            source = quote.get("source")
            numbered = isinstance(source, int) and not isinstance(source, bool)
            claimed.append(ClaimedQuote(source if numbered else None, quote["words"]))
    return WrittenSentence(value["text"], tuple(claimed)) if value["text"].strip() else None
