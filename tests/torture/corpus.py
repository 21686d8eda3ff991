"""Documents by the thousand, each passage with a word and a vector of its own, made without a model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from doubles import document

from index.embedding import EmbeddingSpace, Vectors
from index.sql.catalog import SqlCatalog
from index.store import CATALOG_FILE, Store
from index.types import Document, Passage, Span, content_id

DIMENSION = 384
PASSAGES = 20  # of a document
COMMON = "ledger"
SPACE = EmbeddingSpace("load", "0" * 64, DIMENSION, "none", {}, normalized=True, passages="one a line")
# Texts of the same words and lengths would all be as good an answer as each other.
_VOCABULARY = 5000


def line(serial: int) -> str:
    """Return the text of a passage: a word of its own among words of all sorts, some of them rare."""
    random = Random(serial)
    words = [f"w{int(random.paretovariate(0.7)) % _VOCABULARY}" for _ in range(random.randint(8, 40))]
    return f"The {COMMON} zq{serial} tells {' '.join(words)}."


@dataclass(slots=True)
class Shelf:
    """A document as it is known here: when it came, and when it went."""

    document: Document
    passages: list[Passage]
    first: int
    there: float | None = None  # since when it must be found
    leaving: float | None = None  # since when it need not be found
    gone: float | None = None  # since when it must not be found

    @classmethod
    def of(cls, source: str, serials: range) -> Shelf:
        """Return a document of a passage a line."""
        text = "\n".join(map(line, serials))
        made = document(text, source)
        passages = [
            Passage(
                id=content_id(made.id, str(place)),
                document_id=made.id,
                ordinal=place,
                start=block.start,
                end=block.end,
                text=text[block.start : block.end],
                heading=None,
                page=None,
                sentences=(Span(block.start, block.end),),
            )
            for place, block in enumerate(made.blocks)
        ]
        return cls(made, passages, serials.start)


class Corpus:
    """Documents whose passages are known by a number, which stands in the text and chooses the vector."""

    def __init__(self, capacity: int) -> None:
        made = np.random.default_rng(1).standard_normal((capacity, DIMENSION), dtype=np.float32)
        self.vectors: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
        # By the number of each passage.
        self.owners: list[Shelf] = []

    @property
    def full(self) -> bool:
        """Whether there are no vectors left for one more document."""
        return len(self.owners) + PASSAGES > len(self.vectors)

    def add(self, put: Callable[[Document, Sequence[Passage], Vectors], object], source: str = "") -> Shelf:
        """Store one more document, or a new version of one."""
        serials = range(len(self.owners), len(self.owners) + PASSAGES)
        shelf = Shelf.of(source or f"{serials.start}.txt", serials)
        # Known before it is stored: it may be found before this returns.
        self.owners += [shelf] * len(serials)
        put(shelf.document, shelf.passages, self.vectors[serials.start : serials.stop])
        shelf.there = time.monotonic()
        return shelf


def filled(folder: Path, corpus: Corpus, passages: int) -> Store:
    """Return a store of so many passages, made by way of its catalog, which is quick."""
    Store(folder, SPACE, writable=True).close()
    catalog = SqlCatalog(folder / CATALOG_FILE, writable=True)
    catalog.spaces.activate(SPACE)
    while len(corpus.owners) < passages:
        corpus.add(lambda document, found, made: catalog.put(document, found, made, SPACE.id))
    catalog.close()
    return Store(folder, SPACE, writable=True)
