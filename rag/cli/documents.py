"""`quotebound ingest` and `quotebound doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from index.errors import CollectionNotFound
from index.home import DEFAULT_COLLECTION, collection_folders
from index.ingest import Outcome, Prune, Report, Status
from rag.cli.output import CollectionOption, ExitCode, JsonFlag, console, plain, print_json
from rag.settings import load_settings

_STYLES = {
    Status.ADDED: "green",
    Status.REPLACED: "green",
    Status.UNCHANGED: "dim",
    Status.REMOVED: "green",
    Status.KEPT: "bold yellow",
    Status.SKIPPED: "yellow",
    Status.FAILED: "bold red",
}


class _Bar:
    """Shows an ingest as it goes on: passages embedded of those found, and the last file done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Reading files", total=None)
        self._passages = 0

    def found(self, files: int, passages: int) -> None:  # noqa: ARG002 - part of the protocol
        self._passages += passages
        if self._passages:
            self._progress.update(self._task, description="Embedding passages", total=self._passages)

    def embedded(self, passages: int) -> None:
        self._progress.advance(self._task, passages)

    def finished(self, outcome: Outcome) -> None:
        if outcome.status is not Status.UNCHANGED:
            self._progress.console.print(_line(outcome), soft_wrap=True)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, and folders to read with all below them.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove documents whose files have vanished from the folders.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --prune: also where more than half of a folder has vanished.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add documents, or bring those added before up to date.

    Unchanged files cost nothing. Exit code 1 where a file could not be read, or was not pruned.
    """
    from rag.wiring import Application

    pruning = Prune.NEVER if not prune else Prune.ALWAYS if yes else Prune.IF_FEW
    with Application(load_settings(), writable=True) as application:
        ingestor = application.ingestor(collection)
        try:
            if as_json:
                report = ingestor.ingest(paths, prune=pruning)
            else:
                to = console()
                columns = (
                    TextColumn("{task.description}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeElapsedColumn(),
                )
                with Progress(*columns, console=to, transient=True, disable=not to.is_terminal) as progress:
                    report = ingestor.ingest(paths, _Bar(progress), pruning)
        except KeyboardInterrupt:
            console(error=True).print("Interrupted. What is done is kept: run the same command to finish.")
            raise
    if as_json:
        print_json(_as_json(report))
    else:
        console().print(_summary(report), soft_wrap=True)
    if not report.complete:
        raise typer.Exit(ExitCode.FINDINGS)


def _line(outcome: Outcome) -> Text:
    line = plain(f"{outcome.status:>9} ", _STYLES[outcome.status])
    line.append_text(plain(outcome.source))
    if outcome.reason:
        line.append_text(plain(f": {outcome.reason}", "dim"))
    elif outcome.status is not Status.UNCHANGED:
        line.append_text(plain(f" ({outcome.passages} passages)", "dim"))
    return line


def _as_json(report: Report) -> dict[str, object]:
    return {
        "counts": {status.value: report.count(status) for status in Status},
        "passages_embedded": report.embedded,
        "files": [asdict(outcome) for outcome in report.outcomes],
    }


def _summary(report: Report) -> Text:
    counts = ", ".join(f"{report.count(status)} {status}" for status in Status if report.count(status))
    return plain(f"{counts or 'no files'}; {report.embedded} passages embedded")


def doctor(as_json: JsonFlag = False) -> None:
    """Check every document, passage and vector of the home against its checksum.

    Exit code 1 where something is not as it was written.
    """
    from index.doctor import examine

    folders = collection_folders(load_settings().home)
    if not folders:
        raise CollectionNotFound("there is nothing to check yet; add documents with `quotebound ingest PATH`")
    findings = [finding for folder in folders for finding in examine(folder)]
    if as_json:
        print_json(
            {
                "collections": [folder.name for folder in folders],
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        for finding in findings:
            console().print(
                plain(f"{finding.collection}: {finding.place}: {finding.message}"), soft_wrap=True
            )
        names = ", ".join(folder.name for folder in folders)
        console().print(plain(f"{len(findings)} findings in {names}", "bold red" if findings else "green"))
    if findings:
        raise typer.Exit(ExitCode.FINDINGS)
