"""The figures of public sets, worked out by hand from outcomes alone."""

import random
from typing import Any

import pytest
from outcomes import answered, cited, expected

from eval.outcomes import ExpectedQuote, Outcome
from eval.public_sets.catalogue import named
from eval.public_sets.clapnq import rouge_l
from eval.public_sets.rgb import SEVERAL
from rag.types import AnswerStatus


def outcome(predicted: str = "", *answers: str, **changes: Any) -> Outcome:
    """Return an outcome by what was predicted and what is right; empty, it is an abstention."""
    made: dict[str, Any] = {
        "answerable": bool(answers),
        "answers": answers,
        "expected": (),
        "status": AnswerStatus.ANSWERED if predicted else AnswerStatus.ABSTAINED,
        "confidence": 0.5,
        "answer": predicted or "Nothing is said of it.",
        "predicted": predicted,
        "citations": (),
    }
    return answered(**(made | changes))


def piece(rank: int | None = None, *, shown: bool = False) -> ExpectedQuote:
    return expected(rank, shown=shown)


def test_squad2_has_the_figures_of_its_script() -> None:
    found = named("squad2").figures(
        [
            outcome("the mill of Orwen", "mill of Orwen", "mill", confidence=0.9),
            outcome("white mill", "mill", confidence=0.8),
            outcome("", "bridge", confidence=0.1),
            outcome("bridge", confidence=0.7),
        ]
    )
    assert found == pytest.approx(
        {
            "squad2_exact": 1 / 4,
            "squad2_f1": (1 + 2 / 3) / 4,
            "squad2_has_answer_exact": 1 / 3,
            "squad2_has_answer_f1": (1 + 2 / 3) / 3,
            "squad2_no_answer_f1": 0.0,
            "squad2_best_f1": (1 + 2 / 3 + 1) / 4,
        }
    )


def test_squad2_tells_nothing_of_a_kind_of_question_that_there_is_not() -> None:
    assert set(named("squad2").figures([outcome()])) == {
        "squad2_exact",
        "squad2_f1",
        "squad2_no_answer_f1",
        "squad2_best_f1",
    }
    assert named("squad2").figures([outcome()])["squad2_no_answer_f1"] == 1


def test_xquad_is_scored_by_words_at_white_space() -> None:
    found = named("xquad-zh").figures([outcome("奥文的磨坊", "奥文"), outcome("奥文。", "奥文。")])
    assert found == {"xquad_exact": 0.5, "xquad_f1": 0.5}
    assert named("xquad-de").figures([outcome("die weiße Mühle", "weiße Mühle")])[
        "xquad_f1"
    ] == pytest.approx(0.8)


def test_the_sentence_put_first_counts_in_qed_even_where_nothing_was_answered() -> None:
    outcomes = [outcome("", "a", best=cited()), outcome("x", "a", best=cited(right=False)), outcome("", "a")]
    assert named("qed").figures(outcomes) == {"qed_sentence_accuracy": pytest.approx(1 / 3)}


def test_hotpotqa_counts_the_facts_shown_and_each_other_citation_as_one() -> None:
    shown = outcome(
        "a white mill",
        "white mill",
        expected=(piece(shown=True), piece()),
        citations=(
            cited(),
            cited(start=1, right=False),
            cited(start=1, right=False),
            cited(start=9, right=False),
        ),
    )
    found = named("hotpotqa").figures([shown])
    assert found == pytest.approx(
        {
            "hotpotqa_answer_f1": 1.0,
            "hotpotqa_answer_exact": 1.0,
            "hotpotqa_facts_f1": 2 * (1 / 3 * 1 / 2) / (1 / 3 + 1 / 2),
            "hotpotqa_facts_exact": 0.0,
            "hotpotqa_facts_precision": 1 / 3,
            "hotpotqa_facts_recall": 1 / 2,
            "hotpotqa_joint_f1": 2 * (1 / 3 * 1 / 2) / (1 / 3 + 1 / 2),
            "hotpotqa_joint_exact": 0.0,
        }
    )


def test_hotpotqa_is_exact_where_all_facts_and_nothing_else_are_shown() -> None:
    whole = outcome("yes", "yes", expected=(piece(shown=True), piece(shown=True)), citations=(cited(),))
    assert set(named("hotpotqa").figures([whole]).values()) == {1.0}
    assert set(named("hotpotqa").figures([outcome("", "yes", expected=(piece(shown=True),))]).values()) == {
        0.0
    }
    both = named("hotpotqa").figures([whole, outcome("", "yes", expected=(piece(),))])
    assert set(both.values()) == {0.5}


def test_retrieval_in_multihop_rag_is_by_the_rank_at_which_each_fact_is_first_held() -> None:
    outcomes = [
        outcome("x", "x", expected=(piece(2), piece(5), piece(11), piece())),
        outcome("x", "x", expected=(piece(6), piece(6))),
        outcome("x", "x", expected=(piece(),)),
        outcome(),
    ]
    found = named("multihop-rag").figures(outcomes)
    assert found == pytest.approx(
        {
            "multihop_rag_hits_at_4": 1 / 3,
            "multihop_rag_hits_at_10": 2 / 3,
            "multihop_rag_map_at_10": ((1 / 2 + 1 / 5) / 4 + (2 / 6) / 2) / 3,
            "multihop_rag_mrr_at_10": (1 / 2 + 1 / 6) / 3,
            "multihop_rag_accuracy": 1.0,
        }
    )


def test_more_facts_than_ten_are_told_apart() -> None:
    facts = tuple(piece(1 if place == 11 else None) for place in range(12))
    found = named("multihop-rag").figures([outcome("x", "x", expected=facts)])
    assert found["multihop_rag_map_at_10"] == pytest.approx(1 / 10)


@pytest.mark.parametrize(
    ("case", "right"),
    [
        (outcome("The Verge said so", "the verge"), 1.0),
        (outcome("Yes, it did", "Yes"), 0.0),
        (outcome("", "Yes"), 0.0),
        (outcome(""), 1.0),
        (outcome("Something"), 0.0),
    ],
)
def test_one_shared_word_is_right_in_multihop_rag_and_so_is_no_answer_where_there_is_none(
    case: Outcome, right: float
) -> None:
    assert named("multihop-rag").figures([case]) == {"multihop_rag_accuracy": right}


def test_clapnq_has_means_over_answerable_questions_and_abstention_of_the_rest() -> None:
    outcomes = [
        outcome(
            "The mill burnt",
            "A bridge",
            "the Mill of Orwen burnt.",
            expected=(piece(shown=True), piece()),
            citations=(cited(), cited(right=False), cited(right=False)),
        ),
        outcome("", "Nothing is said of it.", expected=(piece(),)),
        outcome(),
        outcome("Something"),
        outcome(),
    ]
    assert named("clapnq").figures(outcomes) == pytest.approx(
        {
            "clapnq_rouge_l": 2 * (1 * 3 / 5) / (1 + 3 / 5) / 2,
            "clapnq_sentence_f1": 2 * (1 / 3 * 1 / 2) / (1 / 3 + 1 / 2) / 2,
            "clapnq_unanswerable_accuracy": 2 / 3,
        }
    )


@pytest.mark.parametrize(
    ("prediction", "reference", "f1"),
    [
        # The example of Lin (2004): three words in order of four, two of four, and three of four again.
        ("police kill the gunman", "police killed the gunman", 3 / 4),
        ("the gunman kill police", "police killed the gunman", 1 / 2),
        ("the gunman police killed", "police killed the gunman", 1 / 2),
        ("a b c d e", "b d", 2 * (2 / 5 * 1) / (2 / 5 + 1)),
        ("b b b", "b", 2 * (1 / 3 * 1) / (1 / 3 + 1)),
        ("The MILL, of 1703!", "the mill of 1703", 1.0),
        ("état", "tat", 1.0),
        ("...", "a", 0.0),
        ("a", "", 0.0),
        ("a b", "c d", 0.0),
    ],
)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(
    prediction: str, reference: str, f1: float
) -> None:
    assert rouge_l(prediction, reference) == pytest.approx(f1)


def test_the_common_subsequence_is_as_long_as_the_table_of_its_definition_says() -> None:
    chance = random.Random(7)
    for _ in range(60):
        first, second = ([chance.choice("abcd") for _ in range(chance.randrange(1, 90))] for _ in range(2))
        table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
        for row, word in enumerate(first, 1):
            for column, other in enumerate(second, 1):
                longer = table[row - 1][column - 1] + 1
                table[row][column] = (
                    longer if word == other else max(table[row - 1][column], table[row][column - 1])
                )
        f1 = 2 * table[-1][-1] / (len(first) + len(second))
        assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "answers", "kind", "right"),
    [
        ("It was on MAY 1, 2022.", ("1 May 2022", "May 1, 2022"), "answerable", 1.0),
        ("It was in May.", ("1 May 2022", "May 1, 2022"), "answerable", 0.0),
        ("On May 2 in the town.", ("May 2", "Orwen | the Town"), SEVERAL, 1.0),
        ("On May 2 elsewhere.", ("May 2", "Orwen | the Town"), SEVERAL, 0.0),
        ("A | B it says.", ("A | B",), "answerable", 1.0),
    ],
)
def test_an_answer_to_rgb_is_right_if_it_contains_each_part_in_some_spelling(
    answer: str, answers: tuple[str, ...], kind: str, right: float
) -> None:
    assert named("rgb").figures([outcome(answer, *answers, kind=kind)]) == {"rgb_accuracy": right}


def test_rgb_counts_an_abstention_as_wrong_where_there_is_an_answer_and_right_where_there_is_none() -> None:
    said = outcome("", "nothing", answer="Nothing is said of it.")
    assert named("rgb").figures([said, outcome(), outcome("x"), outcome("x")]) == {
        "rgb_accuracy": 0.0,
        "rgb_rejection_rate": pytest.approx(1 / 3),
    }
