"""An index of words as a process left it, and all that can be asked of it."""

from __future__ import annotations

from pathlib import Path

from contracts import LexicalIndexContract

from index.lexical import IndexedPassage, LexicalIndex, TantivyIndex

KEY = b"0123456789abcdef"
entries = LexicalIndexContract().entries


def rows(index: LexicalIndex, query: str) -> list[int]:
    return [scored.row for scored in index.snapshot().search(query, 10)]


def ids(added: list[IndexedPassage]) -> list[str]:
    return [entry.passage.document_id for entry in added]


def filled(folder: Path, *, writable: bool = True) -> TantivyIndex:
    """Return an index of two segments, one with a deletion, left by a process that ended."""
    index = TantivyIndex(folder, key=KEY)
    gone = entries("The glacier is gone.", "gone", 1)
    index.apply([], gone + entries("A glacier melted.", "a", 2) + entries("Eine Burg.", "b", 3, "de"), 1)
    index.apply(ids(gone), entries("The river froze near the glacier.", "c", 4), 2)
    index.close()
    return TantivyIndex(folder, key=KEY, writable=writable)


def answers(index: LexicalIndex) -> tuple[object, ...]:
    """Return all that an index tells of itself."""
    search = index.snapshot().search
    return index.sequence, len(index), index.rows(), search("the glacier froze", 9), search("burgen", 9)
