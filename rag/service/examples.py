"""Example questions of each collection, worked out while nobody asks anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import structlog

from index.catalog import Catalog
from index.errors import QuoteboundError
from index.snapshot import Snapshot
from rag.errors import Overloaded
from rag.examples import Candidate, Choosing, candidates_of, sampled
from rag.service.work import Work
from rag.types import Answer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    generation: int
    questions: tuple[str, ...]


class Examples:
    """Works out what can be asked of a collection, once for each generation of it, one after another.

    `ask` is called with a question and a collection, one at a time, in a thread of `asking`, and only while
    `is_idle` says that nobody else asks; otherwise what was begun is given up, and begun again when examples
    are wanted next. All of it belongs to the event loop.
    """

    def __init__(
        self,
        ask: Callable[[str, str], Answer],
        asking: Work,
        reading: Work,
        is_idle: Callable[[], bool],
    ) -> None:
        self._ask = ask
        self._asking = asking
        self._reading = reading
        self._is_idle = is_idle
        # By catalog: a collection that is deleted and made anew has another one.
        self._kept: WeakKeyDictionary[Catalog, _Kept] = WeakKeyDictionary()
        self._task: asyncio.Task[None] | None = None

    def of(self, snapshot: Snapshot, collection: str) -> list[str]:
        """Return the examples of a collection as it is in a snapshot; none while they are not known.

        To work them out is begun then, unless somebody asks or others are being worked out.
        """
        kept = self._kept.get(snapshot.catalog)
        if kept is not None and kept.generation == snapshot.generation:
            return list(kept.questions)
        if self._is_idle() and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work_out(snapshot, collection))
        return []

    async def stop(self) -> None:
        """Give up what is being worked out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work_out(self, snapshot: Snapshot, collection: str) -> None:
        try:
            questions = await self._chosen(snapshot, collection)
        except Overloaded:
            return
        except QuoteboundError as error:
            _log.warning("no example questions", collection=collection, reason=error.code)
            return
        if questions is not None:
            self._kept[snapshot.catalog] = _Kept(snapshot.generation, tuple(questions))

    async def _chosen(self, snapshot: Snapshot, collection: str) -> list[str] | None:
        """Return the examples, None where somebody came to ask or the collection changed meanwhile."""
        found: list[Candidate] = []
        for document in await self._reading.run(sampled, snapshot.catalog):
            found += await self._reading.run(candidates_of, snapshot.catalog, document)
        choosing = Choosing(found)
        while (question := choosing.question()) is not None:
            if not self._is_idle():
                return None
            answer = await self._asking.run(partial(self._ask, question, collection))
            if answer.generation != snapshot.generation:
                return None
            choosing.heard(answer)
        return choosing.chosen
