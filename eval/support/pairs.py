"""Pairs of a sentence and a quote of which it is known whether the one supports the other, made by rule.

From question sets: a question with its answer is a statement that a person worded anew, its sentence the
quote; a sentence of a document may be shortened, reworded by simple rules, or joined with another one. What
is not supported is the same with one thing exchanged, negated or added, or over a quote from elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from rag.reading.opposites import OPPOSITES
from rag.reading.training.examples import occurrences, split
from rag.reading.training.sources import Asked

# Opposites that the score does not know: how it does with words that nobody listed.
UNLISTED = dict(
    pair
    for line in (
        "hot cold, rich poor, long short, high low, large small, open closed, success failure, rise fall, "
        "victory defeat, import export, ancient modern, rural urban, wide narrow, heavy light, rose fell, "
        "gained lost, permanent temporary, full empty, fast slow, arrived departed, summer winter, wet dry, "
        "cheap expensive, often rarely, deep shallow, good bad, simple complex, hard soft, many few, "
        "rapidly slowly, raised lowered, appointed dismissed, near far, easy difficult, thick thin"
    ).split(", ")
    for pair in (line.split(), line.split()[::-1])
)
_SYNONYMS = dict(
    line.split("/")
    for line in (
        "began/started, started/began, built/constructed, constructed/built, large/big, founded/established, "
        "established/founded, approximately/about, located/situated, bought/purchased, main/principal, "
        "received/got, important/significant, ended/finished, used/employed, created/made, required/needed, "
        "provided/gave, significant/important, primarily/mainly, mainly/chiefly, various/different, "
        "several/some, often/frequently, also/too, however/though, allowed/permitted, helped/assisted, "
        "called/named, near/close to, city/town, whole/entire, entire/whole, showed/demonstrated, "
        "happened/occurred, occurred/happened, chosen/selected, selected/chosen, war/conflict"
    ).split(", ")
)  # fmt: skip
_WORD = regex.compile(r"\p{L}+")
_NAME = regex.compile(r"(?<!\A)(?<![.!?]\s)\b\p{Lu}[\p{L}\p{M}’'-]{2,}(?:\s\p{Lu}[\p{L}\p{M}’'-]+)*")
_NUMBER = regex.compile(r"(?<![\p{L}\d.,])\d[\d,]*(?![\d.,]*\d|\p{L})")
_VERB = regex.compile(r"\b(was|were|is|are|has|have|had|will|would|could|can|may|must|should|did|does|do)\b")
_NEGATED = regex.compile(r"\b(?:not|never)\s", regex.IGNORECASE)
_ASIDE = regex.compile(r"\s?\([^()]*\)|,\s(?:which|who|where|whose)\s[^,]+,")
_OPENING = regex.compile(
    r"(?P<first>(?:In|During|After|Before|On|At|By|From|Since|Under|With|For)\s[^,]{3,60}),\s(?P<rest>.+?)\.?"
)
_PRONOUN = regex.compile(r"(?:He|She|It)\b(?!['’])")
_ASKING = regex.compile(
    r"(?P<before>.*?)\b(?P<wh>who|whom|whose|what|which|when|where|why|how)\b(?P<after>.*)", regex.I
)
_AUXILIARY = regex.compile(r"(?P<noun>.*?)\b(?P<verb>is|are|was|were|did|does|do)\b\s*(?P<rest>.*)", regex.I)
_PARTICIPLE = regex.compile(r"(?<=\S\s)(?:\p{Ll}+(?:ed|en|wn)|built|made|held|found|set|won|led|born|sold)\b")
_FEWEST_WORDS = 6


@dataclass(frozen=True, slots=True)
class SupportPair:
    """A sentence and a quote, and whether this supports the whole of it; `kind` is how it was made."""

    sentence: str
    quote: str
    supported: bool
    kind: str
    group: str


def declared(question: str, answer: str) -> str:
    """Return a statement with the words of a question and its answer; its grammar is rough."""
    asked = question.strip().rstrip("?").strip()
    found = _ASKING.fullmatch(asked)
    if found is None:
        return f"{asked}: {answer}."
    before, kind, after = found["before"].strip(), found["wh"].lower(), found["after"].strip()
    if kind == "how":
        after = regex.sub(r"^(?:many|much|long|far|old|often)\b\s*", "", after)
    verb = _AUXILIARY.fullmatch(after)
    if before and before.lower() not in _PREPOSITIONS:
        # "The dam was built in what year": the answer stands where the question word does.
        return _sentence(before, answer, after)
    if verb is None:
        return _sentence(answer, after)
    rest = verb["rest"]
    if verb["verb"].lower() in ("did", "does", "do"):
        return _sentence(rest, before.lower(), _placed(kind, answer), verb["noun"])
    participle = _PARTICIPLE.search(rest)
    if participle and (before or kind not in ("who", "what", "which") or verb["noun"].strip() == ""):
        turned = f"{rest[: participle.start()]}{verb['verb']} {rest[participle.start() :]}"
        return _sentence(turned, before.lower(), _placed(kind, answer), verb["noun"])
    return _sentence(answer, verb["noun"], verb["verb"], rest)


_PREPOSITIONS = frozenset("in on at by for from to with during of under into through".split())


def _placed(kind: str, answer: str) -> str:
    opens = answer.split(maxsplit=1)[0].lower()
    return f"in {answer}" if kind in ("when", "where") and opens not in _PREPOSITIONS else answer


def _sentence(*parts: str) -> str:
    text = " ".join(" ".join(parts).split()).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def shortened(sentence: str, rng: random.Random) -> str | None:
    """Return a sentence without one of its clauses; None where it has none to leave out."""
    options = [sentence[: match.start()] + sentence[match.end() :] for match in _ASIDE.finditer(sentence)]
    if opening := _OPENING.fullmatch(sentence):
        options.append(_sentence(opening["rest"]))
    cut = sentence.rfind(", ")
    if cut > 0 and not regex.match(r",\s(?:and|or)\s", sentence[cut:]):
        options.append(sentence[:cut] + ".")
    options = [text for text in options if len(text.split()) >= _FEWEST_WORDS]
    return rng.choice(options) if options else None


def reworded(sentence: str, title: str, rng: random.Random) -> str | None:
    """Return a sentence said in other words by simple rules; None where none of them fits."""
    text = sentence
    if opening := _OPENING.fullmatch(text):
        text = _sentence(opening["rest"], opening["first"][:1].lower() + opening["first"][1:])
    if pronoun := _PRONOUN.match(text):
        text = title + text[pronoun.end() :]
    known = [match for match in _WORD.finditer(text) if match.group() in _SYNONYMS]
    for match in reversed(rng.sample(known, min(len(known), 3))):
        text = regex.sub(rf"\b{match.group()}\b", _SYNONYMS[match.group()], text, count=1)
    return text if text != sentence else None


def altered(sentence: str, names: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield a sentence with one thing in it changed, so that it says something else, with what it was."""
    if numbers := [match for match in _NUMBER.finditer(sentence) if match.group().replace(",", "").isdigit()]:
        match = rng.choice(numbers)
        yield "number swapped", _put(sentence, match, _other_number(match.group(), rng))
    if found := list(_NAME.finditer(sentence)):
        match = rng.choice(found)
        length = len(match.group().split())
        fitting = [name for name in names if len(name.split()) == length and name not in sentence]
        if fitting:
            yield "name swapped", _put(sentence, match, rng.choice(fitting))
    if negated := _NEGATED.search(sentence):
        yield "negation dropped", sentence[: negated.start()] + sentence[negated.end() :]
    elif verb := _VERB.search(sentence):
        no = rng.choice(("not", "never"))
        yield "negation added", f"{sentence[: verb.end()]} {no}{sentence[verb.end() :]}"
    for kind, opposites in (("opposite", OPPOSITES), ("opposite, unlisted", UNLISTED)):
        if words := [match for match in _WORD.finditer(sentence) if match.group() in opposites]:
            match = rng.choice(words)
            yield kind, _put(sentence, match, opposites[match.group()])


def _put(text: str, match: regex.Match[str], other: str) -> str:
    return text[: match.start()] + other + text[match.end() :]


def _other_number(text: str, rng: random.Random) -> str:
    value = int(text.replace(",", ""))
    span = 30 if 1000 <= value <= 2100 else max(3, value // 2)
    other = abs(value + rng.choice((-1, 1)) * rng.randint(1, span))
    return str(other if other != value else value + 1)


class PairMaker:
    """Makes pairs of the questions and contexts of some articles; `rng` decides what is left to chance."""

    def __init__(self, articles: Sequence[tuple[str, list[Asked]]], rng: random.Random) -> None:
        self._articles = articles
        self._rng = rng

    def pairs(self, contexts: int, questions: int) -> Iterator[SupportPair]:
        """Yield pairs of at most so many contexts and questions of each article."""
        every = {title: _sentences(asked) for title, asked in self._articles}
        for title, asked in self._articles:
            names = sorted(
                {m.group() for told in every[title].values() for s in told for m in _NAME.finditer(s)}
            )
            others = [
                s for other, told in every.items() if other != title for part in told.values() for s in part
            ]
            usable = [told for told in every[title].values() if len(told) > 1]
            for told in self._rng.sample(usable, min(contexts, len(usable))):
                for kind, supported, sentence, quote in self._of_context(told, title, names, others):
                    yield SupportPair(sentence, quote, supported, kind, title)
            for entry in self._rng.sample(asked, min(questions, len(asked))):
                for kind, supported, sentence, quote in self._of_question(entry, every[title], asked, names):
                    yield SupportPair(sentence, quote, supported, kind, title)

    def _of_context(
        self, told: list[str], title: str, names: list[str], others: list[str]
    ) -> Iterator[tuple[str, bool, str, str]]:
        place = self._rng.randrange(len(told))
        own, near = told[place], told[place - 1 if place else 1]
        quote = self._around(told, place)
        name = title.replace("_", " ")
        said = {
            "copied": own,
            "shortened": shortened(own, self._rng),
            "reworded": reworded(own, name, self._rng),
        }
        short = said["shortened"]
        said["shortened, reworded"] = reworded(short, name, self._rng) if short else None
        for kind, text in said.items():
            if text:
                yield kind, True, text, quote
        claim = self._rng.choice([text for text in said.values() if text])
        for kind, text in altered(claim, names, self._rng):
            yield kind, False, text, quote
        yield "neighbour quoted", False, claim, near
        if others:
            yield "other topic quoted", False, claim, self._rng.choice(others)
        added = shortened(near, self._rng) or near
        joined = _joined(claim, added)
        yield "joined", True, joined, f"{own} {near}"
        yield "half quoted", False, joined, self._rng.choice((own, near))
        if detail := _detail(near):
            widened = f"{claim.rstrip('.')}, {detail}."
            yield "detail added", False, widened, own

    def _of_question(
        self, entry: Asked, contexts: dict[str, list[str]], asked: Sequence[Asked], names: list[str]
    ) -> Iterator[tuple[str, bool, str, str]]:
        told = contexts[entry.context]
        answers = [text for other in asked if other.context == entry.context for text in other.answers[:1]]
        wrong = [text for text in answers if not any(text in own or own in text for own in entry.answers)]
        if not entry.answerable:
            if answers:
                answer = self._rng.choice(answers)
                holding = [text for text in told if any(occurrences(answer, text))]
                if holding:
                    yield "misleading question", False, declared(entry.question, answer), holding[0]
            return
        place = next((n for n, text in enumerate(told) if any(occurrences(entry.answers[0], text))), None)
        if place is None:
            return
        quote = self._around(told, place)
        claim = declared(entry.question, entry.answers[0])
        yield "declared", True, claim, quote
        yield from self._with_another(entry, claim, told[place], told, asked)
        for kind, text in altered(claim, names, self._rng):
            yield kind, False, text, quote
        if wrong:
            yield "answer swapped", False, declared(entry.question, self._rng.choice(wrong)), quote
        elsewhere = [text for text in told if not any(occurrences(entry.answers[0], text))]
        if elsewhere:
            yield "neighbour quoted", False, claim, self._rng.choice(elsewhere)

    def _with_another(
        self, entry: Asked, claim: str, own: str, told: list[str], asked: Sequence[Asked]
    ) -> Iterator[tuple[str, bool, str, str]]:
        """Yield the statement of a question joined with that of another one on the same context."""
        others = [other for other in asked if other.context == entry.context and other.answerable]
        for other in self._rng.sample(others, min(3, len(others))):
            near = next((text for text in told if any(occurrences(other.answers[0], text))), own)
            if near != own:
                joined = _joined(claim, declared(other.question, other.answers[0]))
                yield "declared, joined", True, joined, f"{own} {near}"
                yield "declared, half quoted", False, joined, self._rng.choice((own, near))
                return

    def _around(self, told: list[str], place: int) -> str:
        """Return a sentence, at times with the one before or after it."""
        first = place - (place > 0 and self._rng.random() < 0.3)
        last = place + (place + 1 < len(told) and self._rng.random() < 0.3)
        return " ".join(told[first : last + 1])


def _sentences(asked: Sequence[Asked]) -> dict[str, list[str]]:
    found = {}
    for context in dict.fromkeys(entry.context for entry in asked):
        found[context] = [context[span.start : span.end] for span in split(context)]
    return {
        context: [text for text in told if len(text.split()) >= _FEWEST_WORDS]
        for context, told in found.items()
    }


def _joined(one: str, other: str) -> str:
    return f"{one.rstrip('.')}, and {other}"


def _detail(sentence: str) -> str | None:
    """Return a clause of a sentence that may be added to another one."""
    found = regex.search(
        r"\b(?:in|by|from|after|during|with|for|because of|according to)\s[^,.;()]{8,60}(?=[,.;])", sentence
    )
    return found.group() if found else None
