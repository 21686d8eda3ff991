"""Reads pictures of pages with tesseract, where that program is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from index.loading.loader import OcrMode, Parsing
from index.loading.pdf.ocr_table import lines_of_table
from index.loading.pdf.placed import Line

PROGRAM = "tesseract"
RESOLUTION = 300
# What each reason has in it for which OCR may do better another time.
_FOR_WANT_OF_OCR = "no text on it, and "
NOT_INSTALLED = "no text on it, and tesseract, which could read it, is not installed"
TURNED_OFF = "no text on it, and reading by OCR is turned off"
_NOT_STARTING = "no text on it, and tesseract, which could read it, does not start"
PAGE_SECONDS = 120.0
# Whoever waits for a page lets it be known so often that it does.
_BEAT_SECONDS = 2.0
# Pages that wait for their turn are held as pictures, of some ten megabytes each.
_MOST_AT_ONCE = 8

Read = tuple[Line, ...] | str


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a grey picture, a byte a pixel in rows from the top, at `RESOLUTION` or less."""

    pixels: bytes
    width: int
    height: int
    dots_per_inch: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture that is being read."""

    _future: Future[Read]

    def lines(self, waits: Callable[[], None]) -> Read:
        """Return the lines, in points, or why there are none; `waits` is called now and then until then."""
        while True:
            try:
                return self._future.result(_BEAT_SECONDS)
            except TimeoutError:
                waits()


class Ocr:
    """Reads pictures beside each other, a process each, and ends these with its own context.

    `lacking` says why none can be read, or is None. `ahead` is how many are read at once.
    """

    def __init__(self, languages: str, mode: OcrMode, page_seconds: float = PAGE_SECONDS) -> None:
        self._languages = languages
        self._page_seconds = page_seconds
        self.mode = mode
        self.lacking = lacking(mode, languages)
        self.ahead = max(1, min(_MOST_AT_ONCE, len(os.sched_getaffinity(0))))
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @classmethod
    def of(cls, parsing: Parsing) -> Self:
        """Return the OCR that some parsing asks for."""
        return cls(parsing.languages, parsing.ocr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def begin(self, picture: Picture) -> Reading:
        """Begin to read a picture."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.ahead, thread_name_prefix="ocr")
        return Reading(self._threads.submit(self._read, picture))

    def _read(self, picture: Picture) -> Read:
        try:
            process = self._started(picture)
        except OSError as error:
            return f"OCR could not be started: {error.strerror}"
        header = b"P5 %d %d 255\n" % (picture.width, picture.height)
        with process:
            try:
                table, _ = process.communicate(header + picture.pixels, self._page_seconds)
            except subprocess.TimeoutExpired:
                return f"OCR did not end within {self._page_seconds:g} seconds"
            finally:
                process.kill()
                with self._lock:
                    self._running.discard(process)
        if process.returncode:
            return "OCR failed on it"
        return lines_of_table(table.decode("utf-8", "replace"), picture.dots_per_inch)

    def _started(self, picture: Picture) -> subprocess.Popen[bytes]:
        command = [PROGRAM, "stdin", "stdout", "-l", self._languages, "--psm", "3"]
        command += ["--dpi", str(round(picture.dots_per_inch)), "tsv"]
        with self._lock:
            if self._ended:
                raise ProcessLookupError(0, "it was ended")
            process = subprocess.Popen(  # noqa: S603 - the system's own, and languages that it listed
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            self._running.add(process)
            return process


def lacking(mode: OcrMode, languages: str) -> str | None:
    """Return why pages without text are not read, None where they are."""
    return TURNED_OFF if mode is OcrMode.OFF else _lacking(languages, os.environ.get("PATH", ""))


def could_read(reason: str | None, mode: OcrMode, languages: str) -> bool:
    """Tell whether a page that is unread for a reason would be read by OCR now."""
    return reason is not None and _FOR_WANT_OF_OCR in reason and lacking(mode, languages) is None


@functools.cache
def _lacking(languages: str, path: str) -> str | None:
    """Return what tesseract lacks for some languages, where `path` is what programs are looked for on."""
    program = shutil.which(PROGRAM, path=path)
    if program is None:
        return NOT_INSTALLED
    try:
        listed = subprocess.run(  # noqa: S603 - the system's own tesseract, with an argument of ours
            [program, "--list-langs"],
            capture_output=True,
            timeout=PAGE_SECONDS,
            env=_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return _NOT_STARTING
    known = listed.stdout.decode("utf-8", "replace").split()
    missing = [language for language in languages.split("+") if language not in known]
    if missing:
        return f"no text on it, and tesseract has no data for {', '.join(missing)!r}"
    return None


def _environment() -> dict[str, str]:
    kept = ("PATH", "TESSDATA_PREFIX")
    # A process for each processor is enough: its threads only wait for each other.
    return {
        "OMP_THREAD_LIMIT": "1",
        "LC_ALL": "C.UTF-8",
        **{name: os.environ[name] for name in kept if name in os.environ},
    }
