"""`quotebound bench search`: how a search for the nearest passages grows with their number, against NumPy."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.bench.timing import Durations, summary
from eval.cases import InvalidCase
from index.chunking import CHUNK_TOKENS, Chunker, indexed_text
from index.embedding import Embedder, Vectors
from index.loading import load_bytes
from index.sources import label
from index.vectors import FlatVectorIndex, Scored, normalized

QUERIES = 200
NEAREST = 10
# What a made vector has of noise beside the real one of length 1: from another wording to another matter.
NOISE = (0.3, 1.2)
_BATCH = 10_000
_MAX_BYTES = 2**24
_SIZE = re.compile(r"(\d+)([kM]?)")


def sizes_of(text: str) -> list[int]:
    """Return the numbers in a text such as `10k,100k,1M`, ascending; raise `InvalidCase` for another."""
    found = [_SIZE.fullmatch(part.strip()) for part in text.split(",")]
    sizes = [int(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]] for match in found if match]
    if len(sizes) < len(found) or min(sizes) < NEAREST:
        raise InvalidCase(f"sizes are numbers from {NEAREST} on such as 10k,100k,1M, not {text!r}")
    return sorted(set(sizes))


def run(paths: Sequence[Path], sizes: Sequence[int], embedder: Embedder) -> dict[str, Any]:
    """Let an index grow to some sizes, ascending, search it at each, and return the figures.

    Vectors are those of the documents' passages and sentences, each taken again and again with Gaussian
    noise, alike in all dimensions and of a length drawn anew each time, and scaled to length 1; queries
    are made the same way. The baseline is the product of all vectors with the query in NumPy and the
    choice of the best, run beside each search. The index merges at once what the product merges in a
    thread; that is counted as building.
    """
    real = _embedded(paths, embedder)
    dimension = real.shape[1]
    queries = _made(real, QUERIES, seed=0)
    vectors = np.empty((sizes[-1], dimension), dtype=np.float32)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        index, count, seconds = FlatVectorIndex(dimension, scratch=Path(folder)), 0, 0.0
        for size in sizes:
            while count < size:
                end = min(count + _BATCH, size)
                vectors[count:end] = _made(real, end - count, seed=end)
                started = time.perf_counter()
                index = index.updated((), np.arange(count, end), vectors[count:end])
                while index.worth_merging:
                    index = index.with_merged(index.merged())
                seconds += time.perf_counter() - started
                count = end
            found.append({"passages": size, **_figures(index, vectors[:size], queries, seconds)})
    return {
        "sources": [label(path.name) for path in paths],
        "real_vectors": len(real),
        "noise": list(NOISE),
        "queries": QUERIES,
        "sizes": {str(figures["passages"]): figures for figures in found},
        "growth": _growth(found),
    }


def _embedded(paths: Sequence[Path], embedder: Embedder) -> Vectors:
    chunker = Chunker(embedder.window, CHUNK_TOKENS)
    texts: dict[str, None] = {}
    for path in paths:
        document = load_bytes(path.read_bytes(), path.name, origin=path.name, max_bytes=_MAX_BYTES)
        for passage in chunker.chunk(document):
            texts[indexed_text(passage)] = None
            texts.update((document.text[span.start : span.end], None) for span in passage.sentences)
    if not texts:
        raise InvalidCase("there is no passage in the documents to make vectors of")
    return normalized(embedder.embed_passages(list(texts)), embedder.identity.dimension)


def _made(real: Vectors, count: int, *, seed: int) -> Vectors:
    random = np.random.default_rng(seed)
    noise = random.standard_normal((count, real.shape[1]), dtype=np.float32)
    noise *= (random.uniform(*NOISE, size=(count, 1)) / real.shape[1] ** 0.5).astype(np.float32)
    return normalized(real[random.integers(0, len(real), count)] + noise, real.shape[1])


@dataclass(slots=True)
class _Found:
    """How many of the nearest were found, and how many there were."""

    found: int = 0
    of: int = 0

    def count(self, scored: Sequence[Scored], nearest: NDArray[np.int64]) -> None:
        """Add the results of a query, held against the rows that are nearest."""
        self.found += len({entry.row for entry in scored} & set(nearest.tolist()))
        self.of += len(nearest)


def _figures(index: FlatVectorIndex, vectors: Vectors, queries: Vectors, seconds: float) -> dict[str, Any]:
    durations, recall, recall_of_50 = Durations(), _Found(), _Found()
    index.search(queries[0], NEAREST)
    for query in queries:
        with durations.step("search"):
            scored = index.search(query, NEAREST)
        with durations.step("numpy"):
            scores = vectors @ query
            best = np.argpartition(-scores, NEAREST - 1)[:NEAREST]
        recall.count(scored, best)
        # So many does an answer begin with.
        more = min(50, len(vectors))
        recall_of_50.count(index.search(query, more), np.argpartition(-scores, more - 1)[:more])
    search, numpy = summary(durations.seconds["search"]), summary(durations.seconds["numpy"])
    return {
        "kind": "; ".join(_kinds(index)),
        "search": search,
        "baseline": {"name": "NumPy over all vectors", **numpy},
        "ratio_to_baseline": round(search["p50_ms"] / max(numpy["p50_ms"], 1e-6), 3),
        "recall_at_10": round(recall.found / recall.of, 4),
        "recall_at_50": round(recall_of_50.found / recall_of_50.of, 4),
        "recall_at_10_when_built": [large.recall for _, large in index.large],
        "bytes_per_passage": round(index.nbytes / len(vectors)),
        "build_seconds": round(seconds, 1),
    }


def _kinds(index: FlatVectorIndex) -> Iterator[str]:
    for segment, large in index.large:
        yield f"{segment.count} nearly exact, {large.probes} of {large.lists} lists probed"
    if rest := len(index) - sum(segment.count for segment, _ in index.large):
        yield f"{rest} exact"


def _growth(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the p50 of each size over that of the one before."""
    return {
        f"p50_{after['passages']}_over_{before['passages']}": round(
            after["search"]["p50_ms"] / max(before["search"]["p50_ms"], 1e-6), 3
        )
        for before, after in pairwise(found)
    }
