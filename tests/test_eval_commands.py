"""`quotebound eval run` and `eval gate` as a release uses them: exit codes, files, and messages."""

import json
from pathlib import Path
from typing import Any

import pytest
from casework import BAKERY, HARBOUR, OPENED, STOPPED, command_line_home, quoted, record, written

from eval.kept import Evaluations
from eval.results import read_result
from rag.cli.main import run
from rag.responding import Responder
from rag.types import Answer, Asking

_ASKED = (
    ("opened", "When did the harbour of Orwen open?", OPENED, "harbour.txt"),
    ("berths", "How many berths has the harbour of Orwen?", OPENED, "harbour.txt"),
    ("stopped", "Why did deliveries to the islands stop?", STOPPED, "bakery.txt"),
)
CASES = (
    *(
        record(
            id=name,
            question=question,
            evidence=[quoted(quote, HARBOUR if source == "harbour.txt" else BAKERY, source)],
        )
        for name, question, quote, source in _ASKED
    ),
    record(id="absent", question="Who won the regatta?", answers=[], evidence=[], answerable=False),
)
PASSING = "[set]\nrecall_at_5 = 0.0\ncases = 1\n"
FAILING = "[set.at_most]\ncases = 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are given: a set of four cases, its two documents, and gates that it passes or fails."""
    command_line_home(tmp_path, monkeypatch)
    written(tmp_path / "set.jsonl", *CASES)
    (tmp_path / "set.toml").write_text('documents = ["documents"]')
    (tmp_path / "passing.toml").write_text(PASSING)
    (tmp_path / "failing.toml").write_text(FAILING)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were asked since."""
    questions: list[str] = []
    answer = Responder.answer

    def counting(self: Responder, asking: Asking) -> Answer:
        questions.append(asking.question)
        return answer(self, asking)

    monkeypatch.setattr(Responder, "answer", counting)
    return questions


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def made(path: str = "result.json", *options: str) -> dict[str, Any]:
    """Run the set and return what the file of its result holds."""
    assert run(["eval", "run", "set.jsonl", "--gates", "passing.toml", "--output", path, *options]) == 0
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def test_a_run_that_passes_its_gates_ends_with_0_and_leaves_its_result_alone(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    found = made()
    assert [case["id"] for case in found["cases"]] == [case["id"] for case in CASES]
    assert found["gates_failed"] == []
    assert {path.name for path in folder.iterdir()} == before | {"result.json"}


def test_a_run_below_its_gates_ends_with_1_and_its_result_says_which(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["eval", "run", "set.jsonl", "--gates", "failing.toml"]
    assert run([*arguments, "-o", "result.json", "--json"]) == 1
    failed = ["cases is 4, and has to be at most 1"]
    assert told(capsys)["gates_failed"] == failed
    assert json.loads(Path("result.json").read_text())["gates_failed"] == failed


def test_a_result_is_gated_as_its_run_was(capsys: pytest.CaptureFixture[str]) -> None:
    whole = made()
    assert run(["eval", "gate", "result.json", "--gates", "passing.toml"]) == 0
    assert "gates passed" in capsys.readouterr().out
    assert run(["eval", "gate", "result.json", "--gates", "failing.toml", "--json"]) == 1
    assert told(capsys) == whole | {"gates_failed": ["cases is 4, and has to be at most 1"]}
    assert run(["eval", "gate", "result.json", "--gates", "failing.toml"]) == 1
    assert "gate missed: cases is 4" in capsys.readouterr().out


def test_shards_are_gated_together_and_come_to_what_the_whole_run_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = made()
    for number in (1, 2):
        arguments = ["eval", "run", "set.jsonl", "--shard", f"{number}/2", "-o", f"{number}.json"]
        # A part is not held to the gates of all.
        assert run([*arguments, "--gates", "failing.toml"]) == 0
    capsys.readouterr()
    arguments = ["eval", "gate", "1.json", "2.json", "-o", "together.json", "--json"]
    assert run([*arguments, "--gates", "failing.toml"]) == 1
    found = told(capsys)
    assert found["figures"] == whole["figures"]
    assert found["provenance"] == whole["provenance"]
    assert json.loads(Path("together.json").read_text()) == found
    assert run(["eval", "gate", "together.json", "--gates", "passing.toml"]) == 0


def test_a_later_run_is_held_to_the_baseline_that_was_stored(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made()
    assert run(["eval", "gate", "result.json", "--gates", "failing.toml", "--store", "base.json"]) == 0
    captured = capsys.readouterr()
    assert "base.json has the figures of 4 cases of set" in captured.err
    (folder / "held.toml").write_text("[set.baseline]\nfile = 'base.json'\n")
    assert run(["eval", "run", "set.jsonl", "--gates", "held.toml"]) == 0
    monkeypatch.setenv("QUOTEBOUND_THRESHOLD", "1")
    capsys.readouterr()
    assert run(["eval", "run", "set.jsonl", "--gates", "held.toml", "--json"]) == 1
    assert any(
        "evidence_recall is 0" in line and "in the baseline" in line for line in told(capsys)["gates_failed"]
    )


def test_a_sample_is_the_same_cases_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (made("result.json", "--sample", "2") for _ in range(2))
    assert first["provenance"]["sample"] == 2
    assert [case["id"] for case in first["cases"]] == [case["id"] for case in second["cases"]]
    assert len(first["cases"]) == 2


def test_a_run_that_was_interrupted_goes_on_where_it_was(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Responder.answer

    def interrupted(self: Responder, asking: Asking) -> Answer:
        if asking.question == CASES[2]["question"]:
            raise KeyboardInterrupt
        return answer(self, asking)

    monkeypatch.setattr(Responder, "answer", interrupted)
    assert run(["eval", "run", "set.jsonl", "-o", "result.json", "--gates", "passing.toml"]) == 130
    assert asked == [case["question"] for case in CASES[:2]]
    monkeypatch.setattr(Responder, "answer", answer)
    asked.clear()
    made()
    assert asked == [case["question"] for case in CASES[2:]]


def test_a_run_of_a_collection_is_kept_in_the_home_and_one_of_a_home_apart_is_not(folder: Path) -> None:
    home = folder / "home"
    made()
    assert not home.exists()
    assert run(["ingest", "documents"]) == 0
    found = made("result.json", "--collection", "default")
    (info,) = Evaluations(home).runs()
    assert (info.set, info.collection, info.cases) == ("set", "default", 4)
    assert Evaluations(home).result(info.id) == read_result(Path("result.json"))
    assert found["provenance"]["collection"] == "default"


@pytest.mark.parametrize("name", ["leases", "v1.2", "documents", "a set of ours"])
def test_a_set_of_the_home_is_run_by_its_name_whatever_else_is_called_so(folder: Path, name: str) -> None:
    written(Evaluations(folder / "home").path_of(name, make=True), *CASES)
    assert run(["ingest", "documents"]) == 0
    assert run(["eval", "run", name, "-c", "default", "--gates", "passing.toml"]) == 0
    assert [info.set for info in Evaluations(folder / "home").runs()] == [name]


RUN = ["eval", "run", "set.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "run", "no.jsonl"], "no eval set 'no.jsonl'"),
        (["eval", "run", "nothing"], "no eval set 'nothing'; there are none yet"),
        (["eval", "run", "../up"], "'../up' is no name for an eval set"),
        (["eval", "run", "documents"], "no eval set 'documents'"),
        (["eval", "run", ""], "eval set"),
        (["eval", "run", "documents/harbour.txt"], "harbour.txt, line 1 is not a case"),
        ([*RUN, "--shard", "5/4"], "'5/4' is no shard: write 2/4"),
        ([*RUN, "--shard", "half"], "'half' is no shard: write 2/4"),
        ([*RUN, "--sample", "0"], "--sample"),
        ([*RUN, "--sample", "some"], "--sample"),
        ([*RUN, "--workers", "0"], "--workers"),
        ([*RUN, "--collection", "nowhere"], "no documents yet; add some with `quotebound ingest PATH`"),
        ([*RUN, "--data", ".", "--collection", "default"], "--collection"),
        (["eval", "run", "nonesuch", "--data", "."], "no public set 'nonesuch'; there are"),
        (["eval", "run", "squad2", "--data", "no/folder"], "squad2-public.json.gz in the data folder"),
        ([*RUN, "--gates", "no.toml"], "no gates file 'no.toml'"),
        ([*RUN, "--gates", "text.toml"], "text.toml: mrr is 'high', and has to be a number"),
        ([*RUN, "--gates", "documents"], "documents"),
        ([*RUN, "--output", "no/folder/result.json"], "cannot be written: No such file or directory"),
        ([*RUN, "--output", "documents"], "'documents' cannot be written: Is a directory"),
        ([*RUN, "--output", "."], "'.' cannot be written"),
        ([*RUN, "--output", ""], "cannot be written"),
        (["eval", "gate"], "RESULT"),
        (["eval", "gate", "no.json"], "no result 'no.json': `quotebound eval run SET --output no.json`"),
        (["eval", "gate", "documents"], "'documents' cannot be read: Is a directory"),
        (["eval", "gate", "set.jsonl"], "set.jsonl is no result of `quotebound eval run`"),
        (["eval", "gate", "old.json"], "in format 1, but in 0: run the set anew"),
        (["eval", "gate", "foreign.json"], "in format 1, but in None: run the set anew"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_says_what_and_why(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (folder / "text.toml").write_text("[set]\nmrr = 'high'\n")
    (folder / "old.json").write_text('{"format": 0, "cases": []}')
    (folder / "foreign.json").write_text('{"figures": {"mrr": 1.0}}')
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error" in captured.err
    # A box of wrong usage breaks its lines.
    assert message in " ".join(captured.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["result.json", "result.json"], "a result of set is no shard: give one whole run"),
        (["result.json", "--gates", "no.toml"], "no gates file 'no.toml'"),
        (["result.json", "--store", "no/folder/base.json"], "cannot be written: No such file"),
        (["result.json", "--store", "documents"], "'documents' cannot be written: Is a directory"),
        (["result.json", "--output", "documents"], "'documents' cannot be written: Is a directory"),
        (["result.json", "--gates", "based.toml"], "no baseline 'gone.json': `quotebound eval gate RESULT"),
    ],
)
def test_a_result_that_cannot_be_gated_ends_with_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    made()
    (folder / "based.toml").write_text("[set.baseline]\nfile = 'gone.json'\n")
    capsys.readouterr()
    assert run(["eval", "gate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_shard_alone_is_not_gated(capsys: pytest.CaptureFixture[str]) -> None:
    made("1.json", "--shard", "1/2")
    assert run(["eval", "gate", "1.json", "--gates", "passing.toml"]) == 2
    assert "these are not all shards of one run, each once: 1/2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [("--gates", "no.toml"), ("--gates", "text.toml"), ("--output", "documents")], ids=" ".join
)
def test_a_mistake_in_the_options_costs_no_run(
    folder: Path, asked: list[str], options: tuple[str, str]
) -> None:
    (folder / "text.toml").write_text("[set]\nmrr = 'high'\n")
    given = {"--output": "result.json", "--gates": "passing.toml"} | dict([options])
    arguments = [word for option in given.items() for word in option]
    assert run([*RUN, *arguments]) == 2
    # Told before anything was asked, or after what was found was written down.
    kept = [path for path in folder.iterdir() if path.name.startswith(("result.json", "documents."))]
    assert asked == [] or kept


def test_wrong_usage_is_told_as_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "gate", "no.json", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["code"] == "source_not_found"


def test_a_stale_set_ends_with_2_unless_its_stale_cases_are_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "documents" / "harbour.txt").write_text(HARBOUR + "It has a crane.\n")
    assert run(RUN) == 2
    assert "--allow-stale" in capsys.readouterr().err
    found = made("result.json", "--allow-stale")
    assert found["provenance"]["left_out"] == {"stale": 2}
    assert [case["id"] for case in found["cases"]] == ["stopped", "absent"]


def test_half_a_character_in_a_case_is_no_error_of_the_program(folder: Path) -> None:
    (folder / "set.jsonl").write_text(json.dumps(record(id="half \ud800")))
    assert run([*RUN, "--gates", "passing.toml", "--output", "result.json"]) in (0, 2)


def test_the_public_sets_are_listed_by_the_names_that_run_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "public"]) == 0
    said = capsys.readouterr().out
    assert {line.split(":")[0] for line in said.splitlines() if not line.startswith(" ")} >= {"squad2", "qed"}
