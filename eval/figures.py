"""What the outcomes of a run come to: retrieval, answers, evidence, abstention, quotes, time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ir_measures

from eval.cases import Case
from eval.metrics import (
    PrecisionRecall,
    area_under_risk_coverage,
    area_under_roc,
    percentile,
    precision_recall,
)
from eval.metrics import risk_coverage as points_of
from eval.mutants import mutants
from index.catalog import Catalog
from rag.citations import citation_fault
from rag.types import Answer, AnswerStatus

_RETRIEVAL = {
    "recall_at_1": ir_measures.R @ 1,
    "recall_at_5": ir_measures.R @ 5,
    "recall_at_10": ir_measures.R @ 10,
    "mrr": ir_measures.RR,
    "ndcg_at_10": ir_measures.nDCG @ 10,
}
_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case.

    `first_right` says whether the sentence cited first shows an answer; `candidate_right` the same
    for the sentence the reader puts first, whether or not it was then held good enough to answer.
    `citations_right` and `evidence_found` count for precision and recall of the evidence.
    """

    case: Case
    answer: Answer
    first_right: bool
    candidate_right: bool
    citations_right: int
    evidence_found: int
    exact_match: float
    token_f1: float
    ranks: tuple[int | None, ...]

    @property
    def abstained(self) -> bool:
        """Whether no answer was given."""
        return self.answer.status is AnswerStatus.ABSTAINED


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return retrieval, answers, evidence and abstention as figures by name."""
    answerable = [outcome for outcome in outcomes if outcome.case.answerable]
    answered = [outcome for outcome in answerable if not outcome.abstained]
    abstained = [outcome for outcome in outcomes if outcome.abstained]
    unanswerable = len(outcomes) - len(answerable)
    abstention = precision_recall(
        sum(not outcome.case.answerable for outcome in abstained), len(abstained), unanswerable
    )
    cited = sum(len(outcome.answer.citations) for outcome in outcomes)
    expected = sum(len(outcome.case.evidence) for outcome in outcomes)
    # Two citations can show one piece of evidence, so that what is right and what is found differ.
    evidence = PrecisionRecall(
        sum(outcome.citations_right for outcome in outcomes) / cited if cited else 1.0,
        sum(outcome.evidence_found for outcome in outcomes) / max(1, expected),
    )
    confidences = [outcome.answer.confidence for outcome in outcomes]
    points = points_of(confidences, [outcome.candidate_right for outcome in outcomes])
    return {
        "cases": len(outcomes),
        "answerable": len(answerable),
        **_retrieval(answerable),
        "answered": len(outcomes) - len(abstained),
        "first_citation_right": _share([outcome.first_right for outcome in answered]),
        "best_sentence_right": _share([outcome.candidate_right for outcome in answerable]),
        # A case may have evidence and no answer in words.
        "exact_match": _mean([outcome.exact_match for outcome in answerable if outcome.case.answers]),
        "token_f1": _mean([outcome.token_f1 for outcome in answerable if outcome.case.answers]),
        "evidence_precision": evidence.precision,
        "evidence_recall": evidence.recall,
        "evidence_f1": evidence.f1,
        "abstention_precision": abstention.precision,
        "abstention_recall": abstention.recall,
        "abstention_f1": abstention.f1,
        "answerable_auroc": area_under_roc(confidences, [outcome.case.answerable for outcome in outcomes]),
        "risk_coverage_area": area_under_risk_coverage(points),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _retrieval(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the retrieval figures, the pieces of evidence being the relevant documents."""
    qrels = []
    run = []
    for outcome in outcomes:
        for piece, rank in enumerate(outcome.ranks):
            qrels.append(ir_measures.Qrel(outcome.case.id, f"evidence {piece}", 1))
            if rank is not None:
                run.append(ir_measures.ScoredDoc(outcome.case.id, f"evidence {piece}", -rank))
        taken = {rank for rank in outcome.ranks if rank is not None}
        for hit in outcome.answer.hits:
            if hit.rank not in taken:
                run.append(ir_measures.ScoredDoc(outcome.case.id, f"passage {hit.rank}", -hit.rank))
    found = ir_measures.calc_aggregate(_RETRIEVAL.values(), qrels, run) if qrels else {}
    return {name: float(found.get(measure, 1.0)) for name, measure in _RETRIEVAL.items()}


def quote_figures(outcomes: Sequence[Outcome], catalog: Catalog) -> dict[str, float]:
    """Re-slice every quote from the whole text of its document, and try altered ones on the invariant."""
    citations = [citation for outcome in outcomes for citation in outcome.answer.citations]
    texts = {
        document_id: catalog.text(document_id) for document_id in {c.quote.document_id for c in citations}
    }
    verbatim = [
        texts[citation.quote.document_id][citation.quote.start : citation.quote.end] == citation.quote.text
        for citation in citations
    ]
    tried = passed = 0
    for place, citation in enumerate(citations):
        others = [
            other for other in citations[place + 1 :] + citations[:place] if other.quote != citation.quote
        ]
        for _, mutant in mutants(citation, others):
            tried += 1
            passed += citation_fault(mutant, catalog) is None
    return {
        "quotes": len(citations),
        "quote_invariant": _share(verbatim),
        "mutants": tried,
        "mutants_passed": passed,
    }


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return for each kind of question how many there are, and how many went well."""
    kinds = sorted({outcome.case.kind for outcome in outcomes if outcome.case.kind})
    table = {}
    for kind in kinds:
        chosen = [outcome for outcome in outcomes if outcome.case.kind == kind]
        table[kind] = {
            "cases": len(chosen),
            "abstained": sum(outcome.abstained for outcome in chosen),
            "best_sentence_right": sum(outcome.candidate_right for outcome in chosen),
        }
    return table


def risk_coverage(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Return the risk, and the threshold for it, at some coverages."""
    points = points_of(
        [outcome.answer.confidence for outcome in outcomes],
        [outcome.candidate_right for outcome in outcomes],
    )
    chosen = [next(point for point in points if point.coverage >= coverage) for coverage in _COVERAGES]
    return [
        {
            "coverage": round(point.coverage, 4),
            "risk": round(point.risk, 4),
            "threshold": round(point.threshold, 4),
        }
        for point in chosen
    ]


def milliseconds(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of each step of an answer."""
    steps = list(outcomes[0].answer.timings)
    return {
        step: {
            f"p{int(share * 100)}": round(
                percentile(
                    # A question that stands twice takes other steps the second time.
                    [outcome.answer.timings[step] for outcome in outcomes if step in outcome.answer.timings],
                    share,
                ),
                2,
            )
            for share in (0.5, 0.95)
        }
        for step in steps
    }
