"""What is asked under load and when, and what is made of the replies: pure, to be tried without a clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from eval.metrics import percentile

ANSWERED = 200
# What a service past its bounds may say.
REFUSALS = frozenset({429, 503})
# The status of a request without a reply: none came until the phase was over, or the connection broke.
NO_REPLY = 0

_NAMES = ("Kowalski", "Okafor", "Lindqvist", "Moreau", "Tanaka", "Haddad", "Novak", "Silva", "Iyer", "Quispe")


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request: its status, and the seconds since it was to be sent until its last byte.

    `retry_after` are the seconds after which a refusal says to ask again.
    """

    status: int
    seconds: float
    retry_after: float = 0.0


def different(questions: Sequence[str]) -> Iterator[str]:
    """Yield the questions over and over, each time with another name and number: no two are equal."""
    for number in count(1):
        question = questions[(number - 1) % len(questions)]
        yield f"{question} It is for {_NAMES[number % len(_NAMES)]}, file {number}."


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Return when requests arrive, in seconds from the start: a Poisson process of `rate` a second."""
    drawn = random.Random(seed)  # noqa: S311 - a schedule that can be made again, no secret
    moments = []
    moment = drawn.expovariate(rate)
    while moment < seconds:
        moments.append(moment)
        moment += drawn.expovariate(rate)
    return moments


def latency(replies: Sequence[Reply]) -> dict[str, float]:
    """Return count, p50 and p99 in milliseconds."""
    seconds = [reply.seconds for reply in replies]
    return {
        "count": len(seconds),
        "p50_ms": round(percentile(seconds, 0.5) * 1000, 1),
        "p99_ms": round(percentile(seconds, 0.99) * 1000, 1),
    }


def closed(clients: int, replies: Sequence[Reply], seconds: float) -> dict[str, Any]:
    """Return the figures of clients that each ask again once they are answered, or when a refusal says."""
    answers = [reply for reply in replies if reply.status == ANSWERED]
    return {
        "clients": clients,
        "seconds": round(seconds, 2),
        "answers_per_s": round(len(answers) / seconds, 2),
        "statuses": statuses(replies),
        "answered": latency(answers),
    }


def opened(
    load: float, replies: Sequence[Reply], seconds: float, deadline: float, capacity: float
) -> dict[str, Any]:
    """Return the figures of requests that arrive whether or not earlier ones are answered.

    Goodput is what was answered within the deadline; both rates are a second of the time in which
    requests arrived. `load` is the multiple of `capacity`, in answers a second, that was offered.
    """
    answers = [reply for reply in replies if reply.status == ANSWERED]
    good = sum(reply.seconds <= deadline for reply in answers)
    return {
        "load": load,
        "offered": len(replies),
        "offered_per_s": round(len(replies) / seconds, 2),
        "goodput_per_s": round(good / seconds, 2),
        "goodput_of_offered": round(good / len(replies), 4) if replies else 0.0,
        "goodput_of_capacity": round(good / seconds / capacity, 4) if capacity else 0.0,
        "statuses": statuses(replies),
        "answered": latency(answers),
        "refused": latency([reply for reply in replies if reply.status in REFUSALS]),
    }


def statuses(replies: Sequence[Reply]) -> dict[str, int]:
    """Return how often each status came, by number; requests without a reply are `none`."""
    counted = Counter(reply.status for reply in replies)
    return {str(status) if status else "none": counted[status] for status in sorted(counted)}


def bars(
    single: dict[str, Any], many: dict[str, Any], loads: Sequence[dict[str, Any]], health: dict[str, float]
) -> dict[str, Any]:
    """Hold the figures to what is demanded of the service.

    Goodput past saturation is the least at more than the capacity, over the most that was answered
    up to it.
    """
    below = [many["answers_per_s"], *(found["goodput_per_s"] for found in loads if found["load"] <= 1)]
    past = [found["goodput_per_s"] for found in loads if found["load"] > 1]
    met = {"200", *map(str, REFUSALS)}
    others = sorted({status for found in loads for status in found["statuses"]} - met)
    best = max(below)
    return {
        "throughput_ratio": _least(_ratio(many["answers_per_s"], single["answers_per_s"]), 2.5),
        "goodput_kept_past_saturation": _least(_ratio(min(past, default=0.0), best), 0.85),
        "healthz_p99_ms": {
            "value": health["p99_ms"],
            "at_most": 50.0,
            "met": health["p99_ms"] <= 50,
        },
        "other_statuses": {"value": ", ".join(others), "met": not others},
    }


def _ratio(value: float, of: float) -> float:
    return round(value / of, 3) if of else 0.0


def _least(value: float, bar: float) -> dict[str, Any]:
    return {"value": value, "at_least": bar, "met": value >= bar}
