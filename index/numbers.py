"""The numbers of a text, comparable however they are written: `1,200`, `1200`, `１２００`, `twenty-four`."""

from __future__ import annotations

import unicodedata

import regex

# A number in digits, as a part of a pattern.
DIGITS = r"\p{N}+(?:[.,\u00a0\u202f’']\p{N}+)*"
_NUMBER = regex.compile(rf"(?<![\p{{L}}\p{{N}}]){DIGITS}")
_THOUSANDS = regex.compile(r"[,\u00a0\u202f’'](?=\p{N}{3}(?!\p{N}))")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: 10 * place for place, word in enumerate(_TENS, start=2)}
    | {
        f"{ten}-{unit}": 10 * place + value
        for place, ten in enumerate(_TENS, start=2)
        for value, unit in enumerate(_UNITS[1:10], start=1)
    }
)
_WORD = regex.compile(r"\b(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")\b")


def without_thousands(number: str) -> str:
    """Return a number in digits without the separators of its thousands."""
    return _THOUSANDS.sub("", number)


def in_digits(text: str) -> frozenset[str]:
    """Return the numbers that a text writes in digits of any script, without separators of thousands."""
    # Before NFKC makes other spaces of those that part thousands.
    plain = "".join(str(unicodedata.decimal(character, character)) for character in text)
    return frozenset(
        unicodedata.normalize("NFKC", without_thousands(match.group())) for match in _NUMBER.finditer(plain)
    )


def numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text in digits, also those that it writes out in English up to a hundred."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return in_digits(text) | {str(_WORDS[match.group()]) for match in _WORD.finditer(folded)}
