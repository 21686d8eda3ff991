"""The two regressions: what generated data was made with is found again."""

import numpy as np
import pytest

from eval.regression import Choice, Floats, conditional_logit, logistic_regression

TRUTH = np.array([2.0, -1.0, 0.0])


def outcomes_of(signals: Floats, weights: Floats, constant: float, seed: int) -> np.ndarray:
    """Draw outcomes with the probabilities that a logistic model gives."""
    chances = 1 / (1 + np.exp(-(signals @ weights + constant)))
    return np.random.default_rng(seed).random(len(signals)) < chances


def choices_of(count: int, weights: Floats, seed: int, *, noise: bool) -> list[Choice]:
    """Let someone choose one of six alternatives by its weighted sum, with Gumbel noise if asked."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        signals = random.normal(size=(6, len(weights)))
        worth = signals @ weights + (random.gumbel(size=6) if noise else 0.0)
        right = np.zeros(6, dtype=np.bool_)
        right[int(np.argmax(worth))] = True
        made.append(Choice(signals, right))
    return made


def test_logistic_regression_finds_the_coefficients_that_made_the_data() -> None:
    signals = np.random.default_rng(1).normal(size=(20_000, 3))
    weights, constant = logistic_regression(
        signals, outcomes_of(signals, TRUTH, 0.5, 2), np.ones(len(signals))
    )
    np.testing.assert_allclose(weights, TRUTH, atol=0.1)
    assert constant == pytest.approx(0.5, abs=0.1)


def test_logistic_regression_is_in_the_units_of_its_signals() -> None:
    signals = np.random.default_rng(1).normal(size=(20_000, 3))
    outcomes, even = outcomes_of(signals, TRUTH, 0.5, 2), np.ones(len(signals))
    weights, constant = logistic_regression(signals, outcomes, even)
    scaled, moved = logistic_regression(signals * 100 + 7, outcomes, even)
    np.testing.assert_allclose(scaled * 100, weights, atol=1e-3)
    assert moved + 7 * scaled.sum() == pytest.approx(constant, abs=1e-3)


def test_an_outcome_of_twice_the_weight_counts_as_two() -> None:
    signals = np.random.default_rng(3).normal(size=(400, 3))
    outcomes = outcomes_of(signals, TRUTH, 0.0, 4)
    doubled = np.where(np.arange(400) < 100, 2.0, 1.0)
    # Without a penalty: it is on signals standardised by rows, of which one of the two has more.
    repeated, other = logistic_regression(
        np.concatenate([signals, signals[:100]]),
        np.concatenate([outcomes, outcomes[:100]]),
        np.ones(500),
        penalty=0.0,
    )
    weighted, constant = logistic_regression(signals, outcomes, doubled, penalty=0.0)
    np.testing.assert_allclose(weighted, repeated, atol=1e-2)
    assert constant == pytest.approx(other, abs=1e-2)


def test_outcomes_of_no_weight_are_not_seen() -> None:
    signals = np.random.default_rng(5).normal(size=(2_000, 3))
    outcomes = outcomes_of(signals, TRUTH, 0.0, 6)
    outcomes[1_000:] = ~outcomes[1_000:]
    seen = np.where(np.arange(2_000) < 1_000, 1.0, 0.0)
    weights, _ = logistic_regression(signals, outcomes, seen)
    assert np.sign(weights[:2]).tolist() == [1.0, -1.0]


def test_the_penalty_keeps_weights_finite_where_one_signal_tells_all() -> None:
    signals = np.linspace(-1, 1, 100)[:, np.newaxis]
    (weight,), constant = logistic_regression(signals, signals[:, 0] > 0, np.ones(100))
    assert weight > 0
    assert np.isfinite([weight, constant]).all()


def test_a_signal_that_never_varies_gets_no_weight() -> None:
    signals = np.column_stack([np.random.default_rng(7).normal(size=500), np.full(500, 3.0)])
    outcomes = outcomes_of(signals[:, :1], np.array([2.0]), 0.0, 8)
    weights, constant = logistic_regression(signals, outcomes, np.ones(500))
    assert weights[0] > 1
    assert weights[1] == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(constant)


def test_a_conditional_logit_finds_the_coefficients_that_made_the_choices() -> None:
    weights = conditional_logit(choices_of(5_000, TRUTH, 9, noise=True), penalty=0.0)
    np.testing.assert_allclose(weights, TRUTH, atol=0.15)


def test_a_conditional_logit_puts_the_right_alternative_first_where_it_can() -> None:
    weights = conditional_logit(choices_of(300, TRUTH, 10, noise=False))
    firsts = [
        choice.right[int(np.argmax(choice.signals @ weights))]
        for choice in choices_of(100, TRUTH, 11, noise=False)
    ]
    assert np.mean(firsts) > 0.95


def test_what_all_alternatives_of_a_choice_share_gets_no_weight() -> None:
    random = np.random.default_rng(12)
    choices = [
        Choice(np.column_stack([choice.signals, np.full(6, random.normal())]), choice.right)
        for choice in choices_of(500, TRUTH, 13, noise=True)
    ]
    assert conditional_logit(choices)[3] == pytest.approx(0.0, abs=1e-6)


def test_choices_may_have_several_right_alternatives_and_any_number_of_them() -> None:
    choices = [
        Choice(np.array([[0.0], [1.0], [1.0]]), np.array([False, True, True])),
        Choice(np.array([[1.0], [0.0]]), np.array([True, False])),
        Choice(np.array([[1.0]]), np.array([True])),
    ]
    (weight,) = conditional_logit(choices)
    assert weight > 0


def test_sums_too_great_for_an_exponential_are_no_trouble() -> None:
    choices = [
        Choice(choice.signals * 1e4, choice.right) for choice in choices_of(200, TRUTH, 14, noise=False)
    ]
    weights = conditional_logit(choices)
    assert np.isfinite(weights).all()
    assert np.sign(weights[:2]).tolist() == [1.0, -1.0]


def test_a_signal_that_never_varies_weighs_nothing() -> None:
    rng = np.random.default_rng(0)
    choices = []
    for _ in range(200):
        signals = np.column_stack([rng.normal(size=6), np.ones(6)])
        right = np.zeros(6, dtype=np.bool_)
        right[np.argmax(signals[:, 0] + rng.gumbel(size=6))] = True
        choices.append(Choice(signals, right))
    assert conditional_logit(choices)[1] == 0
