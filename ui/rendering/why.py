"""Why an answer is what it is: what was searched for, what was found, what was left out, how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from index.types import Why
from rag.types import Answer, DropReason

_NONE = "–"
_LEFT_OUT_SHOWN = 5
_LEFT_OUT = {
    DropReason.DUPLICATE: "left out: repeats a passage above",
    DropReason.FAR: "left out: too far from the question",
}


def why(answer: Answer) -> str:
    """Return the folded account of an answer."""
    rows = "".join(_rows(answer))
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Rank", "Passage", "Meaning", "Words", "Reader", "Quoted")
    )
    table = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Candidates"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    more = len(answer.dropped) - _LEFT_OUT_SHOWN
    table += f"<p>{more:,} more were left out.</p>" if more > 0 else ""
    timings = " · ".join(f"{step} {taken:,.0f} ms" for step, taken in answer.timings.items())
    return (
        '<details class="why"><summary>Why this answer</summary>'
        f'<p dir="auto">Searched for “{escape(answer.effective_query)}”.</p>'
        "<p>Meaning and words: the place among the passages nearest in meaning, and in words (BM25). "
        "Reader: how well the best sentence answers.</p>"
        f'{table if rows else ""}<p class="timings">{escape(timings)}</p></details>'
    )


def _rows(answer: Answer) -> Iterator[str]:
    quoted = [
        (each.quote.document_id, each.quote.start, each.quote.end, each.marker) for each in answer.citations
    ]
    for hit in answer.hits:
        passage = hit.passage
        markers = [
            f"[{marker}]"
            for document_id, start, end, marker in quoted
            if document_id == passage.document_id and start < passage.end and passage.start < end
        ]
        where = " · ".join(filter(None, [passage.heading, _page(passage.page)]))
        yield _row(str(hit.rank), hit.title, where, hit.why, " ".join(markers) or "no")
    for left in answer.dropped[:_LEFT_OUT_SHOWN]:
        where = " · ".join(filter(None, [left.heading, _page(left.page)]))
        yield _row(_NONE, left.title, where, left.why, _LEFT_OUT[left.reason])


def _row(rank: str, title: str, where: str, why: Why, use: str) -> str:
    cells: Sequence[str] = (
        _ranked(why.dense_rank, why.dense_score, 2),
        _ranked(why.lexical_rank, why.lexical_score, 1),
        _NONE if why.reader_score is None else f"{why.reader_score:.2f}",
        use,
    )
    under = f'<span class="heading" dir="auto">{escape(where)}</span>' if where else ""
    return (
        f'<tr><td>{rank}</td><th scope="row"><span class="title" dir="auto">{escape(title)}</span>'
        f"{under}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    )


def _ranked(rank: int | None, score: float | None, digits: int) -> str:
    told = "" if score is None else f" ({score:.{digits}f})"
    return f"{_NONE if rank is None else f'#{rank}'}{told}"


def _page(page: int | None) -> str:
    return "" if page is None else f"page {page}"
