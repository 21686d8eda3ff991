"""What the outcomes of a run come to: retrieval, answers, evidence, citations, abstention, quotes, time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eval.calibration import (
    Binning,
    brier_score,
    excess_area,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)
from eval.citation_metrics import citation_figures
from eval.failures import failure_counts
from eval.metrics import f_measure, percentile
from eval.metrics import risk_coverage as points_of
from eval.outcomes import Outcome
from eval.ranking import of_evidence
from eval.significance import Interval, Places, bootstrap_interval

_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure Σ numerators / Σ denominators over cases, `empty` where the latter come to 0."""

    numerators: Floats
    denominators: Floats
    empty: float = 1.0

    def over(self, places: Places | slice) -> float:
        """Return the figure of the cases at some places."""
        below = self.denominators[places].sum()
        return float(self.numerators[places].sum() / below) if below else self.empty


class Measured:
    """The figures of some outcomes, of all of them or of those at some places, as a bootstrap draws them."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.ratios = {**_retrieval(outcomes), **_ratios(outcomes)}
        self._confidences = _Ranked(outcomes)

    def names(self) -> list[str]:
        """Return the names of the figures, in the order in which they are shown."""
        return [*self.ratios, *_HARMONIC, "answerable_auroc", "risk_coverage_area"]

    def figure(self, name: str, places: Places | slice = slice(None)) -> float:
        """Return a figure by its name; a case that stands at two of the places counts twice."""
        if name in _HARMONIC:
            precision, recall = (self.ratios[part].over(places) for part in _HARMONIC[name])
            return f_measure(precision, recall)
        if name == "answerable_auroc":
            return self._confidences.area_under_roc(places)
        if name == "risk_coverage_area":
            return self._confidences.area_under_risk_coverage(places)
        return self.ratios[name].over(places)


_HARMONIC = {
    "evidence_f1": ("evidence_precision", "evidence_recall"),
    "evidence_character_f1": ("evidence_character_precision", "evidence_character_recall"),
    "citation_f1": ("citation_precision", "citation_recall"),
    "abstention_f1": ("abstention_precision", "abstention_recall"),
}


class _Ranked:
    """The confidences of cases in order, so that figures of the order are had without sorting again."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        _, self._ranks = np.unique([outcome.confidence for outcome in outcomes], return_inverse=True)
        self._size = int(self._ranks.max(initial=-1)) + 1
        self._answerable = np.array([outcome.answerable for outcome in outcomes], dtype=np.float64)
        self._wrong = np.array([not outcome.best_sentence_right for outcome in outcomes], dtype=np.float64)

    def area_under_roc(self, places: Places | slice) -> float:
        """As `eval.metrics.area_under_roc` of confidences and whether the documents answer."""
        positives, all_of_them = self._counted(self._answerable, places)
        negatives = all_of_them - positives
        below = np.cumsum(negatives) - negatives
        pairs = positives.sum() * negatives.sum()
        return float((positives * (below + negatives / 2)).sum() / pairs) if pairs else 0.5

    def area_under_risk_coverage(self, places: Places | slice) -> float:
        """As `eval.metrics.area_under_risk_coverage`, an answer being right if its best sentence is."""
        wrong, all_of_them = (counts[::-1] for counts in self._counted(self._wrong, places))
        total = all_of_them.sum()
        if not total:
            return 0.0
        risks = np.cumsum(wrong) / np.maximum(np.cumsum(all_of_them), 1)
        return float((all_of_them * risks).sum() / total)

    def _counted(self, flags: Floats, places: Places | slice) -> tuple[Floats, Floats]:
        ranks = self._ranks[places]
        flagged = np.bincount(ranks, weights=flags[places], minlength=self._size).astype(np.float64)
        return flagged, np.bincount(ranks, minlength=self._size).astype(np.float64)


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return what the outcomes come to, as figures by name."""
    measured = Measured(outcomes)
    confidences = [outcome.confidence for outcome in outcomes]
    answerable = [outcome.answerable for outcome in outcomes]
    right = [outcome.best_sentence_right for outcome in outcomes]
    bins = reliability(confidences, answerable)
    of_mass = reliability(confidences, answerable, binning=Binning.MASS)
    claims = citation_figures([outcome.claims for outcome in outcomes])
    return {
        "cases": len(outcomes),
        "answerable": sum(answerable),
        "answered": sum(not outcome.abstained for outcome in outcomes),
        **{name: measured.figure(name) for name in measured.names()},
        "citation_claims": claims.claims,
        "citation_claims_by_gold": claims.by_gold,
        "risk_coverage_excess": excess_area(confidences, right),
        "calibration_error": expected_calibration_error(bins),
        "calibration_error_mass": expected_calibration_error(of_mass),
        "calibration_error_max": maximum_calibration_error(bins),
        "brier_score": brier_score(confidences, answerable),
        "quotes": sum(len(outcome.citations) for outcome in outcomes),
        "mutants": sum(outcome.mutants for outcome in outcomes),
        "mutants_passed": sum(outcome.mutants_passed for outcome in outcomes),
        **{f"failures_{kind}": count for kind, count in failure_counts(outcomes).items()},
    }


def intervals(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Return those figures that have one with their 95 % interval by bootstrap over the cases.

    The order of the outcomes does not matter.
    """
    measured = Measured(sorted(outcomes, key=lambda outcome: outcome.id))
    return {
        name: bootstrap_interval(partial(measured.figure, name), len(outcomes)) for name in measured.names()
    }


def _ratio(numerators: Iterable[float], denominators: Iterable[float], empty: float = 1.0) -> Ratio:
    over, below = (np.array(list(values), dtype=np.float64) for values in (numerators, denominators))
    return Ratio(over, below, empty)


def _share(flags: Iterable[bool], counted: Iterable[bool]) -> Ratio:
    """Return the share of the cases that are `counted` which have the flag."""
    held = list(counted)
    return _ratio((flag and of_it for flag, of_it in zip(flags, held, strict=True)), held)


def _ratios(outcomes: Sequence[Outcome]) -> dict[str, Ratio]:
    answerable = [outcome.answerable for outcome in outcomes]
    abstained = [outcome.abstained for outcome in outcomes]
    rightly = [outcome.abstained and not outcome.answerable for outcome in outcomes]
    # A case may have evidence and no answer in words.
    in_words = [outcome.answerable and outcome.token_f1 is not None for outcome in outcomes]
    sentences = [outcome.sentences for outcome in outcomes]
    characters = [outcome.characters for outcome in outcomes]
    claims = [citation_figures([outcome.claims]) for outcome in outcomes]
    found: dict[str, Ratio] = {
        "first_citation_right": _share(
            (outcome.first_citation_right for outcome in outcomes),
            (outcome.answerable and not outcome.abstained for outcome in outcomes),
        ),
        "best_sentence_right": _share((outcome.best_sentence_right for outcome in outcomes), answerable),
        "exact_match": _ratio(
            (of_it * (outcome.exact_match or 0.0) for outcome, of_it in zip(outcomes, in_words, strict=True)),
            in_words,
            0.0,
        ),
        "token_f1": _ratio(
            (of_it * (outcome.token_f1 or 0.0) for outcome, of_it in zip(outcomes, in_words, strict=True)),
            in_words,
            0.0,
        ),
    }
    for name, counts in (("evidence", sentences), ("evidence_character", characters)):
        found[f"{name}_precision"] = _ratio((c.right for c in counts), (c.cited for c in counts))
        found[f"{name}_recall"] = _ratio((c.found for c in counts), (c.expected for c in counts))
    made = [bool(claim.answers) for claim in claims]
    found["citation_precision"] = _ratio((c.precision * c.answers for c in claims), made)
    found["citation_recall"] = _ratio((c.recall * c.answers for c in claims), made)
    found["abstention_precision"] = _ratio(rightly, abstained)
    found["abstention_recall"] = _ratio(rightly, (not flag for flag in answerable))
    found["quote_invariant"] = _ratio(
        (outcome.verbatim for outcome in outcomes), (len(outcome.citations) for outcome in outcomes)
    )
    return found


def _retrieval(outcomes: Sequence[Outcome]) -> dict[str, Ratio]:
    """Return the retrieval figures, the pieces of evidence being the relevant documents."""
    ranks = [[piece.rank for piece in outcome.expected] for outcome in outcomes]
    found = of_evidence(ranks, [outcome.hits for outcome in outcomes])
    counted = np.array([bool(outcome.expected) for outcome in outcomes], dtype=np.float64)
    return {name: Ratio(values, counted) for name, values in found.items()}


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return for each kind of question how many there are, and how many went well."""
    kinds = sorted({outcome.kind for outcome in outcomes if outcome.kind})
    table = {}
    for kind in kinds:
        chosen = [outcome for outcome in outcomes if outcome.kind == kind]
        table[kind] = {
            "cases": len(chosen),
            "abstained": sum(outcome.abstained for outcome in chosen),
            "best_sentence_right": sum(outcome.best_sentence_right for outcome in chosen),
        }
    return table


def risk_coverage(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Return the risk, and the threshold for it, at some coverages."""
    points = points_of(
        [outcome.confidence for outcome in outcomes],
        [outcome.best_sentence_right for outcome in outcomes],
    )
    chosen = [next(point for point in points if point.coverage >= coverage) for coverage in _COVERAGES]
    return [
        {
            "coverage": round(point.coverage, 4),
            "risk": round(point.risk, 4),
            "threshold": round(point.threshold, 4),
        }
        for point in chosen
    ]


def milliseconds(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of each step of an answer."""
    # A question that stands twice takes other steps the second time.
    steps = dict.fromkeys(step for outcome in outcomes for step in outcome.milliseconds)
    return {
        step: {
            f"p{int(share * 100)}": round(
                percentile(
                    [outcome.milliseconds[step] for outcome in outcomes if step in outcome.milliseconds],
                    share,
                ),
                2,
            )
            for share in (0.5, 0.95)
        }
        for step in steps
    }
