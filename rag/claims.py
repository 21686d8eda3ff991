"""From what a draft claims to citations: with what a reader needs to find them, and under markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from index.errors import DocumentNotFound
from index.pages import page_holding
from index.types import Hit, Span
from rag.citations import StoredExcerpts
from rag.generation import Claim, DraftSentence
from rag.generation.phrases import ABSTENTION, UNSUPPORTED
from rag.types import AnswerSentence, AnswerSpan, Citation, Quote


def answer_text(sentences: Iterable[AnswerSentence]) -> str:
    """Return an answer in words: its sentences, and of one that nothing supports that; or the abstention."""
    return " ".join(map(_said, sentences)) or ABSTENTION


def _said(sentence: AnswerSentence) -> str:
    return sentence.text if sentence.supported else f"{sentence.text} ({UNSUPPORTED})"


def claimed_places(draft: Iterable[DraftSentence], hits: Sequence[Hit]) -> list[tuple[str, Span]]:
    """Return where the claims of a draft say that their words stand."""
    return [
        (hits[claim.hit].passage.document_id, claim.span)
        for sentence in draft
        for claim in sentence.claims
        if 0 <= claim.hit < len(hits)
    ]


def citation_of(claim: Claim, hit: Hit, stored: StoredExcerpts) -> Citation | None:
    """Return a claim as a citation without a marker, None where its document was deleted meanwhile."""
    document_id = hit.passage.document_id
    try:
        sha256 = stored.document(document_id).sha256
        pages = stored.pages(document_id)
    except DocumentNotFound:
        return None
    base = claim.span.start
    page = page_holding(pages, base)
    words = None
    if (span := claim.answer) is not None:
        words = AnswerSpan(claim.text[span.start - base : span.end - base], span.start, span.end)
    return Citation(
        marker=0,
        quote=Quote(document_id, base, claim.span.end, claim.text, sha256),
        source=hit.source,
        title=hit.title,
        heading=hit.passage.heading,
        page=page.number if page is not None else None,
        score=claim.score,
        answer_span=words,
        place=page.told if page is not None else "",
    )


def markers_of(citations: Sequence[Citation], kept: list[Citation]) -> tuple[int, ...]:
    """Return the markers of citations among those kept, to which new ones are added; they count from 1."""
    return tuple(dict.fromkeys(_marker(citation, kept) for citation in citations))


def _marker(citation: Citation, kept: list[Citation]) -> int:
    """Return the marker of a citation, adding it to those kept unless the same quote is there already."""
    for known in kept:
        if known.quote == citation.quote:
            return known.marker
    kept.append(replace(citation, marker=len(kept) + 1))
    return len(kept)
