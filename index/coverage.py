"""What of a document was read, page by page, and what was not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from index.types import Page

UNKNOWN_REASON = "it could not be read"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the pages of a document came to their text.

    `text`, `ocr` and `blank` count those read from the file, read by OCR, and with nothing on them;
    `unread` are those that could not be read.
    """

    text: int = 0
    ocr: int = 0
    blank: int = 0
    unread: tuple[Page, ...] = ()

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Self:
        """Return the coverage of some pages."""
        every = tuple(pages)
        # By the words that the enumeration's members are: it is of a module that this one is part of.
        counts = Counter[str](page.reading for page in every)
        unread = tuple(page for page in every if page.reading == "unread")
        return cls(counts["text"], counts["ocr"], counts["blank"], unread)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return self.text + self.ocr + self.blank + len(self.unread)


@dataclass(frozen=True, slots=True)
class Unread:
    """How many pages of a collection could not be read, and in how many documents they are."""

    documents: int
    pages: int


def reason_of(page: Page) -> str:
    """Return why a page is unread."""
    return page.reason or UNKNOWN_REASON


def told(pages: Iterable[Page]) -> list[str]:
    """Return a line for each reason for which pages are unread: `pages 3, 7–9: no text is on it`."""
    grouped: dict[tuple[str, str], list[int]] = {}
    for page in pages:
        grouped.setdefault((page.kind.value, reason_of(page)), []).append(page.number)
    return [
        f"{kind}{'s' if len(numbers) > 1 else ''} {_ranges(numbers)}: {reason}"
        for (kind, reason), numbers in grouped.items()
    ]


def _ranges(numbers: list[int]) -> str:
    """Return numbers with those that follow each other put together: `3, 7–9`."""
    runs = []
    for _, places in groupby(enumerate(numbers), key=lambda place: place[1] - place[0]):
        run = [number for _, number in places]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}")
    return ", ".join(runs)
