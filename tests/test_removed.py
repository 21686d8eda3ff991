"""Documents that are removed and put back: gone at once, as they were afterwards, and in memory only."""

import asyncio
import gc
import io
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeVar

import pytest
from doubles import HashingEmbedder, document

from index.chunking import Chunker
from index.embedding import Vectors
from index.errors import CollectionNotFound, DamagedStore, DocumentNotFound, SpaceChanged
from index.home import Home
from index.passage_vectors import passage_vectors
from index.reindex import Reindexer
from index.sources import content_sha256
from index.store import Store
from index.types import Block, BlockKind, Document, DocumentInfo, Hit, Page, PageLayout, Word
from rag.errors import AddedMeanwhile, UndoExpired
from rag.retrieval import Retriever
from rag.service.backend import Backend
from rag.service.removed import Removed
from rag.settings import Settings
from rag.wiring import Application

Made = TypeVar("Made")

TEXT = (
    "Works at the lock\n\nThe lock gate of Orwen was repaired in April. "
    "The keeper paid for the oak himself.\n\n"
    "Barges wait for high water at the eastern quay. The toll is nine crowns."
)
MARK = "The keeper paid for the oak himself."


class Clock:
    """Seconds that pass where a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def paged(source: str = "lock.pdf") -> Document:
    """Return a document with all that one can have."""
    heading = TEXT.index("\n\n")
    second = TEXT.index("Barges")
    blocks = [
        Block(BlockKind.HEADING, 0, heading, 1),
        Block(BlockKind.PARAGRAPH, heading + 2, second - 2),
        Block(BlockKind.PARAGRAPH, second, len(TEXT)),
    ]
    plain = document(TEXT, source, blocks=blocks)
    layout = PageLayout.of(2, 300.0, 400.0, [Word(second, second + 6, 10.0, 20.0, 60.5, 32.0)])
    return replace(
        plain,
        title="The lock of Orwen",
        media_type="application/pdf",
        pages=(Page(1, 0, second - 2), Page(2, second, len(TEXT))),
        layouts=(layout,),
        metadata={"author": "R. Tarn"},
        content_sha256=content_sha256(b"%PDF-1.7"),
        original=b"%PDF-1.7",
    )


class Shelf:
    """A collection with what adds documents to it, and the removals from it."""

    def __init__(self, home: Home, chunker: Chunker, embedder: HashingEmbedder, size: int = 2**20) -> None:
        self.home = home
        self.store: Store = home.collection(create=True)
        self.clock = Clock()
        self.removed = Removed(home, size, 60.0, self.clock)
        self._chunker = chunker
        self._embedder = embedder

    def add(self, added: Document) -> DocumentInfo:
        passages = self._chunker.chunk(added)
        vectors = passage_vectors(self.store.catalog, self._embedder, self.store.space, passages)
        return self.store.put(added, passages, vectors)

    def remove(self, document_id: str, owner: str = "ada") -> str:
        return self.removed.remove("default", document_id, owner).id

    def found(self, query: str = "who paid for the oak") -> list[Hit]:
        return list(Retriever(self._embedder).search(self.store.snapshot(), query, 5).hits)

    def vectors(self, document_id: str) -> list[Vectors]:
        catalog, space = self.store.catalog, self.store.space
        rows = {row for row, _ in catalog.passages_of(document_id)}
        return [
            vector.tolist()
            for numbers, made in catalog.scan_vectors(space)
            for row, vector in zip(numbers, made, strict=True)
            if row in rows
        ]


@pytest.fixture
def shelf(home: Home, chunker: Chunker, embedder: HashingEmbedder) -> Shelf:
    return Shelf(home, chunker, embedder)


def test_a_removed_document_is_gone_at_once(shelf: Shelf) -> None:
    info = shelf.add(paged())
    receipt = shelf.removed.remove("default", info.id, "ada")
    assert (receipt.title, receipt.source, receipt.undoable) == ("The lock of Orwen", "lock.pdf", True)
    assert shelf.found() == []
    with pytest.raises(DocumentNotFound):
        shelf.store.catalog.text(info.id)


def test_what_was_removed_is_in_no_file_of_the_home(shelf: Shelf, tmp_path: Path) -> None:
    info = shelf.add(paged())
    shelf.remove(info.id)
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files
    assert not [path.name for path in files if b"paid for the oak" in path.read_bytes()]


def test_a_document_is_put_back_as_it_was(shelf: Shelf) -> None:
    info = shelf.add(paged())
    whole, original = shelf.store.catalog.whole(info.id), shelf.store.catalog.original(info.id)
    passages = [passage for _, passage in shelf.store.catalog.passages_of(info.id)]
    vectors = shelf.vectors(info.id)
    restored = shelf.removed.restore("ada", shelf.remove(info.id))
    assert replace(restored, added=info.added) == info
    assert shelf.store.catalog.whole(info.id) == whole
    assert [passage for _, passage in shelf.store.catalog.passages_of(info.id)] == passages
    assert shelf.vectors(info.id) == vectors
    assert shelf.store.catalog.original(info.id) == original == b"%PDF-1.7"
    assert whole.layouts == paged().layouts
    assert whole.pages == paged().pages


def test_a_document_is_found_as_before_once_it_is_back(shelf: Shelf) -> None:
    shelf.add(document("Rain fell on the oak by the mill.", "weather.txt"))
    info = shelf.add(paged())
    before = shelf.found()
    receipt = shelf.remove(info.id)
    shelf.add(document("The market opens at noon.", "market.txt"))
    shelf.store.delete(shelf.add(document("The market is closed.", "market.txt")).id)
    shelf.removed.restore("ada", receipt)
    assert before[0].passage.document_id == info.id
    assert shelf.found() == before


def test_nothing_is_embedded_to_put_a_document_back(shelf: Shelf, embedder: HashingEmbedder) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    embedder.embedded.clear()
    shelf.removed.restore("ada", receipt)
    assert embedder.embedded == []


def test_a_receipt_is_good_once(shelf: Shelf) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    shelf.removed.restore("ada", receipt)
    with pytest.raises(UndoExpired, match="add the file again"):
        shelf.removed.restore("ada", receipt)


def test_a_receipt_is_worth_nothing_to_others(shelf: Shelf) -> None:
    info = shelf.add(paged())
    receipt = shelf.remove(info.id)
    with pytest.raises(UndoExpired):
        shelf.removed.restore("eve", receipt)
    assert shelf.found() == []
    assert shelf.removed.restore("ada", receipt).id == info.id


def test_what_was_removed_is_let_go_of_in_time(shelf: Shelf) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    shelf.clock.now += 60
    shelf.removed.expire()
    assert MARK not in reachable_text(shelf.removed)
    with pytest.raises(UndoExpired):
        shelf.removed.restore("ada", receipt)


def test_a_receipt_that_is_too_old_is_not_taken_before_it_is_cleared_away(shelf: Shelf) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    shelf.clock.now += 60
    with pytest.raises(UndoExpired):
        shelf.removed.restore("ada", receipt)


def test_the_oldest_removal_goes_first_where_there_is_no_more_room(
    home: Home, chunker: Chunker, embedder: HashingEmbedder
) -> None:
    texts = [f"Boat {number} sails. " * 100 for number in range(3)]
    ample = Shelf(home, chunker, embedder)
    ample.remove(ample.add(document(texts[0], "0.txt")).id)
    shelf = Shelf(home, chunker, embedder, size=held_bytes(ample.removed) * 5 // 2)
    receipts = [
        shelf.remove(shelf.add(document(text, f"{number}.txt")).id, owner=f"visitor {number}")
        for number, text in enumerate(texts)
    ]
    with pytest.raises(UndoExpired):
        shelf.removed.restore("visitor 0", receipts[0])
    for number in (1, 2):
        shelf.removed.restore(f"visitor {number}", receipts[number])


def test_a_document_larger_than_all_room_is_removed_and_told_so(
    home: Home, chunker: Chunker, embedder: HashingEmbedder
) -> None:
    shelf = Shelf(home, chunker, embedder, size=1000)
    small = shelf.add(document("The ferry sails at six.", "ferry.txt"))
    large = shelf.add(document("The barge waits for water. " * 200, "barge.txt"))
    kept = shelf.remove(small.id)
    receipt = shelf.removed.remove("default", large.id, "ada")
    assert not receipt.undoable
    assert shelf.store.catalog.documents() == []
    with pytest.raises(UndoExpired):
        shelf.removed.restore("ada", receipt.id)
    assert shelf.removed.restore("ada", kept).id == small.id


def test_a_document_that_cannot_be_read_is_removed_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = shelf.add(paged())

    def damaged(*_: object) -> Document:
        raise DamagedStore("the text is damaged")

    monkeypatch.setattr(shelf.store.catalog, "whole", damaged)
    assert not shelf.removed.remove("default", info.id, "ada").undoable
    assert shelf.store.catalog.documents() == []


def test_a_document_of_which_a_vector_is_damaged_is_not_put_back_in_part(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = shelf.add(paged())
    monkeypatch.setattr(shelf.store.catalog, "known_vectors", lambda *_: {})
    assert not shelf.removed.remove("default", info.id, "ada").undoable


def test_the_bytes_of_a_file_count_as_well(home: Home, chunker: Chunker, embedder: HashingEmbedder) -> None:
    shelf = Shelf(home, chunker, embedder, size=20_000)
    file = b"%PDF-1.7" * 2500
    info = shelf.add(replace(paged(), original=file, content_sha256=content_sha256(file)))
    assert not shelf.removed.remove("default", info.id, "ada").undoable


def test_what_is_not_there_cannot_be_removed(shelf: Shelf) -> None:
    with pytest.raises(DocumentNotFound):
        shelf.removed.remove("default", "0" * 32, "ada")
    with pytest.raises(CollectionNotFound):
        shelf.removed.remove("nowhere", "0" * 32, "ada")


def test_a_newer_version_is_not_replaced_by_what_is_put_back(shelf: Shelf) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    newer = shelf.add(document("The lock was filled in.", "lock.pdf"))
    with pytest.raises(AddedMeanwhile, match=r"lock\.pdf"):
        shelf.removed.restore("ada", receipt)
    assert [info.id for info in shelf.store.catalog.documents()] == [newer.id]
    shelf.store.delete(newer.id)
    assert shelf.removed.restore("ada", receipt).source == "lock.pdf"


def test_a_document_that_was_added_again_meanwhile_is_simply_there(shelf: Shelf) -> None:
    info = shelf.add(paged())
    receipt = shelf.remove(info.id)
    shelf.add(paged())
    assert shelf.removed.restore("ada", receipt).id == info.id
    assert len(shelf.store.catalog.documents()) == 1


def test_after_the_collection_went_to_another_model_a_document_is_not_put_back(
    shelf: Shelf, home: Home
) -> None:
    shelf.add(document("The ferry sails at six.", "ferry.txt"))
    receipt = shelf.remove(shelf.add(paged()).id)
    other = HashingEmbedder(name="other")
    Reindexer(shelf.store, Chunker(other.window, 48), other).run()
    with pytest.raises(SpaceChanged, match=r"lock\.pdf.*add the file again"):
        shelf.removed.restore("ada", receipt)


def test_into_a_collection_that_is_gone_nothing_is_put_back(shelf: Shelf, home: Home) -> None:
    receipt = shelf.remove(shelf.add(paged()).id)
    home.delete("default")
    with pytest.raises(CollectionNotFound):
        shelf.removed.restore("ada", receipt)


def test_of_who_left_nothing_is_held(shelf: Shelf) -> None:
    shelf.remove(shelf.add(document(f"{MARK} It was in May.", "mine.txt")).id)
    receipt = shelf.remove(shelf.add(document("The mill stands still.", "theirs.txt")).id, "bob")
    assert MARK in reachable_text(shelf.removed)
    shelf.removed.forget("ada")
    assert MARK not in reachable_text(shelf.removed)
    assert shelf.removed.restore("bob", receipt).source == "theirs.txt"


def test_of_what_was_put_back_nothing_is_held(shelf: Shelf) -> None:
    shelf.removed.restore("ada", shelf.remove(shelf.add(paged()).id))
    assert MARK not in reachable_text(shelf.removed)


def served(settings: Settings, use: Callable[[Backend], Awaitable[Made]]) -> Made:
    """Return what comes of using a backend over a home with one document."""

    async def run(application: Application) -> Made:
        backend = Backend(application)
        await backend.start()
        try:
            await backend.desk.end_of(await backend.desk.upload(io.BytesIO(TEXT.encode()), "lock.txt"))
            return await use(backend)
        finally:
            await backend.stop()

    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        return asyncio.run(run(application))


def test_the_service_removes_and_puts_back(settings: Settings) -> None:
    async def use(backend: Backend) -> list[list[str]]:
        (info,) = await backend.documents()
        before = await backend.search("the oak")
        receipt = await backend.remove(info.id, "default", "ada")
        assert (await backend.search("the oak")).hits == ()
        restored = await backend.restore("ada", receipt.id)
        after = await backend.search("the oak")
        assert restored.id == info.id
        return [[hit.passage.id for hit in found.hits] for found in (before, after)]

    before, after = served(settings, use)
    assert before == after != []


@pytest.mark.parametrize("leaving", ["visitor", "collection"])
def test_the_service_lets_go_with_the_visitor_and_with_the_collection(
    settings: Settings, leaving: str
) -> None:
    async def use(backend: Backend) -> str:
        (info,) = await backend.documents()
        receipt = await backend.remove(info.id, "default", "ada")
        if leaving == "visitor":
            await backend.forget("ada")
        else:
            await backend.delete_collection("default")
        with pytest.raises(UndoExpired):
            await backend.restore("ada", receipt.id)
        return reachable_text(backend._removed)

    assert MARK not in served(settings, use)


def held_bytes(removed: Removed) -> int:
    return sum(held.whole.bytes for held in removed._held.values())


def reachable_text(root: object) -> str:
    """Return all text that can be reached from what an object holds, home and code left out."""
    seen: set[int] = set()
    waiting = [root]
    texts: list[str] = []

    def held(of: object) -> Iterator[object]:
        for found in gc.get_referents(of):
            if not isinstance(found, type | ModuleType | FunctionType | Home):
                yield found

    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, str):
            texts.append(current)
        waiting += held(current)
    return "\n".join(texts)
