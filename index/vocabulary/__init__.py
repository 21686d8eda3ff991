"""The tiktoken vocabulary that ships with Quotebound, so that counting tokens needs no download.

tiktoken fetches `cl100k_base` on its first use. The same file lies beside this module, its SHA-256 is
checked on every load, and `tiktoken_ext/quotebound.py` offers it to tiktoken under a name of our own.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiktoken import Encoding

ENCODING_NAME = "quotebound_cl100k"

_VOCABULARY = Path(__file__).with_name("cl100k_base.tiktoken")
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
# The split pattern belongs to the vocabulary: both come from tiktoken (MIT, see LICENSE.tiktoken).
_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"""
    r"""| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)


def _mergeable_ranks() -> dict[bytes, int]:
    # tiktoken's own loader would leave a copy of the file in the temporary folder.
    data = _VOCABULARY.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != _SHA256:
        raise ValueError(
            f"{_VOCABULARY.name} was altered: its SHA-256 is {found}, not {_SHA256}; reinstall quotebound"
        )
    lines = (line.split() for line in data.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def encoding_parameters() -> dict[str, Any]:
    """Return what `tiktoken.Encoding` is built from; raise `ValueError` when the file was altered."""
    return {
        "name": ENCODING_NAME,
        "pat_str": _PATTERN,
        "mergeable_ranks": _mergeable_ranks(),
        # Documents are data: no text in them may act as a control token.
        "special_tokens": {},
    }


@functools.cache
def encoding() -> Encoding:
    """Return the shared tokenizer, found by tiktoken through its plug-in point."""
    # A question needs no count of these tokens.
    import tiktoken  # noqa: PLC0415

    return tiktoken.get_encoding(ENCODING_NAME)
