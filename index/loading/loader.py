"""The seam for file formats: a `Loader` turns the bytes of one family of formats into text with structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from index.types import Block, Page, PageLayout

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a file before it is parsed.

    `suffix` is that of its name, in lower case with its dot, or empty. `members` are the names within
    a ZIP file, empty for all others; `package_type` is what its member `mimetype` says, as OpenDocument
    and EPUB have it.
    """

    data: bytes
    suffix: str
    members: frozenset[str] = frozenset()
    package_type: str = ""

    @property
    def head(self) -> bytes:
        """The first bytes."""
        return self.data[:HEAD_BYTES]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file: a member of an archive, what is attached to a mail. `name` is as it is told."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a loader found in a file.

    `text` is final: every later offset refers to it. `blocks` are in order, do not overlap, lie
    within the text, and are not empty; what lies between them is layout. `title` is None where the
    format carries none, and the caller falls back to the file's name. `metadata` may have `author`
    and `date` (ISO 8601, as exact as the file says it). `attachments` are documents of their own.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    pages: tuple[Page, ...] = ()
    layouts: tuple[PageLayout, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


class OcrMode(StrEnum):
    """When pages are read by OCR: where they have no text, never, or always."""

    AUTO = "auto"
    OFF = "off"
    FORCE = "force"


def nobody(page: int, of: int) -> None:
    """Tell nobody of a page."""


@dataclass(frozen=True, slots=True)
class Parsing:
    """How a file is to be parsed, and who is told of it.

    `languages` are those of OCR, as tesseract names them, joined with `+`. `unpacked_bytes` bounds
    what comes out of a compressed file, all of it together, and `members` how many files may be in it;
    `characters` bounds the text. `page_done` is called with the number of each page of a long document
    that is done, and how many there are: who parses without it for too long is taken to hang.
    """

    ocr: OcrMode = OcrMode.AUTO
    languages: str = "eng"
    unpacked_bytes: int = 256 * 2**20
    members: int = 2_000
    characters: int = 64 * 2**20
    page_done: Callable[[int, int], None] = nobody


class Loader(Protocol):
    """Reads one family of formats.

    `accepts` judges by content first and uses the suffix only where content cannot tell. It never
    raises and takes no long look. Loaders are asked in the registry's order; the first that accepts
    gets the file.

    `parse` gets all bytes and the name to use in messages. The same bytes give an equal `Parsed` in
    every process. It raises `UnreadableText` for bytes that are not what they claim,
    `EncryptedDocument` for what needs a password, `ParseLimit` where `parsing` bounds it, and never
    returns text that was not in the file. It need not refuse an empty file: the registry does. What
    else it raises is taken for a damaged file. It runs in a process of its own that may not write,
    open connections, or take more than its share (see `sandbox`); with `harmless`, which is for what
    only looks at characters in one pass, in the process that asks. `libraries` are modules that `parse`
    imports, to be loaded once for many files.
    """

    media_type: str
    harmless: bool
    libraries: tuple[str, ...]

    def accepts(self, signs: Signs) -> bool:
        """Tell whether this loader reads such a file."""
        ...

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the text and structure of a file."""
        ...


class Drawer(Protocol):
    """Draws the pages of one family of formats, those of files that a loader of the same has read.

    `draw` gets all bytes, the name of the page in messages, its number from 1, and how many pixels wide
    it is wanted. It returns a PNG of the page as it is displayed: a place of a `PageLayout`, scaled by
    the picture's width and height over those of the layout, is that place in the picture. It is less
    wide where it would be too tall. Raises `UnreadableText` for what cannot be drawn; what else it
    raises is taken for a damaged file. It runs as a loader that is not `harmless` does.
    """

    media_type: str
    libraries: tuple[str, ...]

    def draw(self, data: bytes, name: str, page: int, width: int) -> bytes:
        """Return a page as PNG."""
        ...
