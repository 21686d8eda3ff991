"""Late answers of the generations that are being asked: the same question is worked out once.

An answer is kept beside the vectors of the snapshot that it was made from, weakly. A change of a
collection, be it a deletion, a replacement, a reindex or its end, publishes other vectors; with the last
request that still uses the old ones, all answers made from them are gone from the memory. So nothing of
a deleted text is kept by a question that was asked before, nor by one that was being answered meanwhile,
and neither an age nor a number could be taken for another collection's. In a process that only reads
the home, a change that another process makes does not move the snapshot; what is kept there must be
compared with the stored text before it is shown again, which `rag.answering` does in every process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from index.lexical import LexicalSnapshot
from index.snapshot import Snapshot
from index.vectors import FlatVectorIndex
from rag.types import Answer

# Of each collection, which at the default of ten passages an answer is some 5 MB.
KEPT_ANSWERS = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides an answer, beside the snapshot it is made from.

    The effective question, the bounds, and the ids of the documents asked, none where all are.
    """

    question: str
    top_k: int
    threshold: float
    documents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that was worked out just now, and whether it may be kept for who asks the same."""

    answer: Answer
    keep: bool


@dataclass(slots=True)
class _Generation:
    number: int
    space: str
    words: LexicalSnapshot
    answers: OrderedDict[Asked, Answer] = field(default_factory=OrderedDict)
    pending: dict[Asked, Future[Made | None]] = field(default_factory=dict)

    def is_of(self, snapshot: Snapshot) -> bool:
        return (
            self.number == snapshot.generation
            and self.space == snapshot.space.id
            # The words may have caught up with a change that the vectors had already.
            and self.words is snapshot.words
        )


class AnswerCache:
    """Keeps the `size` answers used last of each generation of a collection that is asked; thread-safe."""

    def __init__(self, size: int = KEPT_ANSWERS) -> None:
        self._size = size
        self._generations: WeakKeyDictionary[FlatVectorIndex, _Generation] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return sum(len(kept.answers) for kept in self._generations.values())

    def answer(self, snapshot: Snapshot, asked: Asked, make: Callable[[], Made]) -> tuple[Answer, bool]:
        """Return the answer to what is asked of a snapshot, and whether it was made before or elsewhere.

        `make` works one out. Where another thread is at the same already, its answer is waited for and
        taken if it may be kept. Raise what `make` raises.
        """
        with self._lock:
            kept = self._of(snapshot)
            known = kept.answers.get(asked)
            if known is not None:
                kept.answers.move_to_end(asked)
                return known, True
            pending = kept.pending.get(asked)
            mine: Future[Made | None] = Future()
            if pending is None:
                kept.pending[asked] = mine
        if pending is None:
            return self._made(kept, asked, mine, make), False
        # What kept the other from an answer may have passed: who waited tries for itself.
        if (made := pending.result()) is not None and made.keep:
            return made.answer, True
        return make().answer, False

    def discard(self, snapshot: Snapshot, asked: Asked) -> None:
        """Forget an answer."""
        with self._lock:
            self._of(snapshot).answers.pop(asked, None)

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._generations.clear()

    def _made(
        self, kept: _Generation, asked: Asked, mine: Future[Made | None], make: Callable[[], Made]
    ) -> Answer:
        made = None
        try:
            made = make()
        finally:
            with self._lock:
                kept.pending.pop(asked, None)
                if made is not None and made.keep:
                    kept.answers[asked] = made.answer
                    while len(kept.answers) > self._size:
                        kept.answers.popitem(last=False)
            # None, and not the error, whose stack would hold on to the snapshot.
            mine.set_result(made)
        return made.answer

    def _of(self, snapshot: Snapshot) -> _Generation:
        kept = self._generations.get(snapshot.vectors)
        if kept is None or not kept.is_of(snapshot):
            kept = _Generation(snapshot.generation, snapshot.space.id, snapshot.words)
            self._generations[snapshot.vectors] = kept
        return kept
