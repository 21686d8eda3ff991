"""Whether a question can be asked by itself, as far as rules about its words can tell, and if not, why.

The rules know English. In another language only a bare "why?" or "and ...?" is told. A pronoun counts
where nothing before it in the question can be what it stands for. What the question is about and what
its verb acts on cannot be named earlier in the same clause: not in "why did Pakistan attack it?".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import pairwise

import regex

from index.terms import STOP_WORDS, analyze
from rag.conversation.words import (
    AND_ELSEWHERE,
    AUXILIARIES,
    BE,
    CALENDAR,
    CLAUSES,
    CLOSING,
    CONJUNCTIONS,
    DEFINING,
    DETERMINERS,
    ENGLISH,
    GROUPS,
    HAVE,
    IMPERSONAL,
    NO_TOPIC,
    OBJECTS,
    PERSONAL,
    PLURAL,
    POSSESSIVES,
    PREPOSITIONS,
    PRONOUNS,
    WH,
    WHY_ELSEWHERE,
    Word,
    names,
    words_of,
)

# A longer question brings with it what it is about.
MAX_WORDS = 30
MAX_CHARACTERS = 300
_FRAGMENT = 8
_SHORT = 4

_ABOUT = regex.compile(r"(?i)(?:(?:and|but|so|or|then),? )?(?:what|how) about\b")
_MORE = regex.compile(
    r"(?i)(?:(?:please|can you|could you|and),? )*"
    r"(?:tell me more|say more|repeat that|go on|continue|elaborate|more(?: details?)?"
    r"|explain(?: (?:that|this|it|more|further))*)(?: about (?:that|this|it|them))?(?:,? please)?"
)


class Dependence(StrEnum):
    """How a question depends on the one before it."""

    REFERENCE = "reference"  # "How long is it?"
    PART = "part"  # "And how many civilians?"
    BARE = "bare"  # "Why?"
    ABOUT = "about"  # "What about Belgium?"
    MORE = "more"  # "Tell me more."


def dependence(question: str, before: str) -> Dependence | None:
    """Return how a question depends on what was said before it, None if it stands by itself.

    `before` is the text in which a definite description may have been named ("the treaty").
    """
    words = words_of(question)
    if not words or len(words) > MAX_WORDS or len(question) > MAX_CHARACTERS:
        return None
    lowers = [word.lower for word in words]
    bare = " ".join(question.split()).strip(CLOSING + "¿¡")
    if _MORE.fullmatch(bare):
        return Dependence.MORE
    if not ENGLISH.intersection(lowers) and not _may_be_english(words):
        return _elsewhere(bare, lowers)
    if _ABOUT.match(bare) and len(words) <= _FRAGMENT:
        return Dependence.ABOUT
    if any(_refers(words, place) for place in range(len(words))):
        return Dependence.REFERENCE
    return _part(words) or (Dependence.REFERENCE if _describes(words, before) else None)


def _may_be_english(words: list[Word]) -> bool:
    """Tell whether words of which none is English alone are part of a question: "in 2020", "for Belgium"."""
    if words[0].lower not in PREPOSITIONS | CONJUNCTIONS:
        return False
    return all(
        word.lower in STOP_WORDS or word.text.lower() != word.text or word.text[0].isdigit()
        for word in words[1:]
    )


def _elsewhere(bare: str, lowers: list[str]) -> Dependence | None:
    if bare.casefold() in WHY_ELSEWHERE:
        return Dependence.BARE
    return Dependence.PART if lowers[0] in AND_ELSEWHERE and 1 < len(lowers) <= _SHORT else None


def _points(before: str, after: str) -> bool:
    opens = not before or before in (AUXILIARIES - HAVE) | PREPOSITIONS | CONJUNCTIONS
    return (opens or not after) and before not in {"so", "in"} and after != "of"


def _counts(before: str, after: str) -> bool:
    picked = before in {"which", "that", "other", "another", "first", "second", "last", "next"}
    return bool(before) and after not in {"of", "another"} and (not after or picked)


def _is_other(before: str, after: str) -> bool:
    return before == "the" and (not after or after in AUXILIARIES | {"one", "ones", "side", "two"})


def _closes(before: str, after: str) -> bool:
    return bool(before) and not after


# Words that point back, and between which words they do.
_POINTERS: Mapping[str, Callable[[str, str], bool]] = {
    "this": lambda _, after: after not in CALENDAR,
    "these": lambda _, after: after not in CALENDAR,
    "those": lambda _, after: after not in CALENDAR | DEFINING and not after.endswith(("ing", "ed")),
    "that": _points,
    "there": lambda before, after: before not in AUXILIARIES and after not in AUXILIARIES,
    "then": lambda before, after: (
        _closes(before, after) or before in {"back", "since", "by", "until", "before"}
    ),
    "one": _counts,
    "latter": lambda _before, _after: True,
    "other": _is_other,
    "others": _is_other,
    "another": _closes,
    "former": _closes,
    "both": _closes,
}


def _refers(words: list[Word], place: int) -> bool:
    """Tell whether the word at a place stands for something that the question does not name."""
    lower = words[place].lower
    before, after = _around(words, place)
    if lower in PRONOUNS:
        return not (lower == "it" and _is_impersonal(words, place)) and _pronoun_refers(words, place)
    if lower in _POINTERS:
        return _POINTERS[lower](before, after)
    match lower:
        case "ones":
            return not any(_is_plural(word) for word in words[:place])
        case "same":
            return before == "the" and words[max(0, place - 2)].lower in AUXILIARIES
        case "else":
            return not names(words)
    return False


def _around(words: list[Word], place: int) -> tuple[str, str]:
    """Return the words before and after a place, empty at either end."""
    before = words[place - 1].lower if place else ""
    return before, words[place + 1].lower if place + 1 < len(words) else ""


def _pronoun_refers(words: list[Word], place: int) -> bool:
    lower = words[place].lower
    before, after = _around(words, place)
    earlier = [word.lower for word in words[:place]]
    # Of "to them" and "to conquer it" only the second has a clause of its own.
    first_clause = not CLAUSES.intersection(earlier[2:-1] if before == "to" else earlier[2:])
    possessive = lower in POSSESSIVES and bool(after) and after not in PREPOSITIONS | AUXILIARIES
    if first_clause and before in AUXILIARIES and not (possessive and before in HAVE):
        return True
    if first_clause and lower in OBJECTS and not possessive:
        acted_on = before and before not in NO_TOPIC | PREPOSITIONS and place - 1 not in names(words)
        if acted_on or not (DETERMINERS.intersection(earlier) or names(words[:place])):
            return True
    # "Who said that he ..."
    if lower in PERSONAL and place > 1 and earlier[0] == "who" and earlier[1] not in AUXILIARIES:
        return False
    return not _is_named(words, place)


def _is_impersonal(words: list[Word], place: int) -> bool:
    before, after = _around(words, place)
    rest = [word.lower for word in words[place + 1 :]]
    said = rest[1:] if after in AUXILIARIES else rest
    if not said:
        return False
    if BE.intersection({before, after}) and "that" in said[:4]:
        return True
    judged = IMPERSONAL.intersection(said[:3]) and {"to", "that", "when", "if"}.intersection(said)
    return bool(judged) or said[0] in {"that", "rain", "snow"} or (said[0] == "called" and "when" in said)


def _is_named(words: list[Word], place: int) -> bool:
    """Tell whether anything before a pronoun in the question may be what it stands for."""
    lower = words[place].lower
    earlier = words[:place]
    named = bool(names(earlier))
    if lower in PLURAL:
        joined = named and any(word.lower == "and" for word in earlier)
        return joined or any(map(_is_plural, earlier)) or (named and lower != "them")
    described = any(
        word.lower in DETERMINERS and following.lower not in NO_TOPIC for word, following in pairwise(earlier)
    )
    if named or described or lower in PERSONAL:
        return named or described
    # "Which court interprets its ..."
    return len(earlier) > 1 and earlier[0].lower in {"which", "what"} and earlier[1].lower not in AUXILIARIES


def _is_plural(word: Word) -> bool:
    lower = word.lower
    if lower in GROUPS:
        return True
    return (
        len(lower) > _SHORT - 1 and lower not in NO_TOPIC and lower.endswith("s") and lower[-2] not in "siu'"
    )


def _part(words: list[Word]) -> Dependence | None:
    """Tell whether a question is only a part of one."""
    joined = words[0].lower in CONJUNCTIONS
    lowers = [word.lower for word in (words[1:] if joined and len(words) > 1 else words)]
    content = [lower for lower in lowers if lower not in NO_TOPIC]
    named = any(place > 0 for place in names(words))
    verb = not AUXILIARIES.isdisjoint(lowers)
    if not {"you", "i", "me", "my"}.isdisjoint(lowers):
        return Dependence.PART if joined else None
    if not content:
        return Dependence.BARE if len(lowers) == 1 and lowers[0] in WH else Dependence.PART
    if joined:
        # "So what is the Durand Line?" has all that it needs.
        part = not (verb and named and len(content) > 1)
    else:
        part = (not verb and _only_asks(lowers)) or (len(content) == 1 and not named and not _defines(lowers))
    return Dependence.PART if part else None


def _only_asks(lowers: list[str]) -> bool:
    """Tell whether words without a verb are no more than "how many civilians" or "in which year"."""
    match lowers:
        case ["which" | "whose", *rest]:
            return len(rest) < _SHORT - 1
        case ["what", *rest]:
            return len(rest) < _SHORT - 2
        case ["how", "many" | "much" | "long" | "old" | "far" | "often", *rest]:
            return len(rest) < _SHORT - 1
    return lowers[0] in PREPOSITIONS and len(lowers) <= _SHORT + 1


def _defines(lowers: list[str]) -> bool:
    """Tell whether a question on a single word asks what that is: "what is photosynthesis"."""
    if "the" in lowers:
        return False
    return "mean" in lowers or (lowers[0] not in {"why", "when", "how"} and not BE.isdisjoint(lowers[:2]))


def _describes(words: list[Word], before: str) -> bool:
    """Tell whether a short question without names has "the ..." of something that was mentioned before."""
    content = sum(word.lower not in NO_TOPIC for word in words)
    if content >= _SHORT or names(words) or any(word.text[0].isdigit() for word in words):
        return False
    known = set(analyze(before, "en"))
    return any(
        word.lower == "the" and after.lower not in NO_TOPIC and known.issuperset(analyze(after.text, "en"))
        for word, after in pairwise(words)
    )
