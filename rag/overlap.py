"""What a question and passages have in common by their words, sentence by sentence.

Words weigh by their inverse document frequency over the sentences being compared: a word that none of
them has weighs most, which is what tells "right topic, absent fact" from an answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import regex

from index.chunking import indexed_text
from index.terms import query_terms, stem, words
from index.types import Passage, Span

# Words of one family that a stemmer keeps apart, "justification" and "justified", share a beginning:
# this many letters, and this much of the longer one. They count for this much of a match.
_FAMILY_LETTERS = 4
_FAMILY_SHARE = 0.6
_FAMILY_MATCH = 0.8

_NAME = regex.compile(r"(?<!\A)\b(?:\p{Lu}[\p{L}\p{M}’'-]+|\d[\d,.]*\d|\d)")

Terms = frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, analysed once for all sentences: its index terms, and those of its names and numbers."""

    text: str
    terms: tuple[str, ...]
    names: Terms

    @classmethod
    def analysed(cls, text: str) -> Question:
        """Return the terms and names of a question."""
        names = [word for match in _NAME.finditer(text) for word in words(match.group())]
        return cls(text, tuple(query_terms(text, "en")), frozenset(stem(names, "en")))


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which terms stand in each passage and in each of its sentences, and how much those asked for weigh.

    `in_sentence` is of all sentences of all passages (`Passage.sentences`), in order.
    """

    in_sentence: list[Terms]
    in_passage: list[Terms]
    weights: Mapping[str, float]
    families: Mapping[str, Terms]

    @classmethod
    def of(cls, question: Question, passages: Sequence[Passage]) -> Overlap:
        """Return what passages and their sentences have of a question's words."""
        in_sentence: list[Terms] = []
        in_passage = []
        for passage in passages:
            *sentences, rest = _terms(passage)
            in_sentence += sentences
            in_passage.append(rest.union(*sentences))
        weights = inverse_frequencies(question.terms, in_sentence)
        families = _families(weights, frozenset().union(*in_passage))
        return cls(in_sentence, in_passage, weights, families)

    def coverage(self, present: Terms) -> float:
        """Return which share of the question's words, by weight, is present."""
        total = sum(self.weights.values())
        if not total:
            return 0.0
        found = 0.0
        for term, weight in self.weights.items():
            if term in present:
                found += weight
            elif not self.families[term].isdisjoint(present):
                found += weight * _FAMILY_MATCH
        return found / total


def share(names: Terms, present: Terms) -> float:
    """Return which share of some names is present, 1 where there are none."""
    return sum(name in present for name in names) / len(names) if names else 1.0


def inverse_frequencies(terms: Iterable[str], sentences: Sequence[Terms]) -> dict[str, float]:
    """Return each term's inverse document frequency over sentences, as BM25 has it."""
    holding = {term: sum(term in sentence for sentence in sentences) for term in terms}
    return {
        term: math.log(1 + (len(sentences) - count + 0.5) / (count + 0.5)) for term, count in holding.items()
    }


def _terms(passage: Passage) -> Iterator[Terms]:
    """Yield the terms of each sentence, and at last those of what is no sentence and of the heading."""
    # A call of the stemmer costs as much as some fifty words.
    found = [words(text) for text in _texts(passage)]
    stems = iter(stem([word for part in found for word in part], "en"))
    for part in found:
        yield frozenset(islice(stems, len(part)))


def _texts(passage: Passage) -> Iterator[str]:
    whole = indexed_text(passage)
    # The heading stands before the text.
    ahead = len(whole) - len(passage.text)
    sentences = [
        Span(span.start - passage.start + ahead, span.end - passage.start + ahead)
        for span in passage.sentences
    ]
    for span in sentences:
        yield whole[span.start : span.end]
    bounds = [0, *(place for span in sentences for place in (span.start, span.end)), len(whole)]
    yield " ".join(whole[start:end] for start, end in list(pairwise(bounds))[::2])


def _families(terms: Iterable[str], vocabulary: Iterable[str]) -> dict[str, Terms]:
    """Return for each term the words that are taken for its relatives by their beginning."""
    by_beginning: dict[str, list[str]] = {}
    wanted = {term[:_FAMILY_LETTERS] for term in terms if len(term) >= _FAMILY_LETTERS}
    for word in vocabulary:
        if (beginning := word[:_FAMILY_LETTERS]) in wanted:
            by_beginning.setdefault(beginning, []).append(word)
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
