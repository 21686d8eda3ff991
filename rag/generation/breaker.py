"""A circuit breaker: a server that fails again and again is left alone for a moment.

Of Nygard, "Release It!" (2007). Written here because those to be had wrap a call, and what is guarded
here is a stream that may fail long after its call has returned.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rag.generation.writing import Reason, WritingFailed


class CircuitBreaker:
    """Refuses to ask a server after `failures` in a row, until `seconds` have passed.

    Then one request is let through: if it fails too, the pause is twice as long, up to `longest`. All
    calls are made in one event loop or one thread. `clock` tells seconds.
    """

    def __init__(
        self,
        failures: int = 4,
        seconds: float = 10.0,
        longest: float = 160.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._first = seconds
        self._longest = longest
        self._clock = clock
        self._failed = 0
        self._pause = seconds
        self._until: float | None = None
        self._trying = False

    def check(self) -> None:
        """Raise `WritingFailed` where the server is left alone; else the caller must tell how it went."""
        if self._until is None:
            return
        if self._trying or self._clock() < self._until:
            raise WritingFailed(Reason.RESTING)
        self._trying = True

    def succeeded(self) -> None:
        """Take note that the server answered, be it to refuse."""
        self._failed, self._pause, self._until, self._trying = 0, self._first, None, False

    def failed(self) -> None:
        """Take note that the server could not be reached, or failed."""
        self._failed += 1
        if self._trying:
            self._pause = min(2 * self._pause, self._longest)
        if self._trying or self._failed >= self._limit:
            self._until = self._clock() + self._pause
        self._trying = False

    def given_up(self) -> None:
        """Take note that the caller went away before the server had answered, which tells nothing."""
        self._trying = False
