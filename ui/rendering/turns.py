"""A conversation: questions with what was answered, as it grows and once it is whole.

What is returned is a patch: the turns that are new or have changed, each known by its id, which the
page's script puts in place. So nothing that is being read, or has the keyboard, is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from index.types import DEFAULT_COLLECTION
from rag.generation.phrases import UNSUPPORTED
from rag.history.types import Feedback, Thumb
from rag.types import Answer, AnswerSentence, AnswerStatus, Citation
from rag.unread import unread_line
from ui.rendering.evidence import Surroundings, cards, nearest, place_of
from ui.rendering.parts import attributes, button, counted, data, notice
from ui.rendering.why import why

NEAREST_SHOWN = 3
COMMENT_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a conversation: the id of its turn, and what was asked of.

    `scope` says which documents were chosen, empty where all of the collection were asked.
    """

    id: str
    question: str
    collection: str = DEFAULT_COLLECTION
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer with what is shown beside it.

    `around` gives by marker what surrounds each quote. `kept` says whether the turn is kept, and can be
    commented on; `note` is said of it beside. `lost` counts the quotes that do not stand any more.
    """

    answer: Answer
    around: Mapping[int, Surroundings] = field(default_factory=dict)
    feedback: Feedback = field(default_factory=Feedback)
    kept: bool = True
    lost: int = 0
    note: str = ""


def whole(turns: Sequence[str], conversation: str, empty: str = "", number: int = 0) -> str:
    """Return the patch that shows a conversation, or `empty`, in place of what was shown.

    `number` is another one each time: a patch that is the same as the last is not put in place.
    """
    return _patch("".join(turns) or empty, whole=True, conversation=conversation, number=number)


def part(turn: str, conversation: str | None = None, number: int | None = None) -> str:
    """Return the patch that shows a turn; with `conversation`, that it is from now on kept under this id.

    `number` is as for `whole`.
    """
    return _patch(turn, conversation=conversation, number=number)


def pending(asked: Asked) -> str:
    """Return a turn whose answer is being looked for."""
    waiting = (
        '<p class="pending" role="status">Reading your documents…</p>'
        '<p class="slow">This takes longer than usual. The answer comes as soon as it is there.</p>'
    )
    return _turn(asked, waiting, state="pending")


def failed(asked: Asked, message: str) -> str:
    """Return a turn that could not be answered, with the reason."""
    return _turn(asked, notice(message, error=True) + _actions(asked, None), state="failed")


def growing(asked: Asked, sentences: Sequence[AnswerSentence], citations: Sequence[Citation]) -> str:
    """Return a turn whose answer is being written: what there is of it, and that more is to come."""
    body = _said(sentences, citations, asked) + '<p class="pending" role="status">Writing…</p>'
    return _turn(asked, body + cards(citations, {}, asked.collection), state="growing")


def answered(asked: Asked, told: Told) -> str:
    """Return a turn with its answer."""
    answer = told.answer
    if answer.status is AnswerStatus.ABSTAINED:
        return _turn(asked, _abstention(asked, told), state="abstained")
    body = (
        _instead(answer)
        + _said(answer.sentences, answer.citations, asked)
        + _lost(told.lost)
        + _meta(answer)
        + _unread(answer, "meta")
        + _actions(asked, told)
        + why(answer)
        + cards(answer.citations, told.around, asked.collection)
    )
    return _turn(asked, body, state="answered")


def _patch(body: str, **told: object) -> str:
    return f"<div{data(told)}>{body}</div>"


def _turn(asked: Asked, body: str, state: str) -> str:
    identity = attributes({"id": f"turn-{asked.id}", "class": "turn"})
    told = data({"turn": asked.id, "state": state, "collection": asked.collection})
    question = escape(asked.question)
    return (
        f'<article{identity}{told}><h2 class="question" dir="auto">{question}</h2>'
        f"{_scope(asked)}{body}</article>"
    )


def _scope(asked: Asked) -> str:
    """Return what was asked of, where that was not all of the default collection."""
    parts = []
    if asked.collection != DEFAULT_COLLECTION:
        parts.append(f"collection {asked.collection}")
    if asked.scope:
        parts.append(asked.scope)
    return f'<p class="asked-of" dir="auto">Asked of {escape(" · ".join(parts))}</p>' if parts else ""


def _said(sentences: Sequence[AnswerSentence], citations: Sequence[Citation], asked: Asked) -> str:
    by_marker = {citation.marker: citation for citation in citations}
    said = "".join(_sentence(sentence, by_marker, asked) for sentence in sentences)
    return f'<div class="sentences">{said}</div>'


def _sentence(sentence: AnswerSentence, citations: Mapping[int, Citation], asked: Asked) -> str:
    """Return a sentence with its markers; one that nothing supports says so."""
    text = escape(sentence.text)
    if not sentence.supported:
        return f'<p class="unsupported" dir="auto">{text} <span class="flag">{UNSUPPORTED}</span></p>'
    markers = " ".join(
        _marker(citations[marker], asked) for marker in sentence.markers if marker in citations
    )
    weight = ""
    if sentence.support is not None:
        weight = f' <span class="support">support {sentence.support:.0%}</span>'
    return f'<p dir="auto">{text} {markers}{weight}</p>'


def _marker(citation: Citation, asked: Asked) -> str:
    where = f", {citation.place}" if citation.place else ""
    return button(
        f"[{citation.marker}]",
        kind="marker",
        label=f"Open evidence {citation.marker}: {citation.title}{where}",
        local="source",
        marker=citation.marker,
        collection=asked.collection,
        also=place_of(citation),
    )


def _instead(answer: Answer) -> str:
    """Return a line on why these are the documents' own sentences, where a model was to write."""
    if answer.fallback is None:
        return ""
    told = f"These are sentences of your documents: {answer.fallback.message}."
    return f'<p class="instead" role="note">{escape(told)}</p>'


def _lost(count: int) -> str:
    """Return a line on quotes that stood when this was answered, and do not any more."""
    if not count:
        return ""
    told = f"{counted(count, 'quote is', 'quotes are')} not shown: the document was deleted or changed since."
    return f'<p class="instead" role="note">{told}</p>'


def _meta(answer: Answer) -> str:
    parts = [f"Confidence {answer.confidence:.2f}"]
    if answer.written_by is not None:
        parts.append(f"written by {answer.written_by}")
    if answer.withheld:
        them = "it" if answer.withheld == 1 else "them"
        parts.append(f"{counted(answer.withheld, 'sentence')} withheld: no quote stood under {them}")
    if answer.effective_query != " ".join(answer.question.split()):
        parts.append(f"searched for “{answer.effective_query}”")
    return f'<p class="meta" dir="auto">{escape(" · ".join(parts))}</p>'


def _unread(answer: Answer, kind: str) -> str:
    """Return a line on the pages that could not be read, where there are some."""
    if answer.unread is None:
        return ""
    return f'<p class="{kind}" role="note">{escape(unread_line(answer.unread))}</p>'


def _abstention(asked: Asked, told: Told) -> str:
    answer = told.answer
    # Before all else that is said of it: what was asked for may be on one of those pages.
    said = f'<p class="abstained">{escape(answer.text)}</p>{_lost(told.lost)}{_unread(answer, "missing")}'
    if not answer.hits and not told.lost:
        empty = '<p class="hint">There is nothing to search in yet: add documents first.</p>'
        adding = button("Add documents", kind="primary", local="view", view="library")
        return f'{said}{empty}<p class="tries">{adding}</p>'
    hint = "Ask in other words, or read on in the nearest passages. They are not evidence for an answer."
    wider = ""
    if asked.scope:
        wider = f'<p class="tries">{button("Ask all documents instead", local="widen")}</p>'
    shown = nearest(answer.hits[:NEAREST_SHOWN], asked.collection) if answer.hits else ""
    return (
        f'{said}<p class="hint">{hint}</p>{wider}{shown}{_meta(answer)}{_actions(asked, told)}{why(answer)}'
    )


def _actions(asked: Asked, told: Told | None) -> str:
    """Return what can be done with a turn; one that is not kept cannot be commented on."""
    buttons = []
    if told is not None and told.answer.citations:
        evidence = f"Evidence ({len(told.answer.citations)})"
        buttons.append(button(evidence, local="evidence"))
        buttons.append(button("Copy", local="copy", label="Copy the answer with its quotes"))
    buttons.append(button("Ask again", local="again"))
    buttons.append(button("Edit", local="edit", label="Edit the question"))
    judged = _judging(asked, told.feedback) if told is not None and told.kept else ""
    said = notice(told.note, error=True) if told is not None else ""
    shown = f"{''.join(buttons)}{judged}"
    return f'{said}<div class="actions" role="group" aria-label="This answer">{shown}</div>'


def _judging(asked: Asked, feedback: Feedback) -> str:
    thumbs = "".join(
        button(
            "",
            kind=f"thumb {thumb.value}",
            label=label,
            pressed=feedback.thumb is thumb,
            action="thumb",
            # Pressed once more it is taken back.
            thumb="" if feedback.thumb is thumb else thumb.value,
            turn=asked.id,
        )
        for thumb, label in ((Thumb.UP, "Good answer"), (Thumb.DOWN, "Bad answer"))
    )
    said = "Commented" if feedback.comment or feedback.case else "Comment"
    field = f"comment-{escape(asked.id)}"
    checked = " checked" if feedback.case else ""
    return (
        f'{thumbs}<details class="comment"><summary>{said}</summary>'
        f"<form{data({'action': 'comment', 'turn': asked.id})}>"
        f'<label for="{field}">What is right or wrong with this answer?</label>'
        f'<textarea id="{field}" name="comment" rows="3" maxlength="{COMMENT_CHARACTERS}" dir="auto">'
        f"{escape(feedback.comment)}</textarea>"
        f'<label class="check"><input type="checkbox" name="case" value="yes"{checked}> '
        "Make this a case of the evaluation</label>"
        '<button type="submit" class="primary">Save</button></form></details>'
    )
