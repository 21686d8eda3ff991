"""Follow-up questions: which ones depend on what came before, and what they are asked as."""

from rag.conversation.carrying import carried, depends

__all__ = ["carried", "depends"]
