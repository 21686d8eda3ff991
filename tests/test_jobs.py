"""Jobs as they are kept, and as they are run: to an end, or so that they can be taken up again."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts import JobLogContract
from doubles import HashingEmbedder

from index.chunking import Chunker
from index.errors import DamagedStore, ModelNotFound, OutcomeUnknown, SpaceChanged, StorageFull
from index.home import Home
from index.ingest import Ingestor
from index.jobs import FileRecord, FileStatus, Job, JobKind, JobLog, JobState
from index.report import Silent, Stopped
from index.running import JobRunner, add_sync, add_upload
from index.sql import jobs as sql_jobs
from index.sql.catalog import SqlCatalog
from index.sql.jobs import has_unfinished
from index.store import Store
from index.sync import SyncRequest


class TestSqlJobs(JobLogContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "catalog.db"

    def jobs(self) -> JobLog:
        self.open = SqlCatalog(self.path, writable=True)
        return self.open.jobs

    def reopened(self) -> JobLog:
        self.open.close()
        return self.jobs()

    def test_a_damaged_upload_is_not_taken_for_the_one_that_came(self) -> None:
        job = self.jobs().add(JobKind.UPLOAD, {"name": "a"}, b"x" * 3_000_000)
        with sqlite3.connect(self.path) as raw:
            raw.execute("DELETE FROM uploads WHERE part = 1")
        with pytest.raises(DamagedStore, match="send the file again"):
            self.reopened().data(job.id)

    def test_a_damaged_job_or_file_hides_no_other(self) -> None:
        jobs = self.jobs()
        first, second = (jobs.add(JobKind.SYNC, {"number": number}).id for number in range(2))
        jobs.record([FileRecord(second, f"file:///{name}", name, FileStatus.ADDED) for name in "ab"])
        with sqlite3.connect(self.path) as raw:
            raw.execute("UPDATE jobs SET state = 'done' WHERE id = ?", (first,))
            raw.execute("UPDATE job_files SET source = 'c' WHERE source = 'a'")
        jobs = self.reopened()
        assert [job.id for job in jobs.all()] == [job.id for job in jobs.unfinished()] == [second]
        assert [record.source for record in jobs.files(second)] == ["b"]
        with pytest.raises(DamagedStore, match="doctor"):
            jobs.job(first)

    def test_jobs_that_name_many_files_are_kept_for_less_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sql_jobs, "_KEPT_FILES", 5)
        jobs = self.jobs()
        ids = []
        for number in range(4):
            ids.append(jobs.add(JobKind.SYNC, {"number": number}).id)
            jobs.record([FileRecord(ids[-1], f"f{file}", "x", FileStatus.UNCHANGED) for file in range(3)])
            jobs.end(ids[-1])
        monkeypatch.setattr(sql_jobs, "_KEPT_FILES", 1)
        last = jobs.add(JobKind.SYNC, {})
        assert [job.id for job in jobs.all()] == [last.id, ids[3]]
        assert len(jobs.files(ids[3])) == 3

    def test_a_clock_that_was_put_back_changes_no_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        jobs = self.jobs()
        first = jobs.add(JobKind.SYNC, {"number": 1})
        monkeypatch.setattr(sql_jobs, "_now", lambda: "2001-01-01T00:00:00.000000+00:00")
        second = jobs.add(JobKind.SYNC, {"number": 2})
        assert [job.id for job in jobs.unfinished()] == [first.id, second.id]

    def test_unfinished_jobs_are_seen_from_outside(self) -> None:
        jobs = self.jobs()
        assert not has_unfinished(self.path)
        job = jobs.add(JobKind.SYNC, {})
        assert has_unfinished(self.path)
        jobs.end(job.id)
        assert not has_unfinished(self.path)
        with sqlite3.connect(self.path) as raw:
            raw.execute("DROP TABLE jobs")
        assert not has_unfinished(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("The dam was built in 1947.")
    return folder


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def kept(ingestor: Ingestor, job: Job) -> tuple[JobState, str | None]:
    now = ingestor.jobs.job(job.id)
    return now.state, now.code


def test_a_sync_that_is_done_says_so(ingestor: Ingestor, folder: Path) -> None:
    report = JobRunner.over(ingestor).sync(SyncRequest.of([folder]))
    assert report.complete
    assert kept(ingestor, report.job) == (JobState.DONE, None)
    assert tuple(ingestor.jobs.files(report.job.id)) == report.files


def test_an_upload_survives_the_end_of_its_process(ingestor: Ingestor, store: Store) -> None:
    job = add_upload(ingestor.jobs, b"The dam holds.", "dam.txt")
    ingestor.jobs.start(job.id)
    (left,) = ingestor.jobs.unfinished()
    assert JobRunner.over(ingestor).run(left).job.state is JobState.DONE
    assert [info.source for info in store.catalog.documents()] == ["dam.txt"]


def test_an_upload_stored_before_its_job_could_end_is_still_what_the_job_added(
    ingestor: Ingestor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add_upload(ingestor.jobs, b"The dam holds.", "dam.txt")
    with monkeypatch.context() as killed:
        killed.setattr(type(ingestor.jobs), "end", failing(KeyboardInterrupt()))  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            JobRunner.over(ingestor).run(job)
    report = JobRunner.over(ingestor).run(job)
    assert [record.status for record in report.files] == [FileStatus.ADDED]
    assert len(store.catalog.documents()) == 1


def test_an_upload_that_cannot_be_read_fails_with_the_reason(ingestor: Ingestor, store: Store) -> None:
    report = JobRunner.over(ingestor).add(bytes(range(256)), "noise.txt")
    assert kept(ingestor, report.job) == (JobState.FAILED, "unreadable_text")
    (record,) = ingestor.jobs.files(report.job.id)
    assert (record.status, record.reason) == (FileStatus.FAILED, report.job.message)
    assert store.catalog.documents() == []


@pytest.mark.parametrize("error", [StorageFull("full"), OutcomeUnknown("unknown")])
def test_a_fault_of_the_disk_leaves_the_job_to_be_done_later(
    ingestor: Ingestor, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    job = add_upload(ingestor.jobs, b"The dam holds.", "dam.txt")
    with monkeypatch.context() as broken:
        broken.setattr(Store, "put", failing(error))
        report = JobRunner.over(ingestor).run(job)
    assert report.error is error
    assert kept(ingestor, job) == (JobState.WAITING, error.code)  # type: ignore[attr-defined]
    assert JobRunner.over(ingestor).run(job).job.state is JobState.DONE
    assert len(store.catalog.documents()) == 1


def test_a_disk_that_takes_nothing_at_all_is_told_and_loses_no_job(
    ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add_upload(ingestor.jobs, b"The dam holds.", "dam.txt")
    with monkeypatch.context() as broken:
        for name in ("start", "put_off", "end", "job"):
            broken.setattr(type(ingestor.jobs), name, failing(StorageFull("the disk is full")))
        report = JobRunner.over(ingestor).run(job)
    assert (report.job.code, report.job.message) == ("storage_full", "the disk is full")
    assert not report.complete
    assert kept(ingestor, job) == (JobState.WAITING, None)


def test_a_damaged_store_ends_the_job(ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "put", failing(DamagedStore("damaged")))
    report = JobRunner.over(ingestor).add(b"The dam holds.", "dam.txt")
    assert kept(ingestor, report.job) == (JobState.FAILED, "damaged_store")


def test_a_model_that_is_missing_loses_no_upload(ingestor: Ingestor, store: Store) -> None:
    job = add_upload(ingestor.jobs, b"The dam holds.", "dam.txt")
    without = JobRunner(ingestor.jobs, failing(ModelNotFound("there is no such model")))  # type: ignore[arg-type]
    without.run(job)
    assert kept(ingestor, job) == (JobState.WAITING, "model_not_found")
    assert JobRunner.over(ingestor).run(job).complete


def test_a_fault_inside_fails_the_job_and_tells_nothing_of_the_inside(
    ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "put", failing(RuntimeError("secret /home/someone/place.py")))
    report = JobRunner.over(ingestor).add(b"The dam holds.", "dam.txt")
    assert kept(ingestor, report.job) == (JobState.FAILED, "internal_error")
    assert "secret" not in str(report.job.message)


def test_a_collection_that_went_over_to_another_space_is_gone_on_with_in_that(
    store: Store, chunker: Chunker, embedder: HashingEmbedder, folder: Path
) -> None:
    (folder / "b.txt").write_text("\n".join(f"Fact {n} of b is told at length here." for n in range(200)))
    old = Ingestor(store, chunker, embedder, max_bytes=2**20)
    other = HashingEmbedder(name="other")
    new = Ingestor(store, chunker, other, max_bytes=2**20)
    space = other.identity.space(chunker.fingerprint)
    made = iter([old, new])

    class Switching(Silent):
        def embedded(self, passages: int, reused: int) -> None:
            if store.space.id != space.id:
                store.switch(space)

    report = JobRunner(store.catalog.jobs, lambda: next(made)).sync(SyncRequest.of([folder]), Switching())
    assert report.count(FileStatus.ADDED) == len(report.files) == 2
    assert store.space.id == space.id
    assert len(store.snapshot()) == sum(info.passages for info in store.catalog.documents()) > 2


def test_a_collection_that_does_not_rest_puts_the_job_off(ingestor: Ingestor, folder: Path) -> None:
    def never() -> Ingestor:
        raise SpaceChanged("again")

    report = JobRunner(ingestor.jobs, never).sync(SyncRequest.of([folder]))
    assert kept(ingestor, report.job) == (JobState.WAITING, "space_changed")


def test_a_job_that_is_stopped_stays_unfinished(ingestor: Ingestor, folder: Path) -> None:
    class Stopping(Silent):
        def found(self, files: int, passages: int) -> None:
            raise Stopped

    with pytest.raises(Stopped):
        JobRunner.over(ingestor).sync(SyncRequest.of([folder]), Stopping())
    (job,) = ingestor.jobs.unfinished()
    assert job.state is JobState.RUNNING
    assert JobRunner.over(ingestor).run(job).complete


def test_a_sync_whose_folder_is_gone_when_it_is_taken_up_removes_nothing(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    JobRunner.over(ingestor).sync(SyncRequest.of([folder]))
    job = add_sync(ingestor.jobs, SyncRequest.of([folder], prune=True, yes=True))
    (folder / "a.txt").unlink()
    folder.rmdir()
    JobRunner.over(ingestor).run(job)
    assert kept(ingestor, job) == (JobState.FAILED, "source_not_found")
    assert len(store.catalog.documents()) == 1


def test_a_sync_that_asks_for_something_else_takes_the_place_of_the_one_broken_off(
    ingestor: Ingestor, folder: Path
) -> None:
    pruning = add_sync(ingestor.jobs, SyncRequest.of([folder], prune=True, yes=True))
    upload = add_upload(ingestor.jobs, b"x", "x.txt")
    elsewhere = add_sync(ingestor.jobs, SyncRequest.of([folder.parent], prune=True))
    plain = add_sync(ingestor.jobs, SyncRequest.of([folder]))
    assert kept(ingestor, pruning) == (JobState.FAILED, "superseded")
    assert [job.id for job in ingestor.jobs.unfinished()] == [upload.id, elsewhere.id, plain.id]


def test_a_reindex_is_done_by_who_can_and_left_alone_by_others(ingestor: Ingestor) -> None:
    asked: list[object] = []
    job = ingestor.jobs.add(JobKind.REINDEX, {"model": "other"})
    assert not JobRunner.over(ingestor).run(job).complete
    assert ingestor.jobs.unfinished() == [ingestor.jobs.job(job.id)]
    runner = JobRunner(ingestor.jobs, lambda: ingestor, lambda request, _: asked.append(dict(request)))
    assert runner.run(job).complete
    assert asked == [{"model": "other"}]


KILLED = """
import os, signal, sys
from pathlib import Path
from doubles import HashingEmbedder
from index.chunking import Chunker
from index.home import Home
from index.ingest import Ingestor
from index.report import Silent
from index.running import JobRunner
from index.sync import SyncRequest

class Killing(Silent):
    files = 0
    def finished(self, record):
        self.files += 1
        if self.files == 3:
            os.kill(os.getpid(), signal.SIGKILL)

embedder = HashingEmbedder()
chunker = Chunker(embedder.window, target_tokens=48)
home = Home(Path(sys.argv[1]), embedder.identity.space(chunker.fingerprint), writable=True)
store = home.collection(create=True)
runner = JobRunner.over(Ingestor(store, chunker, embedder, max_bytes=2**20))
runner.sync(SyncRequest.of([Path(sys.argv[2])]), Killing())
"""


def test_a_sync_that_was_killed_is_gone_on_with_and_its_report_names_each_file_once(
    tmp_path: Path, folder: Path, embedder: HashingEmbedder, chunker: Chunker
) -> None:
    for number in range(6):
        lines = (f"File {number} has fact {fact}, told at length here." for fact in range(90))
        (folder / f"c{number}.txt").write_text("\n".join(lines))
    tests = Path(__file__).parent
    command = [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(folder)]
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}"}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    home = Home(tmp_path / "home", embedder.identity.space(chunker.fingerprint), writable=True)
    store = home.collection()
    (job,) = store.catalog.jobs.unfinished()
    # Those that were told, and the others of their batch, and not all.
    assert 3 <= len(store.catalog.documents()) < 7
    report = JobRunner.over(Ingestor(store, chunker, embedder, max_bytes=2**20)).run(job)
    assert [Path(record.source).name for record in report.files] == sorted(
        path.name for path in folder.iterdir()
    )
    assert report.complete
    assert report.count(FileStatus.ADDED) == len(store.catalog.documents()) == 7
    assert 0 < len(embedder.embedded) < len(store.snapshot())
    home.close()
