"""A run that was interrupted goes on where it was, and comes to what it would have come to at once."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from casework import BAKERY, HARBOUR, STOPPED, record, written
from doubles import HashingEmbedder
from outcomes import answered, withheld

from eval import journal
from eval.cases import EvalSet, load_eval_set
from eval.journal import Journal, UnwritableJournal
from eval.outcomes import Outcome
from eval.results import Result, as_json
from eval.runner import run
from index.running import JobRunner
from index.sync import SyncRequest
from rag.responding import Responder
from rag.settings import Settings
from rag.types import Answer, Asking
from rag.wiring import Application

CASES = (
    record(id="opened"),
    record(id="berths", question="How many berths has the harbour of Orwen?", answers=["62"]),
    record(
        id="stopped",
        question="Why did deliveries to the islands stop?",
        answers=["the ferry was sold"],
        # Without an anchor: it stands in any version of the document.
        evidence=[{"source": "bakery.txt", "quote": STOPPED}],
    ),
    record(id="absent", question="Who won the regatta?", answers=[], evidence=[], answerable=False),
    record(id="again", question="When was the oven repaired?", answers=["March 2021"]),
)
COUNT = len(CASES)


class Stopped(Exception):
    """What interrupts a run."""


class Counting(Responder):
    """Answers, and keeps which questions it was asked."""

    asked: list[str]

    def answer(self, asking: Asking) -> Answer:
        self.asked.append(asking.question)
        return super().answer(asking)


class Bench:
    """Asks the cases above of two documents, and can be changed and stopped between runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "result.json.partial"
        self.settings = Settings(home=folder / "home", chunk_tokens=48, threshold=0.5, reader="similarity")
        self.cases: tuple[dict[str, Any], ...] = CASES
        self.asked: list[str] = []
        (folder / "docs").mkdir()
        self.put("harbour.txt", HARBOUR)
        self.put("bakery.txt", BAKERY)

    def put(self, name: str, text: str) -> None:
        """Write a document and read the folder."""
        (self.folder / "docs" / name).write_text(text)
        with Application(self.settings, writable=True, embedder=HashingEmbedder()) as application:
            JobRunner.over(application.ingestor()).sync(SyncRequest.of([self.folder / "docs"]))

    def set(self) -> EvalSet:
        """The cases as a set."""
        return load_eval_set(written(self.folder / "tiny.jsonl", *self.cases))

    def run(self, stop_after: int = -1, *, journal: bool = True) -> Result:
        """Ask the cases, with a stop after some; `asked` are the questions that it took."""
        self.asked = []
        told: list[Outcome] = []

        def tell(outcome: Outcome) -> None:
            told.append(outcome)
            if len(told) == stop_after:
                raise Stopped

        with Application(self.settings, writable=False, embedder=HashingEmbedder()) as application:
            counting = Counting(application.assistant)
            counting.asked = self.asked
            application.responder = counting
            return run(self.set(), application, tell=tell, journal=self.journal if journal else None)

    def interrupted(self, after: int) -> None:
        """Ask some of the cases and no more."""
        with pytest.raises(Stopped):
            self.run(after)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(tmp_path)


def but_for_times(result: Result) -> Result:
    return replace(result, outcomes=tuple(replace(outcome, milliseconds={}) for outcome in result.outcomes))


@pytest.mark.parametrize("after", [1, 3, COUNT])
def test_an_interrupted_run_asks_only_what_it_had_not_asked_and_finds_the_same(
    bench: Bench, after: int
) -> None:
    at_once = bench.run(journal=False)
    assert len(bench.asked) == COUNT
    bench.interrupted(after)
    assert len(bench.asked) == after
    found = bench.run()
    assert bench.asked == [case["question"] for case in CASES[after:]]
    assert json.dumps(as_json(but_for_times(found))) == json.dumps(as_json(but_for_times(at_once)))


def test_a_run_may_be_interrupted_again_and_again(bench: Bench) -> None:
    questions = []
    for after in range(1, COUNT):
        bench.interrupted(after)
        questions += bench.asked
    bench.run()
    assert questions + bench.asked == [case["question"] for case in CASES]


def test_what_a_run_found_stays_until_whoever_wrote_it_down_removes_it(bench: Bench) -> None:
    bench.interrupted(2)
    bench.run()
    bench.asked.clear()
    bench.run()
    assert bench.asked == []
    bench.journal.unlink()
    bench.run()
    assert len(bench.asked) == COUNT


def test_a_full_disk_ends_a_run_with_a_message_and_what_was_found_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.interrupted(2)
    before = bench.journal.read_bytes()

    def full(_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(journal, "encoded", full)
        with pytest.raises(UnwritableJournal, match=r"cannot be kept in .*: No space left on device"):
            bench.run()
    assert bench.journal.read_bytes() == before


def test_a_run_tells_of_the_cases_that_it_had_too(bench: Bench) -> None:
    bench.interrupted(3)
    told: list[str] = []
    with Application(bench.settings, writable=False, embedder=HashingEmbedder()) as application:
        run(bench.set(), application, tell=lambda found: told.append(found.id), journal=bench.journal)
    assert told == [case["id"] for case in CASES]


def test_times_of_the_cases_that_it_had_are_those_of_then(bench: Bench) -> None:
    bench.interrupted(1)
    (_, line) = bench.journal.read_bytes().splitlines()
    assert dict(bench.run().outcomes[0].milliseconds) == json.loads(line)["milliseconds"]


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_a_case_whose_line_was_not_written_to_its_end_is_asked_again(bench: Bench, lost: int) -> None:
    at_once = bench.run(journal=False)
    bench.interrupted(3)
    data = bench.journal.read_bytes()
    bench.journal.write_bytes(data[:-lost])
    found = bench.run()
    assert bench.asked == [case["question"] for case in CASES[2:]]
    assert but_for_times(found) == but_for_times(at_once)


@pytest.mark.parametrize("tail", [b"{", b"{}" * 9999], ids=["short", "long"])
def test_what_is_written_after_half_a_line_takes_its_place(bench: Bench, tail: bytes) -> None:
    bench.interrupted(2)
    bench.journal.write_bytes(bench.journal.read_bytes() + tail)
    bench.interrupted(4)
    assert [json.loads(line)["id"] for line in bench.journal.read_bytes().splitlines()[1:]] == [
        case["id"] for case in CASES[:4]
    ]
    bench.run()
    assert bench.asked == [CASES[4]["question"]]


@pytest.mark.parametrize("damage", [b"{}", b"\x00" * 20, b"not JSON", b"\xff\xfe"])
def test_from_a_damaged_line_on_all_is_asked_again(bench: Bench, damage: bytes) -> None:
    bench.interrupted(3)
    lines = bench.journal.read_bytes().split(b"\n")
    lines[2] = damage
    bench.journal.write_bytes(b"\n".join(lines))
    bench.run()
    assert bench.asked == [case["question"] for case in CASES[1:]]


def other_set(bench: Bench) -> None:
    bench.cases = (*CASES[:-1], CASES[-1] | {"question": "Who repaired the oven?"})


def other_threshold(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"threshold": 0.25})


def other_document(bench: Bench) -> None:
    # What the cases quote stands as it did.
    bench.put("bakery.txt", BAKERY + "It opens at six.\n")


def more_documents(bench: Bench) -> None:
    bench.put("mill.txt", "The mill of Tarn burned down in 1911.\n")


def foreign_file(bench: Bench) -> None:
    bench.journal.write_bytes(b"what somebody else wrote\n" * 9)


def empty_file(bench: Bench) -> None:
    bench.journal.write_bytes(b"")


@pytest.mark.parametrize(
    "change", [other_set, other_threshold, other_document, more_documents, foreign_file, empty_file]
)
def test_what_was_found_under_other_conditions_is_not_taken_over(
    bench: Bench, change: Callable[[Bench], None]
) -> None:
    bench.interrupted(3)
    change(bench)
    found = bench.run()
    assert len(bench.asked) == COUNT
    assert but_for_times(found) == but_for_times(bench.run(journal=False))


def test_a_run_says_which_language_model_was_to_write_so_that_none_goes_on_with_another(bench: Bench) -> None:
    told = []
    for model in ("small", "large"):
        asked = {"llm_url": "http://127.0.0.1:9/v1", "llm_model": model}
        settings = bench.settings.model_copy(update=asked)
        with Application(settings, writable=False, embedder=HashingEmbedder()) as application:
            told.append(run(replace(bench.set(), cases=()), application).provenance)
    assert told[0] != told[1]


@pytest.mark.parametrize("place", ["no/such/folder/journal", "docs"])
def test_a_journal_that_cannot_be_written_is_told_before_anything_is_asked(bench: Bench, place: str) -> None:
    bench.journal = bench.folder / place
    with pytest.raises(UnwritableJournal, match=rf"{place}' cannot be written: \w+"):
        bench.run()
    assert bench.asked == []


def test_what_is_kept_is_on_disk_before_the_journal_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, {"set": "tiny"}) as first:
        first.keep(answered("one", confidence=0.1 + 0.2))
        with Journal(path, {"set": "tiny"}) as second:
            assert second.found("one") == answered("one", confidence=0.1 + 0.2)
            assert second.found("two") is None


def test_the_order_in_which_conditions_are_named_makes_no_other_run(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, {"set": "tiny", "sample": 3}) as journal:
        journal.keep(withheld("one"))
    with Journal(path, {"sample": 3, "set": "tiny"}) as journal:
        assert journal.found("one") == withheld("one")
    with Journal(path, {"sample": 4, "set": "tiny"}) as journal:
        assert journal.found("one") is None
