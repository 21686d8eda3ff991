"""Runs an eval set through the assistant and measures retrieval, answers, evidence, abstention and quotes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import figures
from eval.anchoring import Anchoring, require_fresh
from eval.cases import Case, EvalSet, Located
from eval.figures import Outcome
from eval.metrics import exact_match, token_f1
from index.catalog import Catalog
from index.chunking import target_of
from index.store import Store
from index.types import DEFAULT_COLLECTION, Hit, Span
from rag.types import Answer, Asking, Citation
from rag.wiring import Application

# Part of a sentence that is cited, or the sentence and part of the next, still shows it.
_SAME_PLACE = 0.5


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
    """Ask every question of a set; raise `InvalidCase` where evidence does not stand as it did."""
    store = application.home.collection(collection)
    catalog = store.catalog
    located = _located(eval_set, catalog)
    # The best sentence, whatever the confidence: what an answer would be right or wrong with.
    candid = application.with_threshold(0.0)
    outcomes = []
    for case in eval_set.cases:
        answer = application.responder.answer(Asking(case.question, collection))
        # What was answered would be answered the same without a threshold.
        candidate = answer if answer.citations else candid.ask(case.question, collection)
        outcomes.append(_outcome(case, answer, candidate, located[case.id]))
        tell(case)
    return Result(
        figures=figures.figures(outcomes) | figures.quote_figures(outcomes, catalog),
        by_kind=figures.by_kind(outcomes),
        risk_coverage=figures.risk_coverage(outcomes),
        milliseconds=figures.milliseconds(outcomes),
        provenance=_provenance(eval_set, application, store) | _writing(outcomes),
        outcomes=tuple(outcomes),
    )


def _located(eval_set: EvalSet, catalog: Catalog) -> dict[str, list[list[Located]]]:
    anchoring = Anchoring(catalog)
    require_fresh(eval_set, anchoring)
    return {
        case.id: [[anchoring.located(choice) for choice in evidence.choices] for evidence in case.evidence]
        for case in eval_set.cases
    }


def shows(document_id: str, span: Span, choices: Sequence[Located]) -> bool:
    """Tell whether a span stands where one of the choices does, for the better part of the shorter one."""
    for place_id, place in (entry for choice in choices for entry in choice.places):
        shared = min(span.end, place.end) - max(span.start, place.start)
        shorter = min(span.end - span.start, place.end - place.start)
        if place_id == document_id and shared > _SAME_PLACE * shorter:
            return True
    return False


def _cites(citation: Citation, choices: Sequence[Located]) -> bool:
    return shows(citation.quote.document_id, Span(citation.quote.start, citation.quote.end), choices)


def _outcome(case: Case, answer: Answer, candidate: Answer, located: Sequence[Sequence[Located]]) -> Outcome:
    right = [any(_cites(citation, item) for item in located) for citation in answer.citations]
    found = [any(_cites(citation, item) for citation in answer.citations) for item in located]
    text = _predicted(answer)
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


def _predicted(answer: Answer) -> str:
    """Return the words that the first citation marks, else the first sentence; empty for an abstention."""
    if not answer.citations:
        return ""
    span = answer.citations[0].answer_span
    return span.text if span is not None else answer.sentences[0].text


def _rank(hits: Sequence[Hit], choices: Sequence[Located]) -> int | None:
    """Return the rank of the first hit that holds a quotation, None where none does."""
    for hit in hits:
        if shows(hit.passage.document_id, Span(hit.passage.start, hit.passage.end), choices):
            return hit.rank
    return None


def _provenance(eval_set: EvalSet, application: Application, store: Store) -> dict[str, Any]:
    space = store.space
    threshold = application.assistant.threshold
    if threshold is None:
        threshold = application.engine(store.snapshot()).reader.threshold
    return {
        "set": eval_set.name,
        "set_sha256": eval_set.sha256,
        "labels_by": sorted({case.labels_by for case in eval_set.cases}),
        "left_out": dict(eval_set.left_out),
        "documents": [{"source": info.source, "sha256": info.sha256} for info in store.catalog.documents()],
        "commit": _commit(),
        "settings": {
            "model": space.name,
            "weights_sha256": space.weights,
            "chunk_tokens": target_of(space.passages),
            "threshold": threshold,
        },
    }


def _writing(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return which language models wrote answers, and how often the documents' own took their place."""
    answers = [outcome.answer for outcome in outcomes]
    return {
        "written_by": sorted({answer.written_by for answer in answers if answer.written_by is not None}),
        "fallbacks": sum(answer.fallback is not None for answer in answers),
        "withheld": sum(answer.withheld for answer in answers),
    }


def _commit() -> str | None:
    """Return the commit of the program, marked where files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    command = ("git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*")
    try:
        # S603: every word of the command stands above.
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
