"""The contract of the `Writer` protocol, inherited by the tests of its implementations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing

import pytest
from contracts import ranked

from rag.generation.writing import Assignment, Writer, WritingFailed, WrittenSentence
from rag.types import Turn

QUESTION = "When was the treaty signed?"
TURNS = (Turn("What ended the war?", "What ended the war?", "The treaty."),)


def assignment() -> Assignment:
    hits = ranked(QUESTION, "The treaty was signed on 3 May 1921.", "It ended a long war.")
    return Assignment(QUESTION, QUESTION, hits, TURNS)


async def all_of(writer: Writer) -> list[WrittenSentence]:
    async with aclosing(writer.write(assignment())) as sentences:
        return [sentence async for sentence in sentences]


class WriterContract:
    """Give `answering`, `declining`, `failing`, `rewriting` and `silent`, each a context manager of a writer.

    They write an answer, find none, fail, and write a question again; the last says one sentence and then
    nothing more, and comes with what waits until its work was given up.
    """

    def answering(self) -> AbstractContextManager[Writer]:
        raise NotImplementedError

    def declining(self) -> AbstractContextManager[Writer]:
        raise NotImplementedError

    def failing(self) -> AbstractContextManager[Writer]:
        raise NotImplementedError

    def silent(self) -> AbstractContextManager[tuple[Writer, Callable[[], None]]]:
        raise NotImplementedError

    def rewriting(self) -> AbstractContextManager[Writer]:
        raise NotImplementedError

    def test_sentences_come_with_the_quotes_that_they_claim(self) -> None:
        with self.answering() as writer:
            sentences = asyncio.run(all_of(writer))
        assert sentences
        assert all(sentence.text.strip() for sentence in sentences)
        assert any(sentence.quotes for sentence in sentences)

    def test_the_same_writer_serves_one_event_loop_after_the_other(self) -> None:
        with self.answering() as writer:
            assert asyncio.run(all_of(writer)) == asyncio.run(all_of(writer))

    def test_where_there_is_no_answer_nothing_is_written(self) -> None:
        with self.declining() as writer:
            assert asyncio.run(all_of(writer)) == []

    def test_what_goes_wrong_is_one_kind_of_error(self) -> None:
        with self.failing() as writer, pytest.raises(WritingFailed) as failure:
            asyncio.run(all_of(writer))
        assert failure.value.fallback.message

    def test_who_closes_the_iterator_has_the_work_given_up(self) -> None:
        async def leave(writer: Writer) -> None:
            async with aclosing(writer.write(assignment())) as sentences:
                await anext(sentences)

        with self.silent() as (writer, given_up):
            asyncio.run(leave(writer))
            given_up()

    def test_it_has_a_name(self) -> None:
        with self.answering() as writer:
            assert asyncio.run(writer.name())

    def test_a_question_is_written_again_as_one_line(self) -> None:
        with self.rewriting() as writer:
            again = asyncio.run(writer.standalone("When?", TURNS))
        assert again
        assert "\n" not in again
