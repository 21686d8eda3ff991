"""`quotebound bench coldstart`: a question from a shell, from nothing to the answer, beside loading torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
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
    commands = {
        "ask": [_ASK, json.dumps(["ask", eval_set.cases[0].question])],
        "help": [_ASK, json.dumps(["--help"])],
        "baseline": [_BASELINE, folder],
        "python": ["pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    told = {}
    for number in range(rounds + 1):
        for name, (program, *arguments) in commands.items():
            started = time.perf_counter()
            done = subprocess.run(  # noqa: S603 - our own interpreter, our own programs
                [sys.executable, "-c", program, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            if number:
                seconds[name].append(time.perf_counter() - started)
            if name == "ask":
                told = json.loads(done.stderr.splitlines()[-1])
    figures = {name: summary(found) for name, found in seconds.items()}
    return {
        "rounds": rounds,
        "exit_code": told["code"],
        "torch_loaded": told["torch"],
        **figures,
        "baseline": {"name": "import sentence-transformers, load the model", **figures["baseline"]},
        "ratio_to_baseline": round(figures["ask"]["p50_ms"] / figures["baseline"]["p50_ms"], 3),
    }
