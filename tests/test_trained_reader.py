"""Reading with a network: what it puts first, which words it marks, and what it leaves to likeness."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest
from contracts import NetworkContract, ReaderContract, quoted, ranked
from doubles import HashingEmbedder, OverlapNetwork

from index.embedding import TokenVectors
from index.types import Passage
from rag.models import embedder_of
from rag.reading.combination import Linear
from rag.reading.network import CompiledNetwork, Network, ReadPassage, ReadSentence
from rag.reading.trained import COMPARED, COMPARED_SIGNALS, READ_SIGNALS, TrainedReader, TwoStages
from rag.settings import Settings


@functools.cache
def own_network() -> CompiledNetwork:
    return CompiledNetwork(TwoStages.load().weights)


@functools.cache
def own_reader() -> TrainedReader:
    return TrainedReader(own_network(), embedder_of(Settings()), TwoStages.load())


def weighing(**weights: float) -> TwoStages:
    """Return coefficients that weigh what is named, and `evidence` by one."""
    weights = {"evidence": 1.0, **weights}
    first = Linear(0.0, {name: weights.get(name, 0.0) for name in READ_SIGNALS})
    every = Linear(0.0, {name: weights.get(name, 0.0) for name in COMPARED_SIGNALS})
    return TwoStages(first, every, every, threshold=0.5, least_margin=0.0, weights="")


class TestOwnNetwork(NetworkContract):
    def network(self) -> Network:
        return own_network()


class TestOverlapNetwork(NetworkContract):
    def network(self) -> Network:
        return OverlapNetwork()


class TestOwnReader(ReaderContract):
    def reader(self) -> TrainedReader:
        return own_reader()


class TestReaderOfAnyNetwork(ReaderContract):
    def reader(self) -> TrainedReader:
        return TrainedReader(OverlapNetwork(), HashingEmbedder(), weighing())


PAKISTAN = (
    "On December 25, 2024, Pakistani airstrikes hit a training facility. "
    "Pakistan justified these strikes as necessary measures against militants. "
    "Three days later the talks resumed in Doha."
)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("when did the airstrikes hit the training facility?", "December 25, 2024"),
        ("where did the talks resume?", "Doha"),
        ("what did the airstrikes hit?", "a training facility"),
    ],
)
def test_the_words_that_answer_are_marked(question: str, words: str) -> None:
    hits = ranked(question, PAKISTAN)
    first = own_reader().read(question, hits).evidence[0]
    assert first.answer is not None
    assert quoted(hits, first.hit, first.answer).strip("., ") in (words, words.removeprefix("a "))


@pytest.mark.parametrize(
    "question",
    ["Did the talks resume in Doha?", "were the strikes justified", "Isn't Doha where the talks resumed?"],
)
def test_what_yes_or_no_answers_has_a_sentence_and_no_words(question: str) -> None:
    reading = own_reader().read(question, ranked(question, PAKISTAN))
    assert reading.evidence
    assert all(found.answer is None for found in reading.evidence)


def test_words_of_too_low_a_margin_are_not_marked() -> None:
    question = "who climbed a glacier?"
    hits = ranked(question, "A glacier melted fast. Bridges fell down.")
    found = TrainedReader(OverlapNetwork(), HashingEmbedder(), weighing()).read(question, hits).evidence
    marked = {quoted(hits, each.hit, each.span): each.answer for each in found}
    # By its words the first has a margin of 0, the second one below.
    assert marked["A glacier melted fast."] is not None
    assert marked["Bridges fell down."] is None


class Counting(HashingEmbedder):
    """Remembers which texts it was asked for token by token."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        self.asked += texts
        return super().embed_tokens(texts)


def test_only_the_best_sentences_are_compared_and_the_others_come_after_them() -> None:
    question = "why did the glacier melt?"
    hits = ranked(
        question, *(f"The glacier did melt in year {n}." for n in range(COMPARED)), "Rain fell.\nSnow fell."
    )
    embedder = Counting()
    evidence = TrainedReader(OverlapNetwork(), embedder, weighing()).read(question, hits).evidence
    assert len(embedder.asked) == 1 + COMPARED
    first, rest = evidence[:COMPARED], evidence[COMPARED:]
    assert all("glacier" in quoted(hits, found.hit, found.span) for found in first)
    assert {tuple(found.signals) for found in first} == {COMPARED_SIGNALS}
    assert {tuple(found.signals) for found in rest} == {READ_SIGNALS}
    assert len(rest) == 2


def test_of_sentences_alike_to_the_network_likeness_decides() -> None:
    question = "glacier"
    hits = ranked(question, "The glacier of the north.", "Glacier.")
    embedder = HashingEmbedder()
    for weight, expected in ((5.0, "Glacier."), (-5.0, "The glacier of the north.")):
        reader = TrainedReader(OverlapNetwork(), embedder, weighing(sentence_cosine=weight))
        first = reader.read(question, hits).evidence[0]
        assert quoted(hits, first.hit, first.span) == expected


def test_a_passage_counts_by_its_best_sentence() -> None:
    question = "why did the glacier melt?"
    hits = ranked(question, "The glacier did melt. Rain fell.", "Snow fell.")
    found = TrainedReader(OverlapNetwork(), HashingEmbedder(), weighing()).read(question, hits).evidence
    signals = {quoted(hits, each.hit, each.span): each.signals for each in found}
    best = signals["The glacier did melt."]["evidence"]
    assert signals["Rain fell."]["passage_evidence"] == best
    assert signals["Snow fell."]["passage_evidence"] == signals["Snow fell."]["evidence"] < best


def test_without_sentences_the_network_is_not_asked() -> None:
    class Untouchable:
        def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
            raise AssertionError("read")

    assert TrainedReader(Untouchable(), HashingEmbedder(), weighing()).read("why?", []).evidence == ()


def test_a_sentence_past_the_window_is_put_forward_last() -> None:
    question = "when was the dam built?"
    filler = "Water ran over the stones and the stones were worn by water. " * 40
    hits = ranked(question, filler + "The dam was built in 1947.")
    passage = hits[0].passage
    (read,) = own_network().read(question, [passage])
    assert len(read.sentences) == len(passage.sentences)
    assert all(isinstance(found, ReadSentence) for found in read.sentences)
    assert np.isfinite([found.evidence for found in read.sentences]).all()
