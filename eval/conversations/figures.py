"""What asking conversations found, as figures, as JSON for programs and as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.conversations.cases import PARTS

WORDINGS = ("rewritten", "given", "standalone", "raw")
LEAST_OF_STANDALONE = 0.9
LEAST_UNHARMED = 0.99


@dataclass(frozen=True, slots=True)
class Asked:
    """A later question of a conversation, what it became, and what was found with each wording of it.

    `found` tells by wording whether the evidence is among the first five passages, `first` whether it is the
    first sentence: `rewritten`; `given`, rewritten after the product's own answers instead of the evidence;
    `standalone` and `raw`. Of a question that stands by itself the first two ought to be the last.
    """

    conversation: str
    part: str
    kind: str
    question: str
    query: str
    depends: bool
    found: Mapping[str, bool]
    first: Mapping[str, bool]

    @property
    def left_alone(self) -> bool:
        """Whether it was asked as it is."""
        return self.query == self.question


@dataclass(frozen=True, slots=True)
class Followed:
    """The follow-ups of some conversations: shares of them by wording, and the questions that were none."""

    followups: int
    missed: int
    recall: Mapping[str, float]
    sentence_first: Mapping[str, float]
    switches: int
    switches_rewritten: int

    @property
    def of_standalone(self) -> float:
        """What rewriting finds, as a share of what the standalone questions find."""
        return self.recall["rewritten"] / self.recall["standalone"] if self.recall["standalone"] else 1.0


@dataclass(frozen=True, slots=True)
class After:
    """A question that stands by itself, asked after another one: what was found without that, and with it."""

    left_alone: bool
    found_alone: bool
    found_after: bool


@dataclass(frozen=True, slots=True)
class Unharmed:
    """Questions that stand by themselves, asked after another one; `kept` is of those found without it."""

    questions: int
    rewritten: int
    recall_without: float
    recall_with: float
    kept: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run found, by part of the set and of all, and what it was measured on."""

    parts: Mapping[str, Followed]
    unharmed: Mapping[str, Unharmed]
    asked: tuple[Asked, ...]
    provenance: Mapping[str, str]


def by_part(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    """Return the questions of each part, and all of them."""
    parts = {part: [entry for entry in asked if entry.part == part] for part in PARTS}
    return parts | {"all": list(asked)}


def followed(asked: Sequence[Asked]) -> Followed:
    """Return the figures of some later questions."""
    followups = [entry for entry in asked if entry.depends]
    switches = [entry for entry in asked if not entry.depends]

    return Followed(
        followups=len(followups),
        missed=sum(entry.left_alone for entry in followups),
        recall={name: _share([entry.found[name] for entry in followups]) for name in WORDINGS},
        sentence_first={name: _share([entry.first[name] for entry in followups]) for name in WORDINGS},
        switches=len(switches),
        switches_rewritten=sum(not entry.left_alone for entry in switches),
    )


def unharmed(asked: Sequence[After]) -> Unharmed:
    """Return the figures of questions that stand by themselves."""
    return Unharmed(
        questions=len(asked),
        rewritten=sum(not entry.left_alone for entry in asked),
        recall_without=_share([entry.found_alone for entry in asked]),
        recall_with=_share([entry.found_after for entry in asked]),
        kept=_share([entry.found_after for entry in asked if entry.found_alone]),
    )


def _share(outcomes: Sequence[bool]) -> float:
    """Return the share that is true, 1 of none."""
    return sum(outcomes) / len(outcomes) if outcomes else 1.0


def missed(measured: Measured) -> list[str]:
    """Return the bars that a run does not reach, in words."""
    found = [
        f"{name}: rewritten questions find {part.of_standalone:.3f} of what standalone ones find, "
        f"and have to find at least {LEAST_OF_STANDALONE}"
        for name, part in measured.parts.items()
        if part.of_standalone < LEAST_OF_STANDALONE
    ]
    found += [
        f"{name}: {alone.kept:.3f} of the questions that stand by themselves still find their evidence after "
        f"another, and at least {LEAST_UNHARMED} have to"
        for name, alone in measured.unharmed.items()
        if alone.kept < LEAST_UNHARMED
    ]
    return found


def as_json(measured: Measured) -> dict[str, Any]:
    """Return everything about a run in plain types."""
    return {
        "provenance": dict(measured.provenance),
        "parts": {
            name: asdict(part) | {"of_standalone": round(part.of_standalone, 4)}
            for name, part in measured.parts.items()
        },
        "unharmed": {name: asdict(alone) for name, alone in measured.unharmed.items()},
        "bars_missed": missed(measured),
        "asked": [asdict(entry) for entry in measured.asked],
    }


def table(measured: Measured) -> RenderableType:
    """Return a run's figures for a terminal."""
    follow = Table("part", "follow-ups", "figure", *WORDINGS, title="Follow-ups", title_justify="left")
    for name, part in measured.parts.items():
        for figure, shares in (("recall@5", part.recall), ("sentence first", part.sentence_first)):
            row = [f"{shares[wording]:.3f}" for wording in WORDINGS]
            follow.add_row(name, str(part.followups), figure, *row)
    alone = Table(
        "questions", "asked", "rewritten", "recall@5 without", "with history", "kept",
        title="Questions that stand by themselves", title_justify="left",
    )  # fmt: skip
    for name, found in measured.unharmed.items():
        recalls = [f"{value:.3f}" for value in (found.recall_without, found.recall_with, found.kept)]
        alone.add_row(name, str(found.questions), str(found.rewritten), *recalls)
    below = missed(measured)
    said = [Text(f"bar missed: {line}", "bold red") for line in below] or [Text("bars reached", "bold green")]
    ratios = ", ".join(f"{name} {part.of_standalone:.3f}" for name, part in measured.parts.items())
    return Group(follow, Text(f"rewritten as a share of standalone: {ratios}"), alone, *said)
