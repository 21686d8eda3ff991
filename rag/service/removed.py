"""Documents that were removed, as long as who removed them may want them back: in memory and nowhere else."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import structlog

from index.catalog import Catalog, embedding_key
from index.chunking import indexed_text
from index.embedding import Vectors
from index.errors import QuoteboundError, SpaceChanged
from index.home import Home
from index.store import Store
from index.types import Document, DocumentInfo, Passage
from rag.errors import AddedMeanwhile, UndoExpired

HELD_BYTES = 128 * 2**20
HELD_SECONDS = 3600.0
# Of a small object beside what it points to: a block, a span, a passage.
_OBJECT_BYTES = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is told of a removal: by its `id` the document can be put back, unless it is not `undoable`.

    `title` and `source` are those of the document, empty where its row was damaged.
    """

    id: str
    collection: str
    document_id: str
    title: str
    source: str
    undoable: bool


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that a document is in the space that served: its vectors, one a row, are of its passages."""

    document: Document
    passages: tuple[Passage, ...]
    vectors: Vectors
    space: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Held:
    owner: str
    collection: str
    whole: _Whole
    since: float


class Removed:
    """Removes documents from the collections of a home, and puts them back for who removed them; thread-safe.

    A removal is real once it returned: the document is in no file of the home and no search finds it.
    What it was is held for its `owner`, by whatever name is unguessable to others, until that is
    forgotten, for at most `seconds`, and only as long as all that is held has at most `size` bytes,
    estimated: the oldest goes first. `clock` tells seconds.
    """

    def __init__(
        self,
        home: Home,
        size: int = HELD_BYTES,
        seconds: float = HELD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home = home
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        # By receipt, in the order of the removals.
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def remove(self, collection: str, document_id: str, owner: str) -> Receipt:
        """Remove a document and return the receipt; raise what `Home.collection` and `Store.delete` raise.

        A document that cannot be held, since it alone is too large or damaged, is removed all the same.
        """
        store = self._home.collection(collection)
        with store.exclusively():
            title, source = _names(store.catalog, document_id)
            whole = self._taken(store, document_id)
            store.delete(document_id)
        receipt = Receipt(secrets.token_hex(16), collection, document_id, title, source, whole is not None)
        if whole is not None:
            with self._lock:
                self._held[receipt.id] = _Held(owner, collection, whole, self._clock())
                self._let_go()
        return receipt

    def restore(self, owner: str, receipt_id: str) -> DocumentInfo:
        """Put a document back and return what is stored; of its removal nothing is held any longer.

        Raise `UndoExpired` where nothing is held for this owner under that receipt, `AddedMeanwhile`
        where another version came from the same place, `SpaceChanged` where the collection went to
        another model, `CollectionNotFound` where it is gone, and what `Store.put` raises. After an
        error the document is held as before.
        """
        with self._lock:
            self._let_go()
            held = self._held.get(receipt_id)
        if held is None or held.owner != owner:
            raise UndoExpired("this can no longer be undone; add the file again")
        info = _put_back(self._home.collection(held.collection), held.whole)
        with self._lock:
            self._held.pop(receipt_id, None)
        return info

    def forget(self, owner: str) -> None:
        """Let go of all that is held for an owner, who left."""
        self._drop(lambda held: held.owner == owner)

    def forget_collection(self, collection: str) -> None:
        """Let go of all that was removed from a collection, which was deleted."""
        self._drop(lambda held: held.collection == collection)

    def expire(self) -> None:
        """Let go of what has been held for long enough."""
        with self._lock:
            self._let_go()

    def _drop(self, doomed: Callable[[_Held], bool]) -> None:
        with self._lock:
            for receipt_id in [name for name, held in self._held.items() if doomed(held)]:
                del self._held[receipt_id]

    def _let_go(self) -> None:
        total = sum(held.whole.bytes for held in self._held.values())
        last = self._clock() - self._seconds
        while self._held:
            oldest = next(iter(self._held.values()))
            if total <= self._size and oldest.since > last:
                return
            total -= oldest.whole.bytes
            self._held.popitem(last=False)

    def _taken(self, store: Store, document_id: str) -> _Whole | None:
        """Return all that a document is, None where it is too large, or something of it cannot be read."""
        try:
            whole = _whole(store, document_id)
        except (QuoteboundError, MemoryError) as error:
            _log.warning("removed for good", document=document_id, reason=type(error).__name__)
            return None
        return whole if whole is not None and whole.bytes <= self._size else None


def _names(catalog: Catalog, document_id: str) -> tuple[str, str]:
    try:
        info = catalog.document(document_id)
    except QuoteboundError:
        # Not there, as the deletion will tell, or damaged, which does not keep it from being deleted.
        return "", ""
    return info.title, info.source


def _whole(store: Store, document_id: str) -> _Whole | None:
    """Return all that a document is in the space that serves, None where a part of it is damaged."""
    catalog, space = store.catalog, store.space
    document = replace(catalog.whole(document_id), original=catalog.original(document_id))
    passages = tuple(passage for _, passage in catalog.passages_of(document_id, space.id))
    keys = [embedding_key(indexed_text(passage)) for passage in passages]
    known = catalog.known_vectors(space.id, keys)
    if len(passages) != catalog.document(document_id).passages or not known.keys() >= set(keys):
        return None
    rows = [known[key] for key in keys]
    vectors = np.stack(rows) if rows else np.empty((0, space.dimension), dtype=np.float32)
    return _Whole(document, passages, vectors, space.id, _bytes_of(document, passages, vectors))


def _bytes_of(document: Document, passages: tuple[Passage, ...], vectors: Vectors) -> int:
    """Return about how many bytes of memory the parts of a document take."""
    texts = [document.text, *(passage.text for passage in passages)]
    spans = sum(len(passage.sentences) for passage in passages)
    objects = len(document.blocks) + len(document.pages) + len(document.layouts) + len(passages) + spans
    return (
        sum(map(sys.getsizeof, texts))
        + vectors.nbytes
        + len(document.original or b"")
        + sum(len(layout.packed) for layout in document.layouts)
        + objects * _OBJECT_BYTES
    )


def _put_back(store: Store, whole: _Whole) -> DocumentInfo:
    document = whole.document
    with store.exclusively():
        newer = store.catalog.find(document.origin)
        if newer is not None and newer.id != document.id:
            raise AddedMeanwhile(
                f"another version of {document.source} was added meanwhile and would be replaced; "
                "delete that one first to have this one back"
            )
        try:
            return store.put(document, whole.passages, whole.vectors, whole.space)
        except SpaceChanged as error:
            raise SpaceChanged(
                f"{document.source} cannot be put back: the collection went over to the model "
                f"{store.space.name} meanwhile; add the file again"
            ) from error
