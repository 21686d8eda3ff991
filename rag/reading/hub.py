"""Reading with any extractive question-answering model or cross-encoder, from a folder or the hub.

The first marks where in a passage the answer starts and ends, and by its first token that there is none.
The second says how well a text fits the question, and is asked so of each passage and of each sentence.
Either is converted once, with torch, and checked against it; after that OpenVINO and `tokenizers` do.
"""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import regex
import structlog
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from index.embedding.compiling import deaf, keep, on_processor, read_kept, traced
from index.embedding.lanes import Lanes, Urgency
from index.embedding.model_files import files_sha256, find_folder, weight_files
from index.embedding.runtime import Precision, native_precision, openvino, processors
from index.errors import ModelNotFound
from index.types import Passage, Span
from rag.reading.network import UNREAD, Network, ReadPassage, ReadSentence, read_passage
from rag.reading.outputs import Numbers, best_span
from rag.reading.pairs import Pair
from rag.reading.trained import TwoStages

if TYPE_CHECKING:
    from torch import Tensor, nn

# Raise it with any change to what is converted: what an earlier version left is not used.
FORMAT = 1
# Few such models were trained on more.
MAX_TOKENS = 512
# Other frameworks' weights and pickled ones can be gigabytes.
_WANTED = ["*.json", "*.safetensors"]
# OpenVINO makes its kernels anew for each length.
_PADDED_TO = 16
# Of two lengths: what was traced with one may be wrong for another.
_PROBES = (
    ("When was the dam built?", "The dam was built in 1947 by hand."),
    ("Who signed the treaty?", "Rain fell on the hills all night. " * 9 + "The mayor of Lagos signed it."),
)
# By so much of the greatest of its numbers may a compiled model be off; bf16 is by some hundredths.
_TOLERANCE = 0.05

_log = structlog.get_logger(__name__)


def hub_network(
    name: str, *, cache: Path, coefficients: Path, allow_download: bool
) -> tuple[Network, TwoStages]:
    """Return the network of a folder or a name on the hub, and what was fitted for it.

    It is loaded when it first reads, from below `cache`, and converted before that if it is not there. In
    the folder `coefficients` lies what was fitted; without, sentences are ranked by the network alone, and
    its confidence is not calibrated, which is logged. Raise `ModelNotFound` where it cannot be used.
    """
    files = _found(name, allow_download=allow_download)
    return _HubNetwork(files, cache), _coefficients(files, coefficients)


@dataclass(frozen=True, slots=True)
class _Files:
    """A model as it lies on the disk. `spans` tells a question-answering model from a cross-encoder."""

    name: str
    folder: Path
    spans: bool
    window: int
    padding: int
    sha256: str


def _found(name: str, *, allow_download: bool) -> _Files:
    folder = find_folder(name, "the reader", allow_download=allow_download, files=_WANTED)
    if not (folder / "config.json").is_file() or not (folder / "tokenizer.json").is_file():
        raise _refused(name, "has no config.json and tokenizer.json")
    weights = weight_files(folder, f"the reader {name!r}")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (architecture, *_) = config.get("architectures") or ("",)
        spans = architecture.endswith("ForQuestionAnswering")
        # Two is what transformers takes where nothing is said.
        logits = len(config.get("id2label") or (0, 1))
        # Positions of RoBERTa's kin begin after that of padding, which is 1; BERT's padding is 0.
        padding = config.get("pad_token_id", 1)
        positions = config.get("max_position_embeddings") or MAX_TOKENS + 2
        window = min(MAX_TOKENS, positions - (2 if padding else 0))
        sha256 = files_sha256([folder / "config.json", *weights])
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _refused(name, f"cannot be read: {type(error).__name__}") from error
    if "auto_map" in config:
        raise _refused(name, "comes with code of its own, which is not run")
    if not architecture.endswith(("ForQuestionAnswering", "ForSequenceClassification")):
        raise _refused(name, "is neither a question-answering model nor a cross-encoder")
    if not spans and logits > 2:
        raise _refused(name, f"sorts texts into {logits} classes: a cross-encoder has one number or two")
    return _Files(name, folder, spans, window, padding or 0, sha256)


def _refused(name: str, reason: str) -> ModelNotFound:
    return ModelNotFound(f"the reader {name!r} {reason}; set QUOTEBOUND_READER to another, or to quotebound")


def coefficients_file(folder: Path, name: str) -> Path:
    """Return where in a folder lies what was fitted for a model."""
    return folder / f"{regex.sub('[^A-Za-z0-9.-]', '_', name)}.json"


def _coefficients(files: _Files, folder: Path) -> TwoStages:
    file = coefficients_file(folder, files.name)
    command = f"quotebound eval fit --reader {files.name} --data DIR"
    reason = "what was fitted is of other weights" if file.is_file() else "nothing was fitted for it"
    try:
        if file.is_file() and (fitted := TwoStages.load(file)).weights == files.sha256:
            return fitted
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(files.name, f"has a damaged {file.name}: `{command}` makes it anew") from error
    _log.warning("confidence is not calibrated", reader=files.name, reason=reason, way_out=command)
    return TwoStages.uncalibrated(files.sha256)


@dataclass(frozen=True, slots=True)
class _Input:
    """A pair, and its rows of token ids, mask and token types."""

    pair: Pair
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, encoding: Encoding) -> _Input:
        places = [place for place, text in enumerate(encoding.sequence_ids) if text == 1]
        spans = tuple(encoding.offsets[place] for place in places)
        rows = np.array([encoding.ids, encoding.attention_mask, encoding.type_ids])
        return cls(Pair(tuple(encoding.ids), places[0] if places else 0, spans), rows)


class _HubNetwork:
    """Implements `Network` with a model of others. A pair is one pass of a thread, as for our own."""

    def __init__(self, files: _Files, cache: Path) -> None:
        self._files = files
        self._folder = cache / f"{files.sha256[:32]}-reader-{FORMAT}"
        self._loading = threading.Lock()
        self._ready: tuple[Tokenizer, Lanes[_Input, Numbers]] | None = None

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        """Return what the network makes of each passage."""
        tokenizer, lanes = self._load()
        texts = [
            passage.text[span.start - passage.start : span.end - passage.start]
            for passage in passages
            for span in (Span(passage.start, passage.end), *(() if self._files.spans else passage.sentences))
        ]
        inputs = _inputs(self._files, tokenizer, question, texts)
        numbers = lanes.run(inputs, Urgency.READING, lambda given: given.rows.shape[1])
        if self._files.spans:
            return [_by_spans(*entry) for entry in zip(passages, inputs, numbers, strict=True)]
        logits = (float(entry[-1] - entry[0] if len(entry) > 1 else entry[0]) for entry in numbers)
        read = (ReadSentence(logit, logit, None) for logit in logits)
        # The passage comes before its sentences.
        return [ReadPassage(next(read).margin, tuple(islice(read, len(each.sentences)))) for each in passages]

    def _load(self) -> tuple[Tokenizer, Lanes[_Input, Numbers]]:
        with self._loading:
            if self._ready is None:
                tokenizer = _tokenizer(self._files)
                probes = [_inputs(self._files, tokenizer, question, [text])[0] for question, text in _PROBES]
                model = _loaded(self._folder, self._files, probes)
                self._ready = tokenizer, Lanes(lambda: _infer(model, self._files), processors())
            return self._ready


def _tokenizer(files: _Files) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(files.folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise _refused(files.name, "has a tokenizer.json that cannot be read") from error
    tokenizer.no_padding()
    # A text that says "[SEP]" says those words, and ends nothing.
    tokenizer.encode_special_tokens = True
    tokenizer.enable_truncation(files.window, strategy="only_second")
    return tokenizer


def _inputs(files: _Files, tokenizer: Tokenizer, question: str, texts: Sequence[str]) -> list[_Input]:
    # A pair's first text is not cut, but refused where it leaves no room: it is measured as a second.
    asked = _Input.of(tokenizer.encode("", question)).pair.spans[: files.window // 2]
    question = question[: asked[-1][1]] if len(asked) == files.window // 2 else question
    return [_Input.of(pair) for pair in tokenizer.encode_batch([(question, text) for text in texts])]


def _by_spans(passage: Passage, given: _Input, numbers: Numbers) -> ReadPassage:
    pair, base = given.pair, passage.start

    def read(sentence: ReadSentence) -> ReadSentence:
        span = sentence.span
        # A token may begin with the white space before it.
        inner = span and Span(span.start - base, span.end - base).stripped(passage.text)
        span = inner and Span(inner.start + base, inner.end + base)
        return replace(sentence, evidence=sentence.margin, span=span)

    # As our own network's numbers, of which it has the first two.
    found = read_passage(passage, pair, np.pad(numbers, ((0, 0), (0, 2))))
    places = pair.places(Span(0, len(passage.text)))
    best = best_span(numbers, places).margin if places else UNREAD
    return ReadPassage(best, tuple(map(read, found.sentences)))


def _loaded(folder: Path, files: _Files, probes: Sequence[_Input]) -> Any:
    """Return the model that was converted into a folder; convert it where there is none, or it is damaged."""
    try:
        kept = read_kept(folder)
        if kept is not None:
            return _compiled(kept[0], files, probes, kept[1]["numbers"])
    except (ModelNotFound, OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        _log.warning("compiled model not used", reason=type(error).__name__)
    return _converted(folder, files, probes)


def _converted(folder: Path, files: _Files, probes: Sequence[_Input]) -> Any:
    """Convert a model with torch, hold it to torch's numbers, and keep it in a folder: seconds."""
    import torch  # noqa: PLC0415 - it takes seconds

    try:
        network, taken = _on_torch(files)
        # Torch is given no padding: that it changes nothing is checked too.
        examples = [tuple(torch.from_numpy(probe.rows[:taken, np.newaxis])) for probe in probes]
        expected = [network(*example)[0].tolist() for example in examples]
        model = traced(network, examples[0])
        compiled = _compiled(model, files, probes, expected)
    except ModelNotFound:
        raise
    # Torch, transformers, safetensors and OpenVINO have no error in common, nor a list of theirs.
    except Exception as error:
        raise _refused(files.name, f"cannot be loaded: {type(error).__name__}") from error
    keep(folder, model, {"openvino": openvino().__version__, "numbers": expected})
    return compiled


def _compiled(model: Any, files: _Files, probes: Sequence[_Input], expected: Sequence[Any]) -> Any:
    """Return a model in the quickest precision in which it makes torch's numbers of the probes."""
    numbers = np.concatenate([np.asarray(entry, dtype=np.float32) for entry in expected])
    for precision in dict.fromkeys((native_precision(), Precision.F32)):
        compiled = on_processor(model, precision, processors())
        infer = _infer(compiled, files)
        off = np.abs(np.concatenate([infer(probe) for probe in probes]) - numbers).max()
        if off <= _TOLERANCE * np.abs(numbers).max():
            return compiled
    raise _refused(files.name, "makes other numbers once it is compiled than with torch")


def _infer(model: Any, files: _Files) -> Callable[[_Input], Numbers]:
    """Return a function from a pair to start and end of its tokens, of shape (tokens, 2), or its logits."""
    request = model.create_infer_request()

    def infer(given: _Input) -> Numbers:
        tokens = given.rows.shape[1]
        length = max(tokens, min(-(-tokens // _PADDED_TO) * _PADDED_TO, files.window))
        rows = np.zeros((3, 1, length), dtype=np.int64)
        rows[0] = files.padding
        rows[:, 0, :tokens] = given.rows
        output = request.infer(list(rows[: len(model.inputs)]), share_inputs=True, share_outputs=True)[0][0]
        # The output is the request's own memory, which the next pair overwrites.
        return np.array(output[:tokens] if files.spans else output, dtype=np.float32)

    return infer


def _on_torch(files: _Files) -> tuple[nn.Module, int]:
    """Return a module that makes a model's numbers, and how many of a pair's rows it takes."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification  # noqa: PLC0415

    kind = AutoModelForQuestionAnswering if files.spans else AutoModelForSequenceClassification
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    with deaf():
        model, told = kind.from_pretrained(files.folder, dtype="float32", output_loading_info=True, **safe)
    if told["missing_keys"]:  # transformers would go on with random numbers
        raise _refused(files.name, "lacks some of its weights")

    class Traceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> Tensor:
            more = {} if types is None else {"token_type_ids": types}
            found: tuple[Tensor, ...] = self.model(input_ids=ids, attention_mask=mask, **more)
            return torch.stack(found[:2], dim=-1) if files.spans else found[0]

    named = "token_type_ids" in inspect.signature(model.forward).parameters
    taken = 3 if named and getattr(model.config, "type_vocab_size", 0) > 1 else 2
    return Traceable().eval(), taken
