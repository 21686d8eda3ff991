"""What a file can do to the process that parses it, and that nothing else comes to harm."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import hostile_loaders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import EncryptedDocument, InputError, ParseLimit, UnreadableText
from index.loading import OcrMode, Parsed, Parsing, png
from index.loading.frames import (
    BrokenFrames,
    FrameKind,
    FrameReader,
    error_of,
    received,
    send_parsed,
)
from index.loading.pdf.loader import PdfLoader
from index.loading.sandbox import Limits, Sandbox
from index.types import Block, BlockKind, Page, PageKind, PageLayout, PageReading, Word

# So that nothing is waited for long; no outcome hangs on how fast anything is.
SHORT = Limits(idle_seconds=4.0, total_seconds=6.0, memory_bytes=2**29, output_bytes=2**26)
FOLDER = str(Path(__file__).parent)
LONG = replace(SHORT, idle_seconds=60.0, total_seconds=60.0)


def sandboxed(limits: Limits) -> Sandbox:
    return Sandbox(limits, module="hostile_loaders", folders=[FOLDER])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandboxed(LONG) as sandbox:
        yield sandbox


def parsed(sandbox: Sandbox, what: str, data: bytes = b"", parsing: Parsing | None = None) -> Parsed:
    loader = next(loader for loader in hostile_loaders.LOADERS if loader.media_type == what)
    return sandbox.parse(loader, data, "file.bin", parsing or Parsing())


def is_well(sandbox: Sandbox) -> bool:
    return parsed(sandbox, "echo", b"still there").text == "still there"


def test_what_a_loader_finds_comes_whole_with_its_pages_told(sandbox: Sandbox) -> None:
    pages: list[tuple[int, int]] = []
    told = Parsing(page_done=lambda page, of: pages.append((page, of)))
    found = parsed(sandbox, "echo", "Zürich 😀\nline".encode(), told)
    assert (found.text, found.title) == ("Zürich 😀\nline", "Echo")
    assert [(attached.name, attached.data) for attached in found.attachments] == [
        ("a", b"\0\xff"),
        ("b", b""),
    ]
    assert pages == [(1, 3), (2, 3), (3, 3)]


def test_each_file_has_a_process_of_its_own(sandbox: Sandbox) -> None:
    pids = {parsed(sandbox, "echo", b"x").metadata["author"] for _ in range(3)}
    assert len(pids) == 3
    assert str(os.getpid()) not in pids


@pytest.mark.parametrize("what", ["hang", "sleep", "crawl"])
def test_what_takes_too_long_is_given_up_and_says_so(what: str) -> None:
    with sandboxed(SHORT) as sandbox:
        with pytest.raises(ParseLimit, match=r"file\.bin was given up after \d+ seconds"):
            parsed(sandbox, what)
        assert is_well(sandbox)


def test_what_takes_too_much_memory_is_given_up_and_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(ParseLimit, match=r"file\.bin takes more memory"):
        parsed(sandbox, "swell")
    assert is_well(sandbox)


@pytest.mark.parametrize("what", ["abort", "leave", "lie", "mistype"])
def test_what_breaks_the_process_is_a_damaged_file(sandbox: Sandbox, what: str) -> None:
    with pytest.raises(UnreadableText, match=r"file\.bin is damaged"):
        parsed(sandbox, what)
    assert is_well(sandbox)


def test_an_error_inside_tells_nothing_of_the_inside(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableText, match=r"file\.bin is damaged") as raised:
        parsed(sandbox, "fail")
    assert "someone" not in str(raised.value)


def test_what_nests_too_deeply_is_given_up(sandbox: Sandbox) -> None:
    with pytest.raises(ParseLimit, match="nested more deeply"):
        parsed(sandbox, "recurse")
    assert is_well(sandbox)


def test_what_a_loader_raises_is_what_the_caller_gets(sandbox: Sandbox) -> None:
    with pytest.raises(EncryptedDocument, match=r"vault\.bin is protected by a password"):
        parsed(sandbox, "refuse")
    assert is_well(sandbox)


def test_more_output_than_is_taken_is_refused() -> None:
    with sandboxed(LONG) as sandbox:
        with pytest.raises(ParseLimit, match="gives more than 64 MB"):
            parsed(sandbox, "flood")
        assert is_well(sandbox)


def test_there_is_no_network(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = parsed(sandbox, "connect", str(port).encode()).text
    if not _may_unshare():
        pytest.skip("this system lets no process leave its network")
    assert told == "no way out"


def test_no_secret_is_in_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTEBOUND_API_KEY", "a-key-of-sixteen-characters")
    names = set(parsed(sandbox, "environment").text.splitlines())
    assert names <= {
        "PATH", "TESSDATA_PREFIX", "LC_ALL", "LC_CTYPE", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    }  # fmt: skip


def test_nothing_can_be_written_to_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "planted"
    assert parsed(sandbox, "write", str(target).encode()).text == "OSError"
    assert not target.exists() or target.read_bytes() == b""


def test_few_files_can_be_open(sandbox: Sandbox) -> None:
    assert int(parsed(sandbox, "open_many").text) < 64


def test_what_is_printed_is_not_taken_for_what_was_found(sandbox: Sandbox) -> None:
    assert parsed(sandbox, "shout").text == "heard"
    assert is_well(sandbox)


def test_a_program_that_a_parser_started_ends_with_it() -> None:
    started: list[int] = []
    told = Parsing(page_done=lambda page, of: started.append(os.pidfd_open(page)))
    with sandboxed(SHORT) as sandbox, pytest.raises(ParseLimit):
        parsed(sandbox, "outlive", parsing=told)
    (program,) = started
    ended, _, _ = select.select([program], [], [], 60)
    os.close(program)
    assert ended


def test_nothing_outlives_a_process_that_was_killed_while_it_had_a_file_parsed() -> None:
    program = (
        "import sys, test_sandbox as t\n"
        "told = t.Parsing(page_done=lambda page, of: print(page, flush=True))\n"
        "t.parsed(t.sandboxed(t.LONG), 'outlive', parsing=told)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": FOLDER}
    ) as asking:
        assert asking.stdout is not None
        started = os.pidfd_open(int(asking.stdout.readline()))
        asking.kill()
    ended, _, _ = select.select([started], [], [], 60)
    os.close(started)
    assert ended


def test_a_closed_sandbox_leaves_no_process() -> None:
    sandbox = sandboxed(LONG)
    pid = int(parsed(sandbox, "echo", b"x").metadata["author"])
    sandbox.close()
    assert not _runs(pid)
    with pytest.raises(RuntimeError, match="closed"):
        parsed(sandbox, "echo", b"x")


def test_the_process_that_forks_is_made_anew_when_it_was_killed(sandbox: Sandbox) -> None:
    assert is_well(sandbox)
    process = sandbox._process
    assert process is not None
    process.kill()
    assert is_well(sandbox)


def test_a_real_loader_runs_within_the_limits() -> None:
    with Sandbox() as sandbox, pytest.raises(UnreadableText, match=r"report\.pdf is damaged"):
        sandbox.parse(PdfLoader(), b"%PDF-1.7\nnothing", "report.pdf", Parsing(ocr=OcrMode.OFF))


def drawn(sandbox: Sandbox, what: str, data: bytes = b"") -> bytes:
    drawer = next(drawer for drawer in hostile_loaders.DRAWERS if drawer.media_type == what)
    return sandbox.draw(drawer, data, "file.bin", 3, 100)


def test_what_a_drawer_makes_is_handed_over_as_it_is(sandbox: Sandbox) -> None:
    picture = drawn(sandbox, "size", struct.pack(">II", 2400, 5000))
    assert picture.startswith(png.SIGNATURE)
    assert png.size_of(picture) == (2400, 5000)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("abort", b""),
        ("environment", b""),  # which is no picture
        ("shout", b""),
        ("size", struct.pack(">II", 0, 100)),
        ("size", struct.pack(">II", 5000, 5000)),
        ("size", struct.pack(">II", 10, 2**31)),
        ("size", b""),
    ],
)
def test_a_drawer_that_breaks_or_makes_no_picture_of_a_page_is_of_a_damaged_file(
    sandbox: Sandbox, what: str, data: bytes
) -> None:
    with pytest.raises(UnreadableText, match=r"page 3 of file\.bin is damaged"):
        drawn(sandbox, what, data)
    assert is_well(sandbox)


def test_a_drawer_that_takes_too_long_or_too_much_memory_is_given_up() -> None:
    with sandboxed(SHORT) as sandbox:
        with pytest.raises(ParseLimit, match=r"page 3 of file\.bin was given up after \d+ seconds"):
            drawn(sandbox, "hang")
        with pytest.raises(ParseLimit, match=r"page 3 of file\.bin takes more memory"):
            drawn(sandbox, "swell")
        assert is_well(sandbox)


def test_an_error_inside_a_drawer_tells_nothing_of_the_inside(sandbox: Sandbox) -> None:
    with pytest.raises(UnreadableText, match=r"page 3 of file\.bin is damaged") as raised:
        drawn(sandbox, "fail")
    assert "someone" not in str(raised.value)


WHOLE = Parsed(
    "Head\n\nA row",
    (Block(BlockKind.HEADING, 0, 4, 2), Block(BlockKind.TABLE, 6, 11)),
    "T “t”",
    (Page(1, 0, 4), Page(2, 6, 11, PageKind.SHEET, PageReading.OCR, "why", "Prices")),
    (PageLayout.of(1, 612.5, 792.0, [Word(0, 4, 1, 2, 3, 4)]),),
    {"author": "Zoë"},
    (hostile_loaders.Attachment("x", b"1"),),
)


def sent(parsed_: Parsed) -> tuple[bytes, list[bytes]]:
    frames: list[tuple[FrameKind, bytes]] = []
    send_parsed(parsed_, lambda kind, payload: frames.append((kind, payload)))
    *blobs, (kind, last) = frames
    assert kind is FrameKind.PARSED
    return last, [payload for _, payload in blobs]


def test_all_that_a_loader_can_say_survives_the_way() -> None:
    assert received(*sent(WHOLE)) == WHOLE


@given(st.binary(max_size=200), st.integers(0, 3))
def test_whatever_a_process_says_is_refused_or_of_the_right_shape(noise: bytes, blobs: int) -> None:
    with suppress(BrokenFrames):
        assert isinstance(received(noise, [b""] * blobs), Parsed)
    with suppress(BrokenFrames):
        assert isinstance(error_of(noise, "file.bin"), InputError)
    with suppress(BrokenFrames, OverflowError):
        for frame in FrameReader(1000).feed(noise):
            assert frame.kind in FrameKind


@given(st.data())
def test_no_span_beyond_the_text_is_taken(data: st.DataObject) -> None:
    last, blobs = sent(WHOLE)
    spoilt = last.replace(b"11", str(data.draw(st.integers(12, 10**30))).encode())
    with pytest.raises(BrokenFrames):
        received(spoilt, blobs)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # One that has ended and was not asked for yet by whoever took it over runs no more.
    return state.rpartition(")")[2].split()[0] not in "ZX"


def _may_unshare() -> bool:
    program = "import ctypes; c = ctypes.CDLL(None); exit(c.unshare(1 << 30) and c.unshare(5 << 28))"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
