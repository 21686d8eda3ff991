"""A short version of the run that gives every loader files that are wrong, and that it would tell."""

from __future__ import annotations

import hashlib
import math
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hostile_loaders import LOADERS as HOSTILE_LOADERS
from torture import fuzzing, reliability
from torture.flaws import flaws, refused
from torture.natures import CANARY
from torture.seeds import FORMATS, seeds
from torture.watch import children, watched

from index.errors import ParseLimit, UnreadableText
from index.loading import Loader, OcrMode, Parsed, Parsing
from index.loading.frames import BrokenFrames
from index.loading.registry import LOADERS
from index.loading.sandbox import Sandbox
from index.types import Block, BlockKind, Page, PageLayout, Word

WHOLE = Parsed("Head\n\nText.", (Block(BlockKind.HEADING, 0, 4, 1), Block(BlockKind.PARAGRAPH, 6, 11)))


@pytest.fixture(scope="module")
def fuzzed() -> fuzzing.Fuzzed:
    # How long anything takes is held to its bounds by the long run: here the machine may be busy.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fuzzing, "_GRACE_SECONDS", math.inf)
        patched.setattr(fuzzing, "_CHOOSING_SECONDS", math.inf)
        return fuzzing.run(0, inputs=10)


def test_no_wrong_file_breaks_a_promise(fuzzed: fuzzing.Fuzzed) -> None:
    assert fuzzed.violations == []


def test_every_loader_gets_wrong_files_and_takes_or_refuses_each(fuzzed: fuzzing.Fuzzed) -> None:
    assert [tally.format for tally in fuzzed.tallies] == fuzzing.registered()
    for tally in fuzzed.tallies:
        assert tally.inputs == 10 == tally.parsed + sum(tally.refused.values())
        assert tally.parsed, tally
    assert sum(sum(tally.refused.values()) for tally in fuzzed.tallies) > 10


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.media_type.rpartition("/")[2])
def test_every_loader_has_whole_files_that_it_reads(loader: Loader) -> None:
    (name,) = [name for name, format_ in FORMATS.items() if format_.media_type == loader.media_type]
    assert seeds(name)
    for data in seeds(name):
        parsed = loader.parse(data, f"a.{name}", Parsing(ocr=OcrMode.OFF))
        assert parsed.blocks or parsed.attachments
        assert list(flaws(parsed)) == []


def test_the_same_seed_gives_the_same_files_in_any_process() -> None:
    program = (
        "import hashlib; from torture.fuzzing import input_of; from torture.seeds import FORMATS\n"
        "print([hashlib.sha256(input_of(name, 9, 1)).hexdigest() for name in FORMATS])"
    )
    folder = Path(__file__).parent
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{folder.parent}{os.pathsep}{folder}", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = [hashlib.sha256(fuzzing.input_of(name, 9, 1)).hexdigest() for name in FORMATS]
    assert told.strip() == str(here)
    assert here != [hashlib.sha256(fuzzing.input_of(name, 9, 2)).hexdigest() for name in FORMATS]


@pytest.mark.parametrize(
    ("parsed", "said"),
    [
        (replace(WHOLE, blocks=WHOLE.blocks[::-1]), "out of order"),
        (replace(WHOLE, blocks=(Block(BlockKind.PARAGRAPH, 3, 99),)), "beyond the text"),
        (replace(WHOLE, blocks=(Block(BlockKind.PARAGRAPH, 4, 6),)), "blank"),
        (replace(WHOLE, blocks=(Block(BlockKind.HEADING, 0, 4),)), "no such level"),
        (replace(WHOLE, pages=(Page(2, 0, 4), Page(1, 4, 11))), "out of order"),
        (replace(WHOLE, pages=(Page(1, 0, 4, label="a\0b"),)), "there is a '\\x00'"),
        (replace(WHOLE, text="Head\n\nT\ud800xt."), "there is a '\\ud800'"),
        (replace(WHOLE, title="a\x1bb"), "there is a '\\x1b'"),
        (replace(WHOLE, metadata={"date": "yesterday"}), "a date is"),
        (replace(WHOLE, metadata={"a\nb": "x"}), "metadata are"),
        (replace(WHOLE, layouts=(PageLayout.of(1, 9, 9, []),)), "the layout of page 1"),
        (
            replace(
                WHOLE, pages=(Page(1, 0, 11),), layouts=(PageLayout.of(1, 9, 9, [Word(0, 99, 0, 0, 1, 1)]),)
            ),
            "the layout of page 1",
        ),
    ],
)
def test_what_no_loader_may_find_is_told(parsed: Parsed, said: str) -> None:
    assert list(flaws(WHOLE)) == []
    (problem,) = flaws(parsed)
    assert said in problem


def _caused(error: Exception, *causes: Exception) -> Exception:
    last = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("x"), "it raised KeyError"),
        (UnreadableText("It is damaged"), "does not name the file"),
        (UnreadableText("a.pdf is damaged: /home/someone/a.pdf"), "tells of the inside"),
        (UnreadableText("a.pdf is damaged\nTraceback"), "tells of the inside"),
        (_caused(UnreadableText("a.pdf is damaged"), ValueError(), BrokenFrames()), "no loader may find"),
    ],
)
def test_an_error_that_no_file_may_cause_is_told(error: Exception, said: str) -> None:
    (problem,) = refused(error, 0.1, [], "a.pdf", None).problems
    assert said in problem


@pytest.mark.parametrize(
    ("said", "sort"),
    [
        ("a.pdf was given up after 10 seconds", "time"),
        ("a.pdf takes more memory to read than one file may", "memory"),
        ("a.pdf is nested more deeply than is read", "depth"),
        ("a.pdf has 100000 pages", ""),
    ],
)
def test_what_the_sandbox_stopped_is_counted_by_why(said: str, sort: str) -> None:
    assert refused(ParseLimit(said), 0.1, [], "a.pdf", None).sort == sort


def test_a_parser_that_breaks_is_counted_with_its_signal_and_its_file_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    abort = next(loader for loader in HOSTILE_LOADERS if loader.media_type == "abort")
    monkeypatch.setattr(fuzzing, "LOADERS", HOSTILE_LOADERS)
    monkeypatch.setattr(
        fuzzing,
        "Sandbox",
        lambda limits: Sandbox(limits, module="hostile_loaders", folders=[str(Path(__file__).parent)]),
    )
    monkeypatch.setitem(FORMATS, "txt", replace(FORMATS["txt"], media_type=abort.media_type))
    (tally,) = fuzzing.run(0, ["txt"], inputs=1, keep=tmp_path).tallies
    assert (tally.inputs, tally.broken, tally.violations) == (1, {"-6": 1}, [])
    assert (tmp_path / "broken-1-0.txt").read_bytes() == seeds("txt")[0]


def test_whoever_calls_where_a_file_leads_is_counted() -> None:
    # Not at the address itself: another run may listen there.
    with watched(("127.0.0.1", 0)) as watch:
        for _ in range(2):
            # Closed by the other end once it was counted.
            with socket.create_connection(watch.address) as caller:
                assert caller.recv(1) == b""
        assert any(str(CANARY[1]).encode() in data for name in FORMATS for data in seeds(name))
    assert watch.calls == 2


def test_a_process_that_is_left_is_seen() -> None:
    before = children()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert children() - before == {process.pid}
    assert children() == before


def test_the_page_keeps_what_was_not_run_and_has_what_was() -> None:
    template = "A\n\n{sweep}\n\nB\n\n{fuzz}\n"
    first = reliability.page(template, "", {"sweep": "ten"})
    assert "ten" in first and "Not run." in first
    second = reliability.page(f"New {template}", first, {"fuzz": "all\n\nof it"})
    assert "ten" in second and "Not run." not in second and second.startswith("New")
    assert reliability.page(f"New {template}", second, {}) == second


def test_the_page_in_the_repository_is_of_its_template() -> None:
    kept = reliability.PAGE.read_text(encoding="utf-8")
    assert reliability.page(reliability.TEMPLATE.read_text(encoding="utf-8"), kept, {}) == kept
    assert all(f"<!-- begin {name} -->" in kept for name in reliability.RUNS)


def test_the_page_has_a_row_for_each_format(fuzzed: fuzzing.Fuzzed) -> None:
    told = reliability.told("fuzz", asdict(fuzzed), kept=True, seconds=9)
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0][2:] for row in rows[1:]] == fuzzing.registered()
    assert "Promise kept; 9 s." in told
