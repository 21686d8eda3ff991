"""Figures of outcomes: a table worked out by hand, the definitions as references, and what always holds."""

import math
from collections.abc import Sequence
from dataclasses import replace

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import (
    OUTCOMES,
    SEA,
    SUPPORTED,
    UNSUPPORTED,
    answered,
    cited,
    expected,
    kept_back,
    withheld,
    wrongly_answered,
)

from eval.citation_metrics import Decider, JudgedClaim
from eval.evidence_metrics import EvidenceCounts
from eval.figures import (
    Measured,
    by_kind,
    figures,
    intervals,
    milliseconds,
    risk_coverage,
)
from eval.metrics import area_under_risk_coverage, area_under_roc
from eval.metrics import risk_coverage as points_of
from eval.outcomes import Outcome
from eval.ranking import MEASURES

RIGHT = answered("right", confidence=0.9)
ELSEWHERE = answered(
    "elsewhere",
    confidence=0.8,
    expected=(expected(3, shown=False),),
    citations=(cited(right=False, document_id=SEA),),
    characters=EvidenceCounts(0, 30, 0, 60),
    claims=(UNSUPPORTED,),
    exact_match=0.0,
    token_f1=0.25,
    verbatim=0,
    mutants_passed=2,
)
BACK = kept_back(
    "back",
    confidence=0.4,
    expected=(expected(7, shown=False),),
    characters=EvidenceCounts(0, 0, 0, 50),
)
HALF = answered(
    "half",
    confidence=0.6,
    expected=(expected(2), expected(None, shown=False)),
    citations=(cited(), cited(right=False, marker=2)),
    characters=EvidenceCounts(30, 60, 30, 90),
    claims=(JudgedClaim(True, (True, False), Decider.GOLD), UNSUPPORTED),
    exact_match=0.0,
    token_f1=0.5,
)
# Its evidence answers, but not in words that could be compared.
WORDLESS = answered(
    "wordless",
    confidence=0.7,
    answers=(),
    expected=(expected(2),),
    characters=EvidenceCounts(10, 10, 10, 20),
    exact_match=None,
    token_f1=None,
)
ABSENT = withheld("absent", confidence=0.1)
TRAP = wrongly_answered("trap", confidence=0.5)
TIED = wrongly_answered("tied", confidence=0.4)
TABLE = (RIGHT, ELSEWHERE, BACK, HALF, WORDLESS, ABSENT, TRAP, TIED)


def f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)


def test_every_figure_is_what_its_definition_comes_to_by_hand() -> None:
    second = 1 / math.log2(3)
    risks = [0, 1 / 2, 1 / 3, 1 / 4, 2 / 5, 3 / 7, 3 / 7, 4 / 8]
    # With all four that are right held more likely than the others.
    least = [0, 0, 0, 0, 1 / 5, 2 / 6, 3 / 7, 4 / 8]
    assert figures(TABLE) == pytest.approx(
        {
            "cases": 8,
            "answerable": 5,
            "answered": 6,
            # Of the evidence of RIGHT, ELSEWHERE, BACK, HALF and WORDLESS.
            "recall_at_1": (1 + 0 + 0 + 0 + 0) / 5,
            "recall_at_5": (1 + 1 + 0 + 1 / 2 + 1) / 5,
            "recall_at_10": (1 + 1 + 1 + 1 / 2 + 1) / 5,
            "mrr": (1 + 1 / 3 + 1 / 7 + 1 / 2 + 1 / 2) / 5,
            "ndcg_at_10": (1 + 1 / 2 + 1 / 3 + second / (1 + second) + second) / 5,
            "first_citation_right": 3 / 4,
            "best_sentence_right": 4 / 5,
            "exact_match": 1 / 4,
            "token_f1": (1 + 0.25 + 0 + 0.5) / 4,
            "evidence_precision": 3 / 7,
            "evidence_recall": 3 / 6,
            "evidence_f1": f1(3 / 7, 3 / 6),
            "evidence_character_precision": (21 + 30 + 10) / (21 + 30 + 60 + 10 + 21 + 21),
            "evidence_character_recall": (21 + 30 + 10) / (21 + 60 + 50 + 90 + 20),
            "evidence_character_f1": f1(61 / 163, 61 / 241),
            # Of six answers, HALF having two claims with three citations of which one is precise.
            "citation_precision": (1 + 0 + 1 / 3 + 1 + 0 + 0) / 6,
            "citation_recall": (1 + 0 + 1 / 2 + 1 + 0 + 0) / 6,
            "citation_f1": f1(7 / 18, 5 / 12),
            "citation_claims": 7,
            "citation_claims_by_gold": 5,
            "abstention_precision": 1 / 2,
            "abstention_recall": 1 / 3,
            "abstention_f1": 0.4,
            # Of fifteen pairs BACK is below TRAP, and level with TIED.
            "answerable_auroc": 13.5 / 15,
            "risk_coverage_area": sum(risks) / 8,
            "risk_coverage_excess": (sum(risks) - sum(least)) / 8,
            "calibration_error": (0.1 + 0.2 + 0.2 + 0.4 + 0.3 + 0.1 + 0.5) / 8,
            "calibration_error_mass": (0.1 + 0.2 + 0.2 + 0.4 + 0.3 + 0.1 + 0.5) / 8,
            "calibration_error_max": 0.5,
            "brier_score": (0.01 + 0.04 + 0.36 + 0.16 + 0.09 + 0.01 + 0.25 + 0.16) / 8,
            "quotes": 7,
            "quote_invariant": 6 / 7,
            "mutants": 120,
            "mutants_passed": 2,
            "failures_missed_abstention": 2,
            "failures_retrieval_missed": 0,
            "failures_wrong_document": 1,
            "failures_wrong_sentence": 0,
            "failures_reader_missed": 0,
            "failures_wrong_abstention": 1,
            "failures_none": 4,
        }
    )


RATES = [
    name
    for name in figures(TABLE)
    if not name.startswith("failures_")
    and name
    not in ("cases", "answerable", "answered", "quotes", "mutants", "mutants_passed", "citation_claims",
            "citation_claims_by_gold")
]  # fmt: skip
ERRORS = {name for name in RATES if name.startswith(("calibration", "brier", "risk"))}


def rates(outcomes: Sequence[Outcome]) -> dict[str, float]:
    found = figures(outcomes)
    return {name: found[name] for name in RATES}


def test_outcomes_without_a_fault_have_every_share_whole_and_every_error_at_nothing() -> None:
    perfect = rates([answered("one"), answered("two"), withheld("three")])
    # No confidence makes an answer to what has none right.
    assert perfect.pop("risk_coverage_area") == pytest.approx(1 / 3 / 3)
    assert perfect == pytest.approx({name: float(name not in ERRORS) for name in perfect})
    assert rates([answered("one")])["risk_coverage_area"] == 0.0


def test_outcomes_in_which_all_went_wrong_have_every_share_and_order_at_nothing() -> None:
    lost = replace(
        ELSEWHERE, confidence=0.0, expected=(expected(None, shown=False),), token_f1=0.0, verbatim=0
    )
    trap = replace(TRAP, confidence=1.0, verbatim=0)
    found = rates([lost, trap])
    # Nothing was withheld, so nothing was withheld wrongly.
    assert found.pop("abstention_precision") == 1.0
    assert found == {name: float(name in ERRORS - {"risk_coverage_excess"}) for name in found}


@given(OUTCOMES)
def test_rates_lie_between_nothing_and_all(outcomes: list[Outcome]) -> None:
    assert all(-1e-12 <= value <= 1.0 + 1e-12 for value in rates(outcomes).values())


@given(OUTCOMES.flatmap(lambda outcomes: st.tuples(st.just(outcomes), st.permutations(outcomes))))
def test_the_order_of_the_cases_has_no_part_in_a_figure(orders: tuple[list[Outcome], list[Outcome]]) -> None:
    outcomes, shuffled = orders
    assert figures(shuffled) == pytest.approx(figures(outcomes))


@given(OUTCOMES)
def test_areas_are_those_that_the_metrics_define(outcomes: list[Outcome]) -> None:
    found = figures(outcomes)
    confidences = [outcome.confidence for outcome in outcomes]
    answerable = [outcome.answerable for outcome in outcomes]
    right = [outcome.best_sentence_right for outcome in outcomes]
    assert found["answerable_auroc"] == pytest.approx(area_under_roc(confidences, answerable))
    points = points_of(confidences, right)
    assert found["risk_coverage_area"] == pytest.approx(area_under_risk_coverage(points))


@settings(max_examples=60)
@given(st.data())
def test_a_figure_of_drawn_places_is_that_of_the_cases_there_each_as_often(data: st.DataObject) -> None:
    outcomes = data.draw(OUTCOMES)
    places = data.draw(st.lists(st.integers(0, len(outcomes) - 1), min_size=1, max_size=12))
    measured = Measured(outcomes)
    drawn = figures([outcomes[place] for place in places])
    found = {name: measured.figure(name, np.array(places)) for name in measured.names()}
    assert found == pytest.approx({name: drawn[name] for name in found})


@given(st.lists(st.one_of(st.none(), st.integers(1, 10)), min_size=1, max_size=4), st.integers(0, 10))
def test_retrieval_is_measured_as_ir_measures_does(ranks: list[int | None], more: int) -> None:
    held = [rank for rank in ranks if rank is not None]
    ranks = sorted(set(held)) + [None] * ranks.count(None)
    hits = max([*held, more])
    relevant = {rank: f"piece {place}" for place, rank in enumerate(ranks) if rank is not None}
    run = [
        ir_measures.ScoredDoc("q", relevant.get(rank, f"other {rank}"), -rank) for rank in range(1, hits + 1)
    ]
    wanted = [ir_measures.Qrel("q", f"piece {place}", 1) for place in range(len(ranks))]
    theirs = ir_measures.calc_aggregate(MEASURES.values(), wanted, run)
    ours = figures([answered(expected=tuple(expected(rank) for rank in ranks), hits=hits)])
    assert {name: ours[name] for name in MEASURES} == pytest.approx(
        {name: theirs[measure] for name, measure in MEASURES.items()}
    )


@pytest.mark.parametrize(
    ("ranks", "recalls", "mrr"),
    [
        ((1, 1), (1.0, 1.0, 1.0), 1.0),
        ((5, 5), (0.0, 1.0, 1.0), 1 / 5),
        ((10, 10, None), (0.0, 0.0, 2 / 3), 1 / 10),
        # What one passage holds pushes no other one down.
        ((4, 4, 5), (0.0, 1.0, 1.0), 1 / 4),
    ],
)
def test_two_pieces_of_evidence_in_one_passage_are_found_with_it(
    ranks: tuple[int | None, ...], recalls: tuple[float, ...], mrr: float
) -> None:
    found = figures([answered(expected=tuple(expected(rank) for rank in ranks))])
    assert tuple(found[f"recall_at_{k}"] for k in (1, 5, 10)) == pytest.approx(recalls)
    assert found["mrr"] == pytest.approx(mrr)


def test_a_case_without_evidence_has_no_part_in_retrieval() -> None:
    assert figures([RIGHT, ABSENT])["recall_at_1"] == 1.0
    assert figures([ABSENT])["recall_at_1"] == 1.0


def test_an_interval_holds_its_figure_and_is_the_same_again() -> None:
    found = intervals(TABLE)
    np.random.default_rng().random()
    assert intervals(TABLE) == found
    measured = figures(TABLE)
    for name, interval in found.items():
        assert interval.value == pytest.approx(measured[name])
        assert interval.low <= measured[name] <= interval.high
        assert interval.low < interval.high


def test_every_rate_has_an_interval_but_those_of_calibration_and_the_least_area() -> None:
    without = {name for name in ERRORS if name != "risk_coverage_area"}
    assert set(intervals([RIGHT])) == set(RATES) - without


def test_an_interval_is_of_draws_of_the_cases() -> None:
    # Of one right and one wrong case the draws have 0, 1/2 and 1 with chances 1/4, 1/2 and 1/4.
    found = intervals([RIGHT, replace(ELSEWHERE, id="other")])["exact_match"]
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    alike = intervals([RIGHT, RIGHT, RIGHT])["exact_match"]
    assert (alike.low, alike.high) == (1.0, 1.0)


def test_the_order_of_the_cases_has_no_part_in_an_interval() -> None:
    assert intervals(TABLE[::-1]) == intervals(TABLE)


def test_kinds_are_told_in_order_and_cases_without_one_are_left_out() -> None:
    assert by_kind([*TABLE, replace(RIGHT, kind="")]) == {
        "absent": {"cases": 1, "abstained": 1, "best_sentence_right": 0},
        "fact": {"cases": 5, "abstained": 1, "best_sentence_right": 4},
        "trap": {"cases": 2, "abstained": 0, "best_sentence_right": 0},
    }


def test_the_risk_at_a_coverage_is_that_of_the_first_threshold_that_reaches_it() -> None:
    found = {point["coverage"]: (point["risk"], point["threshold"]) for point in risk_coverage(TABLE)}
    # At 0.4 two cases are answered at once.
    assert found == {0.5: (0.25, 0.6), 0.625: (0.4, 0.5), 0.875: (0.4286, 0.4), 1.0: (0.5, 0.1)}
    assert len(risk_coverage(TABLE)) == 6


def test_times_are_told_for_the_steps_that_were_taken() -> None:
    took = [replace(RIGHT, milliseconds={"read": float(number)}) for number in range(1, 21)]
    again = replace(RIGHT, milliseconds={"cached": 0.126})
    assert milliseconds([*took, again]) == {
        "read": {"p50": 10.0, "p95": 19.0},
        "cached": {"p50": 0.13, "p95": 0.13},
    }


def test_a_claim_weighs_by_its_answer_and_an_answer_without_one_does_not() -> None:
    silent = replace(RIGHT, claims=())
    double = replace(RIGHT, claims=(SUPPORTED, SUPPORTED, SUPPORTED))
    found = figures([silent, double, replace(RIGHT, claims=(UNSUPPORTED,))])
    assert (found["citation_precision"], found["citation_recall"]) == (0.5, 0.5)
