"""Bytes to text that can be stored and quoted: decoded and normalised once, before offsets exist."""

from __future__ import annotations

import codecs
import re

from index.errors import UnreadableText

# Above this share of control characters the bytes are taken for something other than text.
_MAX_CONTROL_SHARE = 0.005
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_NEWLINE = re.compile("\r\n?")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode_text(data: bytes, name: str) -> str:
    r"""Return the text of `data`: UTF-8, or UTF-16/32 with a byte-order mark.

    `\r\n` and `\r` become `\n`; a stray control character becomes a space, so that every offset
    stays in place. Raise `UnreadableText` for bytes that are not text.
    """
    encoding = "utf-8"
    for mark, marked_encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            encoding, data = marked_encoding, data[len(mark) :]
            break
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise UnreadableText(f"{name} holds binary data, not text") from error
        raise UnreadableText(
            f"{name} is not valid UTF-8: byte {error.start} is 0x{data[error.start]:02x}; save it as UTF-8"
        ) from error
    controls = len(_CONTROL.findall(text))
    if controls > max(1, len(text) * _MAX_CONTROL_SHARE):
        raise UnreadableText(
            f"{name} holds binary data, not text: "
            f"{controls} of its {len(text)} characters are control characters"
        )
    if controls:
        text = _CONTROL.sub(" ", text)
    return _NEWLINE.sub("\n", text)
