"""Outcomes of cases made by hand: what a test does not name of one is as if all had gone well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from eval.citation_metrics import Decider, JudgedClaim
from eval.evidence_metrics import EvidenceCounts
from eval.outcomes import CitedQuote, ExpectedQuote, Outcome
from eval.results import Result
from rag.generation.phrases import ABSTENTION
from rag.types import AnswerStatus

DAM = "d" * 32
SEA = "5" * 32
BUILT = "It was built in 1947."

SUPPORTED = JudgedClaim(supported=True, precise=(True,), decided_by=Decider.GOLD)
UNSUPPORTED = JudgedClaim(supported=False, precise=(False,), decided_by=Decider.GOLD)


def cited(*, right: bool = True, **changes: Any) -> CitedQuote:
    """Return a citation of the sentence about the dam, of which the year answers."""
    made = CitedQuote(
        marker=1,
        document_id=DAM,
        source="dam.txt",
        title="The dam",
        place="page 3",
        start=100,
        end=100 + len(BUILT),
        quote=BUILT,
        answer=(116, 120),
        score=0.9,
        right=right,
    )
    return replace(made, **changes)


def expected(rank: int | None = 1, *, shown: bool = True, documents: Sequence[str] = (DAM,)) -> ExpectedQuote:
    """Return a piece of evidence that the passage of a rank holds, and which is cited if it is `shown`."""
    return ExpectedQuote("dam.txt", BUILT, tuple(documents), rank, shown)


def answered(name: str = "one", **changes: Any) -> Outcome:
    """Return the outcome of a case that was answered with its evidence, with changes.

    Where `citations` are given, `best` is the first of them unless it is, too.
    """
    citations = tuple(changes.get("citations", (cited(),)))
    made = Outcome(
        id=name,
        question="When was it built?",
        kind="fact",
        answerable=True,
        answers=("1947",),
        expected=(expected(),),
        status=AnswerStatus.ANSWERED,
        confidence=1.0,
        answer=BUILT,
        predicted="1947",
        citations=citations,
        best=citations[0] if citations else None,
        hits=10,
        documents=("dam.txt", "sea.txt"),
        exact_match=1.0,
        token_f1=1.0,
        characters=EvidenceCounts(21, 21, 21, 21),
        claims=(SUPPORTED,),
        verbatim=len(citations),
        mutants=20,
        mutants_passed=0,
        written_by=None,
        fallback=None,
        withheld=0,
        milliseconds={"retrieve": 2.0, "total": 12.5},
    )
    return replace(made, **changes)


def withheld(name: str = "none", **changes: Any) -> Outcome:
    """Return the outcome of a case that has no answer, and got none, with changes."""
    made = answered(
        name,
        question="Who sells tickets to Lisbon?",
        kind="absent",
        answerable=False,
        answers=(),
        expected=(),
        status=AnswerStatus.ABSTAINED,
        confidence=0.0,
        answer=ABSTENTION,
        predicted="",
        citations=(),
        exact_match=None,
        token_f1=None,
        characters=EvidenceCounts(0, 0, 0, 0),
        claims=(),
        mutants=0,
    )
    return replace(made, **changes)


def kept_back(name: str = "back", **changes: Any) -> Outcome:
    """Return the outcome of a case that has an answer, which was put first and then not given."""
    made = withheld(
        name,
        question="When was it built?",
        kind="fact",
        answerable=True,
        answers=("1947",),
        expected=(expected(shown=False),),
        best=cited(),
        exact_match=0.0,
        token_f1=0.0,
        characters=EvidenceCounts(0, 0, 0, 21),
    )
    return replace(made, **changes)


def wrongly_answered(name: str = "trap", **changes: Any) -> Outcome:
    """Return the outcome of a case that has no answer, and got one, with changes."""
    made = answered(
        name,
        question="When was it torn down?",
        kind="trap",
        answerable=False,
        answers=(),
        expected=(),
        citations=(cited(right=False),),
        exact_match=None,
        token_f1=None,
        characters=EvidenceCounts(0, 21, 0, 0),
        claims=(replace(UNSUPPORTED, decided_by=Decider.SCORE),),
    )
    return replace(made, **changes)


# Few values, so that ties are common, and sums that no decimal fraction has.
CONFIDENCES = st.sampled_from([0.0, 0.1, 0.1 + 0.2, 0.3, 0.5, 2 / 3, 1.0])
_RANKS = st.one_of(st.none(), st.integers(1, 10))
_EXPECTED = st.builds(expected, _RANKS, shown=st.booleans())
_CITED = st.builds(cited, right=st.booleans(), score=CONFIDENCES)
_ANSWERED = st.builds(
    answered,
    confidence=CONFIDENCES,
    # Pieces in passages of their own.
    expected=st.lists(_EXPECTED, min_size=1, max_size=3, unique_by=lambda piece: piece.rank or id(piece)).map(
        tuple
    ),
    citations=st.lists(_CITED, min_size=1, max_size=3).map(tuple),
    token_f1=st.one_of(st.none(), CONFIDENCES),
    characters=st.just(EvidenceCounts(7, 20, 5, 13)),
    claims=st.lists(st.sampled_from([SUPPORTED, UNSUPPORTED]), max_size=2).map(tuple),
)
_KEPT_BACK = st.builds(kept_back, confidence=CONFIDENCES, best=st.one_of(st.none(), _CITED))
_WITHHELD = st.builds(withheld, confidence=CONFIDENCES)
_WRONGLY = st.builds(wrongly_answered, confidence=CONFIDENCES)


def _numbered(outcomes: list[Outcome]) -> list[Outcome]:
    return [replace(outcome, id=f"case {number}") for number, outcome in enumerate(outcomes)]


# Any outcomes at all, the ids in order.
OUTCOMES = st.lists(st.one_of(_ANSWERED, _KEPT_BACK, _WITHHELD, _WRONGLY), min_size=1, max_size=9).map(
    _numbered
)


def result_of(*outcomes: Outcome, **provenance: Any) -> Result:
    """Return the result of a run of the set `tiny`, with changes to what it was measured on."""
    made = {
        "set": "tiny",
        "set_sha256": "0" * 64,
        "sample": None,
        "shard": "",
        "collection": "default",
        "labels_by": ["a person"],
        "left_out": {},
        "documents": [{"source": "dam.txt", "sha256": "1" * 64}],
        "commit": "2" * 40,
        "settings": {"model": "hashing", "threshold": 0.5},
        "written_by": [],
        "fallbacks": 0,
        "withheld": 0,
    }
    return Result(made | provenance, outcomes)
