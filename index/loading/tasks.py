"""What a sandbox can be asked to do with a file: to parse it, or to draw one of its pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Generic, TypeVar

from index.loading.frames import FrameKind, drawn, received
from index.loading.loader import Drawer, Loader, Parsed, Parsing, nobody

T_co = TypeVar("T_co", covariant=True)


class TaskKind(StrEnum):
    """What is to be done."""

    PARSE = "parse"
    DRAW = "draw"


@dataclass(frozen=True, slots=True)
class Task(Generic[T_co]):
    """Something to be done with a file, and how what comes of it is read.

    `asked` goes to the process that does it, `told` is the kind of its last frame, which `read` makes
    into a value, with the blobs before it; it raises `BrokenFrames`.
    """

    kind: TaskKind
    media_type: str
    name: str
    data: bytes = field(repr=False)
    asked: Mapping[str, object]
    told: FrameKind
    read: Callable[[bytes, Sequence[bytes]], T_co]
    page_done: Callable[[int, int], None] = nobody

    def request(self, memory_bytes: int, cpu_seconds: int) -> bytes:
        """Return what the process is told, beside the file itself."""
        values = {
            "kind": self.kind.value,
            "media_type": self.media_type,
            "name": self.name,
            "asked": self.asked,
            "memory_bytes": memory_bytes,
            "cpu_seconds": cpu_seconds,
        }
        return json.dumps(values).encode("ascii")


def parsing_of(loader: Loader, data: bytes, name: str, parsing: Parsing) -> Task[Parsed]:
    """Return the task of parsing a file."""
    # All but whom to tell, who is here.
    asked = {one.name: getattr(parsing, one.name) for one in fields(parsing) if one.name != "page_done"}
    return Task(
        TaskKind.PARSE, loader.media_type, name, data, asked, FrameKind.PARSED, received, parsing.page_done
    )


def drawing_of(drawer: Drawer, data: bytes, name: str, page: int, width: int) -> Task[bytes]:
    """Return the task of drawing a page of a file."""
    asked = {"page": page, "width": width}
    told = f"page {page} of {name}"
    return Task(TaskKind.DRAW, drawer.media_type, told, data, asked, FrameKind.PICTURE, drawn)
