"""Citation recall and precision by claim, as ALCE defines them.

Gao, Yen, Yu and Chen, "Enabling large language models to generate text with citations" (EMNLP 2023), with
`compute_autoais` of the `eval.py` that they published, where the paper leaves something open:

- The recall of a claim is 1 if it cites something and all that it cites, taken together, supports it, else 0.
- A citation is irrelevant if it does not support its claim alone, and the others of the claim do without it.
  It is precise if its claim has recall 1 and it is not irrelevant.
- The recall of an answer is the mean of that of its claims; its precision is the share of its citations
  that are precise, 0 where it cites nothing. Both are then means over the answers that make a claim.

What keeps these figures from being compared with published ones: there a model of inference with eleven
billion parameters (TRUE, on T5) decides what supports what, here the labels of the set or a score that is
far smaller. There whole passages under their titles are the evidence, here quotes. There the script looks at
the first three citations of a sentence only (`at_most=3` here), and an answer that says in a sentence
that it has none counts as uncited, while an abstention has no claims here. Published figures are times 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from eval.evidence_metrics import Piece, Place, length, shared, united
from eval.metrics import f_measure
from index.types import Span
from rag.reading.support import Support
from rag.types import Answer

# More than so much of a piece of evidence has to be cited.
_COVERED = 0.5


@dataclass(frozen=True, slots=True)
class Cited:
    """What a citation points to: a stretch of a document and the words that stand there."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class CitedClaim:
    """A sentence of an answer, without markers, and what it cites in order."""

    text: str
    cited: tuple[Cited, ...]


class Decider(StrEnum):
    """What it was that told whether citations support a claim."""

    GOLD = "gold spans"
    SCORE = "support score"


class Supports(Protocol):
    """Decides whether some evidence, taken together, supports a claim.

    `supports` gets a claim without markers and what is cited for it; nothing cited supports nothing. It
    gives the same for the same. `decided_by` says by what, so that a figure can.
    """

    @property
    def decided_by(self) -> Decider:
        """What decides."""
        ...

    def supports(self, claim: str, cited: Sequence[Cited], /) -> bool:
        """Return whether the evidence supports the whole claim."""
        ...


@dataclass(frozen=True, slots=True)
class GoldSupport:
    """Implements `Supports` with labels: a claim is supported by citations that cover its gold evidence.

    `ways` are the sets of pieces by which it can be supported, each sufficient; of a way every piece has to
    be covered, and of a piece any place of any choice. A place is covered when the citations together
    have more than `share` of its characters. Without a way nothing supports the claim. Raise `ValueError`
    for a way without pieces, which would support anything.
    """

    ways: tuple[tuple[Piece, ...], ...]
    share: float = _COVERED

    def __post_init__(self) -> None:
        if not all(self.ways):
            raise ValueError("a way of supporting a claim has no piece of evidence; leave such a way out")

    @classmethod
    def of_any(cls, pieces: Sequence[Piece]) -> Self:
        """Have any one piece of evidence support a claim.

        So it is for the sentences of an answer where labels say what the question needs, but not which
        sentence needs which piece of it.
        """
        return cls(tuple((piece,) for piece in pieces))

    @classmethod
    def of_all(cls, pieces: Sequence[Piece]) -> Self:
        """Have only all pieces of evidence together support a claim."""
        return cls((tuple(pieces),) if pieces else ())

    @property
    def decided_by(self) -> Decider:
        """Gold spans."""
        return Decider.GOLD

    def supports(self, _claim: str, cited: Sequence[Cited], /) -> bool:
        """Return whether the places cited cover every piece of some way."""
        union = united(evidence.place for evidence in cited)
        return any(
            all(
                any(
                    shared(union, gold) > self.share * length(gold)
                    for choice in piece
                    for gold in (united([place]) for place in choice.places)
                )
                for piece in way
            )
            for way in self.ways
        )


@dataclass(frozen=True, slots=True)
class ScoredSupport:
    """Implements `Supports` with a score: a claim is supported from `threshold` on.

    The words cited are joined by a blank, as where an answer's own support is scored. `TrainedSupport` has
    the threshold that was fitted with it.
    """

    support: Support
    threshold: float

    @property
    def decided_by(self) -> Decider:
        """The support score."""
        return Decider.SCORE

    def supports(self, claim: str, cited: Sequence[Cited], /) -> bool:
        """Return whether the words cited have at least the score of the threshold."""
        if not cited:
            return False
        quoted = " ".join(evidence.text for evidence in cited)
        return self.support.score([(claim, quoted)])[0] >= self.threshold


def supports_of(pieces: Sequence[Piece], scored: Supports) -> Supports:
    """Return what decides for the answer to a question: its gold evidence if it has some, else the score."""
    return GoldSupport.of_any(pieces) if pieces else scored


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """Whether a claim is supported, which of its citations are precise, and what decided."""

    supported: bool
    precise: tuple[bool, ...]
    decided_by: Decider


@dataclass(frozen=True, slots=True)
class CitationFigures:
    """Citation precision and recall, as means over `answers`; both are 1 where there are none.

    `claims` are the claims of these answers, `by_gold` those of them that gold spans decided.
    """

    precision: float
    recall: float
    answers: int
    claims: int
    by_gold: int

    @property
    def f1(self) -> float:
        """The harmonic mean of the two, which ALCE does not give."""
        return f_measure(self.precision, self.recall)


def claims_of(answer: Answer) -> list[CitedClaim]:
    """Return the sentences of an answer as claims with what their markers cite; an abstention has none.

    A marker that is not that of a citation cites nothing.
    """
    quotes = {citation.marker: citation.quote for citation in answer.citations}
    return [
        CitedClaim(
            sentence.text,
            tuple(
                Cited((quote.document_id, Span(quote.start, quote.end)), quote.text)
                for quote in (quotes[marker] for marker in sentence.markers if marker in quotes)
            ),
        )
        for sentence in answer.sentences
    ]


def judged(claim: CitedClaim, supports: Supports, at_most: int | None = None) -> JudgedClaim:
    """Return whether a claim has recall 1 and which of its citations are precise; see the module.

    Only the first `at_most` citations are looked at, all where it is None.
    """
    cited = claim.cited[:at_most]
    supported = bool(cited) and supports.supports(claim.text, cited)
    precise = tuple(
        supported
        and (
            # What was asked already: the one citation of a claim is all that it cites.
            len(cited) == 1
            or supports.supports(claim.text, (evidence,))
            or not supports.supports(claim.text, cited[:place] + cited[place + 1 :])
        )
        for place, evidence in enumerate(cited)
    )
    return JudgedClaim(supported, precise, supports.decided_by)


def citation_figures(answers: Sequence[Sequence[JudgedClaim]]) -> CitationFigures:
    """Return citation precision and recall of answers, each given by its claims; see the module."""
    made = [claims for claims in answers if claims]
    if not made:
        return CitationFigures(1.0, 1.0, 0, 0, 0)
    claims = [claim for answer in made for claim in answer]
    return CitationFigures(
        precision=sum(map(_precision, made)) / len(made),
        recall=sum(sum(claim.supported for claim in answer) / len(answer) for answer in made) / len(made),
        answers=len(made),
        claims=len(claims),
        by_gold=sum(claim.decided_by is Decider.GOLD for claim in claims),
    )


def _precision(claims: Sequence[JudgedClaim]) -> float:
    flags = [flag for claim in claims for flag in claim.precise]
    return sum(flags) / len(flags) if flags else 0.0
