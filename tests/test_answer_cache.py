"""Answers that were kept: a question is worked out once, and no answer outlives what it was made from."""

import copy
import gc
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from doubles import HashingEmbedder
from test_answering import DELEGATES, QUESTION, SIGNED, TREATY, Drafting, SureReader, put

from index.home import Home
from index.store import Store
from index.types import Hit
from rag.answer_cache import AnswerCache, Asked, Made
from rag.answering import Assistant, Engine
from rag.generation import DraftSentence, Generator
from rag.retrieval import Retriever
from rag.types import Answer, AnswerStatus, Reading

EMBEDDER = HashingEmbedder()
SAID = Drafting([("Signed.", [(SIGNED, SIGNED)])])


@dataclass
class Counting:
    """A `Generator` that counts how often it is asked."""

    inner: Generator = SAID
    asked: list[str] = field(default_factory=list)

    def generate(self, question: str, hits: Sequence[Hit], reading: Reading) -> list[DraftSentence]:
        self.asked.append(question)
        return self.inner.generate(question, hits, reading)


def assistant(home: Home, generator: Generator, threshold: float | None = None) -> Assistant:
    engine = Engine(EMBEDDER, Retriever(EMBEDDER), SureReader())
    return Assistant(
        lambda collection: home.collection(collection).snapshot(), lambda _: engine, generator, threshold
    )


def told(answer: Answer) -> Answer:
    return replace(answer, timings={})


def made(text: str = "An answer.") -> Answer:
    return Answer(QUESTION, QUESTION, text, (), (), AnswerStatus.ABSTAINED, 0.1, (), {}, 1)


def asked(number: int = 0) -> Asked:
    return Asked(f"question {number}", 10, 0.5)


def test_a_question_asked_again_is_answered_the_same_without_working_it_out(home: Home, store: Store) -> None:
    put(store)
    counting = Counting()
    asking = assistant(home, counting)
    first, second = asking.ask(QUESTION), asking.ask(QUESTION)
    assert first.citations
    assert told(second) == told(first)
    assert len(counting.asked) == 1


def test_an_answer_that_was_kept_tells_its_own_timings(home: Home, store: Store) -> None:
    put(store)
    asking = assistant(home, SAID)
    asking.ask(QUESTION)
    assert set(asking.ask(QUESTION).timings) == {"cached", "verify", "total"}


def test_an_answer_that_was_kept_is_to_the_question_as_it_was_put(home: Home, store: Store) -> None:
    put(store)
    asking = assistant(home, SAID)
    asking.ask(QUESTION)
    spaced = f"  {QUESTION}\n"
    again = asking.ask(spaced)
    assert "cached" in again.timings
    assert (again.question, again.effective_query) == (spaced, QUESTION)


def test_another_number_of_passages_or_threshold_is_another_question(home: Home, store: Store) -> None:
    put(store)
    counting = Counting()
    asking = assistant(home, counting)
    asking.ask(QUESTION)
    assert len(asking.ask(QUESTION, top_k=1).hits) == 1
    asking.threshold = 1.0
    assert asking.ask(QUESTION).status is AnswerStatus.ABSTAINED
    asking.threshold = None
    assert asking.ask(QUESTION).citations
    assert len(counting.asked) == 2


def test_each_collection_has_its_own_answers(home: Home, store: Store) -> None:
    put(store, "The treaty was signed in 1921.")
    put(home.collection("second", create=True), "The treaty was signed in 1843.")
    asking = assistant(home, Drafting([("Said.", [("The treaty", "The treaty")])]))
    texts = [asking.ask(QUESTION, name).hits[0].passage.text for name in ("default", "second") * 2]
    assert texts == ["The treaty was signed in 1921.", "The treaty was signed in 1843."] * 2


def test_after_a_change_a_question_is_worked_out_anew(home: Home, store: Store) -> None:
    put(store)
    asking = assistant(home, SAID)
    before = asking.ask(QUESTION)
    put(store, "Another treaty was signed in 1843.", "other.txt")
    after = asking.ask(QUESTION)
    assert "cached" not in after.timings
    assert after.generation == before.generation + 1
    assert len(after.hits) == len(before.hits) + 1


def test_a_deletion_leaves_no_answer_behind_even_if_nothing_is_asked_again(home: Home, store: Store) -> None:
    gone = put(store)
    asking = assistant(home, SAID)
    asking.ask(QUESTION)
    assert len(asking._answers) == 1
    store.delete(gone.id)
    gc.collect()
    assert len(asking._answers) == 0


def test_a_deleted_collection_leaves_no_answer_behind_nor_one_to_its_successor(home: Home) -> None:
    put(home.collection(create=True))
    counting = Counting(Drafting([("Signed.", [(DELEGATES, DELEGATES)])]))
    asking = assistant(home, counting)
    assert asking.ask(QUESTION).citations
    home.delete("default")
    gc.collect()
    assert len(asking._answers) == 0
    put(home.collection(create=True), TREATY.replace("1921", "1922"))
    assert SIGNED not in {hit.passage.text for hit in asking.ask(QUESTION).hits}
    assert len(counting.asked) == 2


def test_a_document_deleted_while_it_is_asked_about_leaves_no_answer_behind(home: Home, store: Store) -> None:
    gone = put(store)
    asking = assistant(home, replace(SAID, first=lambda: store.delete(gone.id)))
    assert asking.ask(QUESTION).citations == ()
    gc.collect()
    assert len(asking._answers) == 0


def test_a_document_that_another_process_deleted_is_not_quoted_from_what_was_kept(
    home: Home, store: Store
) -> None:
    gone = put(store)
    asking = assistant(home, SAID)
    assert asking.ask(QUESTION).citations
    # Past the store, as by another process: the snapshot stays where it is.
    store.catalog.delete(gone.id)
    answer = asking.ask(QUESTION)
    assert (answer.status, answer.citations, answer.hits) == (AnswerStatus.ABSTAINED, (), ())
    assert "cached" not in answer.timings


def test_what_another_process_deleted_is_not_told_as_left_out_from_what_was_kept(
    home: Home, store: Store
) -> None:
    put(store, SIGNED)
    copy = put(store, SIGNED.upper(), "copy.txt")
    asking = assistant(home, SAID)
    assert [dropped.document_id for dropped in asking.ask(QUESTION).dropped] == [copy.id]
    store.catalog.delete(copy.id)
    answer = asking.ask(QUESTION)
    assert answer.citations
    assert answer.dropped == ()


def test_an_answer_that_lost_what_it_tells_of_is_not_kept(home: Home, store: Store) -> None:
    put(store, SIGNED)
    copy = put(store, SIGNED.upper(), "copy.txt")
    # Past the store, once, while the first answer is made: what is kept would tell of it again.
    deletions = iter([copy.id])
    counting = Counting(replace(SAID, first=lambda: [store.catalog.delete(gone) for gone in deletions]))
    asking = assistant(home, counting)
    assert [asking.ask(QUESTION).dropped for _ in range(3)] == [(), (), ()]
    assert len(counting.asked) == 2


def test_an_answer_that_lost_a_quote_is_not_kept(home: Home, store: Store) -> None:
    put(store)
    counting = Counting(Drafting([("Both.", [(DELEGATES, DELEGATES), (SIGNED, SIGNED.upper())])]))
    asking = assistant(home, counting)
    assert [len(asking.ask(QUESTION).citations) for _ in range(2)] == [1, 1]
    assert len(counting.asked) == 2


def test_answers_can_be_forgotten(home: Home, store: Store) -> None:
    put(store)
    asking = assistant(home, SAID)
    asking.ask(QUESTION)
    asking.forget()
    assert "cached" not in asking.ask(QUESTION).timings


def test_the_answers_used_last_are_kept(store: Store) -> None:
    put(store)
    snapshot, cache = store.snapshot(), AnswerCache(size=2)
    for number in (0, 1, 0, 2):
        cache.answer(snapshot, asked(number), lambda: Made(made(), keep=True))
    assert len(cache) == 2
    kept = [cache.answer(snapshot, asked(n), lambda: Made(made(), keep=False))[1] for n in (0, 1, 2)]
    assert kept == [True, False, True]


def test_two_who_ask_the_same_at_once_have_it_worked_out_once(store: Store) -> None:
    put(store)
    snapshot, cache = store.snapshot(), AnswerCache()
    begun, go_on, second = threading.Event(), threading.Event(), []

    def make() -> Made:
        begun.set()
        assert go_on.wait(30)
        return Made(made("the first one's"), keep=True)

    def ask_too() -> None:
        second.append(cache.answer(snapshot, asked(), lambda: pytest.fail("it is worked out already")))

    first = threading.Thread(target=cache.answer, args=(snapshot, asked(), make))
    first.start()
    assert begun.wait(30)
    waiting = threading.Thread(target=ask_too)
    waiting.start()
    go_on.set()
    first.join()
    waiting.join()
    assert second == [(made("the first one's"), True)]


def test_an_error_is_its_askers_own_and_is_not_kept(store: Store) -> None:
    put(store)
    snapshot, cache = store.snapshot(), AnswerCache()

    def fail() -> Made:
        raise OSError("the moment's")

    with pytest.raises(OSError, match="moment"):
        cache.answer(snapshot, asked(), fail)
    assert cache.answer(snapshot, asked(), lambda: Made(made(), keep=True)) == (made(), False)


def test_words_that_caught_up_make_another_answer(store: Store) -> None:
    put(store)
    snapshot, cache = store.snapshot(), AnswerCache()
    cache.answer(snapshot, asked(), lambda: Made(made("before"), keep=True))
    caught_up = replace(snapshot, words=copy.copy(snapshot.words))
    assert cache.answer(caught_up, asked(), lambda: Made(made("after"), keep=True)) == (made("after"), False)
