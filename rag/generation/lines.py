"""The form of lines that a language model replies in: `Q1: exact words`, then `S: a sentence`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import regex

from rag.generation.writing import ClaimedQuote, WrittenSentence

_BEFORE = r"\s*(?:(?:[-*•>]|\d{1,2}[.)])\s+)?(?:\*\*|__)?"
_QUOTE_LINE = regex.compile(
    rf"{_BEFORE}(?:Q|Quote|Source)\s*\[?\s*(?P<source>\d{{1,4}})?\s*\]?(?:\*\*|__)?\s*[:：](?:\*\*|__)?\s*(?P<words>.*)",
    regex.IGNORECASE,
)
_SENTENCE_LINE = regex.compile(
    rf"{_BEFORE}(?:S|Sentence|A|Answer)\s*\d{{0,2}}(?:\*\*|__)?\s*[:：](?:\*\*|__)?\s*(?P<text>.*)",
    regex.IGNORECASE,
)
_INLINE = regex.compile(
    r"\s*\[\s*(?P<source>\d{1,4})\s*\]\s*[:：]?\s*(?:\"(?P<straight>[^\"]+)\"|“(?P<curly>[^”]+)”)"
)
_FENCE = regex.compile(r"\s*```\w*\s*")
_WORD = regex.compile(r"[\p{L}\p{N}]")


def is_labelled(line: str) -> bool:
    """Tell whether a line says what it is."""
    return bool(_QUOTE_LINE.fullmatch(line) or _SENTENCE_LINE.fullmatch(line))


@dataclass(slots=True)
class Lines:
    """Reads the form of lines, line by line.

    Whether quotes stand before their sentences or after them is told by what comes first of the two.
    """

    quotes_first: bool | None = None
    labelled: bool = False
    # A sentence that waits for quotes after it, the quotes since the last sentence, and lines behind
    # them without a label, each with how many quotes came before it: sentences, or how a quote goes on.
    text: str | None = None
    quotes: list[ClaimedQuote] = field(default_factory=list)
    loose: list[tuple[int, str]] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        """Whether there was a line with a label."""
        return self.labelled or bool(self.quotes)

    def line(self, line: str) -> Iterator[WrittenSentence]:
        """Yield the sentences that are complete with the next line."""
        if not line.strip() or _FENCE.fullmatch(line):
            return
        if match := _QUOTE_LINE.fullmatch(line):
            if len({count for count, _ in self.loose}) > 1:
                yield from self._settled()
            source = match["source"]
            self.quotes.append(ClaimedQuote(int(source) if source else None, match["words"].strip()))
            return
        match = _SENTENCE_LINE.fullmatch(line)
        text = (match["text"] if match else line).strip()
        inline = [
            ClaimedQuote(int(found["source"]), found["straight"] or found["curly"])
            for found in _INLINE.finditer(text)
        ]
        text = _INLINE.sub("", text).strip()
        if inline:
            if self.text is not None or self.loose:
                yield from self.end()
            yield WrittenSentence(text, (*self._taken(), *inline))
        elif _WORD.search(text) or (self.quotes and self.labelled and not match):
            yield from self._labelled(text) if match else self._unlabelled(text)

    def end(self) -> Iterator[WrittenSentence]:
        """Yield the sentences that wait for what comes after them."""
        yield from self._settled()
        if self.text is not None:
            text, self.text = self.text, None
            yield WrittenSentence(text, self._taken())

    def _labelled(self, text: str) -> Iterator[WrittenSentence]:
        self.labelled = True
        if self.quotes_first is None:
            self.quotes_first = bool(self.quotes)
            if self.text is not None:
                # What was said before the first label is no sentence of the form.
                before, self.text = self.text, None
                yield WrittenSentence(before, ())
        if self.quotes_first:
            for count, more in self.loose:
                self._go_on(count, more)
            self.loose.clear()
            yield WrittenSentence(text, self._taken())
        else:
            yield from self.end()
            self.text = text

    def _unlabelled(self, text: str) -> Iterator[WrittenSentence]:
        if self.quotes and self.labelled:
            self._go_on(len(self.quotes), text)
        elif self.quotes and self.text is None:
            self.loose.append((len(self.quotes), text))
        elif self.labelled and self.text is not None:
            self.text = f"{self.text} {text}"
        else:
            yield from self.end()
            if self.quotes_first or text.endswith((":", "：")):
                yield WrittenSentence(text, ())
            else:
                self.text = text

    def _go_on(self, count: int, text: str) -> None:
        quote = self.quotes[count - 1]
        self.quotes[count - 1] = ClaimedQuote(quote.source, f"{quote.words} {text}".strip())

    def _settled(self) -> Iterator[WrittenSentence]:
        taken = 0
        for count, text in self.loose:
            yield WrittenSentence(text, tuple(self.quotes[taken:count]))
            taken = count
        del self.quotes[:taken]
        self.loose.clear()

    def _taken(self) -> tuple[ClaimedQuote, ...]:
        quotes, self.quotes = tuple(self.quotes), []
        return quotes
