"""Citation precision and recall by claim: ALCE's definition on tables worked by hand, and its properties."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from doubles import HashingEmbedder
from drawn import answer, citation
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Located
from eval.citation_metrics import (
    CitationFigures,
    Cited,
    CitedClaim,
    Decider,
    GoldSupport,
    JudgedClaim,
    ScoredSupport,
    Supports,
    citation_figures,
    claims_of,
    judged,
    supports_of,
)
from index.types import Span
from rag.reading.support import Pairs, TrainedSupport
from rag.types import AnswerSentence


@dataclass(frozen=True)
class Table:
    """Supports a claim by any of some sets of citations, told by their texts, or by more than that."""

    enough: tuple[frozenset[str], ...]
    decided_by: Decider = Decider.SCORE

    def supports(self, claim: str, cited: Sequence[Cited], /) -> bool:
        return any({evidence.text for evidence in cited} >= texts for texts in self.enough)


def table(*enough: str) -> Table:
    return Table(tuple(frozenset(texts) for texts in enough))


def claim(texts: str) -> CitedClaim:
    return CitedClaim("A claim.", tuple(Cited(("d", Span(0, 9)), text) for text in texts))


def piece(start: int, end: int, document: str = "d") -> list[Located]:
    return [Located(((document, Span(start, end)),))]


def place(start: int, end: int, document: str = "d") -> Cited:
    return Cited((document, Span(start, end)), "words")


@pytest.mark.parametrize(
    ("cited", "enough", "supported", "precise"),
    [
        # No citation; a wrong one; a right one.
        ("", ["x"], False, []),
        ("a", ["x"], False, [False]),
        ("x", ["x"], True, [True]),
        # One right and one that adds nothing: irrelevant.
        ("xa", ["x"], True, [True, False]),
        ("axb", ["x"], True, [False, True, False]),
        # Either is enough: neither is irrelevant, each supporting the claim alone.
        ("xy", ["x", "y"], True, [True, True]),
        # Both are needed: neither supports it alone, but without either the rest does not.
        ("xy", ["xy"], True, [True, True]),
        ("xya", ["xy"], True, [True, True, False]),
        # Needed together, and a third that is enough alone: the rest does without x, and without y.
        ("xyz", ["xy", "z"], True, [False, False, True]),
        # Half of what is needed: no recall, so nothing is precise.
        ("xa", ["xy"], False, [False, False]),
        # Any two of three: none alone, and always the rest without it.
        ("xyz", ["xy", "xz", "yz"], True, [False, False, False]),
    ],
)
def test_a_claim_is_judged_as_by_hand(
    cited: str, enough: list[str], supported: bool, precise: list[bool]
) -> None:
    found = judged(claim(cited), table(*enough))
    assert (found.supported, list(found.precise)) == (supported, precise)


def test_a_claim_without_citations_has_no_recall_even_where_anything_supports_it() -> None:
    assert judged(claim(""), table("")) == JudgedClaim(False, (), Decider.SCORE)


def test_only_the_first_citations_are_looked_at_where_a_bound_is_given() -> None:
    assert judged(claim("abcx"), table("x"), at_most=3) == JudgedClaim(False, (False,) * 3, Decider.SCORE)
    assert judged(claim("xabc"), table("x"), at_most=3).precise == (True, False, False)


def test_figures_are_means_over_answers_of_shares_within_them() -> None:
    first = [judged(claim("xa"), table("x")), judged(claim("x"), table("x")), judged(claim(""), table("x"))]
    second = [judged(claim("a"), table("x"))]
    found = citation_figures([first, second])
    # The first answer: 2 of 3 claims supported, 2 of 3 citations precise. The second: none of one each.
    assert (found.recall, found.precision) == pytest.approx((1 / 3, 1 / 3))
    assert found.f1 == pytest.approx(1 / 3)
    assert (found.answers, found.claims, found.by_gold) == (2, 4, 0)


def test_an_answer_that_cites_nothing_has_no_precision() -> None:
    found = citation_figures([[judged(claim(""), table("x"))], [judged(claim("x"), table("x"))]])
    assert (found.precision, found.recall) == (0.5, 0.5)


def test_an_answer_without_claims_is_left_out() -> None:
    found = citation_figures([[], [judged(claim("x"), table("x"))]])
    assert (found.precision, found.recall, found.answers) == (1.0, 1.0, 1)
    assert citation_figures([[], []]) == CitationFigures(1.0, 1.0, 0, 0, 0)


LETTERS = st.text("xyzab", max_size=4)
TABLES = st.lists(st.text("xyz", min_size=1, max_size=3), max_size=3).map(lambda enough: table(*enough))
ANSWERS = st.lists(st.lists(st.tuples(LETTERS, TABLES), max_size=3), max_size=4)


def all_judged(answers: list[list[tuple[str, Table]]]) -> list[list[JudgedClaim]]:
    return [[judged(claim(letters), supports) for letters, supports in claims] for claims in answers]


def by_definition(answers: list[list[tuple[str, Table]]]) -> tuple[float, float]:
    """ALCE's two figures from their definition, sets of letters being the evidence."""

    def entails(supports: Table, letters: str) -> bool:
        return any(set(letters) >= texts for texts in supports.enough)

    recalls, precisions = [], []
    for claims in answers:
        if not claims:
            continue
        recalls.append(sum(entails(supports, letters) for letters, supports in claims) / len(claims))
        right = total = 0
        for letters, supports in claims:
            for position, letter in enumerate(letters):
                rest = letters[:position] + letters[position + 1 :]
                irrelevant = not entails(supports, letter) and entails(supports, rest)
                right += entails(supports, letters) and not irrelevant
                total += 1
        precisions.append(right / total if total else 0.0)
    count = len(recalls)
    return (sum(precisions) / count, sum(recalls) / count) if count else (1.0, 1.0)


@given(ANSWERS)
def test_figures_follow_the_definition(answers: list[list[tuple[str, Table]]]) -> None:
    found = citation_figures(all_judged(answers))
    assert (found.precision, found.recall) == pytest.approx(by_definition(answers))
    assert 0.0 <= found.precision <= 1.0
    assert 0.0 <= found.recall <= 1.0


@given(ANSWERS)
def test_the_order_of_answers_claims_and_citations_does_not_matter(
    answers: list[list[tuple[str, Table]]],
) -> None:
    turned = [[(letters[::-1], supports) for letters, supports in claims[::-1]] for claims in answers[::-1]]
    found, other = citation_figures(all_judged(answers)), citation_figures(all_judged(turned))
    assert (found.precision, found.recall) == pytest.approx((other.precision, other.recall))


@given(st.lists(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3), min_size=1, max_size=3))
def test_answers_whose_every_citation_is_enough_are_perfect(answers: list[list[str]]) -> None:
    found = citation_figures([[judged(claim(text), table(text)) for text in texts] for texts in answers])
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)


@given(LETTERS, TABLES, st.sampled_from("xyzab"))
def test_another_citation_never_takes_a_claims_recall(letters: str, supports: Table, further: str) -> None:
    before, after = judged(claim(letters), supports), judged(claim(letters + further), supports)
    assert after.supported >= before.supported


@pytest.mark.parametrize(
    ("cited", "supported"),
    [
        ([place(0, 10)], True),
        # Just half is not enough; a character more is.
        ([place(0, 5)], False),
        ([place(0, 6)], True),
        # Two citations that have it together.
        ([place(0, 3), place(3, 6)], True),
        ([place(0, 10, "other")], False),
        ([], False),
    ],
)
def test_gold_evidence_supports_once_more_than_half_of_it_is_cited(
    cited: list[Cited], supported: bool
) -> None:
    assert GoldSupport.of_all([piece(0, 10)]).supports("A claim.", cited) is supported


def test_any_or_all_pieces_of_evidence_support_a_claim_as_is_asked() -> None:
    pieces = [piece(0, 10), piece(20, 30)]
    one, both = [place(0, 10)], [place(0, 10), place(20, 30)]
    assert GoldSupport.of_any(pieces).supports("A claim.", one)
    assert not GoldSupport.of_all(pieces).supports("A claim.", one)
    assert GoldSupport.of_all(pieces).supports("A claim.", both)


def test_each_of_several_sets_of_sentences_supports_a_claim() -> None:
    ways = GoldSupport(((piece(0, 10), piece(20, 30)), (piece(40, 50),)))
    assert ways.supports("A claim.", [place(40, 50)])
    assert not ways.supports("A claim.", [place(20, 30)])


def test_any_alternative_of_a_piece_is_it() -> None:
    either = [*piece(0, 10), *piece(0, 10, "copy")]
    assert GoldSupport.of_all([either]).supports("A claim.", [place(0, 10, "copy")])


def test_without_gold_evidence_nothing_supports_a_claim() -> None:
    assert not GoldSupport.of_all([]).supports("A claim.", [place(0, 10)])
    assert not GoldSupport.of_any([]).supports("A claim.", [place(0, 10)])


def test_a_way_that_needs_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no piece of evidence"):
        GoldSupport(((),))


class Scores:
    """Scores a pair by the share of the claim's words that the quote has, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: Pairs) -> list[float]:
        self.asked += pairs
        return [
            len(set(claim.split()) & set(quote.split())) / len(set(claim.split())) for claim, quote in pairs
        ]


def test_a_score_supports_from_its_threshold_on() -> None:
    cited = [Cited(("d", Span(0, 9)), "The dam opened"), Cited(("d", Span(20, 29)), "in 1967")]
    scores = Scores()
    assert ScoredSupport(scores, 0.6).supports("The dam opened in 1967", cited[:1])
    assert not ScoredSupport(scores, 0.61).supports("The dam opened in 1967", cited[:1])
    assert ScoredSupport(scores, 1.0).supports("The dam opened in 1967", cited)
    assert scores.asked[-1] == ("The dam opened in 1967", "The dam opened in 1967")


def test_nothing_cited_is_below_any_threshold() -> None:
    scores = Scores()
    assert not ScoredSupport(scores, 0.0).supports("The dam opened", [])
    assert scores.asked == []


def test_the_support_score_of_the_product_fits_the_seam() -> None:
    trained = TrainedSupport(HashingEmbedder())
    supports: Supports = ScoredSupport(trained, trained.threshold)
    said = "The Mangla dam was opened in 1967."
    assert judged(CitedClaim(said, (Cited(("d", Span(0, 34)), said),)), supports).supported
    other = Cited(("d", Span(50, 80)), "Porters do not cross Snow Lake.")
    assert not judged(CitedClaim(said, (other,)), supports).supported


def test_gold_evidence_decides_where_there_is_some_and_the_figures_say_so() -> None:
    scored = ScoredSupport(Scores(), 0.5)
    gold = supports_of([piece(0, 10)], scored)
    assert (gold.decided_by, supports_of([], scored).decided_by) == (Decider.GOLD, Decider.SCORE)
    cited = CitedClaim("words", (place(0, 10),))
    found = citation_figures([[judged(cited, gold), judged(cited, scored)], [judged(cited, scored)]])
    assert (found.claims, found.by_gold, found.recall) == (3, 1, 1.0)


def test_the_sentences_of_an_answer_are_claims_with_what_their_markers_cite() -> None:
    made = answer(citation("It was built."), citation("It is high.", marker=2))
    sentences = (AnswerSentence("Built and high.", (1, 2)), AnswerSentence("Loved.", ()))
    (first, second) = claims_of(replace(made, sentences=sentences))
    assert first == CitedClaim(
        "Built and high.",
        (
            Cited(("d" * 32, Span(100, 113)), "It was built."),
            Cited(("d" * 32, Span(100, 111)), "It is high."),
        ),
    )
    assert second == CitedClaim("Loved.", ())


def test_a_marker_without_a_citation_cites_nothing() -> None:
    made = replace(answer(citation("It was built.")), sentences=(AnswerSentence("Built.", (7,)),))
    (only,) = claims_of(made)
    assert only.cited == ()


def test_an_abstention_makes_no_claim() -> None:
    assert claims_of(answer()) == []
