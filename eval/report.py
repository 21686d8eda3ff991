"""What a run found, as JSON for programs and as tables for people, and whether it passes the gates."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.cases import InvalidCase
from eval.figures import Outcome
from eval.runner import Result
from index.errors import SourceNotFound

GATES_FILE = Path(__file__).with_name("gates.toml")

_SECTIONS = {
    "Retrieval": ("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10"),
    "Answers": ("exact_match", "token_f1"),
    "Evidence": (
        "best_sentence_right",
        "first_citation_right",
        "evidence_precision",
        "evidence_recall",
        "evidence_f1",
    ),
    "Abstention": (
        "abstention_precision",
        "abstention_recall",
        "abstention_f1",
        "answerable_auroc",
        "risk_coverage_area",
    ),
    "Quotes": ("quotes", "quote_invariant", "mutants", "mutants_passed"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A figure on the wrong side of its gate."""

    figure: str
    value: float
    bound: float
    at_most: bool

    def __str__(self) -> str:
        side = "at most" if self.at_most else "at least"
        return f"{self.figure} is {self.value:.4g}, and has to be {side} {self.bound:.4g}"


def failures(result: Result, gates: Path) -> list[Failure]:
    """Return the gates of the run's set that its figures do not pass; a set without gates passes.

    Raise `SourceNotFound` where there is no such file, `InvalidCase` for a gate on an unknown figure.
    """
    try:
        table: dict[str, Any] = tomllib.loads(gates.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no gates file {str(gates)!r}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidCase(f"{gates.name} is not TOML: {error}") from error
    bounds = dict(table.get(result.provenance["set"], {}))
    ceilings = bounds.pop("at_most", {})
    unknown = sorted({*bounds, *ceilings} - set(result.figures))
    if unknown:
        raise InvalidCase(f"{gates.name} has a gate on {unknown[0]!r}, which is no figure of a run")
    missed = [
        Failure(name, result.figures[name], bound, at_most=False)
        for name, bound in bounds.items()
        if result.figures[name] < bound
    ]
    missed += [
        Failure(name, result.figures[name], bound, at_most=True)
        for name, bound in ceilings.items()
        if result.figures[name] > bound
    ]
    return missed


def as_json(result: Result, missed: list[Failure]) -> dict[str, Any]:
    """Return everything about a run in plain types; timings are apart, being the only part that varies."""
    return {
        "provenance": result.provenance,
        "figures": {name: round(value, 6) for name, value in result.figures.items()},
        "by_kind": result.by_kind,
        "risk_coverage": result.risk_coverage,
        "gates_failed": [str(failure) for failure in missed],
        "cases": [_case(outcome) for outcome in result.outcomes],
        "milliseconds": result.milliseconds,
    }


def _case(outcome: Outcome) -> dict[str, Any]:
    answer = outcome.answer
    return {
        "id": outcome.case.id,
        "question": outcome.case.question,
        "kind": outcome.case.kind,
        "answerable": outcome.case.answerable,
        "status": answer.status,
        "confidence": round(answer.confidence, 6),
        "answer": answer.text,
        "citations": [
            {
                "document_id": citation.quote.document_id,
                "source": citation.source,
                "start": citation.quote.start,
                "end": citation.quote.end,
            }
            for citation in answer.citations
        ],
        "first_citation_right": outcome.first_right,
        "best_sentence_right": outcome.candidate_right,
        "evidence_ranks": list(outcome.ranks),
    }


def as_tables(result: Result, missed: list[Failure]) -> RenderableType:
    """Return a run's figures for a terminal."""
    counts = result.figures
    head = Text(
        f"{result.provenance['set']}: {counts['cases']:.0f} questions, "
        f"{counts['answerable']:.0f} answerable, {counts['answered']:.0f} answered"
    )
    figures = Table("", "figure", "value", title="Figures", title_justify="left")
    failed = {failure.figure for failure in missed}
    for section, names in _SECTIONS.items():
        for place, name in enumerate(names):
            value = counts[name]
            shown = f"{value:.0f}" if name in ("quotes", "mutants", "mutants_passed") else f"{value:.3f}"
            figures.add_row("" if place else section, name, Text(shown, "bold red" if name in failed else ""))
        figures.add_section()
    risk = Table("coverage", "risk", "threshold", title="Risk at coverage", title_justify="left")
    for point in result.risk_coverage:
        risk.add_row(*(f"{point[key]:.3f}" for key in ("coverage", "risk", "threshold")))
    parts: list[RenderableType] = [head, figures, risk, *_details(result)]
    parts += [Text(f"gate missed: {failure}", "bold red") for failure in missed]
    if not missed:
        parts.append(Text("gates passed", "bold green"))
    return Group(*parts)


def _details(result: Result) -> list[RenderableType]:
    kinds = Table("kind", "cases", "best sentence right", "abstained", title="By kind", title_justify="left")
    for kind, row in result.by_kind.items():
        kinds.add_row(kind, *(str(row[key]) for key in ("cases", "best_sentence_right", "abstained")))
    times = Table("step", "p50 ms", "p95 ms", title="Time", title_justify="left")
    for step, taken in result.milliseconds.items():
        times.add_row(step, f"{taken['p50']:.1f}", f"{taken['p95']:.1f}")
    return [kinds, times] if result.by_kind else [times]
