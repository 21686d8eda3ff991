"""What a public set is made of, whichever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from eval.cases import Case
from eval.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PublicDocument:
    """A text of a public set. `name` ends with `.txt`, is unique in its set and is its path in the index."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class PublicQuestions:
    """The documents of a public set and the cases asked of them, with evidence anchored in their texts.

    A case whose `scope` names documents is asked of these alone. `data_sha256` is that of each file read,
    by its path below the data folder; `odd` counts by its description what was mended or left out.
    """

    documents: tuple[PublicDocument, ...]
    cases: tuple[Case, ...]
    data_sha256: dict[str, str]
    odd: Counter[str]


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that others published: of which system, where, and what keeps it from being compared."""

    system: str
    figure: str
    value: float
    source: str
    note: str


class PublicSet(Protocol):
    """A public question set below a data folder.

    `name` is what commands call it, `title` what people do. `source` says where it comes from, by whom and
    under which licence. `not_comparable` is a paragraph on how our use of it differs from the published
    one. `published` are figures of others.
    """

    name: str
    title: str
    source: str
    not_comparable: str
    published: tuple[Published, ...]

    def load(self, data: Path) -> PublicQuestions:
        """Read the set; raise `SourceNotFound` saying where it comes from, `InvalidCase` if it is damaged.

        The same files give the same cases in the same order.
        """
        ...

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the set's own published metrics of some outcomes, by names that begin with its own."""
        ...
