"""What a sentence and its passage have in common with a question: the signals that a reader weighs.

All are cosines or shares. Words weigh by their inverse document frequency over the sentences being
read: a word that none of them has weighs most, which is what tells "right topic, absent fact" from an
answer. How near a word is to a sentence by meaning is late interaction (Khattab and Zaharia, "ColBERT",
SIGIR 2020): the greatest cosine between its vector in the question and a token's in the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import regex
from numpy.typing import NDArray

from index.chunking import indexed_text
from index.embedding import TokenVectors, Vectors
from index.terms import STOP_WORDS, analyze, query_terms, stem, words
from index.types import Hit, Span
from rag.reading.spans import Expected, candidates, expected_answer

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

# Words of one family that a stemmer keeps apart, "justification" and "justified", share a beginning:
# this many letters, and this much of the longer one. They count for this much of a match.
_FAMILY_LETTERS = 4
_FAMILY_SHARE = 0.6
_FAMILY_MATCH = 0.8

_NAME = regex.compile(r"(?<!\A)\b(?:\p{Lu}[\p{L}\p{M}’'-]+|\d[\d,.]*\d|\d)")
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}'’.-]*[\p{L}\p{N}\p{M}]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a hit; `hit` is the hit's place, `span` the sentence in document offsets."""

    hit: int
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, analysed once for all sentences."""

    text: str
    terms: tuple[str, ...]
    names: frozenset[str]
    expected: Expected

    @classmethod
    def analysed(cls, text: str) -> Question:
        """Return the terms, names and expected answer of a question."""
        names = [word for match in _NAME.finditer(text) for word in words(match.group())]
        return cls(text, tuple(query_terms(text, "en")), frozenset(stem(names, "en")), expected_answer(text))


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


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which terms stand in each sentence and passage that is read, and how much those asked for weigh."""

    in_sentence: list[frozenset[str]]
    in_passage: list[frozenset[str]]
    weights: Mapping[str, float]
    families: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, question: Question, hits: Sequence[Hit], sentences: Sequence[Candidate]) -> Overlap:
        """Return what the sentences and passages have of a question's words."""
        in_sentence = [frozenset(analyze(sentence.text, "en")) for sentence in sentences]
        in_passage = [frozenset(analyze(indexed_text(hit.passage), "en")) for hit in hits]
        weights = _weights(question.terms, in_sentence)
        families = _families(weights, frozenset().union(*in_sentence, *in_passage))
        return cls(in_sentence, in_passage, weights, families)


def lexical_signals(
    question: Question, hits: Sequence[Hit], sentences: Sequence[Candidate], overlap: Overlap
) -> dict[str, list[float]]:
    """Return those signals of each sentence, by name, that need no model but what retrieval had."""
    typed = question.expected is not Expected.OTHER
    matches = [
        typed and bool(candidates(sentence.text, question.expected, question.terms)) for sentence in sentences
    ]
    covered, named = (
        [share(passage) for passage in overlap.in_passage]
        for share in (partial(_coverage, overlap.weights, overlap.families), partial(_share, question.names))
    )
    return {
        "passage_cosine": [hits[sentence.hit].why.dense_score or 0.0 for sentence in sentences],
        "sentence_coverage": [
            _coverage(overlap.weights, overlap.families, present) for present in overlap.in_sentence
        ],
        "passage_coverage": [covered[sentence.hit] for sentence in sentences],
        "type_match": [float(match) for match in matches],
        "type_miss": [float(typed and not match) for match in matches],
        "sentence_names": [_share(question.names, present) for present in overlap.in_sentence],
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


def _weights(terms: Iterable[str], sentences: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return each term's inverse document frequency over the sentences, as BM25 has it."""
    holding = {term: sum(term in sentence for sentence in sentences) for term in terms}
    return {
        term: math.log(1 + (len(sentences) - count + 0.5) / (count + 0.5)) for term, count in holding.items()
    }


def _families(terms: Iterable[str], vocabulary: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return for each term the words that are taken for its relatives by their beginning."""
    by_beginning: dict[str, list[str]] = {}
    for word in vocabulary:
        by_beginning.setdefault(word[:_FAMILY_LETTERS], []).append(word)
    families = {}
    for term in terms:
        alike = by_beginning.get(term[:_FAMILY_LETTERS], []) if len(term) >= _FAMILY_LETTERS else []
        families[term] = frozenset(
            word
            for word in alike
            if _shared_beginning(term, word) >= _FAMILY_SHARE * max(len(term), len(word))
        )
    return families


def _shared_beginning(first: str, second: str) -> int:
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length


def _coverage(
    weights: Mapping[str, float], families: Mapping[str, frozenset[str]], present: frozenset[str]
) -> float:
    total = sum(weights.values())
    if not total:
        return 0.0
    found = 0.0
    for term, weight in weights.items():
        if term in present:
            found += weight
        elif not families[term].isdisjoint(present):
            found += weight * _FAMILY_MATCH
    return found / total


def _word_weights(content: ContentWords, sentences: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    weights = _weights({term for stems in content.stems for term in stems}, sentences)
    of_words = np.array([max((weights[term] for term in stems), default=0.0) for stems in content.stems])
    total = of_words.sum()
    return of_words / total if total else of_words


def _token_similarity(content: ContentWords, weights: NDArray[np.float64], sentence: TokenVectors) -> float:
    if not len(content.vectors) or not len(sentence.vectors):
        return 0.0
    return float(weights @ (content.vectors @ sentence.vectors.T).max(axis=1))


def _share(names: frozenset[str], present: frozenset[str]) -> float:
    return sum(name in present for name in names) / len(names) if names else 1.0
