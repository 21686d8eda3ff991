"""`quotebound bench ingest`: how fast documents become searchable, against the bare embedding of them."""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.bench.timing import Durations, TimedChunker, TimedEmbedder, TimedStore, summary
from index.chunking import CHUNK_TOKENS, indexed_text
from index.embedding import Embedder
from index.ingest import Ingestor
from index.jobs import FileStatus
from index.running import JobRunner
from index.sync import SyncRequest
from rag.settings import Settings

# What `ru_maxrss` counts in.
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_PARAGRAPH = re.compile(r"(?m)^(?=\w)")


def copied(paths: Sequence[Path], copies: int) -> dict[str, str]:
    """Return text files several times over, by name.

    The copies differ by a number before each paragraph, so that no vector is taken from the store.
    """
    return {
        f"{copy}-{path.name}": _PARAGRAPH.sub(f"({copy}) ", path.read_text(encoding="utf-8"))
        for copy in range(copies)
        for path in paths
    }


def run(texts_by_name: Mapping[str, str], settings: Settings, embedder: Embedder) -> dict[str, Any]:
    """Ingest texts as files into a collection of its own, and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts_by_name.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return run_over([Path(folder)], settings, embedder)


def run_over(documents: Sequence[Path], settings: Settings, embedder: Embedder) -> dict[str, Any]:
    """Ingest files into a collection of its own, and return the figures.

    The baseline is one call of the embedder for all the passages; the ingest has to come near it. The
    peak of memory is that of the whole process up to the end of the ingest.
    """
    embedder.embed_query("load the model before the clock starts")
    durations = Durations()
    with tempfile.TemporaryDirectory() as folder:
        chunker = TimedChunker(embedder.window, settings.chunk_tokens or CHUNK_TOKENS, durations)
        space = embedder.identity.space(chunker.fingerprint)
        store = TimedStore(durations, Path(folder) / "collection", space, writable=True)
        timed = TimedEmbedder(embedder, durations)
        runner = JobRunner.over(Ingestor(store, chunker, timed, max_bytes=settings.max_bytes))
        everything = SyncRequest.of(documents)
        started = time.perf_counter()
        report = runner.sync(everything)
        elapsed = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES
        started = time.perf_counter()
        again = runner.sync(everything)
        unchanged = time.perf_counter() - started
        texts = [
            indexed_text(passage)
            for info in store.catalog.documents()
            for _, passage in store.catalog.passages_of(info.id)
        ]
        store.close()
    started = time.perf_counter()
    embedder.embed_passages(texts)
    baseline = time.perf_counter() - started
    model = durations.total("model")
    return {
        "documents": len(report.files),
        "failed": report.count(FileStatus.FAILED),
        "passages": len(texts),
        "passages_embedded": report.embedded,
        "passages_embedded_again": again.embedded,
        "documents_per_s": round(len(report.files) / elapsed, 2),
        "passages_per_s": round(len(texts) / elapsed, 2),
        "seconds": round(elapsed, 3),
        "seconds_unchanged": round(unchanged, 3),
        "model_share": round(model / elapsed, 4),
        "steps": {name: summary(durations.seconds[name]) for name in ("chunk", "model", "store")},
        "baseline": {
            "name": "one call of the embedder",
            "seconds": round(baseline, 3),
            "passages_per_s": round(len(texts) / baseline, 2),
        },
        "share_of_baseline": round(baseline / elapsed, 3),
        "peak_memory_mb": round(peak / 2**20),
    }
