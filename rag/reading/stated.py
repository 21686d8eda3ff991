"""What a text states, as far as its words tell: its words, names and numbers, and what it denies.

Compared are two texts, a written sentence and the words quoted for it: what the one has and the other
lacks, and where they contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from index.numbers import numbers
from index.terms import STOP_WORDS, stem, words
from rag.reading.opposites import OPPOSITES, PREFIXES

# A negation is taken to deny the words of meaning among so many that follow it.
_DENIED_WORDS = 4
# What is missing past the third changes nothing.
_MOST_MISSING = 3

_CLAUSE_END = regex.compile(r"[.;!?](?=\s)")
_OPENING = " \t\n\"'“‘«(["
_NEGATIONS = frozenset("not no never none nobody nothing neither nor without cannot".split())
_NAME = regex.compile(r"\b(?:\p{Lu}\.){2,}|\b\p{Lu}[\p{L}\p{M}’'-]*[\p{L}\p{M}]")


@dataclass(frozen=True, slots=True)
class Stated:
    """A text by its words.

    `stems` are those of all its words, `plain` its words of meaning as they are, `names` the stems of its
    names. `numbers` are in digits, also those written out ("twenty-four" is "24"). `denied` are the stems of
    the words of meaning that follow a negation, `affirmed` those of all others.
    """

    stems: frozenset[str]
    plain: frozenset[str]
    names: frozenset[str]
    numbers: frozenset[str]
    denied: frozenset[str]
    affirmed: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Stated:
        """Return what the words of a text state."""
        folded: list[str] = []
        denied: list[str] = []
        affirmed: list[str] = []
        for clause in _CLAUSE_END.split(text):
            scope = 0
            said = words(clause)
            folded += said
            for word in said:
                if _negates(word):
                    scope = _DENIED_WORDS
                elif word not in STOP_WORDS:
                    (denied if scope else affirmed).append(word)
                    scope = max(0, scope - 1)
        return cls(
            stems=frozenset(stem(folded, "en")),
            plain=frozenset(denied + affirmed),
            names=_names(text),
            numbers=numbers(text),
            denied=frozenset(stem(denied, "en")),
            affirmed=frozenset(stem(affirmed, "en")),
        )


def contradictions(sentence: Stated, quote: Stated) -> dict[str, float]:
    """Return by name what a sentence has and a quote lacks, and whether the quote says otherwise."""
    # "One" is a pronoun more often than a number.
    lacking = sentence.numbers - quote.numbers - {"1"}
    return {
        "names_missing": float(min(len(sentence.names - quote.stems), _MOST_MISSING)),
        "numbers_missing": float(min(len(lacking), _MOST_MISSING)),
        "negation_added": _turned(sentence.denied, sentence.affirmed, quote.affirmed, quote.denied),
        "negation_dropped": _turned(quote.denied, quote.affirmed, sentence.affirmed, sentence.denied),
        "opposite": float(any(_opposed(word, quote.plain, sentence.plain) for word in sentence.plain)),
    }


def _turned(
    denied: frozenset[str],
    affirmed: frozenset[str],
    other_affirmed: frozenset[str],
    other_denied: frozenset[str],
) -> float:
    """Tell whether one text only denies a word that the other one only affirms."""
    return float(bool((denied - affirmed) & (other_affirmed - other_denied)))


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _names(text: str) -> frozenset[str]:
    found = []
    for match in _NAME.finditer(text):
        before = text[: match.start()].rstrip(_OPENING)
        # The first word of a sentence has a capital anyway; it is a name where another one follows.
        if (not before or before[-1] in ".!?:") and not regex.match(r"\s\p{Lu}", text[match.end() :]):
            continue
        found += [word for word in words(match.group()) if word not in STOP_WORDS]
    return frozenset(stem(found, "en"))


def _opposed(word: str, others: frozenset[str], own: frozenset[str]) -> bool:
    """Tell whether the words of another text have the opposite of a word, and not the word itself."""
    if word in others:
        return False
    opposites = {OPPOSITES.get(word, word), *(prefix + word for prefix in PREFIXES)}
    opposites |= {word.removeprefix(prefix) for prefix in PREFIXES if len(word) > len(prefix) + 3}
    return bool((opposites - {word} - own) & others)
