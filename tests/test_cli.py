"""The command line: what it prints, for people and for programs, and its exit codes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import HashingEmbedder
from filelock import FileLock

from index.coverage import Unread
from index.errors import StorageFull
from index.jobs import JobKind
from index.sql.catalog import SqlCatalog
from index.store import Store
from rag.cli.main import run

FERRY = "The ferry to Kallinge leaves at nine. It takes forty minutes.\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = HashingEmbedder()
    monkeypatch.setattr("rag.models.CompiledEmbedder", lambda *_, **__: embedder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", "0")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "ferry.txt").write_text(FERRY)


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return dict(json.loads(capsys.readouterr().out))


def test_ingest_then_ask_quotes_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ingest", "documents"]) == 0
    assert "1 added" in capsys.readouterr().out
    assert run(["ask", "When does the ferry leave?"]) == 0
    said = capsys.readouterr().out
    assert "The ferry to Kallinge leaves at nine. [1]" in said
    assert "characters 0–37" in said


def test_the_second_ingest_embeds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", "documents"])
    capsys.readouterr()
    assert run(["ingest", "documents", "--json"]) == 0
    report = printed(capsys)
    assert report["passages_embedded"] == 0
    assert report["counts"]["unchanged"] == 1  # type: ignore[index]


def test_json_of_ask_and_search_has_the_fields_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", "documents"])
    capsys.readouterr()
    assert run(["ask", "When does the ferry leave?", "--json"]) == 0
    assert {"status", "answer", "sentences", "citations", "confidence", "hits", "generation"} <= set(
        printed(capsys)
    )
    assert run(["search", "ferry", "--json"]) == 0
    assert set(printed(capsys)) == {"effective_query", "hits", "generation"}


def test_documents_named_by_their_ids_are_asked_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "documents" / "other.txt").write_text("The ferry to Holm leaves at ten.")
    run(["ingest", "documents"])
    capsys.readouterr()
    run(["search", "ferry", "--json"])
    hits = printed(capsys)["hits"]
    ids = {hit["source"]: hit["document_id"] for hit in hits}  # type: ignore[attr-defined]
    for command in ("ask", "search"):
        asked = [command, "When does the ferry leave?", "--json"]
        for source, chosen in ids.items():
            assert run([*asked, "--document", chosen]) == 0
            hits = printed(capsys)["hits"]
            assert {hit["source"] for hit in hits} == {source}  # type: ignore[attr-defined]
        both = [argument for chosen in ids.values() for argument in ("--document", chosen)]
        assert run([*asked, *both]) == 0
        assert len(printed(capsys)["hits"]) >= 2  # type: ignore[arg-type]
        for unknown in ("nowhere", "half \udcff"):
            assert run([*asked, "--document", unknown]) == 2
            assert repr(unknown) in json.loads(capsys.readouterr().err)["message"]


def test_a_file_that_cannot_be_read_ends_with_1_and_keeps_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "documents" / "empty.txt").write_text("")
    assert run(["ingest", "documents"]) == 1
    said = capsys.readouterr().out
    assert "1 added, 1 failed" in said
    assert "empty.txt: empty.txt holds no text" in said
    assert run(["ask", "When does the ferry leave?"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", "no/such/folder"],
        ["ingest"],
        ["ingest", "documents", "--resume"],
        ["ingest", "--resume", "--prune"],
        ["ingest", "--resume"],
        ["ask", "x"],
        ["ask", ""],
        ["ask", "x", "--top-k", "0"],
        ["ask", "x", "--collection", "../up"],
        ["search", "x", "--top-k", "1000000000"],
        ["eval", "run", "no-such-set.jsonl"],
        ["doctor"],
        ["ask"],
        ["no-such-command"],
        ["ask", "x", "--no-such-option"],
    ],
)
def test_what_cannot_be_used_ends_with_2_and_says_why(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Error" in told.err
    assert "Traceback" not in told.err


def test_an_error_in_json_has_code_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "x", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)
    assert error["code"] == "collection_not_found"
    assert "quotebound ingest" in error["message"]


def test_a_setting_that_cannot_be_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUOTEBOUND_PORT", "many")
    assert run(["ask", "x"]) == 2
    assert "QUOTEBOUND_PORT" in capsys.readouterr().err


def test_a_second_writer_ends_with_3_and_readers_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ingest", "documents"])
    with FileLock(tmp_path / "home" / "lock"):
        assert run(["ingest", "documents"]) == 3
        assert "another writer holds this home" in " ".join(capsys.readouterr().err.split())
        assert run(["ask", "When does the ferry leave?"]) == 0


def test_a_full_disk_fails_the_file_and_leaves_the_home_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise StorageFull("there is no room left on the disk")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "put", full)
        assert run(["ingest", "documents"]) == 1
    assert "no room left" in capsys.readouterr().out
    assert run(["ingest", "documents"]) == 0
    assert "1 added" in capsys.readouterr().out


def test_an_interrupted_ingest_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        (tmp_path / "documents" / f"note{number}.txt").write_text(f"Note {number} says {number}.\n")
    put = Store.put
    done = []

    def interrupted(self: Store, *args: object) -> object:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return put(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(Store, "put", interrupted)
        assert run(["ingest", "documents"]) == 130
    assert "run the same command to finish" in " ".join(capsys.readouterr().err.split())
    assert run(["ingest", "documents", "--json"]) == 0
    finished = printed(capsys)
    assert finished["counts"]["added"] == 4  # type: ignore[index]
    assert finished["passages_embedded"] == 2


def test_an_abstention_lists_the_nearest_passages_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ingest", "documents"])
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", "1")
    capsys.readouterr()
    assert run(["ask", "Who is the captain?"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("The documents do not say.")
    assert "Nearest passages" in said


@pytest.mark.parametrize(("threshold", "before"), [("0", "confidence"), ("1", "The documents do not say.")])
def test_ask_says_how_many_pages_could_not_be_read(
    threshold: str, before: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SqlCatalog, "unread", lambda *_: Unread(1, 1))
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", threshold)
    run(["ingest", "documents"])
    capsys.readouterr()
    assert run(["ask", "When does the ferry leave?"]) == 0
    said = capsys.readouterr().out
    line = "1 page of 1 document could not be read, so it is not part of this answer."
    assert said.index(before) < said.index(line)
    assert run(["ask", "When does the ferry leave?", "--json"]) == 0
    assert printed(capsys)["unread"] == {"documents": 1, "pages": 1}


def test_a_terminal_is_not_commanded_by_a_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "The ferry [bold red]leaves[/] at \x1b[2Jnine \u202eenin.\n"
    (tmp_path / "documents" / "ferry.txt").write_text(hostile + "Nothing else is to be said here.\n" * 20)
    run(["ingest", "documents"])
    run(["ask", "When does the ferry leave?"])
    run(["search", "ferry"])
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    assert "[bold red]leaves[/]" in said


def test_doctor_ends_with_0_on_a_healthy_home_and_with_1_on_a_damaged_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ingest", "documents"])
    assert run(["doctor"]) == 0
    shutil.rmtree(tmp_path / "home" / "collections" / "default" / "lexical")
    capsys.readouterr()
    assert run(["doctor", "--json"]) == 1
    assert printed(capsys)["findings"]


def test_eval_run_ends_with_1_below_a_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {
        "id": "1", "question": "When does the ferry leave?", "answers": ["nine"], "answerable": True,
        "evidence": [{"source": "ferry.txt", "quote": "leaves at nine"}], "labels_by": "test",
    }  # fmt: skip
    (tmp_path / "set.jsonl").write_text(json.dumps(case))
    (tmp_path / "set.toml").write_text('documents = ["documents"]')
    (tmp_path / "gates.toml").write_text("[set]\nrecall_at_5 = 1.0\n")
    arguments = ["eval", "run", "set.jsonl", "--gates", "gates.toml"]
    assert run([*arguments, "--json", "--output", "result.json"]) == 0
    result = printed(capsys)
    assert result == json.loads((tmp_path / "result.json").read_text())
    assert {"provenance", "figures", "cases"} <= set(result)
    (tmp_path / "gates.toml").write_text("[set]\ncases = 2\n")
    assert run(arguments) == 1
    assert "gate missed" in capsys.readouterr().out
    assert not (tmp_path / "home").exists()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for command in ("ingest", "ask", "search", "serve", "eval", "bench", "doctor"):
        assert command in said


def test_a_backup_is_restored_into_another_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ingest", "documents"])
    assert run(["backup", "saved.backup"]) == 0
    assert "saved default: 1 documents, 1 passages" in capsys.readouterr().out
    assert run(["backup", "saved.backup"]) == 2
    assert run(["restore", "saved.backup"]) == 2
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "other"))
    assert run(["restore", "saved.backup", "--json"]) == 0
    assert run(["ask", "When does the ferry leave?"]) == 0
    assert "leaves at nine" in capsys.readouterr().out


def test_pruning_asks_for_yes_where_more_than_half_has_vanished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["ingest", "documents"])
    (tmp_path / "documents" / "ferry.txt").unlink()
    capsys.readouterr()
    assert run(["ingest", "documents", "--prune"]) == 1
    assert "--yes removes them" in capsys.readouterr().out
    assert run(["ingest", "documents", "--prune", "--yes"]) == 0
    assert "1 removed" in capsys.readouterr().out


def test_what_was_broken_off_is_finished_by_resume_uploads_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Store, "put", interrupted)
        assert run(["ingest", "documents"]) == 130
    jobs = SqlCatalog(tmp_path / "home" / "collections" / "default" / "catalog.db", writable=True).jobs
    jobs.add(JobKind.UPLOAD, {"name": "noise.txt"}, bytes(range(256)))
    jobs.add(JobKind.UPLOAD, {"name": "dam.txt"}, b"The dam holds.")
    capsys.readouterr()
    assert run(["ingest", "--resume", "--json"]) == 1
    counts = [job["counts"] for job in printed(capsys)["jobs"]]  # type: ignore[attr-defined]
    assert [(count["added"], count["failed"]) for count in counts] == [(1, 0), (0, 1), (1, 0)]
    assert run(["ingest", "--resume"]) == 0
    assert "no job was broken off" in capsys.readouterr().out
    assert run(["ask", "When does the ferry leave?"]) == 0


def test_a_sync_says_that_others_were_broken_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", "documents"])
    jobs = SqlCatalog(tmp_path / "home" / "collections" / "default" / "catalog.db", writable=True).jobs
    jobs.add(JobKind.UPLOAD, {"name": "dam.txt"}, b"The dam holds.")
    capsys.readouterr()
    assert run(["ingest", "documents"]) == 0
    assert "1 more jobs were broken off" in capsys.readouterr().err


def test_json_of_ingest_names_the_job_and_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", "documents", "--json"])
    report = printed(capsys)
    assert set(report) == {"job", "counts", "passages_embedded", "files"}
    (file,) = report["files"]  # type: ignore[misc]
    assert set(file) == {"source", "status", "document_id", "passages", "reason"}


def test_a_folder_is_watched_until_ctrl_c_which_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = tmp_path / "documents"

    def changes(roots: tuple[str, ...], _: object) -> Iterator[frozenset[str]]:
        yield frozenset(roots)
        (documents / "train.txt").write_text("The train to Kallinge leaves at ten.\n")
        (documents / "empty.txt").write_text("")
        yield frozenset({f"{documents}/train.txt", f"{documents}/empty.txt"})
        (documents / "ferry.txt").unlink()
        yield frozenset({f"{documents}/ferry.txt"})
        raise KeyboardInterrupt

    monkeypatch.setattr("index.watching.changed_paths", changes)
    assert run(["ingest", "documents", "--watch"]) == 0
    said = capsys.readouterr().out
    assert "1 added" in said
    assert "Watching for changes" in said
    assert "added documents/train.txt" in said
    assert "empty.txt holds no text" in said
    assert run(["ask", "When does the train leave?"]) == 0
    assert "leaves at ten" in capsys.readouterr().out


def test_watching_in_json_prints_a_line_for_each_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def changes(roots: tuple[str, ...], _: object) -> Iterator[frozenset[str]]:
        yield frozenset(roots)
        yield frozenset({f"{tmp_path}/documents/ferry.txt"})
        raise KeyboardInterrupt

    monkeypatch.setattr("index.watching.changed_paths", changes)
    assert run(["ingest", "documents", "--watch", "--json"]) == 0
    told = [json.loads(line)["counts"] for line in capsys.readouterr().out.splitlines()]
    assert [(counts["added"], counts["unchanged"]) for counts in told] == [(1, 0), (0, 1)]
