"""A corpus with queries and judgements as BEIR keeps them, and how well vectors alone retrieve from it."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import ir_measures
import numpy as np

from index.embedding import Embedder
from index.errors import SourceNotFound

SCIFACT = Path("dev/scifact")
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Texts by id, queries by id, and for each query the ids that are relevant to it."""

    documents: dict[str, str]
    queries: dict[str, str]
    relevant: dict[str, set[str]]


def load_scifact(data: Path) -> RetrievalSet:
    """Return SciFact below a data folder; raise `SourceNotFound` saying where it comes from."""
    folder = data / SCIFACT
    if not (folder / "corpus.jsonl.gz").is_file():
        raise SourceNotFound(
            f"there is no {SCIFACT} in the data folder: it is SciFact as BEIR has it (Wadden et al., 2020; "
            "CC BY-NC 2.0), corpus.jsonl.gz, queries.train.jsonl.gz and qrels.train.tsv"
        )
    documents = {
        entry["_id"]: f"{entry['title']}\n{entry['text']}".strip()
        for entry in _lines(folder / "corpus.jsonl.gz")
    }
    queries = {entry["_id"]: entry["text"] for entry in _lines(folder / "queries.train.jsonl.gz")}
    relevant: dict[str, set[str]] = defaultdict(set)
    with (folder / "qrels.train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                relevant[row["query-id"]].add(row["corpus-id"])
    return RetrievalSet(documents, {key: queries[key] for key in relevant if key in queries}, dict(relevant))


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


def _lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
