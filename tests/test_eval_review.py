"""The review of drafts: keys in a terminal, options for scripts, and each decision kept at once."""

import json
from pathlib import Path

import pytest
from casework import BAKERY, HARBOUR, STOPPED, command_line_home, draft, quoted, record, records, written
from typer.testing import CliRunner, Result

from rag.cli import reviewing
from rag.cli.main import app, run

ABSENT = {"evidence": [], "answers": [], "answerable": False, "question": "Who is Ilse Brandsmaa?"}
STALE = draft("stale", evidence=[quoted("harbour", HARBOUR, "harbour.txt") | {"sha256": "0" * 64}])
UNPLACED = draft("unplaced", evidence=[], answers=[], note="thumb down; comment: not so")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command_line_home(tmp_path, monkeypatch)
    monkeypatch.setattr(reviewing, "_has_terminal", lambda: True)
    run(["ingest", "documents"])
    capsys.readouterr()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of five drafts and an accepted case."""
    second = draft(
        "second", question="Why did deliveries stop?", evidence=[quoted(STOPPED, BAKERY, "bakery.txt")]
    )
    return written(
        tmp_path / "own.jsonl", record(), draft("first"), second, draft("absent", **ABSENT), STALE, UNPLACED
    )


def typed(path: Path, keys: str, *options: str) -> Result:
    """Review with some keys typed."""
    return CliRunner().invoke(app, ["eval", "review", str(path), "--by", "Ann", *options], input=keys)


def states(path: Path) -> dict[str, str]:
    return {entry["id"]: entry.get("state", "accepted") for entry in records(path)}


def by_id(path: Path, name: str) -> dict[str, object]:
    return next(entry for entry in records(path) if entry["id"] == name)


def test_keys_accept_reject_skip_and_quit(path: Path) -> None:
    result = typed(path, "arsq")
    assert result.exit_code == 0
    assert states(path) == {
        "one": "accepted", "first": "accepted", "second": "rejected", "absent": "draft", "stale": "draft",
        "unplaced": "draft",
    }  # fmt: skip
    assert (by_id(path, "first")["labels_by"], by_id(path, "second")["labels_by"]) == ("Ann", "")
    assert by_id(path, "one") == record()
    assert "3 drafts left: run the same command to go on" in result.stdout


def test_a_review_goes_on_where_it_was_left(path: Path) -> None:
    typed(path, "aq")
    result = typed(path, "q")
    assert "1 of 4 · second" in result.stdout
    assert "first" not in result.stdout


def test_what_is_not_a_key_is_passed_over_and_the_end_of_input_quits(path: Path) -> None:
    result = typed(path, "x\n\tA")
    assert result.exit_code == 0
    assert states(path)["first"] == "accepted"
    assert states(path)["second"] == "draft"


def test_evidence_is_shown_where_it_stands(path: Path) -> None:
    shown = typed(path, "sq").stdout
    assert "Answers: 4 May 1988" in shown
    assert "The bakery of Tarn employs nine people in the old town." in shown
    assert STOPPED in shown
    assert "The oven was repaired" in shown
    start = BAKERY.index(STOPPED)
    assert f"documents/bakery.txt, characters {start}–{start + len(STOPPED)}" in shown


def test_an_unanswerable_draft_says_so(path: Path) -> None:
    assert "The documents are said not to answer it." in typed(path, "ssq").stdout
    typed(path, "ssaq")
    assert by_id(path, "absent")["state"] == "accepted"


def test_stale_evidence_is_not_accepted_and_the_reviewer_is_told(path: Path) -> None:
    result = typed(path, "sssaq")
    assert "Stale: the document changed, and has these words 2 times" in result.stdout
    assert "the evidence of stale: harbour.txt" in result.stdout
    assert states(path)["stale"] == "draft"


def test_what_lacks_evidence_is_accepted_once_it_is_given_some(path: Path) -> None:
    result = typed(path, "ssss" + "a" + "e\ny\nnine | nine people\nbakery.txt:employs nine people\n" + "a")
    assert "unplaced has no evidence" in result.stdout
    assert "Note: thumb down; comment: not so" in result.stdout
    found = by_id(path, "unplaced")
    assert found["state"] == "accepted"
    assert found["answers"] == ["nine", "nine people"]
    assert found["evidence"] == [quoted("employs nine people", BAKERY, "bakery.txt")]


def test_an_edit_changes_question_and_answers_and_waits_for_a_decision(path: Path) -> None:
    typed(path, "eWhen was the harbour opened?\ny\n-\n\nq")
    found = by_id(path, "first")
    assert (found["question"], found["answers"]) == ("When was the harbour opened?", [])
    assert found["state"] == "draft"
    assert found["evidence"] == draft("first")["evidence"]
    typed(path, "e\n\n\n\na")
    assert by_id(path, "first")["question"] == "When was the harbour opened?"
    assert by_id(path, "first")["state"] == "accepted"


def test_an_edit_may_say_that_the_documents_do_not_answer(path: Path) -> None:
    typed(path, "e\nn\na")
    found = by_id(path, "first")
    assert (found["answerable"], found["answers"], found["evidence"]) == (False, [], [])
    assert found["state"] == "accepted"


def test_evidence_that_does_not_stand_changes_nothing(path: Path) -> None:
    result = typed(path, "e\ny\n\nbakery.txt:nowhere\nq")
    assert "'nowhere' does not stand in bakery.txt, letter for letter" in result.stdout
    assert by_id(path, "first") == draft("first")


def test_without_drafts_there_is_nothing_to_review(tmp_path: Path) -> None:
    result = typed(written(tmp_path / "set.jsonl", record()), "")
    assert (result.exit_code, "no drafts left" in result.stdout) == (0, True)


def test_control_characters_of_a_case_reach_no_terminal(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", draft("first", question="When\x1b[2J [bold]did[/bold] it open?"))
    shown = typed(path, "q").stdout
    assert "\x1b[2J" not in shown
    assert "[bold]did[/bold]" in shown


def test_without_a_terminal_a_review_needs_options(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "_has_terminal", lambda: False)
    result = typed(path, "a")
    assert result.exit_code == 2
    assert "no terminal to review on" in " ".join(result.stderr.replace("│", " ").split())
    assert states(path)["first"] == "draft"
    assert typed(path, "", "--accept", "first", "--reject", "second").exit_code == 0
    assert (states(path)["first"], states(path)["second"]) == ("accepted", "rejected")
    assert by_id(path, "first")["labels_by"] == "Ann"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--accept", "first", "--accept", "nowhere"], "no case 'nowhere'; --list shows those there are"),
        (["--accept", "first", "--accept", "stale"], "the evidence of stale"),
        (["--accept", "first", "--accept", "unplaced"], "unplaced has no evidence"),
        (["--accept", "first", "--reject", "first"], "first is to be accepted and rejected"),
        (["--accept", "first", "--by", " "], "say who with --by NAME"),
    ],
)
def test_of_several_decisions_all_are_kept_or_none(
    path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    before = path.read_bytes()
    assert run(["eval", "review", str(path), *options]) == 2
    assert told in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_list_tells_state_and_what_is_stale(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "review", str(path), "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in states(path))
    assert run(["eval", "review", str(path), "--list", "--json"]) == 0
    listed = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)["cases"]}
    assert {name for name, entry in listed.items() if entry["stale"]} == {"stale"}
    assert listed["first"]["state"] == "draft"


def test_the_documents_of_a_manifest_are_those_reviewed(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "harbour.txt").write_text("Nothing.")
    (tmp_path / "own.toml").write_text('documents = ["other"]')
    assert run(["eval", "review", str(path), "--accept", "first"]) == 2
    assert "the document does not have these words" in capsys.readouterr().err
    assert run(["eval", "review", str(path), "--accept", "first", "-c", "default"]) == 0


def test_json_needs_an_option_and_a_file_has_to_be_there(path: Path) -> None:
    assert run(["eval", "review", str(path), "--json"]) == 2
    assert run(["eval", "review", "nowhere.jsonl", "--list"]) == 2


def test_the_name_of_the_user_stands_for_a_reviewer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "bea")
    assert run(["eval", "review", str(path), "--accept", "first"]) == 0
    assert by_id(path, "first")["labels_by"] == "bea"

    def nobody() -> str:
        raise OSError("no name")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run(["eval", "review", str(path), "--accept", "second"]) == 2
    assert states(path)["second"] == "draft"
