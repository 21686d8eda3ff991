"""How the command line prints: JSON for programs, and for people text that no document can disturb."""

from __future__ import annotations

import json
import re
import sys
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from index.errors import QuoteboundError


class ExitCode(IntEnum):
    """What an exit code of `quotebound` means."""

    DONE = 0
    FINDINGS = 1
    BAD_INPUT = 2
    HOME_LOCKED = 3


JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, with the fields of the API.")]
CollectionOption = Annotated[
    str, typer.Option("--collection", "-c", help="The collection to use.", show_default=True)
]

# A terminal obeys control characters, and shows text the other way round after bidirectional ones.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console(*, error: bool = False) -> Console:
    """Return a console on standard output, or on standard error."""
    return Console(stderr=error, highlight=False, soft_wrap=False)


def progress_bar(*, hidden: bool = False) -> Progress:
    """Return a bar of how far something is, since when, and how long it will take, on a terminal only."""
    to = console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=to, transient=True, disable=hidden or not to.is_terminal)


def shown(text: str) -> str:
    """Return text as a terminal can show it without obeying it."""
    return _COMMANDS.sub("\N{REPLACEMENT CHARACTER}", text)


def plain(text: str, style: str = "") -> Text:
    """Return text that is shown as it is, brackets included."""
    return Text(shown(text), style=style)


def print_json(value: dict[str, Any]) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def fail(error: QuoteboundError, *, as_json: bool) -> None:
    """Tell what went wrong on standard error."""
    if as_json:
        sys.stderr.write(json.dumps({"code": error.code, "message": str(error)}, ensure_ascii=False) + "\n")
    else:
        console(error=True).print(
            Text("Error: ", style="bold red"), plain(str(error)), sep="", soft_wrap=True
        )
