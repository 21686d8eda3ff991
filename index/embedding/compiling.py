"""From a sentence-transformers model to one that OpenVINO runs: done once a model, with torch, and checked.

The compiled model reads one text: token ids and attention mask of shape (1, tokens) in, token vectors of
shape (1, tokens, d) and the text's vector of shape (1, dimension) out. A text is padded to a length that
depends on it alone, so that its vector cannot depend on what it is embedded with.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numpy.typing import NDArray

from index.disk import make_durable
from index.embedding.embedder import Vectors, cosines
from index.embedding.model_files import ModelFiles
from index.embedding.probe_texts import calibration_texts, probes
from index.embedding.runtime import DEVICE, LEAST_COSINE, Precision, core, native_precision, openvino
from index.embedding.sentence_transformers import load_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

# Raise it with any change to what is compiled: what an earlier version left is not used.
FORMAT = 1
_MODEL_FILE = "model.xml"
_RECORD_FILE = "probes.json"
# For each length OpenVINO makes its kernels anew, 5 ms at the first text of it; a padded token costs 0.1 ms.
_PADDED_TO = 8
# So many, the shortest, are embedded each time a compiled model is loaded: milliseconds.
_CHECKED_AT_LOAD = 3

_log = structlog.get_logger(__name__)

# Token ids, and whether the vectors of tokens are wanted.
Task = tuple[Sequence[int], bool]
Outputs = tuple[Vectors, Vectors]
Infer = Callable[[Task], Outputs]


class NotCompilable(Exception):
    """A model cannot be compiled, or makes other vectors once it is."""


@dataclass(frozen=True, slots=True)
class _Record:
    """What lies beside a compiled model: the vectors that torch made of the probes."""

    openvino: str
    vectors: list[list[float]]


class Compiled:
    """A compiled model, loaded; `infer` gives a function for one thread."""

    def __init__(self, model: Any, precision: Precision, streams: int) -> None:
        # What int8 leaves as it is, the processor computes as it does best.
        hint = native_precision() if precision is Precision.INT8 else precision
        self._model = on_processor(model, hint, streams)
        self.precision = precision

    def infer(self) -> Infer:
        """Return a function from token ids to the text's vector, and before it token vectors if asked for.

        Token vectors have shape (tokens, d), those not asked for (0, d).
        """
        request = self._model.create_infer_request()

        def infer(task: Task) -> Outputs:
            ids, with_tokens = task
            outputs = request.infer(list(model_input(ids)), share_inputs=True, share_outputs=True)
            # The outputs are the request's own memory, which the next text overwrites. Vectors of tokens are
            # a hundred times as many: kept of every passage of an ingest they would be gigabytes.
            tokens = outputs[0][0, : len(ids) if with_tokens else 0]
            return tokens.astype(np.float32), outputs[1][0].astype(np.float32)

        return infer


def on_processor(model: Any, precision: Precision, streams: int) -> Any:
    """Return a model as OpenVINO runs it, in so many threads at once."""
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
    }
    return core().compile_model(model, DEVICE, options)


def model_input(ids: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and attention mask, padded to one of few lengths, each of shape (1, length)."""
    length = -(-len(ids) // _PADDED_TO) * _PADDED_TO
    padded = np.zeros((1, length), dtype=np.int64)
    mask = np.zeros((1, length), dtype=np.int64)
    padded[0, : len(ids)] = ids
    mask[0, : len(ids)] = 1
    return padded, mask


def load_compiled(folder: Path, files: ModelFiles, precision: Precision, streams: int) -> Compiled | None:
    """Return the compiled model in a folder, None where there is none, or it no longer makes torch's vectors.

    It might be damaged, or come from another machine: the shortest probes are embedded to see.
    """
    try:
        kept = read_kept(folder)
        if kept is None:
            return None
        model, record = kept[0], _Record(**kept[1])
        compiled = Compiled(model, precision, streams)
        texts = probes()
        checked = sorted(range(len(texts)), key=lambda place: len(texts[place]))[:_CHECKED_AT_LOAD]
        expected = np.array(record.vectors, dtype=np.float32)[checked]
        least = _least_cosine(compiled, files, [texts[place] for place in checked], expected)
    except (OSError, ValueError, TypeError, RuntimeError, KeyError, IndexError) as error:
        _log.warning("compiled model not used", reason=type(error).__name__)
        return None
    if not least >= LEAST_COSINE[precision]:
        _log.warning("compiled model not used", reason=f"it makes other vectors: cosine {least:.4f}")
        return None
    return compiled


def compile_model(folder: Path, files: ModelFiles, precision: Precision, streams: int) -> Compiled:
    """Compile a model, hold it to torch's vectors on all probes, and keep it in a folder.

    Takes some ten seconds, most of it to load torch, and half a minute with int8. Raise `NotCompilable`
    where it cannot be compiled to that precision, `ModelNotFound` where torch cannot load it either. A
    folder that cannot be written costs the next process the same time; it is logged.
    """
    transformer = load_model(files)
    expected = np.asarray(
        transformer.encode_document(list(probes()), show_progress_bar=False), dtype=np.float32
    )
    try:
        model = converted(transformer, files)
        if precision is Precision.INT8:
            # Imported here: only who asks for int8 needs it.
            from index.embedding.quantization import quantized  # noqa: PLC0415

            model = quantized(model, [files.input_ids(text) for text in calibration_texts()])
        compiled = Compiled(model, precision, streams)
        least = _least_cosine(compiled, files, probes(), expected)
    except (AttributeError, RuntimeError, TypeError, ValueError, KeyError, IndexError) as error:
        raise NotCompilable(f"{type(error).__name__}: {error}".splitlines()[0][:200]) from error
    if not least >= LEAST_COSINE[precision]:
        raise NotCompilable(
            f"as {precision.value} it makes other vectors than with torch: cosine {least:.4f}"
        )
    keep(folder, model, asdict(_Record(openvino().__version__, expected.tolist())))
    _log.info("model compiled", model=files.identity.name, precision=precision.value, least_cosine=least)
    return compiled


def converted(transformer: SentenceTransformer, files: ModelFiles) -> Any:
    """Return a model in OpenVINO's terms; raise what torch and OpenVINO raise where they cannot."""
    import torch  # noqa: PLC0415 - it takes seconds

    example = tuple(torch.from_numpy(array) for array in model_input(files.input_ids(probes()[0])))
    return traced(_traceable(transformer), example)


def traced(module: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """Return a torch module in OpenVINO's terms, its inputs of shape (1, tokens) for any number of tokens.

    Raise what torch and OpenVINO raise where they cannot. What was traced need not be right for another
    length than that of the example: compare.
    """
    import torch  # noqa: PLC0415

    with warnings.catch_warnings(), deaf(), torch.no_grad():
        # Tracing warns of everything that it takes for constant.
        warnings.simplefilter("ignore")
        model = openvino().convert_model(module, example_input=example)
    shape = openvino().PartialShape([1, -1])
    model.reshape(dict.fromkeys(model.inputs, shape))
    return model


def _traceable(transformer: SentenceTransformer) -> nn.Module:
    """Return a model as one from token ids and attention mask to token vectors and the text's vector."""
    import torch  # noqa: PLC0415

    class Traceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
            found = self.transformer({"input_ids": input_ids, "attention_mask": attention_mask})
            return found["token_embeddings"], found["sentence_embedding"]

    return Traceable().eval()


@contextmanager
def deaf() -> Iterator[None]:
    """Keep transformers from writing to standard error."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers is typed in part
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _least_cosine(compiled: Compiled, files: ModelFiles, texts: Sequence[str], expected: Vectors) -> float:
    infer = compiled.infer()
    prompt = files.identity.prompts["passage"]
    found = np.stack([infer((files.input_ids(prompt + text), False))[1] for text in texts])
    return float(cosines(found, expected).min())


def read_kept(folder: Path) -> tuple[Any, dict[str, Any]] | None:
    """Return the model that `keep` left in a folder, and its record.

    None where there is none, or another OpenVINO made it. What is damaged raises what OpenVINO and json do.
    """
    try:
        record = json.loads((folder / _RECORD_FILE).read_text(encoding="utf-8"))
        if record["openvino"] != openvino().__version__:
            return None
        return core().read_model(folder / _MODEL_FILE), record
    except FileNotFoundError:
        return None


def keep(folder: Path, model: Any, record: Mapping[str, object]) -> None:
    """Have the folder hold the model, whole or not at all: another process may look at any time.

    The record lies beside it, and says as `openvino` which made it. What cannot be written is logged.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            openvino().save_model(model, made / _MODEL_FILE, compress_to_fp16=False)
            (made / _RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
            make_durable(folder.parent)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        _log.warning("compiled model not kept", reason=reason)
