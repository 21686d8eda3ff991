"""Cases from what people said of answers in the chat, and from what somebody types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eval.anchoring import Anchoring
from eval.cases import Anchor, Case, Evidence, InvalidCase, Quotation, State, source_of
from index.types import Span, content_id
from rag.answering import effective_query
from rag.history.types import KeptTurn, Thumb
from rag.types import AnswerStatus, Citation

CHAT = "chat"
PERSON = "person"
_QUOTE_CHARACTERS = 60
_SOURCES_NAMED = 5


def turns_wanted(turns: Iterable[KeptTurn], thumbs: Sequence[Thumb]) -> Iterator[KeptTurn]:
    """Yield the turns that were asked to be made cases, and those that were given one of some thumbs."""
    for turn in turns:
        if turn.feedback.case or turn.feedback.thumb in thumbs:
            yield turn


def case_of_turn(turn: KeptTurn, anchoring: Anchoring) -> Case:
    """Return the draft that a turn gives, always with the same id.

    What the answer cited is proposed as evidence, unless a thumb down said that it is wrong. An
    abstention gives an unanswerable draft, with a thumb down one that says no place yet.
    """
    answer, down = turn.answer, turn.feedback.thumb is Thumb.DOWN
    answered = answer.status is AnswerStatus.ANSWERED
    cited = answer.citations if answered and not down else ()
    first = next((citation.answer_span for citation in cited), None)
    return Case(
        id=f"chat-{content_id(turn.id, turn.asked)[:12]}",
        # What was searched for: a follow-up means nothing by itself.
        question=answer.effective_query,
        answers=(" ".join(first.text.split()),) if first is not None else (),
        evidence=tuple(dict.fromkeys(_evidence(citation, anchoring) for citation in cited)),
        answerable=answered or down,
        labels_by="",
        kind="",
        state=State.DRAFT,
        made_by=CHAT,
        note="; ".join(_notes(turn)),
    )


def case_by_hand(
    question: str, evidence: Sequence[str], answers: Sequence[str], by: str, anchoring: Anchoring
) -> Case:
    """Return an accepted case whose evidence is each a `SOURCE:QUOTE`; without any it is unanswerable.

    Raise `InvalidQuestion`, and `InvalidCase` where a quote does not stand in the documents, once and
    letter for letter.
    """
    asked = effective_query(question)
    if answers and not evidence:
        raise InvalidCase("an answer needs evidence: give a SOURCE:QUOTE that has it")
    return Case(
        id=f"hand-{content_id(asked)[:12]}",
        question=asked,
        answers=tuple(answers),
        evidence=tuple(Evidence((quotation_told(told, anchoring),)) for told in evidence),
        answerable=bool(evidence),
        labels_by=by,
        kind="",
        made_by=PERSON,
    )


def quotation_told(told: str, anchoring: Anchoring) -> Quotation:
    """Return the quotation that `SOURCE:QUOTE` names, anchored; raise `InvalidCase`.

    A source may have colons itself: it ends at the first one after which it names a document.
    """
    at = told.find(":")
    while at >= 0 and not anchoring.documents(told[:at].strip()):
        at = told.find(":", at + 1)
    if at < 0:
        raise InvalidCase(_no_source(told, anchoring.sources()))
    quotation = Quotation(told[:at].strip(), told[at + 1 :].strip())
    if not quotation.quote:
        raise InvalidCase(f"there is no quote after {quotation.source}: give words that stand in it")
    anchored = anchoring.anchored(quotation)
    if anchored is not None:
        return anchored
    times = len(anchoring.located(quotation).places)
    shown = repr(quotation.quote[:_QUOTE_CHARACTERS])
    if times:
        raise InvalidCase(
            f"{shown} stands {times} times in {quotation.source}: quote more words, so that it stands once"
        )
    raise InvalidCase(
        f"{shown} does not stand in {quotation.source}, letter for letter: copy it from its text, "
        "as `quotebound search` or the page shows it"
    )


def _no_source(told: str, sources: Sequence[str]) -> str:
    if not sources:
        return "there are no documents in the collection: add some with `quotebound ingest PATH`"
    named = ", ".join(sources[:_SOURCES_NAMED])
    more = f" and {len(sources) - _SOURCES_NAMED} more" if len(sources) > _SOURCES_NAMED else ""
    return f"{told[:_QUOTE_CHARACTERS]!r} is no SOURCE:QUOTE of a document; there are {named}{more}"


def _evidence(citation: Citation, anchoring: Anchoring) -> Evidence:
    quote = citation.quote
    source = source_of(citation.source, anchoring.sources())
    anchor = Anchor(quote.sha256, Span(quote.start, quote.end))
    return Evidence((Quotation(source, quote.text, anchor),))


def _notes(turn: KeptTurn) -> Iterator[str]:
    if (thumb := turn.feedback.thumb) is not None:
        yield f"thumb {thumb.value}"
    if turn.feedback.comment:
        yield f"comment: {turn.feedback.comment}"
    if turn.answer.effective_query != turn.question:
        yield f"asked as: {turn.question}"
    if turn.documents:
        yield "asked of chosen documents alone"
    if turn.lost:
        yield f"quotes that are not there any more: {turn.lost}"
