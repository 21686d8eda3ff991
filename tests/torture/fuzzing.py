"""Gives every loader files that are wrong, in a sandbox, and holds what comes back against what is promised.

Of each format in turn: whatever the bytes are, what comes is a `Parsed` that the rest can work with, or an
error that names the file; within the time that a file has; and nothing is left of it, in this process or as
another one. Which inputs there are, and in which order, hangs on the seed alone.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from doubles import WordWindow

from index.chunking import Chunker
from index.errors import InputError
from index.loading import OcrMode, Parsed, Parsing, chosen_loader, document_of
from index.loading.registry import LOADERS
from index.loading.sandbox import Limits, Sandbox
from torture.flaws import Outcome, flaws, refused
from torture.mutating import mutated
from torture.seeds import FORMATS, Format, seeds
from torture.watch import Watch, children, resident_bytes, watched

LIMITS = Limits(idle_seconds=10.0, total_seconds=30.0, memory_bytes=2**30)
_PARSING = Parsing(ocr=OcrMode.OFF)
# Killing and being scheduled takes time, too.
_GRACE_SECONDS = 2.0
# In this process there is nobody to stop it.
_CHOOSING_SECONDS = 2.0
_GROWTH_BYTES = 64 * 2**20
# Every so many, a file is read twice, and the same has to come of it.
_TWICE = 20
# Worth a look, and kept for it.
_SLOW_SECONDS = 3.0
# Of longer texts only those are cut into passages, too: it would take most of the time.
_CUT_CHARACTERS = 10_000
_MAX_FILE_BYTES = 2**24
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: the input's number finds it again, with `--at`."""

    format: str
    number: int
    problem: str


@dataclass(slots=True)
class Tally:
    """What came of the inputs of one format.

    `refused` are errors by code. Of these, `caught` are those that the loader did not expect, which the
    sandbox takes for a damaged file, `limits` the reasons of the sandbox to stop one, and `broken` the
    children that ended by themselves, by their exit code, which is negative for a signal.
    """

    format: str
    inputs: int = 0
    parsed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    caught: int = 0
    limits: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    slowest_seconds: float = 0.0
    grown_bytes: int = 0
    violations: list[Violation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of a run."""

    seed: int
    seconds: float
    tallies: tuple[Tally, ...]

    @property
    def violations(self) -> list[dict[str, Any]]:
        """The first broken promises of all formats."""
        return [asdict(violation) for tally in self.tallies for violation in tally.violations[:_TOLD]]


def registered() -> list[str]:
    """Return the formats of the loaders that there are, as `FORMATS` names them."""
    by_type = {format_.media_type: name for name, format_ in FORMATS.items()}
    return [by_type[loader.media_type] for loader in LOADERS]


def input_of(name: str, number: int, seed: int) -> bytes:
    """Return an input: whole files come first."""
    whole = seeds(name)
    if number < len(whole):
        return whole[number]
    random = Random(f"{seed} {name} {number}")
    return mutated(FORMATS[name].nature, random.choice(whole), whole, random)


def run(
    seconds: float,
    names: Sequence[str] = (),
    *,
    seed: int = 1,
    lanes: int = 1,
    at: int | None = None,
    inputs: int | None = None,
    keep: Path | None = None,
) -> Fuzzed:
    """Try each format for some time, or for a number of inputs; with `at`, one input alone.

    Files that broke something, that a loader did not foresee, or that took long are written to `keep`.
    """
    began = time.monotonic()
    numbers = range(inputs) if at is None and inputs is not None else None if at is None else [at]
    before = children()
    sandboxes = [Sandbox(LIMITS) for _ in range(lanes)]
    tries = []
    with watched() as watch, ExitStack() as stack:
        for sandbox in sandboxes:
            stack.enter_context(sandbox)
        for name in names or registered():
            tries.append(_Tries(FORMATS[name], seed, watch, keep))
            tries[-1].run(sandboxes, seconds, numbers)
    sessions = set().union(*(tried.sessions for tried in tries))
    if left := children(sessions) - before:
        tries[-1].violated(-1, f"{len(left)} processes are left")
    return Fuzzed(seed, round(time.monotonic() - began, 1), tuple(tried.tally for tried in tries))


def together(results: Sequence[Fuzzed]) -> Fuzzed:
    """Return several results as one."""
    return Fuzzed(
        results[0].seed,
        round(sum(result.seconds for result in results), 1),
        tuple(tally for result in results for tally in result.tallies),
    )


class _Tries:
    """Tries the inputs of one format, in a thread for each sandbox."""

    def __init__(self, format_: Format, seed: int, watch: Watch, keep: Path | None) -> None:
        self._format = format_
        self._loader = next(loader for loader in LOADERS if loader.media_type == format_.media_type)
        self._seed = seed
        self._watch = watch
        self._keep = keep
        self.tally = Tally(format_.name)
        self._lock = threading.Lock()
        self.sessions: set[int] = set()
        self._chunker = Chunker(WordWindow(), target_tokens=48)

    def run(self, sandboxes: Sequence[Sandbox], seconds: float, numbers: Sequence[int] | None) -> None:
        """Try inputs until time is up, or those of some numbers."""
        calls = self._watch.calls
        # What is loaded with the first files is no growth.
        self._lane(sandboxes[0], iter(range(len(seeds(self._format.name)))), None, counted=False)
        resident = resident_bytes()
        source = iter(numbers) if numbers is not None else itertools.count()
        deadline = None if numbers is not None else time.monotonic() + seconds
        with ThreadPoolExecutor(len(sandboxes)) as threads:
            lanes = [threads.submit(self._lane, sandbox, source, deadline) for sandbox in sandboxes]
            for lane in lanes:
                lane.result()
        self.tally.grown_bytes = resident_bytes() - resident
        if self.tally.grown_bytes > _GROWTH_BYTES:
            self.violated(-1, f"this process grew by {self.tally.grown_bytes / 2**20:.0f} MB")
        if self._watch.calls > calls:
            self.violated(-1, f"{self._watch.calls - calls} connections were opened")

    def violated(self, number: int, problem: str) -> None:
        """Note a broken promise; the number is -1 where it is of no single input."""
        self.tally.violations.append(Violation(self._format.name, number, problem))

    def _lane(
        self, sandbox: Sandbox, numbers: Iterator[int], deadline: float | None, *, counted: bool = True
    ) -> None:
        while deadline is None or time.monotonic() < deadline:
            with self._lock:
                number = next(numbers, None)
            if number is None:
                return
            data = input_of(self._format.name, number, self._seed)
            outcome = self._tried(sandbox, data, number)
            with self._lock:
                if sandbox._process is not None:
                    self.sessions.add(sandbox._process.pid)
                if counted:
                    self._count(number, data, outcome)

    def _tried(self, sandbox: Sandbox, data: bytes, number: int) -> Outcome:
        name = f"{number}{self._format.suffix}"
        problems = self._choosing(data, name)
        heard = began = time.monotonic()

        def page_done(page: int, of: int) -> None:
            nonlocal heard
            heard = time.monotonic()

        parsing = Parsing(ocr=_PARSING.ocr, page_done=page_done)
        found: Parsed | BaseException
        try:
            found = sandbox.parse(self._loader, data, name, parsing)
        except BaseException as error:
            found = error
        ended = time.monotonic()
        if ended - heard > LIMITS.idle_seconds + _GRACE_SECONDS:
            problems.append(f"nothing was heard for {ended - heard:.1f} s")
        if ended - began > LIMITS.total_seconds + _GRACE_SECONDS:
            problems.append(f"it took {ended - began:.1f} s")
        if isinstance(found, Parsed):
            problems += self._flaws(found, name, number)
            if number % _TWICE == 0 and not self._is_again(sandbox, data, name, found):
                problems.append("the same bytes gave something else the second time")
            return Outcome(found, ended - began, problems)
        return refused(found, ended - began, problems, name, self._watch.codes.pop(name, None))

    def _choosing(self, data: bytes, name: str) -> list[str]:
        """Have a loader chosen, which happens in the process that asks."""
        began = time.monotonic()
        try:
            chosen_loader(data, name, max_bytes=_MAX_FILE_BYTES)
        except InputError:
            pass
        except Exception as error:
            return [f"choosing a loader raised {error!r}"]
        took = time.monotonic() - began
        return [f"choosing a loader took {took:.1f} s"] if took > _CHOOSING_SECONDS else []

    def _flaws(self, parsed: Parsed, name: str, number: int) -> list[str]:
        """Return what is wrong with what was found, for those who come after the loader, too."""
        found = list(flaws(parsed))
        try:
            if parsed.text.strip() and (len(parsed.text) < _CUT_CHARACTERS or number % _TWICE == 0):
                document = document_of(parsed, self._loader.media_type, name, origin=name, content="0" * 64)
                for passage in self._chunker.chunk(document):
                    if passage.text != document.text[passage.start : passage.end]:
                        found.append("a passage is not the text that it stands for")
        except Exception as error:
            found.append(f"what was found made the chunker raise {error!r}")
        return found

    def _is_again(self, sandbox: Sandbox, data: bytes, name: str, parsed: Parsed) -> bool:
        try:
            return sandbox.parse(self._loader, data, name, _PARSING) == parsed
        except InputError:
            return False

    def _count(self, number: int, data: bytes, outcome: Outcome) -> None:
        tally = self.tally
        tally.inputs += 1
        tally.slowest_seconds = round(max(tally.slowest_seconds, outcome.seconds), 2)
        if isinstance(outcome.found, Parsed):
            tally.parsed += 1
        elif isinstance(outcome.found, InputError):
            _add(tally.refused, outcome.found.code)
        if outcome.sort == "caught":
            tally.caught += 1
        elif outcome.sort == "broken":
            _add(tally.broken, outcome.code)
        elif outcome.sort:
            _add(tally.limits, outcome.sort)
        for problem in outcome.problems:
            self.violated(number, problem)
        sort = "violation" if outcome.problems else outcome.sort
        if not sort and outcome.seconds > _SLOW_SECONDS:
            sort = "slow"
        if self._keep is not None and sort:
            self._keep.mkdir(parents=True, exist_ok=True)
            (self._keep / f"{sort}-{self._seed}-{number}{self._format.suffix}").write_bytes(data)


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1
