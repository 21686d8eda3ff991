"""Failure kinds: every outcome has one, by the precedence that is written down."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from outcomes import DAM, OUTCOMES, SEA, answered, cited, expected, kept_back, withheld, wrongly_answered

from eval.failures import FailureKind, failure_counts, failure_kind
from eval.outcomes import Outcome


def quoted(document: str, *ranks: int | None, right: bool = False) -> Outcome:
    """An outcome that cites a document first; the evidence is of the dam's, in passages of these ranks."""
    return answered(
        expected=tuple(expected(rank) for rank in ranks),
        citations=(cited(document_id=document, right=right),),
    )


def silent(*ranks: int | None, right: bool = False) -> Outcome:
    """An outcome that withholds what it puts first; the evidence is in passages of these ranks."""
    return kept_back(expected=tuple(expected(rank, shown=False) for rank in ranks), best=cited(right=right))


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (withheld(), FailureKind.NONE),
        (wrongly_answered(), FailureKind.MISSED_ABSTENTION),
        (quoted(DAM, 1, right=True), FailureKind.NONE),
        (silent(1, right=True), FailureKind.WRONG_ABSTENTION),
        (silent(None, None), FailureKind.RETRIEVAL_MISSED),
        (quoted(DAM, None), FailureKind.RETRIEVAL_MISSED),
        (quoted(SEA, None), FailureKind.RETRIEVAL_MISSED),
        (silent(3), FailureKind.READER_MISSED),
        (silent(None, 3), FailureKind.READER_MISSED),
        (quoted(SEA, 3), FailureKind.WRONG_DOCUMENT),
        (quoted(DAM, 3), FailureKind.WRONG_SENTENCE),
    ],
)
def test_each_outcome_has_the_kind_that_is_written_down(found: Outcome, kind: FailureKind) -> None:
    assert failure_kind(found) is kind


def test_where_nothing_was_put_first_the_reader_missed_it() -> None:
    assert failure_kind(kept_back(best=None)) is FailureKind.READER_MISSED


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        ([DAM, SEA], FailureKind.WRONG_SENTENCE),
        ([SEA, DAM], FailureKind.WRONG_SENTENCE),
        ([DAM], FailureKind.WRONG_DOCUMENT),
        ([], FailureKind.WRONG_DOCUMENT),
    ],
)
def test_a_document_of_any_choice_of_the_evidence_is_no_wrong_one(
    documents: Sequence[str], kind: FailureKind
) -> None:
    found = answered(
        expected=(expected(1, documents=documents),), citations=(cited(document_id=SEA, right=False),)
    )
    assert failure_kind(found) is kind


def test_a_document_of_any_piece_of_the_evidence_is_no_wrong_one() -> None:
    found = answered(
        expected=(expected(1), expected(None, documents=[SEA])),
        citations=(cited(document_id=SEA, right=False),),
    )
    assert failure_kind(found) is FailureKind.WRONG_SENTENCE


def test_only_the_first_citation_tells_of_which_document_the_answer_is() -> None:
    found = answered(citations=(cited(document_id=SEA, right=False), cited(marker=2)))
    assert failure_kind(found) is FailureKind.WRONG_DOCUMENT


def test_a_right_answer_is_no_failure_even_where_no_hit_counts_as_the_evidence() -> None:
    assert failure_kind(quoted(DAM, None, right=True)) is FailureKind.NONE


def test_what_is_put_first_does_not_excuse_what_was_cited_first() -> None:
    found = answered(citations=(cited(right=False),), best=cited())
    assert failure_kind(found) is FailureKind.WRONG_SENTENCE


@given(OUTCOMES)
def test_every_case_counts_once_whatever_the_order(outcomes: list[Outcome]) -> None:
    counts = failure_counts(outcomes)
    assert list(counts) == list(FailureKind)
    assert sum(counts.values()) == len(outcomes)
    assert failure_counts(outcomes[::-1]) == counts


@given(OUTCOMES)
def test_the_kinds_agree_with_the_flags_of_the_outcomes(outcomes: list[Outcome]) -> None:
    for found in outcomes:
        kind = failure_kind(found)
        failed = (
            not (found.first_citation_right and not found.abstained)
            if found.answerable
            else not found.abstained
        )
        assert (kind is FailureKind.NONE) is not failed
        if kind in (FailureKind.WRONG_ABSTENTION, FailureKind.READER_MISSED):
            assert found.abstained
        if kind in (FailureKind.WRONG_DOCUMENT, FailureKind.WRONG_SENTENCE, FailureKind.MISSED_ABSTENTION):
            assert not found.abstained
        if kind is FailureKind.RETRIEVAL_MISSED:
            assert {piece.rank for piece in found.expected} == {None}
