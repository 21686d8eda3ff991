"""Evidence by sentence and by character: tables worked by hand, character sets as reference, properties."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Located
from eval.evidence_metrics import (
    EvidenceCounts,
    Place,
    character_counts,
    length,
    macro,
    micro,
    sentence_counts,
    shared,
    united,
)
from eval.runner import shows
from index.types import Span


def at(start: int, end: int, document: str = "a") -> Place:
    return (document, Span(start, end))


def quotation(*places: Place) -> Located:
    return Located(places)


PLACES = st.builds(
    lambda document, start, size: at(start, start + size, document),
    st.sampled_from("ab"),
    st.integers(0, 12),
    st.integers(1, 8),
)
CITED = st.lists(PLACES, max_size=5)
PIECES = st.lists(
    st.lists(
        st.lists(PLACES, min_size=1, max_size=2).map(lambda places: quotation(*places)),
        min_size=1,
        max_size=2,
    ),
    max_size=3,
)
COUNTS = st.builds(
    lambda right, wrong, found, missed: EvidenceCounts(right, right + wrong, found, found + missed),
    *[st.integers(0, 9)] * 4,
)


def characters(places: list[Place]) -> set[tuple[str, int]]:
    return {(document, place) for document, span in places for place in range(span.start, span.end)}


def counted_by_hand(cited: list[Place], pieces: list[list[Located]]) -> EvidenceCounts:
    """The definition over sets of characters, every way of taking a place of each piece being tried."""
    held = characters(cited)
    options = [[place for choice in piece for place in choice.places] for piece in pieces]
    ways = []
    for way in itertools.product(*options):
        found = sum(len(characters([place]) & held) for place in way)
        expected = sum(len(characters([place])) for place in way)
        ways.append((found / expected if expected else 1.0, -expected, found))
    _, expected, found = max(ways)
    gold = characters([place for places in options for place in places])
    return EvidenceCounts(len(held & gold), len(held), found, -expected)


@pytest.mark.parametrize(
    ("cited", "gold", "counts"),
    [
        # Exactly the evidence.
        ([at(10, 20)], [at(10, 20)], (10, 10, 10, 10)),
        # Shifted by one character: nine are right, one is wrong, one is missed.
        ([at(11, 21)], [at(10, 20)], (9, 10, 9, 10)),
        # The half of it; then it and as much beside it.
        ([at(10, 15)], [at(10, 20)], (5, 5, 5, 10)),
        ([at(10, 30)], [at(10, 20)], (10, 20, 10, 10)),
        # The same stretch of another document.
        ([at(10, 20, "b")], [at(10, 20)], (0, 10, 0, 10)),
        # Two citations that overlap count what they share once.
        ([at(10, 18), at(14, 20)], [at(10, 20)], (10, 10, 10, 10)),
        # Two pieces, one of them cited.
        ([at(10, 20)], [at(10, 20), at(40, 70)], (10, 10, 10, 40)),
        # Nothing cited; nothing expected; neither.
        ([], [at(10, 20)], (0, 0, 0, 10)),
        ([at(10, 20)], [], (0, 10, 0, 0)),
        ([], [], (0, 0, 0, 0)),
    ],
)
def test_characters_are_counted_as_by_hand(
    cited: list[Place], gold: list[Place], counts: tuple[int, int, int, int]
) -> None:
    pieces = [[quotation(place)] for place in gold]
    assert character_counts(cited, pieces) == EvidenceCounts(*counts)


def test_of_alternatives_the_one_that_is_cited_best_is_expected() -> None:
    piece = [quotation(at(0, 100)), quotation(at(0, 10, "b"))]
    assert character_counts([at(0, 10, "b")], [piece]) == EvidenceCounts(10, 10, 10, 10)
    # Half of the long one is less than four fifths of the short one.
    both = [at(0, 50), at(0, 8, "b")]
    assert character_counts(both, [piece]) == EvidenceCounts(58, 58, 8, 10)


def test_who_cites_both_alternatives_errs_in_neither() -> None:
    piece = [quotation(at(0, 10)), quotation(at(0, 10, "b"))]
    found = character_counts([at(0, 10), at(0, 10, "b")], [piece]).scores
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)


def test_of_alternatives_none_of_which_is_cited_the_shortest_is_missed() -> None:
    piece = [quotation(at(0, 30)), quotation(at(50, 62))]
    assert character_counts([], [piece]).expected == 12


def test_a_quotation_that_stands_twice_is_shown_by_either_place() -> None:
    twice = [quotation(at(0, 10), at(50, 60))]
    assert character_counts([at(50, 60)], [twice]).scores.f1 == 1.0


def test_evidence_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="stands in no document"):
        character_counts([at(0, 10)], [[quotation()]])


@given(CITED, PIECES)
def test_characters_are_counted_as_sets_of_them_are(cited: list[Place], pieces: list[list[Located]]) -> None:
    found, expected = character_counts(cited, pieces), counted_by_hand(cited, pieces)
    assert (found.right, found.cited) == (expected.right, expected.cited)
    assert found.scores == expected.scores


@given(CITED, PIECES, PLACES)
def test_another_citation_never_lowers_the_recall(
    cited: list[Place], pieces: list[list[Located]], further: Place
) -> None:
    before, after = character_counts(cited, pieces), character_counts([*cited, further], pieces)
    assert after.scores.recall >= before.scores.recall


@given(CITED, PIECES)
def test_the_order_of_citations_and_pieces_does_not_matter(
    cited: list[Place], pieces: list[list[Located]]
) -> None:
    mixed, turned = cited[::-1], [piece[::-1] for piece in pieces[::-1]]
    assert character_counts(mixed, turned) == character_counts(cited, pieces)
    assert sentence_counts(mixed, turned, shows) == sentence_counts(cited, pieces, shows)


@given(PIECES)
def test_citing_every_place_of_the_evidence_and_nothing_else_is_perfect(pieces: list[list[Located]]) -> None:
    cited = [place for piece in pieces for choice in piece for place in choice.places]
    for counts in (character_counts(cited, pieces), sentence_counts(cited, pieces, shows)):
        assert (counts.scores.precision, counts.scores.recall, counts.scores.f1) == (1.0, 1.0, 1.0)


@given(st.lists(PLACES, max_size=6), st.lists(PLACES, max_size=6))
def test_unions_have_the_characters_of_their_places(first: list[Place], second: list[Place]) -> None:
    assert length(united(first)) == len(characters(first))
    assert shared(united(first), united(second)) == len(characters(first) & characters(second))


def test_an_empty_place_adds_nothing_to_a_union() -> None:
    assert united([at(5, 5), at(7, 9), at(9, 12), at(20, 21)]) == {"a": (Span(7, 12), Span(20, 21))}


def test_sentences_are_counted_as_by_hand() -> None:
    pieces = [
        [quotation(at(0, 10)), quotation(at(100, 110))],
        [quotation(at(20, 30))],
        [quotation(at(40, 50))],
    ]
    # The first two show the first piece, the third none, the fourth the second and third pieces.
    cited = [at(0, 10), at(101, 110), at(60, 70), at(18, 52)]
    assert sentence_counts(cited, pieces, shows) == EvidenceCounts(right=3, cited=4, found=3, expected=3)


def test_what_is_cited_of_nothing_is_wrong_and_nothing_cited_misses_all() -> None:
    assert sentence_counts([at(0, 10)], [], shows) == EvidenceCounts(0, 1, 0, 0)
    assert sentence_counts([], [[quotation(at(0, 10))]], shows) == EvidenceCounts(0, 0, 0, 1)


def test_micro_weighs_citations_and_macro_weighs_cases() -> None:
    # Precision, recall and F1 of the cases: 1, 1, 1 and ¼, ½, ⅓.
    cases = [EvidenceCounts(1, 1, 1, 1), EvidenceCounts(1, 4, 1, 2)]
    together = micro(cases)
    assert (together.precision, together.recall) == (2 / 5, 2 / 3)
    assert together.f1 == pytest.approx(0.5)
    each = macro(cases)
    assert (each.precision, each.recall) == (5 / 8, 3 / 4)
    assert each.f1 == pytest.approx(2 / 3)


def test_a_rightly_withheld_case_is_perfect_and_a_wrongly_withheld_one_has_no_recall() -> None:
    assert EvidenceCounts(0, 0, 0, 0).scores.f1 == 1.0
    withheld = EvidenceCounts(0, 0, 0, 2).scores
    assert (withheld.precision, withheld.recall, withheld.f1) == (1.0, 0.0, 0.0)


def test_without_cases_nothing_is_wrong_or_missed() -> None:
    assert micro([]).f1 == macro([]).f1 == 1.0


@given(st.lists(COUNTS, max_size=6))
def test_scores_are_shares_whatever_the_order_of_the_cases(cases: list[EvidenceCounts]) -> None:
    for mean in (micro, macro):
        found, turned = mean(cases), mean(cases[::-1])
        for value, other in (
            (found.precision, turned.precision),
            (found.recall, turned.recall),
            (found.f1, turned.f1),
        ):
            assert 0.0 <= value <= 1.0 + 1e-12
            assert value == pytest.approx(other)


@given(COUNTS)
def test_a_single_case_has_the_same_scores_either_way(case: EvidenceCounts) -> None:
    assert micro([case]) == macro([case]) == case.scores
