"""Binds what a language model wrote to the passages: each claimed quote stands there, or it is dropped.

White space, typographic quotation marks and what cannot be seen are put aside to find a place; what is
cited is what stands there. Nothing else is forgiven: not a letter, not a number, not a word left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from index.numbers import numbers
from index.terms import STOP_WORDS, UNSPACED, words
from index.types import Hit, Span
from rag.generation import plain, telling
from rag.generation.generator import Claim
from rag.generation.writing import ClaimedQuote, WrittenSentence
from rag.types import Verdict

MAX_QUOTE_CHARACTERS = 2000
MAX_SENTENCE_CHARACTERS = 2000
MAX_QUOTES = 20

# Parts of a stitched quote have at least so many words, or fewer around marks of omission.
_PART_WORDS = 3
# A quote is altered, and not absent, from this share of its words on that one passage has.
_ALIKE = 0.6

_MARKS = {ord(mark): "'" for mark in "‘’‚‛`´"} | {ord(mark): '"' for mark in "“”„‟«»"}
_OMISSION = regex.compile(r"\s*(?:\[\s*)?(?:\.{3}|…)(?:\s*\])?\s*")
# A number before a sentence is that of a list, unless the documents have it there.
_LISTED = regex.compile(r"(\d{1,2}\.)\s+(\S+)")
_WORD = regex.compile(r"[\p{L}\p{N}]")
_OMITTED_BEFORE = regex.compile(r"^(?:\.{3}|…)+\s*")
_AROUND = " \t\n\"'*_"
_ENDING = ".,;:!?…"
# Where a word or a number goes on; scripts that put no space between words may be cut anywhere.
_GOES_ON = regex.compile(
    rf"(?:(?<=[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]])(?=[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]])"
    r"|(?<=\p{N})(?=[.,]\p{N})|(?<=\p{N}[.,])(?=\p{N})"
    r"|(?<=(?<![\p{L}\p{N}\p{Pe}])[-−–])(?=\p{N})"
    r"|(?<=\p{L})(?=['‐‑-]\p{L})|(?<=\p{L}['‐‑-])(?=\p{L}))",
    regex.V1,
)


@dataclass(frozen=True, slots=True)
class BoundSentence:
    """A written sentence with the claims that stood, by place among the hits; `text` may be shown.

    Without claims nothing stands under it, and `verdict` says why.
    """

    text: str
    verdict: Verdict
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the words of a claim stand: place of the hit, and the span in the document."""

    hit: int
    span: Span


class Binder:
    """Binds the sentences of one answer to the passages that the model was given, in their order.

    `question` is what was asked, as people asked it: its numbers and addresses may be repeated.
    """

    def __init__(self, hits: Sequence[Hit], question: str) -> None:
        self._hits = hits
        self._texts = [_Searched(hit) for hit in hits]
        # What may be repeated: of the question, and of each hit.
        self._told = [question, *map(_told, hits)]
        # A sentence may give in digits what a document writes out.
        self._numbers = [telling.numbers(told) | numbers(told) for told in self._told]

    def bind(self, written: WrittenSentence) -> BoundSentence:
        """Return a sentence with what stands under it, without its text where that may not be shown."""
        text = ""
        if len(written.text) <= 2 * MAX_SENTENCE_CHARACTERS:
            text = self._without_list_number(plain.sentence(written.text))
        if len(text) > MAX_SENTENCE_CHARACTERS or not _WORD.search(text):
            return BoundSentence("", Verdict.ABSENT, ())
        if telling.made_up(text, self._told):
            return BoundSentence("", Verdict.ALTERED, ())
        verdicts, places = [], []
        for quote in written.quotes[:MAX_QUOTES]:
            verdict, found = self._judged(quote)
            verdicts.append(verdict)
            places += [found] if found is not None else []
        verdict = min(verdicts, key=list(Verdict).index, default=Verdict.ABSENT)
        if places and not self._tells_only_what_is_there(text, places):
            return BoundSentence(text, Verdict.ALTERED, ())
        claims = tuple(dict.fromkeys(self._claim(found) for found in places))
        return BoundSentence(text, verdict, claims)

    def verdict(self, quote: ClaimedQuote) -> Verdict:
        """Return what becomes of one claimed quote."""
        return self._judged(quote)[0]

    def _judged(self, quote: ClaimedQuote) -> tuple[Verdict, _Found | None]:
        if len(quote.words) > 2 * MAX_QUOTE_CHARACTERS:
            return Verdict.ABSENT, None
        sought = _sought(quote.words)
        if not _says_something(sought) or len(sought) > MAX_QUOTE_CHARACTERS:
            return Verdict.ABSENT, None
        cited = quote.source - 1 if quote.source is not None else -1
        if 0 <= cited < len(self._texts) and (span := self._texts[cited].find(sought)) is not None:
            return Verdict.EXACT, _Found(cited, span)
        for place, text in enumerate(self._texts):
            if (span := text.find(sought)) is not None:
                return Verdict.RELOCATED, _Found(place, span)
        if self._is_stitched(sought):
            return Verdict.STITCHED, None
        claimed = set(words(sought))
        alike = max((len(claimed & text.words) / len(claimed) for text in self._texts), default=0.0)
        return (Verdict.ALTERED if alike >= _ALIKE else Verdict.ABSENT), None

    def _is_stitched(self, sought: str) -> bool:
        """Tell whether a claim is parts that stand in the passages, though not one after the other."""
        parts = [part for part in _OMISSION.split(sought) if part.strip(_AROUND + _ENDING)]
        if len(parts) > 1:
            return all(self._stands(part.strip(_AROUND + _ENDING)) for part in parts)
        found = sought.split(" ")
        start = 0
        while start < len(found):
            longest = 0
            for end in range(start + _PART_WORDS, len(found) + 1):
                if not self._stands(" ".join(found[start:end])):
                    break
                longest = end
            if not longest:
                return False
            start = longest
        return True

    def _stands(self, part: str) -> bool:
        return any(text.find(part) is not None for text in self._texts)

    def _claim(self, found: _Found) -> Claim:
        """Return words that were found as a claim of the whole sentences that they are in.

        So a quote that leaves out how its sentence begins or ends, be it a "not", is shown with it.
        """
        hit = self._hits[found.hit]
        passage = hit.passage
        around = [
            span for span in passage.sentences if span.start < found.span.end and found.span.start < span.end
        ]
        start = min([found.span.start, *(span.start for span in around)])
        end = max([found.span.end, *(span.end for span in around)])
        text = passage.text[start - passage.start : end - passage.start]
        score = hit.why.reader_score if hit.why.reader_score is not None else hit.score
        return Claim(found.hit, Span(start, end), text, found.span, score)

    def _without_list_number(self, text: str) -> str:
        match = _LISTED.match(text)
        if match is None or self._stands(" ".join(match.groups()).strip(_AROUND + _ENDING)):
            return text
        return text[match.start(2) :]

    def _tells_only_what_is_there(self, text: str, places: Sequence[_Found]) -> bool:
        """Tell whether each quotation, number, address and code in a sentence is in what it cites.

        A quotation may stand in any passage; the others in the passages cited, in their titles and
        headings, or in the question.
        """
        quoted = [_sought(quotation) for quotation in telling.quotations(text)]
        if not all(self._stands(quotation) for quotation in quoted if _WORD.search(quotation)):
            return False
        cited = {0, *(1 + found.hit for found in places)}
        known = set().union(*(self._numbers[place] for place in cited))
        return telling.numbers(text) <= known and not telling.made_up(
            text, [self._told[place] for place in cited]
        )


class _Searched:
    """A passage's text as it is searched, with the way back to the offsets of the document."""

    def __init__(self, hit: Hit) -> None:
        passage = hit.passage
        self._base = passage.start
        pieces = list(_folded(passage.text))
        self._text = "".join(piece for piece, _ in pieces)
        self._offsets = [offset for _, offset in pieces]
        self.words = frozenset(words(passage.text))

    def find(self, sought: str) -> Span | None:
        """Return where whole words stand, in offsets of the document; None where they do not."""
        start = self._text.find(sought)
        while start >= 0:
            end = start + len(sought)
            if not (_GOES_ON.match(self._text, start) or _GOES_ON.match(self._text, end)):
                first, last = self._offsets[start], self._offsets[end - 1]
                return Span(self._base + first, self._base + last + 1)
            start = self._text.find(sought, start + 1)
        return None


def _folded(text: str) -> Iterator[tuple[str, int]]:
    """Yield the characters of a text as they are compared, each with its offset."""
    unseen = plain.unseen(text)
    spaced = True
    for offset, character in enumerate(text):
        if character.isspace():
            if not spaced:
                yield " ", offset
            spaced = True
        elif offset not in unseen:
            yield character.translate(_MARKS), offset
            spaced = False


def _sought(claimed: str) -> str:
    """Return claimed words as they are searched for: without what surrounds or ends them."""
    folded = "".join(piece for piece, _ in _folded(claimed)).strip(_AROUND)
    folded = folded.rstrip(_ENDING).rstrip(_AROUND)
    return _OMITTED_BEFORE.sub("", folded).lstrip(_AROUND)


def _says_something(sought: str) -> bool:
    """Tell whether words are more than function words, which stand everywhere and support nothing."""
    return any(word not in STOP_WORDS for word in words(sought))


def _told(hit: Hit) -> str:
    """Return all that a hit tells: its text, and what it is from."""
    passage = hit.passage
    return " \n".join((passage.text, hit.title, passage.heading or "", str(passage.page or "")))
