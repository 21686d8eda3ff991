"""Cases proposed from the passages of a collection, for a person to accept, mend or reject."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eval.cases import Anchor, Case, Evidence, Quotation, State, source_of
from eval.gaps import ENGLISH, GAP_KIND, gapped, short_answer
from eval.swapping import nowhere_in, swapped
from index.errors import DocumentNotFound
from index.snapshot import Snapshot
from index.terms import query_terms
from index.types import DocumentInfo, Passage, Span, content_id
from rag.examples.clauses import Words
from rag.examples.forms import Kind, questions_of

MACHINE = "machine"
# One in so many is a question that the documents do not answer.
UNANSWERABLE_SHARE = 5
ABSENT_KIND = "absent"
_PASSAGES = 120
_LONGEST_SENTENCE = 320
_LOOKED_UP = 8


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A question made of a sentence; `answer` are words of that, empty where no rule tells them."""

    question: str
    kind: str
    answer: str
    span: Span
    quote: str


def drafts(snapshot: Snapshot, existing: Sequence[Case], count: int, seed: int) -> list[Case]:
    """Return at most `count` drafts made by rule from the passages of a snapshot.

    Each rests on a sentence that stands once in its document and in no other one. One in five is
    unanswerable: a question of these documents about somebody or something that is nowhere in them.
    As many documents as can be have their turn, and none gives nearly the same question as another
    draft or an `existing` case. The same drafts for the same snapshot, cases and seed. Raise what the
    catalog raises.
    """
    making = _Making(snapshot, existing, seed)
    unanswerable = making.unanswerable(count // UNANSWERABLE_SHARE)
    answerable = making.answerable(count - len(unanswerable))
    # No more where there is little to ask.
    del unanswerable[len(answerable) // (UNANSWERABLE_SHARE - 1) :]
    # Whoever looks through the first few sees some of either.
    for place, case in enumerate(unanswerable, start=1):
        answerable.insert(place * UNANSWERABLE_SHARE - 1, case)
    return answerable


class _Making:
    """What was made so far, and of what more can be made."""

    def __init__(self, snapshot: Snapshot, existing: Sequence[Case], seed: int) -> None:
        self._snapshot = snapshot
        self._seed = seed
        documents = snapshot.catalog.documents()
        self._sources = [info.source for info in documents]
        self._documents = sorted(documents, key=lambda info: content_id(str(seed), info.id))
        self._proposed: dict[str, list[_Proposal]] = {}
        self._asked = [_terms(case.question) for case in existing]
        choices = (choice for case in existing for piece in case.evidence for choice in piece.choices)
        # By their words, which are the same in another version of a document.
        self._taken = {choice.quote for choice in choices}
        self._kinds: Counter[str] = Counter()
        self._is_absent = nowhere_in(snapshot)
        self._strangers: set[str] = set()

    def answerable(self, count: int) -> list[Case]:
        """Return drafts with their evidence, the documents taking turns."""
        return self._in_turns(count, self._next_answerable)

    def unanswerable(self, count: int) -> list[Case]:
        """Return drafts of questions that have an answer here but for a name in them."""
        return self._in_turns(count, self._next_unanswerable)

    def _in_turns(self, count: int, following: Callable[[DocumentInfo], Case | None]) -> list[Case]:
        found: list[Case] = []
        waiting = deque(self._documents)
        while waiting and len(found) < count:
            info = waiting.popleft()
            if (case := following(info)) is not None:
                found.append(case)
                self._asked.append(_terms(case.question))
                waiting.append(info)
        return found

    def _next_answerable(self, info: DocumentInfo) -> Case | None:
        waiting = self._proposals(info)
        while waiting:
            # A kind of question that there is little of yet comes first.
            proposal = min(waiting, key=lambda proposal: self._kinds[proposal.kind])
            waiting.remove(proposal)
            anchor = Anchor(info.sha256, proposal.span)
            if proposal.quote in self._taken or self._was_asked(proposal.question):
                continue
            if not self._is_alone(info, proposal):
                continue
            self._taken.add(proposal.quote)
            self._kinds[proposal.kind] += 1
            quotation = Quotation(source_of(info.source, self._sources), proposal.quote, anchor)
            return Case(
                id=_id_of(proposal.question, info.sha256, proposal.span.start),
                question=proposal.question,
                answers=(proposal.answer,) if proposal.answer else (),
                evidence=(Evidence((quotation,)),),
                answerable=True,
                labels_by="",
                kind=proposal.kind,
                state=State.DRAFT,
                made_by=MACHINE,
            )
        return None

    def _next_unanswerable(self, info: DocumentInfo) -> Case | None:
        # In other languages a capital does not tell a name.
        if self._language(info) != ENGLISH:
            return None
        # A gap in a sentence is the last choice: one with another name in it is odd.
        for proposal in sorted(self._proposals(info), key=lambda proposal: proposal.kind == GAP_KIND):
            made = swapped(proposal.question, self._is_strange, self._seed)
            if made is None or self._was_asked(made.text):
                continue
            self._strangers.add(made.stranger)
            return Case(
                id=_id_of(made.text, ABSENT_KIND, 0),
                question=made.text,
                answers=(),
                evidence=(),
                answerable=False,
                labels_by="",
                kind=ABSENT_KIND,
                state=State.DRAFT,
                made_by=MACHINE,
                note=f"like a question about {made.before}, but {made.stranger} is nowhere in the documents",
            )
        return None

    def _proposals(self, info: DocumentInfo) -> list[_Proposal]:
        """Return what can still be made of a document, in an order that the seed gives."""
        if info.id not in self._proposed:
            made = {proposal.question: proposal for proposal in self._made(info)}
            order = sorted(made, key=lambda question: content_id(str(self._seed), question))
            self._proposed[info.id] = [made[question] for question in order]
        return self._proposed[info.id]

    def _made(self, info: DocumentInfo) -> Iterator[_Proposal]:
        language = self._language(info)
        passages = [passage for _, passage in self._snapshot.catalog.passages_of(info.id)]
        passages.sort(key=lambda passage: content_id(str(self._seed), passage.id))
        chosen = passages[:_PASSAGES]
        words = Words([passage.text for passage in chosen])
        for passage in chosen:
            for span in passage.sentences:
                if span.end - span.start <= _LONGEST_SENTENCE:
                    yield from _of_sentence(passage, span, words, language)

    def _language(self, info: DocumentInfo) -> str:
        try:
            return self._snapshot.catalog.language(info.id)
        except DocumentNotFound:
            # Deleted since; it has no passages either.
            return ""

    def _is_strange(self, name: str) -> bool:
        """Tell whether a name is nowhere in the documents, and in no draft of these."""
        return name not in self._strangers and self._is_absent(name)

    def _was_asked(self, question: str) -> bool:
        mine = _terms(question)
        return not mine or any(_alike(mine, other) for other in self._asked)

    def _is_alone(self, info: DocumentInfo, proposal: _Proposal) -> bool:
        """Tell whether a sentence stands in one place: a citation of another one would count as wrong."""
        catalog = self._snapshot.catalog
        try:
            text = catalog.text(info.id)
        except DocumentNotFound:
            return False
        if text.count(proposal.quote) != 1:
            return False
        rows = [scored.row for scored in self._snapshot.lexical(proposal.quote, _LOOKED_UP)]
        found = [located.passage for located in catalog.passages(rows).values()]
        told = " ".join(proposal.quote.split())
        return not any(
            passage.document_id != info.id and told in " ".join(passage.text.split()) for passage in found
        )


def _of_sentence(passage: Passage, span: Span, words: Words, language: str) -> Iterator[_Proposal]:
    sentence = passage.text[span.start - passage.start : span.end - passage.start]
    if language == ENGLISH:
        for formed in questions_of(sentence, words):
            # What somebody said, without what of, has an answer in every sentence that tells of it.
            if formed.kind is Kind.SAYING and " about " not in formed.text:
                continue
            answer = short_answer(formed.kind, sentence) or ""
            yield _Proposal(formed.text, formed.kind.value, answer, span, sentence)
    for gap in gapped(sentence, words, language):
        yield _Proposal(gap.text, gap.kind, gap.answer, span, sentence)


def _terms(question: str) -> frozenset[str]:
    return frozenset(query_terms(question.removeprefix("Fill in the gap: "), ENGLISH))


def _alike(mine: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether two questions have more words in common than not."""
    return 2 * len(mine & other) > len(mine | other)


def _id_of(question: str, where: str, start: int) -> str:
    return f"draft-{content_id(question, where, str(start))[:12]}"
