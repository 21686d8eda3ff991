"""Reading by likeness: sentences near the question in meaning and in words, weighed by fitted coefficients.

Two linear functions of the same signals (`features.SENTENCE_SIGNALS`). One ranks the sentences of a
question against each other, fitted as a conditional logit (McFadden, 1974); the other says how
probable it is that the best one answers, fitted as a logistic regression on answerable and
unanswerable questions. `quotebound eval fit` fits both and writes `similarity.json` beside this file.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.catalog import embedding_key
from index.embedding import Embedder, TokenVectors
from index.types import Hit, Span
from index.vectors import normalized
from rag.reading.combination import Coefficients
from rag.reading.features import (
    SENTENCE_SIGNALS,
    Candidate,
    Overlap,
    Question,
    as_rows,
    candidate_sentences,
    content_words,
    lexical_signals,
    token_similarities,
)
from rag.reading.spans import answer_span
from rag.types import Evidence, Reading

COEFFICIENTS_FILE = Path(__file__).with_name("similarity.json")
# A sentence's token vectors take some 40 kB.
_CACHED_SENTENCES = 1000
_TYPE_MATCH = SENTENCE_SIGNALS.index("type_match")


class SimilarityReader:
    """Implements `Reader` with the embedding model alone."""

    def __init__(
        self,
        embedder: Embedder,
        coefficients: Coefficients | None = None,
        *,
        cached_sentences: int = _CACHED_SENTENCES,
    ) -> None:
        self._embedder = embedder
        self._coefficients = coefficients or Coefficients.load(COEFFICIENTS_FILE, SENTENCE_SIGNALS)
        self._tokens = TokenCache(embedder, cached_sentences)

    @property
    def threshold(self) -> float:
        """The least `Reading.answerable` at which to answer, as it was fitted."""
        return self._coefficients.threshold

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return the sentences of the hits, the most relevant first."""
        asked = Question.analysed(question)
        sentences, signals = self.signals(asked, hits)
        if not sentences:
            return Reading((), 0.0)
        relevance = self._coefficients.relevance.probability(signals)
        order = np.argsort(-relevance, kind="stable")
        answerable = float(self._coefficients.answerable.probability(signals[order[:1]])[0])
        evidence = tuple(
            Evidence(
                hit=sentences[place].hit,
                span=sentences[place].span,
                # Without words of the kind asked for, which the signals tell, there is nothing to find.
                answer=_answer(sentences[place], asked) if signals[place, _TYPE_MATCH] else None,
                score=float(relevance[place]),
                signals=dict(zip(SENTENCE_SIGNALS, map(float, signals[place]), strict=True)),
            )
            for place in order
        )
        return Reading(evidence, answerable)

    def signals(self, question: Question, hits: Sequence[Hit]) -> tuple[list[Candidate], NDArray[np.float64]]:
        """Return every sentence of the hits with its signals, one row each."""
        sentences = candidate_sentences(hits)
        if not sentences:
            return [], np.empty((0, len(SENTENCE_SIGNALS)))
        # One pass of the model for the question's words and for all sentences not read lately.
        asked, *tokens = self._tokens.of([question.text, *(sentence.text for sentence in sentences)])
        dimension = self._embedder.identity.dimension
        query = normalized(self._embedder.embed_query(question.text)[np.newaxis], dimension)[0]
        cosines = normalized(np.stack([sentence.pooled for sentence in tokens]), dimension) @ query
        overlap = Overlap.of(question, hits, sentences)
        found = lexical_signals(question, hits, sentences, overlap)
        found["sentence_cosine"] = cosines.tolist()
        found["token_similarity"] = token_similarities(content_words(question.text, asked), overlap, tokens)
        return sentences, as_rows(found, SENTENCE_SIGNALS)


def _answer(sentence: Candidate, question: Question) -> Span | None:
    found = answer_span(sentence.text, question.expected, question.terms)
    if found is None:
        return None
    return Span(sentence.span.start + found.start, sentence.span.start + found.end)


class TokenCache:
    """The vectors of sentences read lately, by a digest of their text: it keeps no text of a document."""

    def __init__(self, embedder: Embedder, size: int) -> None:
        self._embedder = embedder
        self._size = size
        self._known: OrderedDict[bytes, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the vectors of each text's tokens, of those not read lately from the model."""
        keys = [embedding_key(text) for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        found.update(zip(missing, self._embedder.embed_tokens(list(missing.values())), strict=True))
        with self._lock:
            for key in keys:
                self._known[key] = found[key]
                self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return [found[key] for key in keys]
