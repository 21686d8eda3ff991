"""How many words of a text were found again, in their order."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from eval.metrics import PrecisionRecall, precision_recall

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, as they are written, ligatures taken apart."""
    return _WORD.findall(unicodedata.normalize("NFKC", text))


def common_words(found: Sequence[str], expected: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two sequences of words.

    One row of the table of that recurrence is kept as the bits of a number, of which 0 means that the
    length grows there: with M[w] the places of the word w in `expected`, each word of `found` takes
    V to (V + (V & M[w])) | (V & ~M[w]) (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
    """
    places: dict[str, int] = defaultdict(int)
    for position, word in enumerate(expected):
        places[word] |= 1 << position
    every = (1 << len(expected)) - 1
    row = every
    for word in found:
        matches = row & places[word]
        row = ((row + matches) | (row - matches)) & every
    return len(expected) - row.bit_count()


def word_score(found: str, expected: str) -> PrecisionRecall:
    """Return the share of found words that are right, and of expected words that were found.

    A word is right that is in the longest common subsequence L of both texts' words, so that order
    counts: precision = L / found, recall = L / expected, F1 = 2 L / (found + expected).
    """
    mine, theirs = words_of(found), words_of(expected)
    return precision_recall(common_words(mine, theirs), len(mine), len(theirs))


def unordered_word_score(found: str, expected: str) -> PrecisionRecall:
    """Return the same where a word is right that stands in both texts, each as often as in both: no order."""
    mine, theirs = Counter(words_of(found)), Counter(words_of(expected))
    return precision_recall((mine & theirs).total(), mine.total(), theirs.total())


def letters(text: str) -> str:
    """Return the letters and digits of a text alone, in lower case."""
    return "".join(words_of(text)).lower()
