"""JSON within a stream of lines."""

from __future__ import annotations

# JSON may hold them as they are, and some readers of lines end a line at them.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def on_one_line(told: str) -> str:
    """Return JSON without line breaks in it as one line for every reader of lines."""
    return told.translate(_LINE_ENDS)
