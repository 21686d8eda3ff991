"""`quotebound bench coldstart`: a question from a shell, from nothing to the answer, beside loading torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from eval.bench.timing import summary
from eval.cases import EvalSet
from index.embedding.model_files import PACKAGED_MODEL, find_model
from index.running import JobRunner
from index.sync import SyncRequest
from rag.settings import Settings
from rag.wiring import Application

_ASK = """
import json, sys
from rag.cli.main import run
code = run(json.loads(sys.argv[1]))
sys.stderr.write("\\n" + json.dumps({"code": code, "torch": "torch" in sys.modules}))
"""
# What a program does at the least that embeds with sentence-transformers.
_BASELINE = """
import sys
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu")
"""


def run(eval_set: EvalSet, rounds: int, settings: Settings) -> dict[str, Any]:
    """Ask a question in processes of their own, in a home that has the set's documents; return the figures.

    The baseline, importing sentence-transformers and loading the same model, runs beside each. A first
    process of each kind is not counted: it finds the files on the disk.
    """
    with Application(settings, writable=True) as application:
        JobRunner.over(application.ingestor()).sync(SyncRequest.of(eval_set.documents))
        application.assistant.ask(eval_set.cases[0].question)
    environment = {
        **os.environ,
        "QUOTEBOUND_HOME": str(settings.home),
        "QUOTEBOUND_MODEL_CACHE": str(settings.compiled_models),
    }
    folder = str(find_model(settings.model or PACKAGED_MODEL))
    question = eval_set.cases[0].question
    commands = {
        "ask": ["-m", "rag.cli", "ask", question],
        "help": ["-m", "rag.cli", "--help"],
        "baseline": ["-c", _BASELINE, folder],
        "python": ["-c", "pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    told = json.loads(_run(["-c", _ASK, json.dumps(["ask", question])], environment).splitlines()[-1])
    for number in range(rounds + 1):
        for name, arguments in commands.items():
            started = time.perf_counter()
            _run(arguments, environment)
            if number:
                seconds[name].append(time.perf_counter() - started)
    figures = {name: summary(found) for name, found in seconds.items()}
    return {
        "rounds": rounds,
        "exit_code": told["code"],
        "torch_loaded": told["torch"],
        **figures,
        "baseline": {"name": "import sentence-transformers, load the model", **figures["baseline"]},
        "ratio_to_baseline": round(figures["ask"]["p50_ms"] / figures["baseline"]["p50_ms"], 3),
    }


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run Python with some arguments, and return what it wrote to standard error."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stderr
