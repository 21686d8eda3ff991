"""The runs that count or time something, by name: each prints figures as JSON, and what is wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import structlog

from torture import deletion, dropping, kills, load, reindexing, syncing

Run = Callable[[argparse.Namespace], Any]


def add_to(commands: Any) -> None:
    """Add a command for each run; its `run` says what came of it, and `report` prints that."""
    killing = commands.add_parser("kills", help="kill a process that changes a home while another one asks")
    killing.add_argument("--kills", type=int, default=1000)
    killing.add_argument("--seed", type=int, default=1)
    killing.set_defaults(run=lambda options: kills.run(options.kills, options.seed))
    loading = commands.add_parser("load", help="search from threads, with and without changes meanwhile")
    loading.add_argument("--seconds", type=float, default=60)
    loading.add_argument("--passages", type=int, default=20_000)
    loading.add_argument("--threads", type=int, default=8)
    loading.set_defaults(
        run=lambda options: load.run(options.seconds, passages=options.passages, threads=options.threads)
    )
    making = commands.add_parser("reindex", help="reindex under questions, killed on the way")
    making.add_argument("--kills", type=int, default=5)
    making.add_argument("--documents", type=int, default=400)
    making.add_argument("--seed", type=int, default=1)
    making.set_defaults(run=lambda options: reindexing.run(options.kills, options.documents, options.seed))
    deleting = commands.add_parser("deletion", help="add one large document and delete it")
    deleting.add_argument("--passages", type=int, default=100_000)
    deleting.add_argument("--others", type=int, default=100_000, help="passages that are there besides")
    deleting.set_defaults(run=lambda options: deletion.run(options.passages, options.others))
    syncing_ = commands.add_parser("syncing", help="sync a folder twice")
    syncing_.add_argument("--files", type=int, default=5000)
    syncing_.add_argument("--real", action="store_true", help="with the model of the product")
    syncing_.set_defaults(run=lambda options: syncing.run(options.files, real=options.real))
    leaving = commands.add_parser("drops", help="leave streamed answers in their middle")
    leaving.add_argument("--streams", type=int, default=1000)
    leaving.set_defaults(run=lambda options: dropping.run(options.streams))


def report(options: argparse.Namespace) -> int:
    """Do a run and print what came of it; return the exit status."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    found = options.run(options)
    derived = {
        name: getattr(found, name) for name, value in vars(type(found)).items() if isinstance(value, property)
    }
    print(json.dumps(asdict(found) | derived, indent=2))  # noqa: T201
    return 1 if found.violations else 0
