"""Runs an eval set through the assistant and measures retrieval, answers, evidence, abstention and quotes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures

from eval.cases import Case, EvalSet, InvalidCase, Located, locate
from eval.metrics import (
    area_under_risk_coverage,
    area_under_roc,
    exact_match,
    percentile,
    precision_recall,
    risk_coverage,
    token_f1,
)
from eval.mutants import mutants
from index.catalog import Catalog
from index.home import DEFAULT_COLLECTION
from index.types import Hit, Span
from rag.citations import citation_fault
from rag.types import Answer, AnswerStatus, Citation
from rag.wiring import Application

# Part of a sentence that is cited, or the sentence and part of the next, still shows it.
_SAME_PLACE = 0.5

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


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a run, what they were measured on, and each case's outcome."""

    figures: dict[str, float]
    by_kind: dict[str, dict[str, int]]
    risk_coverage: list[dict[str, float]]
    milliseconds: dict[str, dict[str, float]]
    provenance: dict[str, Any]
    outcomes: tuple[Outcome, ...]


def run(
    eval_set: EvalSet,
    application: Application,
    collection: str = DEFAULT_COLLECTION,
    tell: Callable[[Case], None] = lambda _: None,
) -> Result:
    """Ask every question of a set; raise `InvalidCase` where evidence does not stand in the documents."""
    catalog = application.home.collection(collection).catalog
    located = _located(eval_set, catalog)
    # The best sentence, whatever the confidence: what an answer would be right or wrong with.
    candid = application.with_threshold(0.0)
    outcomes = []
    for case in eval_set.cases:
        answer = application.assistant.ask(case.question, collection)
        candidate = candid.ask(case.question, collection)
        outcomes.append(_outcome(case, answer, candidate, located[case.id]))
        tell(case)
    return Result(
        figures=_figures(outcomes) | _quote_figures(outcomes, catalog),
        by_kind=_by_kind(outcomes),
        risk_coverage=_risk_coverage(outcomes),
        milliseconds=_milliseconds(outcomes),
        provenance=_provenance(eval_set, application, catalog),
        outcomes=tuple(outcomes),
    )


def _located(eval_set: EvalSet, catalog: Catalog) -> dict[str, list[list[Located]]]:
    documents = catalog.documents()
    located: dict[str, list[list[Located]]] = {}
    missing = []
    for case in eval_set.cases:
        located[case.id] = []
        for evidence in case.evidence:
            found = [locate(choice, documents, catalog) for choice in evidence.choices]
            located[case.id].append(found)
            missing += [
                f"{case.id}: {choice.source}: {choice.quote[:60]!r}"
                for choice, place in zip(evidence.choices, found, strict=True)
                if not place.places
            ]
    if missing:
        raise InvalidCase(
            f"{len(missing)} quotations of {eval_set.name} do not stand in the collection, the first: "
            f"{missing[0]}; ingest its documents, or label the changed ones anew"
        )
    return located


def _shows(document_id: str, span: Span, choices: Sequence[Located]) -> bool:
    """Tell whether a span stands where one of the choices does, for the better part of the shorter one."""
    for place_id, place in (entry for choice in choices for entry in choice.places):
        shared = min(span.end, place.end) - max(span.start, place.start)
        shorter = min(span.end - span.start, place.end - place.start)
        if place_id == document_id and shared > _SAME_PLACE * shorter:
            return True
    return False


def _cites(citation: Citation, choices: Sequence[Located]) -> bool:
    return _shows(citation.quote.document_id, Span(citation.quote.start, citation.quote.end), choices)


def _outcome(case: Case, answer: Answer, candidate: Answer, located: Sequence[Sequence[Located]]) -> Outcome:
    right = [any(_cites(citation, item) for item in located) for citation in answer.citations]
    found = [any(_cites(citation, item) for citation in answer.citations) for item in located]
    first = answer.citations[:1]
    predicted = first[0].answer_span.text if first and first[0].answer_span else answer.sentences[:1]
    text = predicted if isinstance(predicted, str) else "".join(sentence.text for sentence in predicted)
    return Outcome(
        case=case,
        answer=answer,
        first_right=right[:1] == [True],
        candidate_right=any(
            _cites(citation, item) for citation in candidate.citations[:1] for item in located
        ),
        citations_right=sum(right),
        evidence_found=sum(found),
        exact_match=exact_match(text, case.answers) if case.answers else 0.0,
        token_f1=token_f1(text, case.answers) if case.answers else 0.0,
        ranks=tuple(_rank(answer.hits, item) for item in located),
    )


def _rank(hits: Sequence[Hit], choices: Sequence[Located]) -> int | None:
    """Return the rank of the first hit that holds a quotation, None where none does."""
    for hit in hits:
        if _shows(hit.passage.document_id, Span(hit.passage.start, hit.passage.end), choices):
            return hit.rank
    return None


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0


def _figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    answerable = [outcome for outcome in outcomes if outcome.case.answerable]
    answered = [outcome for outcome in answerable if not outcome.abstained]
    abstained = [outcome for outcome in outcomes if outcome.abstained]
    unanswerable = len(outcomes) - len(answerable)
    abstention = precision_recall(
        sum(not outcome.case.answerable for outcome in abstained), len(abstained), unanswerable
    )
    cited = sum(len(outcome.answer.citations) for outcome in outcomes)
    evidence = precision_recall(
        sum(outcome.citations_right for outcome in outcomes),
        cited,
        sum(len(outcome.case.evidence) for outcome in outcomes),
    )
    recall = sum(outcome.evidence_found for outcome in outcomes) / max(
        1, sum(len(outcome.case.evidence) for outcome in outcomes)
    )
    confidences = [outcome.answer.confidence for outcome in outcomes]
    points = risk_coverage(confidences, [outcome.candidate_right for outcome in outcomes])
    return {
        "cases": len(outcomes),
        "answerable": len(answerable),
        **_retrieval(answerable),
        "answered": len(outcomes) - len(abstained),
        "first_citation_right": _share([outcome.first_right for outcome in answered]),
        "best_sentence_right": _share([outcome.candidate_right for outcome in answerable]),
        "exact_match": _mean([outcome.exact_match for outcome in answerable]),
        "token_f1": _mean([outcome.token_f1 for outcome in answerable]),
        "evidence_precision": evidence.precision,
        "evidence_recall": recall,
        "evidence_f1": 2 * evidence.precision * recall / max(1e-12, evidence.precision + recall),
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


def _quote_figures(outcomes: Sequence[Outcome], catalog: Catalog) -> dict[str, float]:
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


def _by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
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


def _risk_coverage(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    points = risk_coverage(
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


def _milliseconds(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    steps = list(outcomes[0].answer.timings)
    return {
        step: {
            f"p{int(share * 100)}": round(
                percentile([outcome.answer.timings[step] for outcome in outcomes], share), 2
            )
            for share in (0.5, 0.95)
        }
        for step in steps
    }


def _provenance(eval_set: EvalSet, application: Application, catalog: Catalog) -> dict[str, Any]:
    settings = application.settings
    model = application.embedder.identity
    return {
        "set": eval_set.name,
        "set_sha256": eval_set.sha256,
        "labels_by": sorted({case.labels_by for case in eval_set.cases}),
        "documents": [{"source": info.source, "sha256": info.sha256} for info in catalog.documents()],
        "commit": _commit(),
        "settings": {
            "model": model.name,
            "weights_sha256": model.weights,
            "chunk_tokens": settings.chunk_tokens,
            "threshold": application.assistant.threshold,
        },
    }


def _commit() -> str | None:
    """Return the commit of the program, marked where files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    command = ("git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
