"""Files and uploads into a collection."""

import json
import os
from pathlib import Path

import pytest
from doubles import HashingEmbedder

from index.errors import SourceNotFound, StorageFull
from index.ingest import Ingestor
from index.jobs import FileRecord, FileStatus
from index.report import Progress, Report, Silent
from index.running import JobRunner
from index.store import Store
from index.sync import SyncRequest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("The dam was built in 1947.")
    (folder / "deep" / "b.md").write_text("# Rivers\n\nThe Indus is long.\n")
    (folder / ".hidden.txt").write_text("Never read.")
    return folder


def sync(
    ingestor: Ingestor,
    *paths: Path,
    prune: bool = False,
    yes: bool = False,
    progress: Progress | None = None,
) -> Report:
    return JobRunner.over(ingestor).sync(SyncRequest.of(paths, prune=prune, yes=yes), progress)


def add(ingestor: Ingestor, data: bytes, name: str) -> Report:
    return JobRunner.over(ingestor).add(data, name)


def statuses(report: Report) -> dict[str, FileStatus]:
    return {Path(record.source).name: record.status for record in report.files}


def test_a_folder_is_ingested_with_all_below_it_but_hidden_files(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    report = sync(ingestor, folder)
    assert statuses(report) == {"a.txt": FileStatus.ADDED, "b.md": FileStatus.ADDED}
    assert report.complete
    assert [Path(info.source).name for info in store.catalog.documents()] == ["a.txt", "b.md"]


def test_the_second_time_nothing_is_parsed_or_embedded(
    ingestor: Ingestor, embedder: HashingEmbedder, folder: Path
) -> None:
    sync(ingestor, folder)
    embedder.embedded.clear()
    report = sync(ingestor, folder)
    assert report.count(FileStatus.UNCHANGED) == 2
    assert report.embedded == 0
    assert embedder.embedded == []


def test_a_changed_file_replaces_its_old_version_and_embeds_only_what_is_new(
    ingestor: Ingestor, store: Store, embedder: HashingEmbedder, folder: Path
) -> None:
    (folder / "a.txt").write_text("# One\n")
    sections = [
        f"Section {n}\n" + f"Text of section {n}, with enough words to stand as a passage. " * 4
        for n in range(4)
    ]
    (folder / "a.txt").write_text("\n\n".join(sections))
    sync(ingestor, folder)
    embedder.embedded.clear()
    (folder / "a.txt").write_text(
        "\n\n".join([*sections[:3], "Section 3\nA new ending, with words of its own to stand for it."])
    )
    report = sync(ingestor, folder)
    assert statuses(report) == {"a.txt": FileStatus.REPLACED, "b.md": FileStatus.UNCHANGED}
    assert len(embedder.embedded) == report.embedded == 1
    assert len(store.catalog.documents()) == 2


def test_one_bad_file_stops_nothing_and_is_named_with_its_reason(ingestor: Ingestor, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "scan.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "scan.png").write_bytes(PNG)
    report = sync(ingestor, folder)
    assert statuses(report) == {
        "a.txt": FileStatus.ADDED,
        "b.md": FileStatus.ADDED,
        "bad.txt": FileStatus.FAILED,
        "empty.txt": FileStatus.FAILED,
        "scan.pdf": FileStatus.FAILED,
        "scan.png": FileStatus.SKIPPED,
    }
    assert not report.complete
    reasons = {Path(record.source).name: record.reason for record in report.files}
    assert "PDF" in (reasons["scan.pdf"] or "")
    assert "PNG" in (reasons["scan.png"] or "")
    assert "no text" in (reasons["empty.txt"] or "")


def test_an_unread_format_that_was_named_itself_fails(ingestor: Ingestor, folder: Path) -> None:
    (folder / "scan.png").write_bytes(PNG)
    assert statuses(sync(ingestor, folder / "scan.png")) == {"scan.png": FileStatus.FAILED}


def test_a_path_that_is_not_there_is_refused_before_anything_is_done(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    with pytest.raises(SourceNotFound, match="no-such-folder"):
        sync(ingestor, folder, Path("no-such-folder"))
    assert store.catalog.documents() == []


def test_a_file_given_twice_or_by_two_paths_is_one_document(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    sync(ingestor, folder, folder / "a.txt", folder / "deep" / ".." / "a.txt")
    assert len(store.catalog.documents()) == 2


def test_a_sync_broken_off_is_finished_by_the_next_one_and_told_as_one(
    ingestor: Ingestor, store: Store, embedder: HashingEmbedder, folder: Path
) -> None:
    for n in range(6):
        (folder / f"c{n}.txt").write_text(
            "\n".join(f"File {n} has fact {fact}, told at length here." for fact in range(90))
        )

    class Interrupting(Silent):
        done = 0

        def finished(self, record: FileRecord) -> None:
            self.done += 1
            if self.done == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(ingestor, folder, progress=Interrupting())
    # Those that were told, and the others of their batch, and not all.
    assert 3 <= len(store.catalog.documents()) < 8
    (broken_off,) = ingestor.jobs.unfinished()
    before = [info.passages for info in store.catalog.documents()]
    embedder.embedded.clear()
    report = sync(ingestor, folder)
    assert report.job.id == broken_off.id
    assert report.count(FileStatus.ADDED) == len(report.files) == 8
    assert list(report.files) == ingestor.jobs.files(broken_off.id)
    after = sum(info.passages for info in store.catalog.documents())
    assert len(embedder.embedded) == report.embedded == after - sum(before)
    assert len(store.catalog.documents()) == 8
    for info in store.catalog.documents():
        ordinals = [passage.ordinal for _, passage in store.catalog.passages_of(info.id)]
        assert ordinals == list(range(info.passages))


def test_a_full_disk_fails_the_file_and_names_those_not_tried(
    ingestor: Ingestor, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(ingestor, folder / "a.txt")

    def full(*_: object) -> None:
        raise StorageFull("the disk is full")

    (folder / "c.txt").write_text("\n".join(f"Sentence {n} fills the batch by itself." for n in range(900)))
    (folder / "d.txt").write_text("Never tried.")
    with monkeypatch.context() as patched:
        patched.setattr(store.catalog, "put", full)
        report = sync(ingestor, folder)
    assert statuses(report) == {
        "a.txt": FileStatus.UNCHANGED,
        "c.txt": FileStatus.FAILED,
        "d.txt": FileStatus.FAILED,
        "b.md": FileStatus.FAILED,
    }
    assert [Path(info.source).name for info in store.catalog.documents()] == ["a.txt"]
    assert sync(ingestor, folder).count(FileStatus.ADDED) == 3


def test_an_upload_is_stored_under_its_name_and_replaced_by_the_next(
    ingestor: Ingestor, store: Store
) -> None:
    assert statuses(add(ingestor, b"The dam holds.", "dam.txt")) == {"dam.txt": FileStatus.ADDED}
    assert statuses(add(ingestor, b"The dam holds.", "dam.txt")) == {"dam.txt": FileStatus.UNCHANGED}
    assert statuses(add(ingestor, b"The dam broke.", "dam.txt")) == {"dam.txt": FileStatus.REPLACED}
    (info,) = store.catalog.documents()
    assert info.source == "dam.txt"
    failed = add(ingestor, b"", "dam.txt")
    assert (failed.job.code, statuses(failed)) == ("empty_document", {"dam.txt": FileStatus.FAILED})
    assert len(store.catalog.documents()) == 1


def test_two_folders_of_the_same_name_do_not_overwrite_each_other(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("x", "y"):
        (tmp_path / place / "docs").mkdir(parents=True)
        (tmp_path / place / "docs" / "readme.txt").write_text(f"Readme of {place}.")
        monkeypatch.chdir(tmp_path / place)
        sync(ingestor, Path("docs"))
    assert [info.source for info in store.catalog.documents()] == ["docs/readme.txt"] * 2


def test_the_same_text_under_the_same_name_from_two_places_is_one_document(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "readme.txt").write_text("Equal.")
        monkeypatch.chdir(tmp_path / place)
        report = sync(ingestor, Path("readme.txt"))
    assert report.count(FileStatus.UNCHANGED) == 1
    assert len(store.catalog.documents()) == 1


def test_a_file_that_becomes_the_copy_of_another_leaves_no_old_version(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, text in (("x", "Equal."), ("y", "Old text."), ("y", "Equal.")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "readme.txt").write_text(text)
        monkeypatch.chdir(tmp_path / place)
        sync(ingestor, Path("readme.txt"))
    (info,) = store.catalog.documents()
    assert store.catalog.text(info.id) == "Equal."
    assert len(store.snapshot()) == 1


def test_without_pruning_a_vanished_file_stays(ingestor: Ingestor, store: Store, folder: Path) -> None:
    sync(ingestor, folder)
    (folder / "a.txt").unlink()
    assert sync(ingestor, folder).count(FileStatus.UNCHANGED) == 1
    assert len(store.catalog.documents()) == 2


def test_pruning_removes_what_vanished_and_only_that(ingestor: Ingestor, store: Store, folder: Path) -> None:
    add(ingestor, b"An upload is of no folder.", "upload.txt")
    sync(ingestor, folder)
    (folder / "a.txt").unlink()
    report = sync(ingestor, folder, prune=True)
    assert statuses(report) == {"a.txt": FileStatus.REMOVED, "b.md": FileStatus.UNCHANGED}
    assert report.complete
    assert [Path(info.source).name for info in store.catalog.documents()] == ["b.md", "upload.txt"]


def test_pruning_one_folder_leaves_the_others(ingestor: Ingestor, store: Store, folder: Path) -> None:
    beside = folder.with_name("docs-2024")
    beside.mkdir()
    (beside / "c.txt").write_text("A letter from beside.")
    sync(ingestor, folder, beside)
    (beside / "c.txt").unlink()
    assert sync(ingestor, folder, prune=True, yes=True).count(FileStatus.REMOVED) == 0
    assert len(store.catalog.documents()) == 3


def test_an_empty_mount_prunes_nothing_unless_it_is_meant(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    sync(ingestor, folder)
    (folder / "a.txt").unlink()
    (folder / "deep" / "b.md").unlink()
    report = sync(ingestor, folder, prune=True)
    assert set(statuses(report).values()) == {FileStatus.KEPT}
    assert not report.complete
    assert "2 of 2 files have vanished" in str(report.files[0].reason)
    assert len(store.catalog.documents()) == 2
    assert sync(ingestor, folder, prune=True, yes=True).count(FileStatus.REMOVED) == 2
    assert store.catalog.documents() == []


def test_a_renamed_file_moves_and_costs_no_embedding(
    ingestor: Ingestor, store: Store, embedder: HashingEmbedder, folder: Path
) -> None:
    sync(ingestor, folder)
    embedder.embedded.clear()
    (folder / "a.txt").rename(folder / "renamed.txt")
    report = sync(ingestor, folder, prune=True)
    assert statuses(report)["renamed.txt"] is FileStatus.ADDED
    assert statuses(report)["a.txt"] is FileStatus.REMOVED
    assert embedder.embedded == []


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"%41 #?.txt", "Grüße 世界.txt".encode()])
def test_a_file_of_any_name_that_is_there_is_not_pruned(
    ingestor: Ingestor, store: Store, folder: Path, name: bytes
) -> None:
    (folder / os.fsdecode(name)).write_text("A letter with an odd name.")
    sync(ingestor, folder)
    assert sync(ingestor, folder, prune=True, yes=True).count(FileStatus.REMOVED) == 0
    assert len(store.catalog.documents()) == 3


def test_a_file_that_can_no_longer_be_read_is_not_pruned(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    sync(ingestor, folder)
    (folder / "a.txt").write_bytes(bytes(range(256)))
    report = sync(ingestor, folder, prune=True, yes=True)
    assert statuses(report)["a.txt"] is FileStatus.FAILED
    assert len(store.catalog.documents()) == 2


def test_a_file_that_changed_after_a_sync_was_broken_off_is_read_again(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    class Interrupting(Silent):
        def finished(self, record: FileRecord) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(ingestor, folder, progress=Interrupting())
    (folder / "a.txt").write_text("The dam was built in 1950.")
    report = sync(ingestor, folder)
    assert statuses(report) == {"a.txt": FileStatus.REPLACED, "b.md": FileStatus.ADDED}
    assert "1950" in store.catalog.text(str(report.files[0].document_id))


def test_what_a_broken_off_sync_removed_is_in_the_report_of_the_next(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    sync(ingestor, folder)
    (folder / "a.txt").unlink()

    class Interrupting(Silent):
        def finished(self, record: FileRecord) -> None:
            if record.status is FileStatus.REMOVED:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(ingestor, folder, prune=True, progress=Interrupting())
    report = sync(ingestor, folder, prune=True)
    assert statuses(report) == {"a.txt": FileStatus.REMOVED, "b.md": FileStatus.UNCHANGED}
    assert len(store.catalog.documents()) == 1


def test_the_copy_of_a_file_from_elsewhere_is_not_parsed_twice(
    ingestor: Ingestor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "readme.txt").write_text("Equal.")
    monkeypatch.chdir(tmp_path / "x")
    sync(ingestor, Path("readme.txt"))
    monkeypatch.chdir(tmp_path / "y")
    with monkeypatch.context() as patched:
        patched.setattr("index.parsing_ahead.chosen_loader", lambda *_, **__: pytest.fail("parsed"))
        assert sync(ingestor, Path("readme.txt")).count(FileStatus.UNCHANGED) == 1


def test_what_editors_leave_beside_a_file_is_passed_over(ingestor: Ingestor, folder: Path) -> None:
    for name in ("a.txt~", "~$a.docx", "#a.txt#", ".a.txt.swp"):
        (folder / name).write_text("The dam was not finished.")
    assert set(statuses(sync(ingestor, folder))) == {"a.txt", "b.md"}


def test_a_folder_that_cannot_be_looked_into_is_named(
    ingestor: Ingestor, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(ingestor, folder)
    listed = os.scandir

    def closed(path: str) -> object:
        if path.endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", closed)
    report = sync(ingestor, folder, prune=True)
    assert statuses(report) == {"a.txt": FileStatus.UNCHANGED, "deep": FileStatus.FAILED}
    assert "Permission denied" in str(report.files[-1].reason)
    assert len(store.catalog.documents()) == 2


def test_a_sync_of_changes_looks_at_nothing_else(ingestor: Ingestor, store: Store, folder: Path) -> None:
    sync(ingestor, folder)
    (folder / "a.txt").write_text("The dam was built in 1950.")
    (folder / "c.txt").write_text("The dam holds.")
    (folder / ".d.txt").write_text("Never read.")
    request = SyncRequest.of([folder]).only([f"{folder}/c.txt", f"{folder}/.d.txt", f"{folder}/gone.txt"])
    assert statuses(JobRunner.over(ingestor).sync(request)) == {"c.txt": FileStatus.ADDED}
    request = SyncRequest.of([folder]).only([f"{folder}/deep", "/etc/hostname"])
    assert statuses(JobRunner.over(ingestor).sync(request)) == {"b.md": FileStatus.UNCHANGED}
    assert len(store.catalog.documents()) == 3


def test_a_file_given_by_changes_has_the_identity_it_has_in_a_sync_of_its_folder(
    ingestor: Ingestor, tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    request = SyncRequest.of([tmp_path / "link"])
    sync(ingestor, folder)
    JobRunner.over(ingestor).sync(request)
    (folder / "deep" / "b.md").write_text("# Rivers\n\nThe Indus is longer.\n")
    report = JobRunner.over(ingestor).sync(request.only([f"{tmp_path}/link/deep/b.md"]))
    assert statuses(report) == {"b.md": FileStatus.REPLACED}
    assert report.files[0].source == f"{tmp_path}/link/deep/b.md"


def test_a_request_is_the_same_after_it_was_kept_as_json(folder: Path) -> None:
    odd = folder / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("x")
    request = SyncRequest.of([folder, odd], prune=True).only([str(odd)])
    assert SyncRequest.read(json.loads(json.dumps(request.values()))) == request
