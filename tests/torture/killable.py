"""The processes of the kill test: one changes a home until it is killed, one asks, one looks at the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from doubles import HashingEmbedder

import index.home
from index import merging, reindex, store, vector_upkeep, vectors
from index.chunking import indexed_text
from index.doctor import examine
from index.errors import CollectionNotFound, DocumentNotFound
from index.home import COLLECTIONS_FOLDER, DEFAULT_COLLECTION
from index.jobs import Job, JobKind
from index.running import JobRunner, add_reindex, add_upload
from index.snapshot import Snapshot
from index.store import Store
from index.types import Passage
from rag.types import Answer
from rag.wiring import Application
from torture.children import Say
from torture.ledgers import (
    COMMON,
    MODELS,
    NAMES,
    Kind,
    Operation,
    State,
    Version,
    chunker_of,
    document_of,
    embedder_of,
    opened,
    own_words,
    source_of,
    spans_of,
    text_of,
)

_ALL = 10_000
_WEIGHTS = {Kind.PUT: 10, Kind.ACCEPT: 3, Kind.PLAN: 1, Kind.DROP: 1}
# With so many documents, as many go as come.
_EVEN = 25


@contextmanager
def small() -> Iterator[None]:
    """Have few rows do what takes many: merges, files of vectors, batches of a reindex."""
    with (
        patch.object(vectors, "_MAX_DELTA", 8),
        patch.object(vector_upkeep, "FILE_PAST_ROWS", 40),
        patch.object(merging, "LARGE_ROWS", 30),
        patch.object(vector_upkeep, "_REPLAYED_ROWS", 15),
        patch.object(reindex, "_BATCH_PASSAGES", 8),
        patch.object(store, "_DROPPED_AT_ONCE", 20),
    ):
        yield


class HastyStore(Store):
    """A store that says that a change is made before it is: with the next one it will be."""

    _promised: Callable[[], object] | None = None

    def put(self, *arguments: Any, **more: Any) -> Any:
        self._keep()
        if arguments[4:] or more:
            return super().put(*arguments, **more)
        self._promised = partial(super().put, *arguments)
        return None

    def delete(self, document_id: str, record: Any = None) -> None:
        self._keep()
        self._promised = partial(super().delete, document_id, record)

    def _keep(self) -> None:
        promised, self._promised = self._promised, None
        if promised is not None:
            promised()


class Writer:
    """Changes a home as chance will have it, and tells of each change before it is made and after."""

    def __init__(
        self,
        application: Application,
        random: Random,
        serials: Iterator[int],
        known: Mapping[str, Version],
        say: Say,
    ) -> None:
        self._application = application
        self._random = random
        self._serials = serials
        self._say = say
        self._store = application.home.collection(create=True)
        self._runner = JobRunner(
            self._store.catalog.jobs,
            application.ingestor,
            partial(application.reindex, DEFAULT_COLLECTION),
        )
        self._state = State.of(self._store, known)
        say({"opened": self._state.values(), "at": time.monotonic()})

    def resume(self) -> None:
        """Run the jobs that did not end, as a service does that starts."""
        for job in self._store.catalog.jobs.unfinished():
            self._run(job)

    def change(self) -> None:
        """Make one change, or accept some uploads and store them."""
        stored = sorted(self._state.documents)
        weights = _WEIGHTS | {Kind.DELETE: _WEIGHTS[Kind.PUT] * len(stored) // _EVEN}
        kind = self._random.choices(list(weights), list(weights.values()))[0]
        match kind:
            case Kind.DELETE if stored:
                source, serial = self._random.choice(stored)
                document = document_of(source, serial)
                self._do(Operation(kind, source, serial), lambda: self._store.delete(document.id))
            case Kind.ACCEPT:
                for number in self._random.sample(range(NAMES), self._random.randint(1, 3)):
                    source, serial = source_of(number), next(self._serials)
                    data = text_of(source, serial).encode()
                    accept = partial(add_upload, self._store.catalog.jobs, data, source)
                    self._do(Operation(kind, source, serial), accept)
                self.resume()
            case Kind.PLAN:
                model = next(name for name in MODELS if name != self._store.space.name)
                asked = self._application.reindex_request(DEFAULT_COLLECTION, model)
                plan = partial(add_reindex, self._store.catalog.jobs, asked)
                self._do(Operation(kind, model=model), plan)
                self.resume()
            case Kind.DROP:
                self._do(Operation(kind), self._drop)
            case _:
                source = source_of(self._random.randrange(NAMES))
                serial = next(self._serials)
                self._do(Operation(Kind.PUT, source, serial), partial(self._put, source, serial))

    def _do(self, operation: Operation, act: Callable[[], object]) -> None:
        self._say({"intent": asdict(operation), "at": time.monotonic()})
        act()
        self._say({"done": True, "at": time.monotonic()})
        self._state = operation.path(self._state)[-1]

    def _run(self, job: Job) -> None:
        if job.kind is JobKind.REINDEX:
            operation = Operation(Kind.REINDEX, model=str(job.request["model"]))
        else:
            text = self._store.catalog.jobs.data(job.id).decode()
            waiting = next(version for version in self._state.uploads if text_of(*version) == text)
            operation = Operation(Kind.STORE, *waiting)

        def run() -> None:
            report = self._runner.run(job)
            if not report.complete:
                raise RuntimeError(f"a job of kind {job.kind} did not end well: {report}")

        self._do(operation, run)

    def _put(self, source: str, serial: int) -> None:
        document = document_of(source, serial)
        embedder = embedder_of(self._store.space.name)
        passages = chunker_of(embedder).chunk(document)
        made = embedder.embed_passages([indexed_text(passage) for passage in passages])
        self._store.put(document, passages, made, self._store.space.id)

    def _drop(self) -> None:
        for stored in self._store.catalog.spaces.all():
            if not stored.active:
                self._store.drop_space(stored.space.id)


def write(
    home: Path, seed: str, serials: Iterator[int], before: Sequence[State], say: Say, *, hasty: bool
) -> None:
    """Change a home until killed."""
    known = {key: version for state in before for key, version in state.versions.items()}
    if hasty:
        index.home.Store = HastyStore  # type: ignore[misc]
    with opened(home, writable=True) as application:
        writer = Writer(application, Random(seed), serials, known, say)
        writer.resume()
        while True:
            writer.change()


def ask(home: Path, seed: str, say: Say) -> None:
    """Ask until killed, opening the home again and again; tell what each answer cites and when it was."""
    random = Random(seed)
    words = [COMMON]
    while True:
        try:
            with opened(home, writable=False) as application:
                store = application.home.collection()
                for info in random.choices(store.catalog.documents() or [None], k=2):
                    if info is not None:
                        words.append(random.choice(own_words(_text(store, info.id)) or [COMMON]))
                for _ in range(3):
                    start = time.monotonic()
                    answer = application.assistant.ask(
                        f"What does {random.choice(words[-12:])} tell of the river?"
                    )
                    say({"asked": [start, time.monotonic()], **_cited(answer)})
        except CollectionNotFound:
            # Nothing was committed yet, or it was opened between two looks at it.
            say({"asked": None})


def _text(store: Store, document_id: str) -> str:
    try:
        return store.catalog.text(document_id)
    except DocumentNotFound:
        return ""


def _cited(answer: Answer) -> dict[str, Any]:
    quotes = [citation.quote for citation in answer.citations]
    return {
        "generation": answer.generation,
        "quotes": [[quote.document_id, quote.start, quote.end, quote.text] for quote in quotes],
        "hits": [
            [hit.passage.document_id, hit.passage.start, hit.passage.end, hit.passage.text]
            for hit in answer.hits
        ],
    }


def look(home: Path, before: Sequence[State], gone: Sequence[Version], say: Say, *, examined: bool) -> None:
    """Open a home as the next start does, and tell what it holds and what is wrong with that."""
    known = {key: version for state in before for key, version in state.versions.items()}
    with opened(home, writable=True) as application:
        found = application.home.collection(create=True)
        state = State.of(found, known)
        say({"opened": state.values(), "at": time.monotonic()})
        problems = wrong(found, state, gone)
    if examined:
        problems += [
            f"examine: {finding}" for finding in examine(home / COLLECTIONS_FOLDER / DEFAULT_COLLECTION)
        ]
    say({"problems": problems, "looked": True})


def wrong(found: Store, state: State, gone: Sequence[Version]) -> list[str]:
    """Return what a store has too much, twice, not at all or not as it was stored; `gone` was deleted."""
    embedder, snapshot = embedder_of(state.model), found.snapshot()
    expected = {document_of(*version).id: text_of(*version) for version in state.documents}
    rows = sorted(scored.row for scored in snapshot.dense(embedder.embed_query(COMMON), _ALL))
    located = snapshot.passages(rows)
    problems = []
    if (by_words := sorted(scored.row for scored in snapshot.lexical(COMMON, _ALL))) != rows:
        problems.append(f"by vectors rows {rows} are found, by words {by_words}")
    if located.keys() != set(rows) or found.catalog.passage_count(found.space.id) != len(rows):
        problems.append(f"rows {rows} are searched, {sorted(located)} of them stored")
    by_document: dict[str, list[tuple[int, Passage]]] = {document_id: [] for document_id in expected}
    for row, entry in sorted(located.items(), key=lambda item: item[1].passage.ordinal):
        by_document.setdefault(entry.passage.document_id, []).append((row, entry.passage))
    for document_id, entries in by_document.items():
        text = expected.get(document_id, "")
        wanted = [(place, *span, text[slice(*span)]) for place, span in enumerate(spans_of(text))]
        if (has := [(it.ordinal, it.start, it.end, it.text) for _, it in entries]) != wanted:
            problems.append(f"document {document_id} has the passages {has}, not {wanted}")
        elif found.catalog.text(document_id) != text:
            problems.append(f"document {document_id} has another text than its passages")
        problems += _ill_indexed(snapshot, embedder, entries)
    problems += [
        f"{word} is found, and {version[0]} was deleted"
        for version in gone
        for word in own_words(text_of(*version))[:1]
        if snapshot.lexical(word, 1)
    ]
    return problems


def _ill_indexed(
    snapshot: Snapshot, embedder: HashingEmbedder, entries: Sequence[tuple[int, Passage]]
) -> Iterator[str]:
    """Yield which passages of a document have the vector or the words of another."""
    made = embedder.embed_passages([indexed_text(passage) for _, passage in entries])
    for (row, _), vector in zip(entries, made, strict=True):
        if abs(snapshot.cosines(vector, [row])[0] - 1) > 1e-4:
            yield f"row {row} has the vector of another passage"
    # One passage for all: each search takes as long as the rest of this.
    for row, passage in entries[-1:]:
        for word in own_words(passage.text):
            if (rows := [scored.row for scored in snapshot.lexical(word, _ALL)]) != [row]:
                yield f"{word} stands in row {row} and is found in {rows}"
