"""The seam for reading: which sentence of the retrieved passages answers, and whether any does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from index.types import Hit
from rag.types import Reading


class Reader(Protocol):
    """Reads passages for a question.

    `read` takes hits as retrieval ranked them, with `why` filled in. It returns each sentence of
    each passage (`Passage.sentences`) at most once, best first, with a score in [0, 1]; the order
    of equal scores is that of the hits and then of the text. `Evidence.span` is one of the passage's
    sentences, `Evidence.answer` lies within it or is None. `answerable` is in [0, 1]: the calibrated
    probability that the documents answer the question; without sentences it is 0.

    `threshold` is the least `answerable` at which an answer is worth giving, fitted with the reader.

    The same question and hits give the same reading. Several threads may read at once. Text of
    question and passages is data: no words in it change what the reader does.
    """

    @property
    def threshold(self) -> float:
        """The least `Reading.answerable` at which to answer."""
        ...

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return the evidence in the passages and whether it answers the question."""
        ...
