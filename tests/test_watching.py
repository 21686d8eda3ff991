"""Following a folder: what changes there becomes a sync, and what does not is left alone."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.errors import StorageFull
from index.ingest import Ingestor
from index.jobs import FileStatus
from index.report import Report
from index.running import JobRunner
from index.store import Store
from index.sync import SyncRequest
from index.watching import Watcher, changed_paths

_BOUND_SECONDS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"The dam {name} was built in 1947.")
    return folder


class Followed:
    """Watches a folder whose changes are told by what is done to it, a step at a time."""

    def __init__(self, ingestor: Ingestor, folder: Path, *, prune: bool = False, yes: bool = False) -> None:
        self.runner = JobRunner.over(ingestor)
        self.folder = folder
        self.request = SyncRequest.of([folder], prune=prune, yes=yes)
        self.requests: list[SyncRequest] = []
        self.reports: list[Report] = []

    def sync(self, request: SyncRequest) -> None:
        self.requests.append(request)
        self.reports.append(self.runner.sync(request))

    def run(self, changes: Iterator[frozenset[str]]) -> None:
        Watcher(self.request, self.sync, changes).run()

    def everything(self) -> frozenset[str]:
        return frozenset(self.request.paths)

    def paths(self, *names: str) -> frozenset[str]:
        return frozenset(f"{self.folder}/{name}" for name in names)

    def told(self) -> list[dict[str, FileStatus]]:
        return [
            {Path(record.source).name: record.status for record in report.files} for report in self.reports
        ]


def test_a_folder_is_synced_once_and_then_what_changes_in_it(ingestor: Ingestor, folder: Path) -> None:
    followed = Followed(ingestor, folder)

    def changes() -> Iterator[frozenset[str]]:
        yield followed.everything()
        (folder / "a.txt").write_text("The dam a was built in 1950.")
        (folder / "d.txt").write_text("The dam d was built in 1951.")
        yield followed.paths("a.txt", "d.txt")

    followed.run(changes())
    assert followed.told() == [
        dict.fromkeys(("a.txt", "b.txt", "c.txt"), FileStatus.ADDED),
        {"a.txt": FileStatus.REPLACED, "d.txt": FileStatus.ADDED},
    ]


def test_hidden_and_foreign_files_are_no_reason_to_sync(ingestor: Ingestor, folder: Path) -> None:
    followed = Followed(ingestor, folder)
    followed.run(
        iter([followed.paths(".a.txt.swp", "a.txt~", ".git/index"), frozenset(["/etc/hosts"]), frozenset()])
    )
    assert followed.requests == []


def test_a_file_that_vanishes_is_removed_where_that_was_asked_for(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    for prune in (False, True):
        followed = Followed(ingestor, folder, prune=prune)

        def changes(followed: Followed) -> Iterator[frozenset[str]]:
            yield followed.everything()
            (folder / "a.txt").unlink()
            yield followed.paths("a.txt")
            (folder / "a.txt").write_text("The dam a was built in 1947.")

        followed.run(changes(followed))
        assert followed.told()[1] == ({"a.txt": FileStatus.REMOVED} if prune else {})
    assert len(store.catalog.documents()) == 2


@pytest.mark.parametrize("root_too", [False, True])
@pytest.mark.parametrize("yes", [False, True])
def test_a_folder_that_is_unmounted_removes_nothing_unless_it_is_meant(
    ingestor: Ingestor, store: Store, folder: Path, root_too: bool, yes: bool
) -> None:
    followed = Followed(ingestor, folder, prune=True, yes=yes)

    def changes() -> Iterator[frozenset[str]]:
        yield followed.everything()
        for name in "abc":
            (folder / f"{name}.txt").unlink()
        if root_too:
            folder.rmdir()
        yield followed.everything() if root_too else followed.paths("a.txt", "b.txt", "c.txt")

    followed.run(changes())
    assert len(store.catalog.documents()) == (0 if yes else 3)
    assert followed.told()[1]["a.txt"] is (FileStatus.REMOVED if yes else FileStatus.KEPT)


def test_an_error_of_one_sync_does_not_end_the_watch(ingestor: Ingestor, folder: Path) -> None:
    followed = Followed(ingestor, folder)
    seen = []

    def sync(request: SyncRequest) -> None:
        seen.append(request)
        if len(seen) == 1:
            raise StorageFull("the disk is full")

    Watcher(followed.request, sync, iter([followed.everything(), followed.paths("a.txt")])).run()
    assert [request.changed for request in seen] == [None, (f"{folder}/a.txt",)]


def test_the_watch_ends_when_it_is_told_to(ingestor: Ingestor, folder: Path) -> None:
    followed = Followed(ingestor, folder)
    watcher = Watcher(followed.request, lambda _: watcher.stop(), iter([followed.everything()] * 2))
    watcher.run()
    assert followed.requests == []


class Real:
    """Watches paths as the system tells of them, and waits with a bound until a change was told."""

    def __init__(self, *paths: Path) -> None:
        self._stopping = threading.Event()
        self._seen: set[str] = set()
        self._more = threading.Condition()
        roots = tuple(map(str, paths))
        self._thread = threading.Thread(target=self._watch, args=(roots,))

    def _watch(self, roots: tuple[str, ...]) -> None:
        for batch in changed_paths(roots, self._stopping):
            with self._more:
                self._seen |= batch
                self._more.notify_all()

    def __enter__(self) -> "Real":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def told(self, path: Path, otherwise: Callable[[], object] = lambda: None) -> bool:
        """Wait until a path is told of; where it was others, do something else and wait on."""
        while True:
            with self._more:
                if not self._more.wait_for(lambda: self._seen, _BOUND_SECONDS):
                    return False
                found = str(path) in self._seen
                self._seen.clear()
            if found:
                return True
            otherwise()


def test_the_system_tells_of_what_changes_below_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with Real(tmp_path / "link") as watched:
        assert watched.told(tmp_path / "link")
        (folder / "new.txt").write_text("New.")
        assert watched.told(tmp_path / "link" / "new.txt")


def test_a_folder_that_went_and_came_back_is_followed_again(folder: Path) -> None:
    with Real(folder) as watched:
        assert watched.told(folder)
        folder.rename(folder.with_name("away"))
        assert watched.told(folder)
        folder.mkdir()
        assert watched.told(folder)
        new = folder / "new.txt"
        new.write_text("New.")
        # The folder may be told of once more, and the file be older than the watch.
        assert watched.told(new, lambda: new.write_text("Newer."))


def test_a_file_that_was_given_is_followed_when_an_editor_puts_another_in_its_place(folder: Path) -> None:
    file = folder / "a.txt"
    with Real(file) as watched:
        for version in range(2):
            assert watched.told(file)
            (folder / "a.tmp").write_text(f"Version {version} of the dam.")
            (folder / "a.tmp").replace(file)
        assert watched.told(file)
