"""Files within files: each a document of its own, which comes and goes with the file it is in."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from doubles import HashingEmbedder

from index.errors import EmptyDocument
from index.ingest import Ingestor
from index.jobs import FileRecord, FileStatus
from index.loading import Parsing
from index.report import Progress, Report, Silent
from index.running import JobRunner
from index.sources import member_origin, members_prefix, outermost, path_of
from index.store import Store
from index.sync import SyncRequest

MAIL = (
    b"From: Ada <ada@example.org>\r\nTo: Bo <bo@example.org>\r\nSubject: The offer\r\n"
    b"Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nThe offer for the bridge is attached.\r\n"
    b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="offer.txt"\r\n\r\n'
    b"The bridge costs nine million.\r\n--b--\r\n"
)


def zipped(members: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def sync(
    ingestor: Ingestor, folder: Path, *, prune: bool = False, progress: Progress | None = None
) -> Report:
    request = SyncRequest.of([folder], prune=prune, yes=True)
    return JobRunner.over(ingestor).sync(request, progress)


def statuses(report: Report, folder: Path) -> dict[str, FileStatus]:
    return {record.source.removeprefix(f"{folder}/"): record.status for record in report.files}


def texts(store: Store) -> dict[str, str]:
    return {info.title: store.catalog.text(info.id) for info in store.catalog.documents()}


def test_each_file_in_an_archive_is_a_document_and_the_archive_is_none(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "a.zip").write_bytes(zipped({"dam.txt": "The dam holds.", "deep/river.txt": "It is long."}))
    report = sync(ingestor, folder)
    assert statuses(report, folder) == {
        "a.zip/dam.txt": FileStatus.ADDED,
        "a.zip/deep/river.txt": FileStatus.ADDED,
    }
    assert report.complete
    assert texts(store) == {"Dam": "The dam holds.", "River": "It is long."}


def test_an_unchanged_archive_embeds_nothing(
    ingestor: Ingestor, embedder: HashingEmbedder, folder: Path
) -> None:
    (folder / "a.zip").write_bytes(zipped({"dam.txt": "The dam holds."}))
    sync(ingestor, folder)
    embedder.embedded.clear()
    assert statuses(sync(ingestor, folder), folder) == {"a.zip/dam.txt": FileStatus.UNCHANGED}
    assert embedder.embedded == []


def test_what_a_later_version_of_an_archive_lacks_goes(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    archive = folder / "a.zip"
    inner = zipped({"old.txt": "Old."})
    archive.write_bytes(zipped({"dam.txt": "It holds.", "gone.txt": "Gone.", "inner.zip": inner}))
    sync(ingestor, folder)
    archive.write_bytes(zipped({"dam.txt": "It broke.", "new.txt": "New."}))
    assert statuses(sync(ingestor, folder), folder) == {
        "a.zip/dam.txt": FileStatus.REPLACED,
        "a.zip/gone.txt": FileStatus.REMOVED,
        "a.zip/inner.zip/old.txt": FileStatus.REMOVED,
        "a.zip/new.txt": FileStatus.ADDED,
    }
    assert texts(store) == {"Dam": "It broke.", "New": "New."}


def test_a_damaged_later_version_keeps_what_there_is(ingestor: Ingestor, store: Store, folder: Path) -> None:
    archive = folder / "a.zip"
    archive.write_bytes(zipped({"dam.txt": "It holds."}))
    sync(ingestor, folder)
    archive.write_bytes(archive.read_bytes()[:-10])
    assert statuses(sync(ingestor, folder), folder)["a.zip"] is FileStatus.SKIPPED
    assert texts(store) == {"Dam": "It holds."}


def test_what_came_in_an_archive_goes_when_that_vanishes_from_its_folder(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "a.zip").write_bytes(zipped({"dam.txt": "It holds.", "b.zip": zipped({"c.txt": "Deep."})}))
    (folder / "stays.txt").write_text("It stays.")
    sync(ingestor, folder)
    (folder / "a.zip").unlink()
    report = sync(ingestor, folder, prune=True)
    assert report.count(FileStatus.REMOVED) == 2
    assert texts(store) == {"Stays": "It stays."}


def test_one_bad_file_in_an_archive_stops_no_other(ingestor: Ingestor, folder: Path) -> None:
    members = {
        "bad.pdf": b"%PDF-1.7\n",
        "dam.txt": "It holds.",
        "empty.txt": "",
        "photo.png": b"\x89PNG\r\n1",
    }
    (folder / "a.zip").write_bytes(zipped(members))
    report = sync(ingestor, folder)
    assert statuses(report, folder) == {
        "a.zip/bad.pdf": FileStatus.FAILED,
        "a.zip/dam.txt": FileStatus.ADDED,
        "a.zip/empty.txt": FileStatus.FAILED,
        "a.zip/photo.png": FileStatus.SKIPPED,
    }


def test_an_archive_of_archives_is_read_to_some_depth_and_then_refused(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    data = zipped({"deepest.txt": "Too deep."})
    for depth in range(6, 0, -1):
        data = zipped({f"{depth}.zip": data, f"{depth}.txt": f"Depth {depth}."})
    (folder / "a.zip").write_bytes(data)
    report = sync(ingestor, folder)
    (refused,) = [record for record in report.files if record.status is FileStatus.FAILED]
    assert "within 4 other files" in (refused.reason or "")
    assert set(texts(store)) == {"1", "2", "3", "4"}


def test_all_that_comes_out_of_one_file_is_bounded_together(
    store: Store, ingestor: Ingestor, folder: Path
) -> None:
    small = Ingestor(
        store, ingestor._chunker, ingestor._embedder, max_bytes=2**24, parsing=Parsing(unpacked_bytes=100_000)
    )
    inner = zipped({f"{n}.txt": f"{n} " * 20_000 for n in range(2)})
    (folder / "a.zip").write_bytes(zipped({"one.zip": inner, "two.zip": inner + b"", "b.txt": "It holds."}))
    report = sync(small, folder)
    assert statuses(report, folder) == {
        "a.zip/b.txt": FileStatus.ADDED,
        "a.zip/one.zip/0.txt": FileStatus.ADDED,
        "a.zip/one.zip/1.txt": FileStatus.ADDED,
        "a.zip/two.zip": FileStatus.FAILED,
    }


def test_names_that_lead_elsewhere_are_names_alone(
    ingestor: Ingestor, store: Store, folder: Path, tmp_path: Path
) -> None:
    members = {
        "../../evil.txt": "One.",
        "/etc/evil.txt": "Two.",
        "a\\..\\evil.txt": "Three.",
        "x#y.txt": "4.",
    }
    (folder / "a.zip").write_bytes(zipped(members))
    before = sorted(tmp_path.rglob("*"))
    report = sync(ingestor, folder)
    assert report.count(FileStatus.ADDED) == 4
    assert [path for path in sorted(tmp_path.rglob("*")) if "evil" in path.name] == []
    assert [path for path in before if not path.exists()] == []
    assert sync(ingestor, folder).count(FileStatus.UNCHANGED) == 4


def test_files_of_one_name_are_told_apart(ingestor: Ingestor, store: Store, folder: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for fact in ("One.", "Two.", "Three."):
            archive.writestr("a.txt", fact)
    (folder / "a.zip").write_bytes(buffer.getvalue())
    assert sync(ingestor, folder).count(FileStatus.ADDED) == 3
    assert sorted(texts(store).values()) == ["One.", "Three.", "Two."]


def test_an_uploaded_archive_is_replaced_by_the_next_of_its_name(ingestor: Ingestor, store: Store) -> None:
    runner = JobRunner.over(ingestor)
    runner.add(zipped({"dam.txt": "It holds.", "gone.txt": "Gone."}), "a.zip")
    report = runner.add(zipped({"dam.txt": "It broke."}), "a.zip")
    assert {record.source: record.status for record in report.files} == {
        "a.zip/dam.txt": FileStatus.REPLACED,
        "a.zip/gone.txt": FileStatus.REMOVED,
    }
    assert texts(store) == {"Dam": "It broke."}


def test_an_upload_that_holds_nothing_fails(ingestor: Ingestor) -> None:
    report = JobRunner.over(ingestor).add(zipped({"a/": ""}), "a.zip")
    assert isinstance(report.error, EmptyDocument)
    assert [record.status for record in report.files] == [FileStatus.FAILED]


def test_a_mail_and_what_is_attached_to_it_are_documents(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "offer.eml").write_bytes(MAIL)
    report = sync(ingestor, folder)
    assert statuses(report, folder) == {
        "offer.eml": FileStatus.ADDED,
        "offer.eml/offer.txt": FileStatus.ADDED,
    }
    assert sync(ingestor, folder).count(FileStatus.UNCHANGED) == 2


def test_attachments_that_a_broken_off_job_left_are_stored_by_the_next(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "offer.eml").write_bytes(MAIL)
    sync(ingestor, folder)
    (attached,) = [info for info in store.catalog.documents() if info.source.endswith("offer.txt")]
    store.delete(attached.id)
    # As if it had been killed between the two.
    assert statuses(sync(ingestor, folder), folder)["offer.eml/offer.txt"] is FileStatus.ADDED


def test_progress_counts_what_is_within(ingestor: Ingestor, folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped({"dam.txt": "It holds.", "b.txt": "B."}))
    (folder / "offer.eml").write_bytes(MAIL)

    class Counting(Silent):
        files = done = 0

        def found(self, files: int, passages: int) -> None:
            self.files += files

        def finished(self, record: FileRecord) -> None:
            self.done += 1

    counting = Counting()
    sync(ingestor, folder, progress=counting)
    assert counting.files == counting.done == 4


def test_identities_within_files_lead_back_to_the_file() -> None:
    origin = "file:///data/a%20b.zip"
    member = member_origin(origin, "x/../#1.zip")
    inner = member_origin(member, "ü.txt")
    assert outermost(inner) == outermost(member) == outermost(origin) == origin
    assert path_of(inner) == Path("/data/a b.zip")
    assert inner.startswith(members_prefix(member)) and member.startswith(members_prefix(origin))
    assert inner.startswith(members_prefix(origin))
    assert not member_origin(origin, "x").startswith(members_prefix(member))
    assert member_origin("upload:a#b", "c") != member_origin("upload:a", "b#c")
