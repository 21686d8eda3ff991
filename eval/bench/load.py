"""`quotebound bench load`: what the real service does under load, from a process beside it.

One client, many clients, and then requests that arrive at a rate of their own, whatever becomes of those
before: below what the service can do, at it, and past it. No question is asked twice while that is
measured, so that no answer is one that was kept; the sentences of the documents are known by then.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from eval.bench import load_figures as figures
from eval.bench.load_client import Client
from eval.bench.load_figures import NO_REPLY, Reply
from eval.bench.load_service import HealthPoll, served
from eval.cases import EvalSet, InvalidCase
from rag.settings import Settings

LOADS = (0.5, 1.0, 2.0, 4.0)
CLIENTS = 32
# Bounds a phase whatever the service can do.
_MOST_REQUESTS = 20_000
# How many questions are asked over and over in the last phase.
_REPEATED = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: seconds of each phase, within how many an answer counts, and the arrivals' seed."""

    seconds: float = 6.0
    deadline: float = 2.0
    seed: int = 1
    clients: int = CLIENTS
    loads: tuple[float, ...] = LOADS


def run(eval_set: EvalSet, plan: Plan, settings: Settings) -> dict[str, Any]:
    """Serve the documents of a set from the home of some settings and ask its questions; return the figures.

    Raise `InvalidCase` where the set names no documents, `ServiceFailed` where the service does not start.
    """
    if not eval_set.documents:
        raise InvalidCase(f"{eval_set.name} has no manifest that names its documents")
    questions = [case.question for case in eval_set.cases]
    with served(settings, eval_set.documents) as port:
        return measured(port, questions, plan)


def measured(port: int, questions: list[str], plan: Plan) -> dict[str, Any]:
    """Return the figures of a service that answers on a port of this machine."""
    with HealthPoll(port) as health:
        found = asyncio.run(_measured(Client(port), questions, plan))
    polled = figures.latency(health.replies)
    told = {"healthz": {**polled, "statuses": figures.statuses(health.replies)}}
    held = figures.bars(found["single"], found["many"], list(found["loads"].values()), polled)
    return {
        "cores": os.cpu_count(),
        "deadline_s": plan.deadline,
        "seed": plan.seed,
        **found,
        **told,
        "bars": held,
    }


async def _measured(client: Client, questions: list[str], plan: Plan) -> dict[str, Any]:
    fresh = figures.different(questions)
    # Each sentence is read once before anything is timed, so that all phases find the same.
    await _closed(client, iter(questions), 2, len(questions), plan.seconds * 2)
    single, took = await _closed(client, fresh, 1, _MOST_REQUESTS, plan.seconds)
    alone = figures.closed(1, single, took)
    many, took = await _closed(client, fresh, plan.clients, _MOST_REQUESTS, plan.seconds)
    together = figures.closed(plan.clients, many, took)
    capacity = max(together["answers_per_s"], alone["answers_per_s"])
    loads = {}
    for place, load in enumerate(plan.loads):
        await _settled(client, fresh)
        moments = figures.arrivals(load * capacity, plan.seconds, plan.seed + place)[:_MOST_REQUESTS]
        replies = await _opened(client, fresh, moments, plan.deadline)
        loads[f"x{load:g}"] = figures.opened(load, replies, plan.seconds, plan.deadline, capacity)
    await _settled(client, fresh)
    few = questions[:_REPEATED]
    await _closed(client, iter(few), 1, len(few), plan.seconds)
    repeated, took = await _closed(client, cycle(few), plan.clients, _MOST_REQUESTS, plan.seconds / 2)
    client.close()
    return {
        "single": alone,
        "many": together,
        "capacity_per_s": capacity,
        "loads": loads,
        "repeated_questions": figures.closed(plan.clients, repeated, took),
    }


async def _closed(
    client: Client, questions: Iterator[str], clients: int, most: int, seconds: float
) -> tuple[list[Reply], float]:
    """Have clients ask one question after another; return the replies, and the seconds they took."""
    started = time.perf_counter()
    replies: list[Reply] = []
    asked = 0

    async def ask_on() -> None:
        nonlocal asked
        while asked < most and time.perf_counter() - started < seconds:
            question = next(questions, None)
            if question is None:
                return
            asked += 1
            reply = await client.ask(question)
            replies.append(reply)
            if reply.retry_after:
                await asyncio.sleep(min(reply.retry_after, seconds))

    await asyncio.gather(*(ask_on() for _ in range(clients)))
    return replies, time.perf_counter() - started


async def _opened(
    client: Client, questions: Iterator[str], moments: list[float], deadline: float
) -> list[Reply]:
    """Ask at given moments, in seconds from now. Past the deadline of the last one no reply is waited for."""
    started = time.perf_counter()
    tasks = []
    for moment in moments:
        due = started + moment
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(client.ask(next(questions), due)))
    if not tasks:
        return []
    done, late = await asyncio.wait(tasks, timeout=deadline)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return [task.result() for task in done] + [Reply(NO_REPLY, deadline) for _ in late]


async def _settled(client: Client, questions: Iterator[str]) -> None:
    """Wait until what is left of the phase before is worked off: a question is answered again, and alone."""
    for _ in range(600):
        reply = await client.ask(next(questions))
        if reply.status == figures.ANSWERED:
            return
        await asyncio.sleep(0.05)
