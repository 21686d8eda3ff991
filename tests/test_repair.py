"""Repair: what is damaged is set aside and made anew, or named as gone; what is whole stays as it was.

One file, long as it is: all of it works on one damaged collection, which takes a while to make.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from damaging import (
    CHUNKER,
    DOCUMENTS,
    LARGE,
    SMALL,
    SPACE,
    Answers,
    answers,
    build,
    changed,
    dump,
    put,
    rows,
)
from doubles import HashingEmbedder, document
from filelock import FileLock

from index import doctor
from index.doctor import remedies, salvage
from index.doctor.repair import Repaired, repair, repair_collection
from index.errors import DocumentNotFound, HomeLocked, ModelNotFound
from index.home import COLLECTIONS_FOLDER
from index.reindex import Reindexer
from index.sql.schema import CRC, metadata, sealed
from index.store import CATALOG_FILE, Store
from index.vector_files import save
from index.vectors import FlatVectorIndex
from index.word_upkeep import LEXICAL_FOLDER
from rag.cli.main import run

DAM, LIGHTHOUSE, HARBOUR, _ = DOCUMENTS
OLD_SPACE = SMALL.identity.space(CHUNKER.fingerprint)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("repaired") / "letters")


@pytest.fixture(scope="module")
def before(template: Path) -> Answers:
    said = answers(template, every_row=True)
    assert said is not None
    return said


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "home" / COLLECTIONS_FOLDER / "letters"
    shutil.copytree(template, copy)
    return copy


def mended(folder: Path) -> Repaired:
    """Repair a collection, after which nothing is found but what is due."""
    done = repair_collection(folder)
    assert done.findings
    assert [finding for finding in done.left if "awaits cutting" not in finding.message] == []
    assert doctor.examine(folder) == list(done.left)
    return done


def made_anew(folder: Path) -> None:
    store = Store(folder, SPACE, writable=True)
    Reindexer(store, CHUNKER, LARGE).run()
    store.close()
    assert doctor.examine(folder) == []


def text_of(folder: Path, document_id: str) -> str | None:
    store = Store(folder, SPACE, writable=False)
    try:
        return store.catalog.text(document_id)
    except DocumentNotFound:
        return None
    finally:
        store.close()


def test_a_healthy_collection_is_left_as_it_is(folder: Path) -> None:
    data = (folder / CATALOG_FILE).read_bytes()
    assert repair_collection(folder) == Repaired((), (), (), ())
    assert (folder / CATALOG_FILE).read_bytes() == data


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET text = replace(text, 'dam', 'dab') WHERE document_id = '{}' AND space = '{}'",
        "UPDATE passages SET document_id = 'x' WHERE document_id = '{}' AND space = '{}' AND ordinal = 1",
        "DELETE FROM vectors WHERE row IN (SELECT row FROM passages"
        " WHERE document_id = '{}' AND space = '{}' AND ordinal = 1)",
        "UPDATE vectors SET vector = zeroblob(64) WHERE row IN (SELECT row FROM passages"
        " WHERE document_id = '{}' AND space = '{}' AND ordinal = 1)",
        "UPDATE cuts SET passages = passages + 1 WHERE document_id = '{}' AND space = '{}'",
    ],
)
def test_a_document_with_a_damaged_passage_is_due_and_then_as_it_was(
    folder: Path, before: Answers, statement: str
) -> None:
    changed(folder, statement.format(DAM.id, SPACE.id))
    done = mended(folder)
    assert done.due == ("letters",)
    assert {finding.place for finding in done.left} == {f"document {DAM.id} (dam.txt)"}
    # Its text is there all along, and the others answer from rows that are as they were.
    assert text_of(folder, DAM.id) == DAM.text
    said = answers(folder, every_row=True)
    assert said is not None
    others = {row: hit for row, hit in before.hits.items() if hit.passage.document_id != DAM.id}  # type: ignore[attr-defined]
    assert said.hits == others
    made_anew(folder)
    again = answers(folder, every_row=True)
    assert again is not None
    texts = {hit.passage.text for hit in before.hits.values()}  # type: ignore[attr-defined]
    assert {hit.passage.text for hit in again.hits.values()} == texts  # type: ignore[attr-defined]
    # Rows are never given twice.
    assert not (again.hits.keys() - others.keys()) & before.hits.keys()


def test_a_passage_damaged_in_a_space_that_does_not_serve_is_due_there_alone(folder: Path) -> None:
    changed(
        folder, f"UPDATE passages SET page = 9 WHERE document_id = '{DAM.id}' AND space = '{OLD_SPACE.id}'"
    )
    done = mended(folder)
    assert (done.left, done.due) == ((), ())
    assert rows(folder, "SELECT DISTINCT space FROM cuts WHERE document_id = '" + DAM.id + "'") == [
        (SPACE.id,)
    ]


def test_a_damaged_row_is_set_aside_as_it_was_found(folder: Path) -> None:
    changed(
        folder,
        f"UPDATE passages SET text = CAST(x'52ff6f' AS TEXT) WHERE document_id = '{DAM.id}' AND ordinal = 0",
        "UPDATE uploads SET data = x'00ff'",
    )
    mended(folder)
    found = [json.loads(record) for (record,) in rows(folder, "SELECT record FROM quarantine")]
    texts = [entry["row"]["text"] for entry in found if entry["table"] == "passages"]
    assert texts == ["R\udcffo", "R\udcffo"]
    assert [entry["row"]["data"] for entry in found if entry["table"] == "uploads"] == ["00ff"]
    ((place, reason),) = rows(
        folder, "SELECT place, reason FROM quarantine WHERE record LIKE '%\"passages\"%' LIMIT 1"
    )
    assert f"of document {DAM.id} (dam.txt)" in place
    assert reason == "the row is not the one that was stored"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE segments SET text = replace(text, '1903', '1993') WHERE document_id = '{}'",
        "UPDATE documents SET title = 'Another' WHERE id = '{}'",
        "DELETE FROM segments WHERE document_id = '{}' AND start = 0",
    ],
)
def test_a_document_whose_text_or_row_is_damaged_is_removed_and_named(folder: Path, statement: str) -> None:
    changed(folder, statement.format(HARBOUR.id))
    done = mended(folder)
    (told,) = [action.message for action in done.actions if HARBOUR.id in action.place]
    assert "ingest harbour.txt again" in told
    assert HARBOUR.origin in told
    assert "restore a backup" in told
    assert rows(folder, "SELECT operation, document_id FROM changes ORDER BY sequence DESC LIMIT 1") == [
        ("delete", HARBOUR.id)
    ]
    assert text_of(folder, HARBOUR.id) is None
    assert text_of(folder, DAM.id) == DAM.text
    tables = {json.loads(record)["table"] for (record,) in rows(folder, "SELECT record FROM quarantine")}
    assert {"segments", "outlines", "cuts", "passages", "vectors"} <= tables
    # And it can be had again.
    store = Store(folder, SPACE, writable=True)
    put(store, HARBOUR)
    store.close()
    assert doctor.examine(folder) == []
    assert text_of(folder, HARBOUR.id) == HARBOUR.text


def test_the_rows_of_a_document_whose_own_is_gone_are_set_aside_with_it(folder: Path) -> None:
    changed(folder, f"DELETE FROM documents WHERE id = '{DAM.id}'")
    done = mended(folder)
    # From what a job noted of it.
    assert any("ingest dam.txt again" in action.message for action in done.actions)
    assert rows(folder, f"SELECT * FROM passages WHERE document_id = '{DAM.id}'") == []


def test_a_damaged_outline_goes_alone(folder: Path) -> None:
    changed(folder, f"UPDATE outlines SET blocks = '[]' WHERE document_id = '{DAM.id}'")
    done = mended(folder)
    assert (done.left, done.due) == ((), ())
    store = Store(folder, SPACE, writable=True)
    assert store.catalog.whole(DAM.id).blocks == ()
    store.close()


def test_damaged_jobs_go_with_what_belongs_to_them_and_others_stay(folder: Path) -> None:
    changed(folder, "UPDATE jobs SET state = 'wait' WHERE kind = 'upload'")
    mended(folder)
    assert rows(folder, "SELECT kind FROM jobs") == [("sync",)]
    assert rows(folder, "SELECT * FROM uploads") == []
    assert len(rows(folder, "SELECT * FROM job_files")) == len(DOCUMENTS)


def test_an_upload_that_lost_a_part_is_no_job_any_more(folder: Path) -> None:
    changed(folder, "UPDATE uploads SET part = 7")
    mended(folder)
    reasons = {reason for (reason,) in rows(folder, "SELECT reason FROM quarantine")}
    assert "the bytes are not those that came; send the file again" in reasons
    assert rows(folder, "SELECT kind FROM jobs") == [("sync",)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes SET operation = 'pu' WHERE sequence = 2",
        "UPDATE changes SET document_id = 'nobody' WHERE sequence = (SELECT max(sequence) FROM changes)",
        "UPDATE changes SET sequence = 4000000000 WHERE sequence = 3",
        "DELETE FROM changes WHERE sequence = 1",
        "UPDATE changes SET operation = 'pu' WHERE operation = 'space'",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "UPDATE sqlite_sequence SET name = 'chances'",
    ],
)
def test_the_change_log_is_completed_and_the_words_follow_it(
    folder: Path, before: Answers, statement: str
) -> None:
    count = len(rows(folder, "SELECT * FROM changes"))
    changed(folder, statement)
    mended(folder)
    assert rows(folder, "SELECT sequence FROM changes") == [(number,) for number in range(1, count + 1)]
    said = answers(folder, every_row=True)
    assert said is not None
    assert said == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = '0' WHERE key = 'next_row'",
        "UPDATE meta SET key = 'next_rov' WHERE key = 'next_row'",
        "UPDATE meta SET value = 'x' WHERE key = 'lexical_key'",
        "UPDATE meta SET value = '7' WHERE key = 'schema_version'",
        "DELETE FROM meta",
        "INSERT INTO meta VALUES ('what', 'is this', 0)",
    ],
)
def test_values_are_computed_anew(folder: Path, before: Answers, statement: str) -> None:
    changed(folder, statement)
    mended(folder)
    assert answers(folder, every_row=True) == before
    store = Store(folder, SPACE, writable=True)
    last = rows(folder, "SELECT max(row) FROM passages")[0][0]
    store.delete(DAM.id)
    put(store, DAM)
    assert min(row for row, _ in store.catalog.passages_of(DAM.id)) > last
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "id = 'nobody'",
        "active = 7",
        "active = 0",
        "activated = NULL",
        "activated = 1",
        "crc = crc + 1",
        "description = replace(description, 'large', 'lerge')",
        "description = replace(description, '\"dimension\"', '\"dimansion\"')",
        "description = CAST(replace(description, 'sum', x'ff75') AS TEXT)",
    ],
)
def test_a_damaged_space_is_recovered_as_it_was(folder: Path, before: Answers, change: str) -> None:
    sound = rows(folder, "SELECT * FROM spaces ORDER BY id")
    changed(folder, f"UPDATE spaces SET {change} WHERE id = '{SPACE.id}'")
    done = mended(folder)
    if "x'ff" not in change:
        assert rows(folder, "SELECT * FROM spaces ORDER BY id") == sound
        assert done.due == ()
        assert answers(folder, every_row=True) == before


def test_a_space_that_cannot_be_told_any_more_leaves_its_documents_due(folder: Path, before: Answers) -> None:
    changed(folder, f"UPDATE spaces SET description = 'gone' WHERE id = '{SPACE.id}'")
    done = repair_collection(folder)
    assert done.due == ("letters",)
    # The other one serves meanwhile, with what is in it.
    assert text_of(folder, DAM.id) == DAM.text
    made_anew(folder)
    said = answers(folder)
    assert said is not None
    assert said.texts == before.texts


def test_an_index_of_the_database_is_made_anew_from_its_table(folder: Path, before: Answers) -> None:
    damage_page(folder, "vectors_by_key", lambda page: page[:-1] + bytes([page[-1] ^ 255]))
    assert any("missing from index" in finding.message for finding in doctor.examine(folder))
    mended(folder)
    assert answers(folder, every_row=True) == before


def damage_page(folder: Path, table: str, change: Callable[[bytes], bytes]) -> int:
    """Change the last leaf of a table or an index, and return its number."""
    path = folder / CATALOG_FILE
    query = f"SELECT max(pageno) FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf'"
    number: int = rows(folder, query)[0][0]
    data = path.read_bytes()
    start, end = (number - 1) * 4096, number * 4096
    changed_page = change(data[start:end])
    assert len(changed_page) == 4096
    path.write_bytes(data[:start] + changed_page + data[end:])
    return number


def spoiled(folder: Path, kind: str) -> None:
    """Damage the file so that SQLite reads none of it, or not all."""
    path = folder / CATALOG_FILE
    data = path.read_bytes()
    if kind == "magic":
        path.write_bytes(b"SQLite gormat 3" + data[15:])
    elif kind == "page size":
        path.write_bytes(data[:16] + b"\x08\x00" + data[18:])
    elif kind == "definition":
        path.write_bytes(data.replace(b"CREATE TABLE passages", b"CREATE TABLE passaces"))
    elif kind == "no SQL":
        path.write_bytes(data.replace(b"CREATE TABLE passages", b"CREBTE TABLE passages"))
    elif kind == "no text":
        path.write_bytes(data.replace(b"CREATE TABLE passages", b"CREATE TABLE pass\xffges"))
    elif kind == "kind of page":
        damage_page(folder, "passages", lambda page: b"\x0c" + page[1:])
    elif kind == "interior page":
        root = rows(folder, "SELECT rootpage FROM sqlite_master WHERE name = 'passages'")[0][0]
        start = (root - 1) * 4096
        path.write_bytes(data[: start + 8] + b"\xff" * 4 + data[start + 12 :])
    elif kind == "header":
        path.write_bytes(data[:60] + b"\x01" + data[61:])
    else:
        path.write_bytes(data[:18] + b"\x09" + data[19:])


SPOILED = [
    "magic", "page size", "definition", "no SQL", "no text", "kind of page", "interior page", "header",
    "write version",
]  # fmt: skip


@pytest.mark.parametrize("kind", SPOILED)
def test_a_file_that_sqlite_refuses_is_carried_over_row_by_row(
    folder: Path, before: Answers, kind: str
) -> None:
    every = {name: sorted(rows(folder, f"SELECT * FROM {name}"), key=str) for name in metadata.tables}
    spoiled(folder, kind)
    damaged = (folder / CATALOG_FILE).read_bytes()
    done = mended(folder)
    assert answers(folder, every_row=True) == before
    assert done.due == ()
    assert {name: sorted(rows(folder, f"SELECT * FROM {name}"), key=str) for name in every} == every
    # The old file is kept as it was, and named.
    (kept,) = folder.glob("catalog.damaged-*")
    assert kept.read_bytes() == damaged
    assert any(kept.name in action.message for action in done.actions)
    assert not list(folder.glob("*.salvaged*"))


def test_a_page_of_rows_that_is_gone_costs_its_documents_alone(folder: Path) -> None:
    damage_page(folder, "passages", lambda page: bytes(4096))
    done = mended(folder)
    assert done.due == ("letters",)
    made_anew(folder)
    for made in DOCUMENTS:
        assert text_of(folder, made.id) == made.text


def test_nothing_deleted_comes_back_with_a_salvage(folder: Path) -> None:
    store = Store(folder, SPACE, writable=True)
    store.delete(DAM.id)
    store.close()
    spoiled(folder, "magic")
    mended(folder)
    said = answers(folder, every_row=True)
    assert said is not None
    assert DAM.id not in said.infos
    assert all(hit.passage.document_id != DAM.id for hit in said.hits.values())  # type: ignore[attr-defined]


def test_a_text_that_looks_like_a_page_of_rows_gives_no_rows(tmp_path: Path, folder: Path) -> None:
    # A leaf of another collection's documents, with rows whose checksums are right, in an upload so long
    # that it fills pages of its own: after the number of the next page, which takes four bytes.
    elsewhere = Store(tmp_path / "elsewhere", SPACE, writable=True)
    put(elsewhere, document("This is forged.", "forged.txt"))
    elsewhere.close()
    leaf = page_of(tmp_path / "elsewhere", "documents")[4:]
    # As long whatever is before it, so that it can be moved to where pages begin.
    data = leaf * 40
    record_upload(folder, data)
    found = (folder / CATALOG_FILE).read_bytes().rindex(b"forged.txt") % 4096
    shift = (4 + leaf.rindex(b"forged.txt") - found) % len(leaf)
    data = (bytes(shift) + data)[: len(data)]
    record_upload(folder, data)
    assert (folder / CATALOG_FILE).read_bytes().rindex(leaf) % 4096 == 4
    spoiled(folder, "magic")
    done = mended(folder)
    # Neither taken for a document, nor for one that lost its text.
    assert "forged" not in str(done.actions)
    assert rows(folder, "SELECT record FROM quarantine") == []


def page_of(folder: Path, table: str) -> bytes:
    query = f"SELECT max(pageno) FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf'"
    number: int = rows(folder, query)[0][0]
    return (folder / CATALOG_FILE).read_bytes()[(number - 1) * 4096 : number * 4096]


def record_upload(folder: Path, data: bytes) -> None:
    """Store an upload in place of the one that waits."""
    ((job,),) = rows(folder, "SELECT id FROM jobs WHERE kind = 'upload'")
    digest = hashlib.sha256(data).hexdigest()
    part = sealed(metadata.tables["uploads"], {"job_id": job, "part": 0, "data": data})
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as raw:
        raw.row_factory = sqlite3.Row
        found = dict(raw.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone())
        found["request"] = json.dumps({**json.loads(found["request"]), "content_sha256": digest})
        crc = sealed(metadata.tables["jobs"], found)[CRC]
        raw.execute("UPDATE jobs SET request = ?, crc = ? WHERE id = ?", (found["request"], crc, job))
        raw.execute("UPDATE uploads SET data = zeroblob(1)")
        raw.execute("UPDATE uploads SET data = ?, crc = ?", (data, part[CRC]))
        raw.commit()


@pytest.mark.parametrize("data", [b"", b"This is no database. " * 500, bytes(8192)])
def test_a_file_without_any_row_is_left_with_the_way_out(folder: Path, data: bytes) -> None:
    path = folder / CATALOG_FILE
    path.write_bytes(data)
    done = repair_collection(folder)
    assert path.read_bytes() == data
    assert "quotebound restore" in done.actions[-1].message
    assert done.left


def test_the_catalog_of_a_newer_version_is_not_touched(folder: Path) -> None:
    row = sealed(metadata.tables["meta"], {"key": "schema_version", "value": "99"})
    changed(folder, f"UPDATE meta SET value = '99', crc = {row[CRC]} WHERE key = 'schema_version'")
    data = (folder / CATALOG_FILE).read_bytes()
    done = repair_collection(folder)
    assert done.left == done.findings
    assert (folder / CATALOG_FILE).read_bytes() == data


def test_a_home_of_an_earlier_format_is_brought_up_to_date_and_mended(tmp_path: Path) -> None:
    script = Path(__file__).with_name("homes") / "format-1.sql"
    with closing(sqlite3.connect(tmp_path / CATALOG_FILE)) as raw:
        raw.executescript(script.read_text(encoding="utf-8"))
        raw.execute("UPDATE passages SET text = 'The dam was built in 1948.' WHERE row = 0")
        raw.commit()
    done = repair_collection(tmp_path)
    assert any("brought to the format" in action.message for action in done.actions)
    assert [finding for finding in done.left if "awaits cutting" not in finding.message] == []
    assert done.due == (tmp_path.name,)


def test_damaged_words_are_made_anew(folder: Path, before: Answers) -> None:
    for file in (folder / LEXICAL_FOLDER).rglob("*.idx"):
        file.write_bytes(b"")
    done = mended(folder)
    assert [action.place for action in done.actions] == ["indexes"]
    assert answers(folder, every_row=True) == before


def test_no_file_of_vectors_outlives_a_repair_of_the_rows_it_was_made_from(folder: Path) -> None:
    store = Store(folder, SPACE, writable=True)
    vectors = store.snapshot().vectors
    assert isinstance(vectors, FlatVectorIndex)
    saved = save(folder, vectors, store.space, store.snapshot().generation)
    store.catalog.keep_value("vector_file", saved.to_json())
    store.close()
    changed(folder, f"UPDATE passages SET page = 9 WHERE document_id = '{DAM.id}'")
    mended(folder)
    assert not (folder / saved.name).exists()
    assert rows(folder, "SELECT * FROM meta WHERE key = 'vector_file'") == []


class Killed(BaseException):
    """The process is gone: nothing catches it."""


@pytest.mark.parametrize("kind", ["rows", "magic"])
def test_a_repair_killed_at_any_point_is_begun_again(
    folder: Path, before: Answers, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Where something is set aside, written, put in place, removed or made.
    points = [
        (remedies, "set_aside"), (remedies, "log"), (remedies, "_count_anew"), (salvage, "make_durable"),
        (salvage.os, "link"), (Path, "replace"), (shutil, "rmtree"), (Store, "close"),
    ]  # fmt: skip

    def killing_after(left: int) -> list[int]:
        calls = [left]

        def killed(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                calls[0] -= 1
                if calls[0] == 0:
                    raise Killed
                return real(*arguments, **named)

            return call

        for owner, name in points:
            monkeypatch.setattr(owner, name, killed(getattr(owner, name)))
        return calls

    if kind == "rows":
        changed(
            folder,
            f"UPDATE segments SET text = 'x' WHERE document_id = '{LIGHTHOUSE.id}'",
            f"UPDATE passages SET page = 9 WHERE document_id = '{DAM.id}' AND ordinal = 0",
            "UPDATE changes SET operation = 'pu' WHERE sequence = 2",
        )
    else:
        spoiled(folder, kind)
    kills, left = 0, 1
    while True:
        with monkeypatch.context():
            calls = killing_after(left)
            with suppress(Killed):
                repair_collection(folder)
                assert calls[0] > 0
            monkeypatch.undo()
        if calls[0] > 0:
            break
        kills, left = kills + 1, left + (1 if left < 6 else 5)
    assert kills >= 3
    found = [finding for finding in doctor.examine(folder) if "awaits cutting" not in finding.message]
    assert found == []
    made_anew(folder)
    said = answers(folder)
    assert said is not None
    expected = {made: text for made, text in before.texts.items() if kind == "magic" or made != LIGHTHOUSE.id}
    assert said.texts == expected


def test_a_home_in_use_is_not_repaired(folder: Path, tmp_path: Path) -> None:
    changed(folder, "UPDATE passages SET page = 9")
    sound = dump(folder / CATALOG_FILE)
    with FileLock(tmp_path / "home" / "lock"), pytest.raises(HomeLocked):
        repair(tmp_path / "home")
    assert dump(folder / CATALOG_FILE) == sound
    assert repair(tmp_path / "home").due == ("letters",)


@pytest.fixture
def _command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command line use a home of one document, with a stand-in for the model."""
    monkeypatch.setattr("rag.models.CompiledEmbedder", lambda *_, **__: LARGE)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "home"))
    (tmp_path / "ferry.txt").write_text("The ferry to Kallinge leaves at nine. It takes forty minutes.\n")
    assert run(["ingest", str(tmp_path / "ferry.txt")]) == 0


@pytest.mark.usefixtures("_command")
def test_the_command_mends_and_makes_anew_and_then_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "home" / COLLECTIONS_FOLDER / "default"
    changed(folder, "UPDATE passages SET page = 9")
    assert run(["doctor"]) == 1
    capsys.readouterr()
    assert run(["doctor", "--repair", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"collections", "findings", "actions", "left", "coverage"}
    assert "row 0 of passages of document" in told["findings"][0]["place"]
    assert "1 cut and embedded anew, in 1 passages" in [action["message"] for action in told["actions"]]
    assert told["left"] == []
    assert run(["doctor", "--repair"]) == 0
    assert "0 findings in default" in capsys.readouterr().out


@pytest.mark.usefixtures("_command")
def test_the_command_says_what_is_left_to_do_without_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home" / COLLECTIONS_FOLDER / "default"
    changed(folder, "UPDATE passages SET page = 9")

    def gone(*_: object, **__: object) -> None:
        raise ModelNotFound("there is no such model on this machine")

    monkeypatch.setattr("rag.models.CompiledEmbedder", gone)
    capsys.readouterr()
    assert run(["doctor", "--repair"]) == 1
    said = capsys.readouterr().out
    assert "run `quotebound reindex --collection default` (there is no such model" in said
    assert "1 findings are left" in said


@pytest.mark.usefixtures("_command")
def test_the_command_makes_no_other_space_where_the_model_is_another_by_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home" / COLLECTIONS_FOLDER / "default"
    changed(folder, "UPDATE passages SET page = 9")
    other = HashingEmbedder(dimension=24, name=LARGE.identity.name)
    monkeypatch.setattr("rag.models.CompiledEmbedder", lambda *_, **__: other)
    assert run(["doctor", "--repair"]) == 1
    assert "they wait: run `quotebound reindex" in capsys.readouterr().out
    assert len(rows(folder, "SELECT * FROM spaces")) == 1


@pytest.mark.usefixtures("_command")
def test_the_command_leaves_a_home_in_use_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(tmp_path / "home" / "lock"):
        assert run(["doctor"]) == 0
        assert run(["doctor", "--repair"]) == 3
    assert "another writer holds this home" in " ".join(capsys.readouterr().err.split())
