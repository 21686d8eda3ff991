"""What a sentence and its passage have in common with a question: the signals that a reader weighs.

All are in [0, 1] or are cosines. Term weights come from the sentences being read: a term that none of
them has weighs most, which is what tells "right topic, absent fact" from an answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from index.chunking import indexed_text
from index.terms import analyze, query_terms, stem, words
from index.types import Hit, Span
from rag.reading.spans import Expected, candidates, expected_answer

SENTENCE_SIGNALS = (
    "sentence_cosine",  # question and sentence
    "passage_cosine",  # question and passage, as retrieval had it
    "sentence_coverage",  # share of the question's term weight that is in the sentence
    "passage_coverage",  # the same for the passage with its heading
    "type_match",  # the sentence has words of the kind asked for
    "type_miss",  # the question asks for a kind that the sentence has not
    "sentence_names",  # share of the question's names and numbers in the sentence
    "passage_names",  # the same for the passage
)

_NAME = regex.compile(r"(?<!\A)\b(?:\p{Lu}[\p{L}\p{M}’'-]+|\d[\d,.]*\d|\d)")


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


def candidate_sentences(hits: Sequence[Hit]) -> list[Candidate]:
    """Return every sentence of every hit, in order."""
    found = []
    for place, hit in enumerate(hits):
        passage = hit.passage
        for span in passage.sentences:
            text = passage.text[span.start - passage.start : span.end - passage.start]
            found.append(Candidate(place, span, text))
    return found


def sentence_signals(
    question: Question, hits: Sequence[Hit], sentences: Sequence[Candidate], cosines: Sequence[float]
) -> NDArray[np.float64]:
    """Return the signals of each sentence, of shape (sentences, len(SENTENCE_SIGNALS)).

    `cosines` are those of the question with each sentence.
    """
    in_sentence = [frozenset(analyze(sentence.text, "en")) for sentence in sentences]
    in_passage = [frozenset(analyze(indexed_text(hit.passage), "en")) for hit in hits]
    weights = _weights(question.terms, in_sentence)
    total = sum(weights.values()) or 1.0
    rows = []
    for sentence, present, cosine in zip(sentences, in_sentence, cosines, strict=True):
        passage = in_passage[sentence.hit]
        typed = question.expected is not Expected.OTHER
        matches = typed and bool(candidates(sentence.text, question.expected, question.terms))
        rows.append(
            (
                cosine,
                hits[sentence.hit].why.dense_score or 0.0,
                sum(weights[term] for term in weights if term in present) / total,
                sum(weights[term] for term in weights if term in passage) / total,
                float(matches),
                float(typed and not matches),
                _share(question.names, present),
                _share(question.names, passage),
            )
        )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SENTENCE_SIGNALS))


def _weights(terms: Sequence[str], sentences: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return each term's inverse document frequency over the sentences, as BM25 has it."""
    holding = {term: sum(term in sentence for sentence in sentences) for term in terms}
    return {
        term: math.log(1 + (len(sentences) - holding[term] + 0.5) / (holding[term] + 0.5)) for term in terms
    }


def _share(names: frozenset[str], present: frozenset[str]) -> float:
    return sum(name in present for name in names) / len(names) if names else 1.0
