"""`quotebound bench ingest`: how fast documents become searchable, against the bare embedding of them."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.timing import Durations, TimedChunker, TimedEmbedder, TimedStore, summary
from index.chunking import CHUNK_TOKENS, indexed_text
from index.embedding import Embedder
from index.ingest import Ingestor
from index.loading import label
from index.running import JobRunner
from index.sync import SyncRequest
from rag.settings import Settings

_PARAGRAPH = re.compile(r"(?m)^(?=\w)")


def run(paths: Sequence[Path], copies: int, settings: Settings, embedder: Embedder) -> dict[str, Any]:
    """Ingest some text files several times over into a collection of its own, and return the figures.

    The copies differ by a number before each paragraph, so that no vector is taken from the store. The
    baseline is one call of the embedder for all the passages; the ingest has to come near it.
    """
    embedder.embed_query("load the model before the clock starts")
    durations = Durations()
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        for copy in range(copies):
            for path in paths:
                text = path.read_text(encoding="utf-8")
                (documents / f"{copy}-{path.name}").write_text(
                    _PARAGRAPH.sub(f"({copy}) ", text), encoding="utf-8"
                )
        chunker = TimedChunker(embedder.window, settings.chunk_tokens or CHUNK_TOKENS, durations)
        space = embedder.identity.space(chunker.fingerprint)
        store = TimedStore(durations, Path(folder) / "collection", space, writable=True)
        timed = TimedEmbedder(embedder, durations)
        runner = JobRunner.over(Ingestor(store, chunker, timed, max_bytes=settings.max_bytes))
        everything = SyncRequest.of([documents])
        started = time.perf_counter()
        report = runner.sync(everything)
        elapsed = time.perf_counter() - started
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
        "passages": len(texts),
        "passages_embedded": report.embedded,
        "passages_embedded_again": again.embedded,
        "documents_per_s": round(len(report.files) / elapsed, 2),
        "passages_per_s": round(len(texts) / elapsed, 2),
        "seconds": round(elapsed, 3),
        "seconds_unchanged": round(unchanged, 3),
        "model_share": round(model / elapsed, 4),
        "steps": {name: summary(durations.seconds[name]) for name in ("chunk", "model", "store")},
        "baseline": {"name": "one call of the embedder", "seconds": round(baseline, 3)},
        "ratio_to_baseline": round(elapsed / baseline, 3),
        "sources": [label(path.name) for path in paths],
    }
