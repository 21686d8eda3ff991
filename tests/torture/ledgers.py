"""Documents of a home whose process is killed, and what it may hold after each change, broken off or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from doubles import HashingEmbedder

from index.chunking import Chunker
from index.embedding import Embedder
from index.errors import ModelNotFound
from index.jobs import JobKind
from index.loading import load_bytes
from index.sources import upload_origin
from index.store import Store
from index.types import Document, text_sha256
from rag.settings import Settings
from rag.wiring import Application

# In every passage, so that one search by words lists what is searchable.
COMMON = "ledger"
# Few documents, so that the same ones change again and again.
NAMES = 60
MODELS = ("hashing", "other")
CHUNK_TOKENS = 16
_MAX_BYTES = 2**24
_SERIAL = re.compile(r"zq\w+?s(\d+)p")

# Where a document came from in time: its name and which of all texts ever written it has.
Version = tuple[str, int]


def source_of(number: int) -> str:
    """Return the name of a document."""
    return f"ledger-{number}.txt"


def text_of(source: str, serial: int) -> str:
    """Return a text of one to six passages, each with a word that no other text has."""
    number = "".join(filter(str.isdigit, source))
    return "\n".join(
        f"The {COMMON} zq{number}s{serial}p{place} tells how the river rose behind the dam in {1900 + place}."
        for place in range(1 + serial % 6)
    )


def spans_of(text: str) -> list[tuple[int, int]]:
    """Return where the passages of a text stand: each of its lines is one."""
    return [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)]


def own_words(text: str) -> list[str]:
    """Return the words of a text by which its passages, and no others, are found."""
    return re.findall(r"zq\w+", text)


def document_of(source: str, serial: int) -> Document:
    """Return a document as an upload of its text is stored."""
    data = text_of(source, serial).encode()
    return load_bytes(data, source, origin=upload_origin(source), max_bytes=_MAX_BYTES)


def embedder_of(model: str) -> HashingEmbedder:
    """Return one of the two models that there are; they differ in dimension."""
    if model not in MODELS:
        raise ModelNotFound(f"there is no model {model!r}")
    return HashingEmbedder(64 if model == MODELS[0] else 32, model)


def chunker_of(embedder: Embedder) -> Chunker:
    """Return what cuts the documents of a home."""
    return Chunker(embedder.window, CHUNK_TOKENS)


def opened(home: Path, *, writable: bool) -> Application:
    """Return a home as the service or, to read it only, as `quotebound ask` opens it."""
    # A network would be loaded anew after each kill, and few questions be asked before the next one.
    settings = Settings(home=home, chunk_tokens=CHUNK_TOKENS, threshold=0.0, reader="similarity")
    return Application(settings, writable=writable, embedder=embedder_of(MODELS[0]), embedders=embedder_of)


class Kind(StrEnum):
    """A change of a home, or of its jobs."""

    PUT = "put"
    DELETE = "delete"
    ACCEPT = "accept"  # of an upload, which is then a job
    STORE = "store"  # what was accepted
    PLAN = "plan"  # a reindex, which is then a job
    REINDEX = "reindex"
    DROP = "drop"  # the spaces that do not serve


@dataclass(frozen=True, slots=True)
class State:
    """What a home holds; `uploads` wait to be stored, `planned` is the model that a reindex is to go to."""

    documents: frozenset[Version] = frozenset()
    uploads: frozenset[Version] = frozenset()
    planned: str | None = None
    model: str = MODELS[0]

    @classmethod
    def of(cls, store: Store, known: Mapping[str, Version]) -> Self:
        """Return the state of a store, going by the catalog; `known` are versions by their texts' hash."""
        documents = {
            known.get(info.sha256) or (info.source, serial_of(store.catalog.text(info.id)))
            for info in store.catalog.documents()
        }
        uploads, planned = set(), None
        for job in store.catalog.jobs.unfinished():
            if job.kind is JobKind.UPLOAD:
                uploads.add((str(job.request["name"]), serial_of(store.catalog.jobs.data(job.id).decode())))
            else:
                planned = str(job.request["model"])
        return cls(frozenset(documents), frozenset(uploads), planned, store.space.name)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return a state that came through a pipe."""
        documents, uploads = (frozenset(map(tuple, values[name])) for name in ("documents", "uploads"))
        return cls(documents, uploads, values["planned"], values["model"])

    @property
    def versions(self) -> dict[str, Version]:
        """All versions by the hash of their text."""
        return {text_sha256(text_of(*version)): version for version in self.documents | self.uploads}

    def values(self) -> dict[str, Any]:
        """Return the state in values of JSON."""
        return asdict(self) | {"documents": sorted(self.documents), "uploads": sorted(self.uploads)}

    def without(self, source: str) -> Self:
        """Return the state without a document."""
        return replace(self, documents=frozenset(kept for kept in self.documents if kept[0] != source))

    def holding(self, version: Version) -> Self:
        """Return the state with a document in place of the one of its name."""
        return replace(self, documents=self.without(version[0]).documents | {version})

    def __str__(self) -> str:
        pending = f", pending {sorted(self.uploads)}" if self.uploads else ""
        planned = f", reindex to {self.planned}" if self.planned else ""
        return f"{self.model}: {sorted(self.documents)}{pending}{planned}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that is done; `source` and `serial` are of its document, `model` of its reindex."""

    kind: Kind
    source: str = ""
    serial: int = 0
    model: str = ""

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Return an operation that came through a pipe."""
        return cls(**values | {"kind": Kind(values["kind"])})

    def path(self, state: State) -> list[State]:
        """Return the states that a home goes through, from the one before to the one that is acknowledged."""
        version = (self.source, self.serial)
        match self.kind:
            case Kind.PUT:
                after = [state.holding(version)]
            case Kind.DELETE:
                after = [state.without(self.source)]
            case Kind.ACCEPT:
                after = [replace(state, uploads=state.uploads | {version})]
            case Kind.STORE:
                stored = state.holding(version)
                after = [stored, replace(stored, uploads=state.uploads - {version})]
            case Kind.PLAN:
                after = [replace(state, planned=self.model)]
            case Kind.REINDEX:
                served = replace(state, model=self.model)
                after = [served, replace(served, planned=None)]
            case Kind.DROP:
                after = []
        return [state, *after]


def serial_of(text: str) -> int:
    """Return which of all texts this is."""
    found = _SERIAL.search(text)
    return int(found[1]) if found is not None else -1
