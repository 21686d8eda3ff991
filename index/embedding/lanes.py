"""A model in several threads, each with one text at a time: what is waited for goes before what is not."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Urgency(IntEnum):
    """Who goes first: somebody waits for a question, and longer for the passages of an ingest."""

    QUESTION = 0
    READING = 1
    INGEST = 2


@dataclass(order=True, slots=True)
class _Entry(Generic[Task, Result]):
    urgency: int
    number: int
    task: Task = field(compare=False)
    future: Future[Result] = field(compare=False)


class Lanes(Generic[Task, Result]):
    """Threads that each call a function of their own, made by `make`, for one task at a time.

    A task that is urgent waits for at most one other of each thread. The threads end with the process,
    or with `close`; there is one for each processor, since the function is expected to use one fully.
    """

    def __init__(self, make: Callable[[], Callable[[Task], Result]], count: int) -> None:
        self._entries: queue.PriorityQueue[_Entry[Task, Result]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        for number in range(count):
            threading.Thread(
                target=_serve, args=(self._entries, make()), name=f"model-{number}", daemon=True
            ).start()

    def run(self, tasks: Sequence[Task], urgency: Urgency, size: Callable[[Task], int]) -> list[Result]:
        """Return what the function gives for each task, in order; raise what it raises.

        The greatest by `size` are done first, so that no thread is left with a long one at the end.
        """
        futures: list[Future[Result]] = [Future() for _ in tasks]
        for task, future in sorted(zip(tasks, futures, strict=True), key=lambda entry: -size(entry[0])):
            self._entries.put(_Entry(urgency, next(self._numbers), task, future))
        return [future.result() for future in futures]


def _serve(entries: queue.PriorityQueue[_Entry[Task, Result]], function: Callable[[Task], Result]) -> None:
    while True:
        entry = entries.get()
        try:
            entry.future.set_result(function(entry.task))
        except BaseException as error:
            entry.future.set_exception(error)
