"""Deterministic, offline stand-ins for the slow seams, each under the contract of its protocol."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from index.embedding import ModelIdentity, TokenVectors, Vectors
from index.terms import analyze, query_terms
from index.types import Block, BlockKind, Document, Passage, Span, content_id, text_sha256
from rag.reading.network import ReadPassage, ReadSentence

_WORD = re.compile(r"\w+|[^\w\s]")


class WordWindow:
    """A `TokenWindow` in which words and punctuation marks are tokens."""

    def __init__(self, limit: int = 254) -> None:
        self._limit = limit

    @property
    def limit(self) -> int:
        return self._limit

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [len(self.spans(text)) for text in texts]

    def spans(self, text: str) -> list[Span]:
        return [Span(match.start(), match.end()) for match in _WORD.finditer(text)]


class HashingEmbedder:
    """An `Embedder` by hashed bags of stems: texts that share words are near, and nothing is loaded."""

    def __init__(self, dimension: int = 64, name: str = "hashing", limit: int = 254) -> None:
        self._identity = ModelIdentity(
            name=name,
            weights=hashlib.sha256(f"{name}{dimension}".encode()).hexdigest(),
            dimension=dimension,
            pooling="sum",
            prompts={"query": "", "passage": ""},
            normalized=True,
        )
        self._window = WordWindow(limit)
        self.embedded: list[str] = []

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    @property
    def window(self) -> WordWindow:
        return self._window

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return np.array([self._vector(text) for text in texts], dtype=np.float32).reshape(
            len(texts), self._identity.dimension
        )

    def embed_query(self, text: str) -> Vectors:
        return self._vector(text)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        found = []
        for text in texts:
            spans = tuple(self._window.spans(text))
            rows = [self._vector(text[span.start : span.end]) for span in spans]
            vectors = np.array(rows, dtype=np.float32).reshape(len(spans), self._identity.dimension)
            found.append(TokenVectors(spans, vectors, self._vector(text)))
        return found

    def _vector(self, text: str) -> Vectors:
        vector = np.full(self._identity.dimension, 1e-3, dtype=np.float64)
        for term in analyze(text, "en"):
            digest = hashlib.sha256(term.encode()).digest()
            vector[int.from_bytes(digest[:4]) % len(vector)] += 1.0 if digest[4] % 2 else -1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def document(text: str, source: str = "notes.txt", *, blocks: Sequence[Block] | None = None) -> Document:
    """Return a document whose lines are its paragraphs, unless blocks are given."""
    if blocks is None:
        blocks = [
            Block(BlockKind.PARAGRAPH, match.start(), match.end()) for match in re.finditer(r"\S[^\n]*", text)
        ]
    digest = text_sha256(text)
    return Document(
        id=content_id(source, digest),
        source=source,
        origin=f"upload:{source}",
        title=source,
        text=text,
        sha256=digest,
        content_sha256=digest,
        media_type="text/plain",
        blocks=tuple(blocks),
    )


class OverlapNetwork:
    """A `Network` by shared words: a sentence is evidence as far as it has those of the question."""

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    def read(self, question: str, passages: Sequence[Passage]) -> list[ReadPassage]:
        self.read_texts += [passage.text for passage in passages]
        return [self._passage(set(query_terms(question, "en")), passage) for passage in passages]

    def _passage(self, asked: set[str], passage: Passage) -> ReadPassage:
        sentences = []
        for span in passage.sentences:
            text = passage.text[span.start - passage.start : span.end - passage.start]
            evidence = 6 * len(asked & set(analyze(text, "en"))) / max(1, len(asked)) - 3
            words = [
                Span(span.start + match.start(), span.start + match.end()) for match in _WORD.finditer(text)
            ]
            sentences.append(ReadSentence(evidence, evidence, words[-2] if len(words) > 1 else None))
        return ReadPassage(max((found.evidence for found in sentences), default=-3.0), tuple(sentences))
