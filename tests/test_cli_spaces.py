"""`quotebound reindex` and `quotebound collections`: what they do, print and end with."""

import json
from pathlib import Path

import pytest
from doubles import HashingEmbedder
from filelock import FileLock

from index.embedding import Embedder
from index.embedding.model_files import PACKAGED_MODEL
from index.errors import ModelNotFound
from index.jobs import JobKind, JobState
from index.sql.catalog import SqlCatalog
from rag.cli.main import run

FERRY = "The ferry to Kallinge leaves at nine. It takes forty minutes.\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a home with one document, on a machine that has two models."""
    models = {PACKAGED_MODEL: HashingEmbedder(name=PACKAGED_MODEL), "other": HashingEmbedder(32, "other")}

    def find(name: str, **_: object) -> Embedder:
        if name not in models:
            raise ModelNotFound(f"there is no model {name!r} here")
        return models[name]

    monkeypatch.setattr("rag.models.CompiledEmbedder", find)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", "0")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "ferry.txt").write_text(FERRY)
    assert run(["ingest", "ferry.txt"]) == 0


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return dict(json.loads(capsys.readouterr().out))


def model(capsys: pytest.CaptureFixture[str]) -> object:
    """Return the model of the default collection."""
    capsys.readouterr()
    assert run(["collections", "list", "--json"]) == 0
    (found,) = printed(capsys)["collections"]  # type: ignore[misc,attr-defined]
    return found["model"]


def test_a_reindex_goes_over_to_another_model_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["reindex", "--model", "other", "--json"]) == 0
    report = printed(capsys)
    assert (report["model"], report["documents_embedded"]) == ("other", 1)
    assert model(capsys) == "other"
    assert run(["ask", "When does the ferry leave?"]) == 0
    assert "leaves at nine" in capsys.readouterr().out
    assert run(["reindex", "--rollback", "--json"]) == 0
    report = printed(capsys)
    assert (report["model"], report["documents_embedded"]) == (PACKAGED_MODEL, 0)
    assert model(capsys) == PACKAGED_MODEL


def test_what_was_pruned_cannot_be_gone_back_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reindex", "--model", "other"]) == 0
    capsys.readouterr()
    assert run(["reindex", "--prune"]) == 0
    assert "removed 1 passages" in capsys.readouterr().out
    assert run(["reindex", "--rollback"]) == 2
    assert "no earlier embedding space" in capsys.readouterr().err
    assert model(capsys) == "other"


def test_the_setting_names_the_model_to_go_over_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUOTEBOUND_MODEL", "other")
    assert run(["ask", "When does the ferry leave?"]) == 2
    assert "quotebound reindex --model other" in capsys.readouterr().err
    assert run(["reindex"]) == 0
    assert run(["ask", "When does the ferry leave?"]) == 0


def test_a_model_that_is_not_there_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["reindex", "--model", "nowhere", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["code"] == "model_not_found"
    assert model(capsys) == PACKAGED_MODEL


def test_a_reindex_needs_the_lock_of_the_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(tmp_path / "home" / "lock"):
        assert run(["reindex", "--model", "other"]) == 3
    assert "another writer" in capsys.readouterr().err


def test_a_reindex_is_a_job_that_the_catalog_keeps(tmp_path: Path) -> None:
    run(["reindex", "--model", "other"])
    catalog = SqlCatalog(tmp_path / "home" / "collections" / "default" / "catalog.db", writable=False)
    (job,) = [job for job in catalog.jobs.all() if job.kind is JobKind.REINDEX]
    assert job.state is JobState.DONE
    assert job.request["model"] == "other"
    catalog.close()


def test_collections_are_made_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["collections", "create", "news"]) == 0
    assert run(["ingest", "ferry.txt", "--collection", "laws"]) == 0
    capsys.readouterr()
    assert run(["collections", "list"]) == 0
    said = capsys.readouterr().out
    assert [name in said for name in ("default", "laws", "news")] == [True] * 3
    assert run(["collections", "delete", "laws", "--yes"]) == 0
    assert run(["ask", "When does the ferry leave?", "--collection", "laws"]) == 2
    assert "there is no collection 'laws'" in capsys.readouterr().err
    assert run(["ask", "When does the ferry leave?"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "default"], "already"),
        (["create", "A B"], "cannot name a collection"),
        (["delete", "nothing", "--yes"], "there is no collection 'nothing'"),
    ],
)
def test_what_cannot_be_made_or_removed_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["collections", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_collection_is_not_removed_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(SystemExit(1)))
    assert run(["collections", "delete", "default"]) == 1
    assert run(["ask", "When does the ferry leave?"]) == 0
