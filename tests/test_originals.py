"""The bytes of a document's file beside the document: which are kept, for how long, and what damage does."""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from contracts import chunked
from damaging import DOCUMENTS, SPACE, build, changed, rows
from doubles import HashingEmbedder
from pdf_writing import Pdf, lines
from test_doctor import seal

from index import backup
from index.chunking import Chunker, indexed_text
from index.doctor import examine
from index.doctor.repair import repair_collection
from index.doctor.salvage import salvage
from index.embedding import Vectors
from index.errors import DamagedStore
from index.home import COLLECTIONS_FOLDER
from index.ingest import Ingestor
from index.jobs import FileStatus
from index.parsing_ahead import ParsingAhead
from index.report import Report
from index.running import JobRunner
from index.sources import content_sha256
from index.sql import originals
from index.store import CATALOG_FILE, Store
from index.sync import SyncRequest
from index.types import Document, DocumentInfo

BRIDGE = ["The river came over its banks in the night and", "took the old bridge at Hallow with it."]
PDF = Pdf().page(lines(70, 90, BRIDGE)).bytes()
DAM = DOCUMENTS[0]
Ingesting = Callable[[bool], Ingestor]


@pytest.fixture
def ingesting(store: Store, chunker: Chunker, embedder: HashingEmbedder) -> Ingesting:
    """Give what makes an ingestor that keeps originals, or none."""

    def made(keep: bool) -> Ingestor:
        return Ingestor(store, chunker, embedder, max_bytes=2**20, keep_originals=keep)

    return made


def add(ingestor: Ingestor, data: bytes, name: str) -> Report:
    return JobRunner.over(ingestor).add(data, name)


def only(store: Store) -> DocumentInfo:
    (info,) = store.catalog.documents()
    return info


def test_the_bytes_of_a_pdf_are_kept_and_those_of_other_files_are_not(
    ingesting: Ingesting, store: Store
) -> None:
    add(ingesting(True), PDF, "flood.pdf")
    add(ingesting(True), b"The river came over its banks.", "flood.txt")
    pdf, text = store.catalog.documents()
    assert (pdf.source, pdf.has_original, store.catalog.original(pdf.id)) == ("flood.pdf", True, PDF)
    assert (text.source, text.has_original, store.catalog.original(text.id)) == ("flood.txt", False, None)


def test_none_are_kept_where_they_are_not_to_be(ingesting: Ingesting, store: Store) -> None:
    add(ingesting(False), PDF, "flood.pdf")
    assert (only(store).has_original, store.catalog.original(only(store).id)) == (False, None)


def test_a_pdf_in_an_archive_keeps_its_own_bytes(ingesting: Ingesting, store: Store) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("papers/flood.pdf", PDF)
    add(ingesting(True), packed.getvalue(), "all.zip")
    assert store.catalog.original(only(store).id) == PDF


def test_another_version_of_a_pdf_comes_with_its_own_bytes(ingesting: Ingesting, store: Store) -> None:
    later = Pdf().page(lines(70, 90, [*BRIDGE, "It was built again in May."])).bytes()
    for data in (PDF, later):
        add(ingesting(True), data, "flood.pdf")
    assert store.catalog.original(only(store).id) == later


def test_a_pdf_stored_without_its_bytes_gets_them_and_is_neither_parsed_nor_embedded(
    ingesting: Ingesting, store: Store, embedder: HashingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ingesting(False), PDF, "flood.pdf")
    before, embedded = only(store), len(embedder.embedded)
    sequence = store.catalog.sequence()
    monkeypatch.setattr(ParsingAhead, "add", None)
    (told,) = add(ingesting(True), PDF, "flood.pdf").files
    assert told.status is FileStatus.UNCHANGED
    assert store.catalog.original(before.id) == PDF
    assert only(store) == replace(before, has_original=True)
    assert (len(embedder.embedded), store.catalog.sequence()) == (embedded, sequence)


class Counting(HashingEmbedder):
    """Notes how many passages it is asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(len(texts))
        return super().embed_passages(texts)


def test_files_are_stored_before_many_bytes_of_them_are_held_however_few_their_passages(
    store: Store, chunker: Chunker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.ingest_run._BATCH_BYTES", 2 * len(PDF))
    files = [tmp_path / f"{number}.pdf" for number in range(9)]
    for number, file in enumerate(files):
        file.write_bytes(Pdf().page(lines(70, 90, [f"Report {number}."])).bytes())
    embedder = Counting()
    JobRunner.over(Ingestor(store, chunker, embedder, max_bytes=2**20)).sync(SyncRequest.of(files))
    assert sum(embedder.asked) == 9
    assert max(embedder.asked) <= 3
    assert all(info.has_original for info in store.catalog.documents())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a closed collection in which an original has several parts."""
    monkeypatch.setattr(originals, "PART_BYTES", 400)
    return build(tmp_path / "home" / COLLECTIONS_FOLDER / "default")


def original_of(folder: Path) -> bytes | None:
    store = Store(folder, SPACE, writable=False)
    try:
        return store.catalog.original(DAM.id)
    finally:
        store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE originals SET data = zeroblob(length(data)) WHERE part = 1",
        "UPDATE originals SET data = CAST(data AS TEXT) WHERE part = 1",
        "UPDATE originals SET part = 7 WHERE part = 1",
        "UPDATE originals SET crc = crc + 1 WHERE part = 0",
        "DELETE FROM originals WHERE part = 0",
        "DELETE FROM originals WHERE part = (SELECT max(part) FROM originals)",
    ],
)
def test_an_original_with_damage_is_refused_found_and_set_aside_and_its_document_stays(
    folder: Path, damage: str
) -> None:
    changed(folder, damage)
    with pytest.raises(DamagedStore, match="doctor"):
        original_of(folder)
    place = examine(folder)[0].place
    assert "original of document " in place
    assert "(dam.txt)" in place
    done = repair_collection(folder)
    assert (done.left, done.due) == ((), ())
    assert any("add the file again" in action.message for action in done.actions)
    assert original_of(folder) is None
    store = Store(folder, SPACE, writable=True)
    assert store.catalog.text(DAM.id) == DAM.text
    # The file is read again, and its bytes are there again.
    assert DAM.original is not None
    store.catalog.keep_original(DAM.id, DAM.original)
    store.close()
    assert (original_of(folder), examine(folder)) == (DAM.original, [])


def test_bytes_of_another_file_are_found_though_every_checksum_is_right(folder: Path) -> None:
    changed(folder, "UPDATE originals SET data = x'00' WHERE part = 1")
    seal(folder, "originals")
    (finding,) = examine(folder)
    assert finding.message == "it is not the file that the document was loaded from"
    assert repair_collection(folder).left == ()
    assert original_of(folder) is None


def test_what_is_set_aside_of_an_original_is_all_that_is_left_of_it(folder: Path) -> None:
    before = {data for (data,) in rows(folder, "SELECT hex(data) FROM originals WHERE part != 1")}
    changed(folder, "DELETE FROM originals WHERE part = 1")
    repair_collection(folder)
    aside = [json.loads(record) for (record,) in rows(folder, "SELECT record FROM quarantine")]
    assert {entry["row"]["data"].upper() for entry in aside} == before
    assert rows(folder, "SELECT * FROM originals") == []


def test_an_original_whose_document_is_gone_goes_with_the_rest_of_it(folder: Path) -> None:
    changed(folder, f"DELETE FROM documents WHERE id = '{DAM.id}'")
    assert repair_collection(folder).left == ()
    assert rows(folder, "SELECT * FROM originals") == []


def test_a_file_that_is_written_anew_has_its_originals_and_its_uploads(folder: Path) -> None:
    before = [rows(folder, f"SELECT * FROM {table} ORDER BY part") for table in ("originals", "uploads")]
    salvage(folder)
    after = [rows(folder, f"SELECT * FROM {table} ORDER BY part") for table in ("originals", "uploads")]
    assert after == before
    assert original_of(folder) == DAM.original
    assert rows(folder, "SELECT * FROM quarantine") == []


def test_a_backup_carries_originals(folder: Path, tmp_path: Path) -> None:
    backup.back_up(folder.parents[1], tmp_path / "backup")
    backup.restore(tmp_path / "other", tmp_path / "backup")
    assert original_of(tmp_path / "other" / COLLECTIONS_FOLDER / "default") == DAM.original


def secret(number: int) -> Document:
    made, _ = chunked("It says nothing.", f"{number}.pdf")
    data = b"%PDF the canary is called Xanthippe" * 2000
    return replace(made, original=data, content_sha256=content_sha256(data))


def test_nothing_of_the_original_of_a_deleted_document_is_left_in_the_file(tmp_path: Path) -> None:
    embedder = HashingEmbedder()
    store = Store(tmp_path, embedder.identity.space("test"), writable=True)
    made = secret(1)
    passages = chunked(made.text, made.source)[1]
    store.put(made, passages, embedder.embed_passages([indexed_text(passage) for passage in passages]))
    assert b"Xanthippe" in b"".join(path.read_bytes() for path in tmp_path.glob(f"{CATALOG_FILE}*"))
    store.delete(made.id)
    assert b"Xanthippe" not in b"".join(path.read_bytes() for path in tmp_path.glob(f"{CATALOG_FILE}*"))
