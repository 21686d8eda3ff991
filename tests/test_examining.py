"""The run that is going on: one at a time, ended between two questions, kept when it is done."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from casework import HARBOUR, OPENED, quoted, record, written
from fastapi import FastAPI
from histories import Visit, opened
from starlette.testclient import TestClient

from eval import gates
from eval.cases import InvalidCase
from eval.kept import Evaluations
from index.errors import SourceNotFound
from index.types import text_sha256
from rag.types import Answer, Asking
from ui import examining
from ui.app import stopped_first
from ui.examining import Examination, RunGoingOn
from ui.rendering.runs import Asking as Standing


class Held:
    """Stands before the answering of an application: lets through as many questions as are released."""

    def __init__(self, visit: Visit) -> None:
        self._responder = visit.application.responder
        self.released = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)

    def answer(self, asking: Asking) -> Answer:
        self.asked.release()
        assert self.released.acquire(timeout=30)
        return self._responder.answer(asking)


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path) as application:
        made = Visit(application)
        made.add(HARBOUR, "harbour.txt")
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "evaluations").mkdir()
    return written(tmp_path / "evaluations" / "port.jsonl", record(), record(id="two", question="When?"))


@pytest.fixture
def held(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> Held:
    stand_in = Held(visit)
    monkeypatch.setattr(visit.application, "responder", stand_in)
    return stand_in


def ended(examination: Examination) -> Standing:
    """Wait for the end of a run and return how it ended."""
    assert examination._thread is not None
    examination._thread.join(timeout=60)
    assert examination.asking is not None and examination.asking.ended
    return examination.asking


def test_a_run_asks_the_accepted_cases_and_is_kept(visit: Visit, file: Path, tmp_path: Path) -> None:
    examination = Examination(visit.application)
    assert examination.asking is None
    examination.begin("port", "default", leave_stale=False)
    told = ended(examination)
    assert (told.done, told.total, told.fault) == (2, 2, "")
    (info,) = Evaluations(tmp_path).runs()
    assert (info.id, info.set, info.collection, info.cases) == (told.run, "port", "default", 2)
    examination.dismiss()
    assert examination.asking is None


def test_there_is_one_run_at_a_time_and_it_is_not_dismissed(visit: Visit, file: Path, held: Held) -> None:
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    assert held.asked.acquire(timeout=30)
    with pytest.raises(RunGoingOn, match="a run of port is going on"):
        examination.begin("port", "default", leave_stale=False)
    examination.dismiss()
    assert examination.asking is not None and examination.asking.total == 2
    held.released.release(2)
    assert ended(examination).run
    held.released.release(2)
    examination.begin("port", "default", leave_stale=False)
    assert ended(examination).run


def test_a_run_that_is_cancelled_asks_nothing_more_and_keeps_nothing(
    visit: Visit, file: Path, held: Held, tmp_path: Path
) -> None:
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    assert held.asked.acquire(timeout=30)
    examination.cancel()
    held.released.release(2)
    told = ended(examination)
    assert told.cancelled and not told.run and not told.fault
    assert not held.asked.acquire(blocking=False)
    assert Evaluations(tmp_path).runs() == []


def test_a_service_that_stops_waits_for_one_question_at_most(visit: Visit, file: Path, held: Held) -> None:
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    assert held.asked.acquire(timeout=30)
    held.released.release()
    asyncio.run(examination.stop())
    assert ended(examination).cancelled


def test_a_run_ends_before_the_service_that_it_asks() -> None:
    order: list[str] = []

    @asynccontextmanager
    async def service(_: FastAPI) -> AsyncIterator[None]:
        yield
        order.append("service")

    async def stop() -> None:
        order.append("run")

    app = FastAPI(lifespan=service)
    stopped_first(app, stop)
    with TestClient(app):
        assert order == []
    assert order == ["run", "service"]


def test_stale_cases_are_named_and_can_be_left_out(visit: Visit, file: Path) -> None:
    moved = quoted(OPENED, HARBOUR, "harbour.txt") | {"sha256": text_sha256("before")}
    written(file, record(), record(id="moved", evidence=[moved]))
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    told = ended(examination)
    assert told.stale and "1 accepted case of port" in told.fault and "moved" in told.fault
    examination.begin("port", "default", leave_stale=True)
    assert ended(examination).total == 1


def test_what_cannot_be_run_is_told_at_once(visit: Visit, file: Path) -> None:
    examination = Examination(visit.application)
    with pytest.raises(SourceNotFound):
        examination.begin("none", "default", leave_stale=False)
    written(file, record(state="draft"))
    with pytest.raises(InvalidCase, match="no accepted case"):
        examination.begin("port", "default", leave_stale=False)
    assert examination.asking is None


def test_an_error_nobody_meant_ends_the_run_and_not_the_service(
    visit: Visit, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(examining.runner, "run", broken)
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    assert ended(examination).fault == "something went wrong inside; the log has it"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[port]\ncases = 3\n", "cases is 2, and has to be at least 3"),
        ("[other]\ncases = 3\n", None),
        ("[port]\nnonsense = 3\n", "the gates cannot be held: "),
    ],
)
def test_missed_gates_are_kept_with_the_run(
    visit: Visit, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str | None
) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(text, encoding="utf-8")
    assert gates.GATES_FILE.is_file()
    monkeypatch.setattr(examining, "GATES_FILE", path)
    examination = Examination(visit.application)
    examination.begin("port", "default", leave_stale=False)
    assert ended(examination).run
    (info,) = Evaluations(tmp_path).runs()
    assert [line[: len(told)] for line in info.gates_failed] == [told] if told else info.gates_failed == ()
