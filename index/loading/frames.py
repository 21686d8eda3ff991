"""What passes between a process that parses and the one that asked: frames of plain values, none that run."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from index.errors import InputError, UnreadableText
from index.loading import png
from index.loading.loader import Attachment, Parsed
from index.types import Block, BlockKind, Page, PageKind, PageLayout, PageReading

_HEAD = struct.Struct("<cQ")
_PAGE = struct.Struct("<II")
_READ_BYTES = 1 << 20
_MESSAGE_CHARACTERS = 500
_ERRORS = {error.code: error for error in InputError.__subclasses__()}


class FrameKind(Enum):
    """What a frame holds."""

    REQUEST = b"Q"
    PAGE = b"P"
    BLOB = b"B"
    PARSED = b"R"
    PICTURE = b"I"
    ERROR = b"E"


class BrokenFrames(Exception):
    """What came is not what such a process sends: it is not to be trusted any further."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A kind and its bytes."""

    kind: FrameKind
    payload: bytes


def write_frame(descriptor: int, kind: FrameKind, payload: bytes) -> None:
    """Write a frame to a pipe, all of it."""
    _write(descriptor, _HEAD.pack(kind.value, len(payload)))
    _write(descriptor, payload)


def read_exactly(descriptor: int, size: int) -> bytes:
    """Return as many bytes of a pipe; raise `EOFError` where it ends before."""
    parts = []
    while size:
        part = os.read(descriptor, min(size, _READ_BYTES))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_frame(descriptor: int) -> Frame:
    """Return the next frame of a pipe from a process that is trusted; raise `EOFError` at its end."""
    kind, size = _HEAD.unpack(read_exactly(descriptor, _HEAD.size))
    return Frame(FrameKind(kind), read_exactly(descriptor, size))


@dataclass(slots=True)
class FrameReader:
    """Puts frames together out of what a pipe gives, as it comes, up to a number of bytes in all."""

    most_bytes: int
    _buffer: bytearray = field(default_factory=bytearray)
    _taken: int = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are whole by now; raise `BrokenFrames`, `OverflowError` past the limit."""
        self._taken += len(data)
        if self._taken > self.most_bytes:
            raise OverflowError
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._buffer)
            if size > self.most_bytes:
                raise OverflowError
            if len(self._buffer) < _HEAD.size + size:
                return
            payload = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
            del self._buffer[: _HEAD.size + size]
            try:
                frame = Frame(FrameKind(kind), payload)
            except ValueError as error:
                raise BrokenFrames from error
            yield frame


def page_payload(page: int, of: int) -> bytes:
    """Return what a frame says of a page that is done."""
    return _PAGE.pack(page, of)


def page_of(payload: bytes) -> tuple[int, int]:
    """Return which page is done, and how many there are."""
    try:
        page, of = _PAGE.unpack(payload)
    except struct.error as error:
        raise BrokenFrames from error
    return page, of


def send_parsed(parsed: Parsed, send: Callable[[FrameKind, bytes], None]) -> None:
    """Send what a loader found: blobs first, then all that is said of them."""
    for layout in parsed.layouts:
        send(FrameKind.BLOB, layout.packed)
    for attachment in parsed.attachments:
        send(FrameKind.BLOB, attachment.data)
    values = {
        "text": parsed.text,
        "blocks": [[block.kind.value, block.start, block.end, block.level] for block in parsed.blocks],
        "title": parsed.title,
        "pages": [
            [page.number, page.start, page.end, page.kind.value, page.reading.value, page.reason, page.label]
            for page in parsed.pages
        ],
        "layouts": [[layout.number, layout.width, layout.height] for layout in parsed.layouts],
        "metadata": dict(parsed.metadata),
        "attachments": [attachment.name for attachment in parsed.attachments],
    }
    send(FrameKind.PARSED, json.dumps(values, ensure_ascii=False).encode("utf-8", "replace"))


def received(payload: bytes, blobs: Sequence[bytes]) -> Parsed:
    """Return what a loader found; raise `BrokenFrames` where it cannot be that of any file.

    Whoever takes over a process that parses can say what it likes of its file, and nothing else: every
    value is of its type, and every span within the text.
    """
    try:
        values = json.loads(payload)
        text, layouts, names = values["text"], values["layouts"], values["attachments"]
        if len(blobs) != len(layouts) + len(names):
            raise BrokenFrames
        packed, attached = blobs[: len(layouts)], blobs[len(layouts) :]
        parsed = Parsed(
            _str(text),
            tuple(
                Block(BlockKind(kind), _int(start), _int(end), _int(level))
                for kind, start, end, level in values["blocks"]
            ),
            None if values["title"] is None else _str(values["title"]),
            tuple(_page(*page) for page in values["pages"]),
            tuple(
                PageLayout(_int(number), float(width), float(height), words)
                for (number, width, height), words in zip(layouts, packed, strict=True)
            ),
            {_str(key): _str(value) for key, value in values["metadata"].items()},
            tuple(Attachment(_str(name), data) for name, data in zip(names, attached, strict=True)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BrokenFrames from error
    _check(parsed)
    return parsed


def drawn(payload: bytes, blobs: Sequence[bytes]) -> bytes:
    """Return the PNG that a drawer made; raise `BrokenFrames` where it is none of a page."""
    try:
        png.size_of(payload)
    except ValueError as error:
        raise BrokenFrames from error
    if blobs:
        raise BrokenFrames
    return payload


def error_payload(error: InputError) -> bytes:
    """Return what a frame says of an error."""
    return json.dumps([error.code, str(error)]).encode("ascii")


def error_of(payload: bytes, name: str) -> InputError:
    """Return the error that a process tells of."""
    try:
        code, message = json.loads(payload)
        told = _str(message)[:_MESSAGE_CHARACTERS]
    except (ValueError, TypeError) as error:
        raise BrokenFrames from error
    # What a file can make the process say is shown, on one line.
    return _ERRORS.get(code, UnreadableText)(" ".join(told.split()) or f"{name} cannot be read")


def _check(parsed: Parsed) -> None:
    before = 0
    for block in parsed.blocks:
        if not before <= block.start < block.end <= len(parsed.text):
            raise BrokenFrames
        before = block.end
    before = 0
    for page in parsed.pages:
        if not before <= page.start <= page.end <= len(parsed.text):
            raise BrokenFrames
        before = page.end


def _page(
    number: object, start: object, end: object, kind: str, reading: str, reason: object, label: object
) -> Page:
    return Page(
        _int(number),
        _int(start),
        _int(end),
        PageKind(kind),
        PageReading(reading),
        None if reason is None else _str(reason),
        None if label is None else _str(label),
    )


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_READ_BYTES]) :]
