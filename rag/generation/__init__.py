"""Writing answers: the `Generator` seam and its implementations."""

from rag.generation.generator import Claim, DraftSentence, Generator

__all__ = ["Claim", "DraftSentence", "Generator"]
