"""Syncs a folder twice: the second time, with nothing changed, nothing is embedded and little is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from doubles import HashingEmbedder

from index.chunking import CHUNK_TOKENS
from index.embedding import Embedder
from index.jobs import FileStatus
from index.report import Report
from index.running import JobRunner
from index.sync import SyncRequest
from rag.models import embedder_of
from rag.settings import Settings
from rag.wiring import Application
from torture.scratch import scratch_folder

_FILES_A_FOLDER = 100


@dataclass(frozen=True, slots=True)
class Synced:
    """What two syncs of one folder took, in seconds, and how many passages each embedded."""

    files: int
    model: str
    first_seconds: float
    second_seconds: float
    first_embedded: int
    second_embedded: int
    violations: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The time of the second sync over that of the first."""
        return self.second_seconds / self.first_seconds


def write_files(folder: Path, files: int) -> None:
    """Write small files of one passage each, none like another."""
    for number in range(files):
        file = folder / f"shelf-{number // _FILES_A_FOLDER:03}" / f"note-{number:05}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"Note {number} tells that gauge {number % 97} of the river stood at {number % 613} metres.\n"
            f"Lock keeper {number % 89} wrote it down on day {number % 365} of {1850 + number % 150}.\n",
            encoding="utf-8",
        )


def run(files: int = 5000, *, real: bool = False) -> Synced:
    """Sync a folder of generated files, and then once more; with `real`, by the model of the product."""
    with scratch_folder() as scratch:
        folder = scratch / "files"
        write_files(folder, files)
        settings = Settings(home=scratch / "home", chunk_tokens=CHUNK_TOKENS)
        embedder: Embedder = embedder_of(settings) if real else HashingEmbedder()
        # Loading the model is not what is measured.
        embedder.embed_query("ready")
        with Application(settings, writable=True, embedder=embedder) as application:
            first, first_seconds = _synced(application, folder)
            second, second_seconds = _synced(application, folder)
        violations = []
        if first.count(FileStatus.ADDED) != files:
            violations.append(f"{first.count(FileStatus.ADDED)} of {files} files were added")
        if second.count(FileStatus.UNCHANGED) != files:
            violations.append(f"{second.count(FileStatus.UNCHANGED)} of {files} files were unchanged")
        if second.embedded:
            violations.append(f"{second.embedded} passages were embedded again")
        return Synced(
            files=files,
            model=embedder.identity.name,
            first_seconds=first_seconds,
            second_seconds=second_seconds,
            first_embedded=first.embedded or 0,
            second_embedded=second.embedded or 0,
            violations=tuple(violations),
        )


def _synced(application: Application, folder: Path) -> tuple[Report, float]:
    start = time.monotonic()
    report = JobRunner.over(application.ingestor()).sync(SyncRequest.of([folder]))
    return report, time.monotonic() - start
