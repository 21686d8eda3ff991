"""An answer as it is kept: the places that it quotes, and none of the words that stand there.

Sentences of documents, their headings, and what a follow-up took over from an answer are places; titles
and pages are looked up again. What a visitor typed and what a language model wrote are text. A document's
id depends on its whole text, so that a place never comes to mean other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

from index.catalog import Catalog
from index.chunking import HEADING_SEPARATOR
from index.errors import DamagedStore, NotFound
from index.types import Hit
from rag.types import Answer, Asking, Citation

Record = dict[str, Any]

_WORD = re.compile(r"\w+")


def packed(asking: Asking, answer: Answer, catalog: Catalog | None) -> Record:
    """Return an answer in values of JSON, for `rag.history.restoring`; the question is not among them.

    The places of headings are looked up in `catalog`, None where the collection was deleted meanwhile.
    Raise `StorageUnavailable` where that cannot be done.
    """
    headings = _Headings(answer, catalog)
    asked = answer.effective_query == asking.question
    return {
        "status": answer.status.value,
        "effective": None if asked else list(_pieces(asking, answer)),
        "citations": [_citation(citation, headings) for citation in answer.citations],
        "sentences": list(_sentences(answer)),
        "hits": [_hit(hit, headings) for hit in answer.hits],
        "confidence": answer.confidence,
        "timings": dict(answer.timings),
        "generation": answer.generation,
        "unread": astuple(answer.unread) if answer.unread is not None else None,
        "written_by": answer.written_by,
        "fallback": astuple(answer.fallback) if answer.fallback is not None else None,
        "withheld": answer.withheld,
    }


def _citation(citation: Citation, headings: _Headings) -> Record:
    quote, span = citation.quote, citation.answer_span
    return {
        "marker": citation.marker,
        "document": quote.document_id,
        "span": [quote.start, quote.end],
        "sha256": quote.sha256,
        "heading": headings.places(quote.document_id, quote.end, citation.heading),
        "score": citation.score,
        "answer": [span.start, span.end] if span is not None else None,
    }


def _sentences(answer: Answer) -> Iterator[Record]:
    quotes = {citation.marker: citation.quote.text for citation in answer.citations}
    for sentence in answer.sentences:
        record: Record = {
            "markers": sentence.markers,
            "verdict": sentence.verdict.value,
            "support": sentence.support,
        }
        quoted = next((marker for marker in sentence.markers if quotes.get(marker) == sentence.text), None)
        if quoted is not None:
            yield {**record, "quote": quoted}
        elif answer.written_by is not None:
            yield {**record, "text": sentence.text}
        # Words of a document that no citation stands for are not kept.


def _hit(hit: Hit, headings: _Headings) -> Record:
    passage = hit.passage
    return {
        "document": passage.document_id,
        "span": [passage.start, passage.end],
        "passage": passage.id,
        "heading": headings.places(passage.document_id, passage.end, passage.heading),
        "score": hit.score,
        "rank": hit.rank,
        "why": astuple(hit.why),
    }


class _Headings:
    """Finds where the headings above the passages of an answer stand."""

    def __init__(self, answer: Answer, catalog: Catalog | None) -> None:
        ends: dict[str, int] = {}
        for hit in answer.hits:
            if hit.passage.heading is not None:
                known = ends.get(hit.passage.document_id, 0)
                ends[hit.passage.document_id] = max(known, hit.passage.end)
        self._texts = {document_id: _text(catalog, document_id, end) for document_id, end in ends.items()}

    def places(self, document_id: str, end: int, heading: str | None) -> list[tuple[int, int]] | None:
        """Return where the parts of a heading stand last before a place; None where one does not."""
        if heading is None:
            return None
        text = self._texts.get(document_id, "")
        found = []
        for part in heading.split(HEADING_SEPARATOR):
            words = re.compile(r"\s+".join(map(re.escape, part.split())))
            spans = [match.span() for match in words.finditer(text, 0, end)]
            if not spans:
                return None
            found.append(spans[-1])
        return found


def _text(catalog: Catalog | None, document_id: str, end: int) -> str:
    try:
        return catalog.text(document_id, 0, end) if catalog is not None else ""
    except (NotFound, DamagedStore):
        return ""


def _pieces(asking: Asking, answer: Answer) -> Iterator[str | list[object]]:
    """Yield the effective query in pieces: text, or the place of a word that the visitor did not type.

    A word that was said before by an answer, and stands in no passage of this one, is left out.
    """
    query = answer.effective_query
    typed = _words(asking.question, *(turn.question for turn in asking.turns))
    told = _words(*(turn.answer for turn in asking.turns))
    standing = [(hit.passage.document_id, hit.passage.start, hit.passage.text) for hit in answer.hits]
    done = 0
    for word in _WORD.finditer(query):
        if word[0].casefold() in typed:
            continue
        place = _place(word[0], standing)
        if place is not None or word[0].casefold() in told:
            yield query[done : word.start()]
            done = word.end()
        if place is not None:
            yield place
    yield query[done:]


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word.casefold() for text in texts for word in _WORD.findall(text))


def _place(word: str, standing: Sequence[tuple[str, int, str]]) -> list[object] | None:
    for flags in (0, re.IGNORECASE):
        whole = re.compile(rf"\b{re.escape(word)}\b", flags)
        for document_id, base, text in standing:
            if found := whole.search(text):
                return [document_id, base + found.start(), base + found.end()]
    return None
