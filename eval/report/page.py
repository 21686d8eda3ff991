"""A run as a page: one HTML file that asks nobody for anything, to read, to filter and to send on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from eval.comparing import Comparisons, Difference, compared
from eval.failures import FailureKind, failure_kind
from eval.gates import Failure
from eval.report.cases import (
    case_list,
    failure_table,
    figure_label,
    kind_table,
    require_cases,
    script_json,
    summary,
    told_cases,
)
from eval.report.plots import reliability_plot, risk_coverage_plot, table
from eval.report.tables import COUNTS, SECTIONS
from eval.results import Result
from eval.significance import Interval

_STATIC = Path(__file__).with_name("static")
# A set can hold what is no character, and no file can.
_LONE = re.compile("[\ud800-\udfff]")
_PARTS = ("p50", "p95")
# What three decimals show.
_SEEN = 0.0005
_SAME = '<span class="same">none</span>'
_SECTIONS = {
    "figures": "Figures",
    "failures": "Failures",
    "confidence": "Confidence",
    "kinds": "Kinds of question",
    "time": "Time",
    "cases": "Cases",
}


def page(
    result: Result,
    against: Result | None = None,
    gates_failed: Sequence[Failure | str] | None = None,
    title: str | None = None,
    *,
    link_base: str | None = None,
) -> str:
    """Return the page of a run, compared with another one if that is given.

    `gates_failed` says why each gate was missed; None says that nobody looked. With a `link_base`, the
    address of a Quotebound without the slash at its end, a citation links to its place there. Raise
    `InvalidResult` for a run without cases, or two that have none in common.
    """
    require_cases(result)
    comparisons = compared(against, result) if against is not None else None
    named = title or f"Eval report: {result.name}"
    style, script = _static()
    parts = {
        "figures": _figures(result, against, comparisons, gates_failed or ()),
        "failures": failure_table(result, against),
        "confidence": f'<div class="pair">{risk_coverage_plot(result, against)}'
        f"{reliability_plot(result, against)}</div>",
        "kinds": kind_table(result, against),
        "time": _time(result, against),
        "cases": case_list(result, compared=against is not None),
    }
    titles = {name: shown for name, shown in _SECTIONS.items() if parts[name]}
    sections = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}" tabindex="-1">{shown}</h2>{parts[name]}</section>'
        for name, shown in titles.items()
    )
    links = "".join(f'<li><a href="#{name}">{shown}</a></li>' for name, shown in titles.items())
    told = script_json(told_cases(result, against, comparisons, link_base))
    made = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(content_policy())}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(named)}</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#cases">Skip to the cases</a><header class="top"><h1>{escape(named)}</h1>'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f"<main>{_head(result, gates_failed, comparisons)}{sections}</main>"
        f'<script type="application/json" id="told">{told}</script><script>{script}</script></body></html>\n'
    )
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", made)


def content_policy() -> str:
    """Return the policy of a page, which allows its own script and style and nothing else.

    The page has it within; a server that sends one with the page has to send this one.
    """
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _static())
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; "
        "base-uri 'none'; form-action 'none'"
    )


@lru_cache(1)
def _static() -> tuple[str, str]:
    """Return style and script."""
    return (
        (_STATIC / "report.css").read_text(encoding="utf-8"),
        (_STATIC / "report.js").read_text(encoding="utf-8"),
    )


def _head(
    result: Result, gates_failed: Sequence[Failure | str] | None, comparisons: Comparisons | None
) -> str:
    """Say what was measured, whether it is good enough, and when the figures hold."""
    figures = result.figures
    asked, answerable, answered = (int(figures[name]) for name in ("cases", "answerable", "answered"))
    right = sum(failure_kind(outcome) is FailureKind.NONE for outcome in result.outcomes)
    cases = f"{asked:,} case{'' if asked == 1 else 's'}"
    lead = (
        f"Of {cases} of the set <bdi><b>{escape(result.name)}</b></bdi> the documents answer {answerable:,}. "
        f"{answered:,} got an answer, and {right:,} of all went right: "
        "answered with evidence cited first, or rightly not answered."
    )
    told = "".join(
        f'<dt>{escape(name)}</dt><dd dir="auto">{value}</dd>'
        for name, value in _provenance(result.provenance)
    )
    return (
        f'<p class="lead">{lead}</p>{_gates(gates_failed)}{_beside(comparisons)}'
        f'<details class="card"><summary>What the figures are of</summary><dl>{told}</dl></details>'
    )


def _gates(failed: Sequence[Failure | str] | None) -> str:
    if failed is None:
        return '<p class="verdict">No gates were looked at.</p>'
    if not failed:
        return '<p class="verdict good"><span aria-hidden="true">✓ </span>All gates passed.</p>'
    missed = "".join(f'<li dir="auto">{escape(str(failure))}</li>' for failure in failed)
    count = f"{len(failed)} gate{'s' if len(failed) > 1 else ''} missed"
    return f'<div class="verdict bad"><p><span aria-hidden="true">✗ </span>{count}</p><ul>{missed}</ul></div>'


def _beside(comparisons: Comparisons | None) -> str:
    """Say in what this run differs from the other, and what came of that."""
    if comparisons is None:
        return ""
    listed = "".join(f'<li dir="auto">{escape(line)}</li>' for line in comparisons.measured_on)
    apart = f"<p>What is not as in the other run:</p><ul>{listed}</ul>" if listed else (
        "<p>Documents, settings, program and set are as in the other run.</p>"
    )  # fmt: skip
    return f'<div class="card beside"><p>{escape(" ".join(summary(comparisons)))}</p>{apart}</div>'


def _provenance(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a run was measured on, as names and HTML."""
    for name, value in provenance.items():
        if name == "settings" and isinstance(value, dict):
            yield from _provenance(value)
        elif name == "documents" and isinstance(value, list):
            rows = "".join(f"<li>{escape(_told(entry))}</li>" for entry in value)
            yield name, f"<details><summary>{len(value):,}</summary><ul>{rows}</ul></details>"
        else:
            yield name.replace("_", " "), escape(_told(value))


def _told(value: object) -> str:
    """Return a value in words, as plainly as it can be."""
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    if isinstance(value, dict) and set(value) == {"source", "sha256"}:
        return f"{value['source']}, SHA-256 {value['sha256']}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _figures(
    result: Result,
    against: Result | None,
    comparisons: Comparisons | None,
    gates_failed: Sequence[Failure | str],
) -> str:
    """Return the table of figures, of both runs with their difference where there are two."""
    failed = {failure.figure for failure in gates_failed if isinstance(failure, Failure)}
    of_runs = [(run.figures, run.intervals) for run in (result, against) if run is not None]
    sections = {**SECTIONS, "Published metrics of the set": tuple(result.published)}
    heads = ["Figure", "This run", *(("Other run", "Difference") if comparisons is not None else ())]
    bodies = []
    for section, names in sections.items():
        rows = []
        for name in names:
            cells = [_value(name, *of_run) for of_run in of_runs]
            if comparisons is not None:
                cells.append(_difference(name, [figures for figures, _ in of_runs], comparisons.of(name)))
            rows.append(_figure_row(name, cells, missed=name in failed))
        bodies.append(_body(section, rows, len(heads)))
    if comparisons is not None:
        paired = [found for found in comparisons.figures if found.figure not in of_runs[0][0]]
        bodies.append(_body("Case by case", map(_paired_row, paired), len(heads)))
    explained = "Below each figure is its 95 % interval by bootstrap over the cases."
    if comparisons is not None:
        explained += (
            " A difference is this run less the other, on the cases that both have; it is called better or "
            f"worse where p ≤ 0.05 after Holm’s correction for {len(comparisons.figures)} figures."
        )
    head = "".join(f'<th role="columnheader" scope="col">{name}</th>' for name in heads)
    return (
        '<div class="card wide" role="region" aria-label="Figures" tabindex="0">'
        f'<table role="table" class="figures"><caption>{explained}</caption><thead role="rowgroup">'
        f'<tr role="row">{head}</tr></thead>{"".join(bodies)}</table></div>'
    )


def _body(section: str, rows: Iterable[str], width: int) -> str:
    held = "".join(rows)
    head = f'<th role="rowheader" scope="rowgroup" colspan="{width}" class="section">{escape(section)}</th>'
    return f'<tbody role="rowgroup"><tr role="row">{head}</tr>{held}</tbody>' if held else ""


def _figure_row(name: str, cells: Iterable[str], *, missed: bool = False) -> str:
    """Return a row. Its roles are named, since a narrow screen has it drawn otherwise than a row."""
    mark = '<span class="missed">gate missed</span>' if missed else ""
    head = f'<th role="rowheader" scope="row">{escape(figure_label(name))}{mark}</th>'
    held = "".join(f'<td role="cell">{cell}</td>' for cell in cells)
    return f'<tr role="row">{head}{held}</tr>'


def _value(name: str, figures: Mapping[str, float], bounds: Mapping[str, Interval]) -> str:
    if name not in figures:
        return "–"
    if name in COUNTS:
        return f"{figures[name]:,.0f}"
    under = f'<span class="interval">{_between(bounds[name])}</span>' if name in bounds else ""
    return f"{figures[name]:.3f}{under}"


def _between(interval: Interval) -> str:
    return f"{interval.low:.3f}–{interval.high:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _difference(name: str, figures: Sequence[Mapping[str, float]], found: Difference | None) -> str:
    """Return the difference of a figure, and what it is worth where that was tested."""
    if found is None:
        if name in COUNTS or not all(name in of_run for of_run in figures):
            return ""
        change = figures[0][name] - figures[1][name]
        return _signed(change) if abs(change) >= _SEEN else _SAME
    interval = found.comparison.difference
    if max(abs(interval.low), abs(interval.value), abs(interval.high)) < _SEEN:
        return _SAME
    worth = "better" if found.better else "worse"
    told = f'<strong class="{worth}">{worth}</strong>' if found.significant else "may be chance"
    return (
        f'{_signed(interval.value)} <span class="worth">{told}</span>'
        f'<span class="interval">{_signed(interval.low)} to {_signed(interval.high)}; '
        f"p {found.adjusted:.3f}, {escape(found.comparison.method.value)}</span>"
    )


def _paired_row(found: Difference) -> str:
    values = [f"{value:.3f}" for value in (found.comparison.second, found.comparison.first)]
    return _figure_row(found.figure, [*values, _difference(found.figure, (), found)])


def _time(result: Result, against: Result | None) -> str:
    times = [run.milliseconds for run in (result, against) if run is not None]
    heads = ["Step", "p50, ms", "p95, ms", *(("Other run: p50", "p95") if against is not None else ())]
    rows = [
        [
            escape(step),
            *(f"{of_run[step][part]:.1f}" if step in of_run else "–" for of_run in times for part in _PARTS),
        ]
        for step in dict.fromkeys(step for of_run in times for step in of_run)
    ]
    return f'<div class="card">{table("What the steps of an answer took", heads, rows)}</div>' if rows else ""
