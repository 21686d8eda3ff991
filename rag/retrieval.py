"""From a question to passages: nearest in meaning and in words, fused, without copies of one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from index.embedding import Embedder
from index.snapshot import Snapshot
from index.terms import words
from index.types import Hit, Located, Why
from index.vectors import Scored

# Of Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
# learning methods" (SIGIR 2009).
RRF_CONSTANT = 60
_SHINGLE = 5


def reciprocal_rank_fusion(rankings: Sequence[Sequence[int]]) -> dict[int, float]:
    """Return each row's fused score, best first: the sum over rankings of 1 / (60 + rank), ranks from 1.

    Scaled so that a row that is first in every ranking has 1. Equal scores are in the order of rows.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, row in enumerate(ranking, start=1):
            scores[row] += (RRF_CONSTANT + 1) / (RRF_CONSTANT + rank) / len(rankings)
    return dict(sorted(scores.items(), key=lambda entry: (-entry[1], entry[0])))


class Retriever:
    """Searches a snapshot by vectors and by words, `candidates` deep each.

    A passage that repeats another one above it is dropped: a share of `duplicate` of its runs of
    five words stand there already. So is one that no word of the query is in and that is less near
    than `floor` by cosine.
    """

    def __init__(
        self, embedder: Embedder, *, candidates: int = 50, duplicate: float = 0.8, floor: float = 0.1
    ) -> None:
        self._embedder = embedder
        self._candidates = candidates
        self._duplicate = duplicate
        self._floor = floor

    def search(self, snapshot: Snapshot, query: str, k: int) -> list[Hit]:
        """Return at most `k` hits, best first, with ranks from 1."""
        if not len(snapshot) or not query.strip():
            return []
        vector = self._embedder.embed_query(query)
        depth = max(self._candidates, k)
        dense = snapshot.dense(vector, depth)
        lexical = snapshot.lexical(query, depth)
        fused = reciprocal_rank_fusion([_rows(dense), _rows(lexical)])
        located = snapshot.passages(list(fused))
        cosines = dict(zip(located, snapshot.cosines(vector, list(located)), strict=True))
        why = _why(cosines, dense, lexical)
        kept = self._distinct({row: located[row] for row in fused if self._is_near(why.get(row))}, k)
        return [
            Hit(
                passage=located[row].passage,
                source=located[row].source,
                title=located[row].title,
                score=fused[row],
                rank=rank,
                why=why[row],
            )
            for rank, row in enumerate(kept, start=1)
        ]

    def _is_near(self, why: Why | None) -> bool:
        # None: deleted since the snapshot was taken.
        return why is not None and (why.lexical_rank is not None or (why.dense_score or 0) >= self._floor)

    def _distinct(self, ranked: dict[int, Located], k: int) -> list[int]:
        kept: list[tuple[int, set[tuple[str, ...]]]] = []
        for row, located in ranked.items():
            shingles = _shingles(located.passage.text)
            if all(len(shingles & other) < self._duplicate * len(shingles) for _, other in kept):
                kept.append((row, shingles))
                if len(kept) == k:
                    break
        return [row for row, _ in kept]


def _rows(scored: Sequence[Scored]) -> list[int]:
    return [entry.row for entry in scored]


def _why(cosines: dict[int, float], dense: Sequence[Scored], lexical: Sequence[Scored]) -> dict[int, Why]:
    dense_ranks = {entry.row: rank for rank, entry in enumerate(dense, start=1)}
    lexical_ranks = {entry.row: (rank, entry.score) for rank, entry in enumerate(lexical, start=1)}
    return {
        row: Why(dense_ranks.get(row), cosine, *lexical_ranks.get(row, (None, None)))
        for row, cosine in cosines.items()
    }


def _shingles(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    # A text of fewer words is one run.
    return {tuple(found[i : i + _SHINGLE]) for i in range(max(1, len(found) - _SHINGLE + 1))}
