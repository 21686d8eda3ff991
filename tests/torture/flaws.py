"""What is wrong with what comes of a file, whatever the file is: a `Parsed`, or an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.errors import InputError, ParseLimit
from index.loading import Parsed
from index.loading.frames import BrokenFrames

# A form feed ends a page of plain text.
_ILL = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\r]")
_PATH = re.compile(r"(?<!\w)/\w+/")
_KEY = re.compile(r"[a-z][\w -]*")
_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d)?\S*)?)?)?")
# What the sandbox says where it stops a file.
_LIMITS = {"was given up": "time", "takes more memory": "memory", "nested more deeply than": "depth"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one input, and what is wrong with that.

    `sort` says how it failed where that is of interest: `caught`, `broken` with the exit code, `time`,
    `memory` or `depth`.
    """

    found: Parsed | BaseException
    seconds: float
    problems: list[str]
    sort: str = ""
    code: str = ""


def flaws(parsed: Parsed) -> Iterator[str]:
    """Yield what is wrong with what a loader found, whatever the file is."""
    text = parsed.text
    before = 0
    for block in parsed.blocks:
        if not before <= block.start < block.end <= len(text):
            yield f"{block} is out of order, empty, or beyond the text"
        elif not text[block.start : block.end].strip():
            yield f"{block} is blank"
        if not (1 <= block.level <= 6 if block.kind == "heading" else block.level == 0):
            yield f"{block} has no such level"
        before = block.end
    before = last = 0
    for page in parsed.pages:
        if not before <= page.start <= page.end <= len(text) or page.number <= last:
            yield f"{page} is out of order, or beyond the text"
        before, last = page.end, page.number
    told = [text, parsed.title or "", *parsed.metadata.values()]
    told += [said for page in parsed.pages for said in (page.label, page.reason) if said]
    for said in told:
        if ill := _ILL.search(said):
            yield f"there is a {ill[0]!r} in {said[max(0, ill.start() - 20) : ill.end() + 20]!r}"
    if not all(_KEY.fullmatch(key) for key in parsed.metadata):
        yield f"metadata are {sorted(parsed.metadata)}"
    if not _DATE.fullmatch(parsed.metadata.get("date", "2026")):
        yield f"a date is {parsed.metadata['date']!r}"
    pages = {page.number: page for page in parsed.pages}
    for layout in parsed.layouts:
        if layout.number not in pages or any(
            not 0 <= word.start < word.end <= len(text) for word in layout.words()
        ):
            yield f"the layout of page {layout.number} has a word beyond the text, or no page"


def refused(
    error: BaseException, seconds: float, problems: list[str], name: str, code: int | None
) -> Outcome:
    """Return what to say of an error that came of a file."""
    said = str(error)
    if not isinstance(error, InputError):
        return Outcome(error, seconds, [*problems, f"it raised {error!r}"])
    if name not in said:
        problems.append(f"the error does not name the file: {said}")
    if "\n" in said or "Traceback" in said or _PATH.search(said):
        problems.append(f"the error tells of the inside: {said}")
    causes = [error.__cause__, error.__cause__ and error.__cause__.__cause__]
    if any(isinstance(cause, BrokenFrames) for cause in causes):
        problems.append("the loader found what no loader may find")
    if "it breaks what reads it" in said:
        return Outcome(error, seconds, problems, "broken", str(code))
    if said == f"{name} is damaged, or not what it claims to be: it cannot be read":
        return Outcome(error, seconds, problems, "caught")
    sorts = [sort for said_so, sort in _LIMITS.items() if isinstance(error, ParseLimit) and said_so in said]
    return Outcome(error, seconds, problems, *sorts)
