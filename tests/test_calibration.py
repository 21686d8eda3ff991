"""Calibration: diagrams and scores worked by hand, errors by brute force, and what holds for all."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.calibration import (
    Bin,
    Binning,
    brier_score,
    excess_area,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)

# Tenths, so that confidences stand on the edges of bins, and stand twice.
HELD = st.lists(
    st.tuples(st.one_of(st.integers(0, 10).map(lambda tenths: tenths / 10), st.floats(0, 1)), st.booleans()),
    max_size=30,
)
SOME = HELD.filter(bool)
BINS = st.integers(1, 20)
BINNINGS = st.sampled_from(Binning)


def unzipped(held: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [confidence for confidence, _ in held], [flag for _, flag in held]


def error_by_brute_force(held: list[tuple[float, bool]], bins: int) -> tuple[float, float]:
    """ECE and MCE by their definition: every bin in turn takes what lies in it."""
    expected = greatest = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [entry for entry in held if low < entry[0] <= high or (number == 0 and entry[0] == 0.0)]
        if inside:
            confidences, flags = np.array(inside, dtype=float).T
            gap = abs(flags.mean() - confidences.mean())
            expected += len(inside) / len(held) * gap
            greatest = max(greatest, gap)
    return expected, greatest


def test_a_diagram_of_four_bins_by_hand() -> None:
    # (0, ¼]: 0 and 0.25, one right. (¼, ½]: none. (½, ¾]: 0.6 and 0.7, both right. (¾, 1]: 1, wrong.
    found = reliability([0.25, 0.7, 1.0, 0.0, 0.6], [True, True, False, False, True], bins=4)
    assert found == [
        Bin(0.0, 0.25, 2, 0.125, 0.5),
        Bin(0.5, 0.75, 2, pytest.approx(0.65), 1.0),
        Bin(0.75, 1.0, 1, 1.0, 0.0),
    ]
    # Gaps 0.375, 0.35 and 1, weighed by 2, 2 and 1 of 5.
    assert expected_calibration_error(found) == pytest.approx(0.15 + 0.14 + 0.2)
    assert maximum_calibration_error(found) == 1.0


def test_bins_of_equal_mass_by_hand() -> None:
    confidences = [0.9, 0.1, 0.8, 0.2, 0.95, 0.3, 0.99]
    flags = [True, False, True, False, True, True, False]
    found = reliability(confidences, flags, bins=3, binning=Binning.MASS)
    assert [(entry.low, entry.high, entry.count) for entry in found] == [
        (0.1, 0.3, 3),
        (0.8, 0.9, 2),
        (0.95, 0.99, 2),
    ]
    assert [entry.accuracy for entry in found] == pytest.approx([1 / 3, 1.0, 0.5])
    # Gaps 2/15, 0.15 and 0.47.
    assert expected_calibration_error(found) == pytest.approx((0.4 + 0.3 + 0.94) / 7)


def test_equal_confidences_stay_in_one_bin_of_equal_mass() -> None:
    found = reliability([0.5] * 5 + [0.9], [True] * 6, bins=3, binning=Binning.MASS)
    assert [(entry.low, entry.count) for entry in found] == [(0.5, 5), (0.9, 1)]


@given(st.integers(0, 40), BINS)
def test_different_confidences_are_cut_as_numpy_cuts(count: int, bins: int) -> None:
    confidences = [place / 50 for place in range(count)]
    found = reliability(confidences, [True] * count, bins, Binning.MASS)
    parts = [len(part) for part in np.array_split(np.arange(count), bins) if len(part)]
    assert [entry.count for entry in found] == parts


@given(SOME, BINS)
def test_errors_of_bins_of_equal_width_are_those_of_the_definition(
    held: list[tuple[float, bool]], bins: int
) -> None:
    found = reliability(*unzipped(held), bins)
    expected = error_by_brute_force(held, bins)
    assert (expected_calibration_error(found), maximum_calibration_error(found)) == pytest.approx(expected)


@given(HELD, BINS, BINNINGS)
def test_bins_hold_every_confidence_once_and_rise(
    held: list[tuple[float, bool]], bins: int, binning: Binning
) -> None:
    found = reliability(*unzipped(held), bins, binning)
    assert len(found) <= bins
    assert sum(entry.count for entry in found) == len(held)
    assert all(entry.low - 1e-12 <= entry.confidence <= entry.high + 1e-12 for entry in found)
    assert all(one.high <= other.low for one, other in pairwise(found))


@given(HELD, BINS, BINNINGS)
def test_errors_are_shares_and_the_greatest_is_no_less_than_the_expected(
    held: list[tuple[float, bool]], bins: int, binning: Binning
) -> None:
    found = reliability(*unzipped(held), bins, binning)
    assert 0.0 <= expected_calibration_error(found) <= maximum_calibration_error(found) + 1e-12 <= 1.0 + 2e-12
    assert 0.0 <= brier_score(*unzipped(held)) <= 1.0


@given(HELD, BINS, BINNINGS)
def test_the_order_of_the_cases_does_not_matter(
    held: list[tuple[float, bool]], bins: int, binning: Binning
) -> None:
    assert reliability(*unzipped(held), bins, binning) == reliability(*unzipped(held[::-1]), bins, binning)
    assert brier_score(*unzipped(held)) == pytest.approx(brier_score(*unzipped(held[::-1])))
    assert excess_area(*unzipped(held)) == pytest.approx(excess_area(*unzipped(held[::-1])))


@given(st.lists(st.booleans(), max_size=20), BINS, BINNINGS)
def test_certainty_that_is_always_right_has_no_error(flags: list[bool], bins: int, binning: Binning) -> None:
    found = reliability([float(flag) for flag in flags], flags, bins, binning)
    if bins > 1 and binning is Binning.WIDTH:
        assert expected_calibration_error(found) == maximum_calibration_error(found) == 0.0
    assert brier_score([float(flag) for flag in flags], flags) == 0.0


def test_half_right_at_a_half_is_calibrated_though_its_brier_score_is_not_zero() -> None:
    found = reliability([0.5] * 4, [True, False, True, False])
    assert expected_calibration_error(found) == 0.0
    assert brier_score([0.5] * 4, [True, False, True, False]) == 0.25


def test_the_brier_score_by_hand() -> None:
    # Squares of 0.2, 0.6 and 1.
    assert brier_score([0.8, 0.6, 0.0], [True, False, True]) == pytest.approx((0.04 + 0.36 + 1) / 3)


@pytest.mark.parametrize("confidence", [-0.1, 1.5, math.nan])
def test_what_is_no_probability_is_refused_by_its_value(confidence: float) -> None:
    for measure in (reliability, brier_score):
        with pytest.raises(ValueError, match=f"{confidence} is no probability"):
            measure([0.5, confidence], [True, True])


def test_bins_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="0 bins"):
        reliability([0.5], [True], bins=0)


def test_as_many_flags_as_confidences_are_wanted() -> None:
    with pytest.raises(ValueError, match="shorter"):
        reliability([0.5, 0.6], [True])


def test_without_cases_there_is_no_error() -> None:
    assert reliability([], []) == []
    assert expected_calibration_error([]) == maximum_calibration_error([]) == 0.0
    assert brier_score([], []) == excess_area([], []) == 0.0


def test_the_excess_area_by_hand() -> None:
    # Right, wrong, right: risks 0, ½ and ⅓, against 0, 0 and ⅓ with both right ones first.
    assert excess_area([0.9, 0.8, 0.7], [True, False, True]) == pytest.approx((1 / 2) / 3)


def test_an_order_that_puts_what_is_right_first_has_no_excess() -> None:
    assert excess_area([0.9, 0.8, 0.7, 0.1], [True, True, False, False]) == pytest.approx(0.0, abs=1e-12)


def test_the_worst_order_has_the_greatest_excess() -> None:
    # Risks 1 and ½ against 0 and ½.
    assert excess_area([0.9, 0.1], [False, True]) == pytest.approx(1 / 2)


@given(SOME)
def test_no_order_falls_below_the_optimal_area(held: list[tuple[float, bool]]) -> None:
    confidences, flags = unzipped(held)
    count = len(held)
    assert -1e-12 <= excess_area(confidences, flags) <= 1.0
    perfect = excess_area(list(np.linspace(1, 0, count)), sorted(flags, reverse=True))
    assert perfect == pytest.approx(0.0, abs=1e-12)
