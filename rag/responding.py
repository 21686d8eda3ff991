"""From a question in a conversation to the events of its answer, written by a language model or quoted.

The one path that the API, the page, the command line, MCP and the eval take. What the documents say for
themselves (`rag.answering`) comes first in any case: it decides whether they answer at all, what the
model may read, and what takes the model's place where that fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import ParamSpec, Protocol, TypeVar

import structlog

from rag.answering import MAX_QUESTION_CHARACTERS, Assistant, effective_query
from rag.claims import answer_text, markers_of
from rag.conversation import carried, depends
from rag.errors import NoLanguageModel
from rag.generation.binding import Binder, BoundSentence
from rag.generation.writing import Assignment, Writer, WritingFailed, WrittenSentence
from rag.types import (
    Answer,
    AnswerEvent,
    AnswerSentence,
    AnswerStatus,
    Asking,
    Broken,
    Citation,
    Cited,
    Finished,
    Retrieved,
    Said,
    WriterChoice,
)

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Runner(Protocol):
    """Runs a function that computes, away from the event loop or in it."""

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Return what the function returns."""
        ...


async def in_place(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns, called at once: the `Runner` of who has nothing else to do."""
    return function(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A bound sentence and those of its claims that passed the invariant."""

    bound: BoundSentence
    citations: tuple[Citation, ...]
    support: float | None


class Responder:
    """Answers questions of a conversation. Without a `writer` every answer is the documents' own.

    With `mark`, sentences under which no quote stands are shown and marked, else they are withheld;
    an answer in which no sentence is supported is an abstention in any case.
    """

    def __init__(self, assistant: Assistant, writer: Writer | None = None, *, mark: bool = False) -> None:
        self._assistant = assistant
        self._writer = writer
        self._mark = mark

    def answer(self, asking: Asking) -> Answer:
        """Return the answer to a question, in a thread without an event loop; raise as `events`."""

        async def last() -> Answer:
            async with aclosing(self.events(asking)) as events:
                return await answer_of(events)

        return asyncio.run(last())

    async def events(
        self, asking: Asking, work: Runner = in_place, check: Runner = in_place
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield `Retrieved`, then `Cited` and `Said`, and in the end `Finished` or `Broken`.

        `work` runs what takes long, `check` what looks up quotes. Closing the iterator gives the
        answer up, and has the request to the language model cancelled. Raise `NoLanguageModel`, what
        `Assistant.ask` raises before `Retrieved`, and what the storage raises.
        """
        started = time.perf_counter()
        writer = self._writer_of(asking)
        question = effective_query(asking.question)
        effective = await self._standalone(question, asking, writer)
        rewritten = time.perf_counter()
        own = await work(self._assistant.ask, effective, asking.collection, asking.top_k, asking.documents)
        own = replace(own, question=asking.question)
        if effective != question:
            own = replace(own, timings={"rewrite": (rewritten - started) * 1000, **own.timings})
        if writer is None or own.status is AnswerStatus.ABSTAINED:
            for event in told(own):
                yield event
            return
        begun = False
        try:
            name = await writer.name()
            yield Retrieved(own, name)
            begun = True
            draft = _Draft(own, name, self._mark)
            assignment = Assignment(question, effective, own.hits, asking.turns)
            # Not the effective query: a model may have written it, and what people asked may be repeated.
            asked = "\n".join([*(turn.question for turn in asking.turns), question])
            binder = await check(Binder, own.hits, asked)
            async with aclosing(writer.write(assignment)) as written:
                async for sentence in written:
                    checked = await check(self._checked, binder, sentence, own, asking.collection)
                    for event in draft.add(checked):
                        yield event
            # What was deleted while the model wrote is gone from the answer.
            standing = await check(self._checked_again, draft.checked, own, asking.collection)
            yield Finished(draft.finished(standing, (time.perf_counter() - started) * 1000))
        except WritingFailed as failure:
            own = replace(own, fallback=failure.fallback)
            if begun and draft.said:
                yield Broken(own, failure.fallback)
                return
            for event in told(own) if not begun else _rest(own):
                yield event

    def _writer_of(self, asking: Asking) -> Writer | None:
        if asking.writer is WriterChoice.QUOTES:
            return None
        if asking.writer is WriterChoice.MODEL and self._writer is None:
            raise NoLanguageModel(
                "no language model is set that could write: set QUOTEBOUND_LLM_URL, or leave `writer` out"
            )
        return self._writer

    async def _standalone(self, question: str, asking: Asking, writer: Writer | None) -> str:
        """Return the question as it is understood without the turns before it."""
        if not asking.turns or not depends(question, asking.turns):
            return question
        if writer is not None:
            try:
                return effective_query(await writer.standalone(question, asking.turns))
            except WritingFailed as failure:
                _log.warning("question rewritten by rule", reason=failure.reason.value)
        effective = effective_query(carried(question, asking.turns))
        return effective if len(effective) <= MAX_QUESTION_CHARACTERS else question

    def _checked(self, binder: Binder, written: WrittenSentence, own: Answer, collection: str) -> _Checked:
        bound = binder.bind(written)
        citations = self._cited(bound, own, collection)
        return _Checked(bound, citations, self._assistant.support(bound.text, citations, collection))

    def _checked_again(self, checked: Sequence[_Checked], own: Answer, collection: str) -> list[_Checked]:
        """Return sentences with what stands under them now; what stands as before has its score already."""
        found = []
        for entry in checked:
            citations, support = self._cited(entry.bound, own, collection), entry.support
            if citations != entry.citations:
                support = self._assistant.support(entry.bound.text, citations, collection)
            found.append(_Checked(entry.bound, citations, support))
        return found

    def _cited(self, bound: BoundSentence, own: Answer, collection: str) -> tuple[Citation, ...]:
        return tuple(self._assistant.cited(bound.claims, own.hits, collection)) if bound.claims else ()


class _Draft:
    """A written answer as it grows."""

    def __init__(self, own: Answer, name: str, mark: bool) -> None:
        self.checked: list[_Checked] = []
        self.said = False
        self._own = own
        self._name = name
        self._mark = mark
        self._kept: list[Citation] = []
        self._waiting: list[AnswerSentence] = []

    def add(self, checked: _Checked) -> Iterator[AnswerEvent]:
        """Yield what is shown of the next sentence.

        One that nothing supports waits for the first that something does: without that there is no answer.
        """
        self.checked.append(checked)
        known = len(self._kept)
        sentence = _sentence(checked, self._kept)
        if not sentence.supported:
            self._waiting += [sentence] if self._mark and sentence.text else []
        if sentence.supported or self.said:
            self.said = True
            yield from (Said(waiting) for waiting in self._waiting)
            self._waiting.clear()
        if sentence.supported:
            yield from (Cited(citation) for citation in self._kept[known:])
            yield Said(sentence)

    def finished(self, checked: Sequence[_Checked], milliseconds: float) -> Answer:
        """Return the whole answer, of what stands at its end."""
        kept: list[Citation] = []
        sentences = [_sentence(entry, kept) for entry in checked]
        supported = [sentence for sentence in sentences if sentence.supported]
        marked = [sentence for sentence in sentences if sentence.text]
        shown = (marked if self._mark else supported) if supported else []
        own = self._own
        return replace(
            own,
            text=answer_text(shown),
            sentences=tuple(shown),
            citations=tuple(kept),
            status=AnswerStatus.ANSWERED if kept else AnswerStatus.ABSTAINED,
            timings={**own.timings, "write": milliseconds - own.timings["total"], "total": milliseconds},
            written_by=self._name,
            withheld=len(sentences) - len(shown),
        )


def _sentence(checked: _Checked, kept: list[Citation]) -> AnswerSentence:
    """Return a sentence with its markers among the citations kept, to which new ones are added."""
    markers = markers_of(checked.citations, kept)
    return AnswerSentence(checked.bound.text, markers, checked.bound.verdict, checked.support)


def told(answer: Answer) -> Iterator[AnswerEvent]:
    """Yield the events of an answer that is whole already."""
    yield Retrieved(answer, None)
    yield from _rest(answer)


def _rest(answer: Answer) -> Iterator[AnswerEvent]:
    told_of: set[int] = set()
    for sentence in answer.sentences:
        for citation in answer.citations:
            if citation.marker in sentence.markers and citation.marker not in told_of:
                told_of.add(citation.marker)
                yield Cited(citation)
        yield Said(sentence)
    yield Finished(answer)


async def answer_of(events: AsyncGenerator[AnswerEvent, None]) -> Answer:
    """Return the answer that some events end with; of one that broke off, what takes its place."""
    async for event in events:
        if isinstance(event, Finished | Broken):
            return event.answer
    raise RuntimeError("the events of an answer ended without one")
