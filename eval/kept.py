"""What a home keeps of evaluations: eval sets of its own documents, and the results of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eval.cases import InvalidCase
from eval.results import InvalidResult, Result, read_result, write_result
from index.errors import NotFound, SourceNotFound

FOLDER = "evaluations"
_NAME = re.compile(r"\w[\w .-]{0,99}")
_SUMMARY = ".summary.json"
# Of a file name 255 may be had, its ending and that of one that is being written among them.
_NAME_BYTES = 200


class RunNotFound(NotFound):
    """There is no run of that id."""

    code = "run_not_found"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it is listed: when it ended, in UTC, of what it was, and a few of its figures."""

    id: str
    ended: str
    set: str
    collection: str | None
    cases: int
    gates_failed: tuple[str, ...]
    figures: Mapping[str, float]


_INFO = TypeAdapter(RunInfo)
_LISTED = ("best_sentence_right", "evidence_f1", "abstention_f1", "quote_invariant")


class Evaluations:
    """The eval sets and results below a home, by name and id. What is there is made when first written."""

    def __init__(self, home: Path) -> None:
        self._sets = home / FOLDER
        self._runs = self._sets / "runs"

    def sets(self) -> list[str]:
        """Return the names of the sets that are kept, in order."""
        return sorted(path.stem for path in self._sets.glob("*.jsonl") if _NAME.fullmatch(path.stem))

    def path_of(self, name: str, *, make: bool = False) -> Path:
        """Return where a set is; raise `InvalidCase` for a name that is none.

        With `make` the folder is made, and the file need not be there; else raise `SourceNotFound`.
        """
        if not _NAME.fullmatch(name) or len(name.encode()) > _NAME_BYTES:
            raise InvalidCase(
                f"{name[:100]!r} is no name for an eval set: "
                "letters, digits, blanks, dots, _ and -, at most 100"
            )
        path = self._sets / f"{name}.jsonl"
        if make:
            _make(self._sets)
        elif not path.is_file():
            raise SourceNotFound(
                f"there is no eval set {name!r}; there are {', '.join(self.sets()) or 'none yet'}"
            )
        return path

    def keep(self, result: Result, told: Mapping[str, Any], ended: datetime | None = None) -> RunInfo:
        """Keep a result, of which `told` is what `as_json` returned; raise `InvalidResult` if that fails."""
        at = ended or datetime.now(UTC)
        name = re.sub(r"[^\w.-]+", "-", result.name)[:60]
        info = RunInfo(
            id=f"{at:%Y%m%dT%H%M%S%f}-{name}",
            ended=at.isoformat(timespec="seconds"),
            set=result.name,
            collection=result.provenance.get("collection"),
            cases=len(result.outcomes),
            gates_failed=tuple(told["gates_failed"]),
            figures={name: round(result.figures[name], 4) for name in _LISTED},
        )
        _make(self._runs)
        write_result(self._runs / f"{info.id}.json", told)
        # Last: what is listed is whole.
        write_result(self._runs / f"{info.id}{_SUMMARY}", asdict(info))
        return info

    def runs(self) -> list[RunInfo]:
        """Return the runs that are kept, the last one first; what is damaged is left out."""
        found = []
        for path in self._runs.glob(f"*{_SUMMARY}"):
            try:
                info = _INFO.validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            if info.id == path.name.removesuffix(_SUMMARY):
                found.append(info)
        return sorted(found, key=lambda info: info.id, reverse=True)

    def result(self, run_id: str) -> Result:
        """Return the result of a run; raise `RunNotFound`, or `InvalidResult` where it is damaged."""
        return read_result(self._known(run_id, ".json"))

    def delete(self, run_id: str) -> None:
        """Do away with a run; raise `RunNotFound`."""
        path = self._known(run_id, ".json")
        self._known(run_id, _SUMMARY).unlink()
        path.unlink()

    def _known(self, run_id: str, suffix: str) -> Path:
        path = self._runs / f"{run_id}{suffix}"
        # Not a path of whoever asked.
        named = _NAME.fullmatch(run_id) and not run_id.endswith(_SUMMARY.removesuffix(".json"))
        if not named or not path.is_file():
            raise RunNotFound(f"there is no run {run_id[:80]!r}; it may have been deleted meanwhile")
        return path


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidResult(f"{str(folder)!r} cannot be made: {error.strerror}") from error
