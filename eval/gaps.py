"""Questions made by leaving words of a sentence out: its subject, a name, a date or a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.terms import query_terms
from rag.examples import lexicon, patterns
from rag.examples.clauses import DATE, Clause, Words, clause_of, is_finite, plain
from rag.examples.forms import Kind

ENGLISH = "en"
GAP = "____"
SUBJECT_KIND = "subject"
GAP_KIND = "gap"
_ASKED = "Fill in the gap: "
_FEWEST_WORDS, _MOST_WORDS = 8, 32
_LONGEST_QUESTION = 120
_LEAST_TERMS = 4
_NAME_WORDS = 4
# What they stand for is told in another sentence.
_ELSEWHERE = frozenset(
    """this these those it he she they them him his her hers theirs former latter above below following one
    ones thus therefore however hence then here same later earlier afterwards""".split()
)
# Of what is written as code, as a table or within another quotation, a part says little.
_NO_PROSE = re.compile(r"https?:|[|{}<>=_`\\•…]|\.\.")
# Within a sentence, and not one of those that are listed there.
_NAME = re.compile(
    r"(?<=[\w)] )[A-Z][\w’-]*[a-z](?: (?:of (?:the )?|for )?[A-Z][\w’-]*[a-z])*(?=[ .,;)](?P<next>[a-z]*)|$)"
)
_NUMBER = re.compile(
    r"(?<![\w.,/:§#\[-])\d+(?:[.,]\d{3})*(?:[.,]\d+)?(?:%| (?:million|billion|percent|per cent))?"
    r"(?![\w%/:-]|[.,]\d)"
)
_CAPITAL_BEFORE = re.compile(r"([A-Z][\w.’-]*)(?: (?:of|for)(?: the)?)? $")
_BEFORE_NAMES = lexicon.DETERMINERS | lexicon.PREPOSITIONS | lexicon.LINKING | lexicon.PERSONS
_DAYS = frozenset("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
_PREPOSITION = re.compile(r"^(?:on|in|since|until) (?:the )?", re.IGNORECASE)
_REASON = re.compile(r"\bbecause (?!of\b)([^,;]+?)\.?$")
_AMOUNT = re.compile(rf"\b{patterns.NUMBER}\b")
# What a sentence goes on to say.
_FURTHER = re.compile(r"[;—]|,? (?:which|who|where|while|after|before|so that)\b|, (?:but|and)\b")


_SINGULAR = {"are": "is", "were": "was"}
_ADDED = re.compile(r"; |, (?:\w+ing|which|who|where|while|but) ")


@dataclass(frozen=True, slots=True)
class Gapped:
    """A question about words that a sentence has; `answer` are these words as they stand there."""

    text: str
    kind: str
    answer: str


def gapped(sentence: str, words: Words, language: str) -> Iterator[Gapped]:
    """Yield the questions that a sentence gives by leaving something out; `words` are its document's.

    None of a sentence that needs others to be understood. In English one may ask in other words for
    the subject; in any language with capitals or digits, for what a gap in the sentence stands for.
    """
    told = " ".join(sentence.split())
    if not _stands_alone(told, language):
        return
    if language == ENGLISH:
        yield from _of_subject(told, words)
    for answer in _left_out(told, language):
        if told.count(answer) == 1:
            asked = _shortened(told.replace(answer, GAP))
            yield Gapped(f"{_ASKED}{asked}" if language == ENGLISH else asked, GAP_KIND, answer)


def short_answer(kind: Kind, sentence: str) -> str | None:
    """Return the words of a sentence that answer a question of a kind that was made of it by rule.

    None where no rule tells them. They stand in the sentence as they are, but for line ends.
    """
    told = plain(sentence)
    answer = ""
    if kind is Kind.WHEN and (date := DATE.search(told)):
        answer = _PREPOSITION.sub("", date[0])
    elif kind is Kind.HOW_MANY and (amount := _AMOUNT.search(told)):
        answer = amount[0]
    elif kind is Kind.WHY and (reason := _REASON.search(told)):
        answer = reason[1]
    return answer if answer and answer in " ".join(sentence.split()) else None


def _stands_alone(told: str, language: str) -> bool:
    tokens = told.split()
    return (
        _FEWEST_WORDS <= len(tokens) <= _MOST_WORDS
        and told.endswith(".")
        and told[0].isupper()
        and _NO_PROSE.search(told) is None
        and told.count('"') % 2 == 0
        and told.count("“") == told.count("”")
        and told.count("(") == told.count(")")
        and not (language == ENGLISH and {word.strip(".,;:()").casefold() for word in tokens} & _ELSEWHERE)
    )


def _of_subject(told: str, words: Words) -> Iterator[Gapped]:
    clause = clause_of(plain(told), words)
    if clause is None or not _tells_a_deed(clause):
        return
    # "A village" is one of several, and which did it depends on how it is told.
    if clause.subject.split()[0].casefold() in ("a", "an"):
        return
    rest = _FURTHER.split(clause.rest, maxsplit=1)[0].strip(" ,")
    asked = f"Who or what {_SINGULAR.get(clause.verb, clause.verb)} {rest}?"
    terms = set(query_terms(rest, ENGLISH))
    if len(asked) > _LONGEST_QUESTION or len(terms) < _LEAST_TERMS:
        return
    # "By which": what it is a preposition to was cut off.
    if rest.split()[-1] in lexicon.PREPOSITIONS:
        return
    if terms & set(query_terms(clause.subject, ENGLISH)):
        return
    # Its first letter may have become a small one.
    stands = re.search(re.escape(clause.subject), told, re.IGNORECASE)
    if stands is not None:
        yield Gapped(asked, SUBJECT_KIND, stands[0])


def _tells_a_deed(clause: Clause) -> bool:
    done = clause.verb in lexicon.BE and patterns.DONE.match(clause.rest) is not None
    # "The rise of attacks worries", "boats used on lakes sink": what was taken for the verb is none.
    acts = not is_finite(clause.rest.split()[0]) and clause.verb != "used"
    return done or (acts and (clause.verb in lexicon.PAST or clause.verb in lexicon.THIRD_PERSON))


def _is_whole_name(found: re.Match[str]) -> bool:
    """Tell whether a name stands for itself, and not before a noun as in "the Orwen ferry"."""
    after = found["next"]
    ends = not after or is_finite(after) or after in lexicon.PREPOSITIONS | lexicon.LINKING
    before = _CAPITAL_BEFORE.search(found.string, 0, found.start())
    # "The OSI Model" and "the Edict of Nantes" begin before.
    begins = before is None or (before.start() == 0 and before[1].casefold() in _BEFORE_NAMES)
    return begins and ends and len(found[0].split()) <= _NAME_WORDS and not found[0].endswith(("’s", "'s"))


def _shortened(asked: str) -> str:
    """Return a sentence with a gap without what comes after its main clause, where the gap is not in that."""
    for cut in _ADDED.finditer(asked):
        main = asked[: cut.start()]
        if GAP in main and len(main.split()) >= _FEWEST_WORDS:
            return f"{main}."
    return asked


def _left_out(told: str, language: str) -> Iterator[str]:
    dates = [_PREPOSITION.sub("", found[0]) for found in DATE.finditer(told)] if language == ENGLISH else []
    yield from dates
    names = (found[0] for found in _NAME.finditer(told) if _is_whole_name(found))
    for answer in (*(found[0] for found in _NUMBER.finditer(told)), *names):
        if answer.removesuffix("s") not in _DAYS and not any(answer in date for date in dates):
            yield answer
