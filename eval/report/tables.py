"""What a run found, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.failures import FailureKind, failure_counts
from eval.gates import Failure
from eval.results import Result

# What is shown, in which order, here and on a report's page.
SECTIONS = {
    "Retrieval": ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10"),
    "Answers": ("exact_match", "token_f1", "best_sentence_right", "first_citation_right"),
    "Evidence": (
        "evidence_precision",
        "evidence_recall",
        "evidence_f1",
        "evidence_character_precision",
        "evidence_character_recall",
        "evidence_character_f1",
    ),
    "Citations": ("citation_precision", "citation_recall", "citation_f1"),
    "Abstention": (
        "abstention_precision",
        "abstention_recall",
        "abstention_f1",
        "answerable_auroc",
        "risk_coverage_area",
        "risk_coverage_excess",
    ),
    "Calibration": ("calibration_error", "calibration_error_mass", "calibration_error_max", "brier_score"),
    "Quotes": ("quotes", "quote_invariant", "mutants", "mutants_passed"),
}
COUNTS = ("quotes", "mutants", "mutants_passed")


def as_tables(result: Result, missed: Sequence[Failure] | None) -> RenderableType:
    """Return a run's figures for a terminal; `missed` is None where it was held to no gates."""
    counts = result.figures
    head = Text(
        f"{result.name}: {counts['cases']:.0f} questions, "
        f"{counts['answerable']:.0f} answerable, {counts['answered']:.0f} answered"
    )
    parts: list[RenderableType] = [head, _figures(result, {failure.figure for failure in missed or ()})]
    risk = Table("coverage", "risk", "threshold", title="Risk at coverage", title_justify="left")
    for point in result.risk_coverage:
        risk.add_row(*(f"{point[key]:.3f}" for key in ("coverage", "risk", "threshold")))
    parts += [risk, *_details(result)]
    if missed is None:
        parts.append(Text("held to no gates"))
    elif not missed:
        parts.append(Text("gates passed", "bold green"))
    else:
        parts += [Text(f"gate missed: {failure}", "bold red") for failure in missed]
    return Group(*parts)


def _figures(result: Result, failed: Collection[str]) -> Table:
    bounds = result.intervals
    table = Table("", "figure", "value", "95 % interval", title="Figures", title_justify="left")
    sections = {**SECTIONS, "Published": tuple(result.published)} if result.published else SECTIONS
    for section, names in sections.items():
        for place, name in enumerate(names):
            value = result.figures[name]
            shown = f"{value:.0f}" if name in COUNTS else f"{value:.3f}"
            table.add_row(
                "" if place else section,
                name,
                Text(shown, "bold red" if name in failed else ""),
                f"{bounds[name].low:.3f} to {bounds[name].high:.3f}" if name in bounds else "",
            )
        table.add_section()
    return table


def _details(result: Result) -> Iterator[Table]:
    if kinds := result.by_kind:
        table = Table("kind", "cases", "best sentence right", "abstained", title="By kind",
                      title_justify="left")  # fmt: skip
        for kind, row in kinds.items():
            table.add_row(kind, *(str(row[key]) for key in ("cases", "best_sentence_right", "abstained")))
        yield table
    failed = Table("failure", "cases", title="What went wrong", title_justify="left")
    for kind, count in failure_counts(result.outcomes).items():
        if count and kind is not FailureKind.NONE:
            failed.add_row(kind.replace("_", " "), str(count))
    yield failed
    times = Table("step", "p50 ms", "p95 ms", title="Time", title_justify="left")
    for step, taken in result.milliseconds.items():
        times.add_row(step, f"{taken['p50']:.1f}", f"{taken['p95']:.1f}")
    yield times
