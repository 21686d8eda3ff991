"""A reader that is asked the same twice in a row, and reads once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from index.embedding import Embedder
from index.types import Hit
from rag.models import Readers
from rag.reading import Reader
from rag.types import Reading


class RememberingReader:
    """Implements `Reader` with another one whose last reading is kept.

    A run asks what was withheld once more without a threshold, to see which sentence came first: the
    same passages, read for the same question.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # Of each thread its own: several may ask at once.
        self._last = threading.local()

    @property
    def threshold(self) -> float:
        """That of the other reader."""
        return self._reader.threshold

    def read(self, question: str, hits: Sequence[Hit]) -> Reading:
        """Return what the other reader does, or did the last time."""
        asked = (question, tuple(hits))
        if getattr(self._last, "asked", None) != asked:
            self._last.reading = self._reader.read(question, hits)
            self._last.asked = asked
        reading: Reading = self._last.reading
        return reading


class RememberingReaders(Readers):
    """Makes readers that remember their last reading."""

    def reader_of(self, embedder: Embedder) -> Reader:
        """Return the reader for what is embedded by an embedder."""
        return RememberingReader(super().reader_of(embedder))
