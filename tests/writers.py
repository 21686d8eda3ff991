"""A deterministic `Writer` for tests: it writes what it was given, and fails where it was told to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from rag.generation.writing import Assignment, ClaimedQuote, WritingFailed, WrittenSentence
from rag.types import Turn


def said(text: str, *quotes: str | tuple[int | None, str]) -> WrittenSentence:
    """Return a written sentence; a quote is its words, of source 1, or the number of a source and words."""
    return WrittenSentence(
        text, tuple(ClaimedQuote(*((1, quote) if isinstance(quote, str) else quote)) for quote in quotes)
    )


class ScriptedWriter:
    """Implements `Writer` with a script of sentences and failures, which every answer begins anew.

    `standalone` is what it makes of a question that depends on others, without one it stays as it is.
    `assignments` are what it was given.
    """

    def __init__(
        self,
        *script: WrittenSentence | WritingFailed,
        standalone: str | WritingFailed | None = None,
        named: str = "scripted",
    ) -> None:
        self._script = script
        self._standalone = standalone
        self._named = named
        self.assignments: list[Assignment] = []

    async def name(self) -> str:
        return self._named

    async def write(self, assignment: Assignment) -> AsyncGenerator[WrittenSentence, None]:
        self.assignments.append(assignment)
        for entry in self._script:
            if isinstance(entry, WritingFailed):
                raise entry
            yield entry

    async def standalone(self, question: str, turns: Sequence[Turn]) -> str:
        if isinstance(self._standalone, WritingFailed):
            raise self._standalone
        return question if self._standalone is None else self._standalone
