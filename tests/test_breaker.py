"""A server that keeps failing is left alone, and tried again."""

import pytest

from rag.generation.breaker import CircuitBreaker
from rag.generation.writing import Reason, WritingFailed


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, seconds=10, longest=40, clock=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.check()
        breaker.failed()


def is_open(breaker: CircuitBreaker) -> bool:
    try:
        breaker.check()
    except WritingFailed as failure:
        assert failure.reason is Reason.RESTING
        return True
    breaker.given_up()
    return False


def test_it_lets_requests_through_until_several_in_a_row_have_failed(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert not is_open(breaker)
    fail(breaker)
    assert is_open(breaker)


def test_a_success_in_between_begins_the_count_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.check()
    breaker.succeeded()
    fail(breaker, 2)
    assert not is_open(breaker)


def test_after_the_pause_one_request_is_let_through(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    breaker.check()
    assert is_open(breaker)
    breaker.succeeded()
    assert not is_open(breaker)


def test_each_failed_trial_doubles_the_pause_up_to_a_bound(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    pauses = []
    for _ in range(4):
        start = clock.now
        while is_open(breaker):
            clock.now += 1
        pauses.append(clock.now - start)
        fail(breaker)
    assert pauses == [10, 20, 40, 40]


def test_a_client_that_went_away_during_the_trial_leaves_it_to_the_next(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker, 3)
    clock.now += 10
    breaker.check()
    breaker.given_up()
    breaker.check()
    breaker.succeeded()
    assert not is_open(breaker)
