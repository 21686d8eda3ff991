"""Searches a collection from several threads while it changes: no wrong row, no crash, and how much slower.

Every passage has a word and a vector of its own, so that whatever is found tells whether it is what
was asked for. Phases with and without changes take turns, so that what else the machine does falls
on both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

import numpy as np

from index import vectors
from index.embedding import Vectors
from index.snapshot import Snapshot
from index.store import Store
from index.types import Passage
from index.vectors import FlatVectorIndex
from torture.corpus import DIMENSION, PASSAGES, Corpus, Shelf, filled
from torture.scratch import scratch_folder

_DEPTH = 50
_ADDED_A_SECOND = 1000  # passages, at most
# Of 100 changes so many delete a document, and of 100 others so many replace one.
_DELETED_PERCENT = 40


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of searching: times in milliseconds, the ratio of 95th percentiles, and what was wrong."""

    passages: int
    threads: int
    idle_searches: int
    loaded_searches: int
    idle_p50: float
    idle_p95: float
    loaded_p50: float
    loaded_p95: float
    ratio: float
    changes: int
    merges: int
    checked_rows: int
    violations: tuple[str, ...]


class Searcher:
    """Searches as `Retriever` does, times it, and holds what is found against the corpus."""

    def __init__(self, store: Store | Spoiled, corpus: Corpus, seed: int) -> None:
        self._store = store
        self._corpus = corpus
        self._random = Random(seed)
        self._noise = np.random.default_rng(seed)
        self.seconds: list[float] = []
        self.rows = 0
        self.generation = 0
        self.violations: list[str] = []

    def search(self) -> None:
        """Search once for a passage that is there, or was until lately."""
        owners = self._corpus.owners
        # Half of the time one that came lately.
        serial = self._random.randrange(len(owners) // 2 * self._random.randrange(2), len(owners))
        noise = self._noise.standard_normal(DIMENSION, dtype=np.float32)
        query = self._corpus.vectors[serial] + 0.01 * noise
        question = " ".join(
            ["what does", *owners[serial].passages[serial - owners[serial].first].text.split()[1:8]]
        )
        start = time.monotonic()
        snapshot = self._store.snapshot()
        dense = snapshot.dense(query, _DEPTH)
        lexical = snapshot.lexical(question, _DEPTH)
        rows = list({scored.row: None for scored in (*dense, *lexical)})
        located = snapshot.passages(rows)
        cosines = dict(zip(located, snapshot.cosines(query, list(located)), strict=True))
        end = time.monotonic()
        self.seconds.append(end - start)
        if snapshot.generation < self.generation:
            self.violations.append(f"generation {snapshot.generation} came after {self.generation}")
        self.generation = snapshot.generation
        self.rows += len(rows)
        scores = {scored.row: scored.score for scored in dense}
        found = {}
        for row, entry in located.items():
            found[row] = self._serial(entry.passage, start)
            if row in scores and abs(scores[row] - cosines[row]) > 1e-6:
                self.violations.append(
                    f"row {row} scores {scores[row]} searched and {cosines[row]} looked up"
                )
        self._check_vectors(query, found, cosines)
        for ranked in (dense, lexical):
            best = [found.get(scored.row) for scored in ranked[:1]]
            shelf = owners[serial]
            there = shelf.there is not None and shelf.there < start and shelf.leaving is None
            if there and best != [serial]:
                self.violations.append(f"passage {serial} was looked for, and {best} found")

    def _serial(self, passage: Passage, start: float) -> int:
        """Return the number of a passage that was found, which has to be as it was stored, and there."""
        serial = int(passage.text.split("zq")[1].split()[0])
        shelf = self._corpus.owners[serial]
        if passage != shelf.passages[serial - shelf.first]:
            self.violations.append(f"passage {serial} is {passage}")
        if shelf.gone is not None and shelf.gone < start:
            self.violations.append(f"passage {serial} was found, and gone before the search began")
        return serial

    def _check_vectors(self, query: Vectors, found: dict[int, int], cosines: dict[int, float]) -> None:
        exact = self._corpus.vectors[list(found.values())] @ (query / np.linalg.norm(query))
        for (row, serial), cosine in zip(found.items(), exact.tolist(), strict=True):
            if abs(cosines[row] - cosine) > 1e-4:
                self.violations.append(
                    f"row {row} has the text of {serial} and the vector of another passage"
                )


class Writer:
    """Changes a store until it is told to stop."""

    def __init__(self, store: Store, corpus: Corpus, seed: int) -> None:
        self._store = store
        self._corpus = corpus
        self._random = Random(seed)
        self._kept = corpus.owners[::PASSAGES]
        self.changes = 0

    def change(self) -> None:
        """Add, replace or delete a document."""
        self.changes += 1
        if self._random.randrange(100) < _DELETED_PERCENT or self._corpus.full:
            shelf = self._taken()
            self._store.delete(shelf.document.id)
            shelf.gone = time.monotonic()
        elif self._random.randrange(100) < _DELETED_PERCENT:
            shelf = self._taken()
            self._kept.append(self._corpus.add(self._store.put, shelf.document.source))
            shelf.gone = time.monotonic()
        else:
            self._kept.append(self._corpus.add(self._store.put))

    def _taken(self) -> Shelf:
        shelf = self._kept.pop(self._random.randrange(len(self._kept)))
        shelf.leaving = time.monotonic()
        return shelf


def _phase(
    searchers: Sequence[Searcher], writer: Writer | None, going_on: Callable[[int], bool]
) -> list[str]:
    """Have each search in a thread of its own while that goes on; return what was raised."""
    over = threading.Event()

    def search(searcher: Searcher) -> None:
        done = 0
        while going_on(done):
            searcher.search()
            done += 1

    def change() -> None:
        while writer is not None and not over.is_set():
            writer.change()

    with ThreadPoolExecutor(len(searchers) + 1) as pool:
        changing = pool.submit(change)
        searching = [pool.submit(search, searcher) for searcher in searchers]
        wait(searching)
        over.set()
    errors = [future.exception() for future in (changing, *searching)]
    return [f"{type(error).__name__}: {error}" for error in errors if error is not None]


class Spoiled:
    """Gives the snapshots of a store with something wrong about them."""

    def __init__(self, store: Store, spoil: Callable[[Snapshot], Snapshot]) -> None:
        self._store = store
        self._spoil = spoil

    def snapshot(self) -> Snapshot:
        """Return the collection as it is not."""
        return self._spoil(self._store.snapshot())


def run(
    seconds: float = 60,
    *,
    passages: int = 20_000,
    threads: int = 8,
    phases: int = 6,
    searches: int | None = None,
    delta: int = 32,
    spoil: Callable[[Snapshot], Snapshot] | None = None,
) -> Loaded:
    """Search for some time, every second phase while a thread changes the collection.

    With `searches`, each thread searches so often a phase instead. `delta` rows make a segment, so
    that segments are merged all the time. What `spoil` does to the snapshots has to be found out.
    """
    merges: list[None] = []
    merged = FlatVectorIndex.merged

    def counted(index: FlatVectorIndex) -> FlatVectorIndex:
        merges.append(None)
        return merged(index)

    corpus = Corpus(passages + int(_ADDED_A_SECOND * seconds))
    with (
        scratch_folder() as folder,
        patch.object(vectors, "_MAX_DELTA", delta),
        patch.object(FlatVectorIndex, "merged", counted),
        closing(filled(folder, corpus, passages)) as store,
    ):
        writer = Writer(store, corpus, 1)
        searched = Spoiled(store, spoil) if spoil is not None else store
        idle, busy = _Tally(), _Tally()
        for phase in range(phases):
            loaded = phase % 2 == 1
            searchers = [Searcher(searched, corpus, 1000 * phase + number) for number in range(threads)]
            end = time.monotonic() + seconds / phases
            going_on = (lambda done, end=end: time.monotonic() < end) if searches is None else searches.__gt__
            errors = _phase(searchers, writer if loaded else None, going_on)
            (busy if loaded else idle).take(searchers, errors)
    return Loaded(
        passages=passages,
        threads=threads,
        idle_searches=len(idle.seconds),
        loaded_searches=len(busy.seconds),
        idle_p50=idle.percentile(50),
        idle_p95=idle.percentile(95),
        loaded_p50=busy.percentile(50),
        loaded_p95=busy.percentile(95),
        ratio=busy.percentile(95) / idle.percentile(95),
        changes=writer.changes,
        merges=len(merges),
        checked_rows=idle.rows + busy.rows,
        violations=(*idle.violations, *busy.violations),
    )


@dataclass(slots=True)
class _Tally:
    seconds: list[float] = field(default_factory=list)
    rows: int = 0
    violations: list[str] = field(default_factory=list)

    def take(self, searchers: Sequence[Searcher], errors: Sequence[str]) -> None:
        self.violations += errors
        for searcher in searchers:
            self.seconds += searcher.seconds
            self.rows += searcher.rows
            self.violations += searcher.violations

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.seconds, percent)) * 1000
