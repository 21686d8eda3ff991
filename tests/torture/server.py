"""Tries one fault after another, each in a child of its own, forked from a process that has imported all.

Started by `torture.sweep`: requests and results are lines of JSON on its standard streams. The oracle
and the files to start from are made once, before any child; what a child acknowledged comes through a
pipe, so that it is known whatever then happened to the child.
"""

from __future__ import annotations

import gc
import importlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import structlog

from index.doctor import examine, examine_catalog
from index.errors import OutcomeUnknown, StorageError, StorageFull, StorageUnavailable
from index.store import CATALOG_FILE, Store
from torture import modes, operations, oracle
from torture.children import Say, in_child
from torture.compiled import compiled_once
from torture.operations import Operation, State
from torture.outcomes import Outcome, Surveyed
from torture.scratch import scratch_folder
from torture.shim import Kind, Shim
from torture.trace import Op, calls

_PROBE = ("probe.txt", operations.text("probe", 1))


class Server:
    """Holds the templates of some operations in a scratch folder and tries faults on copies of them."""

    def __init__(self, scratch: Path, mode: str) -> None:
        self._scratch = scratch
        self._mode = mode
        self._shim = Shim()
        self._templates: dict[str, Path] = {}

    def survey(self, operation: Operation) -> Surveyed:
        """Return the calls of an operation that runs unharmed, and of the closing after it."""
        folder = self._fresh(operation)
        record = self._scratch / "record"

        def unharmed(say: Say) -> None:
            with record.open("wb") as file:
                self._shim.trace(folder, file.fileno())
                store = operation.open(folder)
                if not operation.from_the_start:
                    self._shim.mark("opened")
                operation.perform(store)
                self._shim.mark("performed")
                store.close()
                self._shim.disarm()
            say({})

        in_child(unharmed)
        made = calls(record)
        marks = [position for position, call in enumerate(made) if call.op is Op.MARK]
        start = 0 if operation.from_the_start else marks[0] + 1
        counted = [call for call in made[start:] if call.op is not Op.MARK]
        return Surveyed(
            calls=tuple(f"{call.op.name} {call.path}" for call in counted),
            performed=sum(call.op is not Op.MARK for call in made[start : marks[-1]]),
            writing=tuple(number for number, call in enumerate(counted, 1) if call.op is Op.WRITE),
            growing=tuple(number for number, call in enumerate(counted, 1) if call.grows),
        )

    def attempt(self, operation: Operation, kind: Kind, at: int) -> Outcome:
        """Strike one call of an operation, and return what came of it."""
        folder = self._fresh(operation)
        left = self._scratch / "left"
        shutil.rmtree(left, ignore_errors=True)

        def strike(say: Say) -> None:
            self._strike(operation, kind, at, folder, left, say)

        reports = in_child(strike)
        acknowledged = next((report["result"] for report in reports if "result" in report), "died")
        problems = [problem for report in reports for problem in report.get("problems", [])]
        struck = self._shim.struck()
        ended = any("ended" in report for report in reports)
        if not ended and not (kind.kills and struck):
            problems.append("the process ended before its time")
        if acknowledged.startswith("unexpected"):
            problems.append(acknowledged)
        found = [(folder, _allowed(operation, acknowledged), True)]
        if left.is_dir():
            # What a crash right after the error leaves, and then what the retry left.
            found = [(left, found[0][1], True)]
            found += [(folder, [operation.after.with_text(*_PROBE)], False)] * ended
        problems += self._reopened(operation, found)
        lacking = any(report.get("lacking") for report in reports)
        return Outcome(
            self._mode, operation.name, kind.name, at, struck, acknowledged, lacking, tuple(problems)
        )

    def _strike(self, operation: Operation, kind: Kind, at: int, folder: Path, left: Path, say: Say) -> None:
        store: Store | None = None
        if operation.from_the_start:
            self._shim.arm(folder, at, kind)
        else:
            store = operation.open(folder)
            self._shim.arm(folder, at, kind)
        try:
            store = store or operation.open(folder)
            operation.perform(store)
            result = "returned"
        except StorageError as error:
            result = type(error).__name__
        except BaseException as error:  # a panic of tantivy is no Exception
            result = f"unexpected {type(error).__name__}: {error}"
        say({"result": result})
        if kind.kills:
            # Faults strike what is left to do, too.
            if store is not None:
                store.close()
            say({"ended": True})
            return
        if kind is not Kind.FULL:
            self._shim.disarm()
        shutil.copytree(folder, left)
        if store is not None:
            # While the disk is still full, searches are served.
            found, lacking = _looked_at(store, operation, _allowed(operation, result))
            say({"problems": [f"the same store: {problem}" for problem in found], "lacking": lacking})
        self._shim.disarm()
        store = store or operation.open(folder)
        found = _retried(operation, store)
        # With the next change, the search by words has caught up.
        operations.put(store, *_PROBE)
        settled = operation.after.with_text(*_PROBE)
        more, lacking = _looked_at(store, operation, [settled])
        found += more + ["the search by words lacks a passage after the next change"] * lacking
        store.close()
        say({"problems": [f"after a retry in the same store: {problem}" for problem in found], "ended": True})

    def _reopened(
        self, operation: Operation, found: Sequence[tuple[Path, Sequence[State], bool]]
    ) -> list[str]:
        """Return what the next start finds wrong in some folders, each with the states that are allowed.

        With True, also what is wrong once the operation was tried again.
        """

        def look(say: Say) -> None:
            for folder, allowed, again in found:
                store = operation.open(folder)
                problems, lacking = _looked_at(store, operation, allowed)
                problems += ["the search by words lacks a passage"] * lacking
                problems += [f"examine: {finding}" for finding in examine(folder)]
                say({"problems": [f"the next start: {problem}" for problem in problems]})
                if again:
                    problems = _retried(operation, store)
                    say({"problems": [f"a retry after the next start: {problem}" for problem in problems]})
                store.close()
            say({"ended": True})

        reports = in_child(look)
        problems = [problem for report in reports for problem in report.get("problems", [])]
        if not any("ended" in report for report in reports):
            problems.append("the next start failed")
        return problems

    def _fresh(self, operation: Operation) -> Path:
        """Return a folder as it is before the operation."""
        if operation.name not in self._templates:
            template = self._scratch / f"template-{len(self._templates)}"
            template.mkdir()
            self._prepare(operation, template)
            self._templates[operation.name] = template
        folder = self._scratch / "home"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._templates[operation.name], folder)
        return folder

    def _prepare(self, operation: Operation, template: Path) -> None:
        """Fill a template, and do once what the children will do, to import and work out what they will need.

        In a child as well: a store leaves threads behind, and what forks must have none.
        """

        def rehearse(say: Say) -> None:
            before = set(sys.modules)
            operation.prepare(template)
            copy = self._scratch / "rehearsal"
            shutil.copytree(template, copy)
            store = operation.open(copy)
            _retried(operation, store)
            store.close()
            examine(copy)
            say({"modules": sorted(set(sys.modules) - before)})

        (report,) = in_child(rehearse)
        if "modules" not in report:
            raise RuntimeError(f"{operation.name} fails without a fault: {report}")
        shutil.rmtree(self._scratch / "rehearsal")
        for module in report["modules"]:
            importlib.import_module(module)
        oracle.warm(operation.before, operation.after.with_text(*_PROBE))
        # Reading the catalog needs no threads, and leaves the statements compiled.
        if (template / CATALOG_FILE).is_file():
            examine_catalog(template)
        # A collection in a child would copy every page that it looks at.
        gc.collect()
        gc.freeze()


def _allowed(operation: Operation, acknowledged: str) -> list[State]:
    """Return the states that an operation may have left behind."""
    if acknowledged == "returned":
        return [operation.after]
    if acknowledged in {StorageFull.__name__, StorageUnavailable.__name__}:
        return [operation.before]
    assert acknowledged in {"died", OutcomeUnknown.__name__} or acknowledged.startswith("unexpected")
    return [operation.before, operation.after]


def _retried(operation: Operation, store: Store) -> list[str]:
    """Do an operation again, and return what is then not as it should be."""
    try:
        operation.perform(store)
    except operation.done_already:
        pass
    except BaseException as error:
        return [f"it raises {type(error).__name__}: {error}"]
    found, _ = _looked_at(store, operation, [operation.after])
    return found


def _looked_at(store: Store, operation: Operation, allowed: Sequence[State]) -> tuple[list[str], bool]:
    """Return what the oracle says of a store; that it cannot be read is one answer."""
    try:
        return oracle.problems(store, allowed, (operation.before, operation.after))
    except StorageError as error:
        return [f"it cannot be read: {type(error).__name__}: {error}"], False


def main() -> None:
    """Serve requests until standard input ends."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    mode = modes.MODES[sys.argv[1]] if len(sys.argv) > 1 else modes.product_mode()
    with mode.used(), compiled_once(), scratch_folder() as scratch:
        server = Server(scratch, mode.name)
        for line in sys.stdin:
            request = json.loads(line)
            operation = operations.named(request["operation"])
            answer: Surveyed | Outcome
            if "kind" in request:
                answer = server.attempt(operation, Kind[request["kind"]], request["at"])
            else:
                answer = server.survey(operation)
            sys.stdout.write(json.dumps(asdict(answer)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
