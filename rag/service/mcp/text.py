"""Results of tools as text for a language model, under which it finds every quote and where it stands.

What comes from documents is data: markers in a sentence are escaped, names are on one line, and each line of
a quote, which is as it is stored, begins with `> `; so no document can look like what Quotebound itself says.
"""

from __future__ import annotations

from collections.abc import Sequence

from index.types import Hit
from rag import markdown
from rag.generation.plain import one_line
from rag.service.mcp.shapes import ListedOut, OpenedOut
from rag.types import Answer, AnswerStatus, Citation, SearchResult
from rag.unread import unread_line

_NEAREST_SHOWN = 3
_NAME_CHARACTERS = 160


def answered(answer: Answer) -> str:
    """Return an answer with markers `[n]`, and under it the quote of each; or an abstention, said as such."""
    if answer.status is AnswerStatus.ABSTAINED:
        parts = [f"{one_line(answer.text, 400)} This is an abstention: no answer was found in the documents."]
        parts += _notes(answer)
        if answer.hits:
            parts.append("Nearest passages; none of them was found to answer the question:")
            parts += [_passage(hit) for hit in answer.hits[:_NEAREST_SHOWN]]
        return "\n\n".join(parts)
    parts = [" ".join(map(markdown.sentence, answer.sentences))]
    parts += _notes(answer)
    parts.append("Quotes, verbatim from the documents:")
    parts += [_citation(citation) for citation in answer.citations]
    return "\n\n".join(parts)


def found(result: SearchResult) -> str:
    """Return the passages of a search, best first."""
    if not result.hits:
        return "No passage was found."
    return "\n\n".join(_passage(hit) for hit in result.hits)


def opened(opened: OpenedOut) -> str:
    """Return what a stretch of a document is, without the text itself."""
    pages = [page.place for page in opened.pages]
    where = pages[:1] if len(pages) < 2 else [f"{pages[0]} to {pages[-1]}"]
    parts = [
        f"Opened: {_names(opened.title, opened.source, *where)}",
        f"document {opened.document_id}, {opened.characters} characters in all",
        f"asked for {opened.start} to {opened.end}; the text that follows is {opened.text_start} "
        f"to {opened.text_end}, letter for letter",
    ]
    if opened.next_start is not None:
        parts.append(f"it goes on at {opened.next_start}")
    return "\n".join(parts)


def listed(listed: ListedOut) -> str:
    """Return some documents, one a line."""
    lines = [f"{len(listed.documents)} of {listed.total} documents"]
    lines += [
        f"- {document.id} · {_names(document.title, document.source)} · {document.characters} characters"
        + (f" · {document.pages} pages" if document.pages else "")
        for document in listed.documents
    ]
    if listed.next_offset is not None:
        lines.append(f"More with offset {listed.next_offset}.")
    return "\n".join(lines)


def _notes(answer: Answer) -> list[str]:
    notes = [f"Probability that the documents answer the question: {answer.confidence:.2f}."]
    if answer.written_by is not None:
        notes.append(f"The sentences were written by {one_line(answer.written_by, _NAME_CHARACTERS)}.")
    if answer.fallback is not None:
        notes.append(markdown.FELL_BACK.format(message=one_line(answer.fallback.message, 400)))
    if answer.withheld:
        notes.append(f"Sentences withheld because no quote stood under them: {answer.withheld}.")
    if answer.unread is not None:
        notes.append(unread_line(answer.unread))
    return [" ".join(notes)]


def _citation(citation: Citation) -> str:
    quote = citation.quote
    names = _names(citation.title, citation.source, *filter(None, [citation.place]))
    span = _span(quote.document_id, quote.start, quote.end)
    return f"[{citation.marker}] {names} · {span}\n{_quoted(quote.text)}"


def _passage(hit: Hit) -> str:
    passage = hit.passage
    pages = [f"page {passage.page}"] if passage.page is not None else []
    names = _names(hit.title, hit.source, *pages)
    span = _span(passage.document_id, passage.start, passage.end)
    return f"{hit.rank}. {names} · {span}\n{_quoted(passage.text)}"


def _names(title: str, source: str, *places: str) -> str:
    """Return what a document is called and where in it something is, on one line."""
    names: Sequence[str] = [title, *places] if title == source else [title, *places, source]
    return " · ".join(one_line(name, _NAME_CHARACTERS) for name in names)


def _span(document_id: str, start: int, end: int) -> str:
    return f"characters {start} to {end} of document {document_id}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
