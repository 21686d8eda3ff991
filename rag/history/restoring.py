"""Kept answers, read from the documents again. Every quote passes the invariant anew (`rag.citations`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from index.catalog import Catalog, Excerpt
from index.chunking import HEADING_SEPARATOR
from index.coverage import Unread
from index.errors import DamagedStore, DocumentNotFound
from index.pages import page_at
from index.types import Hit, Passage, Span, Why
from rag.citations import StoredExcerpts, Verifier
from rag.claims import answer_text, citation_of
from rag.generation import Claim
from rag.history.keeping import Record
from rag.types import Answer, AnswerSentence, AnswerStatus, Citation, Fallback, Verdict

_Place = tuple[str, Span]


@dataclass(frozen=True, slots=True)
class Restored:
    """An answer with what of it stands now; `lost` counts the citations that do not."""

    answer: Answer
    lost: int


def restored(
    kept: Sequence[tuple[str, Record]], catalog: Catalog | None, verifier: Verifier, *, hits: bool = True
) -> list[Restored]:
    """Return the answers that were kept for questions to one collection, in their order.

    `catalog` is that of the collection, None where it was deleted. Without `hits` passages are not
    looked up. Raise `CollectionNotFound` where it is deleted meanwhile, and what the storage raises.
    """
    wanted = [{**record, "hits": record["hits"] if hits else []} for _, record in kept]
    standing = _Standing(catalog, [place for record in wanted for place in _places(record)])
    return [
        _restored(question, record, standing, verifier)
        for (question, _), record in zip(kept, wanted, strict=True)
    ]


def _places(record: Record) -> Iterator[_Place]:
    for entry in (*record["citations"], *record["hits"]):
        for place in (entry["span"], *(entry["heading"] or ())):
            yield entry["document"], Span(*place)
    for piece in record["effective"] or ():
        if not isinstance(piece, str):
            yield piece[0], Span(piece[1], piece[2])


class _Standing:
    """What stands at some places of a collection now."""

    def __init__(self, catalog: Catalog | None, places: Sequence[_Place]) -> None:
        self._catalog = catalog
        self._found = catalog.excerpts(places) if catalog is not None else {}
        self._names: dict[str, tuple[str, str] | None] = {}
        # Read once more: what was read first is held to it.
        self.stored = StoredExcerpts(catalog, self._found) if catalog is not None else None

    def excerpt(self, document_id: str, start: int, end: int) -> Excerpt | None:
        """Return what stands at a place, None where there is no such place any more."""
        return self._found.get((document_id, Span(start, end)))

    def text(self, document_id: str, start: int, end: int) -> str:
        """Return the text at a place, empty where there is no such place any more."""
        found = self.excerpt(document_id, start, end)
        return found.text if found is not None else ""

    def heading(self, entry: Record) -> str | None:
        """Return the heading of what was kept, None where it has none or a part of it is gone."""
        parts = [" ".join(self.text(entry["document"], *place).split()) for place in entry["heading"] or ()]
        return HEADING_SEPARATOR.join(parts) if parts and all(parts) else None

    def names(self, document_id: str) -> tuple[str, str] | None:
        """Return a document's source and title, None where it is not there."""
        if document_id not in self._names:
            self._names[document_id] = self._looked_up(document_id)
        return self._names[document_id]

    def _looked_up(self, document_id: str) -> tuple[str, str] | None:
        if self._catalog is None:
            return None
        try:
            info = self._catalog.document(document_id)
        except (DocumentNotFound, DamagedStore):
            return None
        return info.source, info.title


def _restored(question: str, record: Record, standing: _Standing, verifier: Verifier) -> Restored:
    citations = _citations(record, standing, verifier)
    sentences = tuple(_sentences(record, citations)) if citations else ()
    pieces = [
        piece if isinstance(piece, str) else standing.text(*piece) for piece in record["effective"] or ()
    ]
    answer = Answer(
        question=question,
        effective_query=" ".join("".join(pieces or [question]).split()),
        text=answer_text(sentences),
        sentences=sentences,
        citations=citations,
        status=AnswerStatus.ANSWERED if citations else AnswerStatus.ABSTAINED,
        confidence=record["confidence"],
        hits=tuple(_hits(record, standing, verifier)),
        timings=record["timings"],
        generation=record["generation"],
        unread=Unread(*record["unread"]) if record["unread"] is not None else None,
        written_by=record["written_by"],
        fallback=Fallback(*record["fallback"]) if record["fallback"] is not None else None,
        withheld=record["withheld"],
    )
    return Restored(answer, len(record["citations"]) - len(citations))


def _citations(record: Record, standing: _Standing, verifier: Verifier) -> tuple[Citation, ...]:
    if (stored := standing.stored) is None:
        return ()
    claimed = []
    for entry in record["citations"]:
        hit = _hit(entry, standing)
        if hit is not None and (citation := _claimed(entry, hit, stored)) is not None:
            claimed.append(citation)
    return tuple(verifier.citations(claimed, stored))


def _claimed(entry: Record, hit: Hit, stored: StoredExcerpts) -> Citation | None:
    """Return a citation of the version that was quoted, to be verified."""
    span = Span(*entry["answer"]) if entry["answer"] is not None else None
    claim = Claim(0, Span(*entry["span"]), hit.passage.text, span, hit.score)
    found = citation_of(claim, hit, stored)
    if found is None:
        return None
    return replace(found, marker=entry["marker"], quote=replace(found.quote, sha256=entry["sha256"]))


def _hits(record: Record, standing: _Standing, verifier: Verifier) -> list[Hit]:
    if (stored := standing.stored) is None:
        return []
    claimed = [
        replace(hit, rank=entry["rank"], why=Why(*entry["why"]))
        for entry in record["hits"]
        if (hit := _hit(entry, standing)) is not None
    ]
    return verifier.hits(claimed, stored)


def _hit(entry: Record, standing: _Standing) -> Hit | None:
    """Return what stands at the span of an entry as a hit; None where nothing does any more."""
    document_id = entry["document"]
    start, end = entry["span"]
    found = standing.excerpt(document_id, start, end)
    if found is None or (names := standing.names(document_id)) is None:
        return None
    passage = Passage(
        id=entry.get("passage", ""),
        document_id=document_id,
        ordinal=0,
        start=start,
        end=end,
        text=found.text,
        heading=standing.heading(entry),
        page=page_at(found.pages, start),
        sentences=(),
    )
    return Hit(passage, *names, entry["score"], 0, Why())


def _sentences(record: Record, citations: Sequence[Citation]) -> Iterator[AnswerSentence]:
    """Yield the sentences that are left.

    What a language model wrote may tell of each quote that it was given: of its sentences those are left
    whose quotes all stand, and those that rest on none if nothing of the answer was lost.
    """
    quotes = {citation.marker: citation.quote.text for citation in citations}
    lost = len(record["citations"]) > len(citations)
    for entry in record["sentences"]:
        markers = tuple(marker for marker in entry["markers"] if marker in quotes)
        if "text" not in entry:
            text = quotes.get(entry["quote"])
        else:
            text = entry["text"] if len(markers) == len(entry["markers"]) and (markers or not lost) else None
        if text is not None:
            yield AnswerSentence(text, markers, Verdict(entry["verdict"]), entry["support"])
