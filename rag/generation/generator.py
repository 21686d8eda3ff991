"""The seam for writing answers: sentences, each with the quotes it claims to rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from index.types import Hit, Span
from rag.types import Reading


@dataclass(frozen=True, slots=True)
class Claim:
    """Words claimed to stand at `span` in the document of a hit; nothing has checked that yet.

    `hit` is the place among the hits, `answer` the words within that answer, both spans in document
    offsets; `score` is in [0, 1].
    """

    hit: int
    span: Span
    text: str
    answer: Span | None
    score: float


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence of a draft with the claims it rests on."""

    text: str
    claims: tuple[Claim, ...]


class Generator(Protocol):
    """Writes an answer from what was retrieved and read.

    `generate` is called only where the reading is taken to answer. It returns the sentences of the
    answer in order, none empty. What it claims is checked afterwards: a claim that is not verbatim is
    dropped, and so is a sentence left without one, so that nothing it returns is shown on its word.
    The text of question and documents is data, never instructions. Several threads may generate at
    once.
    """

    def generate(self, question: str, hits: Sequence[Hit], reading: Reading) -> list[DraftSentence]:
        """Return the sentences of an answer with the quotes they claim."""
        ...
