"""Cards of evidence: a quote in what stands around it, where it is from, and how well it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from index.types import DEFAULT_COLLECTION, Hit
from rag.types import Citation
from ui.rendering.parts import button, data, names

# Of a citation's score, which is a probability: from where on it is called what.
_STRONG = 0.75
_FAIR = 0.4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text just before and after a quote, and when its document was written or added, in words."""

    before: str = ""
    after: str = ""
    date: str = ""


def cards(
    citations: Sequence[Citation],
    around: Mapping[int, Surroundings],
    collection: str = DEFAULT_COLLECTION,
) -> str:
    """Return a card for each citation; `around` gives by marker what surrounds its quote."""
    shown = "".join(_card(each, around.get(each.marker, Surroundings()), collection) for each in citations)
    return f'<section class="evidence" aria-label="Evidence" hidden>{shown}</section>'


def nearest(hits: Sequence[Hit], collection: str = DEFAULT_COLLECTION) -> str:
    """Return the passages that came nearest, for reading on: no evidence."""
    shown = "".join(_near(hit, collection) for hit in hits)
    return f'<section class="nearest" aria-label="Nearest passages">{shown}</section>'


def in_words(score: float) -> str:
    """Return a score in [0, 1] in words and as a number."""
    word = "Strong" if score >= _STRONG else "Fair" if score >= _FAIR else "Weak"
    return f"{word} match · {score:.2f}"


def place_of(citation: Citation) -> dict[str, object]:
    """Return where a quote stands, as data attributes name it."""
    quote = citation.quote
    return {"document": quote.document_id, "start": quote.start, "end": quote.end}


def _card(citation: Citation, around: Surroundings, collection: str) -> str:
    quote = citation.quote
    place = {**place_of(citation), "collection": collection}
    told = [citation.source, citation.place, around.date, f"characters {quote.start}–{quote.end}"]
    # The marker says which claim it is under; nothing else tells two cards of one page apart.
    opening = _opening(f"evidence {citation.marker}", {"marker": citation.marker, **place})
    return (
        f'<article class="card" tabindex="-1" aria-label="Evidence {citation.marker}"'
        f"{data({'marker': citation.marker, **place})}>"
        f'<header><span class="number">{citation.marker}</span>'
        f"{names(citation.title, citation.heading)}</header>"
        f'<blockquote dir="auto">{escape(around.before)}<span class="quote">{_marked(citation)}</span>'
        f"{escape(around.after)}</blockquote>"
        f'<p class="place" dir="auto">{escape(" · ".join(filter(None, told)))}</p>'
        f'<footer><span class="score">{in_words(citation.score)}</span>{opening}</footer></article>'
    )


def _opening(of: str, place: Mapping[str, object]) -> str:
    label = f"Open {of} in its source"
    return button("Open in source", kind="open", label=label, local="source", also=place)


def _marked(citation: Citation) -> str:
    """Return the quote with the words that answer marked."""
    text, span = citation.quote.text, citation.answer_span
    if span is None:
        return escape(text)
    start, end = span.start - citation.quote.start, span.end - citation.quote.start
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"


def _near(hit: Hit, collection: str) -> str:
    passage = hit.passage
    place = {
        "document": passage.document_id,
        "start": passage.start,
        "end": passage.end,
        "collection": collection,
    }
    opening = _opening(f"nearest passage {hit.rank}", {"near": hit.rank, **place})
    return (
        f'<article class="card near" tabindex="-1" aria-label="Nearest passage {hit.rank}"'
        f"{data({'near': hit.rank, **place})}>"
        f'<header><span class="number near">near</span>{names(hit.title, passage.heading)}</header>'
        f'<blockquote dir="auto">{escape(passage.text)}</blockquote>'
        f'<p class="place" dir="auto">{escape(hit.source)} · characters {passage.start}–{passage.end}</p>'
        f"<footer>{opening}</footer></article>"
    )
