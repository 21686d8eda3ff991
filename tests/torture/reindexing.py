"""Kills a process that serves while it reindexes, again and again: answers stay whole, and so is the end.

python -m torture.reindexing KILLS DOCUMENTS SEED
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from random import Random

import structlog

from index.terms import analyze
from torture.children import PATIENCE_SECONDS, Child, Report, require_one_thread
from torture.killable import small
from torture.ledgers import (
    MODELS,
    chunker_of,
    document_of,
    embedder_of,
    text_of,
)
from torture.reindexable import inspect, prepare, serve, version
from torture.scratch import scratch_folder
from torture.sweep import worker_environment

_THREADS = 4
_TOLD_EVERY = 20
# Those of a batch: documents are taken until they have eight, and the last one may have six.
_LOST_PASSAGES = 13


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What came of it: answers by the model that gave them, and how often a passage was embedded anew."""

    kills: int
    documents: int
    passages: int
    embedded: int
    embedded_at_most: int
    answers: dict[str, int]
    citations: int
    seconds: float
    violations: tuple[str, ...]


class Reindexing:
    """Follows a process until it is to be killed, or over."""

    def __init__(self) -> None:
        self.embedded: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.citations = 0
        self.violations: list[str] = []

    def follow(self, child: Child, *, until: int | None = None) -> None:
        """Kill a child once so many passages were embedded in all, or let it come to its end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        over = False
        while not child.over and (until is None or self.embedded.total() < until):
            if not select.select([child], [], [], deadline - time.monotonic())[0]:
                self.violations.append(f"nothing came for {PATIENCE_SECONDS} s: it hangs")
                break
            over = self._take(child.said()) or over
        over = self._take(child.kill()) or over
        if until is None and not over:
            self.violations.append("a process did not come to its end")

    def _take(self, lines: Sequence[Report]) -> bool:
        for line in lines:
            self.violations += line.get("problems", [])
            self.embedded.update(line.get("embedding", []))
            self.answers.update(line.get("answers", {}))
            self.citations += line.get("citations", 0)
        return any("over" in line for line in lines)


def _here(kills: int, documents: int, seed: int) -> Reindexed:
    started = time.monotonic()
    random = Random(seed)
    chunker_of(embedder_of(MODELS[0])).chunk(document_of(*version(0)))
    analyze("ledger", "en")
    passages = sum(text_of(*version(number)).count("\n") + 1 for number in range(documents))
    following = Reindexing()
    with small(), scratch_folder() as scratch:
        require_one_thread()
        home = scratch / "home"
        following.follow(Child(partial(prepare, home, documents)))
        for number in range(kills):
            # Somewhere in each of as many stretches, and one more to come to the end in.
            until = int(passages * (number + random.random()) / (kills + 1)) + 1
            child = Child(partial(serve, home, documents, f"{seed}/{number}"))
            following.follow(child, until=max(until, following.embedded.total() + 1))
        following.follow(Child(partial(serve, home, documents, f"{seed}/{kills}")))
        following.follow(Child(partial(inspect, home, documents)))
    allowed = passages + kills * _LOST_PASSAGES
    if following.embedded.total() > allowed:
        following.violations.append(
            f"{following.embedded.total()} passages were embedded, more than {allowed}"
        )
    most = max(following.embedded.values(), default=0)
    if most > kills + 1:
        following.violations.append(f"a passage was embedded {most} times, with {kills} kills")
    return Reindexed(
        kills=kills,
        documents=documents,
        passages=passages,
        embedded=following.embedded.total(),
        embedded_at_most=most,
        answers=dict(following.answers),
        citations=following.citations,
        seconds=time.monotonic() - started,
        violations=tuple(following.violations),
    )


def run(kills: int = 5, documents: int = 400, seed: int = 1) -> Reindexed:
    """Reindex under questions, killed so many times on the way, and return what came of it."""
    done = subprocess.run(
        [sys.executable, "-m", "torture.reindexing", str(kills), str(documents), str(seed)],
        check=True,
        stdout=subprocess.PIPE,
        # tantivy's panics are told there, and are no news here.
        stderr=None if os.environ.get("TORTURE_STDERR") else subprocess.DEVNULL,
        env=worker_environment(),
    )
    found = json.loads(done.stdout)
    return Reindexed(**found | {"violations": tuple(found["violations"])})


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    json.dump(asdict(_here(*map(int, sys.argv[1:]))), sys.stdout)
