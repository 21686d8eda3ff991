"""Work off the event loop: within bounds, and refused at once where it could not be done in time."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from rag.errors import Overloaded
from rag.service.work import Work


class Clock:
    """Seconds that pass where a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def passing(self, seconds: float) -> Callable[[], None]:
        def call() -> None:
            self.now += seconds

        return call


async def after(work: Work, clock: Clock, took: list[float]) -> Work:
    for seconds in took:
        await work.run(clock.passing(seconds))
    return work


def held(work: Work, number: int) -> tuple[list[asyncio.Task[bool]], threading.Event]:
    """Return tasks that hold threads and places in the queue until the event is set."""
    released = threading.Event()
    return [asyncio.create_task(work.run(released.wait, 30)) for _ in range(number)], released


async def accepted(work: Work, most: int) -> int:
    """Return how many calls are let in at once, of `most`."""
    tasks, released = held(work, most)
    await asyncio.sleep(0)
    refused = [task for task in tasks if task.done() and isinstance(task.exception(), Overloaded)]
    released.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    return most - len(refused)


def test_past_threads_and_queue_work_is_refused_at_once() -> None:
    async def run() -> int:
        work = Work("test", workers=2, queue=3)
        try:
            return await accepted(work, 9)
        finally:
            work.close()

    assert asyncio.run(run()) == 5


@pytest.mark.parametrize(
    ("took", "let_in"),
    [
        # Two threads: each that waits does so for half a second more than the one before.
        pytest.param([1.0] * 20, 3, id="slow calls"),
        pytest.param([0.05] * 20, 30, id="quick calls"),
        pytest.param([60.0, 60.0] + [0.05] * 18, 30, id="two that loaded a model"),
        pytest.param([60.0] * 19, 30, id="too few calls to tell"),
        pytest.param([1.0] * 20 + [0.05] * 20, 30, id="slow calls a while ago"),
    ],
)
def test_who_would_wait_too_long_is_refused_at_once(took: list[float], let_in: int) -> None:
    async def run() -> int:
        clock = Clock()
        work = Work("test", workers=2, queue=100, patience=0.75, clock=clock)
        try:
            return await accepted(await after(work, clock, took), 30)
        finally:
            work.close()

    assert asyncio.run(run()) == let_in


def test_one_is_let_in_where_a_thread_is_free_however_long_it_takes() -> None:
    async def run() -> int:
        clock = Clock()
        work = Work("test", workers=2, queue=100, patience=0.1, clock=clock)
        try:
            return await accepted(await after(work, clock, [600.0] * 20), 9)
        finally:
            work.close()

    assert asyncio.run(run()) == 2


def test_without_patience_the_bound_alone_refuses() -> None:
    async def run() -> int:
        clock = Clock()
        work = Work("test", workers=1, queue=4, clock=clock)
        try:
            return await accepted(await after(work, clock, [600.0] * 20), 9)
        finally:
            work.close()

    assert asyncio.run(run()) == 5


def test_a_call_that_fails_gives_its_place_back_and_is_timed_too() -> None:
    async def run() -> int:
        work = Work("test", workers=1, queue=0)
        try:
            for _ in range(3):
                with pytest.raises(KeyError):
                    await work.run({}.__getitem__, "no such key")
            return await accepted(work, 2)
        finally:
            work.close()

    assert asyncio.run(run()) == 1
