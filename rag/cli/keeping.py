"""`quotebound backup` and `quotebound restore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.output import JsonFlag, console, plain, print_json
from rag.settings import load_settings

if TYPE_CHECKING:
    from index.backup import SavedCollection


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    as_json: JsonFlag = False,
) -> None:
    """Write all collections to one file, also while a service uses them."""
    from index.backup import back_up

    _tell(back_up(load_settings().home, file), "saved", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `quotebound backup` wrote.")],
    as_json: JsonFlag = False,
) -> None:
    """Verify a backup and put its collections into a home that has none."""
    from index import backup as backups

    _tell(backups.restore(load_settings().home, file), "restored", as_json=as_json)


def _tell(saved: Sequence[SavedCollection], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"collections": [asdict(entry) for entry in saved]})
        return
    for entry in saved:
        console().print(
            plain(f"{done} {entry.name}: {entry.documents} documents, {entry.passages} passages"),
            soft_wrap=True,
        )
