"""The result of a run in its file: nothing of it is lost, and what is no result is told apart."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import OUTCOMES, answered, cited, kept_back, result_of, withheld, wrongly_answered

from eval.outcomes import Outcome
from eval.results import FORMAT, InvalidResult, Result, as_json, read_result, write_result
from index.errors import SourceNotFound

SUM = 0.1 + 0.2
RESULT = result_of(
    answered("one", confidence=SUM, citations=(cited(score=2 / 3), cited(answer=None, marker=2))),
    withheld("two", confidence=1e-17),
    kept_back("three"),
    wrongly_answered("four", written_by="a model", fallback="timeout", withheld=2),
)


def written(folder: Path, result: Result, *missed: str) -> Path:
    path = folder / "result.json"
    write_result(path, as_json(result, missed))
    return path


def damaged(folder: Path, **changes: Any) -> Path:
    """Write a result in which fields are others; None takes one away."""
    told = {name: value for name, value in (as_json(RESULT) | changes).items() if value is not None}
    path = folder / "result.json"
    path.write_text(json.dumps(told))
    return path


def test_a_result_is_read_as_it_was_written_to_the_last_digit(tmp_path: Path) -> None:
    found = read_result(written(tmp_path, RESULT))
    assert found.outcomes == RESULT.outcomes
    assert found.outcomes[0].confidence == SUM != 0.3
    assert found.provenance == RESULT.provenance
    assert json.dumps(as_json(found)) == json.dumps(as_json(RESULT))


@settings(max_examples=8)
@given(OUTCOMES, st.dictionaries(st.text(max_size=9), st.floats(0, 1), max_size=2))
def test_any_result_goes_through_its_file_unchanged(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome], published: dict[str, float]
) -> None:
    result = replace(result_of(*outcomes), published=published)
    found = read_result(written(tmp_path_factory.mktemp("results"), result))
    assert (found.outcomes, found.provenance, found.published) == (
        result.outcomes,
        result.provenance,
        published,
    )


@pytest.mark.parametrize(
    "words", ["“quoted” – naïve", "line\nbreak\u2028and\u0085more", "\U0001f5fa 地図", "\x00"]
)
def test_any_words_of_a_document_go_through_the_file(tmp_path: Path, words: str) -> None:
    result = result_of(answered(words, question=words, citations=(cited(quote=words, source=words),)))
    assert read_result(written(tmp_path, result)).outcomes == result.outcomes


def test_a_file_says_what_a_run_found_and_how_each_case_failed(tmp_path: Path) -> None:
    told = json.loads(written(tmp_path, RESULT, "mrr is 0.5").read_text(encoding="utf-8"))
    assert (told["format"], told["gates_failed"]) == (FORMAT, ["mrr is 0.5"])
    assert [case["failure"] for case in told["cases"]] == [
        "none",
        "none",
        "wrong_abstention",
        "missed_abstention",
    ]
    assert told["figures"]["answered"] == 2
    assert told["intervals"]["exact_match"] == [0.0, 1.0]
    assert told["cases"][0]["citations"][0]["quote"] == "It was built in 1947."
    assert sum(entry["count"] for entry in told["reliability"]) == len(RESULT.outcomes)


def test_figures_and_bounds_are_told_with_six_decimals() -> None:
    told = as_json(
        result_of(answered("one", token_f1=1 / 3), answered("two", token_f1=2 / 3, exact_match=0.0))
    )
    assert told["figures"]["token_f1"] == 0.5
    assert told["intervals"]["token_f1"] == [0.333333, 0.666667]
    assert as_json(result_of(answered(token_f1=1 / 3)))["figures"]["token_f1"] == 0.333333


def test_published_figures_stand_among_the_others_and_apart(tmp_path: Path) -> None:
    result = replace(RESULT, published={"squad_f1": 0.75})
    assert as_json(result)["figures"]["squad_f1"] == 0.75
    assert read_result(written(tmp_path, result)).figures["squad_f1"] == 0.75


def test_a_result_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    written(tmp_path, RESULT)
    path = written(tmp_path, result_of(answered("other")))
    assert [outcome.id for outcome in read_result(path).outcomes] == ["other"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("place", ["no/such/folder/result.json", "."])
def test_a_result_that_cannot_be_written_is_told_with_its_path(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidResult, match=r"cannot be written: \w+"):
        write_result(tmp_path / place, as_json(RESULT))


def test_a_result_that_is_not_there_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    told = r"no result '.*none\.json': `quotebound eval run SET --output none\.json`"
    with pytest.raises(SourceNotFound, match=told):
        read_result(tmp_path / "none.json")


def test_a_folder_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="cannot be read"):
        read_result(tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"format": 1', b"\x89PNG\r\n", b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "open", "cut", "picture", "half of UTF-16", "nested"],
)
def test_a_file_that_is_no_json_is_told_by_its_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture.json"
    path.write_bytes(data)
    with pytest.raises(InvalidResult, match=r"picture\.json is no result .* not JSON"):
        read_result(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [("[]", "None"), ("3", "None"), ("{}", "None"), ('{"format": 0}', "0"), ('{"format": "1"}', "'1'")],
)
def test_a_file_of_another_format_is_told_which_one_it_is_in(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(InvalidResult, match=rf"format {FORMAT}, but in {found}: run the set anew"):
        read_result(path)


def test_the_file_of_a_run_before_there_were_formats_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidResult, match="in format 1, but in None"):
        read_result(damaged(tmp_path, format=None))


CASE = as_json(RESULT)["cases"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"cases": None},
        {"cases": 3},
        {"cases": "abc"},
        {"cases": [3]},
        {"cases": [[]]},
        {"cases": [{}]},
        {"provenance": None},
        {"provenance": 7},
        {"published": None},
    ],
    ids=str,
)
def test_a_damaged_result_is_refused_by_its_name(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidResult, match=r"result\.json is damaged"):
        read_result(damaged(tmp_path, **changes))


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "perhaps"), ("confidence", "much"), ("citations", [{}]), ("best", 3), ("milliseconds", [])],
)
def test_a_damaged_case_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(InvalidResult, match=r"result\.json is damaged"):
        read_result(damaged(tmp_path, cases=[CASE | {field: value}]))


@pytest.mark.parametrize(
    "changes",
    [
        {"cases": []},
        {"cases": [CASE | {"confidence": 7.0}]},
        {"cases": [CASE | {"confidence": float("nan")}]},
        {"cases": [CASE, CASE]},
        {"provenance": []},
        {"provenance": {"set": "tiny"}},
        {"published": {"squad_f1": "high"}},
    ],
    ids=["no case", "no probability", "no number", "a case twice", "a list", "no digest", "text"],
)
def test_what_no_run_could_have_written_is_refused_before_anything_is_worked_out_of_it(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidResult, match=r"result\.json is damaged"):
        read_result(damaged(tmp_path, **changes))


def test_figures_and_failures_that_were_changed_by_hand_are_worked_out_anew(tmp_path: Path) -> None:
    path = written(tmp_path, RESULT)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["figures"]["exact_match"] = 1.0
    told["cases"][2]["failure"] = "none"
    path.write_text(json.dumps(told))
    assert as_json(read_result(path)) == as_json(RESULT)
