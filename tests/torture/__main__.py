"""Runs the whole fault sweep or power-loss replay and prints what came of it.

    python -m torture sweep [--operation NAME]... [--mode WAL+FULL] [--points N] [--json]
    python -m torture sweep --operation NAME --kind KIND --at N      one fault, to see it again
    python -m torture powerloss [--images N] [--seed N] [--json]
    python -m torture fuzz [--seconds N] [--loader NAME]... [--seed N] [--lanes N] [--keep DIR] [--json]
    python -m torture fuzz --loader NAME --at N      one file, to see it again; --keep DIR has it
    python -m torture kills | load | reindex | deletion | syncing | drops  figures, as JSON

Started in `tests`, or with it on PYTHONPATH. The exit status is 1 where a promise was broken, or where a
mode that cannot keep it was not found out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from torture import fuzzing, runs
from torture.modes import MODES
from torture.powerloss import Replayed, power_loss
from torture.seeds import FORMATS
from torture.shim import Kind, unavailable
from torture.sweep import NAMES, WORKERS, Point, SweepResult, Worker, summary, sweep, together

_IMAGES = 15_000
# Enough for a control to fail; none of its images says anything about the product.
_CONTROL_IMAGES = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for, and return the exit status."""
    parser = argparse.ArgumentParser(prog="torture")
    commands = parser.add_subparsers(dest="command", required=True)
    sweeping = commands.add_parser("sweep", help="strike every call of every operation in every way")
    sweeping.add_argument(
        "--operation", action="append", choices=NAMES, help="only this one; may be repeated"
    )
    sweeping.add_argument(
        "--mode", choices=MODES, help="how SQLite writes; as the product would, if not given"
    )
    sweeping.add_argument("--points", type=int, help="about so many calls of each operation, not all")
    sweeping.add_argument("--kind", choices=[kind.name for kind in Kind], help="only this kind of fault")
    sweeping.add_argument("--at", type=int, help="only this call, counted from 1")
    cutting = commands.add_parser("powerloss", help="cut the power at every call, open what may be left")
    cutting.add_argument(
        "--images", type=int, default=_IMAGES, help="about so many, of the durable modes together"
    )
    cutting.add_argument("--seed", type=int, default=1)
    for command in (sweeping, cutting):
        command.add_argument("--workers", type=int, default=WORKERS)
        command.add_argument("--json", action="store_true")
    spoiling = commands.add_parser("fuzz", help="give every loader files that are wrong")
    spoiling.add_argument("--seconds", type=float, default=30, help="for each loader")
    spoiling.add_argument(
        "--loader", action="append", choices=list(FORMATS), help="only that of this suffix; may be repeated"
    )
    spoiling.add_argument("--seed", type=int, default=1)
    spoiling.add_argument("--at", type=int, help="only this input, counted from 0")
    spoiling.add_argument("--lanes", type=int, default=1, help="so many files at once")
    spoiling.add_argument("--keep", type=Path, help="a folder for files that broke something")
    spoiling.add_argument("--json", action="store_true")
    runs.add_to(commands)
    options = parser.parse_args(arguments)
    if "run" in options:
        return runs.report(options)
    if options.command == "fuzz":
        return _fuzz(options)
    if reason := unavailable():
        parser.error(reason)
    return _sweep(options) if options.command == "sweep" else _power_loss(options)


def _sweep(options: argparse.Namespace) -> int:
    names = options.operation or NAMES
    kinds = [Kind[options.kind]] if options.kind else list(Kind)
    results = []
    for name in names:
        if options.at is not None:
            with Worker(options.mode) as server:
                points = [Point(name, kind, options.at) for kind in kinds]
                results.append(summary([server.attempt(point) for point in points]))
        else:
            results.append(
                sweep([name], kinds=kinds, points=options.points, workers=options.workers, mode=options.mode)
            )
        if not options.json:
            # Each as soon as it is known: a whole sweep takes minutes.
            _tell(_told_sweep(results[-1]))
    result = together(results)
    if options.json:
        _tell([json.dumps(asdict(result), indent=2)])
    return 1 if result.violations else 0


def _told_sweep(result: SweepResult) -> Iterator[str]:
    yield (
        f"{'operation':10} {'kind':10} {'runs':>6} {'struck':>6} {'returned':>8} {'raised':>6} {'died':>6} "
        f"{'words behind':>12} {'violations':>10}"
    )
    for tally in result.tallies:
        yield (
            f"{tally.operation:10} {tally.kind:10} {tally.runs:6} {tally.struck:6} {tally.returned:8} "
            f"{tally.raised:6} {tally.died:6} {tally.lacking:12} {tally.violations:10}"
        )
    yield from map(str, result.violations)


def _power_loss(options: argparse.Namespace) -> int:
    durable = [mode for mode in MODES.values() if mode.durable]
    results: list[Replayed] = []
    for mode in MODES.values():
        images = options.images // len(durable) if mode.durable else _CONTROL_IMAGES
        results.append(power_loss(mode, images, seed=options.seed, workers=options.workers))
    as_json = [json.dumps([asdict(result) for result in results], indent=2)]
    _tell(as_json if options.json else _told_power_loss(results))
    kept = all((result.losses == 0) == MODES[result.mode].durable for result in results)
    return 0 if kept else 1


def _told_power_loss(results: Sequence[Replayed]) -> Iterator[str]:
    yield f"{'mode':14} {'images':>8} {'stores':>8} {'losses':>8}"
    for result in results:
        expected = "" if MODES[result.mode].durable else "   a control: has to lose"
        yield f"{result.mode:14} {result.images:8} {result.stores:8} {result.losses:8}{expected}"
    for result in results:
        for loss in result.examples if MODES[result.mode].durable else ():
            yield f"{loss.mode}, cut after call {loss.cut}, image {loss.image}: {loss.problem}"


def _fuzz(options: argparse.Namespace) -> int:
    names = options.loader or fuzzing.registered()
    results = []
    for name in names:
        found = fuzzing.run(
            options.seconds, [name], seed=options.seed, lanes=options.lanes, at=options.at, keep=options.keep
        )
        results.append(found)
        if not options.json:
            _tell(_told_fuzz(found))
    result = fuzzing.together(results)
    if options.json:
        _tell([json.dumps(asdict(result) | {"violations": result.violations}, indent=2)])
    return 1 if result.violations else 0


def _told_fuzz(result: fuzzing.Fuzzed) -> Iterator[str]:
    for tally in result.tallies:
        yield (
            f"{tally.format:5} {tally.inputs:7} inputs, {tally.parsed:7} parsed, refused {tally.refused}, "
            f"caught {tally.caught}, limits {tally.limits}, broken {tally.broken}, "
            f"slowest {tally.slowest_seconds} s, grown {tally.grown_bytes // 2**20} MB, "
            f"{len(tally.violations)} violations"
        )
    yield from map(str, result.violations)


def _tell(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
