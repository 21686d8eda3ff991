"""How far a run is: SQuAD 2.0's questions of the development titles, each with its paragraph."""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rag.reading.outputs import EVIDENCE, RELEVANCE, Numbers, best_span, sentence_means
from rag.reading.pairs import Pair, PairTokenizer
from rag.reading.training.examples import occurrences, split
from rag.reading.training.features import Features, arrays
from rag.reading.training.sources import Asked

_ROWS = 24


@dataclass(frozen=True, slots=True)
class Posed:
    """A question with its paragraph in tokens.

    `sentences` are half-open ranges of the pair's tokens; `gold` are the places among them of those in
    which an answer begins.
    """

    asked: Asked
    pair: Pair
    sentences: tuple[tuple[int, int], ...]
    gold: frozenset[int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a network makes of a question: three scores for its being answered, and how right it is.

    `f1` is the greatest of the words found with an answer, `first` whether the sentence put first answers;
    of a question without answers they say nothing.
    """

    answerable: bool
    margin: float
    relevance: float
    sentence: float
    f1: float
    first: bool


@dataclass(frozen=True, slots=True)
class Development:
    """Questions of the development titles, tokenized."""

    posed: tuple[Posed, ...]

    @classmethod
    def of(cls, asked: Sequence[Asked], tokenizer: PairTokenizer, count: int, seed: int = 0) -> Development:
        """Return `count` of the questions, drawn by a seed."""
        rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
        chosen = rng.sample(list(asked), min(count, len(asked)))
        pairs = tokenizer.pairs_of_each([(entry.question, entry.context) for entry in chosen])
        return cls(tuple(_posed(*both) for both in zip(chosen, pairs, strict=True)))

    def measure(self, network: nn.Module) -> dict[str, float]:
        """Return F1 of the answerable, AUROC of answerability by three scores, and sentences put first."""
        # The shortest first, so that little is padded.
        posed = sorted(self.posed, key=lambda entry: len(entry.pair.ids))
        network.eval()
        found = [
            outcome
            for first in range(0, len(posed), _ROWS)
            for outcome in _outcomes(network, posed[first : first + _ROWS])
        ]
        network.train()
        answerable = [entry for entry in found if entry.answerable]
        right = [entry.answerable for entry in found]
        figures = {
            "answerable_f1": _mean([entry.f1 for entry in answerable]),
            "sentence_first": _mean([entry.first for entry in answerable]),
            "auroc_null": _auroc([entry.margin for entry in found], right),
            "auroc_relevance": _auroc([entry.relevance for entry in found], right),
            "auroc_sentence": _auroc([entry.sentence for entry in found], right),
        }
        return {name: round(value, 4) for name, value in figures.items()}


def _posed(asked: Asked, pair: Pair) -> Posed:
    kept = [(span, tokens) for span in split(asked.context) if (tokens := pair.places(span)) is not None]
    answers = [next(occurrences(text, asked.context), None) for text in asked.answers]
    begun_at = [answer.start for answer in answers if answer is not None]
    gold = (
        place
        for place, (span, _) in enumerate(kept)
        if any(span.start <= start < span.end for start in begun_at)
    )
    return Posed(asked, pair, tuple(tokens for _, tokens in kept), frozenset(gold))


def _outcomes(network: nn.Module, posed: Sequence[Posed]) -> Iterator[Outcome]:
    batch = arrays(
        [Features(entry.pair.ids, entry.pair.passage_start, (), (), (), (), False) for entry in posed]
    )
    inputs = [torch.from_numpy(array) for array in (batch.ids, batch.mask, batch.types)]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        scores = network(*inputs).numpy()
    for entry, numbers in zip(posed, scores, strict=True):
        yield _outcome(entry, numbers[: len(entry.pair.ids)])


def _outcome(posed: Posed, numbers: Numbers) -> Outcome:
    asked, pair = posed.asked, posed.pair
    best = best_span(numbers, (pair.passage_start, len(pair.ids) - 1))
    words = pair.characters(best.start, best.end)
    means = sentence_means(numbers, posed.sentences)
    return Outcome(
        answerable=asked.answerable,
        margin=best.margin,
        relevance=float(numbers[0, RELEVANCE]),
        sentence=float(means.max() - numbers[0, EVIDENCE]),
        f1=max(
            (overlap_f1(asked.context[words.start : words.end], text) for text in asked.answers), default=0.0
        ),
        first=int(np.argmax(means)) in posed.gold,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _auroc(scores: Sequence[float], right: Sequence[bool]) -> float:
    """Return the share of pairs that are in order, ties counting half; 0.5 where there are no pairs."""
    values, labels = np.array(scores), np.array(right, dtype=bool)
    above = values[labels][:, np.newaxis] - values[~labels]
    return float((above > 0).mean() + (above == 0).mean() / 2) if above.size else 0.5


def normalized_answer(text: str) -> list[str]:
    """Return the words of an answer as SQuAD's own evaluation compares them."""
    plain = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def overlap_f1(found: str, gold: str) -> float:
    """Return the F1 of the words of two answers, as SQuAD has it."""
    left, right = normalized_answer(found), normalized_answer(gold)
    if not left or not right:
        return float(left == right)
    common = sum((Counter(left) & Counter(right)).values())
    if not common:
        return 0.0
    precision, recall = common / len(left), common / len(right)
    return 2 * precision * recall / (precision + recall)
