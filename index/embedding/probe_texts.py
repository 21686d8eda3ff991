"""Texts of our own on which a compiled model is held to torch's vectors, and int8 takes its ranges from.

Of many kinds and lengths, since a range is only as good as the texts that it was seen on.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_JOINED = 5
_STRIDE = 7


@cache
def probes() -> tuple[str, ...]:
    """Return the texts."""
    return tuple(json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")))


def calibration_texts() -> list[str]:
    """Return the probes, and as many texts of the greatest length that are made of them."""
    texts = probes()
    return [
        *texts,
        *(
            " ".join(texts[(first + _STRIDE * step) % len(texts)] for step in range(_JOINED))
            for first in range(len(texts))
        ),
    ]
