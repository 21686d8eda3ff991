"""Work off the event loop: in threads of its own, within bounds, and refused where it would come too late."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

from rag.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")

# How many of the last calls tell how long the next will take; the longest tenth of them, such as those
# that had to load a model, do not.
_RECENT = 20


class Work:
    """Threads of its own and a bounded queue in front of them.

    The event loop never waits for the model, and the loop's default threads, which answer health
    checks and files, are never taken by it. Past the bound `Overloaded` is raised at once; with
    `patience` also where, by how long the last calls took, a thread would come free only after more
    seconds than that. `clock` tells seconds.
    """

    def __init__(
        self,
        name: str,
        workers: int,
        queue: int,
        patience: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._workers = workers
        self._room = workers + queue
        self._patience = patience
        self._clock = clock
        self._taken = 0
        self._took: deque[float] = deque(maxlen=_RECENT)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, called in a thread."""
        if self._taken >= self._room or (self._patience is not None and self.wait > self._patience):
            raise Overloaded("too many requests are waiting; try again in a moment")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, partial(self._timed, partial(function, *args, **kwargs))
            )
        finally:
            self._taken -= 1

    @property
    def wait(self) -> float:
        """About how many seconds a call would wait for a thread now; 0 while too few calls tell."""
        ahead = self._taken - self._workers + 1
        took = sorted(self._took.copy())
        if ahead <= 0 or len(took) < _RECENT:
            return 0.0
        usual = took[: _RECENT - _RECENT // 10]
        return ahead * sum(usual) / len(usual) / self._workers

    def _timed(self, call: Callable[[], T]) -> T:
        started = self._clock()
        try:
            return call()
        finally:
            self._took.append(self._clock() - started)

    def close(self) -> None:
        """Let what is running finish and start nothing more."""
        self._threads.shutdown(wait=True, cancel_futures=True)


@cache
def spare_what_is_loaded() -> None:
    """Have the garbage collector pass over all that is loaded by now: once in a process.

    Libraries and models are some 270,000 objects that stay. A full collection that walks through them
    stops every thread, and so the event loop too, for 0.2 s.
    """
    gc.collect()
    gc.freeze()
