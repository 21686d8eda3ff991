"""A run as a comment under a pull request: short, whatever the run, and nothing in it but text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from eval.comparing import Change, Comparisons, Difference, compared
from eval.failures import FailureKind, failure_kind
from eval.gates import Failure
from eval.report.cases import failure_label, figure_label, require_cases, summary
from eval.results import Result

MAIN = (
    "recall_at_5",
    "mrr",
    "best_sentence_right",
    "first_citation_right",
    "token_f1",
    "evidence_f1",
    "citation_f1",
    "abstention_f1",
    "answerable_auroc",
    "risk_coverage_area",
    "quote_invariant",
)
# How many of each at most, so that the whole stays short.
_PUBLISHED, _DIFFERING, _GATES, _APART, _CASES = 4, 4, 8, 4, 10
_MOST = 160
_TICKS = re.compile("`+")


def markdown(
    result: Result, against: Result | None = None, gates_failed: Sequence[Failure | str] | None = None
) -> str:
    """Return a run as Markdown of fewer than 60 lines, compared with another one if that is given.

    What comes from documents, questions and settings stands in code spans, where neither Markdown nor HTML
    is read, nobody is mentioned and nothing is linked. `gates_failed` says why each gate was missed; None
    says that nobody looked. Raise `InvalidResult` as a page does.
    """
    require_cases(result)
    comparisons = compared(against, result) if against is not None else None
    lines = [*_verdict(result, gates_failed), *_figures(result, against, comparisons)]
    if comparisons is not None:
        lines += ["", *summary(comparisons)[:1]]
        lines += _listed(comparisons.measured_on, _APART)
    lines += _cases(result, comparisons)
    return "\n".join(lines) + "\n"


def code(text: str, most: int = _MOST) -> str:
    """Return text, on one line and cut short, as a code span that it cannot end."""
    # Controls, and signs that would turn the rest of the line round.
    seen = "".join(
        " " if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
        for character in text[: 4 * most]
    )
    held = " ".join(seen.split())
    held = held if len(held) <= most else f"{held[: most - 1]}…"
    if not held:
        return "(empty)"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(held)), default=0))
    # Next to the fence a backtick would be part of it.
    return f"{fence} {held} {fence}" if "`" in held else f"{fence}{held}{fence}"


def _verdict(result: Result, failed: Sequence[Failure | str] | None) -> Iterator[str]:
    if failed is None:
        state = "no gates were looked at"
    elif failed:
        state = f"{len(failed)} gate{'s' if len(failed) > 1 else ''} missed ❌"
    else:
        state = "all gates passed ✅"
    figures = result.figures
    right = sum(failure_kind(outcome) is FailureKind.NONE for outcome in result.outcomes)
    commit = result.provenance.get("commit")
    yield f"### Eval of {code(result.name, 60)}: {state}"
    yield ""
    yield (
        f"{right:,} of {figures['cases']:,.0f} cases went right; {figures['answered']:,.0f} were answered"
        f"{f', at {code(str(commit), 60)}' if commit else ''}."
    )
    yield from _listed([str(failure) for failure in failed or ()], _GATES)


def _figures(result: Result, against: Result | None, comparisons: Comparisons | None) -> Iterator[str]:
    bounds = result.intervals
    names = {name: figure_label(name) for name in MAIN}
    # A pipe would end the cell within a code span, too, and a backslash before it is no help after another.
    published = [name for name in result.published if name not in names][:_PUBLISHED]
    names |= {name: code(name.replace("|", "\N{DIVIDES}"), 60) for name in published}
    if comparisons is not None:
        differing = [found.figure for found in comparisons.figures if found.significant]
        others = [name for name in differing if name not in names]
        names |= {name: figure_label(name) for name in others[:_DIFFERING]}
    yield ""
    yield f"| figure | value | 95 % interval |{' other run | difference |' if against is not None else ''}"
    yield f"| :-- | --: | --: |{' --: | :-- |' if against is not None else ''}"
    for name, label in names.items():
        found = comparisons.of(name) if comparisons is not None else None
        values = [run.figures.get(name) for run in (result, against) if run is not None]
        if found is not None and values[0] is None:
            # It pairs the runs case by case, and is no figure of one.
            values = [found.comparison.second, found.comparison.first]
        this, *other = ("" if value is None else f"{value:.3f}" for value in values)
        interval = f"{bounds[name].low:.3f} to {bounds[name].high:.3f}" if name in bounds else ""
        change = [_change(found)] if against is not None else []
        yield f"| {' | '.join([label, this, interval, *other, *change])} |"


def _change(found: Difference | None) -> str:
    if found is None:
        return ""
    told = f"{found.comparison.difference.value:+.3f}"
    worth = "better" if found.better else "worse"
    return f"{told} **significantly {worth}**" if found.significant else told


def _cases(result: Result, comparisons: Comparisons | None) -> Iterator[str]:
    """Yield the cases that changed, what went worse first; without another run those most surely wrong."""
    if comparisons is not None:
        order = (Change.WORSE, Change.OTHER, Change.BETTER)
        changed = sorted(comparisons.changed, key=lambda case: order.index(case.change))
        title = "Cases that changed"
        lines = [
            f"- {case.change}: {failure_label(case.before)} → {failure_label(case.after)}: "
            f"{code(case.question)} ({code(case.id, 40)})"
            for case in changed
        ]
    else:
        failed = [
            (outcome, kind)
            for outcome in result.outcomes
            if (kind := failure_kind(outcome)) is not FailureKind.NONE
        ]
        failed.sort(key=lambda entry: -entry[0].confidence)
        title = "Cases that failed, the most confident first"
        lines = [
            f"- {failure_label(kind)}, confidence {outcome.confidence:.2f}: {code(outcome.question)} "
            f"({code(outcome.id, 40)})"
            for outcome, kind in failed
        ]
    if not lines:
        return
    shown = lines[:_CASES]
    count = f"{len(lines):,}" if len(lines) == len(shown) else f"{len(shown)} of {len(lines):,}"
    yield from ("", f"<details><summary>{title}: {count}</summary>", "", *shown, "", "</details>")


def _listed(told: Sequence[str], most: int) -> Iterator[str]:
    """Yield a list of some texts, and how many more there are."""
    if told:
        yield ""
    yield from (f"- {code(line)}" for line in told[:most])
    if len(told) > most:
        yield f"- and {len(told) - most} more"
