"""What a sentence and its passage have in common with a question: the signals that a reader weighs.

All are cosines or shares; `rag.overlap` has what words tell. How near a word is to a sentence by meaning is
late interaction (Khattab and Zaharia, "ColBERT", SIGIR 2020): the greatest cosine between its vector in the
question and a token's in the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from index.embedding import TokenVectors, Vectors
from index.terms import STOP_WORDS, stem, words
from index.types import Hit, Span
from rag.overlap import Overlap, Question, Terms, inverse_frequencies, share
from rag.reading.spans import Expected, expected_answer, has_candidate

SENTENCE_SIGNALS = (
    "sentence_cosine",  # question and sentence
    "passage_cosine",  # question and passage, as retrieval had it
    "sentence_coverage",  # share of the question's words, by weight, that the sentence has
    "passage_coverage",  # the same for the passage with its heading
    "token_similarity",  # how near the question's words are to the sentence, by weight
    "type_match",  # the sentence has words of the kind asked for
    "type_miss",  # the question asks for a kind that the sentence has not
    "sentence_names",  # share of the question's names and numbers in the sentence
    "passage_names",  # the same for the passage
)

_WORD = regex.compile(r"[\p{L}\p{N}\p{M}'’.-]*[\p{L}\p{N}\p{M}]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a hit; `hit` is the hit's place, `span` the sentence in document offsets."""

    hit: int
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class ContentWords:
    """The words of a question that carry meaning: the stems of each, and its vector in context."""

    stems: tuple[tuple[str, ...], ...]
    vectors: Vectors


def content_words(question: str, tokens: TokenVectors) -> ContentWords:
    """Return a question's content words, or all of its words where it has no others."""
    every = [(match.start(), match.end()) for match in _WORD.finditer(question)]
    folded = {span: words(question[span[0] : span[1]]) for span in every}
    content = [span for span in every if any(word not in STOP_WORDS for word in folded[span])] or every
    stems, vectors = [], []
    for start, end in content:
        rows = [place for place, span in enumerate(tokens.spans) if start <= span.start < end]
        if rows:
            mean = tokens.vectors[rows].mean(axis=0)
            stems.append(tuple(stem(folded[start, end], "en")))
            vectors.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
    width = tokens.vectors.shape[1]
    return ContentWords(tuple(stems), np.array(vectors, dtype=np.float32).reshape(len(vectors), width))


def candidate_sentences(hits: Sequence[Hit]) -> list[Candidate]:
    """Return every sentence of every hit, in order."""
    found = []
    for place, hit in enumerate(hits):
        passage = hit.passage
        for span in passage.sentences:
            text = passage.text[span.start - passage.start : span.end - passage.start]
            found.append(Candidate(place, span, text))
    return found


def lexical_signals(
    question: Question, hits: Sequence[Hit], sentences: Sequence[Candidate], overlap: Overlap
) -> dict[str, list[float]]:
    """Return those signals of each sentence, by name, that need no model but what retrieval had."""
    expected = expected_answer(question.text)
    typed = expected is not Expected.OTHER
    matches = [typed and has_candidate(sentence.text, expected, question.terms) for sentence in sentences]
    covered = [overlap.coverage(present) for present in overlap.in_passage]
    named = [share(question.names, present) for present in overlap.in_passage]
    return {
        "passage_cosine": [hits[sentence.hit].why.dense_score or 0.0 for sentence in sentences],
        "sentence_coverage": [overlap.coverage(present) for present in overlap.in_sentence],
        "passage_coverage": [covered[sentence.hit] for sentence in sentences],
        "type_match": [float(match) for match in matches],
        "type_miss": [float(typed and not match) for match in matches],
        "sentence_names": [share(question.names, present) for present in overlap.in_sentence],
        "passage_names": [named[sentence.hit] for sentence in sentences],
    }


def token_similarities(
    content: ContentWords, overlap: Overlap, tokens: Sequence[TokenVectors]
) -> list[float]:
    """Return for each sentence how near the question's words are to it, by their weight."""
    word_weights = _word_weights(content, overlap.in_sentence)
    return [_token_similarity(content, word_weights, vectors) for vectors in tokens]


def as_rows(signals: Mapping[str, Sequence[float]], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the signals of some names as columns, a row for each sentence."""
    return np.array([signals[name] for name in names], dtype=np.float64).T


def _word_weights(content: ContentWords, sentences: Sequence[Terms]) -> NDArray[np.float64]:
    weights = inverse_frequencies({term for stems in content.stems for term in stems}, sentences)
    of_words = np.array([max((weights[term] for term in stems), default=0.0) for stems in content.stems])
    total = of_words.sum()
    return of_words / total if total else of_words


def _token_similarity(content: ContentWords, weights: NDArray[np.float64], sentence: TokenVectors) -> float:
    if not len(content.vectors) or not len(sentence.vectors):
        return 0.0
    return float(weights @ (content.vectors @ sentence.vectors.T).max(axis=1))
