"""What a reviewer does to cases, and sees of the documents while doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.adding import quotation_told
from eval.anchoring import Anchoring, Stale, reanchored
from eval.cases import Case, Evidence, InvalidCase, Quotation, State, lacks_evidence
from index.catalog import Catalog
from index.pages import page_holding
from index.types import DocumentInfo
from rag.answering import effective_query

_AROUND = 240


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A quote with the text before and after it; `place` is the page, slide or sheet in words, or empty."""

    source: str
    title: str
    place: str
    start: int
    before: str
    quote: str
    after: str


def surroundings(quotation: Quotation, anchoring: Anchoring, catalog: Catalog) -> Surroundings | None:
    """Return a quotation where it stands, None where it is stale; raise what the catalog raises."""
    found = anchoring.place(quotation)
    if found is None:
        return None
    info, span = found
    begin = max(0, span.start - _AROUND)
    before = catalog.text(info.id, begin, span.start)
    after = catalog.text(info.id, span.end, span.end + _AROUND)
    page = page_holding(catalog.pages(info.id), span.start)
    return Surroundings(
        source=info.source,
        title=info.title,
        place=page.told if page is not None else "",
        start=span.start,
        before=before if begin == 0 else _from_word(before),
        quote=quotation.quote,
        after=after if _ends(info, span.end) else _to_word(after),
    )


def accepted(case: Case, by: str, anchoring: Anchoring) -> Case:
    """Return a case as one that is asked, labelled by a reviewer.

    Raise `InvalidCase` where it says that the documents answer it and not where, and where its evidence
    is stale.
    """
    if not by.strip():
        raise InvalidCase("somebody has to answer for the case: say who with --by NAME")
    if lacks_evidence(case):
        raise InvalidCase(f"{case.id} has no evidence: edit it, or say that the documents do not answer it")
    if stale := anchoring.stale(case):
        raise InvalidCase(f"the evidence of {stale[0]}; edit it, or try `quotebound eval review --reanchor`")
    return replace(case, state=State.ACCEPTED, labels_by=by.strip())


def rejected(case: Case) -> Case:
    """Return a case as one that is not asked, and is not proposed again."""
    return replace(case, state=State.REJECTED)


def edited(case: Case, question: str, answers: Sequence[str]) -> Case:
    """Return a case with another question and other answers; raise `InvalidQuestion`."""
    return replace(
        case, question=effective_query(question), answers=tuple(answers) if case.answerable else ()
    )


def answered(case: Case) -> Case:
    """Return a case as one that the documents answer; without evidence it can be no more than a draft."""
    return replace(case, answerable=True)


def unanswered(case: Case) -> Case:
    """Return a case as one that the documents do not answer."""
    return replace(case, answerable=False, answers=(), evidence=())


def with_evidence(case: Case, told: Sequence[str], anchoring: Anchoring) -> Case:
    """Return a case that rests on other quotations, each `SOURCE:QUOTE`.

    Raise `InvalidCase` where one does not stand in the documents.
    """
    return replace(case, evidence=tuple(Evidence((quotation_told(entry, anchoring),)) for entry in told))


@dataclass(frozen=True, slots=True)
class Reanchored:
    """The cases that were anchored anew, and what is left stale."""

    cases: tuple[Case, ...]
    left: tuple[Stale, ...]


def reanchor(cases: Sequence[Case], anchoring: Anchoring) -> Reanchored:
    """Anchor what is stale and stands once in its document anew, in cases that were not rejected."""
    changed: list[Case] = []
    left: list[Stale] = []
    for case in cases:
        stale = anchoring.stale(case) if case.state is not State.REJECTED else []
        if any(entry.anew is not None for entry in stale):
            changed.append(reanchored(case, stale))
        left += [entry for entry in stale if entry.anew is None]
    return Reanchored(tuple(changed), tuple(left))


def _ends(info: DocumentInfo, end: int) -> bool:
    return end + _AROUND >= info.characters


def _from_word(text: str) -> str:
    """Return a text that was cut at its beginning, from its first whole word on."""
    return f"…{text[text.find(' ') :]}" if " " in text else f"…{text}"


def _to_word(text: str) -> str:
    """Return a text that was cut at its end, up to its last whole word."""
    return f"{text[: text.rfind(' ') + 1]}…" if " " in text else f"{text}…"
