"""Example questions: from several documents, answered from there, and worked out while nobody asks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import pytest
from doubles import HashingEmbedder, document

from index.catalog import Catalog
from index.chunking import Chunker
from index.home import Home
from index.passage_vectors import passage_vectors
from index.store import Store
from index.terms import query_terms
from index.types import Block, BlockKind, Document
from rag.examples import Candidate, Choosing, candidates_of, examples, sampled
from rag.examples.forms import Kind
from rag.service.backend import Backend
from rag.service.examples import Examples
from rag.service.work import Work
from rag.settings import Settings
from rag.types import Answer, AnswerStatus, Asking, Citation, Quote
from rag.wiring import Application

Add = Callable[[Document], None]

HARBOUR = (
    "The harbour of Orwen opened on 4 May 1988.\n"
    "Captain Mara Lind warned that the sand bank was growing.\n"
    "The lighthouse of Orwen is 31 metres high."
)
BAKERY = (
    "Nimble Crust is a bakery in the old town.\n"
    "Deliveries to the islands stopped, because the ferry was sold.\n"
    "The bakery has 14 ovens."
)


class Reader:
    """Answers with the stored sentence that shares most words with the question."""

    def __init__(self, catalog: Catalog, confidence: float = 0.9) -> None:
        self.asked: list[str] = []
        self.confidence = confidence
        self._catalog = catalog

    def __call__(self, question: str, collection: str = "default") -> Answer:
        self.asked.append(question)
        wanted = set(query_terms(question, "en"))
        found = [
            (len(wanted & set(query_terms(sentence, "en"))), info.id, sentence, info.sha256)
            for info in self._catalog.documents()
            for sentence in self._catalog.text(info.id).split("\n")
        ]
        _, document_id, sentence, sha256 = max(found)
        start = self._catalog.text(document_id).index(sentence)
        quote = Quote(document_id, start, start + len(sentence), sentence, sha256)
        citation = Citation(1, quote, "a", "a", None, None, 0.9, None)
        return Answer(
            question=question,
            effective_query=question,
            text=sentence,
            sentences=(),
            citations=(citation,),
            status=AnswerStatus.ANSWERED,
            confidence=self.confidence,
            hits=(),
            timings={},
            generation=self._catalog.sequence(),
        )


def put(store: Store, added: Document) -> None:
    embedder = HashingEmbedder()
    passages = Chunker(embedder.window, 48).chunk(added)
    store.put(added, passages, passage_vectors(store.catalog, embedder, store.space, passages))


@pytest.fixture
def add(store: Store) -> Add:
    return partial(put, store)


def test_examples_are_questions_that_the_documents_answer(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    found = examples(Reader(store.catalog), store.catalog)
    assert sorted(found) == [
        "How high is the lighthouse of Orwen?",
        "What did Captain Mara Lind warn about the sand bank?",
        "When did the harbour of Orwen open?",
    ]


def test_examples_come_from_several_documents(store: Store, add: Add) -> None:
    texts = [
        f"The mill of {name} has {number} wheels." for number, name in enumerate(("Arn", "Bel", "Cor"), 7)
    ]
    add(document("\n".join([HARBOUR, *texts]), "much.txt"))
    add(document(BAKERY, "bakery.txt"))
    found = examples(Reader(store.catalog), store.catalog)
    assert len(found) == 4
    assert "How many ovens does the bakery have?" in found


def test_the_same_documents_give_the_same_examples(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    add(document(BAKERY, "bakery.txt"))
    first, second = Reader(store.catalog), Reader(store.catalog)
    assert examples(first, store.catalog) == examples(second, store.catalog)
    assert first.asked == second.asked


def test_what_is_answered_without_confidence_is_no_example(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    assert examples(Reader(store.catalog, confidence=0.6), store.catalog) == []


def test_what_is_answered_from_elsewhere_is_no_example(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)

    def elsewhere(question: str) -> Answer:
        answer = reader(question)
        citation = answer.citations[0]
        return replace(answer, citations=(replace(citation, quote=replace(citation.quote, text="Else.")),))

    assert examples(elsewhere, store.catalog) == []


def test_an_abstention_is_no_example(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)

    def silent(question: str) -> Answer:
        return replace(reader(question), status=AnswerStatus.ABSTAINED, citations=())

    assert examples(silent, store.catalog) == []


def test_at_most_eight_questions_are_asked(store: Store, add: Add) -> None:
    for number in range(20):
        name = chr(ord("a") + number) * 4
        add(document(f"The harbour of {name.title()} opened on 4 May 1988.", f"{name}.txt"))
    reader = Reader(store.catalog, confidence=0.1)
    assert examples(reader, store.catalog) == []
    assert len(reader.asked) == 8


def test_a_question_of_two_documents_is_asked_once(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    add(document(HARBOUR, "copy.txt"))
    reader = Reader(store.catalog)
    assert len(examples(reader, store.catalog)) == 3
    assert len(set(reader.asked)) == len(reader.asked) == 3
    unsure = Reader(store.catalog, confidence=0.1)
    assert examples(unsure, store.catalog) == []
    assert len(unsure.asked) == 3


def test_kinds_of_questions_that_were_not_chosen_come_first(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    (info,) = store.catalog.documents()
    lines = HARBOUR.split("\n")
    of_lines = [
        Candidate(question, kind, info.id, HARBOUR.index(line), line)
        for question, kind, line in (
            ("When did the harbour of Orwen open?", Kind.WHEN, lines[0]),
            ("When did Captain Mara Lind warn?", Kind.WHEN, lines[1]),
            ("How high is the lighthouse of Orwen?", Kind.HOW_MANY, lines[2]),
        )
    ]
    choosing, reader = Choosing(of_lines), Reader(store.catalog)
    while (question := choosing.question()) is not None:
        choosing.heard(reader(question))
    assert reader.asked == [of_lines[place].question for place in (0, 2, 1)]


def test_documents_in_other_languages_give_no_examples(store: Store, add: Add) -> None:
    add(replace(document(HARBOUR, "harbour.txt"), language="de"))
    assert sampled(store.catalog) == []
    assert examples(Reader(store.catalog), store.catalog) == []


def test_an_empty_collection_has_no_examples(store: Store) -> None:
    assert examples(Reader(store.catalog), store.catalog) == []


def test_deleted_documents_give_no_examples(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    (info,) = store.catalog.documents()
    store.delete(info.id)
    assert sampled(store.catalog) == []
    assert candidates_of(store.catalog, info.id) == []


def test_a_heading_asks_for_what_stands_under_it(store: Store, add: Add) -> None:
    text = "Delete a document\nChoose the bin beside the document."
    end = text.index("\n")
    blocks = [Block(BlockKind.HEADING, 0, end, 1), Block(BlockKind.PARAGRAPH, end + 1, len(text))]
    add(document(text, "manual.md", blocks=blocks))
    (info,) = store.catalog.documents()
    assert [found.question for found in candidates_of(store.catalog, info.id)] == [
        "How do I delete a document?"
    ]


class Idle:
    """Says whether nobody asks, as a test sets it."""

    def __init__(self) -> None:
        self.now = True

    def __call__(self) -> bool:
        return self.now


def is_at_work(backend: Backend) -> bool:
    return backend._examples._task is not None


async def settled(known: Examples) -> None:
    """Wait until what is being worked out has ended."""
    if known._task is not None:
        await known._task


def served(ask: Callable[[str, str], Answer], use: Callable[[Examples, Idle], Awaitable[None]]) -> None:
    async def run() -> None:
        asking, reading, idle = Work("asking", 1, 4), Work("reading", 1, 4), Idle()
        known = Examples(ask, asking, reading, idle)
        try:
            await use(known, idle)
        finally:
            await known.stop()
            asking.close()
            reading.close()

    asyncio.run(run())


def test_examples_are_worked_out_once_a_generation(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)
    found: list[Sequence[str]] = []

    async def use(known: Examples, _: Idle) -> None:
        for _number in range(3):
            found.append(known.of(store.snapshot(), "default"))
            await settled(known)
        asked = len(reader.asked)
        add(document(BAKERY, "bakery.txt"))
        found.append(known.of(store.snapshot(), "default"))
        assert len(reader.asked) == asked
        await settled(known)
        found.append(known.of(store.snapshot(), "default"))

    served(reader, use)
    assert found[0] == found[3] == []
    assert len(found[1]) == 3
    assert found[1] == found[2]
    assert len(found[4]) == 4


def test_nothing_is_worked_out_while_somebody_asks(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)

    async def use(known: Examples, idle: Idle) -> None:
        idle.now = False
        known.of(store.snapshot(), "default")
        await settled(known)
        assert reader.asked == []

    served(reader, use)


def test_who_comes_to_ask_is_given_way_to(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)
    others: list[Idle] = []

    def interrupted(question: str, collection: str) -> Answer:
        others[0].now = False
        return reader(question, collection)

    async def use(known: Examples, idle: Idle) -> None:
        others.append(idle)
        known.of(store.snapshot(), "default")
        await settled(known)
        assert len(reader.asked) == 1
        assert known.of(store.snapshot(), "default") == []

    served(interrupted, use)


def test_what_changed_meanwhile_is_not_kept(store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))
    reader = Reader(store.catalog)

    def changing(question: str, collection: str) -> Answer:
        return replace(reader(question, collection), generation=99)

    async def use(known: Examples, _: Idle) -> None:
        known.of(store.snapshot(), "default")
        await settled(known)
        assert len(reader.asked) == 1
        assert known.of(store.snapshot(), "default") == []

    served(changing, use)


def test_a_collection_that_is_made_anew_has_examples_of_its_own(home: Home, store: Store, add: Add) -> None:
    add(document(HARBOUR, "harbour.txt"))

    async def use(known: Examples, _: Idle) -> None:
        known.of(store.snapshot(), "default")
        await settled(known)
        assert known.of(store.snapshot(), "default")
        home.delete("default")
        assert known.of(home.collection(create=True).snapshot(), "default") == []

    served(Reader(store.catalog), use)


def test_the_service_has_no_examples_before_it_is_ready(settings: Settings) -> None:
    async def run(backend: Backend) -> list[str]:
        return await backend.examples()

    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        assert asyncio.run(run(Backend(application))) == []


def test_the_service_works_examples_out_while_nobody_asks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(application: Application) -> list[str]:
        backend = Backend(application)
        backend.ready = True
        assert await backend.examples() == []
        await settled(backend._examples)
        found = await backend.examples()
        await backend.stop()
        return found

    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        store = application.home.collection(create=True)
        monkeypatch.setattr(application.assistant, "ask", Reader(store.catalog))
        put(store, document(HARBOUR, "harbour.txt"))
        assert len(asyncio.run(run(application))) == 3


def test_the_service_works_nothing_out_while_a_question_is_answered(settings: Settings) -> None:
    async def run(backend: Backend) -> None:
        backend.ready = True
        async with aclosing(backend.answering(Asking("When did the harbour of Orwen open?"))) as events:
            await anext(events)
            assert await backend.examples() == []
            assert not is_at_work(backend)
        assert await backend.examples() == []
        assert is_at_work(backend)
        await backend.stop()

    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        put(application.home.collection(create=True), document(HARBOUR, "harbour.txt"))
        asyncio.run(run(Backend(application)))
