"""Which sentence answers: the `Reader` seam and its implementations."""

from rag.reading.reader import Reader

__all__ = ["Reader"]
