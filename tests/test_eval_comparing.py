"""Two runs beside each other: what differs by more than chance, which cases changed, and what they are of."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import OUTCOMES, answered, cited, kept_back, result_of, withheld, wrongly_answered

from eval.comparing import Change, Comparisons, abstention_right, answered_right, compared, holm
from eval.failures import FailureKind
from eval.figures import Measured
from eval.gates import comparable
from eval.outcomes import Outcome
from eval.results import InvalidResult
from eval.significance import Method

MISREAD = (cited(right=False),)


def right(count: int, of: int) -> list[Outcome]:
    """Return so many cases, of which the first `count` were answered right and the others wrong."""
    return [
        answered(f"case {number}", **({} if number < count else {"citations": MISREAD, "token_f1": 0.0}))
        for number in range(of)
    ]


def beside(first: list[Outcome], second: list[Outcome]) -> Comparisons:
    return compared(result_of(*first), result_of(*second))


def told(**provenance: object) -> tuple[str, ...]:
    """Return what is said of a run that was measured on something else than the usual."""
    return compared(result_of(answered()), result_of(answered(), **provenance)).measured_on


def test_the_difference_is_the_second_run_less_the_first() -> None:
    found = beside(right(10, 20), right(20, 20)).of("best_sentence_right")
    assert found is not None
    assert (found.comparison.first, found.comparison.second) == (0.5, 1.0)
    assert found.comparison.difference.value == 0.5
    assert found.significant
    assert found.better


def test_figures_are_compared_by_the_test_that_suits_them() -> None:
    found = beside([*right(3, 5), withheld()], [*right(4, 5), withheld()])
    methods = {each.figure: each.comparison.method for each in found.figures}
    of_flags = {
        "best_sentence_right",
        "exact_match",
        "abstention_recall",
        "answered_right",
        "abstention_right",
    }
    of_means = {"recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10", "token_f1"}
    assert {name for name, method in methods.items() if method is Method.MCNEMAR} == of_flags
    assert {name for name, method in methods.items() if method is Method.RANDOMISATION} == of_means
    assert methods.keys() - of_flags - of_means == {
        name
        for name in Measured([answered()]).names()
        if comparable(name) and name not in of_flags | of_means
    }


def test_mcnemar_is_on_the_cases_that_went_well_in_one_run_alone() -> None:
    found = beside(right(14, 20), right(20, 20)).of("answered_right")
    assert found is not None
    # Six cases, all in one run: 2 × ½⁶.
    assert found.comparison.p_value == pytest.approx(2 / 64)
    assert found.comparison.cases == 20


def test_an_answerable_case_that_is_not_answered_is_not_answered_right() -> None:
    first, second = [answered("one"), answered("two")], [answered("one"), kept_back("two")]
    found = beside(first, second)
    # Of those that were answered all are right in both runs.
    of_answered, of_all = found.of("first_citation_right"), found.of("answered_right")
    assert of_answered is not None and of_all is not None
    assert of_answered.comparison.difference.value == 0
    assert of_all.comparison.difference.value == -0.5


@pytest.mark.parametrize(
    ("outcome", "answer", "abstention"),
    [
        (answered(), True, True),
        (answered(citations=MISREAD), False, True),
        (kept_back(), False, False),
        (withheld(), False, True),
        (wrongly_answered(), False, False),
    ],
)
def test_answers_and_abstentions_are_right_or_not(outcome: Outcome, answer: bool, abstention: bool) -> None:
    assert answered_right(outcome) is answer
    assert abstention_right(outcome) is abstention


def test_a_figure_that_no_case_counts_for_is_left_out() -> None:
    found = beside([withheld()], [wrongly_answered("none", question=withheld().question)])
    assert found.of("best_sentence_right") is None
    assert found.of("abstention_right") is not None


def test_less_of_a_risk_is_better() -> None:
    sure = [
        replace(outcome, confidence=0.9 if outcome.best_sentence_right else 0.1) for outcome in right(20, 40)
    ]
    unsure = [replace(outcome, confidence=1 - outcome.confidence) for outcome in sure]
    found = beside(unsure, sure).of("risk_coverage_area")
    assert found is not None
    assert found.comparison.difference.value < 0
    assert found.better
    assert found.significant


def test_a_run_does_not_differ_from_itself() -> None:
    outcomes = [*right(7, 9), withheld(), wrongly_answered(), kept_back()]
    found = beside(outcomes, outcomes)
    assert {each.comparison.p_value for each in found.figures} == {1.0}
    assert not any(each.significant or each.better for each in found.figures)
    assert (found.changed, found.measured_on) == ((), ())


def test_a_difference_by_chance_is_not_marked() -> None:
    found = beside(right(15, 20), right(16, 20))
    assert not any(each.significant for each in found.figures)


def test_holm_adjusts_each_p_value_for_those_that_are_left() -> None:
    # The example of the procedure: 4 × 0.005, 3 × 0.01, 2 × 0.03, 1 × 0.04 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p_value, found in zip(p_values, adjusted, strict=True):
        assert p_value <= found <= min(1.0, len(p_values) * p_value)
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [found for _, found in pairs] == sorted(adjusted)


def test_many_figures_have_to_differ_by_more_than_one_alone() -> None:
    found = beside(right(14, 20), right(20, 20)).of("answered_right")
    assert found is not None
    assert found.comparison.p_value < 0.05 < found.adjusted
    assert not found.significant


def test_cases_are_better_worse_or_wrong_in_another_way() -> None:
    first = [answered("a"), kept_back("b"), kept_back("c"), answered("d")]
    second = [kept_back("a"), answered("b"), answered("c", citations=MISREAD), answered("d")]
    found = beside(first, second)
    assert [(case.id, case.change) for case in found.changed] == [
        ("a", Change.WORSE),
        ("b", Change.BETTER),
        ("c", Change.OTHER),
    ]
    assert found.changed[0].after is FailureKind.WRONG_ABSTENTION
    assert [found.count(change) for change in Change] == [1, 1, 1]


def test_only_cases_that_both_have_are_compared() -> None:
    first = [answered("a"), answered("b"), answered("c", question="When was it drawn?")]
    second = [answered("c"), answered("b"), answered("d"), answered("e")]
    found = beside(first, second)
    assert (found.shared, found.only_first, found.only_second) == (1, 2, 3)
    assert {each.comparison.cases for each in found.figures} == {1}


def test_the_order_of_a_run_does_not_matter() -> None:
    first = [answered("a"), kept_back("b"), wrongly_answered("c")]
    second = [kept_back("a"), answered("b"), wrongly_answered("c")]
    assert beside(first, second) == beside(first[::-1], second)


def test_runs_without_a_case_in_common_are_not_compared() -> None:
    with pytest.raises(InvalidResult, match=r"'tiny' and 'other' have no case in common"):
        compared(result_of(answered("a")), result_of(answered("b"), set="other"))


def test_cases_of_which_something_else_was_expected_are_counted() -> None:
    first = [answered("a"), answered("b"), withheld("c", question="When was it built?")]
    second = [answered("a", answers=("in 1947",)), answered("b"), answered("c")]
    found = beside(first, second)
    assert found.relabelled == 2
    # It counts for answerable cases in one run alone.
    best = found.of("best_sentence_right")
    assert best is not None
    assert best.comparison.cases == 2


def test_what_the_runs_were_measured_on_is_told_apart() -> None:
    assert told(settings={"model": "hashing", "threshold": 0.3}) == ("threshold: 0.3, in the other run 0.5",)
    assert told(commit=None) == ("commit: none, in the other run 222222222222",)
    assert told(set_sha256="f" * 64) == ("set sha256: ffffffffffff, in the other run 000000000000",)
    assert told(left_out={"draft": 2}) == ("left out draft: 2, in the other run none",)
    assert told(labels_by=["a person"]) == ()


def test_documents_are_told_apart_by_name_and_contents() -> None:
    many = [{"source": f"{name}.txt", "sha256": "1" * 64} for name in "abcd"]
    assert told(documents=[{"source": "dam.txt", "sha256": "9" * 64}]) == (
        "documents: 1 with other contents (dam.txt)",
    )
    assert told(documents=many) == ("documents: 4 added, 1 gone (a.txt, b.txt, c.txt, …)",)


@pytest.mark.parametrize("strange", ["x" * 500, [["nested"]], {"a": {"b": None}}, 3, None])
def test_any_provenance_is_told_in_a_line_that_is_not_long(strange: object) -> None:
    lines = told(**dict.fromkeys(("settings", "documents", "commit", "anything"), strange))
    assert lines
    for line in lines:
        assert "\n" not in line
        assert len(line) < 220


@settings(max_examples=3)
@given(OUTCOMES)
def test_any_two_runs_of_the_same_cases_are_compared(outcomes: list[Outcome]) -> None:
    others = [replace(outcome, confidence=0.5, citations=outcome.citations[:1]) for outcome in outcomes]
    found = beside(outcomes, others)
    assert found.shared == len(outcomes)
    for each in found.figures:
        assert 0 < each.comparison.p_value <= each.adjusted <= 1
        assert each.comparison.difference.low <= each.comparison.difference.high
