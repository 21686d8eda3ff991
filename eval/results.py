"""The result of a run: what it was measured on, and what became of each case. A file holds it whole."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from eval import figures
from eval.calibration import reliability
from eval.failures import failure_kind
from eval.outcomes import Outcome
from eval.rounding import encoded, rounded
from eval.significance import Interval
from index.disk import write_whole
from index.errors import InputError, SourceNotFound

FORMAT = 1
_DECIMALS = 6
_OUTCOMES = TypeAdapter(tuple[Outcome, ...])


class _Provenance(BaseModel):
    """What the provenance of a result has to have; it has more."""

    model_config = ConfigDict(extra="allow")

    set: str
    set_sha256: str


class _Stored(BaseModel):
    """The parts of a file that a result is read from."""

    provenance: _Provenance
    published: dict[str, FiniteFloat]
    cases: Annotated[tuple[Outcome, ...], Field(min_length=1)]


class InvalidResult(InputError):
    """A file that is no result of a run, or results that do not go together."""

    code = "invalid_result"


@dataclass(frozen=True)
class Result:
    """What a run was measured on, and what became of each case in order.

    `published` are the figures that a public set has of its own, by name.
    """

    provenance: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    published: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the set."""
        return str(self.provenance["set"])

    @cached_property
    def figures(self) -> dict[str, float]:
        """All figures by name."""
        return {**figures.figures(self.outcomes), **self.published}

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Those figures that have one with their interval."""
        return figures.intervals(self.outcomes)

    @property
    def by_kind(self) -> dict[str, dict[str, int]]:
        """How the questions of each kind went."""
        return figures.by_kind(self.outcomes)

    @property
    def risk_coverage(self) -> list[dict[str, float]]:
        """The risk at some coverages."""
        return figures.risk_coverage(self.outcomes)

    @property
    def milliseconds(self) -> dict[str, dict[str, float]]:
        """p50 and p95 of each step."""
        return figures.milliseconds(self.outcomes)


def as_json(result: Result, gates_failed: Sequence[str] = ()) -> dict[str, Any]:
    """Return everything about a run in plain types; times alone vary between runs of the same."""
    outcomes = result.outcomes
    answerable = [outcome.answerable for outcome in outcomes]
    bins = reliability([outcome.confidence for outcome in outcomes], answerable)
    told: list[dict[str, Any]] = _OUTCOMES.dump_python(outcomes, mode="json")
    for case, outcome in zip(told, outcomes, strict=True):
        case["failure"] = failure_kind(outcome)
    return {
        "format": FORMAT,
        "provenance": dict(result.provenance),
        "figures": rounded(result.figures, _DECIMALS),
        "intervals": rounded(
            {name: [entry.low, entry.high] for name, entry in result.intervals.items()}, _DECIMALS
        ),
        "published": dict(result.published),
        "by_kind": result.by_kind,
        "risk_coverage": result.risk_coverage,
        "reliability": rounded([asdict(entry) for entry in bins], _DECIMALS),
        "gates_failed": list(gates_failed),
        "cases": told,
        "milliseconds": result.milliseconds,
    }


def require_writable(path: Path) -> None:
    """Raise `InvalidResult` where a result cannot be written, as far as that is known before a run."""
    if path.is_dir() or not path.parent.is_dir():
        why = os.strerror(errno.EISDIR if path.is_dir() else errno.ENOENT)
        raise InvalidResult(f"{str(path)!r} cannot be written: {why}")


def write_result(path: Path, told: Mapping[str, Any]) -> None:
    """Write what `as_json` returned; raise `InvalidResult` where it cannot be written."""
    try:
        write_whole(path.resolve(), [encoded(told, indent=1) + b"\n"])
    except OSError as error:
        raise InvalidResult(f"{str(path)!r} cannot be written: {error.strerror}") from error


def read_result(path: Path) -> Result:
    """Read a result from its file; raise `SourceNotFound`, or `InvalidResult` saying what is wrong."""
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise SourceNotFound(
            f"there is no result {str(path)!r}: `quotebound eval run SET --output {path.name}` makes one"
        ) from error
    except OSError as error:
        raise SourceNotFound(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidResult(f"{path.name} is no result of `quotebound eval run`: it is not JSON") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else None
        raise InvalidResult(
            f"{path.name} is no result of `quotebound eval run` in format {FORMAT}, but in {found!r}: "
            "run the set anew"
        )
    try:
        stored = _Stored.model_validate(told)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"]))
        raise InvalidResult(f"{path.name} is damaged: {place}: {wrong['msg']}") from error
    outcomes = stored.cases
    if len({outcome.id for outcome in outcomes}) < len(outcomes):
        raise InvalidResult(f"{path.name} is damaged: a case stands twice in it")
    if not all(0.0 <= outcome.confidence <= 1.0 for outcome in outcomes):
        raise InvalidResult(f"{path.name} is damaged: a confidence in it is no probability")
    return Result(dict(told["provenance"]), outcomes, stored.published)
