"""Figures and texts as they are written down."""

from __future__ import annotations

import json
from typing import Any


def encoded(value: Any, indent: int | None = None) -> bytes:
    """Return a value as JSON in UTF-8; half a surrogate pair, which has no bytes in that, as an escape."""
    return json.dumps(value, ensure_ascii=False, indent=indent).encode(errors="backslashreplace")


def rounded(value: Any, decimals: int = 4) -> Any:
    """Return a value of JSON in which every fraction, however deep, has no more decimals."""
    if isinstance(value, float):
        return round(value, decimals)
    if isinstance(value, dict):
        return {key: rounded(entry, decimals) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry, decimals) for entry in value]
    return value
