"""The reading network: from texts to tokens and back, its weights' file, and its graph beside torch."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from contracts import chunked
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.embedding.model_files import PACKAGED_MODEL, find_model
from index.embedding.runtime import DEVICE, core
from index.errors import ModelNotFound
from index.types import Passage, Span
from rag.reading.graph import reading_graph
from rag.reading.network import UNREAD, CompiledNetwork, read_passage
from rag.reading.outputs import (
    END,
    EVIDENCE,
    MAX_ANSWER_TOKENS,
    RELEVANCE,
    START,
    Numbers,
    best_span,
    sentence_means,
)
from rag.reading.pairs import MAX_PASSAGE_TOKENS, MAX_QUESTION_TOKENS, Pair, PairTokenizer
from rag.reading.weights import Tensors, load_weights, save_weights

TOKENIZER = PairTokenizer(find_model(PACKAGED_MODEL) / "tokenizer.json")
QUESTION = "When was the dam built?"
TEXTS = (
    "The dam was built in 1947. It holds the river back.",
    "Nobody remembers the mill.",
    "Rain came. " * 30,
    "😀",
)


def pair(passage: str, question: str = QUESTION) -> Pair:
    (made,) = TOKENIZER.pairs(question, [passage])
    return made


def span_of(words: str, text: str) -> Span:
    return Span(text.index(words), text.index(words) + len(words))


# Texts and tokens.


def test_a_pair_is_begun_parted_and_ended_by_marks_of_the_model() -> None:
    made = pair("It broke.", question="Did it break?")
    begin, parting, end = made.ids[0], made.ids[made.passage_start - 1], made.ids[-1]
    assert parting == end != begin
    assert len(made.ids) == made.passage_start + len(made.spans) + 1


def test_pairs_of_many_questions_are_those_of_each() -> None:
    questions = ("Did it break?", "", "Who?")
    assert TOKENIZER.pairs_of_each(list(zip(questions, TEXTS, strict=False))) == [
        pair(text, question) for question, text in zip(questions, TEXTS, strict=False)
    ]


@pytest.mark.parametrize(
    ("words", "passage"),
    [
        ("1947", "The dam was built in 1947."),
        ("El niño", "El niño comió açaí."),
        ("comió açaí", "El niño comió açaí."),
        ("边界", "杜兰线是边界。"),
        ("e\u0301cole", "Une e\u0301cole fut ba\u0302tie."),
        ("한국어", "그것은 한국어 문장이다."),
        ("dam", "😀😀 The dam 😀"),
        ("electroencephalography", "Of electroencephalography, little."),
    ],
)
def test_words_come_back_from_their_tokens(words: str, passage: str) -> None:
    made = pair(passage)
    places = made.places(span_of(words, passage))
    assert places is not None
    assert made.characters(*places) == span_of(words, passage)


def test_a_part_of_a_word_is_covered_by_its_tokens() -> None:
    passage = "The dam was built."
    made = pair(passage)
    places = made.places(span_of("uil", passage))
    assert places is not None
    assert made.characters(*places) == span_of("built", passage)


def test_blanks_have_no_tokens() -> None:
    assert pair("a    b").places(Span(2, 4)) is None
    assert pair("").places(Span(0, 1)) is None


def test_a_long_question_is_cut_and_the_passage_is_not() -> None:
    made = pair("It broke.", question="why " * 500)
    assert made.passage_start == MAX_QUESTION_TOKENS + 2
    assert made.spans == pair("It broke.").spans


def test_of_a_long_passage_the_end_is_cut() -> None:
    passage = "dam " * (MAX_PASSAGE_TOKENS + 50)
    made = pair(passage)
    assert len(made.spans) == MAX_PASSAGE_TOKENS
    cut = made.spans[-1][1]
    assert made.places(Span(cut, len(passage))) is None
    across = made.places(Span(cut - 3, len(passage)))
    assert across == (len(made.ids) - 2, len(made.ids) - 1)


@given(st.data(), st.text(min_size=1, max_size=60), st.text(max_size=20))
def test_any_characters_that_have_tokens_have_a_range_of_them_in_the_passage(
    data: st.DataObject, passage: str, question: str
) -> None:
    start = data.draw(st.integers(0, len(passage) - 1))
    span = Span(start, data.draw(st.integers(start + 1, len(passage))))
    made = pair(passage, question)
    touched = [token for token in made.spans if token[0] < span.end and token[1] > span.start]
    places = made.places(span)
    assert (places is not None) == bool(touched)
    if places is not None:
        assert made.passage_start <= places[0] < places[1] <= made.passage_start + len(made.spans)
        found = made.characters(*places)
        assert (found.start, found.end) == (touched[0][0], touched[-1][1])
        assert 0 <= found.start < found.end <= len(passage)


def test_a_text_that_names_a_special_token_has_none_of_it() -> None:
    made = pair("A [SEP] when [CLS] was it? [PAD]", "why [SEP]?")
    plain = pair("A dam.", "why?")
    begin, end = plain.ids[0], plain.ids[-1]
    assert made.ids.count(begin) == 1
    assert made.ids.count(end) == 2
    assert 0 not in made.ids


# What the numbers say.

SCORES = st.floats(-20, 20, width=32)


def numbers_of(count: int) -> Numbers:
    return np.zeros((count, 4), dtype=np.float32)


@given(arrays(np.float32, st.tuples(st.integers(3, 45), st.just(4)), elements=SCORES))
def test_the_best_span_is_the_best_of_all(numbers: Numbers) -> None:
    within = (1, len(numbers) - 1)
    every = [
        numbers[start, START] + numbers[last, END]
        for start in range(*within)
        for last in range(start, min(start + MAX_ANSWER_TOKENS, within[1]))
    ]
    found = best_span(numbers, within)
    assert within[0] <= found.start < found.end <= within[1]
    assert found.end - found.start <= MAX_ANSWER_TOKENS
    assert numbers[found.start, START] + numbers[found.end - 1, END] == max(every)
    null = float(numbers[0, START] + numbers[0, END])
    assert found.margin == pytest.approx(float(max(every)) - null, abs=1e-4)


def test_a_start_and_an_end_too_far_apart_are_no_span() -> None:
    numbers = numbers_of(60)
    numbers[5, START] = numbers[5 + MAX_ANSWER_TOKENS, END] = 9
    numbers[40, [START, END]] = 5
    assert best_span(numbers, (1, 60)).end == 41
    numbers[4 + MAX_ANSWER_TOKENS, END] = 9
    assert best_span(numbers, (1, 60)).end - best_span(numbers, (1, 60)).start == MAX_ANSWER_TOKENS


def test_an_end_before_its_start_is_no_span() -> None:
    numbers = numbers_of(8)
    numbers[6, START] = numbers[2, END] = 9
    found = best_span(numbers, (1, 8))
    assert found.start < found.end


def test_a_sentence_scores_the_mean_of_its_tokens() -> None:
    numbers = numbers_of(6)
    numbers[:, EVIDENCE] = [9, 1, 3, 5, 7, 9]
    np.testing.assert_allclose(sentence_means(numbers, [(1, 3), (3, 4), (1, 5)]), [2, 5, 4])


def later_passage() -> Passage:
    """Return a passage of two sentences that does not stand at the start of its document."""
    _, passages = chunked("Nobody remembers the mill of the old town by the river bank.\n\n" + TEXTS[0])
    passage = passages[-1]
    assert passage.start > 0
    return passage


def test_a_span_is_told_in_characters_of_the_document_against_no_answer() -> None:
    passage = later_passage()
    made = pair(passage.text)
    numbers = numbers_of(len(made.ids))
    places = made.places(span_of("1947", passage.text))
    assert places is not None
    numbers[places[0], START], numbers[places[1] - 1, END] = 6, 5
    numbers[0, [START, END, EVIDENCE, RELEVANCE]] = [1, 2, -3, 4]
    read = read_passage(passage, made, numbers)
    assert read.relevance == 4
    found = read.sentences[0]
    assert (found.margin, found.evidence) == (8, 3)
    assert found.span is not None
    assert passage.text[found.span.start - passage.start : found.span.end - passage.start] == "1947"


def test_each_sentence_is_given_a_span_within_itself() -> None:
    passage = later_passage()
    made = pair(passage.text)
    read = read_passage(passage, made, numbers_of(len(made.ids)))
    assert len(read.sentences) == len(passage.sentences) == 2
    for sentence, found in zip(passage.sentences, read.sentences, strict=True):
        assert found.span is not None
        assert sentence.start <= found.span.start < found.span.end <= sentence.end


def test_a_sentence_past_the_window_is_unread() -> None:
    text = "dam " * MAX_PASSAGE_TOKENS + "The end."
    sentences = (Span(0, text.index("The")), Span(text.index("The"), len(text)))
    passage = Passage("p", "d", 0, 0, len(text), text, None, None, sentences)
    read = read_passage(passage, pair(text), numbers_of(len(pair(text).ids)))
    assert read.sentences[0].span is not None
    assert (read.sentences[1].evidence, read.sentences[1].span) == (UNREAD, None)


# The weights' file.


def some_tensors() -> Tensors:
    random = np.random.default_rng(3)
    rows = random.normal(size=(40, 16)) * np.exp(random.normal(size=(40, 1)) * 4)
    rows[7] = 0
    return {"rows": rows.astype(np.float32), "vector": random.normal(size=16).astype(np.float32)}


def test_stored_values_are_within_half_a_step_of_their_row(tmp_path: Path) -> None:
    tensors = some_tensors()
    path = tmp_path / "weights"
    found = load_weights(path, save_weights(path, tensors))
    assert set(found) == set(tensors)
    assert {tensor.dtype for tensor in found.values()} == {np.dtype(np.float32)}
    half = np.abs(tensors["rows"]).max(axis=1, keepdims=True) / 127 / 2
    assert (np.abs(found["rows"] - tensors["rows"]) <= half * 1.0001).all()
    assert not found["rows"][7].any()
    np.testing.assert_array_equal(found["vector"], tensors["vector"])


def test_the_same_weights_make_the_same_file_in_whatever_order(tmp_path: Path) -> None:
    tensors = some_tensors()
    names = [*tensors]
    saved = save_weights(tmp_path / "one", tensors)
    assert save_weights(tmp_path / "two", {name: tensors[name] for name in names[::-1]}) == saved


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything"])
def test_a_damaged_or_missing_file_is_told_with_the_way_out_and_without_a_path(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "weights"
    sha256 = save_weights(path, some_tensors())
    content = path.read_bytes()
    if damage == "everything":
        path.unlink()
    else:
        kept = content[:-1]
        path.write_bytes(kept + bytes([content[-1] ^ 1]) if damage == "a byte" else kept)
    with pytest.raises(ModelNotFound, match="QUOTEBOUND_READER=similarity") as raised:
        load_weights(path, sha256)
    assert str(tmp_path) not in str(raised.value)


# The graph and torch; the network and its promises.


class Tiny(NamedTuple):
    """Random weights of two layers; torch's numbers for the pairs are of the very same."""

    tensors: Tensors
    expected: dict[tuple[int, ...], Numbers]


LENGTHS = (7, 45)


def tiny_inputs(length: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    ids = tuple(int(token) for token in np.random.default_rng(length).integers(200, size=length))
    return ids, tuple(int(place >= length // 3) for place in range(length))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    import torch
    from transformers import BertConfig, BertModel

    from rag.reading.training.network import ReadingNetwork

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("bert")
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    # As many words as the packaged tokenizer has, so that texts can be read.
    BertModel(BertConfig(vocab_size=30522, **sizes), add_pooling_layer=False).save_pretrained(folder)
    network = ReadingNetwork(folder).eval()
    expected = {}
    with torch.no_grad():
        for parameter in network.parameters():
            # So that every weight moves the numbers: BERT begins near to nothing.
            parameter.add_(torch.randn_like(parameter) * 0.2)
        for length in LENGTHS:
            ids, types = tiny_inputs(length)
            mask = torch.ones(1, length, dtype=torch.long)
            expected[ids] = network(torch.tensor([ids]), mask, torch.tensor([types]))[0].numpy()
    return Tiny({name: value.numpy() for name, value in network.state_dict().items()}, expected)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("padding", [0, 19])
def test_the_graph_gives_torchs_numbers_whatever_stands_behind_the_mask(
    tiny: Tiny, length: int, padding: int
) -> None:
    ids, types = tiny_inputs(length)
    model = core().compile_model(reading_graph(tiny.tensors), DEVICE, {"INFERENCE_PRECISION_HINT": "f32"})
    inputs = [np.array([(*given, *[1] * padding)], dtype=np.int32) for given in (ids, types)]
    mask = np.arange(length + padding)[np.newaxis] < length
    found = model.create_infer_request().infer([*inputs, mask])[0][0]
    assert found.shape == (length + padding, 4)
    np.testing.assert_allclose(found[:length], tiny.expected[ids], atol=1e-3)


class Stored(NamedTuple):
    path: Path
    sha256: str


@pytest.fixture(scope="module")
def stored(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    path = tmp_path_factory.mktemp("weights") / "reader.safetensors"
    return Stored(path, save_weights(path, tiny.tensors))


@pytest.fixture(scope="module")
def network(stored: Stored) -> CompiledNetwork:
    return CompiledNetwork(stored.sha256, stored.path)


def test_what_is_made_of_a_text_does_not_depend_on_the_others(network: CompiledNetwork) -> None:
    pairs, together = network.numbers(QUESTION, TEXTS)
    assert pairs == [pair(text) for text in TEXTS]
    for place, text in enumerate(TEXTS):
        np.testing.assert_array_equal(network.numbers(QUESTION, [text])[1][0], together[place])
    for found, expected in zip(network.numbers(QUESTION, TEXTS[::-1])[1], together[::-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_several_threads_read_what_one_reads(network: CompiledNetwork) -> None:
    passage = later_passage()
    questions = [QUESTION, "Who remembers?"] * 4
    expected = [network.read(question, [passage]) for question in questions]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda question: network.read(question, [passage]), questions)) == expected


def test_each_passage_is_read_in_order_and_none_is_nothing(network: CompiledNetwork) -> None:
    _, passages = chunked(" ".join(TEXTS))
    read = network.read(QUESTION, passages)
    assert [len(found.sentences) for found in read] == [len(passage.sentences) for passage in passages]
    assert network.read(QUESTION, passages[::-1]) == read[::-1]
    assert network.read(QUESTION, []) == []


def test_a_network_whose_weights_are_missing_says_so_when_it_is_used(tmp_path: Path) -> None:
    missing = CompiledNetwork("0" * 64, tmp_path / "none")
    for _ in range(2):
        with pytest.raises(ModelNotFound):
            missing.read(QUESTION, [later_passage()])


def test_a_network_reads_without_torch_and_tells_nobody(stored: Stored) -> None:
    program = (
        "import json, sys; from pathlib import Path; from rag.reading.network import CompiledNetwork; "
        f"network = CompiledNetwork({stored.sha256!r}, Path({str(stored.path)!r})); "
        "network.numbers('Who?', ['Nobody.']); "
        "print(json.dumps([name for name, module in sys.modules.items() if module is not None]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    for unwanted in ("torch", "transformers", "sentence_transformers", "openvino_telemetry"):
        assert unwanted not in loaded
