"""Failure kinds: every outcome has one, by the precedence that is written down."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from drawn import answer, citation
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Case, Evidence, Quotation
from eval.failures import FailureKind, failure_counts, failure_kind
from eval.figures import Outcome

ANSWERABLE = Case(
    "one",
    "When was it built?",
    ("1947",),
    (Evidence((Quotation("dam.txt", "In 1947."), Quotation("notes/copy.txt", "In 1947."))),),
    True,
    "a person",
    "",
)
UNANSWERABLE = replace(ANSWERABLE, answers=(), evidence=(), answerable=False)


def outcome(
    case: Case,
    source: str | None = None,
    ranks: Sequence[int | None] = (None,),
    *,
    right: bool = False,
) -> Outcome:
    """An outcome that cites `source` first, an abstention where there is none."""
    made = answer(*([] if source is None else [citation(source=source)]))
    return Outcome(case, made, right and source is not None, right, 0, 0, 0.0, 0.0, tuple(ranks))


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (outcome(UNANSWERABLE, ranks=()), FailureKind.NONE),
        (outcome(UNANSWERABLE, "dam.txt", ()), FailureKind.MISSED_ABSTENTION),
        (outcome(ANSWERABLE, "dam.txt", (1,), right=True), FailureKind.NONE),
        (outcome(ANSWERABLE, None, (1,), right=True), FailureKind.WRONG_ABSTENTION),
        (outcome(ANSWERABLE, None, (None, None)), FailureKind.RETRIEVAL_MISSED),
        (outcome(ANSWERABLE, "dam.txt", (None,)), FailureKind.RETRIEVAL_MISSED),
        (outcome(ANSWERABLE, "sea.txt", (None,)), FailureKind.RETRIEVAL_MISSED),
        (outcome(ANSWERABLE, None, (3,)), FailureKind.READER_MISSED),
        (outcome(ANSWERABLE, None, (None, 3)), FailureKind.READER_MISSED),
        (outcome(ANSWERABLE, "sea.txt", (3,)), FailureKind.WRONG_DOCUMENT),
        (outcome(ANSWERABLE, "dam.txt", (3,)), FailureKind.WRONG_SENTENCE),
    ],
)
def test_each_outcome_has_the_kind_that_is_written_down(found: Outcome, kind: FailureKind) -> None:
    assert failure_kind(found) is kind


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        # Names are read as where evidence is located: a path or the end of one.
        ("docs/dam.txt", FailureKind.WRONG_SENTENCE),
        ("old/notes/copy.txt", FailureKind.WRONG_SENTENCE),
        ("other/copy.txt", FailureKind.WRONG_DOCUMENT),
        ("bigdam.txt", FailureKind.WRONG_DOCUMENT),
    ],
)
def test_a_document_of_any_choice_of_the_evidence_is_no_wrong_one(source: str, kind: FailureKind) -> None:
    assert failure_kind(outcome(ANSWERABLE, source, (1,))) is kind


def test_only_the_first_citation_tells_of_which_document_the_answer_is() -> None:
    found = outcome(ANSWERABLE, "sea.txt", (1,))
    more = replace(found, answer=answer(citation(source="sea.txt"), citation(marker=2)))
    assert failure_kind(more) is FailureKind.WRONG_DOCUMENT


def test_a_right_answer_is_no_failure_even_where_no_hit_counts_as_the_evidence() -> None:
    assert failure_kind(outcome(ANSWERABLE, "dam.txt", (None,), right=True)) is FailureKind.NONE


OUTCOMES = st.lists(
    st.one_of(
        st.builds(
            outcome,
            st.just(ANSWERABLE),
            st.sampled_from([None, "dam.txt", "sea.txt"]),
            st.lists(st.sampled_from([None, 1, 2]), min_size=1, max_size=2),
            right=st.booleans(),
        ),
        st.builds(outcome, st.just(UNANSWERABLE), st.sampled_from([None, "dam.txt"]), st.just(())),
    ),
    max_size=8,
)


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
            not (found.first_right and not found.abstained) if found.case.answerable else not found.abstained
        )
        assert (kind is FailureKind.NONE) is not failed
        if kind in (FailureKind.WRONG_ABSTENTION, FailureKind.READER_MISSED):
            assert found.abstained
        if kind in (FailureKind.WRONG_DOCUMENT, FailureKind.WRONG_SENTENCE, FailureKind.MISSED_ABSTENTION):
            assert not found.abstained
        if kind is FailureKind.RETRIEVAL_MISSED:
            assert set(found.ranks) == {None}
