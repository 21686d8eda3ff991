"""The processes of the reindex under load: to fill a home, to serve while it is made anew, to look."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

from doubles import HashingEmbedder

from index.doctor import examine
from index.embedding import Vectors
from index.home import COLLECTIONS_FOLDER, DEFAULT_COLLECTION
from index.jobs import JobKind
from index.running import JobRunner, add_reindex
from rag.settings import Settings
from rag.types import Answer
from rag.wiring import Application
from torture.children import Report, Say
from torture.killable import wrong
from torture.ledgers import CHUNK_TOKENS, MODELS, State, document_of, embedder_of, own_words, text_of

_THREADS = 4
_TOLD_EVERY = 20


class Telling(HashingEmbedder):
    """The new model; tells of each batch before it makes it, and of each question that it is asked."""

    def __init__(self, say: Say | None = None) -> None:
        made = embedder_of(MODELS[1])
        super().__init__(made.identity.dimension, made.identity.name)
        self._say = say

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if self._say is not None and threading.current_thread() is threading.main_thread():
            self._say({"embedding": list(texts)})
        return super().embed_passages(texts)


def version(number: int) -> tuple[str, int]:
    """Return the name and the serial of a document."""
    return f"ledger-{number}.txt", 6 * number + 5


def serve(home: Path, documents: int, seed: str, say: Say) -> None:
    """Answer from threads while a reindex goes on, until that is done or the process is killed."""
    models = {MODELS[0]: embedder_of(MODELS[0]), MODELS[1]: Telling(say)}
    # A network would be loaded anew after each kill, and few questions be asked before the next one.
    settings = Settings(home=home, chunk_tokens=CHUNK_TOKENS, threshold=0.0, reader="similarity")
    with Application(
        settings, writable=True, embedder=models[MODELS[0]], embedders=models.__getitem__
    ) as app:
        texts = {document_of(*version(number)).id: text_of(*version(number)) for number in range(documents)}
        over = threading.Event()
        tellings = threading.Lock()

        def tell(report: Report) -> None:
            with tellings:
                say(report)

        models[MODELS[1]]._say = tell  # type: ignore[attr-defined]
        threads = [
            threading.Thread(target=_ask, args=(app, texts, f"{seed}/{number}", over, tell), daemon=True)
            for number in range(_THREADS)
        ]
        store = app.home.collection()
        for thread in threads:
            thread.start()
        jobs = store.catalog.jobs
        job = next(iter(jobs.unfinished()), None)
        if job is None and store.space.name == MODELS[0]:
            job = add_reindex(jobs, app.reindex_request(DEFAULT_COLLECTION, MODELS[1]))
        if job is not None:
            assert job.kind is JobKind.REINDEX
            runner = JobRunner(jobs, app.ingestor, partial(app.reindex, DEFAULT_COLLECTION))
            report = runner.run(job)
            if not report.complete:
                tell({"problems": [f"the reindex did not end well: {report}"]})
        over.set()
        for thread in threads:
            thread.join()
        # Once more, now that the new space serves for certain.
        models[MODELS[1]]._say = None  # type: ignore[attr-defined]
        last = Asking(app, texts, Random(seed))
        for _ in range(_TOLD_EVERY):
            last.ask()
        tell(last.told() | {"problems": last.problems, "over": True})


class Asking:
    """Asks one application and holds each answer against the texts there are."""

    def __init__(self, application: Application, texts: dict[str, str], random: Random) -> None:
        self._application = application
        self._texts = texts
        self._random = random
        self._words = sorted(word for text in texts.values() for word in own_words(text))
        self._generation = 0
        self.answers: Counter[str] = Counter()
        self.citations = 0
        self.problems: list[str] = []

    def ask(self) -> None:
        """Ask once."""
        before = self._application.home.collection().snapshot()
        answer = self._application.assistant.ask(
            f"What does {self._random.choice(self._words)} tell of the dam?"
        )
        after = self._application.home.collection().snapshot()
        # It was given by one of these; where both are of one model, that is known.
        self.answers[before.space.name if before.space == after.space else "either"] += 1
        if not before.generation <= answer.generation <= after.generation:
            self.problems.append(
                f"generation {answer.generation} was given between {before.generation} and {after.generation}"
            )
        if answer.generation < self._generation:
            self.problems.append(f"generation {answer.generation} came after {self._generation}")
        self._generation = answer.generation
        self.problems += self._faults(answer)

    def _faults(self, answer: Answer) -> Iterator[str]:
        self.citations += len(answer.citations)
        if not answer.citations or not answer.hits:
            yield f"{answer.question!r} has {len(answer.citations)} citations and {len(answer.hits)} hits"
        for quote in (citation.quote for citation in answer.citations):
            if self._texts[quote.document_id][quote.start : quote.end] != quote.text:
                yield f"{quote} is not in the document"
        for passage in (hit.passage for hit in answer.hits):
            if self._texts[passage.document_id][passage.start : passage.end] != passage.text:
                yield f"{passage} is not in the document"

    def told(self) -> Report:
        """Return what is to be told, and begin anew."""
        told = {"answers": dict(self.answers), "citations": self.citations, "problems": self.problems}
        self.answers, self.citations, self.problems = Counter(), 0, []
        return told


def _ask(app: Application, texts: dict[str, str], seed: str, over: threading.Event, tell: Say) -> None:
    asking = Asking(app, texts, Random(seed))
    try:
        while not over.is_set():
            for _ in range(_TOLD_EVERY):
                asking.ask()
            tell(asking.told())
    except Exception as error:
        tell({"problems": [f"an answer failed: {type(error).__name__}: {error}"]})
        raise


def prepare(home: Path, documents: int, say: Say) -> None:
    """Fill a home, in the old space."""
    settings = Settings(home=home, chunk_tokens=CHUNK_TOKENS)
    with Application(settings, writable=True, embedder=embedder_of(MODELS[0])) as app:
        runner = JobRunner.over(app.ingestor())
        for number in range(documents):
            source, serial = version(number)
            runner.add(text_of(source, serial).encode(), source)
    say({"over": True})


def inspect(home: Path, documents: int, say: Say) -> None:
    """Tell what is wrong with a home whose reindex is done."""
    settings = Settings(home=home, chunk_tokens=CHUNK_TOKENS)
    with Application(settings, writable=True, embedder=embedder_of(MODELS[0]), embedders=embedder_of) as app:
        store = app.home.collection()
        wanted = State(frozenset(version(number) for number in range(documents)), model=MODELS[1])
        state = State.of(store, wanted.versions)
        problems = wrong(store, state, ())
        if state != wanted:
            problems.append(f"at the end there is {state}")
    problems += [f"examine: {finding}" for finding in examine(home / COLLECTIONS_FOLDER / DEFAULT_COLLECTION)]
    say({"problems": problems, "over": True})
