"""The seam for file formats: a `Loader` turns the bytes of one family of formats into text with structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from index.types import Block, Page


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a loader found in a file.

    `text` is final: every later offset refers to it. `blocks` are in order, do not overlap, lie
    within the text, and are not empty; what lies between them is layout. `title` is None where the
    format carries none, and the caller falls back to the file's name.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Loader(Protocol):
    """Reads one family of formats.

    `accepts` sees the first bytes (at most 4,096) and the file name's suffix in lower case with its
    dot (or an empty string). It judges by content first and uses the suffix only where content
    cannot tell. It never raises. Loaders are asked in the registry's order; the first that accepts
    gets the file.

    `parse` gets all bytes and the name to use in messages. The same bytes give an equal `Parsed` in
    every process. It raises `UnreadableText` for bytes that are not what they claim, and never
    returns text that was not in the file. It need not refuse an empty file: the registry does.
    """

    media_type: str

    def accepts(self, head: bytes, suffix: str) -> bool:
        """Tell whether this loader reads such a file."""
        ...

    def parse(self, data: bytes, name: str) -> Parsed:
        """Return the text and structure of a file."""
        ...
