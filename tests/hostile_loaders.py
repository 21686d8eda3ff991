"""Loaders and drawers that do what a hostile file could make real ones do; the sandbox is tried with them."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable

from index.errors import EncryptedDocument
from index.loading import Attachment, Parsed, Parsing, Signs, png
from index.types import Block, BlockKind


class Doing:
    """A loader that calls a function with a file's bytes, and gives what that returns as its text."""

    harmless = False
    libraries: tuple[str, ...] = ()

    def __init__(self, name: str, do: Callable[[bytes, Parsing], str | Parsed]) -> None:
        self.media_type = name
        self._do = do

    def accepts(self, signs: Signs) -> bool:
        return False

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        found = self._do(data, parsing)
        return found if isinstance(found, Parsed) else text(found)


def text(told: str) -> Parsed:
    return Parsed(told, (Block(BlockKind.PARAGRAPH, 0, len(told)),) if told else ())


def hang(data: bytes, parsing: Parsing) -> str:
    while True:
        pass


def sleep(data: bytes, parsing: Parsing) -> str:
    time.sleep(600)
    return ""


def crawl(data: bytes, parsing: Parsing) -> str:
    for page in range(1, 1_000_000):
        parsing.page_done(page, 1_000_000)
        time.sleep(0.01)
    return ""


def swell(data: bytes, parsing: Parsing) -> str:
    held = []
    while True:
        held.append(bytearray(2**24))


def abort(data: bytes, parsing: Parsing) -> str:
    os.abort()


def leave(data: bytes, parsing: Parsing) -> str:
    os._exit(0)


def recurse(data: bytes, parsing: Parsing) -> str:
    return recurse(data, parsing)


def fail(data: bytes, parsing: Parsing) -> str:
    raise KeyError("a secret place: /home/someone")


def refuse(data: bytes, parsing: Parsing) -> str:
    raise EncryptedDocument("vault.bin is protected by a password; give it without")


def connect(data: bytes, parsing: Parsing) -> str:
    try:
        with socket.create_connection(("127.0.0.1", int(data)), timeout=5):
            return "connected"
    except OSError:
        return "no way out"


def environment(data: bytes, parsing: Parsing) -> str:
    return "\n".join(sorted(os.environ))


def write(data: bytes, parsing: Parsing) -> str:
    try:
        with open(data.decode(), "wb") as file:  # noqa: PTH123 - as a library would
            file.write(b"planted")
            file.flush()
    except OSError as error:
        return type(error).__name__
    return "written"


def open_many(data: bytes, parsing: Parsing) -> str:
    held = []
    try:
        for _ in range(1000):
            held.append(open(os.devnull, "rb"))  # noqa: PTH123, SIM115
    except OSError:
        return f"{len(held)}"
    return "any number"


def shout(data: bytes, parsing: Parsing) -> str:
    sys.stdout.write("0\n" * 1000)
    sys.stdout.flush()
    sys.stderr.write("noise")
    os.write(1, b"0\n")
    return "heard"


def flood(data: bytes, parsing: Parsing) -> Parsed:
    return Parsed("", (), attachments=tuple(Attachment(f"{n}", bytes(2**22)) for n in range(100)))


def outlive(data: bytes, parsing: Parsing) -> str:
    child = subprocess.Popen(["sleep", "600"])
    while True:
        parsing.page_done(child.pid, child.pid)
        time.sleep(600)


def lie(data: bytes, parsing: Parsing) -> Parsed:
    return Parsed("short", (Block(BlockKind.PARAGRAPH, 3, 9_000_000),))


def mistype(data: bytes, parsing: Parsing) -> Parsed:
    return Parsed("text", (), metadata={"author": ["not", "text"]})  # type: ignore[dict-item]


def echo(data: bytes, parsing: Parsing) -> Parsed:
    for page in range(1, 4):
        parsing.page_done(page, 3)
    return Parsed(
        data.decode(),
        (Block(BlockKind.PARAGRAPH, 0, len(data.decode())),),
        title="Echo",
        metadata={"author": str(os.getpid())},
        attachments=(Attachment("a", b"\0\xff"), Attachment("b", b"")),
    )


LOADERS = tuple(
    Doing(do.__name__, do)
    for do in (
        abort, connect, crawl, echo, environment, fail, flood, hang, leave, lie, mistype, open_many, outlive,
        recurse, refuse, shout, sleep, swell, write,
    )
)  # fmt: skip


class Drawing:
    """A drawer that calls a function with a file's bytes, and gives what that returns as its picture."""

    libraries: tuple[str, ...] = ()

    def __init__(self, name: str, do: Callable[[bytes, Parsing], object]) -> None:
        self.media_type = name
        self._do = do

    def draw(self, data: bytes, name: str, page: int, width: int) -> bytes:
        found = self._do(data, Parsing())
        return found if isinstance(found, bytes) else str(found).encode()


def size(data: bytes, parsing: Parsing) -> bytes:
    """Say that there is a picture of two sides given in bytes."""
    return png.SIGNATURE + struct.pack(">I", 13) + b"IHDR" + data + bytes(5)


DRAWERS = tuple(Drawing(do.__name__, do) for do in (abort, environment, fail, hang, shout, size, swell))
