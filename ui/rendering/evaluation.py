"""The evaluation: its frame, its eval sets, and the one that is looked through.

As in the library the frame stays as it is, and what changes is put into its slots by the page's script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from ui.rendering.parts import attributes, button, counted, data, notice
from ui.rendering.reviewing import Reviewed, article

DRAFTS_USUAL = 20
DRAFTS_MOST = 200


class Part(StrEnum):
    """What of the evaluation is shown."""

    REVIEW = "review"
    RUNS = "runs"
    REPORT = "report"


class Which(StrEnum):
    """Which cases of a set are looked through."""

    DRAFTS = "drafts"
    STALE = "stale"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SetInfo:
    """An eval set as it is listed. `fault` says why its file cannot be read, and then nothing is counted."""

    name: str
    counts: Mapping[Which, int]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is in the evaluation, as the page tells it and is told it."""

    collection: str
    set: str = ""
    part: Part = Part.REVIEW
    which: Which = Which.DRAFTS
    run: str = ""
    against: str = ""


FRAME = (
    '<div class="evaluation"><div class="line"><h2 tabindex="-1">Evaluation</h2>'
    '<p class="hint" data-slot="collection"></p>'
    '<nav aria-label="Parts of the evaluation" class="parts">'
    f"{button('Review', kind='tab', local='evaluation-part', part='review')}"
    f"{button('Runs', kind='tab', local='evaluation-part', part='runs')}</nav></div>"
    '<div data-slot="trouble"></div><div class="columns"><section class="sets" aria-label="Eval sets">'
    '<div data-slot="sets"><p class="hint">Loading…</p></div>'
    '<details class="drafting"><summary>New drafts</summary>'
    '<form novalidate data-action="draft"><label for="draft-set">Add to the set</label>'
    '<input id="draft-set" name="name" maxlength="100" autocomplete="off" spellcheck="false" '
    'list="set-names" aria-describedby="draft-hint">'
    '<label for="draft-cases">Cases, at most</label>'
    f'<input id="draft-cases" name="cases" type="number" min="1" max="{DRAFTS_MOST}" value="{DRAFTS_USUAL}">'
    '<p class="hint" id="draft-hint">Questions made by rule from the documents, for you to accept, mend or '
    "reject. A name that is new makes a set.</p>"
    '<p class="notice error" role="alert" data-slot="fault-draft"></p>'
    '<button type="submit" class="primary">Draft cases</button></form></details>'
    '<details class="judging"><summary>Take over from the chat</summary>'
    '<form novalidate data-action="judged"><label for="judged-set">Add to the set</label>'
    '<input id="judged-set" name="name" maxlength="100" autocomplete="off" spellcheck="false" '
    'list="set-names" aria-describedby="judged-hint">'
    '<p class="hint" id="judged-hint">Answers of this collection that somebody marked in the chat as cases '
    "for the eval come as drafts; none twice.</p>"
    '<p class="notice error" role="alert" data-slot="fault-judged"></p>'
    '<button type="submit" class="primary">Take over</button></form></details>'
    '</section><section class="work" aria-label="Review and runs"><div data-slot="said"></div>'
    '<div data-slot="head"></div>'
    '<div class="line"><div class="position" hidden><p role="status"></p>'
    '<progress aria-label="Looked through"></progress></div>'
    '<div class="by" hidden><label for="reviewed-by">Reviewed by</label>'
    '<input id="reviewed-by" maxlength="100" autocomplete="name" placeholder="Your name" '
    'aria-describedby="reviewed-by-fault"><p class="notice error" id="reviewed-by-fault" role="alert"></p>'
    "</div></div>"
    '<div data-slot="body"></div></section></div></div>'
)


def patch(place: Place, slots: Mapping[str, str], token: str, number: int) -> str:
    """Return what comes into some slots, for who asked with this token; slots without content stay."""
    told = {"token": token, "number": number, "collection": place.collection, "set": place.set}
    told |= {"part": place.part.value, "which": place.which.value, "run": place.run, "against": place.against}
    filled = "".join(f'<div data-slot="{name}">{content}</div>' for name, content in slots.items())
    return f"<div{data(told)}>{filled}</div>"


def fault(where: str, message: str, token: str) -> str:
    """Return what is wrong with a field of the case that is edited: `question`, or the place of evidence."""
    return f"<div{data({'token': token, 'faulty': where})}>{escape(message)}</div>"


def collection_line(collection: str, documents: int) -> str:
    """Return which documents the cases are of."""
    changing = button("Change in the library", kind="link", local="view", view="library")
    return f"Documents of <b>{escape(collection)}</b> ({documents:,}) {changing}"


def sets(infos: Sequence[SetInfo], place: Place, *, documents: bool) -> str:
    """Return the list of eval sets, or what to do where there are none."""
    suggested = "".join(f'<option value="{escape(info.name)}"></option>' for info in infos)
    names = f'<datalist id="set-names">{suggested}</datalist>'
    if not documents and not infos:
        return names
    if not infos:
        return (
            f'{names}<div class="nothing" data-none><p class="empty-title">No eval sets yet</p>'
            "<p>Have cases drafted from your documents, or take over answers that were marked in the "
            "chat.</p></div>"
        )
    return f"{names}<ul>{''.join(_set(info, chosen=info.name == place.set) for info in infos)}</ul>"


def _set(info: SetInfo, *, chosen: bool) -> str:
    order = (Which.ACCEPTED, Which.DRAFTS, Which.STALE, Which.REJECTED)
    if info.fault:
        told = '<span class="tally damaged">its file cannot be read</span>'
    else:
        told = "".join(
            f'<span class="tally{" warn" if which is Which.STALE else ""}">'
            f"{info.counts[which]:,} {_called(which, info.counts[which])}</span>"
            for which in order
            if info.counts[which] or which is Which.ACCEPTED
        )
    current = attributes({"aria-current": "true" if chosen else None})
    choosing = data({"local": "evaluation-set", "set": info.name})
    return (
        f'<li><button type="button" class="name"{choosing}{current}>'
        f'<span dir="auto">{escape(info.name)}</span><span class="tallies">{told}</span></button></li>'
    )


def _called(which: Which, count: int) -> str:
    return ("draft" if count == 1 else "drafts") if which is Which.DRAFTS else which.value


def no_documents(collection: str) -> str:
    """Return what to do where there is nothing to make cases of."""
    adding = button("Add documents", kind="primary", local="view", view="library")
    return (
        f'<div class="nothing"><p class="empty-title">No documents in {escape(collection)} yet</p>'
        f"<p>Add some first: cases are made of them, and asked of them.</p><p>{adding}</p></div>"
    )


def damaged(info: SetInfo) -> str:
    """Return what is wrong with the file of a set."""
    return (
        f"{notice(info.fault, error=True)}"
        '<p class="hint">Mend that line of the file with a text editor; nothing in it was changed.</p>'
    )


def head(info: SetInfo, place: Place) -> str:
    """Return the head of a set: which of its cases can be looked through, and what can be done with all."""
    which = "".join(
        button(
            f"{_HEADS[each]} {info.counts[each]:,}",
            kind="chip",
            pressed=each is place.which,
            local="evaluation-which",
            which=each.value,
        )
        for each in Which
    )
    accepted = info.counts[Which.ACCEPTED]
    running = button(
        f"Run {counted(accepted, 'accepted case')}",
        kind="primary",
        disabled=not accepted,
        local="evaluation-do",
        does="run",
    )
    stale = button("Re-anchor all that stand once", local="evaluation-do", does="reanchor-all")
    return (
        f'<div class="line head"><h3 tabindex="-1" dir="auto">{escape(info.name)}</h3>'
        f'<div class="chips" role="group" aria-label="Cases to look through">{which}</div>'
        f"{stale if place.which is Which.STALE and info.counts[Which.STALE] else ''}{running}</div>"
    )


def looking(info: SetInfo, place: Place, shown: Reviewed | None, queue: Sequence[str] | None) -> str:
    """Return the case of a set that is looked at, None after the last one.

    `queue` are the ids of those that there are to look through, told when that is begun.
    """
    body = article(shown) if shown is not None else _looked_through(info, place, queue)
    told = data({"queue": json.dumps(list(queue)) if queue is not None else None})
    return f'<div class="looking"{told}>{body}</div>'


_HEADS = {
    Which.DRAFTS: "Drafts",
    Which.STALE: "Stale",
    Which.ACCEPTED: "Accepted",
    Which.REJECTED: "Rejected",
}


def _looked_through(info: SetInfo, place: Place, queue: Sequence[str] | None) -> str:
    left = info.counts[place.which]
    back = "" if queue is not None else button("Back", local="review", does="back")
    again = button("Look through them", local="evaluation-which", which=place.which.value)
    if place.which is Which.DRAFTS:
        told = f"{counted(left, 'draft')} left" if left else "No drafts left"
        rest = "Skipped ones stay drafts, which are not asked." if left else "Every case is decided on."
        if not left and not any(info.counts.values()):
            told, rest = "No cases yet", "Draft some, or take over answers that were marked in the chat."
    else:
        told = f"No more {place.which} cases to look at" if left else f"No {place.which} cases"
        rest = ""
    return (
        f'<div class="nothing ended"><p class="empty-title" tabindex="-1">{told}</p><p>{rest}</p>'
        f'<p class="doing">{again if left else ""}{back}</p></div>'
    )
