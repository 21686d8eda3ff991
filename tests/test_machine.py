"""A store under any order of changes, searches, restarts and crashes holds what a plain dictionary holds."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from doubles import HashingEmbedder, WordWindow, document
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from index import vector_upkeep, vectors
from index.chunking import Chunker, indexed_text
from index.doctor import examine
from index.errors import DocumentNotFound
from index.reindex import Reindexer
from index.snapshot import Snapshot
from index.store import Store
from index.types import Document

CHUNKER = Chunker(WordWindow(), target_tokens=16)
MODELS = {name: HashingEmbedder(dimension, name) for name, dimension in (("hashing", 64), ("other", 32))}
SPACES = {name: model.identity.space(CHUNKER.fingerprint) for name, model in MODELS.items()}
ALL = 10_000
NAMES = st.sampled_from([f"ledger-{number}.txt" for number in range(6)])


def text_of(number: int, lines: int) -> str:
    return "\n".join(
        f"The ledger zq{number}p{line} tells how the river rose behind the dam." for line in range(lines)
    )


class Shelves(RuleBasedStateMachine):
    """Documents by name in a store, and the same in a dictionary."""

    snapshots = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.patches = [patch.object(vectors, "_MAX_DELTA", 4)]
        self.patches += [
            patch.object(vector_upkeep, name, value)
            for name, value in (("FILE_PAST_ROWS", 10), ("_REPLAYED_ROWS", 5))
        ]
        for each in self.patches:
            each.start()
        self.starts = 0
        self.abandoned: list[Store] = []
        self.expected: dict[str, Document] = {}
        self.deleted: list[Document] = []
        self.written = 0
        self.generation = 0
        self.model = "hashing"
        self.folder = Path(self.scratch.name) / "0"
        self.store = self.opened()

    def opened(self) -> Store:
        return Store(self.folder, SPACES["hashing"], writable=True)

    @rule(name=NAMES, lines=st.integers(1, 5))
    def put(self, name: str, lines: int) -> None:
        """Add a document, or replace the one of that name."""
        self.written += 1
        made = document(text_of(self.written, lines), name)
        passages = CHUNKER.chunk(made)
        embedded = MODELS[self.model].embed_passages([indexed_text(passage) for passage in passages])
        self.store.put(made, passages, embedded, SPACES[self.model].id)
        if name in self.expected:
            self.deleted.append(self.expected[name])
        self.expected[name] = made

    @rule(name=NAMES)
    def put_again(self, name: str) -> None:
        """Add a document that is there."""
        if name in self.expected:
            made = self.expected[name]
            passages = CHUNKER.chunk(made)
            embedded = MODELS[self.model].embed_passages([indexed_text(passage) for passage in passages])
            self.store.put(made, passages, embedded)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.expected:
            gone = self.expected.pop(name)
            self.store.delete(gone.id)
            self.deleted.append(gone)
        else:
            made = document(text_of(0, 1), name)
            with suppress(DocumentNotFound):
                self.store.delete(made.id)
                raise AssertionError("a document was deleted that is not there")

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.starts += 1
        self.store = self.opened()

    @rule()
    def crash(self) -> None:
        """Go on from a copy of the files as they are while the store is open, and never close it."""
        self.settle()
        self.starts += 1
        copy = Path(self.scratch.name) / str(self.starts)
        shutil.copytree(self.folder, copy)
        self.abandoned.append(self.store)
        self.folder = copy
        self.store = self.opened()

    @rule()
    def reindex(self) -> None:
        self.model = "other" if self.model == "hashing" else "hashing"
        Reindexer(self.store, CHUNKER, MODELS[self.model]).run()

    @rule()
    def prune(self) -> None:
        """Drop the space that does not serve."""
        for stored in self.store.catalog.spaces.all():
            if not stored.active:
                self.store.drop_space(stored.space.id)

    @rule(target=snapshots)
    def look(self) -> tuple[Snapshot, dict[str, Document], int]:
        """Take a snapshot, to be searched when other things have been done."""
        return self.store.snapshot(), dict(self.expected), self.starts

    @rule(taken=snapshots)
    def search_late(self, taken: tuple[Snapshot, dict[str, Document], int]) -> None:
        """Search a snapshot taken before: it shows of what it had what is still there, verbatim."""
        snapshot, had, start = taken
        if start != self.starts:
            return  # that store is closed
        query = MODELS[snapshot.space.name].embed_query("ledger")
        rows = {scored.row for scored in (*snapshot.dense(query, ALL), *snapshot.lexical("ledger", ALL))}
        there = {made.id for made in had.values()}
        for located in snapshot.passages(sorted(rows)).values():
            passage = located.passage
            assert passage.document_id in there
            assert passage.document_id in {made.id for made in self.expected.values()}

    @invariant()
    def holds_the_documents(self) -> None:
        infos = {info.source: info.id for info in self.store.catalog.documents()}
        assert infos == {name: made.id for name, made in self.expected.items()}
        for made in self.expected.values():
            assert self.store.catalog.text(made.id) == made.text

    @invariant()
    def finds_every_passage_once_and_no_other(self) -> None:
        snapshot = self.store.snapshot()
        model = MODELS[self.model]
        assert snapshot.space == SPACES[self.model]
        passages = {passage.id: passage for made in self.expected.values() for passage in CHUNKER.chunk(made)}
        dense = [scored.row for scored in snapshot.dense(model.embed_query("ledger"), ALL)]
        lexical = [scored.row for scored in snapshot.lexical("ledger", ALL)]
        located = snapshot.passages(dense)
        assert len(dense) == len(lexical) == len(snapshot) == len(passages)
        assert set(dense) == set(lexical) == set(located)
        assert {entry.passage.id: entry.passage for entry in located.values()} == passages
        for row, entry in located.items():
            vector = model.embed_passages([indexed_text(entry.passage)])[0]
            assert abs(snapshot.cosines(vector, [row])[0] - 1) < 1e-4

    @invariant()
    def finds_nothing_that_was_deleted(self) -> None:
        snapshot = self.store.snapshot()
        for made in self.deleted[-5:]:
            number = made.text.split("zq")[1].split("p")[0]
            assert snapshot.lexical(f"zq{number}p0", 1) == []

    @invariant()
    def never_goes_back(self) -> None:
        generation = self.store.snapshot().generation
        assert generation >= self.generation
        self.generation = generation

    def settle(self) -> None:
        """Wait until nothing is merged: a copy of files that are being written is what a power cut leaves."""
        if (merging := self.store._upkeep._merging) is not None:
            merging.join()

    def teardown(self) -> None:
        self.store.close()
        findings = examine(self.folder)
        for store in self.abandoned:
            store.close()
        for each in self.patches:
            each.stop()
        self.scratch.cleanup()
        assert findings == []


Shelves.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)
test_a_store_holds_what_a_dictionary_holds = Shelves.TestCase
