"""Pixels as PNG, and how large the picture in some PNG is: without a library for pictures."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">II5B")
_GREY, _COLOUR = 0, 2
_DEPTH = 8
_MAX_PIXELS = 12_000_000
# What browsers show at most, on a side.
_MAX_SIDE = 16_000


def fitting(across: float, down: float, width: int) -> tuple[int, int]:
    """Return the pixels in width and height of something that is to be so many wide.

    Fewer where it is so tall that its picture would be larger than any may be.
    """
    scale = min(width / across, (_MAX_PIXELS / (across * down)) ** 0.5, _MAX_SIDE / down)
    return max(1, round(across * scale)), max(1, round(down * scale))


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels as PNG: an array of height, width and three colours; grey ones take a third."""
    height, width, _ = pixels.shape
    kind = _COLOUR
    if (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all():
        pixels, kind = pixels[..., :1], _GREY
    rows = pixels.reshape(height, -1)
    packer = zlib.compressobj()
    # Each row says how it is written: as it is. Letters on white paper get no shorter in another way.
    packed = b"".join(packer.compress(b"\0" + row.tobytes()) for row in rows) + packer.flush()
    head = _HEAD.pack(width, height, _DEPTH, kind, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def size_of(data: bytes) -> tuple[int, int]:
    """Return the width and the height of the picture in some PNG.

    Raise `ValueError` for what is none, and for one that is larger than any may be.
    """
    start = len(SIGNATURE) + 8
    if not data.startswith(SIGNATURE) or data[start - 4 : start] != b"IHDR" or len(data) < start + _HEAD.size:
        raise ValueError("no PNG")
    width, height, *_ = _HEAD.unpack_from(data, start)
    # By whole pixels, a side can come out half a one longer.
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= _MAX_PIXELS * 1.01):
        raise ValueError("no picture of a page")
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
