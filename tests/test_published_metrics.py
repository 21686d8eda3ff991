"""The published metrics on toy cases worked by hand as the official scripts go, and what holds for all."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.published_metrics import (
    BestThreshold,
    HotpotPrediction,
    HotpotScores,
    MultiHopFigures,
    SquadFigures,
    SquadPrediction,
    SquadScores,
    hotpot_case,
    hotpot_figures,
    multihop_figures,
    published_form,
    squad2_exact,
    squad2_f1,
    squad2_figures,
)

WORDS = st.text("ab .", max_size=6)
PREDICTIONS = st.lists(
    st.builds(
        SquadPrediction,
        WORDS,
        st.lists(WORDS, max_size=2).map(tuple),
        st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    ),
    min_size=1,
    max_size=8,
)


def test_only_ascii_punctuation_is_taken_from_published_forms() -> None:
    assert published_form("  The U.S. “Dam”, an Indus-side one ") == "us “dam” indusside one"


@pytest.mark.parametrize(
    ("prediction", "answer", "exact", "f1"),
    [
        ("the Mangla dam.", "Mangla Dam", 1.0, 1.0),
        # 2 of 3 words against 2 of 2: 2 · ⅔ / (5/3).
        ("Mangla dam wall", "Mangla dam", 0.0, 0.8),
        ("dam dam", "dam", 0.0, 2 / 3),
        ("Tarbela", "Mangla", 0.0, 0.0),
        # Without words on one side, and on both.
        ("", "Mangla", 0.0, 0.0),
        ("Mangla", "", 0.0, 0.0),
        ("the.", "", 1.0, 1.0),
        # Typographic quotation marks are part of a word here.
        ("“Mangla”", "Mangla", 0.0, 0.0),
    ],
)
def test_squad_scores_by_hand(prediction: str, answer: str, exact: float, f1: float) -> None:
    assert squad2_exact(prediction, answer) == exact
    assert squad2_f1(prediction, answer) == pytest.approx(f1)


SQUAD = [
    SquadPrediction("Mangla dam", ("Mangla", "the Mangla dam"), 0.1),  # 1, 1
    SquadPrediction("in 1967", ("1967",), 0.3),  # 0, ⅔
    SquadPrediction("", ("Jhelum",), 0.9),  # 0, 0
    SquadPrediction("", (), 0.8),  # 1, 1
    SquadPrediction("Porters", (), 0.6),  # 0, 0
]


def test_squad_figures_by_hand() -> None:
    found = squad2_figures(SQUAD)
    assert found.overall == SquadScores(2 / 5, pytest.approx(8 / 15), 5)
    assert found.has_answer == SquadScores(1 / 3, pytest.approx(5 / 9), 3)
    assert found.no_answer == SquadScores(1 / 2, 1 / 2, 2)


def test_the_best_thresholds_by_hand() -> None:
    # Nothing answered: 2. Then by rising probability of no answer +1 → 3, +⅔ (or +0), −1, 0, 0.
    found = squad2_figures(SQUAD)
    assert found.best_exact == BestThreshold(3 / 5, 0.1)
    assert found.best_f1 == BestThreshold(pytest.approx((3 + 2 / 3) / 5), 0.3)


def test_above_the_threshold_nothing_counts_as_answered() -> None:
    found = squad2_figures(SQUAD, threshold=0.5)
    # The unanswerable one that was answered at 0.6 is withheld now; at the threshold itself it is not.
    assert found.no_answer == SquadScores(1.0, 1.0, 2)
    assert found.overall == SquadScores(3 / 5, pytest.approx(11 / 15), 5)
    assert squad2_figures(SQUAD, threshold=0.6).no_answer == SquadScores(0.5, 0.5, 2)


def test_withholding_all_is_the_best_of_predictions_that_are_all_wrong() -> None:
    wrong = [SquadPrediction("Tarbela", ("Mangla",), 0.2), SquadPrediction("Tarbela", (), 0.1)]
    assert squad2_figures(wrong).best_f1 == BestThreshold(1 / 2, 0.0)


def test_an_unanswerable_question_that_nothing_was_predicted_for_costs_no_threshold_anything() -> None:
    found = squad2_figures([SquadPrediction("", (), 0.1), SquadPrediction("Mangla", ("Mangla",), 0.2)])
    assert found.best_exact == BestThreshold(1.0, 0.2)


def test_gold_answers_without_words_are_no_answer_to_compare_with() -> None:
    # The question still counts as one with an answer.
    found = squad2_figures([SquadPrediction("", ("the",))])
    assert (found.has_answer, found.no_answer) == (SquadScores(1.0, 1.0, 1), None)
    both = squad2_figures([SquadPrediction("", ("the", "dam"))])
    assert both.overall == SquadScores(0.0, 0.0, 1)


def test_the_script_looks_for_thresholds_amid_equal_probabilities_too() -> None:
    tied = [SquadPrediction("Mangla", ("Mangla",), 0.5), SquadPrediction("Tarbela", (), 0.5)]
    assert squad2_figures(tied).best_exact == BestThreshold(1.0, 0.5)
    assert squad2_figures(tied[::-1]).best_exact == BestThreshold(0.5, 0.0)


def best_by_trying(predictions: Sequence[SquadPrediction]) -> float:
    """The greatest F1 over all thresholds, that below all probabilities among them."""
    thresholds = [-1.0, *(prediction.no_answer for prediction in predictions)]
    return max(squad2_figures(predictions, threshold).overall.f1 for threshold in thresholds)


@given(PREDICTIONS)
def test_the_best_threshold_is_found_where_no_two_probabilities_are_equal(
    predictions: list[SquadPrediction],
) -> None:
    apart = list({prediction.no_answer: prediction for prediction in predictions}.values())
    # Texts without words score 1 though the script takes 1 away for them; gold ones alike.
    plain = [
        prediction
        for prediction in apart
        if bool(prediction.text) == bool(published_form(prediction.text))
        and all(map(published_form, prediction.answers))
    ]
    if plain:
        found = squad2_figures(plain)
        assert found.best_f1.score == pytest.approx(best_by_trying(plain))
        assert found.best_f1.score >= found.overall.f1 - 1e-12


@given(PREDICTIONS)
def test_squad_figures_are_shares_and_those_of_both_kinds_make_up_the_whole(
    predictions: list[SquadPrediction],
) -> None:
    found = squad2_figures(predictions, 0.5)
    parts = [part for part in (found.has_answer, found.no_answer) if part]
    assert sum(part.total for part in parts) == found.overall.total == len(predictions)
    for name in ("exact", "f1"):
        whole = sum(getattr(part, name) * part.total for part in parts) / len(predictions)
        assert getattr(found.overall, name) == pytest.approx(whole)
        assert 0.0 <= whole <= 1.0
    assert found.overall.exact <= found.overall.f1 + 1e-12
    turned = squad2_figures(predictions[::-1], 0.5)
    assert (turned.overall.exact, turned.overall.f1) == pytest.approx((found.overall.exact, found.overall.f1))


@given(st.lists(WORDS, min_size=1, max_size=6))
def test_who_predicts_the_gold_answers_is_perfect(answers: list[str]) -> None:
    gold = [SquadPrediction(answer, (answer,) if published_form(answer) else ()) for answer in answers]
    found: SquadFigures = squad2_figures(gold)
    assert (found.overall.exact, found.overall.f1) == (1.0, 1.0)


GOLD = frozenset({("Mangla Dam", 0), ("Jhelum River", 2)})


def hotpot(
    answer: str | None, facts: set[tuple[str, int]] | None, gold: str = "Mangla Dam"
) -> HotpotPrediction:
    return HotpotPrediction(answer, None if facts is None else frozenset(facts), gold, GOLD)


@pytest.mark.parametrize(
    ("prediction", "answer", "facts", "joint"),
    [
        (hotpot("the Mangla dam", set(GOLD)), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
        # The answer: 2 of 4 words, 2 of 2. The facts: 1 of 2, 1 of 2. Joint: ½ · ½ and 1 · ½, F1 ⅓.
        (
            hotpot("big old Mangla dam", {("Mangla Dam", 0), ("Mangla Dam", 1)}),
            (0, 2 / 3, 1 / 2, 1),
            (0, 1 / 2, 1 / 2, 1 / 2),
            (0, 1 / 3, 1 / 4, 1 / 2),
        ),
        # The right answer on none of the facts, and the facts without the answer.
        (hotpot("Mangla Dam", set()), (1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)),
        (hotpot("Tarbela", set(GOLD)), (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)),
        # One of three named facts is right.
        (
            hotpot("Mangla Dam", {("Mangla Dam", 0), ("a", 0), ("b", 0)}),
            (1, 1, 1, 1),
            (0, 2 / 5, 1 / 3, 1 / 2),
            (0, 2 / 5, 1 / 3, 1 / 2),
        ),
        # "yes" and "no" share words with nothing but themselves.
        (hotpot("yes it was", set(GOLD), "yes"), (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)),
        (hotpot("no", set(GOLD), "no dam at all"), (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)),
        (hotpot("noanswer here", set(GOLD), "noanswer"), (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)),
        (hotpot("Yes.", set(GOLD), "yes"), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
        # Two answers without words are equal, and share none.
        (hotpot("the", set(GOLD), "a"), (1, 0, 0, 0), (1, 1, 1, 1), (1, 0, 0, 0)),
        # Missing.
        (hotpot(None, set(GOLD)), (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 0)),
        (hotpot("Mangla Dam", None), (1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_hotpot_cases_by_hand(
    prediction: HotpotPrediction,
    answer: tuple[float, ...],
    facts: tuple[float, ...],
    joint: tuple[float, ...],
) -> None:
    found = hotpot_case(prediction)
    for scores, expected in ((found.answer, answer), (found.facts, facts), (found.joint, joint)):
        assert (scores.exact, scores.f1, scores.precision, scores.recall) == pytest.approx(expected)


def test_hotpot_figures_are_means_over_all_questions() -> None:
    found = hotpot_figures(
        [hotpot("Mangla Dam", set(GOLD)), hotpot("Mangla Dam", None), hotpot("x", set(GOLD))]
    )
    assert found.answer == HotpotScores(*[pytest.approx(2 / 3)] * 4)
    assert found.joint == HotpotScores(*[pytest.approx(1 / 3)] * 4)


FACTS = st.frozensets(st.tuples(st.sampled_from("AB"), st.integers(0, 2)), max_size=4)
HOTPOT = st.builds(
    HotpotPrediction, st.none() | WORDS | st.just("yes"), st.none() | FACTS, WORDS | st.just("yes"), FACTS
)


@given(st.lists(HOTPOT, min_size=1, max_size=6))
def test_hotpot_figures_are_shares_and_the_joint_exceeds_neither_part(
    predictions: list[HotpotPrediction],
) -> None:
    found = hotpot_figures(predictions)
    for name in ("exact", "f1", "precision", "recall"):
        joint, answer, facts = (getattr(part, name) for part in (found.joint, found.answer, found.facts))
        assert 0.0 <= joint <= min(answer, facts) + 1e-12
        assert max(answer, facts) <= 1.0
        assert joint == pytest.approx(getattr(hotpot_figures(predictions[::-1]).joint, name))


DAM, RIVER, LEOPARD = "The dam opened\nin 1967.", "It stores the Jhelum.", "Leopards live far off."
BOTH = f"{DAM} {RIVER}"


@pytest.mark.parametrize(
    ("texts", "facts", "expected"),
    [
        # A fact is part of a text, blanks and newlines aside.
        (["x The dam opened in1967. y"], [DAM], (1, 1, 1)),
        ([LEOPARD, DAM], [DAM], (1, 1 / 2, 1 / 2)),
        # Of two facts at ranks 1 and 2: (1 + ½) / 2, where average precision would be 1.
        ([DAM, RIVER], [DAM, RIVER], (1, 3 / 4, 1)),
        ([BOTH], [DAM, RIVER], (1, 1, 1)),
        # Found again, a fact adds nothing.
        ([DAM, DAM, DAM], [DAM], (1, 1, 1)),
        ([LEOPARD, DAM, BOTH], [DAM, RIVER], (1, (1 / 2 + 1 / 3) / 2, 1 / 2)),
        ([LEOPARD], [DAM], (0, 0, 0)),
        ([], [DAM], (0, 0, 0)),
        # At rank 4, the last, and below it.
        ([LEOPARD] * 3 + [DAM], [DAM], (1, 1 / 4, 1 / 4)),
        ([LEOPARD] * 4 + [DAM], [DAM], (0, 0, 0)),
        # A fact that is wanted twice is found once.
        ([DAM], [DAM, DAM], (1, 1 / 2, 1)),
    ],
)
def test_retrieval_of_multihop_rag_by_hand(
    texts: list[str], facts: list[str], expected: tuple[float, float, float]
) -> None:
    found = multihop_figures([(texts, facts)], depth=4)
    assert (found.hits, found.map, found.mrr) == pytest.approx(expected)


def test_retrieval_figures_are_means_over_questions() -> None:
    found = multihop_figures([([DAM], [DAM]), ([LEOPARD, DAM], [DAM]), ([LEOPARD], [DAM])])
    assert found == MultiHopFigures(pytest.approx(2 / 3), pytest.approx(1 / 2), pytest.approx(1 / 2))


QUESTIONS = st.lists(
    st.tuples(
        st.lists(st.text("abcd ", max_size=4), max_size=7),
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=5,
)


@given(QUESTIONS)
def test_retrieval_figures_are_shares_that_rise_with_the_depth(
    questions: list[tuple[list[str], list[str]]],
) -> None:
    shallow, deep = multihop_figures(questions, 4), multihop_figures(questions, 10)
    for name in ("hits", "map", "mrr"):
        assert 0.0 <= getattr(shallow, name) <= getattr(deep, name) + 1e-12 <= 1.0 + 2e-12
        assert getattr(multihop_figures(questions[::-1], 4), name) == pytest.approx(getattr(shallow, name))
    perfect = multihop_figures([(["".join(facts), *texts], facts) for texts, facts in questions])
    assert (perfect.hits, perfect.map, perfect.mrr) == (1.0, 1.0, 1.0)


@given(QUESTIONS)
def test_the_reciprocal_rank_is_that_of_the_first_text_with_a_fact(
    questions: list[tuple[list[str], list[str]]],
) -> None:
    ranks = [
        next((rank for rank, text in enumerate(texts, 1) if any(fact in text for fact in facts)), None)
        for texts, facts in questions
    ]
    found = multihop_figures(questions)
    assert found.mrr == pytest.approx(sum(1 / rank for rank in ranks if rank) / len(ranks))
    assert found.hits == pytest.approx(sum(rank is not None for rank in ranks) / len(ranks))


def test_without_predictions_there_are_no_published_figures() -> None:
    for figures in (squad2_figures, hotpot_figures, multihop_figures):
        with pytest.raises(ValueError, match="there are no"):
            figures([])


def test_a_question_that_needs_no_fact_is_none_of_retrieval() -> None:
    with pytest.raises(ValueError, match="needs no fact"):
        multihop_figures([([DAM], [])])
