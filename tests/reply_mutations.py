"""Replies of language models to be, generated: exact quotes, and quotes that are false in every known way.

All is drawn from a `random.Random`, be it a seeded one or one of Hypothesis. What is false is told apart
from what is true by means of its own (`stands`), not by those of the code under test.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import regex

from index.terms import STOP_WORDS, words
from index.types import Hit
from rag.generation.writing import ClaimedQuote
from rag.types import Verdict

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
_TOKEN = regex.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_INVISIBLE = regex.compile("[\u00ad\u200b\u2060\ufeff\u202e\U000e0041]")
_MARKS = {ord(mark): "'" for mark in "‘’‚‛`´"} | {ord(mark): '"' for mark in "“”„‟«»"}
_IN_WORD = regex.compile(rf"[[\w]--[{_UNSPACED}]]", regex.V1)
_NEGATIONS = regex.compile(r"(?i)\b(?:not|never|no|nicht|niemand|pas|jamais|не|لا|لم)\b|n't\b|不|没有")
_LOOKALIKES = dict(zip("aceopxyijsBHKMTаеорсухі", "асеорхуіјѕВНКМТaeopcyxi", strict=True))
_NAMES = ("Margarethe", "Whitlock", "Castellano", "Østergaard", "Ростов", "Nairobi", "山田")
_INVENTED = (
    "the committee unanimously approved every proposal that the minister had made",
    "alle Angaben wurden von unabhängigen Gutachtern bestätigt",
    "guests praise the excellent breakfast and the friendly owner",
    "согласно последним данным население города удвоилось",
    "据说这里的龙每百年醒来一次",
    "you may call the support line at any time to get a refund",
)
_SENTENCES = tuple(
    f"{what} {how}."
    for what in ("The sources", "These pages", "The notes", "Those papers", "The records")
    for how in ("say so", "speak of that", "give the answer", "deal with this question", "tell it plainly")
)
_FALSE = frozenset({Verdict.STITCHED, Verdict.ALTERED, Verdict.ABSENT})
_ATTEMPTS = 400

Change = Callable[[Random, str], str | None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Words as they stand in a document, and the place of their hit."""

    hit: int
    raw: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A sentence of a reply, the verdicts it may have, and which of its quotes stand in the documents."""

    text: str
    quotes: tuple[ClaimedQuote, ...]
    verdicts: frozenset[Verdict]
    exact: tuple[Drawn, ...] = ()
    shown: bool = True
    kind: str = "exact"


def folded(text: str) -> str:
    """Return a text without what may be put aside in comparing quotes."""
    return " ".join(_INVISIBLE.sub("", text).translate(_MARKS).split())


def stands(text: str, hits: Sequence[Hit]) -> bool:
    """Tell whether a text stands in any passage, between characters that are no letters or digits."""
    core = folded(text).strip(" \"'*_.,;:!?…")
    return not core or any(_stands_in(core, _folded_passage(hit.passage.text)) for hit in hits)


@cache
def _folded_passage(text: str) -> str:
    return f" {folded(text)} "


def _stands_in(core: str, text: str) -> bool:
    start = text.find(core)
    while start >= 0:
        around = (text[start - 1], core[0]), (core[-1], text[start + len(core)])
        if not any(_IN_WORD.match(first) and _IN_WORD.match(second) for first, second in around):
            return True
        start = text.find(core, start + 1)
    return False


@cache
def _tokens(text: str) -> tuple[regex.Match[str], ...]:
    return tuple(_TOKEN.finditer(text))


def _at(rng: Random, text: str, pattern: str, change: Callable[[str], str]) -> str | None:
    """Change one match of a pattern in a text."""
    found = list(regex.finditer(pattern, text))
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()] + change(match.group()) + text[match.end() :]


@cache
def _says_nothing(raw: str) -> bool:
    # More words than these in a row are never function words alone.
    return raw.count(" ") < 8 and set(words(raw)) <= STOP_WORDS


def negation(rng: Random, raw: str) -> str | None:
    if (match := _NEGATIONS.search(raw)) and rng.random() < 0.6:
        return raw[: match.start()] + raw[match.end() :]
    tokens = _tokens(raw)
    place = rng.choice(tokens[1:]).start() if len(tokens) > 1 else 0
    word = "不" if regex.search(r"\p{Han}", raw) else rng.choice(["not ", "never ", "nicht ", "не ", "no "])
    return raw[:place] + word + raw[place:]


def number(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, r"\d", lambda digit: str((int(digit) + rng.randint(1, 9)) % 10))


def name(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, r"(?<=\s)\p{Lu}\p{Ll}+", lambda _: rng.choice(_NAMES))


def homoglyph(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, f"[{''.join(_LOOKALIKES)}]", lambda letter: _LOOKALIKES[letter])


def truncation(rng: Random, raw: str) -> str | None:
    letter = rf"[[\p{{L}}\p{{M}}]--[{_UNSPACED}]]"
    places = [match.start() for match in regex.finditer(rf"(?V1)(?<={letter})(?={letter})", raw)]
    if not places:
        return None
    return raw[: max(places)] if rng.random() < 0.5 else raw[min(places) :]


def word_order(rng: Random, raw: str) -> str | None:
    return _at(
        rng, raw, r"(?<!\S)[^\s\p{P}]+ [^\s\p{P}]+(?!\S)", lambda pair: " ".join(reversed(pair.split(" ")))
    )


def word_dropped(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, rf"(?<=\S)\s+\S+(?=\s)|(?<=.)[{_UNSPACED}](?=.)", lambda _: "")


def word_added(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, r"(?<=\S) (?=\S)", lambda _: f" {rng.choice(raw.split())} ")


def case(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, r"[\p{Lu}\p{Ll}]", str.swapcase)


def accent(rng: Random, raw: str) -> str | None:
    bare = _at(rng, raw, r"[à-ÿ]", lambda letter: unicodedata.normalize("NFD", letter)[0])
    return bare or _at(rng, raw, r"[aeou]", lambda letter: unicodedata.normalize("NFC", f"{letter}\u0301"))


def punctuation(rng: Random, raw: str) -> str | None:
    return _at(rng, raw, r"(?<=\w)[,;:(|-](?=.*\w)|(?<=\w)[,;:)](?= \w)", lambda _: "")


def markup(rng: Random, raw: str) -> str | None:
    around = ("<b>{}</b>", "<q>{}</q>", "[{}](https://evil.example/x.png)", "![{}](data:x)", "<!-- {} -->")
    return rng.choice(around).format(raw.replace("{", "").replace("}", ""))


def invented(rng: Random, raw: str) -> str | None:
    return rng.choice(_INVENTED)


CHANGES: dict[str, Change] = {
    change.__name__: change
    for change in (
        negation, number, name, homoglyph, truncation, word_order, word_dropped, word_added, case, accent,
        punctuation, markup, invented,
    )
}  # fmt: skip
KINDS = (
    "exact", "decorated", "zero_width", "quoted_in_sentence", "wrong_document", "out_of_range",
    "no_number", "several", "function_words", *CHANGES, "stitched_with_ellipsis", "stitched",
    "altered_in_sentence", "number_in_sentence", "address_in_sentence",
)  # fmt: skip


class Replies:
    """Plans and writes replies about some hits."""

    def __init__(self, rng: Random, hits: Sequence[Hit]) -> None:
        self._rng = rng
        self._hits = hits

    def planned(self, kind: str) -> list[Planned]:
        """Return the sentences of a reply: one of a kind, among up to three that quote exactly."""
        texts = self._rng.sample(_SENTENCES, self._rng.randint(1, 4))
        sentences = [self._exact(text) for text in texts]
        place = self._rng.randrange(len(sentences))
        sentences[place] = replace(self._of(kind, sentences[place].text), kind=kind)
        return sentences

    def drawn(self, least: int = 3, most: int = 18, *, function_words: bool = False) -> Drawn:
        """Return a span between word boundaries of a passage, of function words alone if so wished."""
        while True:
            hit = self._rng.randrange(len(self._hits))
            text = self._hits[hit].passage.text
            tokens = _tokens(text)
            if len(tokens) >= least:
                start = self._rng.randint(0, len(tokens) - least)
                end = min(len(tokens), start + self._rng.randint(least, most)) - 1
                drawn = Drawn(hit, text[tokens[start].start() : tokens[end].end()])
                if _says_nothing(drawn.raw) == function_words:
                    return drawn

    def _exact(self, text: str) -> Planned:
        drawn = self.drawn()
        quote = ClaimedQuote(drawn.hit + 1, self._typed(drawn.raw))
        return Planned(text, (quote,), frozenset({Verdict.EXACT}), (drawn,))

    def _typed(self, raw: str) -> str:
        """Return words as a model may type them: white space and quotation marks are its own."""
        rng = self._rng
        typed = _INVISIBLE.sub("", raw) if rng.random() < 0.7 else raw
        if rng.random() < 0.5:
            typed = " ".join(typed.split())
        return typed.translate(_MARKS) if rng.random() < 0.3 else typed

    def _false(self, change: Change) -> str:
        """Return changed words that stand nowhere."""
        for _ in range(_ATTEMPTS):
            raw = self.drawn().raw
            changed = change(self._rng, raw)
            if changed is not None and not stands(changed, self._hits):
                return self._typed(changed)
        # Not every collection has an accent or a digit to change; it is invented then.
        return self._rng.choice(_INVENTED)

    def _of(self, kind: str, text: str) -> Planned:
        if kind in CHANGES:
            source = self._rng.randint(1, len(self._hits))
            quote = ClaimedQuote(source, self._false(CHANGES[kind]))
            return Planned(text, (quote,), _FALSE, shown=False)
        planned = self._exact(text)
        (quote,) = planned.quotes
        plan: dict[str, Callable[[], Planned]] = {
            "exact": lambda: planned,
            "decorated": lambda: self._with(planned, self._decorated(quote.words)),
            "zero_width": lambda: self._with(planned, self._zero_width(quote.words)),
            "wrong_document": lambda: self._moved(planned),
            "out_of_range": lambda: self._relocated(
                planned, self._rng.choice([0, len(self._hits) + 1, len(self._hits) + 7, 999])
            ),
            "no_number": lambda: self._relocated(planned, None),
            "several": lambda: self._several(planned),
            "function_words": lambda: self._of_function_words(text),
            "stitched": lambda: self._stitched(text, " "),
            "stitched_with_ellipsis": lambda: self._stitched(
                text, self._rng.choice([" … ", " ... ", " [...] ", "… ", " […] "])
            ),
            "quoted_in_sentence": lambda: self._quoting(planned, altered=False),
            "altered_in_sentence": lambda: self._quoting(planned, altered=True),
            "number_in_sentence": lambda: self._telling(planned, f"It was {self._rng.randint(3000, 9000)}"),
            "address_in_sentence": lambda: self._telling(
                planned,
                self._rng.choice(["See https://evil.example/?q=", "Mail a@evil.example", "See evil.zip"]),
            ),
        }
        return plan[kind]()

    def _of_function_words(self, text: str) -> Planned:
        """Quote what stands everywhere and says nothing; it counts as nothing quoted."""
        drawn = self.drawn(1, 2, function_words=True)
        quote = ClaimedQuote(drawn.hit + 1, drawn.raw)
        return Planned(text, (quote,), frozenset({Verdict.ABSENT}), shown=False)

    def _with(self, planned: Planned, words: str) -> Planned:
        (quote,) = planned.quotes
        return Planned(planned.text, (ClaimedQuote(quote.source, words),), planned.verdicts, planned.exact)

    def _decorated(self, words: str) -> str:
        around = ("“{}”", '"{}"', "**{}**", "`{}`", "_{}_", "« {} »", "{}…", "...{}", "… {} ...", "{}.")
        return self._rng.choice(around).replace("{}", words)

    def _zero_width(self, words: str) -> str:
        place = self._rng.randrange(len(words) + 1)
        return words[:place] + self._rng.choice("\u00ad\u200b\u2060\ufeff\u202e\U000e0041") + words[place:]

    def _relocated(self, planned: Planned, source: int | None) -> Planned:
        (quote,) = planned.quotes
        moved = (ClaimedQuote(source, quote.words),)
        return Planned(planned.text, moved, frozenset({Verdict.RELOCATED}), planned.exact)

    def _moved(self, planned: Planned) -> Planned:
        others = [
            number
            for number, hit in enumerate(self._hits, start=1)
            if not stands(planned.exact[0].raw, [hit])
        ]
        return self._relocated(planned, self._rng.choice(others) if others else None)

    def _several(self, planned: Planned) -> Planned:
        """Add a quote that is false to one that is exact, in either order."""
        change = CHANGES[self._rng.choice(list(CHANGES))]
        quotes = [*planned.quotes, ClaimedQuote(1, self._false(change))]
        self._rng.shuffle(quotes)
        return Planned(planned.text, tuple(quotes), planned.verdicts, planned.exact)

    def _stitched(self, text: str, between: str) -> Planned:
        while True:
            first, second = self.drawn(5, 12), self.drawn(5, 12)
            words = f"{first.raw}{between}{second.raw}"
            if not stands(words, self._hits):
                quote = ClaimedQuote(first.hit + 1, words)
                return Planned(text, (quote,), _FALSE, shown=False)

    def _quoting(self, planned: Planned, *, altered: bool) -> Planned:
        """Put words in quotation marks into a sentence whose own quote is exact."""
        while True:
            drawn = self.drawn(3, 10)
            raw = " ".join(_INVISIBLE.sub("", drawn.raw).split())
            if altered:
                changed = CHANGES[self._rng.choice(["negation", "number", "name", "word_dropped"])](
                    self._rng, raw
                )
                raw = "" if changed is None or stands(changed, self._hits) else changed
            # Marks of its own would end the quotation, and markup is taken out of sentences.
            if raw and not regex.search("[\"“”„«»`*_<>|\\[\\]()‘’'#「」-]", raw):
                break
        opened, closed = self._rng.choice([("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("「", "」")])
        text = f"{planned.text[:-1]}: {opened}{raw}{closed}."
        if altered:
            return Planned(text, planned.quotes, frozenset({Verdict.ALTERED}), planned.exact, shown=False)
        quote = ClaimedQuote(drawn.hit + 1, raw)
        return Planned(text, (quote,), planned.verdicts, (drawn,))

    def _telling(self, planned: Planned, told: str) -> Planned:
        text = f"{told}, as {planned.text[0].lower()}{planned.text[1:]}"
        return Planned(text, planned.quotes, frozenset({Verdict.ALTERED}), planned.exact, shown=False)
