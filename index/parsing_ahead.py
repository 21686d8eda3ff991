"""Files are parsed beside each other, in sandboxes, while those before them are cut, embedded and stored."""

from __future__ import annotations

import os
import queue
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

from index.errors import InputError, ParseLimit
from index.loading import Attachment, Loader, Parsed, Parsing, chosen_loader
from index.loading.sandbox import Limits, Sandbox
from index.report import Progress
from index.sources import content_sha256, label, member_origin

# So many files a lane, and so many bytes of all, are held at once.
_FILES_A_LANE = 4
_BYTES = 64 * 2**20
# An archive in an attachment of a mail in an archive is read, and what is in it.
_DEPTH = 4
# How often who waits for a page is told that it still does.
_BEAT_SECONDS = 0.5


@dataclass(slots=True)
class _Room:
    """What may still come out of one file, with all that is within it at any depth."""

    members: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A file that is to be parsed, or a file within one.

    `content` is the digest of its bytes, `named` whether it was asked for itself, and `known` whether
    these bytes are stored already, so that only what is within it may be missing.
    """

    data: bytes = field(repr=False)
    source: str
    origin: str
    content: str
    named: bool
    known: bool = False
    depth: int = 0
    room: _Room | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What came of parsing a file: what its loader found, or why there is nothing."""

    file: Unparsed
    media_type: str
    found: Parsed | InputError


@dataclass(slots=True)
class _Reading:
    file: Unparsed
    media_type: str
    outcome: Future[Parsed]
    page: int = 0
    pages: int = 0


class ParsingAhead:
    """Parses files in the order in which they are added, as many at once as there are processors.

    What it is at ends with the `with` block, at once. For one thread.
    """

    def __init__(self, parsing: Parsing, limits: Limits, *, max_bytes: int) -> None:
        self._parsing = parsing
        self._max_bytes = max_bytes
        self._readings: deque[_Reading] = deque()
        lanes = len(os.sched_getaffinity(0))
        self._most_files = _FILES_A_LANE * lanes
        self._sandboxes = [Sandbox(limits) for _ in range(lanes)]
        self._free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
        for sandbox in self._sandboxes:
            self._free.put(sandbox)
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix="parsing")
        # That a page or a file is done, for who waits.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def files(self) -> list[Unparsed]:
        """The files that are being parsed, or wait for it."""
        return [reading.file for reading in self._readings]

    @property
    def is_full(self) -> bool:
        """Whether one should be taken before another is added."""
        held = sum(len(reading.file.data) for reading in self._readings)
        return len(self._readings) >= self._most_files or held >= _BYTES

    def add(self, file: Unparsed) -> None:
        """Have a file parsed, after those added before."""
        try:
            loader = chosen_loader(file.data, file.source, max_bytes=self._max_bytes)
        except InputError as error:
            self._readings.append(_Reading(file, "", _failed(error)))
            return
        reading = _Reading(file, loader.media_type, Future())
        self._readings.append(reading)
        if loader.harmless:
            self._parse(reading, loader, None)
        else:
            self._threads.submit(self._parse_in_lane, reading, loader)

    def next(self, progress: Progress) -> Read | None:
        """Return what came of the file added first, waiting for it; None where there is none.

        Meanwhile `progress` is told of its pages, and raises what breaks the waiting off.
        """
        if not self._readings:
            return None
        reading = self._readings[0]
        told = (0, 0)
        while not reading.outcome.done():
            try:
                self._news.get(timeout=_BEAT_SECONDS)
            except queue.Empty:
                told = (-1, 0)
            if told != (reading.page, reading.pages):
                told = (reading.page, reading.pages)
                progress.reading(reading.file.source, *told)
        self._readings.popleft()
        if reading.pages and told != (reading.page, reading.pages):
            progress.reading(reading.file.source, reading.page, reading.pages)
        try:
            return Read(reading.file, reading.media_type, reading.outcome.result())
        except InputError as error:
            return Read(reading.file, reading.media_type, error)

    def within(self, file: Unparsed, attachments: tuple[Attachment, ...]) -> list[Unparsed]:
        """Return what is within a file as files of their own; raise `ParseLimit` where it is too much."""
        if not attachments:
            return []
        name = PurePosixPath(file.source).name
        if file.depth >= _DEPTH:
            raise ParseLimit(f"{name} is within {_DEPTH} other files: what is in it is not read; unpack it")
        room = file.room or _Room(self._parsing.members, self._parsing.unpacked_bytes)
        size = sum(len(attachment.data) for attachment in attachments)
        if len(attachments) > room.members or size > room.bytes:
            raise ParseLimit(
                f"what is in {name} was not read: with all files within files it is more than "
                f"{self._parsing.members} of them, or {self._parsing.unpacked_bytes / 2**20:g} MB; split it "
                "or raise QUOTEBOUND_MAX_UNPACKED_MB"
            )
        room.members -= len(attachments)
        room.bytes -= size
        found: dict[str, Unparsed] = {}
        for attachment in attachments:
            told = _unlike(attachment.name, found)
            found[told] = Unparsed(
                attachment.data,
                label(f"{file.source}/{told}"),
                member_origin(file.origin, told),
                content_sha256(attachment.data),
                named=False,
                depth=file.depth + 1,
                room=room,
            )
        return list(found.values())

    def _parse_in_lane(self, reading: _Reading, loader: Loader) -> None:
        sandbox = self._free.get()
        try:
            self._parse(reading, loader, sandbox)
        finally:
            self._free.put(sandbox)

    def _parse(self, reading: _Reading, loader: Loader, sandbox: Sandbox | None) -> None:
        name = PurePosixPath(reading.file.source).name

        def page_done(page: int, pages: int) -> None:
            reading.page, reading.pages = page, pages
            self._news.put(None)

        parsing = replace(self._parsing, page_done=page_done)
        try:
            if sandbox is None:
                parsed = loader.parse(reading.file.data, name, parsing)
            else:
                parsed = sandbox.parse(loader, reading.file.data, name, parsing)
        except BaseException as error:
            reading.outcome.set_exception(error)
        else:
            reading.outcome.set_result(parsed)
        self._news.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sandbox in self._sandboxes:
            sandbox.kill()
        self._threads.shutdown(cancel_futures=True)
        for sandbox in self._sandboxes:
            sandbox.close()


def _failed(error: InputError) -> Future[Parsed]:
    outcome: Future[Parsed] = Future()
    outcome.set_exception(error)
    return outcome


def _unlike(name: str, others: dict[str, Unparsed]) -> str:
    """Return a name that no other file within the same one has: it may hold several of one name."""
    told, number = name, 2
    while told in others:
        path = PurePosixPath(name)
        told = (
            str(path.with_name(f"{path.stem} ({number}){path.suffix}")) if path.name else f"{name} ({number})"
        )
        number += 1
    return told
