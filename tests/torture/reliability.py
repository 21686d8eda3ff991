"""Runs everything that tries to break the store, one after another, and writes docs/reliability.md.

    python -m torture.reliability [--only NAME]...        `make torture`

Each run is a process of its own, bounded in count and time; with `--only`, the figures of the others stay
as they are kept beside the page, in docs/reliability.json. The exit status is 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(__file__).with_name("reliability.template.md")
PAGE = ROOT / "docs" / "reliability.md"
FIGURES = ROOT / "docs" / "reliability.json"

RUNS: Mapping[str, tuple[str, ...]] = {
    "sweep": ("sweep", "--json"),
    "powerloss": ("powerloss", "--json"),
    "kills": ("kills", "--kills", "1000"),
    "load": ("load", "--seconds", "60"),
    "reindex": ("reindex", "--kills", "5"),
    "deletion": ("deletion", "--passages", "100000", "--others", "0"),
    "deletion beside as many": ("deletion", "--passages", "100000", "--others", "100000"),
    "syncing": ("syncing", "--files", "5000"),
}


def main() -> int:
    """Do the runs asked for, and write the page anew."""
    parser = argparse.ArgumentParser(prog="torture.reliability")
    parser.add_argument("--only", action="append", choices=list(RUNS))
    chosen = parser.parse_args().only or list(RUNS)
    kept: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
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
        kept[name] = {"seconds": seconds, "exit": done.returncode, "figures": figures}
        sys.stderr.write(f"{name}: {'kept' if done.returncode == 0 else 'BROKEN'}, {seconds} s\n")
        kept["machine"] = _machine()
        FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(_page(kept), encoding="utf-8")
    return 1 if failed else 0


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{datetime.now(UTC).date().isoformat()}"
    )


def _page(kept: Mapping[str, Any]) -> str:
    page = TEMPLATE.read_text(encoding="utf-8").replace("{machine}", kept["machine"])
    for name in RUNS:
        page = page.replace(f"{{{name}}}", "\n".join(_told(name, kept[name])) if name in kept else "Not run.")
    return page


def _told(name: str, run: Mapping[str, Any]) -> Iterator[str]:
    if run["figures"] is not None:
        yield from {"sweep": _sweep, "powerloss": _power_loss}.get(name, _plain)(run["figures"])
    yield f"\nPromise {'kept' if run['exit'] == 0 else '**broken**'}; {run['seconds']} s."


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


if __name__ == "__main__":
    sys.exit(main())
