"""From a sentence or a heading to questions that it answers, by rules that are sure of its grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rag.examples import lexicon, patterns
from rag.examples.clauses import DATE, Clause, Words, clause_of, is_name, is_simple, is_subject, plain


class Kind(StrEnum):
    """What a question asks for."""

    HOW_TO = "how to"
    WHO = "who"
    WHY = "why"
    WHEN = "when"
    WHERE = "where"
    HOW_MANY = "how many"
    WHAT_IS = "what is"
    WHAT_DOES = "what does"
    SAYING = "saying"


@dataclass(frozen=True, slots=True)
class Formed:
    """A question made by a rule."""

    text: str
    kind: Kind


_ASKABLE = re.compile(r"[\w ’',$£€%&-]+\?")
_SHORTEST, _LONGEST = 14, 110
_LONGEST_OBJECT = 8
# "Is a promise" defines nothing.
_LEAST_DEFINITION = 4
_SMALL = (
    lexicon.FINITE | lexicon.PREPOSITIONS | lexicon.ARTICLES | set("who what when where why how be".split())
)
# How many words of its own a question without any name has to have; most kinds: three.
_LEAST_CONTENT = {Kind.HOW_TO: 1, Kind.HOW_MANY: 2, Kind.WHERE: 2, Kind.WHAT_IS: 2}
_OWN_WORDS = 3


def questions_of(sentence: str, words: Words) -> Iterator[Formed]:
    """Yield the questions that can be made of a sentence; `words` are those of its document."""
    told = plain(sentence)
    if not told.endswith("."):
        return
    yield from filter(_reads_well, _by_wording(told))
    clause = clause_of(told, words)
    if clause is not None:
        yield from filter(_reads_well, _by_clause(clause, words))


def questions_of_heading(heading: str, words: Words) -> Iterator[Formed]:
    """Yield the questions that a heading stands for: one that it asks, or how to do what it says."""
    told = plain(heading).rstrip(".:")
    first, _, after = told.partition(" ")
    if told.endswith("?"):
        yield from filter(_reads_well, [Formed(told, Kind.HOW_TO)])
    elif _is_task(first.casefold(), after) and (topic := words.topic(after)):
        formed = Formed(f"How do I {first.casefold()} {_mine(topic)}?", Kind.HOW_TO)
        yield from filter(_reads_well, [formed])
    elif first == "How" and (clause := _subordinate(after, words)):
        formed = Formed(f"How {clause.verb} {clause.subject} {clause.rest}?", Kind.HOW_TO)
        yield from filter(_reads_well, [formed])


def _is_task(verb: str, after: str) -> bool:
    if verb in lexicon.IMPERATIVES_OR_NOUNS:
        return after.startswith(("a ", "an ", "the ", "your "))
    return verb in lexicon.IMPERATIVES and after != ""


def _subordinate(text: str, words: Words) -> Clause | None:
    topic = words.topic(text)
    found = clause_of(f"{topic}.", words) if topic else None
    return found if found and found.verb in lexicon.BE | lexicon.MODALS and is_simple(found.rest) else None


def _reads_well(formed: Formed) -> bool:
    text = formed.text
    tokens = set(text.rstrip("?").casefold().split())
    return (
        _SHORTEST <= len(text) <= _LONGEST
        and _ASKABLE.fullmatch(text) is not None
        and not tokens & (lexicon.POINTING - {"my", "i"})
        # A question about "the study" or "a company" could be about any.
        and (_has_name(text) or _is_specific(formed.kind, tokens))
    )


def _is_specific(kind: Kind, tokens: set[str]) -> bool:
    if kind is not Kind.WHEN and tokens & lexicon.COUNTING and not tokens & {"of", "in"}:
        return False
    return kind is not Kind.SAYING and len(tokens - _SMALL) >= _LEAST_CONTENT.get(kind, _OWN_WORDS)


def _has_name(text: str) -> bool:
    return any(word[0].isupper() for word in text.split()[1:])


def _by_wording(told: str) -> Iterator[Formed]:
    """Yield what can be asked whatever the sentence's main clause is."""
    for match in patterns.APPOSITION.finditer(told):
        if is_name(match[1]) and match[2].rpartition(" ")[2] in lexicon.PERSONS:
            yield Formed(f"Who is {match[1]}?", Kind.WHO)
    for match in patterns.ROLE.finditer(told):
        if match[1] in lexicon.PERSONS and is_name(match[2]):
            yield Formed(f"Who is {match[2]}?", Kind.WHO)
    if counted := patterns.COUNTED.match(told):
        yield Formed(f"How many {counted[1]} {counted[2]} {counted[3]}?", Kind.HOW_MANY)
    task = patterns.STEP.match(told) or patterns.STEP_AFTER.match(told)
    if task and _is_task(task[1], task[2]):
        yield Formed(f"How do I {task[1]} {_mine(task[2].strip())}?", Kind.HOW_TO)


def _mine(text: str) -> str:
    return re.sub(r"\byour\b", "my", text)


def _by_clause(clause: Clause, words: Words) -> Iterator[Formed]:
    if clause.verb in lexicon.BE:
        yield from _of_being(clause)
        yield from _of_definitions(clause, words)
    yield from _of_dates(clause)
    yield from _of_reasons(clause)
    yield from _of_amounts(clause)
    yield from _of_doing(clause)
    yield from _of_saying(clause)


def _of_being(clause: Clause) -> Iterator[Formed]:
    be, subject, rest = clause.verb, clause.subject, clause.rest
    if match := patterns.MEASURE.match(rest):
        yield Formed(f"How {match[1]} {be} {subject}?", Kind.HOW_MANY)
    if match := patterns.DONE.match(rest):
        past = lexicon.PAST_OF_PARTICIPLE.get(match[1], match[1])
        if past in lexicon.PAST and (by := patterns.BY.match(match[2].strip())) and is_name(by[1].strip()):
            yield Formed(f"Who {past} {subject}?", Kind.WHO)
    if (match := patterns.PLACED.match(rest)) and not DATE.match(rest[len(match[1]) + 1 :]):
        yield Formed(f"Where {be} {subject} {match[1]}?", Kind.WHERE)
    if match := patterns.RELATED.match(rest):
        asked = match[0].replace("used to", "used for")
        yield Formed(f"What {be} {subject} {asked}?", Kind.WHAT_DOES)
    if rest.startswith("caused by "):
        yield Formed(f"What cause{'s' if be in ('is', 'are') else 'd'} {subject}?", Kind.WHAT_DOES)


def _of_definitions(clause: Clause, words: Words) -> Iterator[Formed]:
    be, subject = clause.verb, clause.subject
    predicate = patterns.PREDICATE.match(clause.rest)
    if predicate is None:
        return
    head = patterns.HEAD_END.split(predicate[1], maxsplit=1)[0].casefold().split()
    if not head or head[-1] in lexicon.EMPTY_HEADS or head[0] in lexicon.POINTING:
        return
    if patterns.SUPERLATIVE.fullmatch(" ".join(head)):
        return
    told = re.split("[,;:]", clause.rest, maxsplit=1)[0].split()
    if len(told) < _LEAST_DEFINITION or "own" in told:
        return
    unique = patterns.UNIQUE.match(clause.rest)
    if lexicon.PERSONS & set(head):
        if unique:
            yield Formed(f"Who {be} the {unique[1]}?", Kind.WHO)
        elif is_name(subject) or " " not in subject:
            yield Formed(f"Who {be} {subject}?", Kind.WHO)
    elif unique:
        yield Formed(f"What {be} the {unique[1]}?", Kind.WHAT_IS)
    elif not (is_name(subject) or words.is_surname(subject)) and (be in ("is", "are") or _is_title(subject)):
        capital = subject.startswith("the ") and _is_title(subject[4:]) and lexicon.WORKS & set(head)
        yield Formed(f"What {be} {f'The {subject[4:]}' if capital else subject}?", Kind.WHAT_IS)


def _is_title(phrase: str) -> bool:
    small = lexicon.PREPOSITIONS | lexicon.ARTICLES | {"and"}
    return all(word[0].isupper() or word in small for word in phrase.split())


def _of_dates(clause: Clause) -> Iterator[Formed]:
    date = DATE.search(clause.rest)
    if date is not None:
        told = clause.rest[: date.start()].strip()
    elif clause.dated:
        told = re.split(r"[,;]", clause.rest, maxsplit=1)[0]
    else:
        return
    if not is_simple(told) or (told and told.split()[-1] in lexicon.TRAILING):
        return
    short = len(told.split()) <= _LONGEST_OBJECT
    if clause.verb in lexicon.BE:
        if match := patterns.DONE.match(told):
            after = match[2].strip()
            done = f"{match[1]} {after}" if after and short and not after.startswith("by ") else match[1]
            if done != match[1] or not after or after.split()[0] in lexicon.PREPOSITIONS:
                yield Formed(f"When {clause.verb} {clause.subject} {done}?", Kind.WHEN)
    elif short and clause.verb == "will" and told.startswith("be "):
        yield Formed(f"When will {clause.subject} {told}?", Kind.WHEN)
    elif short and clause.verb in lexicon.PAST and not patterns.LOOSE.search(told):
        yield Formed(f"When {_asked(clause, told)}?", Kind.WHEN)


def _of_reasons(clause: Clause) -> Iterator[Formed]:
    match = patterns.BECAUSE.match(clause.rest)
    if match is None:
        return
    told = match[1].strip()
    if is_simple(told) and len(told.split()) <= _LONGEST_OBJECT and (asked := _asked(clause, told)):
        yield Formed(f"Why {asked}?", Kind.WHY)


def _asked(clause: Clause, rest: str) -> str | None:
    """Return a clause in the order of words that a question has."""
    if clause.verb in lexicon.BE | lexicon.MODALS or (clause.verb in lexicon.DO and rest.startswith("not ")):
        return f"{clause.verb} {clause.subject} {rest}"
    if base := lexicon.PAST.get(clause.verb):
        return f"did {clause.subject} {base} {rest}".strip()
    if base := lexicon.THIRD_PERSON.get(clause.verb):
        return f"does {clause.subject} {base} {rest}".strip()
    return None


def _of_amounts(clause: Clause) -> Iterator[Formed]:
    auxiliary = {"has": "does", "have": "do", "had": "did"}.get(clause.verb)
    if auxiliary and (match := patterns.AMOUNT.match(clause.rest)):
        yield Formed(f"How many {match[1]} {auxiliary} {clause.subject} have?", Kind.HOW_MANY)
    if clause.verb in lexicon.MODALS and (match := patterns.HOLDING.match(clause.rest)):
        amount = patterns.AMOUNT.match(clause.rest[match.end() :])
        if amount:
            yield Formed(f"How many {amount[1]} {clause.verb} {clause.subject} {match[1]}?", Kind.HOW_MANY)
    if clause.verb in ("weighed", "weighs", "costs") and re.match(patterns.NUMBER, clause.rest):
        asked = _asked(clause, "")
        yield Formed(f"How much {asked}?", Kind.HOW_MANY)


def _of_doing(clause: Clause) -> Iterator[Formed]:
    base = lexicon.THIRD_PERSON.get(clause.verb)
    if base is None or clause.plural:
        return
    preposition = lexicon.DOING.get(base)
    if preposition == "" and clause.rest.split()[0].casefold() in lexicon.PREPOSITIONS | lexicon.LINKING:
        return
    if preposition is not None and clause.rest.startswith(preposition):
        yield Formed(f"{f'What does {clause.subject} {base} {preposition}'.strip()}?", Kind.WHAT_DOES)


def _of_saying(clause: Clause) -> Iterator[Formed]:
    base = lexicon.PAST.get(clause.verb)
    if base not in lexicon.SAYING or not (clause.rest.startswith(("that ", "to "))):
        return
    about = (
        patterns.ABOUT.match(clause.rest.removeprefix("that ")) if clause.rest.startswith("that ") else None
    )
    if about and is_subject(about[0]):
        yield Formed(f"What did {clause.subject} {base} about {about[0]}?", Kind.SAYING)
    else:
        yield Formed(f"What did {clause.subject} {base}?", Kind.SAYING)
