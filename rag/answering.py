"""From a question to an answer: the one path that the API, the page, the command line and the eval take."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from index.embedding import Embedder
from index.snapshot import Snapshot
from index.types import DEFAULT_COLLECTION, Hit, Span
from rag.answer_cache import AnswerCache, Asked, Made
from rag.citations import StoredExcerpts, Verifier, still_stored
from rag.claims import answer_text, citation_of, claimed_places, markers_of
from rag.errors import InvalidQuestion
from rag.generation import Claim, DraftSentence, Generator
from rag.reading import Reader
from rag.reading.support import Support
from rag.retrieval import Retriever
from rag.types import (
    DEFAULT_TOP_K,
    Answer,
    AnswerSentence,
    AnswerStatus,
    Citation,
    Dropped,
    Reading,
    SearchResult,
)

MAX_QUESTION_CHARACTERS = 4000
MAX_TOP_K = 100

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")


@dataclass(slots=True)
class _Stopwatch:
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.milliseconds[step] = (time.perf_counter() - start) * 1000


@dataclass(frozen=True, slots=True)
class Engine:
    """What asks in one embedding space: its model, and what works with it.

    `support` says how well a quote supports a written sentence; None where nobody writes.
    """

    embedder: Embedder
    retriever: Retriever
    reader: Reader
    support: Support | None = None


class Assistant:
    """Answers questions from collections.

    `snapshot` gives a collection as it is, `engine` what asks in the space that a snapshot is in: a
    collection may go over to another one at any time, and a question stays in the one that it found.
    Raises `InvalidQuestion`, `CollectionNotFound`, and what the storage and the model raise.
    `threshold` is the least probability of an answer at which one is given; None leaves it to the
    reader.

    Late answers are kept for the generation that they were made from (`rag.answer_cache`). One that
    is given again passes the invariant again, against the text that is stored by then; where any of its
    quotes fails, as after a deletion that came between, it is forgotten and worked out anew.
    """

    def __init__(
        self,
        snapshot: Callable[[str], Snapshot],
        engine: Callable[[Snapshot], Engine],
        generator: Generator,
        threshold: float | None = None,
    ) -> None:
        self._snapshot = snapshot
        self._engine = engine
        self._generator = generator
        self._answers = AnswerCache()
        self.threshold = threshold
        self.verifier = Verifier()

    def search(
        self,
        query: str,
        collection: str = DEFAULT_COLLECTION,
        top_k: int = DEFAULT_TOP_K,
        documents: Sequence[str] = (),
    ) -> SearchResult:
        """Return the passages nearest to a query, best first; of some documents where any are named."""
        effective = effective_query(query)
        _check_top_k(top_k)
        snapshot = self._snapshot(collection).within(documents)
        hits = self._engine(snapshot).retriever.search(snapshot, effective, top_k).hits
        verified = self.verifier.hits(hits, StoredExcerpts(snapshot.catalog, _places(hits)))
        return SearchResult(effective, tuple(verified), snapshot.generation)

    def ask(
        self,
        question: str,
        collection: str = DEFAULT_COLLECTION,
        top_k: int = DEFAULT_TOP_K,
        documents: Sequence[str] = (),
    ) -> Answer:
        """Return the answer that the `top_k` nearest passages give, or an abstention.

        They are of the documents named by their ids, or of all where none are. Its `timings` are of the
        steps that were taken: for an answer that was kept, `cached`, which is to find or to wait for it,
        and `verify`.
        """
        step = _Stopwatch()
        with step("total"):
            effective = effective_query(question)
            _check_top_k(top_k)
            snapshot = self._snapshot(collection)
            engine = self._engine(snapshot)
            threshold = engine.reader.threshold if self.threshold is None else self.threshold
            asked = Asked(effective, top_k, threshold, frozenset(documents))
            make = partial(self._made, asked, snapshot, engine)
            with step("cached"):
                answer, kept = self._answers.answer(snapshot, asked, make)
            if kept:
                with step("verify"):
                    stands = self._stands(answer, snapshot)
                if not stands:
                    self._answers.discard(snapshot, asked)
                    answer, kept = make().answer, False
        own = ("cached", "verify", "total") if kept else ("total",)
        steps = {} if kept else answer.timings
        timings = {**steps, **{name: step.milliseconds[name] for name in own}}
        return replace(answer, question=question, timings=timings)

    def cited(self, claims: Sequence[Claim], hits: Sequence[Hit], collection: str) -> list[Citation]:
        """Return those of some claims on hits that pass the invariant now, as citations without markers."""
        snapshot = self._snapshot(collection)
        draft = [DraftSentence("", tuple(claims))]
        stored = StoredExcerpts(snapshot.catalog, claimed_places(draft, hits))
        return self._passed(draft[0], hits, stored)

    def support(self, sentence: str, citations: Sequence[Citation], collection: str) -> float | None:
        """Return the probability that some quotes say what a written sentence says, None if nothing tells."""
        support = self._engine(self._snapshot(collection)).support
        if support is None or not citations:
            return None
        quoted = " ".join(citation.quote.text for citation in citations)
        return support.score([(sentence, quoted)])[0]

    def forget(self) -> None:
        """Forget the answers that were kept, for who measures how long one takes."""
        self._answers.clear()

    def _made(self, asked: Asked, snapshot: Snapshot, engine: Engine) -> Made:
        """Work an answer out. Keep it only where nothing of it was dropped: why it was may pass."""
        step = _Stopwatch()
        effective = asked.question
        snapshot = snapshot.within(sorted(asked.documents))
        # For its time: retriever and reader ask again, and the embedder keeps late questions' vectors.
        with step("embed"):
            engine.embedder.embed_query(effective)
        with step("retrieve"):
            found = engine.retriever.search(snapshot, effective, asked.top_k)
            hits = found.hits
        with step("read"):
            reading = engine.reader.read(effective, hits)
        answers = reading.evidence and reading.answerable >= asked.threshold
        with step("generate"):
            draft = self._generator.generate(effective, hits, reading) if answers else []
        with step("verify"):
            # All at once and after the last step, so that what was deleted until now is missing.
            places = [*_places(hits), *claimed_places(draft, hits), *_dropped_places(found.dropped)]
            stored = StoredExcerpts(snapshot.catalog, places)
            sentences, citations = self._bound(draft, hits, stored)
            shown = self.verifier.hits(_with_reader_scores(hits, reading), stored)
            dropped = still_stored(found.dropped, stored)
        unread = snapshot.unread()
        answer = Answer(
            question=effective,
            effective_query=effective,
            text=answer_text(sentences),
            sentences=tuple(sentences),
            citations=tuple(citations),
            status=AnswerStatus.ANSWERED if citations else AnswerStatus.ABSTAINED,
            confidence=reading.answerable,
            hits=tuple(shown),
            timings=step.milliseconds,
            generation=snapshot.generation,
            unread=unread if unread.pages else None,
            dropped=tuple(dropped),
        )
        whole = (len(shown), len(dropped)) == (len(hits), len(found.dropped))
        claims = sum(len(sentence.claims) for sentence in draft)
        markers = sum(len(sentence.markers) for sentence in sentences)
        return Made(answer, keep=whole and markers == claims)

    def _stands(self, answer: Answer, snapshot: Snapshot) -> bool:
        """Tell whether every quote of an answer made before passes, and all that it tells of is stored."""
        quotes = [citation.quote for citation in answer.citations]
        places = [(quote.document_id, Span(quote.start, quote.end)) for quote in quotes]
        places += [*_places(answer.hits), *_dropped_places(answer.dropped)]
        stored = StoredExcerpts(snapshot.catalog, places)
        citations = self.verifier.citations(answer.citations, stored)
        hits = self.verifier.hits(answer.hits, stored)
        dropped = still_stored(answer.dropped, stored)
        before = (len(answer.citations), len(answer.hits), len(answer.dropped))
        return (len(citations), len(hits), len(dropped)) == before

    def _bound(
        self, draft: Sequence[DraftSentence], hits: Sequence[Hit], stored: StoredExcerpts
    ) -> tuple[list[AnswerSentence], list[Citation]]:
        """Keep the claims that are verbatim and the sentences that keep one; markers count from 1."""
        kept: list[Citation] = []
        sentences: list[AnswerSentence] = []
        for sentence in draft:
            markers = markers_of(self._passed(sentence, hits, stored), kept)
            if markers:
                sentences.append(AnswerSentence(sentence.text, markers))
        return sentences, kept

    def _passed(self, sentence: DraftSentence, hits: Sequence[Hit], stored: StoredExcerpts) -> list[Citation]:
        """Return the claims of a sentence that are verbatim, as citations without markers."""
        claimed = [
            citation_of(claim, hits[claim.hit], stored)
            for claim in sentence.claims
            if self._was_read(claim, hits)
        ]
        return self.verifier.citations([found for found in claimed if found], stored)

    def _was_read(self, claim: Claim, hits: Sequence[Hit]) -> bool:
        """Tell whether a claim is on a passage that was read; reject it where it is not."""
        if 0 <= claim.hit < len(hits):
            return True
        self.verifier.reject("no such passage", "", claim.span.start)
        return False


def effective_query(question: str) -> str:
    """Return the question as it is searched for: one line, without control characters."""
    try:
        question.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidQuestion("the question holds half of a surrogate pair, which is no character") from error
    effective = " ".join(_CONTROL.sub(" ", question).split())
    if not any(character.isprintable() and character != " " for character in effective):
        raise InvalidQuestion("the question is empty; ask something")
    if len(effective) > MAX_QUESTION_CHARACTERS:
        raise InvalidQuestion(
            f"the question has {len(effective)} characters, more than {MAX_QUESTION_CHARACTERS}; shorten it"
        )
    return effective


def _check_top_k(top_k: int) -> None:
    if not 1 <= top_k <= MAX_TOP_K:
        raise InvalidQuestion(f"top_k is {top_k}; it can be 1 to {MAX_TOP_K}")


def _places(hits: Sequence[Hit]) -> list[tuple[str, Span]]:
    """Return where the passages of hits stand: document and span."""
    return [(hit.passage.document_id, Span(hit.passage.start, hit.passage.end)) for hit in hits]


def _dropped_places(dropped: Sequence[Dropped]) -> list[tuple[str, Span]]:
    return [(left.document_id, left.span) for left in dropped]


def _with_reader_scores(hits: Sequence[Hit], reading: Reading) -> list[Hit]:
    best: dict[int, float] = {}
    for evidence in reading.evidence:
        best[evidence.hit] = max(evidence.score, best.get(evidence.hit, 0.0))
    return [
        replace(hit, why=replace(hit.why, reader_score=best.get(place))) for place, hit in enumerate(hits)
    ]
