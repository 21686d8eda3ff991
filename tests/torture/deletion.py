"""Deletes one large document: how long that takes beside adding it, and what is left of it (nothing)."""

from __future__ import annotations

import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from doubles import HashingEmbedder

from index.backup import back_up
from index.chunking import Chunker
from index.home import COLLECTIONS_FOLDER, DEFAULT_COLLECTION
from index.running import JobRunner
from index.sql.catalog import SqlCatalog
from index.store import CATALOG_FILE, Store
from index.terms import analyze
from rag.settings import Settings
from rag.wiring import Application
from torture.corpus import Shelf
from torture.scratch import scratch_folder

_CHUNK_TOKENS = 16
_MAX_MB = 256
_CANARIES = ("Quagmirelda", "zyxomma", "Brontescule", "vellicating")
_SOURCE = "zymurgist-canary-report.txt"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one deletion took, in seconds, with so many other passages there, and what it left behind."""

    others: int
    passages: int
    add_seconds: float
    delete_seconds: float
    transaction_seconds: float
    violations: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The time to delete over the time to add."""
        return self.delete_seconds / self.add_seconds

    @property
    def beyond_milliseconds(self) -> float:
        """What the deletion took beyond its transaction."""
        return (self.delete_seconds - self.transaction_seconds) * 1000


def text_of(passages: int, seed: int = 1) -> str:
    """Return a text of about so many passages, with canaries in it from place to place."""
    random = Random(seed)
    vocabulary = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{n}" for n in range(3000)]
    lines = []
    for number in range(passages):
        words = random.choices(vocabulary, k=7)
        canary = f" near {_CANARIES[number // 50 % len(_CANARIES)]}" if number % 50 == 0 else ""
        lines.append(f"Station {number}{canary} reported {' '.join(words)} in order.")
    return "\n".join(lines)


def run(passages: int = 100_000, others: int = 100_000) -> Deleted:
    """Add a document to a collection of so many other passages, delete it, and look for it everywhere."""
    with scratch_folder() as scratch:
        embedder = HashingEmbedder()
        chunker = Chunker(embedder.window, _CHUNK_TOKENS)
        settings = Settings(
            home=scratch / "home", chunk_tokens=_CHUNK_TOKENS, max_file_mb=_MAX_MB, threshold=0.0
        )
        folder = settings.home / COLLECTIONS_FOLDER / DEFAULT_COLLECTION
        _fill(folder, chunker, embedder, others)
        data = text_of(passages).encode()
        with Application(settings, writable=True, embedder=embedder) as application:
            ingestor = application.ingestor()
            start = time.monotonic()
            report = JobRunner.over(ingestor).add(data, _SOURCE)
            added = time.monotonic() - start
            if report.error is not None:
                raise report.error
            store = application.home.collection()
            document_id = report.files[0].document_id or ""
            _wait_for_merges(store)
            # The reader has read it, and the words that it cites are looked for afterwards.
            found = [hit for canary in _CANARIES for hit in _shown(application, canary)]
            problems = [] if found else ["the canaries were not found while they were there"]
            transaction = _timed(store)
            start = time.monotonic()
            store.delete(document_id)
            deleted = time.monotonic() - start
            problems += [f"{canary} is shown" for canary in _CANARIES if _shown(application, canary)]
            problems += [
                f"{document_id} is listed" for info in store.catalog.documents() if info.id == document_id
            ]
            problems += list(_left_in(folder, "the folder"))
            _wait_for_merges(store)
            back_up(settings.home, scratch / "backup")
            problems += list(_left_in(_unpacked(scratch / "backup", scratch / "unpacked"), "a backup"))
        problems += list(_left_in(folder, "the closed folder"))
        with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
            problems += [
                f"{canary} is shown after a restart" for canary in _CANARIES if _shown(application, canary)
            ]
        return Deleted(others, report.files[0].passages, added, deleted, sum(transaction), tuple(problems))


def _fill(folder: Path, chunker: Chunker, embedder: HashingEmbedder, others: int) -> None:
    """Make a collection of other passages by way of its catalog, which is quick."""
    space = embedder.identity.space(chunker.fingerprint)
    Store(folder, space, writable=True).close()
    catalog = SqlCatalog(folder / CATALOG_FILE, writable=True)
    catalog.spaces.activate(space)
    random = np.random.default_rng(1)
    for first in range(0, others, 1000):
        shelf = Shelf.of(f"{first}.txt", range(first, min(first + 1000, others)))
        made = random.standard_normal((len(shelf.passages), embedder.identity.dimension), dtype=np.float32)
        if first == 0:
            # The model has to make these again before it is believed.
            made = embedder.embed_passages([passage.text for passage in shelf.passages])
        catalog.put(shelf.document, shelf.passages, made, space.id)
    catalog.close()


def _timed(store: Store) -> list[float]:
    """Have the catalog note how long its deletions take."""
    delete, noted = store.catalog.delete, []

    def timed(*arguments: object) -> object:
        start = time.monotonic()
        try:
            return delete(*arguments)  # type: ignore[arg-type]
        finally:
            noted.append(time.monotonic() - start)

    store.catalog.delete = timed  # type: ignore[method-assign,assignment]
    return noted


def _wait_for_merges(store: Store) -> None:
    while (merging := store._upkeep._merging) is not None and merging.is_alive():
        merging.join()


def _shown(application: Application, canary: str) -> list[str]:
    """Return what a search and an answer show of a word: passages of the document, and quotes."""
    question = f"What was reported near {canary}?"
    answer = application.assistant.ask(question)
    passages = [hit.passage.text for hit in (*application.assistant.search(canary).hits, *answer.hits)]
    texts = [*passages, *(citation.quote.text for citation in answer.citations), answer.text]
    sources = [citation.source for citation in answer.citations]
    return [text for text in (*texts, *sources) if canary.lower() in text.lower() or text == _SOURCE]


def _left_in(folder: Path, name: str) -> Iterator[str]:
    """Yield where a canary stands in a folder's files, in any case, whole or as its stem."""
    stems = {stem for canary in _CANARIES for stem in analyze(canary, "en")}
    wanted = {word.lower().encode() for word in (*_CANARIES, *stems)}
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes().lower()
            yield from (f"{word.decode()} is in {file.name} of {name}" for word in wanted if word in content)


def _unpacked(backup: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(backup) as archive:
        archive.extractall(folder, filter="data")
    return folder
