"""Runs everything that tries to break the product, one after another, and writes docs/reliability.md.

    python -m torture.reliability [--only NAME]...        `make torture`

Each run is a process of its own, bounded in count and time. What is not run keeps what the page says of it,
between marks. The runs of hours are done only when they are named. The exit status is 1 where a promise
was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(__file__).with_name("reliability.template.md")
PAGE = ROOT / "docs" / "reliability.md"

RUNS: Mapping[str, tuple[str, ...]] = {
    "sweep": ("sweep", "--json"),
    "powerloss": ("powerloss", "--json"),
    "kills": ("kills", "--kills", "1000"),
    "load": ("load", "--seconds", "60"),
    "reindex": ("reindex", "--kills", "5"),
    "deletion": ("deletion", "--passages", "100000", "--others", "0"),
    "deletion beside as many": ("deletion", "--passages", "100000", "--others", "100000"),
    "syncing": ("syncing", "--files", "5000"),
    "fuzz": ("fuzz", "--seconds", "600", "--lanes", "2", "--json"),
}
# Ten minutes for each of nineteen formats.
_HOURS = ("fuzz",)
_NOT_RUN = "Not run."

_Shown = Callable[[Any], Iterator[str]]


def main() -> int:
    """Do the runs asked for, and write the page anew after each."""
    parser = argparse.ArgumentParser(prog="torture.reliability")
    parser.add_argument("--only", action="append", choices=list(RUNS))
    chosen = parser.parse_args().only or [name for name in RUNS if name not in _HOURS]
    failed = 0
    for name in chosen:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "torture", *RUNS[name]],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            check=False,
        )
        failed += done.returncode != 0
        try:
            figures = json.loads(done.stdout)
        except ValueError:
            figures = None  # it broke down, and has said why
        seconds = round(time.monotonic() - started)
        sys.stderr.write(f"{name}: {'kept' if done.returncode == 0 else 'BROKEN'}, {seconds} s\n")
        before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        body = told(name, figures, kept=done.returncode == 0, seconds=seconds)
        PAGE.write_text(page(TEMPLATE.read_text(encoding="utf-8"), before, {name: body}), encoding="utf-8")
    return 1 if failed else 0


def page(template: str, before: str, bodies: Mapping[str, str]) -> str:
    """Return the page with new bodies of some runs, and those of the others as they were."""
    for name in RUNS:
        found = _between(name).search(before)
        body = bodies.get(name) or (found[1] if found else _NOT_RUN)
        template = template.replace(f"{{{name}}}", f"<!-- begin {name} -->\n\n{body}\n\n<!-- end {name} -->")
    return template


def told(name: str, figures: Any, *, kept: bool, seconds: int) -> str:
    """Return what the page says of a run: its figures, how it ended, and where it was done."""
    lines: list[str] = []
    if figures is not None:
        shown: _Shown = _SHOWN.get(name, _plain)
        lines += [*shown(figures), ""]
    machine = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{datetime.now(UTC).date().isoformat()}"
    )
    return "\n".join([*lines, f"Promise {'kept' if kept else '**broken**'}; {seconds} s. {machine}."])


def _between(name: str) -> re.Pattern[str]:
    return re.compile(
        f"<!-- begin {re.escape(name)} -->\n\n(.*?)\n\n<!-- end {re.escape(name)} -->", re.DOTALL
    )


def _sweep(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| operation | faults that struck | returned | raised | killed | violations |"
    yield "|---|---|---|---|---|---|"
    tallies = figures["tallies"]
    for name in dict.fromkeys(tally["operation"] for tally in tallies):
        own = [tally for tally in tallies if tally["operation"] == name]
        sums = [
            sum(tally[key] for tally in own) for key in ("struck", "returned", "raised", "died", "violations")
        ]
        yield f"| {name} | {' | '.join(map(str, sums))} |"


def _power_loss(figures: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| mode | images | opened as a whole store | with a loss |\n|---|---|---|---|"
    for mode in figures:
        yield f"| {mode['mode']} | {mode['images']} | {mode['stores']} | {mode['losses']} |"


def _fuzz(figures: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "| format | files | parsed | refused | of these by limits of time, memory, depth | unforeseen | "
        "process broken | slowest, s | violations |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for tally in figures["tallies"]:
        limits = [str(tally["limits"].get(limit, 0)) for limit in ("time", "memory", "depth")]
        cells = [
            tally["format"],
            f"{tally['inputs']:,}",
            f"{tally['parsed']:,}",
            f"{sum(tally['refused'].values()):,}",
            ", ".join(limits),
            f"{tally['caught']:,}",
            f"{sum(tally['broken'].values()):,}",
            f"{tally['slowest_seconds']:.1f}",
            f"{len(tally['violations'])}",
        ]
        yield f"| {' | '.join(cells)} |"
    refused: dict[str, int] = {}
    for tally in figures["tallies"]:
        for code, count in tally["refused"].items():
            refused[code] = refused.get(code, 0) + count
    told = ", ".join(f"`{code}` {count:,}" for code, count in sorted(refused.items()))
    yield f"\nRefused, by code: {told or 'none'}. Seed {figures['seed']}."


def _plain(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| | |\n|---|---|"
    for name, value in figures.items():
        if name != "violations" and isinstance(value, int | float | str):
            shown = (
                f"{value:.4g}"
                if isinstance(value, float)
                else f"{value:,}"
                if isinstance(value, int)
                else value
            )
            yield f"| {name.replace('_', ' ')} | {shown} |"
    yield f"| violations | {len(figures['violations'])} |"


_SHOWN: Mapping[str, _Shown] = {
    "sweep": _sweep,
    "powerloss": _power_loss,
    "fuzz": _fuzz,
}


if __name__ == "__main__":
    sys.exit(main())
