"""Runs an eval set through the assistant: what becomes of each case, and what all of them come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from eval.anchoring import Anchoring, require_fresh
from eval.cases import Case, EvalSet, InvalidCase, Located
from eval.citation_metrics import Cited, JudgedClaim, ScoredSupport, Supports, claims_of, judged, supports_of
from eval.evidence_metrics import character_counts
from eval.journal import Journal
from eval.metrics import exact_match, token_f1
from eval.mutants import mutants
from eval.outcomes import CitedQuote, ExpectedQuote, Outcome
from eval.provenance import measured_on, written
from eval.public_sets.types import PublicSet
from eval.results import Result
from index.catalog import Catalog
from index.types import DEFAULT_COLLECTION, DocumentInfo, Hit, Span
from rag.citations import citation_fault
from rag.reading.support import SupportCoefficients, TrainedSupport
from rag.types import Answer, Asking, Citation
from rag.wiring import Application

# Part of a sentence that is cited, or the sentence and part of the next, still shows it.
_SAME_PLACE = 0.5
_TEXTS = 256


def run(
    eval_set: EvalSet,
    application: Application,
    collection: str = DEFAULT_COLLECTION,
    tell: Callable[[Outcome], None] = lambda _: None,
    journal: Path | None = None,
    public: PublicSet | None = None,
    workers: int = 1,
) -> Result:
    """Ask every question of a set; raise `InvalidCase` where evidence does not stand as it did.

    With a `journal` what is found is written there as it comes, and a run that was interrupted goes on
    where it was; the file is for the caller to remove once it has kept the result. `tell` is called for
    the cases it had, too. A `public` set has figures of its own. Several `workers` ask at once: quicker as
    a whole, while each question takes longer.
    """
    examiner = _Examiner(eval_set, application, collection)
    provenance = measured_on(eval_set, application, collection)
    with Journal(journal, provenance) as kept, _asked(examiner, eval_set, kept, workers) as found:
        outcomes = []
        for outcome in found:
            kept.keep(outcome)
            outcomes.append(outcome)
            tell(outcome)
    published = public.figures(outcomes) if public is not None and not eval_set.shard else {}
    return Result(provenance | written(outcomes), tuple(outcomes), published)


@contextmanager
def _asked(
    examiner: _Examiner, eval_set: EvalSet, kept: Journal, workers: int
) -> Iterator[Iterable[Outcome]]:
    """Yield what becomes of the cases in their order; on leaving no more of them are asked."""

    def ask(case: Case) -> Outcome:
        return kept.found(case.id) or examiner.outcome(case)

    if workers == 1:
        yield map(ask, eval_set.cases)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="asking")
    try:
        yield pool.map(ask, eval_set.cases)
    finally:
        pool.shutdown(cancel_futures=True)


class _Examiner:
    """Asks the cases of a set, one at a time, and says what became of each."""

    def __init__(self, eval_set: EvalSet, application: Application, collection: str) -> None:
        self._application = application
        self._collection = collection
        store = application.home.collection(collection)
        self._texts = _Texts(store.catalog)
        self._anchoring = Anchoring(store.catalog)
        require_fresh(eval_set, self._anchoring)
        # The best sentence, whatever the confidence: what an answer would be right or wrong with.
        self._candid = application.with_threshold(0.0)
        support = TrainedSupport(application.engine(store.snapshot()).embedder)
        self._scored = _Verbatim(ScoredSupport(support, SupportCoefficients.load().threshold))

    def outcome(self, case: Case) -> Outcome:
        """Ask a case."""
        pieces = [
            [self._anchoring.located(choice) for choice in evidence.choices] for evidence in case.evidence
        ]
        asking = Asking(case.question, self._collection, documents=self._scope(case))
        answer = self._application.responder.answer(asking)
        # What was answered would be answered the same without a threshold.
        candidate = answer if answer.citations else self._candid.ask(
            asking.question, asking.collection, documents=asking.documents
        )  # fmt: skip
        predicted = _predicted(answer)
        tried, passed = self._mutants(answer)
        return Outcome(
            id=case.id,
            question=case.question,
            kind=case.kind,
            answerable=case.answerable,
            answers=case.answers,
            expected=tuple(
                _expected(evidence.choices[0].source, evidence.choices[0].quote, choices, answer)
                for evidence, choices in zip(case.evidence, pieces, strict=True)
            ),
            status=answer.status,
            confidence=answer.confidence,
            answer=answer.text,
            predicted=predicted,
            citations=tuple(_cited(citation, pieces) for citation in answer.citations),
            best=_cited(candidate.citations[0], pieces) if candidate.citations else None,
            hits=len(answer.hits),
            documents=tuple(dict.fromkeys(hit.source for hit in answer.hits)),
            exact_match=exact_match(predicted, case.answers) if case.answers else None,
            token_f1=token_f1(predicted, case.answers) if case.answers else None,
            characters=character_counts((_place(citation) for citation in answer.citations), pieces),
            claims=self._claims(answer, pieces),
            verbatim=sum(self._stands(citation) for citation in answer.citations),
            mutants=tried,
            mutants_passed=passed,
            written_by=answer.written_by,
            fallback=answer.fallback.reason if answer.fallback is not None else None,
            withheld=answer.withheld,
            milliseconds=dict(answer.timings),
        )

    def _scope(self, case: Case) -> tuple[str, ...]:
        named: list[str] = []
        for source in case.scope:
            documents = self._anchoring.documents(source)
            if not documents:
                raise InvalidCase(f"{case.id} is asked of {source!r} alone, and no document is called that")
            named += [info.id for info in documents]
        return tuple(named)

    def _claims(self, answer: Answer, pieces: Sequence[Sequence[Located]]) -> tuple[JudgedClaim, ...]:
        supports = supports_of(pieces, self._scored)
        return tuple(judged(claim, supports) for claim in claims_of(answer))

    def _stands(self, citation: Citation) -> bool:
        """Re-slice a quote from the whole text of its document."""
        quote = citation.quote
        return self._texts.text(quote.document_id, quote.start, quote.end) == quote.text

    def _mutants(self, answer: Answer) -> tuple[int, int]:
        """Try altered quotes on the invariant; return how many, and how many of them passed."""
        tried = passed = 0
        for citation in answer.citations:
            others = [other for other in answer.citations if other.quote != citation.quote]
            for _, mutant in mutants(citation, others):
                tried += 1
                passed += citation_fault(mutant, self._texts) is None
        return tried, passed


class _Texts:
    """Implements `StoredText` with whole documents, read once each as long as a few are asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._read: Callable[[str], str] = lru_cache(_TEXTS)(catalog.text)
        self._info: Callable[[str], DocumentInfo] = lru_cache(_TEXTS)(catalog.document)

    def document(self, document_id: str) -> DocumentInfo:
        """Return what version of a document is stored."""
        return self._info(document_id)

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` of a document."""
        return self._read(document_id)[start:end]


class _Verbatim:
    """Implements `Supports`: a claim that is among the words cited is supported, of others a score tells."""

    def __init__(self, scored: Supports) -> None:
        self._scored = scored
        self.decided_by = scored.decided_by

    def supports(self, claim: str, cited: Sequence[Cited], /) -> bool:
        """Return whether the evidence supports the claim."""
        return any(claim in evidence.text for evidence in cited) or self._scored.supports(claim, cited)


def shows(document_id: str, span: Span, choices: Sequence[Located]) -> bool:
    """Tell whether a span stands where one of the choices does, for the better part of the shorter one."""
    for place_id, place in (entry for choice in choices for entry in choice.places):
        shared = min(span.end, place.end) - max(span.start, place.start)
        shorter = min(span.end - span.start, place.end - place.start)
        if place_id == document_id and shared > _SAME_PLACE * shorter:
            return True
    return False


def _place(citation: Citation) -> tuple[str, Span]:
    return citation.quote.document_id, Span(citation.quote.start, citation.quote.end)


def _cited(citation: Citation, pieces: Sequence[Sequence[Located]]) -> CitedQuote:
    quote, span = citation.quote, citation.answer_span
    return CitedQuote(
        marker=citation.marker,
        document_id=quote.document_id,
        source=citation.source,
        title=citation.title,
        place=citation.place,
        start=quote.start,
        end=quote.end,
        quote=quote.text,
        answer=(span.start, span.end) if span is not None else None,
        score=citation.score,
        right=any(shows(*_place(citation), choices) for choices in pieces),
    )


def _expected(source: str, quote: str, choices: Sequence[Located], answer: Answer) -> ExpectedQuote:
    return ExpectedQuote(
        source=source,
        quote=quote,
        documents=tuple(dict.fromkeys(document_id for choice in choices for document_id, _ in choice.places)),
        rank=rank_of(answer.hits, choices),
        cited=any(shows(*_place(citation), choices) for citation in answer.citations),
    )


def _predicted(answer: Answer) -> str:
    """Return the words that the first citation marks, else the first sentence; empty for an abstention."""
    if not answer.citations:
        return ""
    span = answer.citations[0].answer_span
    return span.text if span is not None else answer.sentences[0].text


def rank_of(hits: Sequence[Hit], choices: Sequence[Located]) -> int | None:
    """Return the rank of the first hit that holds a quotation, None where none does."""
    for hit in hits:
        if shows(hit.passage.document_id, Span(hit.passage.start, hit.passage.end), choices):
            return hit.rank
    return None
