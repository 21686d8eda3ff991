"""A reader of others' making: its numbers are torch's without torch, and what cannot be used is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from doubles import HashingEmbedder
from tokenizers import Tokenizer

from index.embedding.compiling import on_processor, traced
from index.embedding.model_files import PACKAGED_MODEL, find_model
from index.embedding.runtime import Precision
from index.errors import ModelNotFound
from index.types import Hit, Passage, Span, Why
from rag.reading import hub
from rag.reading.hub import hub_network
from rag.reading.network import UNREAD, Network, ReadPassage
from rag.reading.signals import COMPARED_SIGNALS, READ_SIGNALS
from rag.reading.trained import TrainedReader, TwoStages

QUESTION = "When was the dam built?"
TEXTS = (
    "The dam was built in 1947. It was paid for by the province, and nobody came.",
    "Rain fell. 😀 Gletscher schmelzen seit 1850! The treaty was signed by all of the ministers in Paris.",
    "It broke.",
)
WINDOW = 64


def passage(text: str, start: int = 1000) -> Passage:
    """Return a passage with a sentence up to each full stop or exclamation mark, far into a document."""
    spans, begin = [], 0
    for place, character in enumerate(text):
        if character in ".!":
            spans.append(Span(start + begin, start + place + 1))
            begin = place + 2
    return Passage("p", "d", 0, start, start + len(text), text, None, None, tuple(spans))


PASSAGES = [passage(text, 1000 * (number + 1)) for number, text in enumerate(TEXTS)]


def made(folder: Path, architecture: str, kind: str, seed: int = 7, **settings: Any) -> Path:
    """Write a model of two layers and random weights, whose numbers are some units apart."""
    import torch
    from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "vocab_size": 30522,
        "max_position_embeddings": WINDOW,
    }
    if architecture == "distilbert":
        sizes |= {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    if architecture == "roberta":
        sizes |= {"max_position_embeddings": WINDOW + 2, "type_vocab_size": 1, "vocab_size": 600}
    config = AutoConfig.for_model(architecture, initializer_range=0.3, **{**sizes, **settings})
    auto = AutoModelForQuestionAnswering if kind == "qa" else AutoModelForSequenceClassification
    built: Any = auto
    built.from_config(config).save_pretrained(folder)
    if architecture == "roberta":
        byte_level_tokenizer().save(str(folder / "tokenizer.json"))
    else:
        shutil.copy(find_model(PACKAGED_MODEL) / "tokenizer.json", folder)
    return folder


def byte_level_tokenizer() -> Tokenizer:
    """Return a tokenizer of RoBERTa's kind whose tokens begin with the white space before them."""
    from tokenizers import models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


KINDS = {
    "qa-bert": ("bert", "qa", {}),
    "qa-distilbert": ("distilbert", "qa", {}),
    "qa-roberta": ("roberta", "qa", {}),
    "cross-one": ("bert", "cross", {"num_labels": 1}),
    "cross-two": ("roberta", "cross", {"num_labels": 2}),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    for name, (architecture, kind, settings) in KINDS.items():
        made(folder / name, architecture, kind, **settings)
    return folder


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that gives a model of this test's own, which it may damage."""
    return lambda name: shutil.copytree(models / name, tmp_path / name)


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries  # type: ignore[misc]  # mappings with other keys


@pytest.fixture(params=KINDS)
def named(request: pytest.FixtureRequest, models: Path) -> Path:
    return models / str(request.param)


def opened(folder: Path | str, cache: Path) -> tuple[Network, TwoStages]:
    return hub_network(
        str(folder), cache=cache, coefficients=cache / "none-were-fitted", allow_download=False
    )


def network(folder: Path, cache: Path) -> Network:
    return opened(folder, cache)[0]


# What torch makes of a pair, with transformers' own model and a tokenizer set as the product's is.


def torch_numbers(folder: Path, question: str, text: str) -> tuple[Any, list[np.ndarray]]:
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(WINDOW, strategy="only_second")
    encoding = tokenizer.encode(question, text)
    auto = AutoModelForQuestionAnswering if "qa" in folder.name else AutoModelForSequenceClassification
    model = auto.from_pretrained(folder).eval()
    given = {"input_ids": torch.tensor([encoding.ids])}
    if "cross-one" in folder.name or "qa-bert" in folder.name:
        given["token_type_ids"] = torch.tensor([encoding.type_ids])
    with torch.no_grad():
        found = model(**given)
    if "qa" in folder.name:
        return encoding, [found.start_logits[0].numpy(), found.end_logits[0].numpy()]
    return encoding, [found.logits[0].numpy()]


def torch_margin(folder: Path, question: str, text: str, begin: int, end: int) -> float:
    """Return the greatest margin of a span of tokens that touch the characters, by trying all."""
    encoding, (starts, ends) = torch_numbers(folder, question, text)
    tokens = [
        place
        for place, (first, last) in enumerate(encoding.offsets)
        if encoding.sequence_ids[place] == 1 and last > begin and first < end
    ]
    null = starts[0] + ends[0]
    return float(max(starts[i] + ends[j] - null for i in tokens for j in tokens if i <= j < i + 30))


@pytest.mark.parametrize("name", ["qa-bert", "qa-distilbert", "qa-roberta"])
def test_a_question_answering_models_margins_are_torchs(
    models: Path, shared_cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "native_precision", lambda: Precision.F32)
    folder = models / name
    read = network(folder, shared_cache).read(QUESTION, PASSAGES)
    for given, found in zip(PASSAGES, read, strict=True):
        for span, sentence in zip(given.sentences, found.sentences, strict=True):
            within = span.start - given.start, span.end - given.start
            expected = torch_margin(folder, QUESTION, given.text, *within)
            assert sentence.margin == sentence.evidence == pytest.approx(expected, abs=1e-3)
        expected = torch_margin(folder, QUESTION, given.text, 0, len(given.text))
        assert found.relevance == pytest.approx(expected, abs=1e-3)
    margins = [sentence.margin for found in read for sentence in found.sentences]
    assert np.ptp(margins) > 0.1


@pytest.mark.parametrize("name", ["cross-one", "cross-two"])
def test_a_cross_encoders_logits_are_torchs_of_the_passage_and_of_each_sentence(
    models: Path, shared_cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "native_precision", lambda: Precision.F32)
    folder = models / name

    def logit(text: str) -> object:
        _, (found,) = torch_numbers(folder, QUESTION, text)
        assert len(found) == (2 if name == "cross-two" else 1)
        return pytest.approx(float(found[1] - found[0] if len(found) == 2 else found[0]), abs=1e-3)

    read = network(folder, shared_cache).read(QUESTION, PASSAGES)
    for given, found in zip(PASSAGES, read, strict=True):
        assert found.relevance == logit(given.text)
        for span, sentence in zip(given.sentences, found.sentences, strict=True):
            assert sentence.span is None
            text = given.text[span.start - given.start : span.end - given.start]
            assert sentence.margin == sentence.evidence == logit(text)


def test_every_passage_and_sentence_is_read_in_order(named: Path, shared_cache: Path) -> None:
    reader = network(named, shared_cache)
    read = reader.read(QUESTION, PASSAGES)
    assert [len(found.sentences) for found in read] == [len(given.sentences) for given in PASSAGES]
    assert reader.read(QUESTION, PASSAGES[::-1]) == read[::-1]
    assert reader.read(QUESTION, []) == []


def test_what_is_made_of_a_passage_depends_on_no_other(named: Path, shared_cache: Path) -> None:
    reader = network(named, shared_cache)
    alone = [reader.read(QUESTION, [given])[0] for given in PASSAGES]
    assert reader.read(QUESTION, PASSAGES) == alone


def test_the_question_counts(named: Path, shared_cache: Path) -> None:
    reader = network(named, shared_cache)
    assert reader.read("Who paid?", PASSAGES) != reader.read(QUESTION, PASSAGES)


def test_several_threads_may_be_first(named: Path, shared_cache: Path) -> None:
    reader = network(named, shared_cache)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: reader.read(QUESTION, PASSAGES), range(8)))
    assert together == [reader.read(QUESTION, PASSAGES)] * 8


@pytest.mark.parametrize("name", ["qa-bert", "qa-roberta"])
def test_a_span_lies_in_its_sentence_and_begins_and_ends_with_a_word(
    models: Path, shared_cache: Path, name: str
) -> None:
    reader = network(models / name, shared_cache)
    for question in (QUESTION, "Who signed?", "What fell?", "x"):
        for given, found in zip(PASSAGES, reader.read(question, PASSAGES), strict=True):
            for span, sentence in zip(given.sentences, found.sentences, strict=True):
                answer = sentence.span
                assert answer is not None
                assert span.start <= answer.start < answer.end <= span.end
                quoted = given.text[answer.start - given.start : answer.end - given.start]
                assert quoted == quoted.strip()


@pytest.mark.parametrize("name", ["qa-bert", "qa-distilbert", "qa-roberta"])
def test_a_sentence_past_the_window_is_unread(models: Path, shared_cache: Path, name: str) -> None:
    long = passage("The dam was built of stone. " * 60)
    (read,) = network(models / name, shared_cache).read(QUESTION, [long])
    unread = [(each.evidence, each.margin, each.span) == (UNREAD, UNREAD, None) for each in read.sentences]
    first = unread.index(True)
    assert 0 < first < 10
    assert all(unread[first:])
    assert read.relevance != UNREAD


def test_texts_over_the_window_are_cut_not_refused(named: Path, shared_cache: Path) -> None:
    reader = network(named, shared_cache)
    long = passage("The dam was built of stone. " * 60)
    for question in (QUESTION, "when " * 500, "\ufdfa" * 500, "x" * 5000, "", " "):
        (read,) = reader.read(question, [long])
        assert np.isfinite([read.relevance, *(each.margin for each in read.sentences)]).all()
        # There is room left for the passage.
        assert read.sentences[0].margin != UNREAD
    assert reader.read("when " * 500, [long]) == reader.read("when " * 600, [long])


@pytest.mark.parametrize("text", ["", " ", "😀", "\u200b."])
def test_a_passage_without_words_is_read(named: Path, shared_cache: Path, text: str) -> None:
    (read,) = network(named, shared_cache).read(QUESTION, [passage(text)])
    assert np.isfinite(read.relevance)


def test_the_positions_that_a_model_has_are_all_that_are_asked_of_it(
    models: Path, shared_cache: Path
) -> None:
    # RoBERTa's begin after that of padding.
    for name in KINDS:
        assert hub._found(str(models / name), allow_download=False).window == WINDOW


def test_no_model_is_asked_for_more_than_512_tokens(tmp_path: Path) -> None:
    folder = made(tmp_path / "long", "bert", "qa", max_position_embeddings=600)
    assert hub._found(str(folder), allow_download=False).window == 512


# Once converted.


def test_a_converted_model_lies_under_its_hash_and_is_whole(models: Path, tmp_path: Path) -> None:
    folder = models / "qa-bert"
    reader, stages = opened(folder, tmp_path)
    assert not list(tmp_path.iterdir())
    reader.read(QUESTION, PASSAGES)
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    assert stages.weights == digest.hexdigest()
    assert [each.name for each in tmp_path.iterdir()] == [f"{digest.hexdigest()[:32]}-reader-1"]
    assert {each.name for each in tmp_path.glob("*/*")} >= {"model.xml", "model.bin"}


@pytest.mark.parametrize("name", ["qa-bert", "cross-two"])
def test_a_converted_model_reads_without_torch(models: Path, shared_cache: Path, name: str) -> None:
    expected = network(models / name, shared_cache).read(QUESTION, PASSAGES[:1])
    program = (
        "import json, sys; from pathlib import Path; from index.types import Passage, Span\n"
        "from rag.reading.hub import hub_network\n"
        f"cache = Path({str(shared_cache)!r})\n"
        f"network, _ = hub_network({str(models / name)!r}, cache=cache, coefficients=cache / 'x', "
        "allow_download=False)\n"
        f"read = network.read({QUESTION!r}, [{PASSAGES[0]!r}])\n"
        "names = [name for name, module in sys.modules.items() if module is not None]\n"
        "sys.stderr.write(json.dumps([read[0].relevance, names]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    relevance, loaded = json.loads(done.stderr)
    assert relevance == expected[0].relevance
    for unwanted in ("torch", "transformers", "sentence_transformers", "openvino_telemetry"):
        assert unwanted not in loaded


def test_a_converted_model_is_not_converted_again(
    models: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = network(models / "qa-bert", shared_cache).read(QUESTION, PASSAGES)
    monkeypatch.setattr(hub, "_converted", refuse)
    assert network(models / "qa-bert", shared_cache).read(QUESTION, PASSAGES) == expected


def refuse(*_: object) -> None:
    raise RuntimeError("/home/ada/secret")


@pytest.mark.parametrize("file", ["model.bin", "model.xml", "probes.json"])
def test_a_damaged_converted_model_is_made_anew(
    models: Path, tmp_path: Path, file: str, logged: list[dict[str, object]]
) -> None:
    expected = network(models / "qa-bert", tmp_path).read(QUESTION, PASSAGES)
    damaged = next(tmp_path.glob(f"*/{file}"))
    damaged.write_bytes(bytes(len(damaged.read_bytes())))
    assert network(models / "qa-bert", tmp_path).read(QUESTION, PASSAGES) == expected
    assert any(entry["event"] == "compiled model not used" for entry in logged)
    assert damaged.read_bytes().strip(b"\0")


def test_a_cache_that_cannot_be_written_costs_time_only(
    models: Path, shared_cache: Path, tmp_path: Path, logged: list[dict[str, object]]
) -> None:
    (tmp_path / "file").write_text("")
    read = network(models / "qa-bert", tmp_path / "file").read(QUESTION, PASSAGES)
    assert read == network(models / "qa-bert", shared_cache).read(QUESTION, PASSAGES)
    assert any(entry["event"] == "compiled model not kept" for entry in logged)


def test_a_model_that_makes_other_numbers_once_compiled_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, _ = hub._on_torch(hub._found(str(made(tmp_path / "qa", "bert", "qa", 8)), allow_download=False))
    monkeypatch.setattr(hub, "traced", lambda _, example: traced(other, example))
    with pytest.raises(ModelNotFound, match="other numbers"):
        network(models / "qa-bert", tmp_path / "cache").read(QUESTION, PASSAGES)
    assert not (tmp_path / "cache").exists()


def test_where_bf16_is_too_coarse_f32_is_used(
    models: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def coarse(model: Any, precision: Precision, streams: int) -> Any:
        asked.append(precision)
        compiled = on_processor(model, precision, streams)
        monkeypatch.setattr(hub, "_TOLERANCE", -1 if precision is Precision.BF16 else 0.05)
        return compiled

    monkeypatch.setattr(hub, "on_processor", coarse)
    monkeypatch.setattr(hub, "native_precision", lambda: Precision.BF16)
    network(models / "qa-bert", shared_cache).read(QUESTION, PASSAGES)
    assert asked == [Precision.BF16, Precision.F32]


# What is refused.


def refused(folder: Path | str, cache: Path, reason: str) -> None:
    with pytest.raises(ModelNotFound, match=reason) as raised:
        network(Path(folder) if isinstance(folder, Path) else folder, cache).read(QUESTION, PASSAGES)  # type: ignore[arg-type]
    message = str(raised.value)
    assert str(folder) in message
    assert "/" not in message.replace(str(folder), "")


def test_a_model_that_is_not_on_this_machine_is_named_and_not_fetched(tmp_path: Path) -> None:
    refused("nobody/no-such-reader", tmp_path, "QUOTEBOUND_ALLOW_DOWNLOAD=true")


def test_a_name_on_the_hub_is_looked_up_in_the_local_cache(
    models: Path, tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    stored = tmp_path / "models--ada--reader"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text("0" * 40)
    shutil.copytree(models / "qa-bert", stored / "snapshots" / ("0" * 40))
    found = opened("ada/reader", shared_cache)[0].read(QUESTION, PASSAGES)
    assert found == network(models / "qa-bert", shared_cache).read(QUESTION, PASSAGES)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_folder_without_configuration_or_tokenizer_is_refused(
    copy: Callable[[str], Path], tmp_path: Path, missing: str
) -> None:
    folder = copy("qa-bert")
    (folder / missing).unlink()
    refused(folder, tmp_path, r"tokenizer\.json.*QUOTEBOUND_READER")


def test_pickled_weights_are_refused(copy: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copy("qa-bert")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, tmp_path, "pickled")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "neither"),
        ({"architectures": None}, "neither"),
        ({"architectures": 5}, "cannot be read"),
        (
            {
                "architectures": ["BertForSequenceClassification"],
                "id2label": {"0": "contradiction", "1": "entailment", "2": "neutral"},
            },
            "3 classes",
        ),
        ({"max_position_embeddings": "many"}, "cannot be read"),
        ({"model_type": "no-such-type"}, "cannot be loaded"),
        ({"hidden_size": 48}, "cannot be loaded"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(
    copy: Callable[[str], Path], tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    folder = copy("qa-bert")
    change(folder, changed)
    refused(folder, tmp_path / "cache", reason)


def change(folder: Path, changed: dict[str, object]) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_a_models_own_code_is_never_run(copy: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copy("qa-bert")
    (folder / "modeling.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: pass\n")
    change(folder, {"auto_map": {"AutoModelForQuestionAnswering": "modeling.Model"}})
    refused(folder, tmp_path, "code of its own")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_file_is_refused(copy: Callable[[str], Path], tmp_path: Path, damage: str) -> None:
    folder = copy("qa-bert")
    content = (folder / damage).read_bytes()
    (folder / damage).write_bytes(content[: len(content) // 2])
    refused(folder, tmp_path / "cache", "cannot be (read|loaded)")


def test_weights_without_the_head_are_refused_not_made_up(
    copy: Callable[[str], Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = copy("qa-bert")
    file = folder / "model.safetensors"
    tensors = {key: value for key, value in load_file(file).items() if "qa_outputs" not in key}
    save_file(tensors, file, metadata={"format": "pt"})
    refused(folder, tmp_path / "cache", "lacks some of its weights")


def test_what_goes_wrong_in_torch_is_told_without_its_paths(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "traced", refuse)
    refused(models / "qa-bert", tmp_path, "cannot be loaded: RuntimeError")


# What was fitted for it.


def fitted(weights: str, names: tuple[str, ...] = COMPARED_SIGNALS) -> str:
    first, compared = (
        {"constant": 0.5, "weights": dict.fromkeys(signals, 0.25)} for signals in (READ_SIGNALS, names)
    )
    return json.dumps(
        {
            "first": first,
            "relevance": compared,
            "answerable": compared,
            "threshold": 0.375,
            "least_margin": 1.5,
            "settled": 2.0,
            "weights_sha256": weights,
        }
    )


def test_without_coefficients_evidence_alone_counts_and_that_is_logged(
    models: Path, tmp_path: Path, logged: list[dict[str, object]]
) -> None:
    name = str(models / "qa-bert")
    _, stages = opened(name, tmp_path)
    for function, signals in (
        (stages.first, READ_SIGNALS),
        (stages.relevance, COMPARED_SIGNALS),
        (stages.answerable, COMPARED_SIGNALS),
    ):
        assert tuple(function.weights) == signals
        assert function.constant == 0
        assert {key: value for key, value in function.weights.items() if value} == {"evidence": 1}
    assert (stages.threshold, stages.least_margin) == (0.5, 0)
    (entry,) = logged
    assert entry["log_level"] == "warning"
    assert "not calibrated" in str(entry["event"])
    assert entry["way_out"] == f"quotebound eval fit --reader {name} --data DIR"


def test_coefficients_that_were_fitted_for_it_are_taken_up(
    copy: Callable[[str], Path],
    tmp_path: Path,
    logged: list[dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy("qa-bert").rename(tmp_path / "ada's")
    monkeypatch.chdir(tmp_path)
    _, plain = opened("./ada's", tmp_path)
    file = tmp_path / "._ada_s.json"
    file.write_text(fitted(plain.weights))
    logged.clear()
    _, stages = hub_network("./ada's", cache=tmp_path, coefficients=tmp_path, allow_download=False)
    assert stages == TwoStages.load(file)
    assert (stages.threshold, stages.least_margin, stages.first.constant) == (0.375, 1.5, 0.5)
    assert not logged


def test_coefficients_of_other_weights_are_not_taken_up(
    models: Path, tmp_path: Path, logged: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    (tmp_path / "qa-bert.json").write_text(fitted("0" * 64))
    _, stages = hub_network("qa-bert", cache=tmp_path, coefficients=tmp_path, allow_download=False)
    assert stages.threshold == 0.5
    assert [entry["reason"] for entry in logged] == ["what was fitted is of other weights"]


@pytest.mark.parametrize("content", ["", "{}", "[]", fitted("", READ_SIGNALS)])
def test_coefficients_that_cannot_be_used_are_told_with_the_way_out(
    models: Path, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models)
    (tmp_path / "qa-bert.json").write_text(content)
    with pytest.raises(ModelNotFound, match=r"qa-bert\.json.*eval fit --reader qa-bert --data DIR"):
        hub_network("qa-bert", cache=tmp_path, coefficients=tmp_path, allow_download=False)


def test_a_question_is_answered_from_the_sentence_with_the_most_evidence(
    named: Path, shared_cache: Path
) -> None:
    reader, stages = opened(named, shared_cache)
    hits = [Hit(given, "a.txt", "A", 0.5, rank, Why()) for rank, given in enumerate(PASSAGES, start=1)]
    reading = TrainedReader(reader, HashingEmbedder(), stages).read(QUESTION, hits)
    read: list[ReadPassage] = reader.read(QUESTION, PASSAGES)
    best = max(sentence.evidence for found in read for sentence in found.sentences)
    assert reading.evidence[0].signals["evidence"] == best
    assert reading.answerable == pytest.approx(1 / (1 + np.exp(-best)))
