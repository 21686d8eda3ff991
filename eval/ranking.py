"""Retrieval figures from ranks, by ir-measures (MacAvaney et al., ECIR 2022)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import ir_measures
import numpy as np
from numpy.typing import NDArray

_DEPTHS = {"recall_at_1": 1, "recall_at_5": 5, "recall_at_10": 10}
MEASURES = {
    **{name: ir_measures.R @ depth for name, depth in _DEPTHS.items()},
    "mrr": ir_measures.RR,
    "ndcg_at_10": ir_measures.nDCG @ 10,
}


def of_evidence(
    ranks: Sequence[Sequence[int | None]], hits: Sequence[int]
) -> Mapping[str, NDArray[np.float64]]:
    """Return the figures of each case by name, 0 for a case without evidence.

    The pieces of evidence are the relevant documents: `ranks` are those of each case's pieces, None
    where no passage holds one, and `hits` how many passages were retrieved for it. recall@k is the share of
    the pieces that the first k passages hold; of pieces in one passage nDCG takes one after the other.
    """
    qrels, run = [], []
    for place, (pieces, count) in enumerate(zip(ranks, hits, strict=True)):
        for piece, rank in enumerate(pieces):
            qrels.append(ir_measures.Qrel(str(place), f"evidence {piece}", 1))
            if rank is not None:
                run.append(ir_measures.ScoredDoc(str(place), f"evidence {piece}", -rank))
        run += [
            ir_measures.ScoredDoc(str(place), f"passage {rank}", -rank)
            for rank in range(1, count + 1)
            if rank not in pieces
        ]
    found = _of_cases(qrels, run, len(ranks))
    for name, depth in _DEPTHS.items():
        held = [[rank is not None and rank <= depth for rank in pieces] for pieces in ranks]
        found[name] = np.array([sum(flags) / len(flags) if flags else 0.0 for flags in held])
    return found


def of_documents(
    wanted: Sequence[Collection[str]], found: Sequence[Sequence[str]]
) -> Mapping[str, NDArray[np.float64]]:
    """Return the figures of each case by name, from the documents it wants and those found, best first."""
    qrels = [
        ir_measures.Qrel(str(place), document, 1)
        for place, documents in enumerate(wanted)
        for document in documents
    ]
    run = [
        ir_measures.ScoredDoc(str(place), document, -rank)
        for place, documents in enumerate(found)
        for rank, document in enumerate(dict.fromkeys(documents))
    ]
    return _of_cases(qrels, run, len(wanted))


def _of_cases(
    qrels: list[ir_measures.Qrel], run: list[ir_measures.ScoredDoc], cases: int
) -> dict[str, NDArray[np.float64]]:
    values = {measure: np.zeros(cases) for measure in MEASURES.values()}
    for metric in ir_measures.iter_calc(MEASURES.values(), qrels, run) if qrels else ():
        values[metric.measure][int(metric.query_id)] = metric.value
    return {name: values[measure] for name, measure in MEASURES.items()}
