"""The benchmark of the service under load: what it asks and counts. Not what it times."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from eval.bench import load, load_figures
from eval.bench.load_client import Client
from eval.bench.load_figures import NO_REPLY, Reply, arrivals, bars, closed, different, opened
from eval.bench.load_service import ServiceFailed, served
from eval.cases import EvalSet, InvalidCase
from rag.settings import Settings

QUESTIONS = ("When was the dam built?", "Who crosses the lake?")


class Answering:
    """A service on a port of this machine that replies as it is told to, and keeps what it was sent."""

    def __init__(self, statuses: Iterator[int], headers: str = "") -> None:
        self._statuses = statuses
        self._headers = headers
        self.sent: list[tuple[str, str]] = []
        self.connections = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                body = await reader.readexactly(length)
                self.sent.append((head.split("\r\n")[0], body.decode()))
                status = next(self._statuses)
                if status == NO_REPLY:
                    break
                writer.write(
                    f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n{self._headers}\r\n{{}}".encode()
                )
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    @property
    def questions(self) -> list[str]:
        return [json.loads(body)["question"] for _, body in self.sent]


def against(service: Answering, use: Callable[[Client], Awaitable[Any]]) -> Any:
    @asynccontextmanager
    async def running() -> Any:
        server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
        client = Client(server.sockets[0].getsockname()[1])
        try:
            yield client
        finally:
            client.close()
            server.close()

    async def run() -> Any:
        async with running() as client:
            return await use(client)

    return asyncio.run(run())


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


def test_no_two_questions_are_equal_and_they_are_the_same_each_time() -> None:
    found = list(islice(different(QUESTIONS), 500))
    assert len(set(found)) == 500
    assert found == list(islice(different(QUESTIONS), 500))
    assert all(text.startswith(question) for text, question in zip(found, cycle(QUESTIONS), strict=False))


def test_arrivals_are_in_order_within_the_time_at_about_the_rate_and_come_from_the_seed() -> None:
    moments = arrivals(50, 100, seed=7)
    assert moments == sorted(moments) == arrivals(50, 100, seed=7)
    assert 0 < moments[0] < moments[-1] < 100
    assert len(moments) == pytest.approx(5000, rel=0.05)
    assert moments != arrivals(50, 100, seed=8)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    # Of a Poisson process the gaps are spread as widely as they are long.
    mean = sum(gaps) / len(gaps)
    assert (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 == pytest.approx(mean, rel=0.1)


def test_goodput_is_of_answers_in_time_alone() -> None:
    replies = [Reply(200, 0.5), Reply(200, 2.0), Reply(200, 2.1), Reply(503, 0.01), Reply(NO_REPLY, 2.0)]
    found = opened(2, replies, seconds=2, deadline=2.0, capacity=4)
    assert (found["goodput_per_s"], found["goodput_of_offered"], found["goodput_of_capacity"]) == (
        1,
        0.4,
        0.25,
    )
    assert found["statuses"] == {"none": 1, "200": 3, "503": 1}
    assert (found["answered"]["count"], found["refused"]["count"]) == (3, 1)
    assert found["answered"]["p50_ms"] == 2000


def test_an_open_loop_in_which_nothing_arrived_has_figures_all_the_same() -> None:
    found = opened(0.5, [], seconds=1, deadline=1, capacity=0)
    assert (found["goodput_per_s"], found["goodput_of_offered"], found["goodput_of_capacity"]) == (0, 0, 0)


def judged(
    single: float, many: float, good: dict[float, float], health: float, status: int = 503
) -> dict[str, bool]:
    loads = [
        opened(at, [Reply(200, 0.1)] * int(rate) + [Reply(status, 0.1)], 1, 1, many)
        for at, rate in good.items()
    ]
    one, all_ = ([Reply(200, 0.1)] * int(rate) for rate in (single, many))
    held = bars(closed(1, one, 1), closed(32, all_, 1), loads, {"p99_ms": health})
    return {name: bar["met"] for name, bar in held.items()}


def test_a_service_that_meets_every_bar_is_told_so() -> None:
    assert set(judged(10, 30, {0.5: 15, 1: 28, 2: 29, 4: 27}, 49.0).values()) == {True}


@pytest.mark.parametrize(
    ("missed", "figures"),
    [
        ("throughput_ratio", (10, 24, {1: 24, 2: 24}, 5.0)),
        ("goodput_kept_past_saturation", (10, 30, {1: 20, 2: 30, 4: 25}, 5.0)),
        ("healthz_p99_ms", (10, 30, {1: 30, 2: 30}, 51.0)),
        ("other_statuses", (10, 30, {1: 30, 2: 30}, 5.0, 500)),
    ],
)
def test_each_bar_can_be_missed(missed: str, figures: Any) -> None:
    assert [name for name, met in judged(*figures).items() if not met] == [missed]


def test_a_client_asks_over_one_connection_as_long_as_that_stays() -> None:
    service = Answering(iter([200, 503, 200]))

    async def use(client: Client) -> list[Reply]:
        return [await client.ask(question) for question in "abc"]

    assert [reply.status for reply in against(service, use)] == [200, 503, 200]
    assert service.questions == ["a", "b", "c"]
    assert service.connections == 1
    assert {line for line, _ in service.sent} == {"POST /ask HTTP/1.1"}


def test_a_connection_that_is_closed_is_not_used_again() -> None:
    service = Answering(cycle([200]), "Connection: close\r\n")

    async def use(client: Client) -> list[Reply]:
        return [await client.ask(question) for question in "ab"]

    assert [reply.status for reply in against(service, use)] == [200, 200]
    assert service.connections == 2


def test_a_connection_that_breaks_and_a_service_that_is_gone_are_no_reply() -> None:
    async def use(client: Client) -> Reply:
        return await client.ask("a")

    assert against(Answering(iter([NO_REPLY])), use).status == NO_REPLY
    assert asyncio.run(Client(1).ask("a")).status == NO_REPLY


def test_a_refusal_tells_when_to_ask_again() -> None:
    async def use(client: Client) -> Reply:
        return await client.ask("a")

    assert against(Answering(iter([503]), "Retry-After: 7\r\n"), use).retry_after == 7


def test_a_closed_loop_asks_each_question_once_and_stops_at_its_bound() -> None:
    service = Answering(cycle([200]))

    async def use(client: Client) -> tuple[list[Reply], float]:
        return await load._closed(client, different(QUESTIONS), 4, 30, 60)

    replies, _ = against(service, use)
    assert statuses(replies) == {200: 30}
    assert len(set(service.questions)) == 30


def test_an_open_loop_sends_every_request_whatever_becomes_of_those_before() -> None:
    service = Answering(cycle([503, 200, NO_REPLY]))

    async def use(client: Client) -> list[Reply]:
        return await load._opened(client, different(QUESTIONS), [0.0] * 30, 30)

    assert statuses(against(service, use)) == {503: 10, 200: 10, NO_REPLY: 10}


def test_the_time_of_a_request_counts_from_when_it_was_due() -> None:
    async def use(client: Client) -> Reply:
        return await client.ask("a", due=time.perf_counter() - 1000)

    assert against(Answering(iter([200])), use).seconds >= 1000


def test_what_is_not_answered_in_time_is_told_as_no_reply() -> None:
    class Silent(Answering):
        async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

    async def use(client: Client) -> list[Reply]:
        return await load._opened(client, different(QUESTIONS), [0.0] * 3, 0.01)

    assert statuses(against(Silent(cycle([200])), use)) == {NO_REPLY: 3}


def test_a_set_without_documents_is_refused(settings: Settings) -> None:
    with pytest.raises(InvalidCase, match="manifest"):
        load.run(EvalSet("bare", "0" * 64, (), ()), load.Plan(), settings)


def test_documents_that_cannot_be_read_are_told(tmp_path: Path, settings: Settings) -> None:
    with (
        pytest.raises(ServiceFailed, match=r"nowhere\.txt"),
        served(settings, [tmp_path / "nowhere.txt"]),
    ):
        pytest.fail("it was served")


def test_the_real_service_is_measured_and_stopped(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "dam.txt").write_text("The Mangla dam was built in 1967.\n\nIt stores water.\n")
    plan = load.Plan(seconds=0.3, deadline=30, clients=3, loads=(1.0, 2.0))
    with served(settings, [tmp_path / "dam.txt"]) as port:
        figures = load.measured(port, ["When was the Mangla dam built?"], plan)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["single"]["statuses"].keys() == {"200"}
    assert {found["load"] for found in figures["loads"].values()} == set(plan.loads)
    assert figures["healthz"]["statuses"].keys() == {"200"}
    assert figures["bars"]["other_statuses"]["met"]
    assert asyncio.run(Client(port).ask("Is it gone?")).status == load_figures.NO_REPLY
