"""Whether a sentence is on the page that it is said to be on, by the text that pdfium has of the page."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from eval.formats.words import letters, words_of
from index.pages import page_at
from index.sentences import sentence_spans
from index.types import BlockKind, Document, PageReading, Span

# So many of a sentence's letters have to be on its page in a row: its end may be on the next one.
_BEGINNING = 24
_SHORTEST = 12
# Where pdfium has a line in another order, as that of a formula, so many of its words have to be there.
_MOST = 0.75
_SHOWN = 60


class Found(StrEnum):
    """How a sentence was found on its page: by its first letters in a row, by its words, or not at all."""

    LETTERS = "letters"
    WORDS = "words"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a document, and the page that it is said to begin on."""

    file: str
    text: str
    page: int


@dataclass(frozen=True, slots=True)
class PageTexts:
    """What is on each page of a file: its letters and digits in a row, and how often each word."""

    letters: tuple[str, ...]
    words: tuple[Counter[str], ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Return the pages that have some texts."""
        return cls(tuple(map(letters, texts)), tuple(Counter(words_of(text)) for text in texts))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the pages of a PDF as pdfium reads them."""
        return cls.of(texts_of_pages(path))

    def found(self, text: str, page: int) -> Found:
        """Tell whether a page shows a sentence.

        By its letters: the first 24 letters and digits stand there in a row, whatever is between them.
        By its words: three quarters of them are on the page, and no other page has more of them.
        """
        if not 1 <= page <= len(self.letters):
            return Found.NOT
        if letters(text)[:_BEGINNING] in self.letters[page - 1]:
            return Found.LETTERS
        shares = self.shares(text)
        here = shares[page - 1]
        return Found.WORDS if here >= _MOST and here == max(shares) else Found.NOT

    def shares(self, text: str) -> list[float]:
        """Return the share of a text's words that each page has."""
        words = Counter(words_of(text))
        return [(words & there).total() / max(1, words.total()) for there in self.words]


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A sentence that is not on its page, with the reason as far as the pages tell it."""

    file: str
    page: int
    text: str
    reason: str


def texts_of_pages(path: Path) -> list[str]:
    """Return what pdfium reads on each page of a PDF, in the order in which it was written into the file."""
    import pypdfium2  # noqa: PLC0415 - the command line must not load it before it is needed

    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


def sentences_of(document: Document, file: str) -> list[Sentence]:
    """Return the sentences of the pages that have a text of their own, each cut where its page ends.

    One of fewer than twelve letters could be anywhere, and pdfium has no text of a page read by OCR.
    """
    found = []
    for block in document.blocks:
        if block.kind is BlockKind.TABLE:
            continue  # a row has the names of its columns in it, which stand elsewhere
        for span in sentence_spans(document.text, block, document.language):
            if (sentence := _sentence(document, span, file)) is not None:
                found.append(sentence)
    return found


def _sentence(document: Document, span: Span, file: str) -> Sentence | None:
    number = page_at(document.pages, span.start)
    if number is None:
        return None
    page = document.pages[number - 1]
    text = document.text[span.start : max(span.start, min(span.end, page.end))]
    if page.reading is not PageReading.TEXT or len(letters(text)) < _SHORTEST:
        return None
    return Sentence(file, text, number)


def sample(sentences: Sequence[Sentence], count: int, seed: int) -> list[Sentence]:
    """Return some sentences drawn at random, the same for the same seed."""
    # S311: a sample, not a secret.
    return random.Random(seed).sample(list(sentences), min(count, len(sentences)))  # noqa: S311


def reason_of(sentence: Sentence, pages: PageTexts) -> Misplaced:
    """Return a sentence that is not on its page, with what the pages tell of it."""
    shares = pages.shares(sentence.text)
    best = max(range(len(shares)), key=lambda position: shares[position])
    here = shares[sentence.page - 1]
    if shares[best] > here:
        reason = f"page {best + 1} has {shares[best]:.0%} of its words, this one {here:.0%}"
    else:
        reason = f"pdfium spells it another way: {here:.0%} of its words are on this page, no page has more"
    return Misplaced(sentence.file, sentence.page, " ".join(sentence.text.split())[:_SHOWN], reason)
