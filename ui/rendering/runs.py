"""Runs of eval sets: how far the one is that is going on, those that are kept, and the report of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from eval.kept import RunInfo
from ui.rendering.parts import attributes, button, counted, data

FRAME = '<div class="strip" hidden></div>'
# As they are headed in the table, by the names that a run lists them under.
_FIGURES = {
    "best_sentence_right": "Best sentence right",
    "evidence_f1": "Evidence F1",
    "abstention_f1": "Abstention F1",
    "quote_invariant": "Quote invariant",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """How far a run is, or how it ended: by its `run`, or by what went wrong.

    `stale` says that cases with stale evidence kept it from beginning; `figuring` that all is asked.
    """

    set: str
    collection: str
    done: int = 0
    total: int = 0
    ended: bool = False
    figuring: bool = False
    cancelled: bool = False
    run: str = ""
    fault: str = ""
    stale: bool = False


def runs(infos: Sequence[RunInfo]) -> str:
    """Return the table of runs, the last one first."""
    if not infos:
        return (
            '<div class="nothing"><p class="empty-title">No runs yet</p>'
            "<p>Accept some cases of a set, then run it: the figures are kept here.</p></div>"
        )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Ended (UTC)", "Set", "Collection", "Cases", *_FIGURES.values(), "Gates")
    )
    rows = "".join(map(_run, infos))
    return (
        '<h3 tabindex="-1">Runs</h3><table><caption class="visually-hidden">Kept runs, the last one first'
        f'</caption><thead><tr>{heads}<th scope="col"><span class="visually-hidden">Actions</span></th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _run(info: RunInfo) -> str:
    when = ended(info)
    named = f"the run of {info.set} of {when}"
    opening = (
        f'<button type="button" class="title"{attributes({"aria-label": f"Open {named}"})}'
        f"{data({'local': 'evaluation-report', 'run': info.id})}>"
        f'<time datetime="{escape(info.ended)}">{when}</time></button>'
    )
    deleting = button(
        "Delete",
        kind="quiet danger",
        label=f"Delete {named}",
        local="doom",
        question="Delete this run for good?",
        does="evaluation-delete",
        document=info.id,
    )
    figures = "".join(
        f'<td data-head="{head}" class="number">{_figure(info.figures.get(name))}</td>'
        for name, head in _FIGURES.items()
    )
    missed = len(info.gates_failed)
    gates = f'<span class="warn">{missed} missed</span>' if missed else "None missed"
    return (
        f'<tr{data({"run": info.id})}><th scope="row">{opening}</th>'
        f'<td data-head="Set" dir="auto">{escape(info.set)}</td>'
        f'<td data-head="Collection" dir="auto">{escape(info.collection or "–")}</td>'
        f'<td data-head="Cases" class="number">{info.cases:,}</td>{figures}'
        f'<td data-head="Gates">{gates}</td><td class="does">{deleting}</td></tr>'
    )


def _figure(value: float | None) -> str:
    return f"{value:.3f}" if value is not None else "–"


def ended(info: RunInfo) -> str:
    """Return when a run ended, to the minute."""
    return escape(f"{info.ended[:10]} {info.ended[11:16]}")


def report(info: RunInfo, infos: Sequence[RunInfo], against: str) -> str:
    """Return the report of a run in a frame, and what it can be compared with: other runs of its set."""
    others = [each for each in infos if each.set == info.set and each.id != info.id]
    options = "".join(
        f'<option value="{escape(each.id)}"{attributes({"selected": each.id == against})}>'
        f"{ended(each)}, {escape(each.collection or '–')}, {counted(each.cases, 'case')}</option>"
        for each in others
    )
    comparing = (
        '<label for="compare-with">Compare with</label><select id="compare-with">'
        f'<option value="">no other run</option>{options}</select>'
    )
    query = {"run": info.id, **({"against": against} if against else {})}
    address = escape(f"/evaluation/report?{urlencode(query)}")
    title = f"Report of the run of {escape(info.set)}, {ended(info)} UTC"
    return (
        f'<div class="line head">{button("All runs", local="evaluation-part", part="runs")}'
        f'<h3 tabindex="-1" dir="auto">{escape(info.set)} <time>{ended(info)}</time></h3>'
        f'<div class="line comparing">{comparing if others else ""}'
        f'<a class="alone" href="{address}" target="_blank" rel="noopener">Open alone</a></div></div>'
        f'<iframe src="{address}" title="{title}" '
        'sandbox="allow-scripts allow-top-navigation-by-user-activation"></iframe>'
    )


def strip(asking: Asking | None) -> str:
    """Return how far the run is, or how the last one ended; nothing where there is none to tell of."""
    if asking is None:
        return FRAME
    of = f"{escape(asking.set)} in {escape(asking.collection)}"
    closing = button("Close", kind="quiet", label="Close this message", local="examining", does="dismiss")
    if asking.ended:
        return f'<div class="strip"{data({"ended": True})}>{_end(asking, of)}{closing}</div>'
    value: dict[str, object] = {}
    if asking.figuring:
        phase, told, count = "figuring", f"Working out the figures of {of}", ""
    elif asking.total:
        phase, told, count = "asking", f"Asking the cases of {of}", f"{asking.done:,} of {asking.total:,}"
        value = {"value": asking.done, "max": asking.total}
    else:
        phase, told, count = "beginning", f"The run of {of} begins", ""
    cancel = button("Cancel", label="Cancel the run", local="examining", does="cancel")
    return (
        f'<div class="strip"{data({"going": True, "phase": phase})}><p dir="auto"><span role="status">{told}'
        f'</span> <span class="count">{count}</span></p>'
        f'<progress aria-label="Run"{attributes(value)}></progress>{cancel}</div>'
    )


def _end(asking: Asking, of: str) -> str:
    if asking.fault:
        leaving = button(
            "Leave stale cases out and run", local="evaluation-do", does="run-fresh", set=asking.set
        )
        return (
            f'<p class="notice error" role="alert" dir="auto">{escape(asking.fault)}</p>'
            f"{leaving if asking.stale else ''}"
        )
    if asking.cancelled:
        return f'<p role="status" dir="auto">The run of {of} was cancelled; nothing of it is kept.</p>'
    opening = button("Open the report", kind="primary", local="evaluation-report", run=asking.run)
    done = counted(asking.total, "case")
    return f'<p role="status" class="notice done" dir="auto">The run of {of} is done: {done}.</p>{opening}'
