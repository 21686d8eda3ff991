"""What the reading network's numbers say: the best span of a passage, and the scores of its sentences.

Each token has four numbers: that the answer starts there, that it ends there, that its sentence is
evidence, and, for the first token, the log-odds that the passage answers. Place 0 is "no answer".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START, END, EVIDENCE, RELEVANCE = range(4)
# Longer answers are rare, and a whole sentence is shown anyway.
MAX_ANSWER_TOKENS = 30

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BestSpan:
    """A half-open range of tokens; `margin` is how far its score is above that of "no answer"."""

    start: int
    end: int
    margin: float


def best_span(numbers: Numbers, within: tuple[int, int]) -> BestSpan:
    """Return the best span of tokens in a half-open range, which may not be empty."""
    first, end = within
    starts, ends = numbers[first:end, START], numbers[first:end, END]
    length = len(starts)
    scores = starts[:, np.newaxis] + ends
    places = np.arange(length)
    distance = places - places[:, np.newaxis]
    scores = np.where((distance >= 0) & (distance < MAX_ANSWER_TOKENS), scores, -np.inf)
    start, last = divmod(int(np.argmax(scores)), length)
    null = float(numbers[0, START] + numbers[0, END])
    return BestSpan(first + start, first + last + 1, float(scores[start, last]) - null)


def sentence_means(numbers: Numbers, sentences: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return the evidence score of each sentence, a half-open range of tokens."""
    return np.array([float(numbers[first:end, EVIDENCE].mean()) for first, end in sentences])
