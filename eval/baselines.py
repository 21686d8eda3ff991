"""What simpler systems find on the same cases: one ranking alone, and the sentence nearest to the question.

They search the same passages of the same collection, so that a difference is that of the method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eval.anchoring import Anchoring
from eval.cases import Case, EvalSet, Located
from eval.metrics import area_under_roc
from eval.ranking import of_documents, of_evidence
from eval.runner import rank_of, shows
from index.embedding import Embedder
from index.embedding.embedder import Vectors
from index.snapshot import Snapshot
from index.types import DEFAULT_COLLECTION, Hit, Span
from rag.ranking import PassageRanking
from rag.retrieval import Ranking, Retriever
from rag.types import DEFAULT_TOP_K
from rag.wiring import Application

# So deep that ten documents are found, of each of which several passages may come before the next.
DOCUMENTS_DEPTH = 100


class System(StrEnum):
    """How passages are ranked: by BM25, by nearness of vectors, by both fused, or as the product does."""

    BM25 = "BM25 alone"
    DENSE = "dense alone"
    FUSED = "both, fused"
    PRODUCT = "Quotebound"


_RANKINGS: Mapping[System, Sequence[Ranking]] = {
    System.BM25: (Ranking.LEXICAL,),
    System.DENSE: (Ranking.DENSE,),
    System.FUSED: tuple(Ranking),
    System.PRODUCT: tuple(Ranking),
}


class Baselines:
    """Asks the cases of a set of simpler systems, over the collection that a run asked."""

    def __init__(
        self, eval_set: EvalSet, application: Application, collection: str = DEFAULT_COLLECTION
    ) -> None:
        store = application.home.collection(collection)
        self._snapshot = store.snapshot()
        self._embedder: Embedder = application.engine(self._snapshot).embedder
        anchoring = Anchoring(store.catalog)
        self._embedded: dict[str, Vectors] = {}
        self._cases: list[tuple[Case, Snapshot, list[list[Located]]]] = []
        for case in eval_set.cases:
            ids = [info.id for source in case.scope for info in anchoring.documents(source)]
            pieces = [[anchoring.located(choice) for choice in piece.choices] for piece in case.evidence]
            self._cases.append((case, self._snapshot.within(ids), pieces))

    def _retriever(self, system: System) -> Retriever:
        ranking = PassageRanking.load() if system is System.PRODUCT else None
        return Retriever(self._embedder, rankings=_RANKINGS[system], ranking=ranking)

    def retrieval(self, system: System) -> dict[str, float]:
        """Return the retrieval figures of a ranking; the pieces of evidence are what is to be found."""
        retriever = self._retriever(system)
        ranks, counts = [], []
        for case, snapshot, pieces in self._cases:
            if pieces:
                hits = retriever.search(snapshot, case.question, DEFAULT_TOP_K).hits
                ranks.append([rank_of(hits, choices) for choices in pieces])
                counts.append(len(hits))
        return _means(of_evidence(ranks, counts))

    def documents(self, system: System) -> dict[str, float]:
        """Return the retrieval figures of the documents that passages are of, each at its first passage."""
        retriever = self._retriever(system)
        wanted, found = [], []
        for case, snapshot, pieces in self._cases:
            if pieces:
                hits = retriever.search(snapshot, case.question, DOCUMENTS_DEPTH).hits
                wanted.append({place[0] for choices in pieces for one in choices for place in one.places})
                found.append([hit.passage.document_id for hit in hits])
        return _means(of_documents(wanted, found))

    def nearest_sentence(self) -> dict[str, float]:
        """Return how often the sentence nearest to the question by cosine is the evidence.

        Of the passages that the product's retrieval finds; and how well its cosine tells the questions that
        the documents answer.
        """
        retriever = self._retriever(System.PRODUCT)
        right: list[bool] = []
        scores: list[float] = []
        for case, snapshot, pieces in self._cases:
            hits = retriever.search(snapshot, case.question, DEFAULT_TOP_K).hits
            found = self._nearest(case.question, hits)
            scores.append(found[2] if found is not None else -1.0)
            if pieces:
                right.append(
                    found is not None and any(shows(found[0], found[1], choices) for choices in pieces)
                )
        return {
            "best_sentence_right": sum(right) / len(right) if right else 1.0,
            "answerable_auroc": area_under_roc(scores, [case.answerable for case, _, _ in self._cases]),
        }

    def _nearest(self, question: str, hits: Sequence[Hit]) -> tuple[str, Span, float] | None:
        """Return document, span and cosine of the sentence nearest to a question."""
        sentences = [(hit, span) for hit in hits for span in hit.passage.sentences]
        if not sentences:
            return None
        texts = [
            hit.passage.text[span.start - hit.passage.start : span.end - hit.passage.start]
            for hit, span in sentences
        ]
        near = self._vectors(texts) @ self._embedder.embed_query(question)
        best = int(np.argmax(near))
        hit, span = sentences[best]
        return hit.passage.document_id, span, float(near[best])

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of some sentences at length 1, each embedded once."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._embedded]
        for text, vector in zip(missing, self._embedder.embed_passages(missing), strict=True):
            self._embedded[text] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return np.stack([self._embedded[text] for text in texts])


def _means(values: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(of_cases.mean()) if len(of_cases) else 1.0 for name, of_cases in values.items()}
