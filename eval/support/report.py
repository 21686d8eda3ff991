"""The figures of the support score, for programs and for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.rounding import rounded
from eval.significance import Interval
from eval.support.run import SCORES, SupportFigures


def as_json(figures: SupportFigures) -> dict[str, Any]:
    """Return all figures in plain types, to four decimals."""
    told: dict[str, Any] = rounded(asdict(figures))
    return told


def as_tables(figures: SupportFigures) -> RenderableType:
    """Return the figures for a terminal."""
    scores = Table(
        "pairs", "supported", "score", "AUROC", "balanced accuracy", f"at {figures.threshold:.2f}",
        "AUROC behind", title="Supported or not", title_justify="left",
    )  # fmt: skip
    for task in figures.tasks:
        for place, found in enumerate(task.scores):
            scores.add_row(
                "" if place else task.name,
                "" if place else f"{task.supported} of {task.pairs}",
                found.score,
                _shown(found.auroc),
                _shown(found.balanced),
                _shown(found.fixed) if found.fixed else "",
                _shown(found.behind) if found.behind else "",
            )
        scores.add_section()
    gates = Table(
        "pairs", "not supported withheld", "supported lost", "precision", "were nine in ten supported",
        title=f"Withholding what scores below {figures.tasks[0].gate.bound:.2f}", title_justify="left",
    )  # fmt: skip
    for task in figures.tasks:
        gate = task.gate
        gates.add_row(
            task.name,
            f"{gate.withheld:.3f}",
            _shown(gate.lost),
            _shown(gate.precision),
            f"{gate.usual_precision:.3f}",
        )
    altered = Table("made by", "pairs", *SCORES, title="AUROC by what is wrong", title_justify="left")
    for entry in figures.alterations:
        altered.add_row(entry.kind, str(entry.pairs), *(f"{entry.auroc[name]:.3f}" for name in SCORES))
    note = Text(
        "Balanced accuracy: the threshold is cross-validated within the pairs; then at the fitted threshold. "
        "In brackets the 95 % interval by bootstrap."
    )
    return Group(scores, note, gates, altered)


def _shown(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
