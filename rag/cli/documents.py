"""`quotebound ingest`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.text import Text

from index.errors import QuoteboundError, StorageError
from index.jobs import FileRecord, FileStatus, Job
from index.types import DEFAULT_COLLECTION
from rag.cli.output import (
    CollectionOption,
    ExitCode,
    JsonFlag,
    console,
    fail,
    plain,
    print_json,
    progress_bar,
)

if TYPE_CHECKING:
    from index.jobs import JobLog
    from index.report import Report
    from index.running import JobRunner
    from index.sync import SyncRequest

_STYLES = {
    FileStatus.ADDED: "green",
    FileStatus.REPLACED: "green",
    FileStatus.UNCHANGED: "dim",
    FileStatus.REMOVED: "green",
    FileStatus.KEPT: "bold yellow",
    FileStatus.SKIPPED: "yellow",
    FileStatus.FAILED: "bold red",
}
_INTERRUPTED = (
    "Interrupted. What is done is kept: run the same command to finish, or `quotebound ingest --resume`."
)


class _Bar:
    """Shows a job as it goes on: files done of those there are, passages and their rate, the last file."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._task = progress.add_task("Reading files", total=None)
        self._clock = clock
        self._began: float | None = None
        self._files = self._passages = 0
        self._page = ""

    def found(self, files: int, passages: int) -> None:
        if files:
            self._files += files
            self._progress.update(self._task, total=self._files)
        if passages and self._began is None:
            self._began = self._clock()

    def reading(self, source: str, page: int, pages: int) -> None:
        # Of a file that takes its time: others are done before anyone could read of them.
        self._page = f"; {PurePath(source).name}: page {page} of {pages}" if page > 1 else ""
        self._describe()

    def embedded(self, made: int, reused: int) -> None:
        self._passages += made + reused
        self._describe()

    def _describe(self) -> None:
        elapsed = self._clock() - self._began if self._began is not None else 0.0
        rate = f", {self._passages / elapsed:.0f}/s" if elapsed >= 1 else ""
        done = f"{self._passages} passages{rate}" if self._passages else "Reading files"
        self._progress.update(self._task, description=escape(f"{done}{self._page}"))

    def finished(self, record: FileRecord) -> None:
        self._page = ""
        self._progress.advance(self._task)
        if record.status is not FileStatus.UNCHANGED:
            self._progress.console.print(_line(record), soft_wrap=True)


def ingest(  # noqa: PLR0913, PLR0917 - an option each
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, and folders to read with all below them.")
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove documents whose files have vanished from the folders.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --prune: also where more than half of a folder has vanished.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Then go on with what changes there, until Ctrl-C.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish every job that was broken off, instead of reading paths.")
    ] = False,
    ocr: Annotated[
        Literal["auto", "off", "force"] | None,
        typer.Option("--ocr", help="Read pages by OCR: those without text, none, or all of each PDF."),
    ] = None,
    ocr_languages: Annotated[
        str | None,
        typer.Option("--ocr-languages", help="Languages of OCR as tesseract names them, as in deu+eng."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add documents, or bring those added before up to date.

    Unchanged files cost nothing. Broken off, it goes on where it was when run again. Exit code 1 where
    a file could not be read, or was not pruned.
    """
    from index.sync import SyncRequest
    from rag.settings import load_settings
    from rag.wiring import Application

    if resume == bool(paths):
        raise typer.BadParameter("give either paths, or --resume to finish the jobs that were broken off")
    if resume and (prune or yes or watch):
        raise typer.BadParameter("--resume does what the jobs were asked for: leave the other options away")
    request = SyncRequest.of(paths, prune=prune, yes=yes) if paths else None
    settings = load_settings(ocr=ocr, ocr_languages=ocr_languages)
    with Application(settings, writable=True) as application:
        jobs = application.home.collection(collection, create=request is not None).catalog.jobs
        runner = application.runner(collection)
        complete = True
        try:
            if request is None:
                complete = _resume(runner, jobs.unfinished(), as_json=as_json)
            elif watch:
                _watch(runner, jobs, request, as_json=as_json)
            else:
                complete = _sync(runner, jobs, request, as_json=as_json)
        except KeyboardInterrupt:
            console(error=True).print(_INTERRUPTED, soft_wrap=True)
            raise
    if not complete:
        raise typer.Exit(ExitCode.FINDINGS)


def _sync(runner: JobRunner, jobs: JobLog, request: SyncRequest, *, as_json: bool) -> bool:
    """Sync some paths and print what became of them; return whether that is as it should be."""
    from index.running import add_sync

    report = _done(runner, add_sync(jobs, request), as_json=as_json)
    if report.error is not None and not (isinstance(report.error, StorageError) and report.files):
        raise report.error
    if as_json:
        print_json(_as_json(report))
        return report.complete
    console().print(_summary(report), soft_wrap=True)
    if left := [job for job in jobs.unfinished() if job.id != report.job.id]:
        told = f"{len(left)} more jobs were broken off: `quotebound ingest --resume` finishes them"
        console(error=True).print(plain(told, "yellow"), soft_wrap=True)
    return report.complete


def _resume(runner: JobRunner, unfinished: list[Job], *, as_json: bool) -> bool:
    """Finish some jobs, whatever becomes of each; return whether all of that is as it should be."""
    reports = []
    for job in unfinished:
        report = _done(runner, job, as_json=as_json)
        reports.append(report)
        if not as_json:
            console().print(plain(f"{job.kind} {job.id}: ").append_text(_summary(report)), soft_wrap=True)
            if report.job.message:
                console(error=True).print(plain(report.job.message, "bold red"), soft_wrap=True)
    if as_json:
        print_json({"jobs": [_as_json(report) for report in reports]})
    elif not reports:
        console().print("no job was broken off")
    return all(report.complete for report in reports)


def _watch(runner: JobRunner, jobs: JobLog, request: SyncRequest, *, as_json: bool) -> None:
    """Sync some paths and then what changes there, until Ctrl-C."""
    from index.running import add_sync
    from index.watching import Watcher

    syncing = False

    def sync(changed: SyncRequest) -> None:
        nonlocal syncing
        syncing = True
        report = _done(runner, add_sync(jobs, changed), as_json=as_json)
        syncing = False
        if as_json:
            sys.stdout.write(json.dumps(_as_json(report), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        elif changed.changed is None:
            console().print(_summary(report), soft_wrap=True)
            console().print("Watching for changes (Ctrl-C stops it)")
        if isinstance(report.error, QuoteboundError):
            fail(report.error, as_json=as_json)
        elif report.error is not None:
            raise report.error

    try:
        Watcher(request, sync).run()
    except KeyboardInterrupt:
        # Between two syncs nothing is broken off: that is the end, and no failure.
        if syncing:
            raise


def _done(runner: JobRunner, job: Job, *, as_json: bool) -> Report:
    if as_json:
        return runner.run(job)
    with progress_bar() as progress:
        return runner.run(job, _Bar(progress))


def _line(record: FileRecord) -> Text:
    line = plain(f"{record.status:>9} ", _STYLES[record.status])
    line.append_text(plain(record.source))
    if record.reason:
        line.append_text(plain(f": {record.reason}", "dim"))
    elif record.status is not FileStatus.UNCHANGED:
        line.append_text(plain(f" ({record.passages} passages)", "dim"))
    return line


def _as_json(report: Report) -> dict[str, object]:
    return {
        "job": report.job.id,
        "counts": {status.value: report.count(status) for status in FileStatus},
        "passages_embedded": report.embedded,
        "files": [_file(record) for record in report.files],
    }


def _file(record: FileRecord) -> dict[str, Any]:
    told = asdict(record)
    return {name: told[name] for name in ("source", "status", "document_id", "passages", "reason")}


def _summary(report: Report) -> Text:
    counts = ", ".join(f"{report.count(status)} {status}" for status in FileStatus if report.count(status))
    return plain(f"{counts or 'no files'}; {report.embedded} passages embedded")
