"""Gates: each figure on the wrong side of its bound is told, and nothing that cannot be told apart passes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import answered, kept_back, result_of, withheld, wrongly_answered

from eval.cases import InvalidCase, load_eval_set
from eval.gates import (
    GATES_FILE,
    LESS_IS_BETTER,
    Failure,
    comparable,
    failures,
    read_baseline,
    store_baseline,
)
from eval.gates import gated as gated_at
from eval.results import InvalidResult, Result
from index.errors import SourceNotFound

# Of four cases half went well: mrr 1, exact_match 1/2, abstention_recall 1/2, brier_score 1/4 and so on.
RESULT = result_of(
    answered("one"),
    kept_back("two", confidence=1.0),
    withheld("three"),
    wrongly_answered("four", confidence=1.0),
)
PERFECT = result_of(answered("one"), answered("two"), withheld("three"), withheld("four"))


def gated(folder: Path, gates: str, result: Result = RESULT) -> list[str]:
    path = folder / "gates.toml"
    path.write_text(gates)
    return [str(failure) for failure in failures(result, path)]


def baseline(folder: Path, figures: Mapping[str, Any], **changes: Any) -> None:
    told = {"set": "tiny", "set_sha256": "0" * 64, "commit": None, "figures": dict(figures)} | changes
    (folder / "base.json").write_text(json.dumps(told))


def held(folder: Path, figures: Mapping[str, float], more: str = "", result: Result = RESULT) -> list[str]:
    """Return what a run misses of a baseline that has some figures."""
    baseline(folder, figures)
    return gated(folder, f'[tiny.baseline]\nfile = "base.json"\n{more}', result)


def test_figures_on_their_bounds_or_on_the_right_side_pass(tmp_path: Path) -> None:
    gates = (
        "[tiny]\nmrr = 1.0\nexact_match = 0.5\nquotes = 2\n[tiny.at_most]\nbrier_score = 0.25\nquotes = 2\n"
    )
    assert gated(tmp_path, gates) == []


@pytest.mark.parametrize(
    ("gates", "held"),
    [
        ("[tiny]\nmrr = 0.5\n", True),
        ("[tiny.at_most]\nquotes = 2\n", True),
        ("[tiny.baseline]\nfile = 'no.json'\n", True),
        ("[tiny]\n", False),
        ("[other]\nmrr = 0.5\n", False),
        ("", False),
    ],
)
def test_a_set_has_gates_where_its_table_has_some(tmp_path: Path, gates: str, held: bool) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(gates)
    assert gated_at(path, "tiny") is held


def test_a_figure_below_its_gate_fails_it(tmp_path: Path) -> None:
    missed = gated(tmp_path, "[tiny]\nexact_match = 0.51\nmrr = 0.9\n")
    assert missed == ["exact_match is 0.5, and has to be at least 0.51"]


def test_a_figure_above_its_ceiling_fails_it(tmp_path: Path) -> None:
    missed = gated(tmp_path, "[tiny.at_most]\nbrier_score = 0.2\nmrr = 1\n")
    assert missed == ["brier_score is 0.25, and has to be at most 0.2"]


def test_every_gate_that_is_missed_is_told(tmp_path: Path) -> None:
    gates = "[tiny]\nexact_match = 1\nabstention_recall = 1\n[tiny.at_most]\nbrier_score = 0\n"
    missed = gated(tmp_path, gates)
    assert [line.split()[0] for line in missed] == ["exact_match", "abstention_recall", "brier_score"]


def test_a_figure_that_a_public_set_has_of_its_own_can_be_gated(tmp_path: Path) -> None:
    result = replace(RESULT, published={"squad_f1": 0.4})
    assert gated(tmp_path, "[tiny]\nsquad_f1 = 0.5\n", result) == [
        "squad_f1 is 0.4, and has to be at least 0.5"
    ]


@pytest.mark.parametrize("gates", ["", "[other]\nmrr = 2.0\n", "[other.baseline]\nfile = 'no.json'\n"])
def test_a_set_without_gates_passes(tmp_path: Path, gates: str) -> None:
    assert gated(tmp_path, gates) == []


@pytest.mark.parametrize("gates", ["[tiny]\nrecal = 0.5\n", "[tiny.at_most]\nrecal = 0.5\n"])
def test_a_gate_on_an_unknown_figure_is_refused(tmp_path: Path, gates: str) -> None:
    with pytest.raises(InvalidCase, match=r"gates\.toml has a gate on 'recal', which is no figure"):
        gated(tmp_path, gates)


@pytest.mark.parametrize("value", ['"0.5"', "true", "[0.5]", "1979-05-27", "{}", "nan"])
@pytest.mark.parametrize("table", ["tiny", "tiny.at_most"])
def test_a_bound_that_is_no_number_is_refused(tmp_path: Path, table: str, value: str) -> None:
    with pytest.raises(InvalidCase, match=r"gates\.toml: mrr is .*, and has to be a number"):
        gated(tmp_path, f"[{table}]\nmrr = {value}\n")


@pytest.mark.parametrize(
    "gates",
    [
        "tiny = 0.5\n",
        "[[tiny]]\nmrr = 0.5\n",
        "[tiny]\nat_most = 0.5\n",
        "[tiny]\nbaseline = 'base.json'\n",
        "[tiny.baseline]\ntolerance = 0.02\n",
        "[tiny.baseline]\nfile = 3\n",
        "[tiny.baseline]\nfile = 'base.json'\ntolerance = 'much'\n",
        "[tiny.baseline]\nfile = 'base.json'\ntolerance = nan\n",
        "[tiny.baseline]\nfile = 'base.json'\ntolerances = 0.1\n",
        "[tiny.baseline]\nfile = 'base.json'\ntolerances = { mrr = true }\n",
        # What is misspelt would be no gate at all.
        "[tiny.baseline]\nfile = 'base.json'\ntolerence = 0.1\n",
    ],
)
def test_gates_of_another_shape_are_refused_with_the_name_of_the_file(tmp_path: Path, gates: str) -> None:
    baseline(tmp_path, {"mrr": 1.0})
    with pytest.raises(InvalidCase, match=r"^gates\.toml"):
        gated(tmp_path, gates)


def test_a_gates_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"no gates file '.*no\.toml'"):
        failures(RESULT, tmp_path / "no.toml")


@pytest.mark.parametrize("data", [b"[tiny", b"\xff\xfe[tiny]"])
def test_a_gates_file_that_is_not_toml_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "gates.toml"
    path.write_bytes(data)
    with pytest.raises(InvalidCase, match=r"gates\.toml is not TOML"):
        failures(RESULT, path)


def test_a_folder_in_place_of_the_gates_or_of_the_baseline_is_told(tmp_path: Path) -> None:
    with pytest.raises((SourceNotFound, InvalidCase), match=tmp_path.name):
        failures(RESULT, tmp_path)
    with pytest.raises((SourceNotFound, InvalidCase), match=r"the baseline '.*' cannot be read"):
        gated(tmp_path, "[tiny.baseline]\nfile = '.'\n")


def test_the_committed_gates_are_on_figures_that_a_run_of_the_committed_set_has() -> None:
    committed = load_eval_set(GATES_FILE.with_name("sets") / "seeds.jsonl").sha256
    assert failures(result_of(kept_back(), set="seeds", set_sha256=committed), GATES_FILE) != []


def test_a_figure_may_be_worse_than_in_the_baseline_by_what_is_tolerated(tmp_path: Path) -> None:
    # 0.02 where nothing is said.
    assert held(tmp_path, {"exact_match": 0.52}) == []
    assert held(tmp_path, {"exact_match": 0.5201}) == [
        "exact_match is 0.5, and has to be at least 0.5001, being 0.5201 in the baseline"
    ]
    assert held(tmp_path, {"exact_match": 0.6}, "tolerance = 0.1\n") == []
    assert len(held(tmp_path, {"exact_match": 0.5001}, "tolerance = 0\n")) == 1


def test_where_less_is_better_more_than_in_the_baseline_is_worse(tmp_path: Path) -> None:
    assert held(tmp_path, {"brier_score": 0.23}) == []
    assert held(tmp_path, {"brier_score": 0.2}) == [
        "brier_score is 0.25, and has to be at most 0.22, being 0.2 in the baseline"
    ]
    assert held(tmp_path, {"brier_score": 0.9, "exact_match": 0.1, "mutants_passed": 3}) == []


def test_one_altered_quote_that_passes_is_worse_than_none(tmp_path: Path) -> None:
    passed = replace(RESULT, outcomes=(replace(RESULT.outcomes[0], mutants_passed=1), *RESULT.outcomes[1:]))
    assert len(held(tmp_path, {"mutants_passed": 0}, result=passed)) == 1


def test_a_figure_may_have_a_tolerance_of_its_own(tmp_path: Path) -> None:
    own = "tolerance = 0.3\n[tiny.baseline.tolerances]\nexact_match = 0.05\nbrier_score = 0.2\n"
    figures = {"exact_match": 0.56, "abstention_recall": 0.79, "brier_score": 0.06}
    assert held(tmp_path, figures, own) == [
        "exact_match is 0.5, and has to be at least 0.51, being 0.56 in the baseline"
    ]


def test_a_run_that_is_better_than_the_baseline_passes(tmp_path: Path) -> None:
    store_baseline(tmp_path / "base.json", RESULT)
    assert gated(tmp_path, '[tiny.baseline]\nfile = "base.json"\ntolerance = 0\n', PERFECT) == []
    store_baseline(tmp_path / "base.json", PERFECT)
    assert gated(tmp_path, '[tiny.baseline]\nfile = "base.json"\n', RESULT) != []


@settings(max_examples=20)
@given(st.lists(st.sampled_from([*RESULT.outcomes, *PERFECT.outcomes]), min_size=1, max_size=7))
def test_a_run_passes_the_baseline_that_was_stored_of_it(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("stored")
    result = result_of(*(replace(one, confidence=1 / (place + 1)) for place, one in enumerate(outcomes)))
    store_baseline(folder / "base.json", result)
    assert gated(folder, '[tiny.baseline]\nfile = "base.json"\ntolerance = 0\n', result) == []


def test_bounds_and_the_baseline_hold_together(tmp_path: Path) -> None:
    baseline(tmp_path, {"exact_match": 0.6})
    missed = gated(tmp_path, "[tiny]\nmrr = 1.1\nexact_match = 0.55\n[tiny.baseline]\nfile = 'base.json'\n")
    assert [line.split(",")[0] for line in missed] == ["mrr is 1", "exact_match is 0.5", "exact_match is 0.5"]


def test_counts_are_never_compared_with_a_baseline(tmp_path: Path) -> None:
    counts = {name for name in RESULT.figures if not comparable(name)}
    assert counts == {
        *(
            "cases",
            "answerable",
            "answered",
            "quotes",
            "mutants",
            "citation_claims",
            "citation_claims_by_gold",
        ),
        *(name for name in RESULT.figures if name.startswith("failures_")),
    }
    store_baseline(tmp_path / "base.json", RESULT)
    assert set(read_baseline(tmp_path / "base.json").figures) == set(RESULT.figures) - counts


def test_of_errors_and_of_altered_quotes_less_is_better_and_of_nothing_else() -> None:
    errors = {name for name in RESULT.figures if name.startswith(("calibration_", "brier_", "risk_"))}
    assert errors | {"mutants_passed"} == LESS_IS_BETTER
    assert all(map(comparable, LESS_IS_BETTER))


@pytest.mark.parametrize("changes", [{"set": "other"}, {"set_sha256": "1" * 64}])
def test_a_baseline_of_another_version_of_the_set_is_refused_with_the_way_out(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    baseline(tmp_path, {"mrr": 1.0}, **changes)
    told = r"base\.json is of another version of tiny.*`quotebound eval gate RESULT --store base\.json`"
    with pytest.raises(InvalidCase, match=told):
        gated(tmp_path, '[tiny.baseline]\nfile = "base.json"\n')


def test_a_sample_is_not_held_to_the_baseline_of_all_cases(tmp_path: Path) -> None:
    store_baseline(tmp_path / "base.json", RESULT)
    part = result_of(*RESULT.outcomes[:2], sample=2)
    with pytest.raises(InvalidCase, match=r"base\.json"):
        gated(tmp_path, '[tiny.baseline]\nfile = "base.json"\n', part)


def test_a_baseline_that_is_not_there_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(
        SourceNotFound, match=r"no baseline 'base\.json': `quotebound eval gate RESULT --store"
    ):
        gated(tmp_path, '[tiny.baseline]\nfile = "base.json"\n')


def test_a_figure_of_the_baseline_that_a_run_has_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match=r"base\.json has the figure 'bleu', which a run has not: store it"):
        held(tmp_path, {"mrr": 1.0, "bleu": 0.5})


def test_a_tolerance_for_a_figure_that_the_baseline_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match=r"gates\.toml tolerates something of 'mrrr', which the baseline"):
        held(tmp_path, {"mrr": 1.0}, "[tiny.baseline.tolerances]\nmrrr = 0.5\n")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"set": "tiny", "set_sha256": "0", "figures": {"mrr": "high"}}',
     '{"set": "tiny", "set_sha256": "0", "figures": [1]}', '{"set": "tiny", "figures": {}}',
     '{"set": "tiny", "set_sha256": "0", "figures": {"mrr": NaN}}'],
)  # fmt: skip
def test_a_baseline_that_is_none_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(InvalidCase, match=r"base\.json is no baseline"):
        read_baseline(tmp_path / "base.json")


def test_a_baseline_says_of_which_run_it_is(tmp_path: Path) -> None:
    store_baseline(tmp_path / "base.json", RESULT)
    told = json.loads((tmp_path / "base.json").read_text())
    assert {name: told[name] for name in ("set", "set_sha256", "commit")} == {
        "set": "tiny",
        "set_sha256": "0" * 64,
        "commit": "2" * 40,
    }


def test_a_baseline_that_cannot_be_written_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidResult, match=r"no/base\.json' cannot be written: No such file"):
        store_baseline(tmp_path / "no" / "base.json", RESULT)


def test_a_failure_is_told_with_its_value_and_its_bound() -> None:
    assert str(Failure("mrr", 0.123456, 0.2, at_most=False)) == "mrr is 0.1235, and has to be at least 0.2"
    assert str(Failure("brier_score", 0.3, 0.2, at_most=True, baseline=0.18)) == (
        "brier_score is 0.3, and has to be at most 0.2, being 0.18 in the baseline"
    )


def test_a_failure_never_tells_of_a_value_that_looks_like_its_bound() -> None:
    told = str(Failure("quote_invariant", 0.99999, 1.0, at_most=False))
    assert told == "quote_invariant is 0.99999, and has to be at least 1"
