"""What a home keeps of evaluations: sets by name, runs by id, and nothing outside of its folder."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from casework import record, written
from outcomes import answered, result_of, withheld

from eval.cases import InvalidCase, load_eval_set
from eval.kept import Evaluations, RunInfo, RunNotFound
from eval.results import InvalidResult, Result, as_json
from index.errors import SourceNotFound

RESULT = result_of(answered("one", confidence=0.1 + 0.2), withheld("two"))
NOON = datetime(2031, 5, 4, 12, 0, 0, 17, UTC)


@pytest.fixture
def kept(tmp_path: Path) -> Evaluations:
    return Evaluations(tmp_path)


def keep(kept: Evaluations, result: Result = RESULT, minute: int = 0, *missed: str) -> RunInfo:
    return kept.keep(result, as_json(result, missed), NOON.replace(minute=minute))


def test_a_home_in_which_nothing_was_kept_has_neither_sets_nor_runs_and_stays_so(
    tmp_path: Path, kept: Evaluations
) -> None:
    assert (kept.sets(), kept.runs()) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_is_kept_is_found_by_its_name(kept: Evaluations) -> None:
    for name in ("leases", "Übergabe 2", "v1.2_b-c"):
        written(kept.path_of(name, make=True), record())
        assert load_eval_set(kept.path_of(name)).name == name
    assert kept.sets() == ["leases", "v1.2_b-c", "Übergabe 2"]


def test_a_set_that_is_not_there_is_told_with_those_that_are(kept: Evaluations) -> None:
    with pytest.raises(SourceNotFound, match="no eval set 'lease'; there are none yet"):
        kept.path_of("lease")
    for name in ("two", "one"):
        written(kept.path_of(name, make=True), record())
    with pytest.raises(SourceNotFound, match="no eval set 'lease'; there are one, two"):
        kept.path_of("lease")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "/etc/passwd",
        "a\\b",
        ".hidden",
        "-x",
        " x",
        "a\n",
        "a\x00",
        "x" * 101,
        "a:b",
    ],
)
def test_a_name_that_is_none_is_refused_whether_or_not_it_is_to_be_made(kept: Evaluations, name: str) -> None:
    for make in (False, True):
        with pytest.raises(InvalidCase, match="is no name for an eval set: letters, digits"):
            kept.path_of(name, make=make)


def test_a_name_of_many_letters_is_one_or_is_refused_and_never_an_error_of_the_disk(
    kept: Evaluations,
) -> None:
    try:
        written(kept.path_of("地" * 100, make=True), record())
    except InvalidCase:
        return
    assert kept.sets() == ["地" * 100]


def test_files_that_are_no_sets_are_not_listed(tmp_path: Path, kept: Evaluations) -> None:
    folder = kept.path_of("good", make=True).parent
    written(folder / "good.jsonl", record())
    for name in ("good.toml", ".swap.jsonl", "notes.txt", "good.jsonl.partial"):
        (folder / name).write_text("")
    assert kept.sets() == ["good"]


def test_a_run_is_kept_whole_and_listed_with_what_it_was_of(kept: Evaluations) -> None:
    info = keep(kept, RESULT, 0, "mrr is 1, and has to be at least 2")
    assert info == RunInfo(
        id="20310504T120000000017-tiny",
        ended="2031-05-04T12:00:00+00:00",
        set="tiny",
        collection="default",
        cases=2,
        gates_failed=("mrr is 1, and has to be at least 2",),
        figures={
            "best_sentence_right": 1.0,
            "evidence_f1": 1.0,
            "abstention_f1": 1.0,
            "quote_invariant": 1.0,
        },
    )
    assert kept.runs() == [info]
    found = kept.result(info.id)
    assert (found.outcomes, found.provenance) == (RESULT.outcomes, RESULT.provenance)


def test_runs_are_listed_the_last_one_first(kept: Evaluations) -> None:
    made = [keep(kept, minute=minute) for minute in (5, 59, 0)]
    assert kept.runs() == [made[1], made[0], made[2]]


def test_two_runs_that_end_together_are_two(kept: Evaluations) -> None:
    now = [kept.keep(RESULT, as_json(RESULT)) for _ in range(2)]
    assert len({info.id for info in now}) == 2
    assert len(kept.runs()) == 2


@pytest.mark.parametrize(
    "name", ["a/b", "../../up", "leases of 2031", "ünï", "", "x" * 300, "地" * 90, "%00", "\n"]
)
def test_whatever_a_set_is_called_its_runs_are_found_and_lie_in_the_folder(
    tmp_path: Path, kept: Evaluations, name: str
) -> None:
    info = keep(kept, result_of(*RESULT.outcomes, set=name))
    assert kept.runs() == [info]
    assert info.set == kept.result(info.id).name == name
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "evaluations" / "runs"}


def test_a_run_that_was_deleted_is_gone(tmp_path: Path, kept: Evaluations) -> None:
    gone, stays = (keep(kept, minute=minute) for minute in (1, 2))
    kept.delete(gone.id)
    assert kept.runs() == [stays]
    for access in (kept.result, kept.delete):
        with pytest.raises(RunNotFound, match=f"no run '{gone.id}'; it may have been deleted"):
            access(gone.id)
    assert len(list((tmp_path / "evaluations" / "runs").iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["", "..", "../tiny", "../runs/x", "no such", "/etc/passwd", "x\x00", "x" * 5000, "tiny.summary"]
)
def test_an_id_that_is_none_finds_nothing_outside(kept: Evaluations, name: str) -> None:
    written(kept.path_of("tiny", make=True), record()).with_suffix(".json").write_text("{}")
    for access in (kept.result, kept.delete):
        with pytest.raises(RunNotFound, match="no run") as raised:
            access(name)
        assert len(str(raised.value)) < 200


def test_the_summary_of_a_run_is_no_run(kept: Evaluations) -> None:
    info = keep(kept)
    for access in (kept.result, kept.delete):
        with pytest.raises(RunNotFound):
            access(f"{info.id}.summary")
    assert kept.runs() == [info]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"id": 3, "gates_failed": []}', "\x00"])
def test_a_damaged_summary_is_left_out_of_the_list(tmp_path: Path, kept: Evaluations, text: str) -> None:
    good, bad = keep(kept, minute=1), keep(kept, minute=2)
    (tmp_path / "evaluations" / "runs" / f"{bad.id}.summary.json").write_text(text)
    assert kept.runs() == [good]


def test_a_summary_with_fields_of_other_kinds_is_left_out_too(tmp_path: Path, kept: Evaluations) -> None:
    info = keep(kept)
    path = tmp_path / "evaluations" / "runs" / f"{info.id}.summary.json"
    told = json.loads(path.read_text())
    for change in ({"figures": 3}, {"cases": "many"}, {"ended": None}, {"gates_failed": "none"}):
        path.write_text(json.dumps(told | change))
        assert kept.runs() == []


def test_the_summary_of_another_run_is_left_out(tmp_path: Path, kept: Evaluations) -> None:
    info = keep(kept)
    folder = tmp_path / "evaluations" / "runs"
    (folder / "other.summary.json").write_text((folder / f"{info.id}.summary.json").read_text())
    assert kept.runs() == [info]


def test_a_damaged_result_is_told_and_can_be_deleted(tmp_path: Path, kept: Evaluations) -> None:
    info = keep(kept)
    (tmp_path / "evaluations" / "runs" / f"{info.id}.json").write_text("{")
    with pytest.raises(InvalidResult, match=r"-tiny\.json is no result"):
        kept.result(info.id)
    kept.delete(info.id)
    assert kept.runs() == []


def test_a_run_whose_result_alone_was_written_is_not_listed(tmp_path: Path, kept: Evaluations) -> None:
    info = keep(kept)
    (tmp_path / "evaluations" / "runs" / f"{info.id}.summary.json").unlink()
    assert kept.runs() == []


def test_a_run_that_cannot_be_kept_is_told(tmp_path: Path, kept: Evaluations) -> None:
    (tmp_path / "evaluations").write_text("")
    with pytest.raises(InvalidResult, match=r"evaluations/runs' cannot be made: \w+"):
        keep(kept)
    with pytest.raises((InvalidCase, InvalidResult), match="cannot be made"):
        kept.path_of("tiny", make=True)
