"""What is told of an ingest as it goes on, on a terminal and by the API."""

from dataclasses import replace

from rich.progress import Progress
from rich.text import Text

from index.jobs import FileRecord, FileStatus, Job, JobKind, JobState
from rag.cli.documents import _Bar
from rag.service.desk import Moment
from rag.service.job_wire import ProgressOut
from rag.service.worker import Standing


def test_files_passages_and_their_rate_are_told() -> None:
    seconds = iter([10.0, 10.5, 14.0])
    progress = Progress(disable=True)
    bar = _Bar(progress, lambda: next(seconds))
    (task,) = progress.tasks
    bar.found(3, 0)
    assert (task.total, task.completed) == (3, 0)
    bar.found(0, 64)
    bar.embedded(20, 0)
    # Too soon for a rate.
    assert task.description == "20 passages"
    bar.embedded(40, 4)
    assert task.description == "64 passages, 16/s"
    bar.finished(FileRecord("job", "a", "a.txt", FileStatus.UNCHANGED, None, 0, None))
    assert task.completed == 1


def test_the_page_of_a_long_file_is_told_until_it_is_done() -> None:
    progress = Progress(disable=True)
    bar = _Bar(progress, lambda: 0.0)
    (task,) = progress.tasks
    bar.reading("reports/[flood].pdf", 1, 1)
    assert task.description == "Reading files"
    bar.reading("reports/[flood].pdf", 7, 90)
    assert Text.from_markup(task.description).plain == "Reading files; [flood].pdf: page 7 of 90"
    bar.finished(FileRecord("job", "a", "reports/[flood].pdf", FileStatus.ADDED, "id", 3, None))
    bar.embedded(3, 0)
    assert task.description == "3 passages"


def test_files_within_files_are_counted_as_they_are_found() -> None:
    progress = Progress(disable=True)
    bar = _Bar(progress, lambda: 0.0)
    bar.found(2, 0)
    bar.found(5, 0)
    assert progress.tasks[0].total == 7


def test_the_progress_of_a_job_names_the_file_that_is_being_read() -> None:
    job = Job("1", JobKind.UPLOAD, {"name": "flood.pdf"}, JobState.RUNNING, "now", "now")
    standing = Standing(1, {}, 0, 0, 0, None, ("flood.pdf", 7, 90))
    told = ProgressOut.of(Moment(job, standing)).model_dump()
    assert told["reading"] == {"source": "flood.pdf", "page": 7, "pages": 90}
    assert ProgressOut.of(Moment(job, replace(standing, reading=None))).reading is None
    assert ProgressOut.of(Moment(job, None)).reading is None
