"""A case of an eval set as it is reviewed: read beside what it rests on, or edited in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from eval.cases import Case, Quotation, State
from eval.reviewing import Surroundings
from rag.answering import MAX_QUESTION_CHARACTERS
from ui.rendering.parts import attributes, button, data, names

STATES = {State.DRAFT: "Draft", State.ACCEPTED: "Accepted", State.REJECTED: "Rejected"}
_MADE_BY = {"machine": "proposed by rule", "chat": "from the chat", "person": "added by hand"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A quotation as it stands now: around it what its document says, or why it is `stale`.

    `renewable` says that its words stand once in the changed document, so that it can be anchored anew.
    """

    quotation: Quotation
    document: str = ""
    around: Surroundings | None = None
    stale: str = ""
    renewable: bool = False


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A case with its evidence, each piece as the choices for it.

    `seen` tells this version of the case from every other one. `sources` are what evidence may be from.
    """

    case: Case
    seen: str
    pieces: tuple[tuple[Choice, ...], ...]
    collection: str
    sources: Sequence[str] = ()


def article(shown: Reviewed) -> str:
    """Return a case to decide on."""
    case = shown.case
    told = [case.kind, _MADE_BY.get(case.made_by, case.made_by)]
    told += [f"labelled by {case.labels_by}"] if case.labels_by and case.state is State.ACCEPTED else []
    meta = escape(" · ".join([case.id, *filter(None, told)]))
    return (
        f'<article class="case" tabindex="-1" aria-labelledby="case-question"'
        f"{data({'case': case.id, 'seen': shown.seen, 'state': case.state.value})}>"
        f'<header><span class="state">{STATES[case.state]}</span><span class="meta" dir="auto">{meta}</span>'
        f'</header><div class="read">{_read(shown)}</div>{_form(shown)}</article>'
    )


def _read(shown: Reviewed) -> str:
    case = shown.case
    if not case.answerable:
        rest = '<p class="unanswered">The documents are said not to answer it.</p>'
    else:
        answers = "".join(f'<li dir="auto">{escape(answer)}</li>' for answer in case.answers)
        rest = (
            f'<div class="answers"><h4>Answers</h4><ul>{answers}</ul></div>'
            if answers
            else '<p class="hint">No short answer is given; the evidence is what counts.</p>'
        )
        rest += "<h4>Evidence</h4>" if shown.pieces else ""
        rest += "".join(_piece(piece, at, shown) for at, piece in enumerate(shown.pieces, start=1))
        if not shown.pieces:
            rest += (
                '<p class="notice error">There is no evidence yet: edit the case to say where it stands.</p>'
            )
    note = f'<p class="hint" dir="auto">Note: {escape(case.note)}</p>' if case.note else ""
    scope = (
        f'<p class="hint" dir="auto">Asked of these alone: {escape(", ".join(case.scope))}</p>'
        if case.scope
        else ""
    )
    keys = "".join(
        [
            _key("Accept", "a", "accept", kind="primary"),
            _key("Edit", "e", "edit"),
            _key("Reject", "r", "reject", kind="danger"),
            _key("Skip", "s", "skip"),
            _key("Back", "b", "back"),
        ]
    )
    return (
        f'<h3 id="case-question" dir="auto">{escape(case.question)}</h3>{rest}{note}{scope}'
        f'<div class="doing">{keys}</div>'
    )


def _key(text: str, key: str, does: str, *, kind: str = "") -> str:
    """Return a button that a key does the same as, which is shown in it."""
    told = attributes({"class": kind or None, "aria-label": text, "aria-keyshortcuts": key})
    return (
        f'<button type="button"{told}{data({"local": "review", "does": does})}>{text} '
        f'<kbd aria-hidden="true">{key}</kbd></button>'
    )


def _piece(choices: Sequence[Choice], at: int, shown: Reviewed) -> str:
    cards = [
        _card(choice, f"{at}" if not other else f"{at}, or else {other}", shown)
        for other, choice in enumerate(choices)
    ]
    return '<p class="hint or">or, saying the same</p>'.join(cards)


def _card(choice: Choice, number: str, shown: Reviewed) -> str:
    around = choice.around
    if around is None:
        anew = button("Re-anchor", label=f"Re-anchor evidence {number}", local="review", does="reanchor")
        return (
            f'<div class="card stale" role="group" aria-label="Evidence {number}, stale">'
            f"{names(choice.quotation.source, None)}"
            f'<blockquote dir="auto">{escape(choice.quotation.quote)}</blockquote>'
            f'<p class="notice error"><strong>Stale:</strong> {escape(choice.stale)}.</p>'
            f"<footer>{anew if choice.renewable else ''}</footer></div>"
        )
    end = around.start + len(around.quote)
    told = [around.source, around.place, f"characters {around.start}–{end}"]
    opening = button(
        "Open in source",
        kind="open",
        label=f"Open evidence {number} in its source",
        local="source",
        document=choice.document,
        start=around.start,
        end=end,
        collection=shown.collection,
    )
    return (
        f'<div class="card" role="group" aria-label="Evidence {number}">{names(around.title, None)}'
        f'<blockquote dir="auto">{escape(around.before)}<mark>{escape(around.quote)}</mark>'
        f"{escape(around.after)}</blockquote>"
        f'<p class="place" dir="auto">{escape(" · ".join(filter(None, told)))}</p>'
        f"<footer>{opening}</footer></div>"
    )


def _form(shown: Reviewed) -> str:
    case = shown.case
    # Where there are alternatives, they stay with the first one as long as that is not changed.
    rows = "".join(
        _row(choices[0].quotation.source, choices[0].quotation.quote, str(at))
        for at, choices in enumerate(shown.pieces)
    )
    options = "".join(f'<option value="{escape(source)}"></option>' for source in shown.sources)
    answering = "".join(
        f'<label><input type="radio" name="answerable" value="{value}"'
        f"{attributes({'checked': case.answerable == (value == 'yes')})}> {text}</label>"
        for value, text in (("yes", "Yes"), ("no", "No"))
    )
    return (
        '<form class="editing" aria-label="Edit the case" novalidate hidden>'
        '<div class="field"><label for="edit-question">Question</label>'
        '<textarea id="edit-question" name="question" rows="2" dir="auto" aria-describedby="edit-fault"'
        f' maxlength="{MAX_QUESTION_CHARACTERS}">\n{escape(case.question)}</textarea>'
        '<p class="notice error" id="edit-fault" role="alert" data-fault="question"></p></div>'
        f'<fieldset class="field"><legend>Do the documents answer it?</legend>{answering}</fieldset>'
        '<div class="if-answered"><div class="field"><label for="edit-answers">Answers, one a line</label>'
        '<textarea id="edit-answers" name="answers" rows="2" dir="auto">'
        f"\n{escape(chr(10).join(case.answers))}</textarea></div>"
        f'<datalist id="edit-sources">{options}</datalist><div class="rows">{rows}</div>'
        f"{button('Add evidence', local='add-evidence')}</div>"
        '<div class="doing"><button type="submit" class="primary">Save <kbd aria-hidden="true">Ctrl ⏎</kbd>'
        '</button><button type="button" data-local="review" data-does="cancel">Cancel '
        '<kbd aria-hidden="true">Esc</kbd></button></div>'
        f"</form><template>{_row('', '', '')}</template>"
    )


def _row(source: str, quote: str, like: str) -> str:
    """Return the fields of a piece of evidence; `like` is its place among those there were."""
    return (
        f'<fieldset class="row"{data({"like": like})}><legend>Evidence</legend>'
        '<div class="field"><label>Document<input name="source" list="edit-sources" autocomplete="off" '
        f'spellcheck="false" dir="auto" value="{escape(source)}"></label></div>'
        '<div class="field"><label>Quote, letter for letter as it stands there'
        f'<textarea name="quote" rows="3" dir="auto" spellcheck="false">\n{escape(quote)}</textarea></label>'
        '<p class="notice error" role="alert" data-fault="evidence"></p></div>'
        f"{button('Remove', kind='quiet danger', label='Remove this evidence', local='drop-evidence')}"
        "</fieldset>"
    )
