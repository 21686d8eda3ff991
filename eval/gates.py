"""Whether a run is good enough to release on: thresholds, and a stored baseline that it may not fall below.

A gates file is TOML with a table for each set, by its name:

    [seeds]
    recall_at_5 = 0.97              # a figure of the run, and the least it may be

    [seeds.at_most]
    mutants_passed = 0              # and the most

    [seeds.baseline]
    file = "baselines/seeds.json"   # beside this file; `quotebound eval gate RESULT --store FILE` makes it
    tolerance = 0.02                # by how much a figure may be worse than there

    [seeds.baseline.tolerances]
    token_f1 = 0.03                 # for one figure
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from eval.cases import InvalidCase
from eval.results import InvalidResult, Result
from eval.rounding import encoded
from index.disk import write_whole
from index.errors import SourceNotFound

GATES_FILE = Path(__file__).with_name("gates.toml")
TOLERANCE = 0.02
_DECIMALS = 6
_ROUNDED = 1e-6

# Of these less is better; of all others that are compared with a baseline, more.
LESS_IS_BETTER = frozenset(
    {
        "risk_coverage_area",
        "risk_coverage_excess",
        "calibration_error",
        "calibration_error_mass",
        "calibration_error_max",
        "brier_score",
        "mutants_passed",
    }
)
# Counts say how much was asked, and how it was spread; no count of them is better than another.
_COUNTS = frozenset(
    {"cases", "answerable", "answered", "quotes", "mutants", "citation_claims", "citation_claims_by_gold"}
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A figure on the wrong side of its gate; `baseline` is what it was where the bound comes from that."""

    figure: str
    value: float
    bound: float
    at_most: bool
    baseline: float | None = None

    def __str__(self) -> str:
        side = "at most" if self.at_most else "at least"
        whence = f", being {self.baseline:.4g} in the baseline" if self.baseline is not None else ""
        # As many digits as tell the two apart.
        digits = next((n for n in range(4, 17) if f"{self.value:.{n}g}" != f"{self.bound:.{n}g}"), 17)
        return (
            f"{self.figure} is {self.value:.{digits}g}, and has to be {side} {self.bound:.{digits}g}{whence}"
        )


class _Against(BaseModel):
    """The table on a stored baseline."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: str
    tolerance: FiniteFloat = TOLERANCE
    tolerances: dict[str, FiniteFloat] = Field(default_factory=dict)


class _Gates(BaseModel):
    """The table of a set; what it has beside these fields are figures with the least they may be."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, FiniteFloat]

    at_most: dict[str, FiniteFloat] = Field(default_factory=dict)
    baseline: _Against | None = None


class Baseline(BaseModel):
    """The figures of a run that later ones are held to, and of which version and sample of which set."""

    model_config = ConfigDict(strict=True)

    set: str
    set_sha256: str
    sample: int | None = None
    figures: dict[str, FiniteFloat]


def failures(result: Result, gates: Path) -> list[Failure]:
    """Return the gates of the run's set that its figures do not pass; a set without gates passes.

    Raise `SourceNotFound` where there is no such file, or no such baseline; `InvalidCase` for a gate on an
    unknown figure, or a baseline that is of something else.
    """
    table = _gates_of(gates, result.name)
    floors, ceilings = dict(table.model_extra or {}), table.at_most
    for name in (*floors, *ceilings):
        if name not in result.figures:
            raise InvalidCase(f"{gates.name} has a gate on {name!r}, which is no figure of a run")
    missed = [*_missed(result, floors, at_most=False), *_missed(result, ceilings, at_most=True)]
    if table.baseline is not None:
        missed += _worse(result, gates, table.baseline)
    return missed


def gated(gates: Path, name: str) -> bool:
    """Tell whether a set has gates; raise as `failures` does where the file cannot be used."""
    table = _gates_of(gates, name)
    return bool(table.model_extra or table.at_most or table.baseline)


def require(gates: Path, name: str) -> None:
    """Raise what `failures` would of the gates of a set, as far as that is known before a run."""
    table = _gates_of(gates, name)
    if table.baseline is not None:
        read_baseline(gates.parent / table.baseline.file)


def comparable(name: str) -> bool:
    """Tell whether a figure may be better or worse than another of its name."""
    return name not in _COUNTS and not name.startswith("failures_")


def store_baseline(path: Path, result: Result) -> None:
    """Write a run's figures as a baseline; raise `InvalidResult` where that cannot be written."""
    told = {
        "set": result.name,
        "set_sha256": result.provenance["set_sha256"],
        "sample": result.provenance.get("sample"),
        "commit": result.provenance.get("commit"),
        "figures": {
            name: round(value, _DECIMALS)
            for name, value in sorted(result.figures.items())
            if comparable(name)
        },
    }
    try:
        write_whole(path.resolve(), [encoded(told, indent=2) + b"\n"])
    except OSError as error:
        raise InvalidResult(f"{str(path)!r} cannot be written: {error.strerror}") from error


def _gates_of(gates: Path, name: str) -> _Gates:
    try:
        tables: dict[str, Any] = tomllib.loads(_text(gates, "gates file", ""))
    except tomllib.TOMLDecodeError as error:
        raise InvalidCase(f"{gates.name} is not TOML: {error}") from error
    try:
        return _Gates.model_validate(tables.get(name, {}))
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"][-1:])) or name
        if wrong["type"].startswith(("float", "finite")):
            raise InvalidCase(
                f"{gates.name}: {place} is {wrong['input']!r}, and has to be a number"
            ) from error
        raise InvalidCase(
            f"{gates.name}: {place} of {name} is not as it has to be: {wrong['msg']}"
        ) from error


def _text(path: Path, called: str, way_out: str) -> str:
    """Return what a file holds; raise `SourceNotFound` or `InvalidCase`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        shown = path.name if way_out else str(path)
        raise SourceNotFound(f"there is no {called} {shown!r}{way_out}") from error
    except OSError as error:
        raise SourceNotFound(f"the {called} {str(path)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidCase(f"{path.name} is not TOML: it is not UTF-8") from error


def _missed(result: Result, bounds: Mapping[str, float], *, at_most: bool) -> Iterator[Failure]:
    for name, bound in bounds.items():
        value = result.figures[name]
        if value > bound if at_most else value < bound:
            yield Failure(name, value, bound, at_most)


def _worse(result: Result, gates: Path, against: _Against) -> Iterator[Failure]:
    """Yield the figures that are worse than in the baseline by more than is tolerated."""
    baseline = read_baseline(gates.parent / against.file)
    told = result.provenance
    of_run = (result.name, told["set_sha256"], told.get("sample"))
    if (baseline.set, baseline.set_sha256, baseline.sample) != of_run:
        raise InvalidCase(
            f"{against.file} is of another version of {result.name}, or of another sample or set: "
            f"store a new baseline with `quotebound eval gate RESULT --store {against.file}`"
        )
    if unknown := sorted(set(against.tolerances) - set(baseline.figures)):
        raise InvalidCase(f"{gates.name} tolerates something of {unknown[0]!r}, which the baseline has not")
    for name, before in baseline.figures.items():
        if name not in result.figures:
            raise InvalidCase(f"{against.file} has the figure {name!r}, which a run has not: store it anew")
        tolerance = against.tolerances.get(name, against.tolerance)
        value, at_most = result.figures[name], name in LESS_IS_BETTER
        bound = before + tolerance if at_most else before - tolerance
        # By no more than what was rounded when the baseline was stored.
        if value > bound + _ROUNDED if at_most else value < bound - _ROUNDED:
            yield Failure(name, value, bound, at_most, before)


def read_baseline(path: Path) -> Baseline:
    """Read a baseline; raise `SourceNotFound`, or `InvalidCase` where it is none."""
    text = _text(path, "baseline", ": `quotebound eval gate RESULT --store FILE` makes one of a result")
    try:
        return Baseline.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"]))
        raise InvalidCase(f"{path.name} is no baseline: {place or 'it'}: {wrong['msg']}") from error
