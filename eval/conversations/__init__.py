"""Follow-up questions measured: whether rewriting finds what a question that says everything finds."""

from eval.conversations.figures import Measured, as_json, missed, table
from eval.conversations.run import measured

__all__ = ["Measured", "as_json", "measured", "missed", "table"]
