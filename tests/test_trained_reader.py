"""Reading with a network: what it puts first, which words it marks, and what it leaves to likeness."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from contracts import NetworkContract, ReaderContract, quoted, ranked
from doubles import HashingEmbedder, OverlapNetwork
from hypothesis import given
from hypothesis import strategies as st

from index.embedding import TokenVectors
from index.errors import ModelNotFound
from index.types import Hit, Passage
from rag.combination import Linear
from rag.models import embedder_of
from rag.overlap import Question
from rag.reading.network import CompiledNetwork, Network, ReadPassage, ReadSentence
from rag.reading.signals import (
    COMPARED_SIGNALS,
    READ_SIGNALS,
    Sentences,
    SignalReader,
    log_odds,
    read_until_settled,
)
from rag.reading.trained import COMPARED, TrainedReader, TwoStages
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


class Listed:
    """Remembers how many passages it was asked to read each time."""

    def __init__(self) -> None:
        self._network = OverlapNetwork()
        self.read_at_once: list[int] = []

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        self.read_at_once.append(len(passages))
        return self._network.read(question, passages)


QUESTION = "why did the glacier melt?"


def found_with(*scores: float) -> list[Hit]:
    """Return hits of the scores, of which the first alone tells of a glacier that melted."""
    texts = [
        "The glacier did melt in a dry year.",
        *(f"Rain fell on day {n}." for n in range(1, len(scores))),
    ]
    hits = ranked(QUESTION, *texts)
    assert hits[0].passage.text.startswith("The glacier")
    return [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]


def read_of(hits: Sequence[Hit], settled: float, *, threads: int = 1) -> tuple[Sentences, list[int]]:
    """Return what is read of hits by the words they share, and how many the network read each time."""
    network = Listed()
    reader = SignalReader(network, HashingEmbedder(), threads=threads)
    return reader.read(Question.analysed(QUESTION), hits, weighing().first, settled), network.read_at_once


def places(read: Sentences) -> set[int]:
    return {candidate.hit for candidate in read.candidates}


def test_reading_ends_where_what_is_left_will_hardly_be_better() -> None:
    hits = found_with(0.9, 0.5, 0.01, 0.01, 0.01)
    # Log-odds by the words of the sentence alone; those of 0.5 are 0, of 0.01 -4.6.
    best = OverlapNetwork().read(QUESTION, [hits[0].passage])[0].sentences[0].evidence
    for settled, count in ((best - 0.1, 1), (best + 4.5, 2), (best + 4.7, 5), (math.inf, 5)):
        read, asked = read_of(hits, settled)
        assert (places(read), asked) == (set(range(count)), [1] * count)


def test_a_likely_passage_is_read_wherever_it_stands() -> None:
    read, _ = read_of(found_with(0.9, 0.5, 0.01, 0.01, 0.999999), 0.0)
    assert places(read) == set(range(5))


def test_what_is_read_ahead_changes_nothing_but_the_time() -> None:
    hits = found_with(0.9, 0.5, 0.01, 0.01, 0.01)
    alone, asked = read_of(hits, -100.0)
    ahead, asked_ahead = read_of(hits, -100.0, threads=4)
    assert (asked, asked_ahead) == ([1], [4])
    assert (ahead.candidates, ahead.signals, ahead.spans) == (alone.candidates, alone.signals, alone.spans)
    assert read_of(hits, math.inf, threads=4)[1] == [4, 1]


def test_passages_are_read_ahead_only_by_processors_that_no_other_question_needs() -> None:
    hits = found_with(0.9, 0.5, 0.01, 0.01, 0.01)
    asked: list[int] = []

    class Asking(Listed):
        """While it reads, another question is asked."""

        def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
            asked.append(len(passages))
            if len(asked) == 1:
                reader.read(Question.analysed(QUESTION), hits[:2])
            return super().read(question, passages)

    reader = SignalReader(Asking(), HashingEmbedder(), threads=4)
    reader.read(Question.analysed(QUESTION), hits)
    assert asked == [4, 2, 1]


def test_a_question_that_fails_leaves_its_processors_to_others() -> None:
    hits = found_with(0.9, 0.5, 0.01, 0.01)
    asked: list[int] = []

    class Failing(Listed):
        def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
            asked.append(len(passages))
            if len(asked) == 1:
                raise ModelNotFound("gone")
            return super().read(question, passages)

    reader = SignalReader(Failing(), HashingEmbedder(), threads=4)
    with pytest.raises(ModelNotFound):
        reader.read(Question.analysed(QUESTION), hits)
    reader.read(Question.analysed(QUESTION), hits)
    assert asked == [4, 4]


def test_what_is_said_of_a_sentence_does_not_depend_on_how_much_is_read() -> None:
    hits = found_with(0.9, 0.5, 0.01, 0.01, 0.01)
    whole, part = read_of(hits, math.inf)[0], read_of(hits, -100.0)[0]
    count = len(part.candidates)
    assert 0 < count < len(whole.candidates)
    assert part.candidates == whole.candidates[:count]
    assert part.signals == {name: values[:count] for name, values in whole.signals.items()}
    assert part.spans == whole.spans[:count]


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), max_size=12),
    st.floats(0, 6),
)
def test_reading_goes_on_until_it_is_settled(hits: list[tuple[float, float]], settled: float) -> None:
    ranking, best = [before for before, _ in hits], [after for _, after in hits]
    asked: list[int] = []

    def read(place: int) -> float:
        asked.append(place)
        return best[place]

    count = read_until_settled(ranking, read, settled)
    assert asked == list(range(count))

    def is_settled(done: int) -> bool:
        return done == len(hits) or max(best[:done]) - max(ranking[done:]) >= settled

    assert not hits or is_settled(count)
    assert not any(is_settled(done) for done in range(1, count))


@pytest.mark.parametrize("probability", [0.0, 1e-30, 0.5, 0.9, 1.0])
def test_log_odds_are_finite(probability: float) -> None:
    assert 1 / (1 + math.exp(-log_odds(probability))) == pytest.approx(probability, abs=1e-5)
