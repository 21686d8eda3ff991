"""Altered quotes that must not pass the invariant: what models and fuzzy matchers get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.types import Citation, Quote

_NEGATION = re.compile(r"\b(?:not|never|no|n't)\b\s?", re.IGNORECASE)
_VERB = re.compile(r"\b(was|were|is|are|has|have|had|will|could|may)\b")
_NUMBER = re.compile(r"\d")
_NAME = re.compile(r"(?<!^)\b[A-Z]\w+")
_HOMOGLYPHS = str.maketrans("aeopc", "аеорс")
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def mutants(citation: Citation, others: Sequence[Citation]) -> Iterator[tuple[str, Citation]]:
    """Yield alterations of a citation, each with its name; none is what the document says at that place.

    `others` are further citations of the same run, from which names and halves are taken.
    """
    quote = citation.quote
    for name, text in _texts(quote.text, [other.quote.text for other in others]):
        if text != quote.text:
            yield name, replace(citation, quote=replace(quote, text=text), answer_span=None)
    for name, moved in _moved(quote, others):
        yield name, replace(citation, quote=moved, answer_span=None)
    if (span := citation.answer_span) is not None:
        yield "answer changed", replace(citation, answer_span=replace(span, text=span.text[::-1] + "x"))
        outside = replace(span, start=quote.end, end=quote.end + len(span.text))
        yield "answer outside the quote", replace(citation, answer_span=outside)


def _texts(text: str, others: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "negation dropped", _NEGATION.sub("", text, count=1)
    yield "negation added", _VERB.sub(r"\1 not", text, count=1)
    yield "number changed", _NUMBER.sub(lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)
    names = [match for other in others for match in _NAME.findall(other)]
    own = _NAME.search(text)
    if own and (another := next((name for name in names if name != own[0]), None)):
        yield "name swapped", text[: own.start()] + another + text[own.end() :]
    for other in others[:1]:
        yield "stitched", text[: len(text) // 2] + other[len(other) // 2 :]
    words = text.split(" ")
    yield "word dropped", " ".join(words[:1] + words[2:])
    yield "end cut off", text[:-1]
    yield "full stop added", text + "."
    yield "case changed", text.swapcase()
    yield "typography changed", text.translate(_TYPOGRAPHY)
    yield "homoglyphs", text.translate(_HOMOGLYPHS)
    yield "white space added", text.replace(" ", "  ", 1)
    yield "invisible character", text[:1] + "\u200b" + text[1:]


def _moved(quote: Quote, others: Sequence[Citation]) -> Iterator[tuple[str, Quote]]:
    yield "shifted by one", replace(quote, start=quote.start + 1, end=quote.end + 1)
    yield "span too long", replace(quote, end=quote.end + 1)
    yield "negative start", replace(quote, start=quote.start - quote.end, end=0)
    yield "another version", replace(quote, sha256="0" * 64)
    yield "no such document", replace(quote, document_id="0" * 32)
    for other in others:
        if other.quote.document_id != quote.document_id:
            yield (
                "wrong document",
                replace(quote, document_id=other.quote.document_id, sha256=other.quote.sha256),
            )
            break
