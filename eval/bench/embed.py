"""`quotebound bench embed`: how fast passages become vectors, beside sentence-transformers and the processor.

The roofline: a pass over a text costs a known number of floating-point operations, nearly all in matrix
products; divided by the rate at which this machine multiplies matrices in that precision, measured beside
it, that is the least time the pass could take (Williams, Waterman and Patterson, "Roofline", CACM 2009).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import ir_measures
import numpy as np

from eval.metrics import percentile
from eval.public import RetrievalSet
from index.embedding import Embedder, Vectors
from index.embedding.embedder import cosines
from index.embedding.fast import CompiledEmbedder
from index.embedding.model_files import PACKAGED_MODEL, ModelFiles, open_model
from index.embedding.runtime import Precision, native_precision
from rag.settings import Settings

_SHAPES = ((2048, 384, 1536), (2048, 1536, 384), (1024, 1024, 1024), (2048, 2048, 2048))
_REPEATS = 8
_DEPTH = 100


def run(
    texts: Sequence[str], rounds: int, settings: Settings, judged: RetrievalSet | None = None
) -> dict[str, Any]:
    """Embed texts in some rounds with each precision and with sentence-transformers; return the figures.

    With `judged` the nDCG@10 of each precision on a set of queries, too, by vectors alone.
    """
    name = settings.model or PACKAGED_MODEL
    files = open_model(name)
    baseline = _sentence_transformers(files)
    embedders = {
        precision.value: CompiledEmbedder(name, cache=settings.compiled_models, precision=precision)
        for precision in dict.fromkeys((Precision.F32, native_precision(), Precision.INT8))
    }
    runs: dict[str, Callable[[Sequence[str]], Vectors]] = {"sentence-transformers": baseline}
    runs |= {precision: embedder.embed_passages for precision, embedder in embedders.items()}
    vectors = {key: embed(texts) for key, embed in runs.items()}
    seconds: dict[str, list[float]] = {key: [] for key in runs}
    rates: dict[str, list[float]] = {precision: [] for precision in embedders}
    for _ in range(rounds):
        for key, embed in runs.items():
            started = time.perf_counter()
            embed(texts)
            seconds[key].append(time.perf_counter() - started)
            if key in rates:
                rates[key].append(gemm_rate(key))
    lengths = [len(files.input_ids(text)) for text in texts]
    work = sum(flops(files, length) for length in lengths)
    base = percentile(seconds["sentence-transformers"], 0.5)
    figures: dict[str, Any] = {
        "model": name,
        "passages": len(texts),
        "tokens_per_passage": round(float(np.mean(lengths)), 1),
        "rounds": rounds,
        "gflop_per_passage": round(work / len(texts) / 1e9, 2),
        "baseline": {
            "name": "sentence-transformers encode",
            "passages_per_s": round(len(texts) / base, 1),
            "gemm_share": round(work / base / max(rates["f32"]), 3),
        },
    }
    for precision, embedder in embedders.items():
        middle = percentile(seconds[precision], 0.5)
        near = cosines(vectors[precision], vectors["sentence-transformers"])
        figures[precision] = {
            "passages_per_s": round(len(texts) / middle, 1),
            "ratio_to_baseline": round(base / middle, 2),
            "least_cosine": round(float(near.min()), 5),
            "mean_cosine": round(float(near.mean()), 5),
            "gemm_gflops": round(max(rates[precision]) / 1e9),
            "gemm_share": round(work / middle / max(rates[precision]), 3),
            **({"ndcg_at_10": round(ndcg(judged, embedder), 4)} if judged is not None else {}),
        }
    return figures


def ndcg(judged: RetrievalSet, embedder: Embedder) -> float:
    """Return nDCG@10 of the nearest documents by inner product, each document one vector."""
    ids = list(judged.documents)
    documents = embedder.embed_passages([judged.documents[key] for key in ids])
    ranked = []
    for key, query in judged.queries.items():
        scores = documents @ embedder.embed_query(query)
        for place in np.argsort(-scores, kind="stable")[:_DEPTH]:
            ranked.append(ir_measures.ScoredDoc(key, ids[place], float(scores[place])))
    qrels = [
        ir_measures.Qrel(key, document, 1) for key in judged.queries for document in judged.relevant[key]
    ]
    measure = ir_measures.nDCG @ 10
    return float(ir_measures.calc_aggregate([measure], qrels, ranked)[measure])


def flops(files: ModelFiles, length: int) -> int:
    """Return the floating-point operations of one pass over `length` tokens: twice the multiplications.

    For each token and layer four products of hidden × hidden and two of hidden × intermediate, and with
    each of the tokens two of length hidden. Raise `KeyError` for a model that tells its sizes otherwise.
    """
    config = json.loads((files.folder / "config.json").read_text(encoding="utf-8"))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    linear = 4 * hidden**2 + 2 * hidden * config["intermediate_size"]
    return int(2 * layers * length * (linear + 2 * hidden * length))


def gemm_rate(precision: str) -> float:
    """Return the greatest number of operations a second that torch reaches in a matrix product here."""
    import torch  # noqa: PLC0415 - it takes seconds

    best = 0.0
    for rows, inner, columns in _SHAPES:
        if precision == Precision.INT8:
            left = torch.randint(-127, 127, (rows, inner), dtype=torch.int8)
            right = torch.randint(-127, 127, (inner, columns), dtype=torch.int8)
            multiply: Callable[[Any, Any], object] = torch._int_mm
        else:
            kind = torch.bfloat16 if precision == Precision.BF16 else torch.float32
            left, right = torch.randn(rows, inner).to(kind), torch.randn(inner, columns).to(kind)
            multiply = torch.matmul
        multiply(left, right)
        started = time.perf_counter()
        for _ in range(_REPEATS):
            multiply(left, right)
        elapsed = time.perf_counter() - started
        best = max(best, 2 * rows * inner * columns * _REPEATS / elapsed)
    return best


def _sentence_transformers(files: ModelFiles) -> Callable[[Sequence[str]], Vectors]:
    """Return sentence-transformers' own way to embed documents, with its own batches."""
    from index.embedding.sentence_transformers import load_model  # noqa: PLC0415

    model = load_model(files)

    def embed(texts: Sequence[str]) -> Vectors:
        found: Vectors = model.encode_document(list(texts), show_progress_bar=False)
        return found

    return embed


def sample(texts: Sequence[str], count: int) -> list[str]:
    """Return `count` texts evenly spread over all, all of them where there are fewer."""
    step = max(1, len(texts) // max(1, count))
    return list(texts[::step][:count])
