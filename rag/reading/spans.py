"""What kind of answer a question asks for, and where in a sentence such an answer stands.

Surface patterns, for English, as answer typing in question answering began (Li and Roth, "Learning
question classifiers", COLING 2002, give the classes). A pattern that does not match gives no span
rather than a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum

import regex

from index.terms import STOP_WORDS, stem, words
from index.types import Span


class Expected(StrEnum):
    """The kind of answer that a question's words ask for."""

    TIME = "time"
    QUANTITY = "quantity"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"
    OTHER = "other"


def _one_of(alternatives: str) -> str:
    """Return a pattern for one of some alternatives, given between blanks; `_` stands for a blank."""
    return "(?:" + "|".join(alternative.replace("_", r"\s+") for alternative in alternatives.split()) + ")"


_WHAT = _one_of("what which")
_COUNTED = _one_of("many much long far old large big high tall often fast wide deep heavy")
_MEASURED = _one_of(
    "percent percentage number amount fraction proportion size length distance population height price cost"
    " rate toll"
)
_PERIOD = _one_of("year date month day century decade time period era")
_PERSONS = _one_of(r"person people man woman leader spokes\w+ president")
_PLACES = _one_of("country countries city place region state province location town area border")
_CAUSES = _one_of("reason caused justification led_to")

# The first that matches decides.
_EXPECTED = (
    (Expected.QUANTITY, rf"\bhow {_COUNTED}\b|{_WHAT} (?:(?:is|was) the )?{_MEASURED}\b"),
    (Expected.TIME, rf"\bwhen\b|{_WHAT} {_PERIOD}\b"),
    (Expected.PERSON, rf"\bwho(?:m|se)?\b|{_WHAT} {_PERSONS}\b"),
    (Expected.PLACE, rf"\bwhere\b|{_WHAT} {_PLACES}\b"),
    (Expected.REASON, rf"\bwhy\b|what {_CAUSES}\b|\bhow come\b"),
)
_PATTERNS = tuple((expected, regex.compile(pattern, regex.IGNORECASE)) for expected, pattern in _EXPECTED)

_MONTH_NAME = _one_of(
    "January February March April May June July August September October November December"
    r" (?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\."
)
_DAY = r"[0-3]?\d(?:st|nd|rd|th)?"
_YEAR = r"(?:1\d{3}|20\d{2})"
_TIME = regex.compile(
    "(?:(?:early|mid|late)[ -])?(?:"
    + "|".join(
        (
            rf"{_DAY}\s+{_MONTH_NAME}(?:,?\s+{_YEAR})?",
            rf"{_MONTH_NAME}\s+{_DAY}(?:,\s*{_YEAR})?\b",
            rf"{_MONTH_NAME}(?:\s+{_YEAR})?",
            rf"(?:the\s+)?{_YEAR}s\b",
            rf"\b{_YEAR}(?:\s*[-–]\s*\d{{2,4}})?\b",
            r"(?:the\s+)?\d{1,2}(?:st|nd|rd|th)[ -]centur(?:y|ies)",
            r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day",
            r"\b\d{1,2}:\d{2}\b",
            r"\d+\s+(?:year|month|week|day|hour)s(?:\s+(?:ago|later|earlier))?",
        )
    )
    + ")"
)
_NUMBER_WORD = _one_of(
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty"
    " seventy eighty ninety (?:a_)?dozens? (?:(?:a|several)_)?hundreds? (?:a_)?thousands? (?:a_)?millions?"
    " half a_third two-thirds a_quarter three-quarters twice"
)
_HEDGE = _one_of(
    "at_least at_most about around nearly almost more_than less_than fewer_than over under up_to"
    " approximately roughly some an_estimated"
)
_UNIT = _one_of(
    "percent per_cent years? months? weeks? days? hours? minutes? seconds? kilomet(?:er|re)s? miles?"
    " met(?:er|re)s? feet km kg kilograms? tons? tonnes? pounds? dollars? euros? acres? hectares?"
    " square_miles square_kilomet(?:er|re)s? times"
)
_QUANTITY = regex.compile(
    rf"(?:{_HEDGE}\s+)?(?:(?:\p{{Sc}}\s?)?\d(?:[\d,.]*\d)?|\b{_NUMBER_WORD}\b)"
    rf"(?:\s*(?:hundred|thousand|million|billion|trillion))*(?:\s?%|[ -]{_UNIT}\b)?",
    regex.IGNORECASE,
)
_CAPITAL = r"\p{Lu}[\p{L}\p{M}.’'-]*"
_BETWEEN = r"(?:(?:of|the|de|la|von|van|bin|al|for|and)\s+){0,2}"
_NAME = regex.compile(rf"\b{_CAPITAL}(?:\s+{_BETWEEN}{_CAPITAL})*")
_CONNECTIVE = _one_of(
    "because_of because due_to owing_to in_order_to so_that as_a_result_of in_response_to"
    " in_retaliation_for since as"
)
_REASON = regex.compile(rf"\b{_CONNECTIVE}\s+([^.;]+)", regex.IGNORECASE)
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}'’.,-]*[\p{L}\p{N}]")
_TRAILING = regex.compile(r"[\s,;:.!?–—-]+\Z")


def expected_answer(question: str) -> Expected:
    """Return the kind of answer that a question asks for."""
    for expected, pattern in _PATTERNS:
        if pattern.search(question):
            return expected
    return Expected.OTHER


def candidates(sentence: str, expected: Expected, asked: Collection[str]) -> list[Span]:
    """Return where in a sentence an answer of the expected kind may stand, in order.

    `asked` are the stems of the question: what only repeats them is no answer.
    """
    return list(_candidates(sentence, expected, asked))


def _candidates(sentence: str, expected: Expected, asked: Collection[str]) -> Iterator[Span]:
    match expected:
        case Expected.TIME:
            found = _matches(_TIME, sentence)
        case Expected.QUANTITY:
            found = _matches(_QUANTITY, sentence)
        case Expected.PERSON | Expected.PLACE:
            found = _names(sentence)
        case Expected.REASON:
            found = (Span(match.start(1), match.end(1)) for match in _REASON.finditer(sentence))
        case Expected.OTHER:
            found = iter(())
    for span in found:
        if _is_new(sentence[span.start : span.end], asked):
            yield span


def has_candidate(sentence: str, expected: Expected, asked: Collection[str]) -> bool:
    """Tell whether an answer of the expected kind may stand in a sentence."""
    return next(_candidates(sentence, expected, asked), None) is not None


def _matches(pattern: regex.Pattern[str], sentence: str) -> Iterator[Span]:
    for match in pattern.finditer(sentence):
        text = _TRAILING.sub("", match.group())
        if text:
            yield Span(match.start(), match.start() + len(text))


def _names(sentence: str) -> Iterator[Span]:
    for span in _matches(_NAME, sentence):
        first = words(sentence[span.start : span.end])[:1]
        # A function word is capital only because it begins the sentence.
        if span.start == 0 and first and first[0] in STOP_WORDS:
            continue
        yield span


def _is_new(text: str, asked: Collection[str]) -> bool:
    content = [word for word in words(text) if word not in STOP_WORDS]
    return any(term not in asked for term in stem(content, "en"))


def answer_span(sentence: str, expected: Expected, asked: Collection[str]) -> Span | None:
    """Return the words of a sentence that answer: the candidate nearest to the question's own words.

    None where the question asks for no kind that has a pattern, or the sentence has none of it.
    """
    found = candidates(sentence, expected, asked)
    if not found:
        return None
    tokens = [Span(match.start(), match.end()) for match in _WORD.finditer(sentence)]
    repeated = [
        place
        for place, token in enumerate(tokens)
        if any(term in asked for term in stem(words(sentence[token.start : token.end]), "en"))
    ]
    if not repeated:
        return found[0]

    def distance(span: Span) -> float:
        inside = [place for place, token in enumerate(tokens) if span.start <= token.start < span.end]
        middle = inside[len(inside) // 2] if inside else 0
        return sum(abs(middle - place) for place in repeated) / len(repeated)

    return min(found, key=distance)
