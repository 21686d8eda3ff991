"""Words at the ends of lines made whole again, with where each stands in the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from index.loading.pdf.placed import Line, PlacedWord
from index.types import Span

HYPHENS = "-\N{HYPHEN}"
# Before these a hyphen stands for the part of a word that comes later: `pre- and post-war`.
_SUSPENDING = frozenset({"and", "or", "und", "oder", "bzw", "sowie"})
_PUNCTUATION = ".,;:!?()[]{}\"'“”„«»‚‘’"


class Mender:
    """Joins words to text, and those that the end of a line broke to one word.

    Whether a hyphen was put there by the break or belongs to the word is told by how the document
    writes that word elsewhere, within its lines.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._known = frozenset(_bare(word.text) for line in lines for word in line.words[:-1])

    def mended(self, words: Sequence[PlacedWord]) -> tuple[str, list[Span]]:
        """Return words as text, the broken ones whole, and where each of them stands in it."""
        parts: list[str] = []
        spans: list[Span] = []
        length = 0
        for position, word in enumerate(words):
            following = words[position + 1] if position + 1 < len(words) else None
            text, between = word.text, " " if following is not None else ""
            if following is not None and self._is_broken(word, following):
                between = ""
                text = text[:-1] if self._loses_hyphen(word, following) else text
            spans.append(Span(length, length + len(text)))
            parts += [text, between]
            length += len(text) + len(between)
        return "".join(parts), spans

    def _is_broken(self, word: PlacedWord, following: PlacedWord) -> bool:
        """Tell whether a word goes on in the next one, which is on another line."""
        if len(word.text) < 2 or word.text[-1] not in HYPHENS or not word.text[-2].isalnum():
            return False
        if abs(following.baseline - word.baseline) <= 0.5 * word.size or not following.text[0].isalnum():
            return False
        return _bare(following.text) not in _SUSPENDING or self._knows(word, following)

    def _loses_hyphen(self, word: PlacedWord, following: PlacedWord) -> bool:
        if not (word.text[-2].isalpha() and following.text[0].isalpha()):
            return False  # `COVID-19`, `1914-1918`, `12-foot`
        if f"{_bare(word.text[:-1])}-{_bare(following.text)}" in self._known:
            return False
        if following.text[0].islower():
            return True
        # `Schwarz-Weiß` at the end of a line keeps its hyphen, `HYPER-BOLISCH` does not.
        return self._knows(word, following) or (word.text[:-1].isupper() and following.text.isupper())

    def _knows(self, word: PlacedWord, following: PlacedWord) -> bool:
        return f"{_bare(word.text[:-1])}{_bare(following.text)}" in self._known


def _bare(text: str) -> str:
    return text.strip(_PUNCTUATION).casefold()
