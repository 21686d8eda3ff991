"""`quotebound bench ask`: how long each step of an answer takes, against one bare pass of the model."""

from __future__ import annotations

import time
from typing import Any

from eval.bench.growth import grow
from eval.bench.timing import Durations, TimedEmbedder, TimedNetwork, summary
from eval.cases import EvalSet
from eval.metrics import percentile
from index.embedding import Embedder
from index.running import JobRunner
from index.sync import SyncRequest
from rag.models import Readers
from rag.reading.network import Network
from rag.settings import Settings
from rag.wiring import Application

_BASELINES = ("baseline", "reader_baseline")


def run(
    eval_set: EvalSet, rounds: int, settings: Settings, embedder: Embedder, passages: int = 0
) -> dict[str, Any]:
    """Ask the questions of a set in some rounds, and return the figures of the first and of the later ones.

    In the first round question and most sentences are seen for the first time; later both are known. Before
    that the collection is made larger, to so many `passages` (see `grow`). The baselines are the embedding
    of the question alone, which no answer can do without, and the reader's network over the passages of the
    answer; they are run beside each question, so that what else the machine does slows both.
    """
    durations = Durations()
    embedder.embed_query("load the model before the clock starts")
    timed = TimedEmbedder(embedder, durations)
    readers = Readers(settings)
    readers.load()
    network = readers.network
    if network is not None:
        readers.network = TimedNetwork(network, durations)
    with Application(settings, writable=True, embedder=timed, readers=readers) as application:
        JobRunner.over(application.ingestor()).sync(SyncRequest.of(eval_set.documents))
        grow(application.home.collection(), passages)
        phases = [
            _round(number, eval_set, application, (embedder, network), durations) for number in range(rounds)
        ]
        searched = len(application.home.collection().snapshot())
    later = _merged(phases[1:])
    return {
        "questions": len(eval_set.cases),
        "rounds": rounds,
        "passages": searched,
        "first_round": _figures(phases[0]),
        "later_rounds": _figures(later) if later.seconds else None,
    }


def _round(
    number: int,
    eval_set: EvalSet,
    application: Application,
    bare: tuple[Embedder, Network | None],
    durations: Durations,
) -> Durations:
    found = Durations()
    # An answer that was kept takes none of the steps.
    application.assistant.forget()
    for case in eval_set.cases:
        before = durations.total("model")
        started = time.perf_counter()
        answer = application.assistant.ask(case.question)
        found.seconds["ask"].append(time.perf_counter() - started)
        found.seconds["model"].append(durations.total("model") - before)
        for step, milliseconds in answer.timings.items():
            if step != "total":
                found.seconds[step].append(milliseconds / 1000)
        # Another text of the same length in each round, which nothing can have kept.
        other = f"{number} {case.question[::-1]}"
        embedder, network = bare
        with found.step("baseline"):
            embedder.embed_query(other)
        if network is not None:
            with found.step("reader_baseline"):
                network.read(other, [hit.passage for hit in answer.hits if hit.why.reader_score is not None])
    return found


def _merged(phases: list[Durations]) -> Durations:
    merged = Durations()
    for phase in phases:
        for step, seconds in phase.seconds.items():
            merged.seconds[step] += seconds
    return merged


def _figures(durations: Durations) -> dict[str, Any]:
    steps = [step for step in durations.seconds if step not in ("ask", "model", *_BASELINES)]
    whole, model = durations.seconds["ask"], durations.seconds["model"]
    outside = [total - passes for total, passes in zip(whole, model, strict=True)]
    ask, baseline = summary(durations.seconds["ask"]), summary(durations.seconds["baseline"])
    read = durations.seconds.get("reader_baseline")
    return {
        "ask": ask,
        "steps": {step: summary(durations.seconds[step]) for step in steps},
        "outside_model": summary(outside),
        "outside_model_share": round(percentile(outside, 0.5) * 1000 / ask["p50_ms"], 4),
        "model_share": round(durations.total("model") / durations.total("ask"), 4),
        "questions_per_s": round(len(durations.seconds["ask"]) / durations.total("ask"), 2),
        "baseline": {"name": "embedding of the question", **baseline},
        "ratio_to_baseline": round(ask["p50_ms"] / max(baseline["p50_ms"], 1e-6), 3),
        "reader_pass": summary(read) if read else None,
        "ratio_to_reader_pass": round(percentile(whole, 0.5) / percentile(read, 0.5), 3) if read else None,
    }
