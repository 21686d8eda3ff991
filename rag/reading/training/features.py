"""Examples as the model's input: token ids, sentences as ranges of tokens, and where the answers stand.

Input is `[CLS] question [SEP] passage [SEP]`. The model's output has four numbers a token
(`rag.reading.outputs`); place 0, `[CLS]`, stands for "no answer".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.reading.pairs import PairTokenizer
from rag.reading.training.examples import Example


@dataclass(frozen=True, slots=True)
class Features:
    """An example in tokens. `starts`, `ends` and `evidence` are empty where there is no answer.

    `sentences` are half-open ranges of places in `ids`. Where sentences are known to answer and the words
    are not, `starts` is empty too and `has_span` false: the span is not learnt from it.
    """

    ids: tuple[int, ...]
    passage_start: int
    sentences: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    evidence: tuple[int, ...]
    has_span: bool


def features(examples: Sequence[Example], tokenizer: PairTokenizer) -> list[Features]:
    """Return the examples in tokens, without those whose evidence lies past the end of the window."""
    found = []
    pairs = tokenizer.pairs_of_each([(example.question, example.passage) for example in examples])
    for example, pair in zip(examples, pairs, strict=True):
        ranges = [pair.places(span) for span in example.sentences]
        kept = [place for place, tokens in enumerate(ranges) if tokens is not None]
        sentences = tuple(tokens for tokens in ranges if tokens is not None)
        evidence = tuple(kept.index(place) for place in example.evidence if place in kept)
        answers = [tokens for span in example.answers if (tokens := pair.places(span)) is not None]
        if not sentences or (example.evidence and not evidence) or (example.answers and not answers):
            continue
        found.append(
            Features(
                ids=pair.ids,
                passage_start=pair.passage_start,
                sentences=sentences,
                starts=tuple(sorted({start for start, _ in answers})),
                ends=tuple(sorted({end - 1 for _, end in answers})),
                evidence=evidence,
                has_span=bool(answers) or not evidence,
            )
        )
    return found


def batches(
    examples: Sequence[Features], budget: int, rng: random.Random, rounded: int = 8
) -> list[list[Features]]:
    """Return batches of examples of like length, each of at most `budget` tokens padded, in random order."""
    order = sorted(range(len(examples)), key=lambda place: (len(examples[place].ids), rng.random()))
    found: list[list[Features]] = []
    batch: list[Features] = []
    for place in order:
        length = -(-len(examples[place].ids) // rounded) * rounded
        if batch and (len(batch) + 1) * length > budget:
            found.append(batch)
            batch = []
        batch.append(examples[place])
    if batch:
        found.append(batch)
    rng.shuffle(found)
    return found


@dataclass(frozen=True, slots=True)
class Arrays:
    """A batch of b examples, n tokens, s sentences at most: ids, mask, types (b, n); targets as masks.

    `starts`, `ends` (b, n) and `evidence` (b, 1 + s) mark what is right; place 0 is "no answer".
    `sentence_of` (b, n) is 1 + the sentence of each token, 0 for those of none. `has_span` (b,).
    """

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    types: NDArray[np.int64]
    sentence_of: NDArray[np.int64]
    sentences: int
    starts: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    evidence: NDArray[np.bool_]
    has_span: NDArray[np.bool_]


def arrays(batch: Sequence[Features], rounded: int = 8) -> Arrays:
    """Return a batch as padded arrays."""
    length = -(-max(len(entry.ids) for entry in batch) // rounded) * rounded
    sentences = max(len(entry.sentences) for entry in batch)
    shape = (len(batch), length)
    made = Arrays(
        ids=np.zeros(shape, dtype=np.int64),
        mask=np.zeros(shape, dtype=np.int64),
        types=np.zeros(shape, dtype=np.int64),
        sentence_of=np.zeros(shape, dtype=np.int64),
        sentences=sentences,
        starts=np.zeros(shape, dtype=bool),
        ends=np.zeros(shape, dtype=bool),
        evidence=np.zeros((len(batch), 1 + sentences), dtype=bool),
        has_span=np.array([entry.has_span for entry in batch]),
    )
    for row, entry in enumerate(batch):
        count = len(entry.ids)
        made.ids[row, :count] = entry.ids
        made.mask[row, :count] = 1
        made.types[row, entry.passage_start : count] = 1
        for number, (first, end) in enumerate(entry.sentences, start=1):
            made.sentence_of[row, first:end] = number
        made.starts[row, list(entry.starts) or [0]] = True
        made.ends[row, list(entry.ends) or [0]] = True
        made.evidence[row, [1 + place for place in entry.evidence] or [0]] = True
    return made


def tokens_of(batch: Sequence[Features]) -> int:
    """Return how many tokens a batch has, padding left out."""
    return sum(len(entry.ids) for entry in batch)
