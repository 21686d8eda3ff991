"""Follow-up questions, made to stand by themselves by carrying over what they take from the turns before.

Rules, no model. What is carried stands in brackets behind the question, "How long is it (Durand Line)?":
in a search it counts like other words, and the network that reads sentences still sees a question. The
effective query of a follow-up has what it took from further back, so that only the last turn with a
topic is looked at. A question that is no follow-up is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import regex

from rag.conversation.dependence import MAX_CHARACTERS, Dependence, dependence
from rag.conversation.words import (
    AUXILIARIES,
    CLOSING,
    CONJUNCTIONS,
    DETERMINERS,
    NO_TOPIC,
    PERSONAL,
    PLURAL,
    PREPOSITIONS,
    WH,
    Word,
    words_of,
)
from rag.types import Turn

MAX_CARRIED_WORDS = 14
MAX_CARRIED_CHARACTERS = 200
_ANSWER_CHARACTERS = 2000
_NAME_WORDS = 4

_ABOUT = regex.compile(r"(?i)^(?:what|how) about ")
_TIME = regex.compile(
    r"(?i)\b(?:in|on|by|during|since|until|after|before|around) (?:the )?"
    r"(?:(?:late|early) )?(?:\p{L}+ (?:\d{1,2},? )?)?\d{3,4}s?\b"
)
_BRACKETS = regex.compile(r"\s*\(([^()]*)\)$")
# What is asked of a whole clause: "why", not "who".
_OF_A_CLAUSE = frozenset("why how when where".split())
_ASKS_FOR_A_NAME = frozenset("who whom which what".split())
# What joins the words of a name: "Cape of Good Hope", "Maria de la Queillerie".
_LINKS = frozenset("of the de la du van von der den bin al el and".split())
# A name behind one of these is a place or a time; behind "by" or "of" it may be a person.
_PLACING = DETERMINERS | PREPOSITIONS - {"of", "by", "under", "with"}


def depends(question: str, turns: Sequence[Turn]) -> bool:
    """Tell whether a question asks for what only the turns before it name; they are in their order."""
    return _followed(question, turns) is not None


def carried(question: str, turns: Sequence[Turn]) -> str:
    """Return a question with what it takes from the turns before it, or as it is where it takes nothing."""
    followed = _followed(question, turns)
    if followed is None:
        return question
    how, turn = followed
    if how is Dependence.MORE:
        return turn.effective_query
    own, before = _parts(turn.effective_query)
    asked = _opened(question)
    if len(own) <= MAX_CHARACTERS and (whole := _whole(how, asked, own)):
        return _with_topics(whole, [before])
    answer = turn.answer[:_ANSWER_CHARACTERS]
    return _with_topics(asked, [*_names_asked_for(answer, own, asked), *_topics(own), *_topics(before)])


def _followed(question: str, turns: Sequence[Turn]) -> tuple[Dependence, Turn] | None:
    """Return how a question depends on which turn, the last that has a topic."""
    for turn in reversed(turns):
        if _topics(turn.effective_query):
            how = dependence(question, f"{turn.effective_query} {turn.answer[:_ANSWER_CHARACTERS]}")
            return None if how is None else (how, turn)
    return None


def _parts(query: str) -> tuple[str, str]:
    """Return a query without its closing mark and its brackets, and what stands in them."""
    query = " ".join(query.split()).rstrip(CLOSING)
    found = _BRACKETS.search(query)
    return _opened(query[: found.start()] if found else query), found.group(1) if found else ""


def _opened(question: str) -> str:
    """Return a question on one line, without its closing mark and the conjunction that it begins with."""
    text = " ".join(question.split()).rstrip(CLOSING)
    words = words_of(text)
    return text[words[1].start :] if len(words) > 1 and words[0].lower in CONJUNCTIONS else text


def _whole(how: Dependence, asked: str, before: str) -> str:
    """Return the whole question of which one is a part, empty where the one before does not tell it."""
    if how is Dependence.BARE and asked.casefold() in _OF_A_CLAUSE and (clause := _clause(before)):
        return f"{asked} {clause}"
    if how is Dependence.PART and _TIME.fullmatch(asked):
        return _at_another_time(before, asked[:1].lower() + asked[1:])
    if how is Dependence.PART and (clause := _shared_clause(asked, before)):
        return f"{asked} {clause}"
    return _of_another(before, _ABOUT.sub("", asked)) if how in (Dependence.PART, Dependence.ABOUT) else ""


def _clause(question: str) -> str:
    """Return a question without what it asks with: "did it begin" of "when did it begin"; or nothing."""
    for place, word in enumerate(words_of(question)):
        if word.lower in AUXILIARIES:
            return word.lower + question[word.end :]
        if place == 0 and word.lower not in WH | PREPOSITIONS:
            break
    return ""


def _shared_clause(asked: str, before: str) -> str:
    """Return what "how many soldiers were killed in May" lends to "how many civilians", else nothing."""
    new, old = ([word.lower for word in words_of(text)[:2]] for text in (asked, before))
    return _clause(before) if new == old and len(words_of(asked)) > len(new) else ""


def _at_another_time(question: str, time: str) -> str:
    return _TIME.sub(lambda _: time, question, count=1) if _TIME.search(question) else f"{question} {time}"


def _of_another(question: str, name: str) -> str:
    """Return a question asked of another name, empty where it is unclear which one that replaces.

    It replaces one with the same last word, "the Mangla dam" for "the Tarbela dam"; else the only one
    of as many words; else the only one.
    """
    words = words_of(name)
    called = [word for word in words if word.lower not in DETERMINERS]
    asks = not (WH | AUXILIARIES | PREPOSITIONS).isdisjoint(word.lower for word in words)
    if asks or len(called) > _NAME_WORDS or not any(word.is_name for word in called):
        return ""
    runs = _runs(question)
    named = [run for run in runs if run[0].text[0].isupper()]
    alike = [run for run in named if len(run) == len(called)]
    headed = [
        [*run, after[0]]
        for run, after in pairwise(runs)
        if run in named and len(called) > 1 and after[0].lower == called[-1].lower
    ]
    replaced = next((found[0] for found in (headed, alike, named) if len(found) == 1), None)
    if replaced is None:
        return ""
    new = name[called[0].start : called[-1].end]
    return f"{question[: replaced[0].start]}{new}{question[replaced[-1].end :]}"


def _topics(text: str) -> list[str]:
    """Return what a text is about, in order: its names, and its other words but those of no topic."""
    return [text[run[0].start : run[-1].end] for run in _runs(text)]


def _runs(text: str) -> list[list[Word]]:
    """Return the words of a text that have a topic, those of a name together."""
    words = words_of(text)
    found: list[list[Word]] = []
    place = 0
    while place < len(words):
        end = place + 1
        if words[place].lower not in NO_TOPIC:
            while words[place].is_name and (after := _next_of_name(text, words, end)):
                end = after
            found.append(words[place:end])
        place = end
    return found


def _next_of_name(text: str, words: list[Word], place: int) -> int:
    """Return where a name ends that goes on at a place, over at most two links; 0 where it does not."""
    for after in range(place, min(place + 3, len(words))):
        if not text[words[after - 1].end : words[after].start].isspace():
            break
        if words[after].is_name and words[after].lower not in NO_TOPIC:
            return after + 1
        if words[after].lower not in _LINKS:
            break
    return 0


def _names_asked_for(answer: str, before: str, asked: str) -> list[str]:
    """Return the name that answered "who" before, where the pronoun of the next question stands for it."""
    words = words_of(before)
    pronouns = {word.lower for word in words_of(asked)}
    personal = bool(pronouns & PERSONAL)
    if not words or words[0].lower not in _ASKS_FOR_A_NAME or not (personal or pronouns & PLURAL):
        return []
    known = {word.lower for word in words}
    told = words_of(answer)
    ahead = {after.start: word.lower for word, after in pairwise(told)}
    for run in _runs(answer):
        is_new = run[0].text[0].isupper() and known.isdisjoint(word.lower for word in run)
        if is_new and personal == (ahead.get(run[0].start, "") not in _PLACING):
            return [answer[run[0].start : run[-1].end]]
    return []


def _with_topics(question: str, topics: Sequence[str]) -> str:
    """Return a question with those topics in brackets behind it that it does not name itself."""
    named = {word.lower for word in words_of(question)}
    kept: list[str] = []
    count = 0
    for topic in topics:
        words = [word.lower for word in words_of(topic)]
        if not named.issuperset(words) and count + len(words) <= MAX_CARRIED_WORDS:
            kept.append(topic)
            named.update(words)
            count += len(words)
    question = question[:1].upper() + question[1:]
    return f"{question} ({' '.join(kept)[:MAX_CARRIED_CHARACTERS].rstrip()})?" if kept else f"{question}?"
