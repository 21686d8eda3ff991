"""What presentations of all formats say of slides that give no text."""

from __future__ import annotations

from collections.abc import Sequence

from index.coverage import told
from index.errors import NothingRead
from index.types import Page, PageReading

ONLY_PICTURES = "no text on it, only pictures"


def nothing_read(name: str, slides: Sequence[Page]) -> NothingRead:
    """Return the error for a presentation of which no slide gave any text."""
    if unread := [slide for slide in slides if slide.reading is PageReading.UNREAD]:
        reasons = "; ".join(told(unread))
        return NothingRead(
            f"{name} could not be read: {reasons}; save it as PDF, whose pages are read by OCR"
        )
    return NothingRead(f"{name} holds no text: its {len(slides)} slides are blank")
