"""Kills a process that changes a home, again and again, while another asks; what is left must be whole.

    python -m torture.kills KILLS SEED [hasty]

One process forks all others, which find everything imported. Times are those of one clock, so that
an answer can be held against what was there from its question on until it came.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from random import Random

import structlog

from index.terms import analyze
from torture.children import PATIENCE_SECONDS, Child, Report, require_one_thread
from torture.killable import ask, look, small, write
from torture.ledgers import MODELS, Kind, Operation, State, Version, chunker_of, document_of, embedder_of
from torture.scratch import scratch_folder
from torture.sweep import worker_environment

_EXAMINED_EVERY = 10
_GONE = 40
_SERIALS = 1000


class Moment(StrEnum):
    """From when on the time until a kill is counted."""

    START = "start"
    OPENED = "opened"
    JOB = "job"


# How likely each is, how many lines are then waited for on average, and how many seconds.
_MOMENTS = {Moment.START: (25, 0, 0.05), Moment.OPENED: (50, 10, 0.01), Moment.JOB: (25, 0, 0.03)}
_JOBS = (Kind.STORE, Kind.REINDEX, Kind.PLAN, Kind.ACCEPT)


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of some kills: of the changes acknowledged, those under way, and the answers meanwhile."""

    kills: int
    moments: dict[str, int]
    acknowledged: dict[str, int]
    broken_off: dict[str, int]
    kept_all_the_same: int
    documents: int
    questions: int
    citations: int
    hits: int
    examined: int
    seconds: float
    violations: tuple[str, ...]


@dataclass(slots=True)
class _Life:
    """From when on a document may have been there, and since when it is not for certain."""

    text: str
    born: float
    dead: float | None = None


class Killer:
    """Follows what is said, kills, and holds what is found against what may be there."""

    def __init__(self, home: Path, seed: int, *, hasty: bool) -> None:
        self._home = home
        self._seed = seed
        self._hasty = hasty
        self._random = Random(seed)
        self._may_be = [State()]
        self._operation: Operation | None = None
        self._lives: dict[str, _Life] = {}
        self._gone: list[Version] = []
        self._answers: list[Report] = []
        self._generation = 0
        self._asker = self._new_asker()
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.broken_off: Counter[str] = Counter()
        self.moments: Counter[str] = Counter()

    def _new_asker(self) -> Child:
        return Child(partial(ask, self._home, f"{self._seed}/asker"))

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len(self._may_be[0].documents)

    def round(self, number: int, *, examined: bool) -> None:
        """Kill a process that changes the home; most times, look at what it left."""
        moment = self._random.choices(list(_MOMENTS), [weight for weight, _, _ in _MOMENTS.values()])[0]
        _, lines, seconds = _MOMENTS[moment]
        waited = int(self._random.expovariate(1 / lines)) if lines else 0
        delay = self._random.expovariate(1 / seconds)
        serials = itertools.count(number * _SERIALS)
        writer = Child(
            partial(write, self._home, f"{self._seed}/{number}", serials, self._may_be, hasty=self._hasty)
        )
        self._await(writer, moment, waited, delay)
        self._follow(writer.kill())
        self.moments[moment] += 1
        if self._operation is not None:
            self.broken_off[self._operation.kind] += 1
        # Else the next one opens what was broken off, and may be killed as it does.
        if examined or self._random.random() < 0.75:
            self.look(examined=examined)

    def _await(self, writer: Child, moment: Moment, lines: int, delay: float) -> None:
        """Follow until it is time to kill: so many lines and seconds from the moment on."""
        begun = moment is Moment.START
        deadline = time.monotonic() + (delay if begun else PATIENCE_SECONDS)
        while not writer.over and (left := deadline - time.monotonic()) > 0:
            for line in self._ready(writer, left):
                self._follow([line])
                if begun and lines > 0:
                    lines -= 1
                    deadline = time.monotonic() + (PATIENCE_SECONDS if lines else delay)
                elif not begun and self._begins(moment, line):
                    begun = True
                    deadline = time.monotonic() + (PATIENCE_SECONDS if lines else delay)
        if not begun or lines:
            self.violations.append(f"it ended or hung before its time: {moment}, {lines} more lines")

    @staticmethod
    def _begins(moment: Moment, line: Report) -> bool:
        if moment is Moment.OPENED:
            return "opened" in line
        return "intent" in line and line["intent"]["kind"] in _JOBS

    def _ready(self, child: Child, seconds: float) -> list[Report]:
        """Return what a child says within a time, and keep what the asker says meanwhile."""
        ready, _, _ = select.select([child, self._asker], [], [], seconds)
        if self._asker in ready:
            self._take_answers()
        return child.said() if child in ready else []

    def _take_answers(self) -> None:
        self._answers += self._asker.said()
        if self._asker.over:
            self._asker.kill()
            self._asker = self._new_asker()

    def look(self, *, examined: bool) -> None:
        """Open the home as the next start does, and take what is found as what there is."""
        child = Child(partial(look, self._home, self._may_be, self._gone[-_GONE:], examined=examined))
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines = []
        while not child.over and (left := deadline - time.monotonic()) > 0:
            lines += self._ready(child, left)
        finished = any("looked" in line for line in lines)
        self._follow([*lines, *child.kill()])
        if not finished:
            self.violations.append(f"the next start did not come to its end; may be: {self._may_be[-1]}")
        self.counts["examined"] += examined
        self.check_answers()

    def _follow(self, lines: list[Report]) -> None:
        for line in lines:
            self.violations += line.get("problems", [])
            if "opened" in line:
                self._found(State.read(line["opened"]), line["at"])
            elif "intent" in line:
                self._operation = Operation.read(line["intent"])
                self._may_be = self._operation.path(self._may_be[0])
                self._may_be_born(line["at"])
            elif "done" in line and self._operation is not None:
                self.acknowledged[self._operation.kind] += 1
                self._settled(self._may_be[-1], line["at"])

    def _found(self, state: State, at: float) -> None:
        """Take in what a start finds."""
        if state not in self._may_be:
            broken_off = self._operation or "nothing"
            wanted = " or ".join(map(str, self._may_be))
            self.violations.append(f"after {broken_off} was broken off: {state}, not {wanted}")
        self.counts["kept"] += self._operation is not None and state == self._may_be[-1] != self._may_be[0]
        self._settled(state, at)

    def _settled(self, state: State, at: float) -> None:
        """Know which state it is, and so which documents are gone for certain."""
        before = self._may_be[0].documents
        self._may_be, self._operation = [state], None
        for version in before - state.documents:
            life = self._lives.get(document_of(*version).id)
            if life is not None:
                life.dead = at
            self._gone.append(version)

    def _may_be_born(self, at: float) -> None:
        for version in self._may_be[-1].documents - self._may_be[0].documents:
            document = document_of(*version)
            self._lives.setdefault(document.id, _Life(document.text, at))

    def check_answers(self) -> None:
        """Hold each answer that came against the documents that there were meanwhile."""
        for answer in self._answers:
            self.violations += [f"asking: {problem}" for problem in answer.get("problems", [])]
            if answer.get("asked") is None:
                continue
            self.counts["questions"] += 1
            if answer["generation"] < self._generation:
                self.violations.append(f"generation {answer['generation']} came after {self._generation}")
            self._generation = answer["generation"]
            for name in ("quotes", "hits"):
                self.counts[name] += len(answer[name])
                for passage in answer[name]:
                    if (reason := self._fault(*passage, *answer["asked"])) is not None:
                        self.violations.append(f"an answer's {name} have {passage}: {reason}")
        self._answers = []

    def _fault(
        self, document_id: str, first: int, end: int, text: str, asked: float, told: float
    ) -> str | None:
        """Say why words must not have been shown to who asked at a time and was told at another."""
        life = self._lives.get(document_id)
        if life is None or life.born > told:
            return "there was no such document yet"
        if life.dead is not None and life.dead < asked:
            return f"it was gone {asked - life.dead:.4f} s before the question"
        return None if life.text[first:end] == text and text else "the document has other words there"

    def end(self) -> None:
        """Stop asking."""
        self._answers += self._asker.kill()
        self.check_answers()


def _kill_here(kills: int, seed: int, *, hasty: bool) -> Killed:
    started = time.monotonic()
    with small(), scratch_folder() as scratch:
        # Once, here, what every child would work out.
        chunker_of(embedder_of(MODELS[0])).chunk(document_of("ledger-0.txt", 5))
        analyze("ledger", "en")
        require_one_thread()
        killer = Killer(scratch / "home", seed, hasty=hasty)
        for number in range(kills):
            killer.round(number + 1, examined=kills < 100 or number % _EXAMINED_EVERY == 0)
        killer.look(examined=True)
        killer.end()
        return Killed(
            kills=kills,
            moments=dict(killer.moments),
            acknowledged=dict(killer.acknowledged),
            broken_off=dict(killer.broken_off),
            kept_all_the_same=killer.counts["kept"],
            documents=killer.documents,
            questions=killer.counts["questions"],
            citations=killer.counts["quotes"],
            hits=killer.counts["hits"],
            examined=killer.counts["examined"],
            seconds=time.monotonic() - started,
            violations=tuple(killer.violations),
        )


def run(kills: int = 1000, seed: int = 1, *, hasty: bool = False) -> Killed:
    """Kill so many times, and return what came of it; `hasty` has a store that must be found out."""
    command = [sys.executable, "-m", "torture.kills", str(kills), str(seed), *(["hasty"] if hasty else [])]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        # tantivy's panics are told there, and are no news here.
        stderr=None if os.environ.get("TORTURE_STDERR") else subprocess.DEVNULL,
        env=worker_environment(),
    )
    found = json.loads(done.stdout)
    return Killed(**found | {"violations": tuple(found["violations"])})


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    found = _kill_here(int(sys.argv[1]), int(sys.argv[2]), hasty="hasty" in sys.argv)
    json.dump(asdict(found), sys.stdout)
