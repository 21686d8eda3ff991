"""The fault sweep: each operation, struck at each of its calls in each way, and then looked at.

An operation that was acknowledged is there in full after whatever came; one that raised or died is
there wholly or not at all, and can be done again. See `torture.server` for what is looked at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import Any, Self

from torture.operations import OPERATIONS
from torture.outcomes import Outcome, Surveyed
from torture.shim import Kind

_TESTS = Path(__file__).absolute().parent.parent
NAMES = tuple(operation.name for operation in OPERATIONS)
WORKERS = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Point:
    """One fault to try: which operation, which of its calls (from 1), and how."""

    operation: str
    kind: Kind
    at: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many faults of one kind were tried on one operation, and what came of them.

    `struck` of the `runs` hit a call; the others came after the last one. `lacking` are those after
    which the search by words lacked something until the next change.
    """

    operation: str
    kind: str
    runs: int
    struck: int
    returned: int
    raised: int
    died: int
    lacking: int
    violations: int


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What came of a sweep: counts, and each outcome in which a promise was broken."""

    tallies: tuple[Tally, ...]
    violations: tuple[Outcome, ...]

    @property
    def runs(self) -> int:
        """How many faults were tried."""
        return sum(tally.runs for tally in self.tallies)


def worker_environment() -> dict[str, str]:
    """Return the environment for a process that imports this package, and runs on one thread.

    What forks must have no other threads.
    """
    path = os.pathsep.join([str(_TESTS), str(_TESTS.parent)])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}


class Worker:
    """A fork server in a process of its own."""

    def __init__(self, mode: str | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "torture.server", *([mode] if mode else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # tantivy's panics are told there, and are no news here.
            stderr=None if os.environ.get("TORTURE_STDERR") else subprocess.DEVNULL,
            text=True,
            env=worker_environment(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def survey(self, operation: str) -> Surveyed:
        """Return the calls of an operation that runs unharmed."""
        answer = self._ask({"operation": operation})
        return Surveyed(**answer)

    def attempt(self, point: Point) -> Outcome:
        """Try one fault."""
        answer = self._ask({"operation": point.operation, "kind": point.kind.name, "at": point.at})
        return Outcome(**answer | {"problems": tuple(answer["problems"])})

    def _ask(self, request: dict[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fork server ended at {request}; TORTURE_STDERR=1 shows why")
        answer: dict[str, Any] = json.loads(line)
        return answer


def plan(operation: str, surveyed: Surveyed, kinds: Iterable[Kind], points: int | None) -> Iterator[Point]:
    """Yield the faults to try on an operation: at every call, or about `points` of each kind.

    A sample is of all sorts of calls alike: one rename is as much to it as the many writes of a file.
    What happens once the operation has returned can only be struck by a kill. Two of the same are
    left out: half of what is no write is a kill, and a disk that is full from a call on that takes no
    room is full from the next one that does.
    """
    for kind in kinds:
        numbers: Sequence[int] = range(1, (len(surveyed.calls) if kind.kills else surveyed.performed) + 1)
        if kind is Kind.TORN:
            numbers = surveyed.writing
        elif kind is Kind.FULL:
            numbers = [number for number in surveyed.growing if number <= surveyed.performed]
        if points is not None:
            numbers = sorted(_sample(surveyed.calls, numbers, points, Random(f"{operation} {kind.name}")))
        for at in numbers:
            yield Point(operation, kind, at)


def _sample(calls: Sequence[str], numbers: Sequence[int], points: int, random: Random) -> list[int]:
    # Files of the folder itself are the catalog's: half of the sample at least is about the truth.
    derived = [number for number in numbers if "/" in calls[number - 1]]
    truth = [number for number in numbers if "/" not in calls[number - 1]]
    chosen = _of_each_sort(calls, derived, points // 2, random)
    return chosen + _of_each_sort(calls, truth, points - len(chosen), random)


def _of_each_sort(calls: Sequence[str], numbers: Sequence[int], points: int, random: Random) -> list[int]:
    sorts: defaultdict[str, list[int]] = defaultdict(list)
    for number in numbers:
        sorts[_sort(calls[number - 1])].append(number)
    chosen: list[int] = []
    while len(chosen) < min(points, len(numbers)):
        left = [members for members in sorts.values() if members]
        for members in random.sample(left, min(len(left), points - len(chosen))):
            chosen.append(members.pop(random.randrange(len(members))))
    return chosen


def _sort(call: str) -> str:
    name, _, path = call.partition(" ")
    # tantivy names its files by random digits.
    file = Path(path)
    return f"{name} {file.parent.name if len(file.parts) > 1 else ''} {file.suffix}"


def sweep(
    operations: Iterable[str] = NAMES,
    *,
    kinds: Collection[Kind] = tuple(Kind),
    points: int | None = None,
    workers: int = WORKERS,
    mode: str | None = None,
) -> SweepResult:
    """Try faults on some operations, `points` of each kind on each or at every call, and return what came."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Worker(mode)) for _ in range(workers)]
        idle: SimpleQueue[Worker] = SimpleQueue()
        for server in servers:
            idle.put(server)

        def attempt(point: Point) -> Outcome:
            server = idle.get()
            try:
                return server.attempt(point)
            finally:
                idle.put(server)

        planned = [
            point for name in operations for point in plan(name, servers[0].survey(name), kinds, points)
        ]
        with ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(attempt, planned))
    return summary(outcomes)


def together(results: Sequence[SweepResult]) -> SweepResult:
    """Return several results as one."""
    return SweepResult(
        tuple(tally for result in results for tally in result.tallies),
        tuple(violation for result in results for violation in result.violations),
    )


def summary(outcomes: Sequence[Outcome]) -> SweepResult:
    """Count outcomes by operation and kind."""
    groups: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.operation, outcome.kind].append(outcome)
    tallies = []
    for (operation, kind), group in groups.items():
        ends = Counter(
            outcome.acknowledged if outcome.acknowledged in {"returned", "died"} else "raised"
            for outcome in group
        )
        tallies.append(
            Tally(
                operation,
                kind,
                runs=len(group),
                struck=sum(outcome.struck is not None for outcome in group),
                returned=ends["returned"],
                raised=ends["raised"],
                died=ends["died"],
                lacking=sum(outcome.lacking for outcome in group),
                violations=sum(bool(outcome.problems) for outcome in group),
            )
        )
    return SweepResult(tuple(tallies), tuple(outcome for outcome in outcomes if outcome.problems))
