"""Two runs of the same questions: which figures differ by more than chance, and which cases changed.

A run is compared on the cases that the other has too. The difference is second − first throughout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from eval.failures import FailureKind, failure_kind
from eval.figures import Measured
from eval.gates import LESS_IS_BETTER, comparable
from eval.outcomes import Outcome
from eval.results import InvalidResult, Result
from eval.significance import Comparison, mcnemar, paired_bootstrap_of, randomisation_test

SIGNIFICANT = 0.05

# Of these every case that counts is right or wrong, and counts in both runs.
_FLAGS = frozenset({"best_sentence_right", "exact_match", "abstention_recall"})
# Of these every case that counts has a value, and counts in both runs.
_MEANS = frozenset({"recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10", "token_f1"})

_MOST = 80
_HASH = re.compile(r"([0-9a-f]{12})[0-9a-f]{28,52}")


class Change(StrEnum):
    """What became of a case whose failure kind is another in the second run."""

    BETTER = "better"
    WORSE = "worse"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure in two runs. `adjusted` is its p-value among those of all figures compared (`holm`)."""

    figure: str
    comparison: Comparison
    adjusted: float

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance, for one of so many figures."""
        return self.adjusted <= SIGNIFICANT

    @property
    def better(self) -> bool:
        """Whether the second run is better by it; False where there is no difference, too."""
        change = self.comparison.difference.value
        return change < 0 if self.figure in LESS_IS_BETTER else change > 0


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """A case that failed in one of two runs, or in another way in each."""

    id: str
    question: str
    before: FailureKind
    after: FailureKind

    @property
    def change(self) -> Change:
        """Better where only the first run failed, worse where only the second did."""
        if self.after is FailureKind.NONE:
            return Change.BETTER
        return Change.WORSE if self.before is FailureKind.NONE else Change.OTHER


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What two runs have in common, and in what they differ.

    `shared` counts the cases of both, by id and question; `only_first` and `only_second` those of one alone.
    `relabelled` counts the shared ones for which something else was expected. `measured_on` says in words
    in what the runs differ beside their outcomes: documents, settings, program, version of the set.
    """

    shared: int
    only_first: int
    only_second: int
    relabelled: int
    figures: tuple[Difference, ...]
    changed: tuple[ChangedCase, ...]
    measured_on: tuple[str, ...]

    def of(self, figure: str) -> Difference | None:
        """Return the difference of a figure, None where it was not compared."""
        return next((found for found in self.figures if found.figure == figure), None)

    def count(self, change: Change) -> int:
        """Return how many cases changed so."""
        return sum(case.change is change for case in self.changed)


def compared(first: Result, second: Result) -> Comparisons:
    """Compare two runs on the cases that both have; raise `InvalidResult` where there is none.

    Beside the figures of a run there are two that pair the runs case by case. `answered_right` is the share
    of answerable cases whose first citation shows evidence: `first_citation_right` is of those that were
    answered, which are others in each run. `abstention_right` is the share of all cases that were rightly
    answered or rightly not.
    """
    pairs = list(_pairs(first, second))
    if not pairs:
        raise InvalidResult(
            f"the runs of {first.name!r} and {second.name!r} have no case in common, by id and question: "
            "compare runs of the same set"
        )
    found = list(_figures([one for one, _ in pairs], [other for _, other in pairs]))
    adjusted = holm([comparison.p_value for _, comparison in found])
    return Comparisons(
        shared=len(pairs),
        only_first=len(first.outcomes) - len(pairs),
        only_second=len(second.outcomes) - len(pairs),
        relabelled=sum(_labels(one) != _labels(other) for one, other in pairs),
        figures=tuple(
            Difference(name, comparison, p_value)
            for (name, comparison), p_value in zip(found, adjusted, strict=True)
        ),
        changed=tuple(_changed(pairs)),
        measured_on=tuple(_measured_on(first.provenance, second.provenance)),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return each p-value adjusted for how many there are, in their order.

    The least of m is multiplied by m, the next by m − 1 and so on; none is adjusted to less than one before
    it, nor to more than 1 (Holm, "A simple sequentially rejective multiple test procedure", 1979). Whatever
    the figures have to do with each other, the chance that any difference at or below 0.05 is none stays
    below 0.05.
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    ranked = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank, place in enumerate(ranked):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def _pairs(first: Result, second: Result) -> Iterator[tuple[Outcome, Outcome]]:
    """Yield what became of each case that both runs have, in the order of the second."""
    known = {outcome.id: outcome for outcome in first.outcomes}
    for outcome in second.outcomes:
        before = known.get(outcome.id)
        if before is not None and before.question == outcome.question:
            yield before, outcome


def _labels(outcome: Outcome) -> tuple[object, ...]:
    pieces = tuple((piece.source, piece.quote) for piece in outcome.expected)
    return outcome.answerable, outcome.answers, pieces


def _changed(pairs: Sequence[tuple[Outcome, Outcome]]) -> Iterator[ChangedCase]:
    for one, other in pairs:
        before, after = failure_kind(one), failure_kind(other)
        if before is not after:
            yield ChangedCase(other.id, other.question, before, after)


def _figures(first: Sequence[Outcome], second: Sequence[Outcome]) -> Iterator[tuple[str, Comparison]]:
    """Yield the figures by name; one that no case counts for is left out."""
    measured = Measured(first), Measured(second)
    for name in filter(comparable, measured[0].names()):
        if name not in _FLAGS | _MEANS:
            one, other = (partial(of_run.figure, name) for of_run in measured)
            yield name, paired_bootstrap_of(one, other, len(first))
            continue
        ratios = [of_run.ratios[name] for of_run in measured]
        # The labels of a case can differ, and with them whether it counts.
        counted = (ratios[0].denominators > 0) & (ratios[1].denominators > 0)
        values = [ratio.numerators[counted] for ratio in ratios]
        if not counted.any():
            continue
        if name in _FLAGS:
            yield name, mcnemar(*((of_run > 0).tolist() for of_run in values))
        else:
            yield name, randomisation_test(*(of_run.tolist() for of_run in values))
    pairs = list(zip(first, second, strict=True))
    answerable = [pair for pair in pairs if all(outcome.answerable for outcome in pair)]
    if answerable:
        yield "answered_right", _by_case(answerable, answered_right)
    yield "abstention_right", _by_case(pairs, abstention_right)


def _by_case(pairs: Sequence[tuple[Outcome, Outcome]], right: Callable[[Outcome], bool]) -> Comparison:
    return mcnemar([right(one) for one, _ in pairs], [right(other) for _, other in pairs])


def answered_right(outcome: Outcome) -> bool:
    """Tell whether an answerable case was answered with a first citation that shows evidence."""
    return outcome.answerable and outcome.first_citation_right


def abstention_right(outcome: Outcome) -> bool:
    """Tell whether a case was answered if the documents do, and not if they do not."""
    return outcome.abstained != outcome.answerable


def _measured_on(first: Mapping[str, Any], second: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Yield in words what of two runs' provenance differs, the second being told before the first."""
    for name in dict.fromkeys([*first, *second]):
        before, after = first.get(name), second.get(name)
        if before == after:
            continue
        called = f"{within}{name}".replace("_", " ")
        if name == "documents" and isinstance(before, list) and isinstance(after, list):
            yield _documents(before, after)
        elif isinstance(before, dict) and isinstance(after, dict):
            yield from _measured_on(before, after, "" if name == "settings" else f"{called} ")
        else:
            yield f"{called}: {_told(after)}, in the other run {_told(before)}"


def _documents(before: Sequence[Any], after: Sequence[Any]) -> str:
    """Say how many documents came, went or changed, and what the first of them are called."""
    held = [
        {str(entry.get("source")): entry.get("sha256") for entry in entries if isinstance(entry, dict)}
        for entries in (before, after)
    ]
    added, gone = (sorted(held[this].keys() - held[not this].keys()) for this in (1, 0))
    other = sorted(source for source in held[0].keys() & held[1].keys() if held[0][source] != held[1][source])
    counts = ", ".join(
        f"{len(sources)} {what}"
        for sources, what in ((added, "added"), (gone, "gone"), (other, "with other contents"))
        if sources
    )
    sources = [*added, *gone, *other]
    named = ", ".join(_short(source) for source in sources[:3]) + (", …" if len(sources) > 3 else "")
    return f"documents: {counts} ({named})" if sources else "documents: in another order"


def _told(value: object) -> str:
    if value in (None, "", [], {}):
        return "none"
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    text = _HASH.sub(r"\1", text)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
