"""Runs the public sets that are at hand, and simpler systems on the same cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eval.baselines import Baselines, System
from eval.calibration import Bin, reliability
from eval.cases import EvalSet, InvalidCase
from eval.failures import failure_counts
from eval.public import file_sha256
from eval.results import Result
from eval.rounding import encoded, rounded
from eval.significance import Interval
from index.disk import write_whole
from index.errors import SourceNotFound
from rag.ranking import COEFFICIENTS_FILE as RANKING_FILE
from rag.reading.trained import COEFFICIENTS_FILE
from rag.wiring import Application

RECORD_FILE = Path(__file__).with_name("quality.json")
SEEDS = "seeds"


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What the figures were measured with; with anything else they have to be measured anew."""

    model: str
    model_sha256: str
    passages: str
    ranking_sha256: str
    reader_sha256: str


@dataclass(frozen=True, slots=True)
class SetQuality:
    """What a run of a set came to, and what simpler systems find on its cases.

    `in_words` counts the cases that have an answer in words. `figures` are of the run, `intervals` those
    of them that have one, `own` the set's published metrics. `retrieval` and `documents` are by system, the
    latter of documents and not of passages.
    """

    name: str
    cases: int
    sample: int | None
    answerable: int
    in_words: int
    set_sha256: str
    figures: Mapping[str, float]
    intervals: Mapping[str, Interval]
    own: Mapping[str, float]
    failures: Mapping[str, int]
    reliability: tuple[Bin, ...]
    risk_coverage: tuple[Mapping[str, float], ...]
    retrieval: Mapping[str, Mapping[str, float]]
    documents: Mapping[str, Mapping[str, float]]
    nearest_sentence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured, with what; `commit` is that of the program."""

    made_with: MadeWith
    commit: str | None
    sets: tuple[SetQuality, ...]

    def of(self, name: str) -> SetQuality | None:
        """Return what was measured on a set, None where it was not."""
        return next((entry for entry in self.sets if entry.name == name), None)


_QUALITY = TypeAdapter(Quality)


def made_with(application: Application) -> MadeWith:
    """Return what an application's answers are made with."""
    space = application.embedder.identity
    collection = application.home.collection().space
    return MadeWith(
        model=space.name,
        model_sha256=space.weights,
        passages=collection.passages,
        ranking_sha256=file_sha256(RANKING_FILE),
        reader_sha256=file_sha256(COEFFICIENTS_FILE),
    )


def quality_of(
    result: Result, eval_set: EvalSet, application: Application, tell: Callable[[str], None]
) -> SetQuality:
    """Return what a run came to, and ask the same cases of simpler systems."""
    outcomes = result.outcomes
    tell(f"{result.name}: {', '.join(System)}, nearest sentence")
    baselines = Baselines(eval_set, application)
    bins = reliability([outcome.confidence for outcome in outcomes], [o.answerable for o in outcomes])
    return _rounded(
        SetQuality(
            name=result.name,
            cases=len(outcomes),
            sample=eval_set.sample,
            answerable=sum(outcome.answerable for outcome in outcomes),
            in_words=sum(outcome.token_f1 is not None for outcome in outcomes),
            set_sha256=str(result.provenance["set_sha256"]),
            figures={name: value for name, value in result.figures.items() if name not in result.published},
            intervals=result.intervals,
            own=dict(result.published),
            failures={kind.value: count for kind, count in failure_counts(outcomes).items()},
            reliability=tuple(bins),
            risk_coverage=tuple(result.risk_coverage),
            retrieval={system.value: baselines.retrieval(system) for system in System},
            documents={system.value: baselines.documents(system) for system in System},
            nearest_sentence=baselines.nearest_sentence(),
        )
    )


def read_quality(path: Path = RECORD_FILE) -> Quality:
    """Read what was measured; raise `SourceNotFound`, or `InvalidCase` where the file is damaged."""
    try:
        return _QUALITY.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise SourceNotFound(
            f"there is no {path.name}: `quotebound eval quality --data DIR` measures and writes it"
        ) from error
    except ValidationError as error:
        raise InvalidCase(
            f"{path.name} is damaged: {error.error_count()} values are not as expected"
        ) from error


def with_sets(
    before: Quality | None, made: MadeWith, commit: str | None, sets: Sequence[SetQuality]
) -> Quality:
    """Return what was measured before with some sets measured anew; with anything else nothing is kept."""
    anew = {entry.name: entry for entry in sets}
    kept = before.sets if before is not None and before.made_with == made else ()
    names = [entry.name for entry in kept]
    merged = [anew.get(entry.name, entry) for entry in kept]
    merged += [entry for entry in sets if entry.name not in names]
    return Quality(made, commit, tuple(merged))


def write_quality(quality: Quality, path: Path = RECORD_FILE) -> None:
    """Write what was measured."""
    told = _QUALITY.dump_python(quality, mode="json")
    write_whole(path.resolve(), [encoded(told, indent=1) + b"\n"])


def _rounded(entry: SetQuality) -> SetQuality:
    told: dict[str, Any] = rounded(asdict(entry))
    found: SetQuality = TypeAdapter(SetQuality).validate_python(told)
    return found
