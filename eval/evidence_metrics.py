"""How much of the evidence is cited, and how much of what is cited is evidence: by sentence and by character.

By sentence a citation is right or wrong as a whole; by character a citation of half of the evidence, or of
the evidence and as much beside it, is half right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.cases import Located
from eval.metrics import f_measure
from index.types import Span

# A stretch of a document, by the document's id, as in `Located.places`.
Place = tuple[str, Span]
# What has to be cited: the quotations any one of which is enough, each with all its places.
Piece = Sequence[Located]
# Of some documents the stretches in order, none overlapping or touching the next.
Stretches = Mapping[str, tuple[Span, ...]]


class Shows(Protocol):
    """Tells whether a stretch of a document shows a piece of evidence; `eval.runner.shows` does."""

    def __call__(self, document_id: str, span: Span, choices: Sequence[Located], /) -> bool:
        """Return whether the span stands where one of the choices does."""
        ...


@dataclass(frozen=True, slots=True)
class EvidenceScores:
    """Precision, recall and F1; each of the first two is 1 where nothing could be wrong or missed."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """Of the sentences or characters `cited` so many are `right`, of those `expected` so many are `found`.

    Right and found differ, since two citations can show one piece of evidence and one can show two.
    """

    right: int
    cited: int
    found: int
    expected: int

    @property
    def scores(self) -> EvidenceScores:
        """Precision = right / cited, recall = found / expected, and their harmonic mean."""
        precision = self.right / self.cited if self.cited else 1.0
        recall = self.found / self.expected if self.expected else 1.0
        return EvidenceScores(precision, recall, f_measure(precision, recall))


def micro(counts: Iterable[EvidenceCounts]) -> EvidenceScores:
    """Return the scores of all cases' counts together, so that a case weighs as much as it cites and expects.

    Precision = Σ right / Σ cited, recall = Σ found / Σ expected, F1 of these two (Manning, Raghavan and
    Schütze, "Introduction to information retrieval", 2008, section 13.6).
    """
    right = cited = found = expected = 0
    for case in counts:
        right += case.right
        cited += case.cited
        found += case.found
        expected += case.expected
    return EvidenceCounts(right, cited, found, expected).scores


def macro(counts: Sequence[EvidenceCounts]) -> EvidenceScores:
    """Return the means of the cases' scores, so that every case weighs the same (ibid.); 1 without cases.

    F1 is the mean of the F1 of each case, not the F1 of the means, which unequal cases make greater (Opitz
    and Burst, "Macro F1 and macro F1", 2019).
    """
    if not counts:
        return EvidenceScores(1.0, 1.0, 1.0)
    scores = [case.scores for case in counts]
    return EvidenceScores(
        sum(score.precision for score in scores) / len(scores),
        sum(score.recall for score in scores) / len(scores),
        sum(score.f1 for score in scores) / len(scores),
    )


def sentence_counts(cited: Sequence[Place], pieces: Sequence[Piece], shows: Shows) -> EvidenceCounts:
    """Return how many citations show a piece of evidence, and how many pieces a citation shows.

    Right = |{c : ∃ p: c shows p}|, found = |{p : ∃ c: c shows p}|.
    """
    table = [[shows(document_id, span, piece) for piece in pieces] for document_id, span in cited]
    return EvidenceCounts(
        right=sum(any(row) for row in table),
        cited=len(cited),
        found=sum(any(row[number] for row in table) for number in range(len(pieces))),
        expected=len(pieces),
    )


def character_counts(cited: Iterable[Place], pieces: Sequence[Piece]) -> EvidenceCounts:
    """Return how many characters are cited, expected, right and found.

    With C the union of what is cited and G that of every place of every choice, right = |C ∩ G| and
    cited = |C|: nothing counts twice, and who cites two quotations of which either is enough errs in
    neither. Of each piece one place g is expected, and found = Σ |C ∩ g|, expected = Σ |g|, the places
    being those by which the recall of the case is greatest; with a single place for each piece this is
    micro-averaged precision and recall over characters as Potthast et al. have it ("An evaluation
    framework for plagiarism detection", 2010). Raise `ValueError` for a piece that stands nowhere.
    """
    union = united(cited)
    gold = united(place for piece in pieces for choice in piece for place in choice.places)
    found, expected = _best_recall(
        [
            [
                (shared(union, united([(document_id, span)])), span.end - span.start)
                for choice in piece
                for document_id, span in choice.places
            ]
            for piece in pieces
        ]
    )
    return EvidenceCounts(shared(union, gold), length(union), found, expected)


def _best_recall(pieces: Sequence[Sequence[tuple[int, int]]]) -> tuple[int, int]:
    """Return Σ found and Σ length, one place being taken of each piece so that their ratio is greatest.

    A place is (characters found, length). From a ratio the places with the greatest sum of found − ratio ·
    length give one that is no less, and the same only where none is greater (Dinkelbach, "On nonlinear
    fractional programming", 1967). Of equal ones the shorter is taken.
    """
    if not all(pieces):
        raise ValueError("a piece of evidence stands in no document; locate it anew, or leave its case out")
    found, expected = 0, 1
    while True:
        taken = [_most(places, found, expected) for places in pieces]
        better, length_of_better = sum(place[0] for place in taken), sum(place[1] for place in taken)
        if better * expected <= found * length_of_better:
            return better, length_of_better
        found, expected = better, length_of_better


def _most(places: Sequence[tuple[int, int]], found: int, expected: int) -> tuple[int, int]:
    return max(places, key=lambda place: (place[0] * expected - found * place[1], -place[1]))


def united(places: Iterable[Place]) -> Stretches:
    """Return the union of some places: of each document the stretches they make up, empty ones left out."""
    joined: dict[str, list[Span]] = {}
    for document_id, span in sorted(places, key=lambda place: (place[0], place[1].start)):
        if span.end <= span.start:
            continue
        stretches = joined.setdefault(document_id, [])
        if stretches and span.start <= stretches[-1].end:
            stretches[-1] = Span(stretches[-1].start, max(stretches[-1].end, span.end))
        else:
            stretches.append(span)
    return {document_id: tuple(stretches) for document_id, stretches in joined.items()}


def length(stretches: Stretches) -> int:
    """Return how many characters some stretches have."""
    return sum(span.end - span.start for spans in stretches.values() for span in spans)


def shared(first: Stretches, second: Stretches) -> int:
    """Return how many characters two unions have in common."""
    return sum(
        max(0, min(one.end, other.end) - max(one.start, other.start))
        for document_id, spans in first.items()
        for one in spans
        for other in second.get(document_id, ())
    )
