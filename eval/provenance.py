"""What a run was measured on: the set, the documents, the program and its settings."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cases import EvalSet
from eval.outcomes import Outcome
from index.chunking import target_of
from rag.settings import Settings
from rag.wiring import Application


def measured_on(eval_set: EvalSet, application: Application, collection: str) -> dict[str, Any]:
    """Return what is known before a question is asked, in values of JSON."""
    store = application.home.collection(collection)
    space = store.space
    threshold = application.assistant.threshold
    if threshold is None:
        threshold = application.engine(store.snapshot()).reader.threshold
    return {
        "set": eval_set.name,
        "set_sha256": eval_set.sha256,
        "sample": eval_set.sample,
        "shard": eval_set.shard,
        "collection": collection,
        "labels_by": sorted({case.labels_by for case in eval_set.cases}),
        "left_out": dict(eval_set.left_out),
        "documents": [{"source": info.source, "sha256": info.sha256} for info in store.catalog.documents()],
        "commit": commit(),
        "settings": {
            "model": space.name,
            "weights_sha256": space.weights,
            "chunk_tokens": target_of(space.passages),
            "threshold": threshold,
            "reader": application.settings.reader,
            **_writer(application.settings),
        },
    }


def _writer(settings: Settings) -> dict[str, Any]:
    """Return which language model is to write, if any is, and how freely."""
    if settings.llm_url is None:
        return {}
    told = settings.llm_model or "the server's own"
    return {"writer": told, "temperature": settings.llm_temperature, "unsupported": settings.unsupported}


def written(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return which language models wrote answers, and how often the documents' own took their place."""
    return {
        "written_by": sorted({outcome.written_by for outcome in outcomes if outcome.written_by is not None}),
        "fallbacks": sum(outcome.fallback is not None for outcome in outcomes),
        "withheld": sum(outcome.withheld for outcome in outcomes),
    }


def commit() -> str | None:
    """Return the commit of the program, marked where files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    command = ("git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*")
    try:
        # S603: every word of the command stands above.
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
