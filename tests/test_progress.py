"""What a terminal shows of an ingest as it goes on."""

from rich.progress import Progress

from index.jobs import FileRecord, FileStatus
from rag.cli.documents import _Bar


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
