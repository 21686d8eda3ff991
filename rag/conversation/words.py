"""The words of questions, and what English ones do in them: what the rules on follow-ups are made of."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from index.terms import STOP_WORDS


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, as it is written from `start` to `end` and in lower case."""

    text: str
    lower: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it is written as a name or a number."""
        return self.text[0].isupper() or self.text[0].isdigit()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WH = _set("what which who whom whose when where why how")
BE = _set("is are was were be been being isn't aren't wasn't weren't")
HAVE = _set("has have had hasn't haven't hadn't")
_MODALS = _set(
    """can could will would shall should may might must cannot can't couldn't won't wouldn't shouldn't"""
)
AUXILIARIES = BE | HAVE | _MODALS | _set("am do does did don't doesn't didn't")
PREPOSITIONS = _set(
    """about after against among around at before behind below beside between by during for from in into
    near of off on over since through to toward towards under until up upon with within without"""
)
CONJUNCTIONS = _set("and but then so or also plus")
DETERMINERS = _set("the a an any each every some no my your our")
PERSONAL = _set("he she him her hers his")
PLURAL = _set("they them their theirs")
PRONOUNS = PERSONAL | PLURAL | _set("it its")
POSSESSIVES = _set("his her its their")
OBJECTS = _set("him her it them")
# Where another clause begins; its pronouns may stand for what the one before it names.
CLAUSES = WH | _set("and or but if because after before while since that although unless until whether to")
CALENDAR = _set("year years month months week weeks day days time morning evening century")
# Nouns for several without an s.
GROUPS = _set("people men women children police both")
# What follows a "those" that is said in full: "those who", "those responsible for".
DEFINING = _set("who that which of in at with responsible")
# What "it" is said of without standing for anything: "is it possible to", "how long does it take to".
IMPERSONAL = _set(
    """possible impossible necessary true important allowed safe better best worth legal common required
    hard harder easy easier difficult likely known believed said thought like take takes took cost costs
    mean matter"""
)
# Words that say nothing of what a question is about.
NO_TOPIC = STOP_WORDS | _set(
    """tell happen happens happened next more else really exactly instead afterwards later also too again
    still ever yet shall might must another other otherwise called am cannot among about up"""
)
# A question without any of these is not taken for English.
ENGLISH = (
    WH
    | PLURAL
    | _set(
        """the and but then does did it its this that these those there were he she could should would has
        have is are really more other"""
    )
)
AND_ELSEWHERE = _set("und et y e i och og ja en és и а та ve και و और 和 那")
WHY_ELSEWHERE = _set(
    """warum wieso weshalb pourquoi perché waarom varför hvorfor miksi miért dlaczego почему зачем чому proč
    neden γιατί لماذا क्यों 为什么 為什麼 なぜ どうして 왜 mengapa"""
) | {"por qué", "por que", "por quê", "de ce", "tại sao"}

CLOSING = "?!.… ？。"

_TOKEN = regex.compile(r"[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}]|['’.,/_&-](?=[\p{L}\p{N}]))*")
_CONTRACTED = regex.compile(r"(?i)(what|who|where|when|how|why|it|that|there|he|she)['’]s")


def words_of(text: str) -> list[Word]:
    """Return the words of a text in order; "what's" is two of them."""
    found = []
    for match in _TOKEN.finditer(text):
        token, start = match.group(), match.start()
        if _CONTRACTED.fullmatch(token):
            head = token[:-2]
            found.append(Word(head, head.casefold(), start, start + len(head)))
            found.append(Word(token[-2:], "is", start + len(head), match.end()))
        else:
            found.append(Word(token, token.casefold().replace("’", "'"), start, match.end()))
    return found


def names(words: list[Word]) -> list[int]:
    """Return the places of the words that are names, by their capital letters."""
    return [
        place
        for place, word in enumerate(words)
        if word.text.lower() != word.text
        and word.lower not in NO_TOPIC
        and (place > 0 or _opens_with_name(words))
    ]


def _opens_with_name(words: list[Word]) -> bool:
    """Tell whether the first word is a name, not one with which a request begins."""
    after = words[1:2]
    return bool(after) and (after[0].text[0].isupper() or after[0].lower in AUXILIARIES)
