"""From questions on contexts to what a training pass reads: passages composed anew, negatives of five kinds.

Answerable: a window of the context's sentences around an answer, at times with sentences of other
documents before or after it, as a chunk may hold. Unanswerable, "the right topic, absent fact" first:

- the questions that SQuAD 2.0's annotators wrote to mislead;
- the context without its answering sentences;
- the question with a name, number or opposite exchanged for another one of its article;
- the passage of another context that is nearest by words and holds no answer (TF-IDF, as BM25 would find);
- an answer's sentence replaced by others of its document (QAMR, whose contexts are single sentences).

All are drawn with a generator of the pass's own seed: a pass can be made again after a kill.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import regex

from index.sentences import sentence_spans
from index.types import Block, BlockKind, Span
from rag.reading.opposites import OPPOSITES
from rag.reading.training.sources import Asked

# Words that may be exchanged to turn what is asked into what is not said.
_NAME = regex.compile(
    r"(?<!\A)(?<![.!?]\s)\b\p{Lu}[\p{L}\p{M}’'-]+(?:\s(?:of\s|the\s)?\p{Lu}[\p{L}\p{M}’'-]+)*"
)
_NUMBER = regex.compile(r"(?<![\p{L}\d.,])\d[\d,.]*\d|(?<![\p{L}\d])\d(?![\d\p{L}])")
_WORD = regex.compile(r"\p{L}+")


@dataclass(frozen=True, slots=True)
class Example:
    """A question on a passage with the places of its answers and evidence, none where it does not answer.

    `sentences` are all sentences of the passage; `evidence` are the places in it of those that answer.
    """

    question: str
    passage: str
    sentences: tuple[Span, ...]
    answers: tuple[Span, ...]
    evidence: tuple[int, ...]


class Contexts:
    """The contexts of a set of questions: their sentences, and what stands near them."""

    def __init__(self, asked: Iterable[Asked]) -> None:
        self.groups: dict[str, list[str]] = defaultdict(list)
        for context, group in {entry.context: entry.group for entry in asked}.items():
            self.groups[group].append(context)
        self.all = [context for contexts in self.groups.values() for context in contexts]
        self._sentences: dict[str, list[str]] = {}

    def sentences(self, context: str) -> list[str]:
        """Return a context's sentences."""
        if context not in self._sentences:
            spans = split(context)
            self._sentences[context] = [context[span.start : span.end] for span in spans]
        return self._sentences[context]


def split(text: str) -> list[Span]:
    """Return the sentences of a text as the product cuts a paragraph."""
    found = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            found += sentence_spans(text, Block(BlockKind.PARAGRAPH, start, start + len(line)), "en")
        start += len(line) + 1
    return found


class Composer:
    """Makes examples of questions; `rng` decides all that is left to chance."""

    def __init__(self, contexts: Contexts, rng: random.Random) -> None:
        self._contexts = contexts
        self._rng = rng
        self._names: dict[str, list[str]] = {}

    def answerable(self, asked: Asked, *, words: tuple[int, int]) -> Example | None:
        """Return a passage of some `words` around an answer; None where no sentence of it holds one whole."""
        sentences = self._contexts.sentences(asked.context)
        gold = [place for place, text in enumerate(sentences) if _answers(asked, text)]
        if not gold:
            return None
        first = last = self._rng.choice(gold)
        wanted = self._rng.randint(*words)
        while sum(len(text.split()) for text in sentences[first : last + 1]) < wanted:
            if (first, last) == (0, len(sentences) - 1):
                break
            if last == len(sentences) - 1 or (first > 0 and self._rng.random() < 0.5):
                first -= 1
            else:
                last += 1
        return self._made(asked, sentences[first : last + 1])

    def composed(self, asked: Asked, *, others: int) -> Example:
        """Return the context among sentences of its document and of others: QAMR has single sentences."""
        before, after = self._around(asked, others)
        return self._made(asked, [*before, *self._contexts.sentences(asked.context), *after])

    def among_others(self, asked: Asked, *, others: int) -> Example:
        """Return sentences that stand around a context without it; they may not hold an answer."""
        before, after = self._around(asked, others)
        kept = [text for text in (*before, *after) if not _answers(asked, text)]
        return self._made(replace(asked, answers=(), evidence=()), kept or ["See also"])

    def without_answer(self, asked: Asked) -> Example | None:
        """Return the context without the sentences that answer; None where that leaves too little."""
        sentences = self._contexts.sentences(asked.context)
        kept = [text for text in sentences if not _answers(asked, text)]
        if len(kept) == len(sentences) or sum(map(len, kept)) < 150:
            return None
        return self._made(replace(asked, answers=(), evidence=()), kept)

    def exchanged(self, asked: Asked) -> Asked | None:
        """Return a question that the context hardly answers: one thing in it is another one."""
        options = []
        text = asked.question
        names = [match for match in _NAME.finditer(text) if len(match.group()) > 3]
        for match in names:
            options += self._other(match.group(), self._named(asked), text)
        for match in _NUMBER.finditer(text):
            options.append((match.group(), self._number(match.group())))
        for match in _WORD.finditer(text):
            if (other := OPPOSITES.get(match.group().lower())) is not None:
                options.append((match.group(), other))
        if not options:
            return None
        old, new = self._rng.choice(options)
        changed = regex.sub(rf"\b{regex.escape(old)}\b", lambda _: new, text, count=1)
        if changed == text:
            return None
        return replace(asked, question=changed, answers=(), evidence=())

    def unanswerable(self, asked: Asked, context: str, *, words: tuple[int, int]) -> Example:
        """Return a window of a context that does not answer a question."""
        sentences = self._contexts.sentences(context)
        first = self._rng.randrange(len(sentences)) if self._rng.random() < 0.3 else 0
        wanted = self._rng.randint(*words)
        last = first + 1
        while last < len(sentences) and sum(len(text.split()) for text in sentences[first:last]) < wanted:
            last += 1
        return self._made(replace(asked, answers=(), evidence=()), sentences[first:last])

    def whole(self, asked: Asked) -> Example:
        """Return a context as it is."""
        return self._made(asked, self._contexts.sentences(asked.context))

    def _around(self, asked: Asked, count: int) -> tuple[list[str], list[str]]:
        own = [context for context in self._contexts.groups[asked.group] if context != asked.context]
        chosen = []
        for _ in range(self._rng.randint(1, count)):
            near = own if own and self._rng.random() < 0.7 else self._contexts.all
            context = self._rng.choice(near)
            chosen.append(self._rng.choice(self._contexts.sentences(context)))
        chosen = [text for text in dict.fromkeys(chosen) if text != asked.context]
        cut = self._rng.randint(0, len(chosen))
        return chosen[:cut], chosen[cut:]

    def _named(self, asked: Asked) -> list[str]:
        if asked.group not in self._names:
            texts = self._contexts.groups[asked.group][:60]
            found = {match.group() for text in texts for match in _NAME.finditer(text)}
            self._names[asked.group] = sorted(name for name in found if len(name) > 3)
        return self._names[asked.group]

    def _other(self, name: str, names: Sequence[str], question: str) -> list[tuple[str, str]]:
        length = len(name.split())
        fitting = [other for other in names if len(other.split()) == length and other not in question]
        return [(name, self._rng.choice(fitting))] if fitting else []

    def _number(self, text: str) -> str:
        plain = text.replace(",", "")
        if not plain.isdigit():
            return text
        value = int(plain)
        span = 30 if 1000 <= value <= 2100 else max(3, value // 2)
        return str(max(0, value + self._rng.choice((-1, 1)) * self._rng.randint(1, span)))

    def _made(self, asked: Asked, sentences: Sequence[str]) -> Example:
        passage = ""
        spans = []
        for text in sentences:
            passage += " " if passage else ""
            spans.append(Span(len(passage), len(passage) + len(text)))
            passage += text
        answers = [span for answer in asked.answers for span in occurrences(answer, passage)]
        evidence = [
            place
            for place, (span, text) in enumerate(zip(spans, sentences, strict=True))
            if text in asked.evidence or any(span.start <= answer.start < span.end for answer in answers)
        ]
        return Example(self._question(asked.question), passage, tuple(spans), tuple(answers), tuple(evidence))

    def _question(self, text: str) -> str:
        # People ask without a question mark, too.
        return text.rstrip("? ") if self._rng.random() < 0.3 else text


def occurrences(answer: str, text: str) -> Iterator[Span]:
    """Return where an answer stands in a text as whole words."""
    for match in regex.finditer(rf"(?<![\p{{L}}\p{{N}}]){regex.escape(answer)}(?![\p{{L}}\p{{N}}])", text):
        yield Span(match.start(), match.end())


def _answers(asked: Asked, sentence: str) -> bool:
    return sentence in asked.evidence or any(any(occurrences(text, sentence)) for text in asked.answers)
