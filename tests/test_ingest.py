"""Files and uploads into a collection."""

import os
from pathlib import Path

import pytest
from doubles import HashingEmbedder

from index.errors import EmptyDocument, SourceNotFound, StorageFull
from index.ingest import Ingestor, Outcome, Prune, Silent, Status
from index.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("The dam was built in 1947.")
    (folder / "deep" / "b.md").write_text("# Rivers\n\nThe Indus is long.\n")
    (folder / ".hidden.txt").write_text("Never read.")
    return folder


def statuses(outcomes: tuple[Outcome, ...]) -> dict[str, Status]:
    return {Path(outcome.source).name: outcome.status for outcome in outcomes}


def test_a_folder_is_ingested_with_all_below_it_but_hidden_files(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    report = ingestor.ingest([folder])
    assert statuses(report.outcomes) == {"a.txt": Status.ADDED, "b.md": Status.ADDED}
    assert report.complete
    assert [Path(info.source).name for info in store.catalog.documents()] == ["a.txt", "b.md"]


def test_the_second_time_nothing_is_parsed_or_embedded(
    ingestor: Ingestor, embedder: HashingEmbedder, folder: Path
) -> None:
    ingestor.ingest([folder])
    embedder.embedded.clear()
    report = ingestor.ingest([folder])
    assert report.count(Status.UNCHANGED) == 2
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
    ingestor.ingest([folder])
    embedder.embedded.clear()
    (folder / "a.txt").write_text(
        "\n\n".join([*sections[:3], "Section 3\nA new ending, with words of its own to stand for it."])
    )
    report = ingestor.ingest([folder])
    assert statuses(report.outcomes) == {"a.txt": Status.REPLACED, "b.md": Status.UNCHANGED}
    assert len(embedder.embedded) == report.embedded == 1
    assert len(store.catalog.documents()) == 2


def test_one_bad_file_stops_nothing_and_is_named_with_its_reason(ingestor: Ingestor, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "scan.pdf").write_bytes(b"%PDF-1.7\n")
    report = ingestor.ingest([folder])
    assert statuses(report.outcomes) == {
        "a.txt": Status.ADDED,
        "b.md": Status.ADDED,
        "bad.txt": Status.FAILED,
        "empty.txt": Status.FAILED,
        "scan.pdf": Status.SKIPPED,
    }
    assert not report.complete
    reasons = {Path(outcome.source).name: outcome.reason for outcome in report.outcomes}
    assert "PDF" in (reasons["scan.pdf"] or "")
    assert "no text" in (reasons["empty.txt"] or "")


def test_an_unread_format_that_was_named_itself_fails(ingestor: Ingestor, folder: Path) -> None:
    (folder / "scan.pdf").write_bytes(b"%PDF-1.7\n")
    assert statuses(ingestor.ingest([folder / "scan.pdf"]).outcomes) == {"scan.pdf": Status.FAILED}


def test_a_path_that_is_not_there_is_refused_before_anything_is_done(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    with pytest.raises(SourceNotFound, match="no-such-folder"):
        ingestor.ingest([folder, Path("no-such-folder")])
    assert store.catalog.documents() == []


def test_a_file_given_twice_or_by_two_paths_is_one_document(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    ingestor.ingest([folder, folder / "a.txt", folder / "deep" / ".." / "a.txt"])
    assert len(store.catalog.documents()) == 2


def test_an_ingest_broken_off_is_finished_by_the_next_one(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    for n in range(6):
        (folder / f"c{n}.txt").write_text(
            "\n".join(f"File {n} has fact {fact}, told at length here." for fact in range(90))
        )

    class Interrupting(Silent):
        done = 0

        def finished(self, outcome: Outcome) -> None:
            self.done += 1
            if self.done == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingestor.ingest([folder], Interrupting())
    kept = {info.source for info in store.catalog.documents()}
    assert len(kept) == 3
    report = ingestor.ingest([folder])
    assert {outcome.source for outcome in report.outcomes if outcome.status is Status.UNCHANGED} == kept
    assert report.count(Status.ADDED) == 5
    assert len(store.catalog.documents()) == 8
    for info in store.catalog.documents():
        ordinals = [passage.ordinal for _, passage in store.catalog.passages_of(info.id)]
        assert ordinals == list(range(info.passages))


def test_a_full_disk_fails_the_file_and_names_those_not_tried(
    ingestor: Ingestor, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingestor.ingest([folder / "a.txt"])

    def full(*_: object) -> None:
        raise StorageFull("the disk is full")

    (folder / "c.txt").write_text("\n".join(f"Sentence {n} fills the batch by itself." for n in range(900)))
    (folder / "d.txt").write_text("Never tried.")
    with monkeypatch.context() as patched:
        patched.setattr(store.catalog, "put", full)
        report = ingestor.ingest([folder])
    assert statuses(report.outcomes) == {
        "a.txt": Status.UNCHANGED,
        "c.txt": Status.FAILED,
        "d.txt": Status.FAILED,
        "b.md": Status.FAILED,
    }
    assert [Path(info.source).name for info in store.catalog.documents()] == ["a.txt"]
    assert ingestor.ingest([folder]).count(Status.ADDED) == 3


def test_an_upload_is_stored_under_its_name_and_replaced_by_the_next(
    ingestor: Ingestor, store: Store
) -> None:
    assert ingestor.add(b"The dam holds.", "dam.txt").status is Status.ADDED
    assert ingestor.add(b"The dam holds.", "dam.txt").status is Status.UNCHANGED
    assert ingestor.add(b"The dam broke.", "dam.txt").status is Status.REPLACED
    (info,) = store.catalog.documents()
    assert info.source == "dam.txt"
    with pytest.raises(EmptyDocument):
        ingestor.add(b"", "dam.txt")
    assert len(store.catalog.documents()) == 1


def test_two_folders_of_the_same_name_do_not_overwrite_each_other(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("x", "y"):
        (tmp_path / place / "docs").mkdir(parents=True)
        (tmp_path / place / "docs" / "readme.txt").write_text(f"Readme of {place}.")
        monkeypatch.chdir(tmp_path / place)
        ingestor.ingest([Path("docs")])
    assert [info.source for info in store.catalog.documents()] == ["docs/readme.txt"] * 2


def test_the_same_text_under_the_same_name_from_two_places_is_one_document(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "readme.txt").write_text("Equal.")
        monkeypatch.chdir(tmp_path / place)
        report = ingestor.ingest([Path("readme.txt")])
    assert report.count(Status.UNCHANGED) == 1
    assert len(store.catalog.documents()) == 1


def test_a_file_that_becomes_the_copy_of_another_leaves_no_old_version(
    ingestor: Ingestor, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, text in (("x", "Equal."), ("y", "Old text."), ("y", "Equal.")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "readme.txt").write_text(text)
        monkeypatch.chdir(tmp_path / place)
        ingestor.ingest([Path("readme.txt")])
    (info,) = store.catalog.documents()
    assert store.catalog.text(info.id) == "Equal."
    assert len(store.snapshot()) == 1


def test_without_pruning_a_vanished_file_stays(ingestor: Ingestor, store: Store, folder: Path) -> None:
    ingestor.ingest([folder])
    (folder / "a.txt").unlink()
    assert ingestor.ingest([folder]).count(Status.UNCHANGED) == 1
    assert len(store.catalog.documents()) == 2


def test_pruning_removes_what_vanished_and_only_that(ingestor: Ingestor, store: Store, folder: Path) -> None:
    ingestor.add(b"An upload is of no folder.", "upload.txt")
    ingestor.ingest([folder])
    (folder / "a.txt").unlink()
    report = ingestor.ingest([folder], prune=Prune.IF_FEW)
    assert statuses(report.outcomes) == {"a.txt": Status.REMOVED, "b.md": Status.UNCHANGED}
    assert report.complete
    assert [Path(info.source).name for info in store.catalog.documents()] == ["b.md", "upload.txt"]


def test_pruning_one_folder_leaves_the_others(ingestor: Ingestor, store: Store, folder: Path) -> None:
    beside = folder.with_name("docs-2024")
    beside.mkdir()
    (beside / "c.txt").write_text("A letter from beside.")
    ingestor.ingest([folder, beside])
    (beside / "c.txt").unlink()
    assert ingestor.ingest([folder], prune=Prune.ALWAYS).count(Status.REMOVED) == 0
    assert len(store.catalog.documents()) == 3


def test_an_empty_mount_prunes_nothing_unless_it_is_meant(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    ingestor.ingest([folder])
    (folder / "a.txt").unlink()
    (folder / "deep" / "b.md").unlink()
    report = ingestor.ingest([folder], prune=Prune.IF_FEW)
    assert set(statuses(report.outcomes).values()) == {Status.KEPT}
    assert not report.complete
    assert "2 of 2 files have vanished" in str(report.outcomes[0].reason)
    assert len(store.catalog.documents()) == 2
    assert ingestor.ingest([folder], prune=Prune.ALWAYS).count(Status.REMOVED) == 2
    assert store.catalog.documents() == []


def test_a_renamed_file_moves_and_costs_no_embedding(
    ingestor: Ingestor, store: Store, embedder: HashingEmbedder, folder: Path
) -> None:
    ingestor.ingest([folder])
    embedder.embedded.clear()
    (folder / "a.txt").rename(folder / "renamed.txt")
    report = ingestor.ingest([folder], prune=Prune.IF_FEW)
    assert statuses(report.outcomes)["renamed.txt"] is Status.ADDED
    assert statuses(report.outcomes)["a.txt"] is Status.REMOVED
    assert embedder.embedded == []


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"%41 #?.txt", "Grüße 世界.txt".encode()])
def test_a_file_of_any_name_that_is_there_is_not_pruned(
    ingestor: Ingestor, store: Store, folder: Path, name: bytes
) -> None:
    (folder / os.fsdecode(name)).write_text("A letter with an odd name.")
    ingestor.ingest([folder])
    assert ingestor.ingest([folder], prune=Prune.ALWAYS).count(Status.REMOVED) == 0
    assert len(store.catalog.documents()) == 3


def test_a_file_that_can_no_longer_be_read_is_not_pruned(
    ingestor: Ingestor, store: Store, folder: Path
) -> None:
    ingestor.ingest([folder])
    (folder / "a.txt").write_bytes(bytes(range(256)))
    report = ingestor.ingest([folder], prune=Prune.ALWAYS)
    assert statuses(report.outcomes)["a.txt"] is Status.FAILED
    assert len(store.catalog.documents()) == 2
