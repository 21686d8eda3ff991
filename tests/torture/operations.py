"""What is done to a store while faults strike: each operation with what is stored before it and after.

To add one, write a function and an entry in `OPERATIONS`; nothing else knows their names.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy.random  # noqa: F401 - what builds a large segment: a child must not import it while calls fail
from doubles import HashingEmbedder, WordWindow, document

from index import merging, vector_upkeep, vectors
from index.chunking import Chunker, indexed_text
from index.errors import DocumentNotFound
from index.originals import keep_original
from index.reindex import Reindexer
from index.store import Store
from index.types import Document, Passage

# Source to text: all that an oracle has to know of documents.
Texts = Mapping[str, str]

_CHUNKER = Chunker(WordWindow(), target_tokens=16)
_EMBEDDER = HashingEmbedder()
_OTHER_EMBEDDER = HashingEmbedder(48, "other")
SPACE, OTHER_SPACE = (made.identity.space(_CHUNKER.fingerprint) for made in (_EMBEDDER, _OTHER_EMBEDDER))
EMBEDDERS = {SPACE.id: _EMBEDDER, OTHER_SPACE.id: _OTHER_EMBEDDER}
# In every passage, so that one search by words lists what is searchable.
COMMON = "ledger"
_OWN = re.compile(r"zq\w+")
# So many commits that tantivy merges segments in the background at the next one.
_SHELVED = 8


@dataclass(frozen=True, slots=True)
class State:
    """What a store should hold: its documents, and the embedding space that serves.

    Each with the bytes of its file, but for the document named by `bare`.
    """

    texts: Texts
    space: str = SPACE.id
    bare: str = ""

    def with_text(self, source: str, content: str) -> State:
        """Return this with one document added or replaced."""
        return replace(self, texts={**self.texts, source: content})


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of a store, and the two states it may be found in.

    `prepare` fills an empty folder. `perform` is what the faults strike; it waits for what it starts in
    the background, so that they strike that, too. It is called again to see that a retry converges; an
    error of `done_already` then says that there was nothing left to do. `open` is used for the first
    start and for those after the fault. With `from_the_start`, faults strike the first start as well.
    """

    name: str
    before: State
    after: State
    perform: Callable[[Store], None]
    prepare: Callable[[Path], None]
    open: Callable[[Path], Store]
    done_already: tuple[type[Exception], ...] = ()
    from_the_start: bool = False


def text(name: str, passages: int) -> str:
    """Return a text of some passages, each with a word that no other has."""
    return "\n".join(
        f"The {COMMON} zq{name}{n} tells how the river rose behind the dam in {1900 + n}."
        for n in range(passages)
    )


def own_words(texts: str) -> list[str]:
    """Return the words of a text by which its passages, and no others, are found."""
    return _OWN.findall(texts)


def opened(folder: Path) -> Store:
    """Return the store in a folder, as a service opens it."""
    return Store(folder, SPACE, writable=True)


def put(store: Store, source: str, content: str, *, bare: bool = False) -> Document:
    """Store a text under a name, in the space that serves; as of a file that has nothing else in it."""
    made = replace(document(content, source), original=None if bare else content.encode())
    passages = _CHUNKER.chunk(made)
    embedder = EMBEDDERS[store.space.id]
    store.put(made, passages, embedder.embed_passages([indexed_text(passage) for passage in passages]))
    return made


def reindex(store: Store, space: str = OTHER_SPACE.id) -> None:
    """Take a store over to a space."""
    Reindexer(store, _CHUNKER, EMBEDDERS[space]).run()


def passages_of(source: str, content: str) -> list[Passage]:
    """Return the passages that a text is stored as."""
    return _CHUNKER.chunk(document(content, source))


def _shelve(state: State, open_store: Callable[[Path], Store] = opened) -> Callable[[Path], None]:
    """Return a `prepare` that stores texts one after another."""

    def prepare(folder: Path) -> None:
        store = open_store(folder)
        for source, content in state.texts.items():
            put(store, source, content, bare=source == state.bare)
            _wait_for_merges()
        store.close()

    return prepare


def putting(source: str, content: str) -> Callable[[Store], None]:
    """Return the change that stores a text."""

    def perform(store: Store) -> None:
        put(store, source, content)
        _wait_for_merges()

    return perform


def deletion(source: str, content: str) -> Callable[[Store], None]:
    """Return the change that deletes a text."""
    document_id = document(content, source).id
    return lambda store: store.delete(document_id)


def keeping(source: str, content: str) -> Callable[[Store], None]:
    """Return the change that stores the bytes of a stored document's file."""
    document_id = document(content, source).id
    return lambda store: keep_original(store, document_id, content.encode())


def _wait_for_merges() -> None:
    for thread in threading.enumerate():
        if thread.name == "merging":
            thread.join()


def _opened_merging(folder: Path) -> Store:
    """Open a store that merges a few vectors as it would many, and keeps them in a file."""
    vectors._MAX_DELTA = 2
    vector_upkeep.FILE_PAST_ROWS = 4
    merging.LARGE_ROWS = 3
    vector_upkeep._REPLAYED_ROWS = 2
    return opened(folder)


_NEW = ("new.txt", text("new", 3))
_REVISED = ("shelf-2.txt", text("revised", 4))
_GONE = "shelf-5.txt"
_SHELF = State({f"shelf-{n}.txt": text(f"shelf{chr(97 + n)}", 2) for n in range(_SHELVED)})
_WITHOUT_FILE = replace(_SHELF, bare=_GONE)
_WITHOUT_GONE = State({source: content for source, content in _SHELF.texts.items() if source != _GONE})
# Every document is cut and embedded in transactions of its own.
_PAIR = State({"left.txt": text("left", 1), "right.txt": text("right", 2)})

_ADD = Operation(
    name="add",
    before=_SHELF,
    after=_SHELF.with_text(*_NEW),
    perform=putting(*_NEW),
    prepare=_shelve(_SHELF),
    open=opened,
)
OPERATIONS: tuple[Operation, ...] = (
    replace(
        _ADD,
        name="create",
        before=State({}),
        after=State({}).with_text(*_NEW),
        prepare=lambda _: None,
        from_the_start=True,
    ),
    _ADD,
    replace(_ADD, name="replace", after=_SHELF.with_text(*_REVISED), perform=putting(*_REVISED)),
    replace(
        _ADD,
        name="delete",
        after=_WITHOUT_GONE,
        perform=deletion(_GONE, _SHELF.texts[_GONE]),
        done_already=(DocumentNotFound,),
    ),
    replace(
        _ADD,
        name="keep the file",
        before=_WITHOUT_FILE,
        after=_SHELF,
        perform=keeping(_GONE, _SHELF.texts[_GONE]),
        prepare=_shelve(_WITHOUT_FILE),
    ),
    # The document that is one too many: the vectors are merged, and their file is written anew.
    replace(_ADD, name="merge", prepare=_shelve(_SHELF, _opened_merging), open=_opened_merging),
    replace(
        _ADD,
        name="reindex",
        before=_PAIR,
        after=State(_PAIR.texts, OTHER_SPACE.id),
        perform=reindex,
        prepare=_shelve(_PAIR),
    ),
)


class _Deferring(Store):
    """A store that promises and does not do: what is put is written when it is closed."""

    _promised: Callable[[], object] | None = None

    def put(self, *given: Any, **named: Any) -> Any:
        self._promised = partial(super().put, *given, **named)

    def close(self) -> None:
        if self._promised is not None:
            self._promised()
        super().close()


# Stores that lie, by which it is shown that the sweep finds lies.
CONTROLS: tuple[Operation, ...] = (
    replace(
        _ADD,
        name="acknowledged before it is written",
        open=lambda folder: _Deferring(folder, SPACE, writable=True),
    ),
)


def named(name: str) -> Operation:
    """Return the operation or control of a name; raise `KeyError`."""
    return {operation.name: operation for operation in (*OPERATIONS, *CONTROLS)}[name]
