"""Significance: exact distributions, SciPy's tests as references, and what holds for every pair of runs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eval import significance
from eval.significance import (
    Method,
    Places,
    bootstrap_interval,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    paired_bootstrap_of,
    randomisation_test,
)

VALUES = st.integers(0, 4).map(lambda quarters: quarters / 4)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12)
FLAGS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
# Enough for a property, and cheap.
FEW = 200


def unzipped(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def p_by_every_flip(pairs: list[tuple[float, float]]) -> float:
    """The definition: of all ways of swapping the runs' values, how many differ as much in the mean."""
    quarters = [round(4 * (second - first)) for first, second in pairs]
    sums = [
        abs(sum(sign * difference for sign, difference in zip(signs, quarters, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(quarters))
    ]
    return sum(total >= abs(sum(quarters)) for total in sums) / len(sums)


def test_the_interval_of_a_mean_has_the_quantiles_of_all_draws() -> None:
    # Of 0, 0 and 3 the 27 draws have the means 0, 1, 2 and 3 with chances 8, 12, 6 and 1 of 27.
    found = mean_interval([0.0, 3.0, 0.0], level=0.5)
    assert (found.value, found.low, found.high) == (1.0, 0.0, 2.0)
    assert mean_interval([0.0, 3.0, 0.0], level=0.3).high == 1.0


def test_the_interval_of_a_mean_is_near_that_of_scipy() -> None:
    values = np.random.default_rng(3).normal(0.6, 0.2, 80)
    found = mean_interval(values.tolist(), resamples=4000)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)
    # And near that of the normal distribution, which the means of so many approach.
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.006)


def test_an_interval_at_a_level_covers_the_mean_about_as_often() -> None:
    rng = np.random.default_rng(11)
    intervals = [mean_interval(rng.random(40).tolist(), level=0.8, resamples=400) for _ in range(200)]
    covered = sum(found.low <= 0.5 <= found.high for found in intervals) / len(intervals)
    assert covered == pytest.approx(0.8, abs=0.08)


@given(st.lists(VALUES, min_size=1, max_size=12))
def test_an_interval_lies_within_the_values_and_narrows_with_its_level(values: list[float]) -> None:
    wide, narrow = (mean_interval(values, level, resamples=FEW) for level in (0.95, 0.5))
    assert min(values) <= wide.low <= narrow.low <= narrow.high <= wide.high <= max(values)
    assert mean_interval(values[::-1], resamples=FEW) == wide


@given(VALUES, st.integers(1, 9))
def test_values_that_are_all_the_same_have_an_interval_of_one_point(value: float, count: int) -> None:
    found = mean_interval([value] * count, resamples=FEW)
    assert (found.value, found.low, found.high) == (value, value, value)


def test_the_same_cases_have_the_same_interval_and_another_seed_another_one() -> None:
    values = np.random.default_rng(3).random(30).tolist()
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values) != mean_interval(values, seed=8)


def test_the_size_of_a_block_has_no_part_in_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).random(30).tolist()
    whole = mean_interval(values, resamples=FEW)
    monkeypatch.setattr(significance, "_BLOCK", 100)
    assert mean_interval(values, resamples=FEW) == whole


def test_any_figure_of_the_cases_has_an_interval() -> None:
    values = np.array([0.0, 0.0, 3.0])

    def mean(places: Places) -> float:
        return float(values[places].mean())

    assert bootstrap_interval(mean, 3) == mean_interval(values.tolist())
    greatest = bootstrap_interval(lambda places: float(values[places].max()), 3)
    # The 3 is missing in 8 of 27 draws.
    assert (greatest.value, greatest.low, greatest.high) == (3.0, 0.0, 3.0)


def test_a_run_that_is_better_in_every_case_is_better_in_every_draw() -> None:
    found = paired_bootstrap([0.2, 0.4, 0.6, 0.8], [0.3, 0.6, 0.7, 0.9], resamples=999)
    assert (found.method, found.cases) == (Method.BOOTSTRAP, 4)
    assert (found.first, found.second, found.difference.value) == pytest.approx((0.5, 0.625, 0.125))
    assert 0.1 - 1e-12 <= found.difference.low <= found.difference.high <= 0.2
    # No draw of 999 against: 2 · (0 + 1) / 1000.
    assert found.p_value == pytest.approx(0.002)


def test_the_chance_of_a_draw_against_is_that_of_all_draws() -> None:
    # Differences 1, 1, −1: a draw sums to 3, 1, −1 or −3, and is against in 7 of 27 cases.
    found = paired_bootstrap([0.0, 0.0, 1.0], [1.0, 1.0, 0.0], resamples=20_000)
    assert found.p_value == pytest.approx(2 * 7 / 27, abs=0.02)


def test_any_figure_of_two_runs_is_compared_on_the_same_draws() -> None:
    first, second = np.array([0.1, 0.9, 0.4, 0.4]), np.array([0.3, 0.8, 0.6, 0.5])
    found = paired_bootstrap_of(
        lambda places: float(first[places].max()), lambda places: float(second[places].max()), 4
    )
    assert (found.first, found.second, found.difference.value) == pytest.approx((0.9, 0.8, -0.1))
    # Without the second case the second run is ahead, by 0.2 at most.
    assert found.difference.high == pytest.approx(0.2)
    shift = paired_bootstrap_of(
        lambda places: float(first[places].mean()), lambda places: float(first[places].mean()) + 0.25, 4
    )
    assert (shift.difference.low, shift.difference.high) == pytest.approx((0.25, 0.25))


@given(PAIRS)
def test_few_cases_have_the_p_value_of_every_sign_flip(pairs: list[tuple[float, float]]) -> None:
    found = randomisation_test(*unzipped(pairs))
    assert found.method is Method.RANDOMISATION
    assert found.p_value == pytest.approx(p_by_every_flip(pairs))


def test_four_cases_better_by_the_same_are_chance_once_in_eight() -> None:
    # Of sixteen flips only none and all are as far from 0.
    assert randomisation_test([0.0] * 4, [0.25] * 4).p_value == 2 / 16


def test_rounding_of_equal_sums_is_no_difference() -> None:
    # Of 0.2, 0.2 and 0.4 two flips in eight come to 0, and all others to 0.4 or 0.8 but for rounding.
    assert randomisation_test([0.2, 0.0, 0.4], [0.0, 0.2, 0.0]).p_value == 6 / 8


def test_many_cases_have_nearly_the_p_value_of_scipy() -> None:
    rng = np.random.default_rng(4)
    first = rng.random(60)
    second = np.clip(first + rng.normal(0.03, 0.12, 60), 0, 1)
    found = randomisation_test(first.tolist(), second.tolist())
    expected = stats.permutation_test(
        (second - first,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        rng=np.random.default_rng(6),
    ).pvalue
    assert 0.001 < found.p_value < 0.5
    assert found.p_value == pytest.approx(expected, abs=0.015)
    assert randomisation_test(first.tolist(), second.tolist()) == found


def test_flips_by_chance_come_near_to_every_flip(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(0.0, 0.25), (0.5, 0.75), (0.25, 0.0), (0.0, 1.0), (0.5, 0.5), (0.25, 0.75), (0.5, 0.25)]
    exact = randomisation_test(*unzipped(pairs)).p_value
    monkeypatch.setattr(significance, "_EXACT", 0)
    assert randomisation_test(*unzipped(pairs)).p_value == pytest.approx(exact, abs=0.02)
    assert randomisation_test([0.0] * 30, [1.0] * 30, flips=99).p_value == 1 / 100


@given(FLAGS)
def test_mcnemar_is_the_binomial_test_of_the_cases_that_differ(flags: list[tuple[bool, bool]]) -> None:
    found = mcnemar([one for one, _ in flags], [other for _, other in flags])
    lost = sum(one and not other for one, other in flags)
    won = sum(other and not one for one, other in flags)
    expected = stats.binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert found.p_value == pytest.approx(expected)
    assert (found.method, found.cases) == (Method.MCNEMAR, len(flags))
    assert found.difference.value == pytest.approx((won - lost) / len(flags))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_of_outcomes_right_or_wrong_mcnemar_and_every_sign_flip_are_the_same_test(
    flags: list[tuple[bool, bool]],
) -> None:
    first, second = [one for one, _ in flags], [other for _, other in flags]
    flipped = randomisation_test(list(map(float, first)), list(map(float, second)))
    assert mcnemar(first, second).p_value == pytest.approx(flipped.p_value)


def test_mcnemar_by_hand() -> None:
    # Nine cases differ, one against: 2 · (1 + 9) / 512.
    first = [True] + [False] * 8 + [True] * 5
    second = [False] + [True] * 8 + [True] * 5
    assert mcnemar(first, second).p_value == pytest.approx(20 / 512)


def test_mcnemar_of_thousands_of_cases_neither_overflows_nor_is_more_than_one() -> None:
    half = [True] * 3000 + [False] * 3000
    assert mcnemar(half, half[::-1]).p_value == 1.0
    assert mcnemar([False] * 6000, [True] * 6000).p_value == 0.0


@given(PAIRS)
def test_two_runs_that_are_the_same_do_not_differ(pairs: list[tuple[float, float]]) -> None:
    first, _ = unzipped(pairs)
    for found in (paired_bootstrap(first, first, resamples=FEW), randomisation_test(first, first)):
        assert found.p_value == 1.0
        assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)


@given(PAIRS)
def test_p_values_are_chances_and_the_same_whichever_run_is_first_and_however_cases_stand(
    pairs: list[tuple[float, float]],
) -> None:
    first, second = unzipped(pairs)
    there, back = randomisation_test(first, second), randomisation_test(second, first)
    assert 0.0 < there.p_value <= 1.0
    assert there.p_value == back.p_value
    assert there.difference.value == -back.difference.value
    drawn = paired_bootstrap(first, second, resamples=FEW)
    assert 0.0 < drawn.p_value <= 1.0
    assert drawn.difference.low <= drawn.difference.high
    assert paired_bootstrap(first[::-1], second[::-1], resamples=FEW) == drawn


def test_runs_of_different_numbers_of_cases_are_refused_by_their_numbers() -> None:
    for compared in (paired_bootstrap, randomisation_test, mcnemar):
        with pytest.raises(ValueError, match="2 and 1 cases"):
            compared([True, False], [True])


def test_without_cases_there_is_nothing_to_draw() -> None:
    for found in (
        lambda: mean_interval([]),
        lambda: bootstrap_interval(lambda places: 0.0, 0),
        lambda: paired_bootstrap([], []),
        lambda: paired_bootstrap_of(lambda places: 0.0, lambda places: 0.0, 0),
        lambda: randomisation_test([], []),
        lambda: mcnemar([], []),
    ):
        with pytest.raises(ValueError, match="no cases"):
            found()
