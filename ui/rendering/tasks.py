"""The jobs of a collection: what was to be added or made anew, how far it is, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from index.jobs import FileRecord, FileStatus, Job, JobKind, JobState
from rag.service.worker import Standing
from ui.rendering.parts import counted

TASKS_SHOWN = 20
REASONS_SHOWN = 5

FRAME = (
    '<details class="tasks"><summary>Jobs</summary>'
    f'<p class="hint">The last {TASKS_SHOWN} of this collection.</p><ol></ol></details>'
)

_STATES = {
    JobState.WAITING: "Waiting",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
}
_OUTCOMES = {
    FileStatus.ADDED: "added",
    FileStatus.REPLACED: "replaced",
    FileStatus.UNCHANGED: "there already",
    FileStatus.REMOVED: "removed",
    FileStatus.KEPT: "kept",
    FileStatus.SKIPPED: "skipped",
    FileStatus.FAILED: "failed",
}
_FAULTS = (FileStatus.FAILED, FileStatus.SKIPPED, FileStatus.KEPT)


@dataclass(frozen=True, slots=True)
class Task:
    """A job with what became of its files so far, and how far it is where it runs now."""

    job: Job
    files: Sequence[FileRecord] = ()
    standing: Standing | None = None


def tasks(shown: Sequence[Task]) -> str:
    """Return the list of jobs, in the order given."""
    listed = "".join(map(_task, shown)) or '<li class="nothing">There were none yet.</li>'
    return f"<ol>{listed}</ol>"


def _task(task: Task) -> str:
    job = task.job
    going = "" if job.state.ended else ' data-going=""'
    when = f'<time datetime="{escape(job.updated)}">{escape(job.updated[:16].replace("T", " "))} UTC</time>'
    outcomes = ", ".join(
        f"{count:,} {word}"
        for status, word in _OUTCOMES.items()
        if (count := sum(record.status is status for record in task.files))
    )
    kind, name = _names(job)
    fault = f'<p class="notice error" dir="auto">{escape(job.message or "")}</p>' if job.code else ""
    meta = " · ".join(filter(None, [kind, _STATES[job.state], when, outcomes]))
    return (
        f'<li{going}><p class="name" dir="auto">{escape(name)}</p><p class="meta">{meta}</p>'
        f"{_progress(task.standing)}{fault}{_reasons(task)}</li>"
    )


def _names(job: Job) -> tuple[str, str]:
    """Return what kind of a job it is, and of what."""
    if job.kind is JobKind.UPLOAD:
        return "Upload", str(job.request["name"])
    if job.kind is JobKind.SYNC:
        shown = job.request.get("shown")
        return "Files and folders", ", ".join(map(str, shown)) if isinstance(shown, (list, tuple)) else ""
    return "Reindex", "All documents, embedded anew"


def _progress(standing: Standing | None) -> str:
    if standing is None:
        return ""
    if standing.reading is not None and standing.reading[2]:
        source, page, pages = standing.reading
        said, done, of = f"Reading page {min(page + 1, pages):,} of {pages:,} of {source}", page, pages
    elif standing.passages_found:
        done, of = standing.passages_done, standing.passages_found
        said = f"Embedding: {done:,} of {counted(of, 'passage')}"
    else:
        return '<p class="doing">Reading</p>'
    said = escape(said)
    bar = f'<progress value="{done}" max="{of}" aria-label="{said}"></progress>'
    return f'<p class="doing" dir="auto">{said}</p>{bar}'


def _reasons(task: Task) -> str:
    """Return the first reasons for which files are not as they should be, but for that of the job itself."""
    faults = [record.reason for record in task.files if record.status in _FAULTS and record.reason]
    left = [reason for reason in faults if reason != task.job.message]
    lines = [f'<li dir="auto">{escape(reason)}</li>' for reason in left[:REASONS_SHOWN]]
    if len(left) > REASONS_SHOWN:
        lines.append(f"<li>And {len(left) - REASONS_SHOWN:,} more</li>")
    return f'<ul class="reasons">{"".join(lines)}</ul>' if lines else ""
