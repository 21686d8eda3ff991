"""Metrics: values worked out by hand, and what holds for every input."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics import (
    area_under_risk_coverage,
    area_under_roc,
    exact_match,
    f_measure,
    normalized_answer,
    percentile,
    precision_recall,
    risk_coverage,
    token_f1,
)

# Few different scores, so that ties are the rule.
SCORED = st.lists(st.tuples(st.integers(0, 4).map(float), st.booleans()), min_size=1, max_size=30)
TEXTS = st.text(alphabet="ab the.,’ ", max_size=20)
SHARES = st.integers(1, 100).map(lambda percent: percent / 100)


def pairwise_auroc(scores: list[float], positives: list[bool]) -> float:
    """The definition: over all pairs of a positive and a negative, who stands above whom."""
    pairs = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high, positive in zip(scores, positives, strict=True)
        if positive
        for low, other in zip(scores, positives, strict=True)
        if not other
    ]
    return sum(pairs) / len(pairs) if pairs else 0.5


def unzipped(scored: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [score for score, _ in scored], [flag for _, flag in scored]


def test_answers_are_compared_without_case_punctuation_articles_and_extra_blanks() -> None:
    assert normalized_answer("  The “Dam”,  of an\tIndus! ") == "dam of indus"


def test_an_article_within_a_word_stays() -> None:
    assert normalized_answer("Another anthem") == "another anthem"


def test_an_answer_matches_exactly_if_any_of_the_answers_does() -> None:
    assert exact_match("the Tarbela Dam.", ["Mangla Dam", "Tarbela dam"]) == 1.0


def test_an_answer_with_a_word_too_many_does_not_match_exactly() -> None:
    assert exact_match("Tarbela Dam wall", ["Tarbela Dam"]) == 0.0


def test_nothing_matches_exactly_where_there_are_no_answers() -> None:
    assert exact_match("Tarbela Dam", []) == 0.0


def test_token_f1_is_the_harmonic_mean_of_the_shares_of_shared_words() -> None:
    # 2 of 3 predicted words are right, 2 of 4 expected ones are there: 2 · ⅔ · ½ / (⅔ + ½) = 4/7.
    assert token_f1("large Tarbela Dam", ["Tarbela Dam, in Pakistan"]) == pytest.approx(4 / 7)


def test_token_f1_counts_a_repeated_word_as_often_as_both_have_it() -> None:
    # 1 of 3 against 1 of 1: 2 · ⅓ / (4/3) = ½.
    assert token_f1("dam dam dam", ["dam"]) == pytest.approx(0.5)


def test_token_f1_is_that_of_the_nearest_answer() -> None:
    assert token_f1("Indus", ["Jhelum", "Indus river", "river"]) == pytest.approx(2 / 3)


def test_token_f1_of_two_texts_without_words_is_one_and_of_one_is_zero() -> None:
    assert token_f1("the", ["..."]) == 1.0
    assert token_f1("the", ["dam"]) == 0.0


def test_token_f1_without_answers_is_zero() -> None:
    assert token_f1("dam", []) == 0.0


@given(TEXTS, TEXTS)
def test_token_f1_is_a_share_and_the_same_both_ways(first: str, second: str) -> None:
    assert 0.0 <= token_f1(first, [second]) <= 1.0
    assert token_f1(first, [second]) == pytest.approx(token_f1(second, [first]))


@given(TEXTS, TEXTS)
def test_an_exact_match_has_a_token_f1_of_one(first: str, second: str) -> None:
    if exact_match(first, [second]):
        assert token_f1(first, [second]) == pytest.approx(1.0)


def test_f_measure_is_the_harmonic_mean_and_zero_of_zeros() -> None:
    assert f_measure(0.5, 1.0) == pytest.approx(2 / 3)
    assert f_measure(0.0, 0.0) == 0.0


def test_precision_and_recall_are_shares_of_what_was_predicted_and_expected() -> None:
    found = precision_recall(3, 4, 6)
    assert (found.precision, found.recall) == (0.75, 0.5)
    assert found.f1 == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((0, 0, 5), (1.0, 0.0)), ((0, 5, 0), (0.0, 1.0)), ((0, 0, 0), (1.0, 1.0))],
)
def test_where_nothing_can_be_wrong_or_missed_the_share_is_one(
    counts: tuple[int, int, int], expected: tuple[float, float]
) -> None:
    found = precision_recall(*counts)
    assert (found.precision, found.recall) == expected


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_the_f1_lies_between_precision_and_recall(right: int, wrong: int, missed: int) -> None:
    found = precision_recall(right, right + wrong, right + missed)
    low, high = sorted((found.precision, found.recall))
    assert 0.0 <= low <= found.f1 + 1e-12
    assert found.f1 <= high + 1e-12 <= 1.0 + 1e-12


def test_auroc_of_a_known_ranking() -> None:
    # Positives 0.9 and 0.4, negatives 0.6 and 0.1: three of the four pairs are in order.
    assert area_under_roc([0.9, 0.6, 0.4, 0.1], [True, False, True, False]) == 0.75


def test_ties_count_half_in_the_auroc() -> None:
    # Of the pairs with the tied negative one is tied and one in order; the other negative is below both.
    assert area_under_roc([0.5, 0.9, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("positives", [[True, True], [False, False], []])
def test_auroc_is_a_half_where_one_side_is_missing(positives: list[bool]) -> None:
    assert area_under_roc([0.3, 0.7][: len(positives)], positives) == 0.5


@given(SCORED)
def test_auroc_equals_its_definition_by_pairs(scored: list[tuple[float, bool]]) -> None:
    scores, positives = unzipped(scored)
    assert area_under_roc(scores, positives) == pytest.approx(pairwise_auroc(scores, positives))


@given(SCORED)
def test_auroc_of_the_reversed_ranking_is_what_is_left_to_one(scored: list[tuple[float, bool]]) -> None:
    scores, positives = unzipped(scored)
    backwards = area_under_roc([-score for score in scores], positives)
    assert area_under_roc(scores, positives) + backwards == pytest.approx(1.0)


def test_risk_at_each_coverage_by_hand() -> None:
    points = risk_coverage([0.2, 0.9, 0.6, 0.8], [False, True, False, True])
    assert [(point.threshold, point.coverage) for point in points] == [
        (0.9, 0.25),
        (0.8, 0.5),
        (0.6, 0.75),
        (0.2, 1.0),
    ]
    assert [point.risk for point in points] == pytest.approx([0.0, 0.0, 1 / 3, 0.5])


def test_questions_of_one_confidence_are_answered_together() -> None:
    (point,) = risk_coverage([0.5, 0.5, 0.5], [True, False, True])
    assert (point.coverage, point.risk) == (1.0, pytest.approx(1 / 3))


def test_there_is_no_risk_without_questions() -> None:
    assert risk_coverage([], []) == []
    assert area_under_risk_coverage([]) == 0.0


def test_area_under_risk_coverage_by_hand() -> None:
    points = risk_coverage([0.2, 0.9, 0.6, 0.8], [False, True, False, True])
    # Four steps of a quarter with risks 0, 0, ⅓ and ½.
    assert area_under_risk_coverage(points) == pytest.approx((1 / 3 + 1 / 2) / 4)


@given(SCORED)
def test_coverage_rises_to_one_and_thresholds_fall(scored: list[tuple[float, bool]]) -> None:
    points = risk_coverage(*unzipped(scored))
    assert [point.coverage for point in points] == sorted({point.coverage for point in points})
    assert [point.threshold for point in points] == sorted({score for score, _ in scored}, reverse=True)
    assert points[-1].coverage == 1.0


@given(SCORED)
def test_the_risk_at_a_threshold_is_that_of_the_questions_answered_there(
    scored: list[tuple[float, bool]],
) -> None:
    for point in risk_coverage(*unzipped(scored)):
        answered = [right for confidence, right in scored if confidence >= point.threshold]
        assert point.coverage == pytest.approx(len(answered) / len(scored))
        assert point.risk == pytest.approx(answered.count(False) / len(answered))


@given(SCORED)
def test_the_area_is_a_mean_of_risks(scored: list[tuple[float, bool]]) -> None:
    points = risk_coverage(*unzipped(scored))
    risks = [point.risk for point in points]
    assert min(risks) - 1e-12 <= area_under_risk_coverage(points) <= max(risks) + 1e-12


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 15), (0.3, 20), (0.4, 20), (0.5, 35), (0.95, 50), (1.0, 50)]
)
def test_percentiles_by_nearest_rank(share: float, expected: float) -> None:
    # The example of the definition: of 15, 20, 35, 40, 50 the 30th percentile is the second value.
    assert percentile([40, 15, 50, 35, 20], share) == expected


def test_the_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.5) == 0.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), SHARES)
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[float], share: float
) -> None:
    needed = math.ceil(round(share * len(values), 9))
    enough = [value for value in values if sum(other <= value for other in values) >= needed]
    assert percentile(values, share) == min(enough)


def test_a_percentile_of_many_values_is_not_rounded_to_thousandths() -> None:
    assert percentile(range(1, 10_001), 0.9995) == 9995
    assert percentile(range(1, 101), 0.07) == 7
