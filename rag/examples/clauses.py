"""The simplest of English sentences, taken apart: somebody or something, a verb, and the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.examples import lexicon

# How parts of an abstract are marked.
_LABEL = re.compile(
    r"(?:AIMS?|BACKGROUND|CONCLUSIONS?|CONTEXT|DESIGN|FINDINGS|IMPORTANCE|INTERPRETATION|METHODS?|MOTIVATION|"
    r"NOTE|UNLABELLED|OBJECTIVES?|PURPOSE|RESULTS?|SUMMARY|WARNING)(?: AND [A-Z]+)?:? (?=\w)"
)
_PART_OF_NAME = re.compile(r"[A-Z]\w*[a-z]\w*(?:-[A-Z]\w+)?|II|III|IV")
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_WORD = re.compile(r"[^\W_](?:[\w’'&-]*\w)?|[^\w\s]")
# After these a capital says nothing.
_BEGINNING = '.!?:;|•"“-'
_LONGEST_SUBJECT = 9
_LONGEST_BARE = 2
_LONGEST_ABBREVIATION = 6
_LONGEST_NAME = 4
_LONGEST_APPOSITION = 12

_SEASON = r"(?:the )?(?:early |late |mid-?)?(?:spring|summer|autumn|fall|winter)"
_MONTH = rf"(?:early |late |mid-?)?(?:{lexicon.MONTHS})"
_YEAR = r"(?:1[0-9]|20)\d\d"
DATE = re.compile(
    rf"\b(?:on|in|since|until) (?:(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?)?{_MONTH}"
    rf"(?: \d{{1,2}}(?:st|nd|rd|th)?\b)?(?:,? {_YEAR})?|{_SEASON}(?: of)?(?: {_YEAR})?|{_YEAR})"
    r"(?![\w,]*\d| [a-z]+s\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence's first words up to its verb, the verb in lower case, and what follows up to the full stop.

    `subject` is as it stands within a sentence: without a capital that only the sentence's beginning
    asked for. `dated` says that a date came before it.
    """

    subject: str
    verb: str
    rest: str
    dated: bool = False

    @property
    def plural(self) -> bool:
        """Whether the subject is of several, as far as its last word before a preposition tells."""
        words = self.subject.split()
        bound = next((place for place, word in enumerate(words) if word in lexicon.BINDING), len(words))
        head = words[max(bound - 1, 0)].casefold()
        return head in lexicon.PEOPLE or (head.endswith("s") and not head.endswith(("ss", "us", "is")))


class Words:
    """How words are written elsewhere in a document: what tells a name from a word that begins a sentence."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._lower: set[str] = set()
        self._within: set[str] = set()
        self._surnames: set[str] = set()
        for line in (line for text in texts for line in text.splitlines()):
            before = "."
            for token in _WORD.findall(line):
                if token.islower():
                    self._lower.add(token)
                elif not (before in _BEGINNING or _is_label(before)) and token[0].isupper():
                    self._within.add(token)
                    if before.istitle() and before.isalpha():
                        self._surnames.add(token)
                before = token

    def is_surname(self, word: str) -> bool:
        """Tell whether a word may be the last one of a name that the document has in full."""
        return word in self._surnames

    def within(self, phrase: str) -> str | None:
        """Return a phrase from a sentence's beginning as it stands within one, None where that is unknown."""
        first, _, after = phrase.partition(" ")
        lowered = f"{first.casefold()} {after}".strip()
        if first.casefold() in lexicon.DETERMINERS | lexicon.PREPOSITIONS | lexicon.NUMBERS:
            return lowered
        in_lower, with_capital = first.casefold() in self._lower, first in self._within
        if not first[0].isupper() or any(map(str.isupper, first[1:])):
            return phrase
        if after[:1].isupper():
            is_word = in_lower and not with_capital and first.casefold() not in lexicon.PERSONS
            return lowered if is_word else phrase
        if in_lower and (after or not with_capital):
            return lowered
        if with_capital:
            return None if in_lower else phrase
        # "Imports of wool": several, and so no name.
        return lowered if first.endswith("s") and after.startswith("of ") else None

    def topic(self, heading: str) -> str | None:
        """Return a heading as it stands within a sentence, None where that is unknown."""
        words = []
        for word in heading.split():
            plain = word.strip(",")
            if plain.islower() or plain.isdigit() or plain.isupper() or plain[0].isdigit():
                words.append(word)
            elif plain.casefold() in self._lower | lexicon.DETERMINERS | lexicon.PREPOSITIONS | {"and", "or"}:
                words.append(word.casefold())
            elif plain in self._within:
                words.append(word)
            else:
                return None
        return " ".join(words)


def plain(sentence: str) -> str:
    """Return a sentence on one line, without what stands in brackets and what marks parts of summaries."""
    line = " ".join(_ASIDE.sub("", " ".join(sentence.split())).split())
    return line[found.end() :] if (found := _LABEL.match(line)) else line


def clause_of(sentence: str, words: Words) -> Clause | None:
    """Return the main clause of a plain sentence, None where it is not as simple as this can read."""
    lead = DATE.match(sentence)
    dated = lead is not None and sentence[lead.end() :].startswith(", ")
    if lead is not None and dated:
        sentence = sentence[lead.end() + 2 :]
    matches = list(_WORD.finditer(sentence))
    place = next((at for at, found in enumerate(matches) if at and _ends_subject(found.group())), 0)
    if not 0 < place <= _LONGEST_SUBJECT or not all(found.group()[0].isalnum() for found in matches[:place]):
        return None
    subject = sentence[: matches[place - 1].end()]
    if matches[place].group() == ",":
        place = _after_apposition(matches, place)
    if not is_finite(matches[place].group()):
        return None
    within = subject if dated and subject[0].islower() else words.within(subject)
    verb, rest = matches[place], sentence[matches[place].end() :].rstrip(".!").strip()
    if within is None or not is_subject(within) or not rest:
        return None
    return Clause(within, verb.group().casefold(), rest, dated)


def _ends_subject(word: str) -> bool:
    return word == "," or is_finite(word)


def _is_label(word: str) -> bool:
    return word.isupper() and len(word) > _LONGEST_ABBREVIATION


def _after_apposition(matches: Sequence[re.Match[str]], opened: int) -> int:
    """Return the place after the comma that closes what another one opened, 0 where none does."""
    for place in range(opened + 2, min(opened + _LONGEST_APPOSITION, len(matches) - 1)):
        if matches[place].group() == ",":
            return place + 1
    return 0


def is_finite(token: str) -> bool:
    """Tell whether a word is a verb that a sentence can rest on."""
    if not token.islower():
        return False
    return token in lexicon.FINITE or token in lexicon.PAST or token in lexicon.THIRD_PERSON


def is_subject(phrase: str) -> bool:
    """Tell whether a phrase names somebody or something by itself, and is no more than a name."""
    tokens = phrase.split()
    lower = [word.casefold() for word in tokens]
    if set(lower) & (lexicon.POINTING | lexicon.LINKING | lexicon.VAGUE):
        return False
    if lower[0] in lexicon.PREPOSITIONS or lower[-1] in lexicon.BINDING | lexicon.ARTICLES:
        return False
    if lower[-1].endswith(("'s", "’s")):
        return False
    if not all(_may_follow(lower[at - 1], tokens[at]) for at in range(1, len(tokens))):
        return False
    if lower[0] in lexicon.ARTICLES:
        return len(tokens) > 1
    bare = next((at for at, word in enumerate(lower) if word in lexicon.BINDING), len(lower))
    # Without an article: a name, or a few words, since the more there are, the likelier one is a verb.
    return tokens[0][0].isupper() or tokens[0][0].isdigit() or bare <= _LONGEST_BARE


def _may_follow(before: str, word: str) -> bool:
    """Tell whether a word may stand within a subject; what looks like a verb ends it."""
    if word.islower() and word.endswith(("ed", "ly")):
        return False
    if word.casefold() in lexicon.DETERMINERS:
        return before in lexicon.BINDING
    return word not in lexicon.PREPOSITIONS - lexicon.BINDING


def is_name(phrase: str) -> bool:
    """Tell whether a phrase is two to four words written as those of a person's name."""
    tokens = phrase.split()
    return (
        2 <= len(tokens) <= _LONGEST_NAME
        and all(_PART_OF_NAME.fullmatch(token) for token in tokens)
        and not lexicon.PLACES & {token.casefold() for token in tokens}
        and tokens[0].casefold() not in lexicon.DETERMINERS
        and not re.search(rf"\b(?:{lexicon.MONTHS})\b", phrase)
    )


def is_simple(rest: str) -> bool:
    """Tell whether what follows a verb has no clause of its own."""
    tokens = _WORD.findall(rest)
    if tokens and tokens[-1] in lexicon.TRAILING:
        return False
    ending = lexicon.FINITE | lexicon.POINTING | lexicon.LINKING | set(",;:—–()")
    return not any(word.casefold() in ending for word in tokens)
