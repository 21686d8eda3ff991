"""Answers made of the documents' own sentences."""

import pytest
from contracts import GeneratorContract, quoted, ranked

from index.types import Hit, Span
from rag.generation import DraftSentence
from rag.generation.extractive import ExtractiveGenerator
from rag.types import Evidence, Reading


class TestExtractiveGenerator(GeneratorContract):
    def generator(self) -> ExtractiveGenerator:
        return ExtractiveGenerator()


DIFFERENT = (
    "A glacier melted.",
    "Seven bridges fell.",
    "Nobody expected rain.",
    "Farmers sold their wheat.",
    "Two ships sank.",
)


def drafted(*scored: tuple[str, float]) -> tuple[list[Hit], list[DraftSentence]]:
    """Return hits of a sentence each, and what is made of a reading that scores them so."""
    hits = ranked("what happened", *(text for text, _ in scored))
    places = {hit.passage.text: place for place, hit in enumerate(hits)}
    evidence = tuple(
        Evidence(places[text], hits[places[text]].passage.sentences[0], None, score, {})
        for text, score in scored
    )
    return hits, ExtractiveGenerator().generate("what happened", hits, Reading(evidence, 0.9))


def texts(*scored: tuple[str, float]) -> list[str]:
    return [sentence.text for sentence in drafted(*scored)[1]]


def test_an_answer_has_at_most_three_sentences() -> None:
    assert texts(*((text, 0.9) for text in DIFFERENT)) == list(DIFFERENT[:3])


def test_the_best_sentence_comes_first() -> None:
    assert texts((DIFFERENT[3], 0.95), (DIFFERENT[0], 0.94)) == [DIFFERENT[3], DIFFERENT[0]]


def test_a_sentence_much_less_relevant_than_the_best_is_left_out() -> None:
    assert texts((DIFFERENT[0], 0.9), (DIFFERENT[1], 0.8), (DIFFERENT[2], 0.4)) == list(DIFFERENT[:2])


def test_a_weak_best_sentence_is_still_given() -> None:
    assert texts((DIFFERENT[0], 0.01)) == [DIFFERENT[0]]


@pytest.mark.parametrize(
    "again",
    [
        "the dam of the old city was built in 1947",
        "The dam of the old city was built, in 1947!",
        "The old dam of the old city was built in 1947.",
    ],
)
def test_what_two_sentences_say_alike_is_said_once(again: str) -> None:
    said = "The dam of the old city was built in 1947."
    assert texts((said, 0.9), (again, 0.9), (DIFFERENT[0], 0.9)) == [said, DIFFERENT[0]]


def test_sentences_that_differ_in_half_of_their_words_are_both_said() -> None:
    pair = ("The dam was built in 1947.", "The dam was closed after floods.")
    assert texts(*((text, 0.9) for text in pair)) == list(pair)


def test_each_sentence_rests_on_itself() -> None:
    hits, draft = drafted((DIFFERENT[0], 0.9), (DIFFERENT[1], 0.85))
    for sentence in draft:
        (claim,) = sentence.claims
        assert claim.text == sentence.text == quoted(hits, claim.hit, claim.span)
    assert [sentence.claims[0].score for sentence in draft] == [0.9, 0.85]


def test_the_words_that_answer_are_claimed_with_the_sentence() -> None:
    hits = ranked("when", "The dam was built in 1947.")
    evidence = Evidence(0, hits[0].passage.sentences[0], Span(21, 25), 0.9, {})
    (sentence,) = ExtractiveGenerator().generate("when", hits, Reading((evidence,), 0.9))
    (claim,) = sentence.claims
    assert claim.answer == Span(21, 25)
    assert quoted(hits, claim.hit, claim.answer) == "1947"
