"""Bytes to text that can be stored and quoted: decoded and normalised once, before offsets exist."""

from __future__ import annotations

import codecs
import re

from index.errors import UnreadableText
from index.loading.text.legacy_encodings import guessed_encoding

# Above this share of control characters the bytes are taken for something other than text.
_MAX_CONTROL_SHARE = 0.005
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_FOREIGN = re.compile("[^\x00-\x7f\ufffd]+")
_NEWLINE = re.compile("\r\n?")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Text in UTF-16 without a mark: in one half of the units, as many zeros as blanks and line ends make;
# in the other none.
_SAMPLE_BYTES = 65_536
_ZEROS_IN_UTF16 = 0.04
_BLOCKS = 8
# In letters beyond Latin about every other byte looks like ASCII, and in Latin ones every other is zero.
_ASCII = 0.9
_PRINTABLE = re.compile(rb"[\t\n\r -~]")
# Damaged UTF-8 is still UTF-8: by chance, bytes of another encoding are not so often well-formed. One
# damaged place for so many characters that are not ASCII, or for so many that are.
_FOREIGN_FOR_ONE_DAMAGED = 20
_CHARACTERS_FOR_ONE_DAMAGED = 10_000
_SHIFT_TO_JIS = re.compile(rb"\x1b\$[@B]")


def decode_text(data: bytes, name: str) -> str:
    r"""Return the text of `data`: UTF-8 or UTF-16, UTF-32 with a byte-order mark, or an older encoding.

    Which of the older ones is told by how the text reads; where that tells nothing, the bytes are
    refused rather than taken for something that nobody wrote. Stray bytes in what is UTF-8 otherwise
    become U+FFFD. `\r\n` and `\r` become `\n`; a stray control character becomes a space, so that
    every offset stays in place. Raise `UnreadableText` for bytes that are not text.
    """
    text = _decoded(data, name)
    controls = len(_CONTROL.findall(text))
    if controls > max(1, len(text) * _MAX_CONTROL_SHARE):
        raise UnreadableText(
            f"{name} holds binary data, not text: "
            f"{controls} of its {len(text)} characters are control characters"
        )
    if controls:
        text = _CONTROL.sub(" ", text)
    return _NEWLINE.sub("\n", text)


def _decoded(data: bytes, name: str) -> str:  # noqa: PLR0911 - a table of cases
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _with_stray_bytes(data[len(mark) :], encoding, name)
    if encoding_of_units := _utf16(data):
        return data.decode(encoding_of_units)
    if _SHIFT_TO_JIS.search(data) and data.isascii():
        return _with_stray_bytes(data, "iso2022_jp", name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise UnreadableText(f"{name} holds binary data, not text") from error
        text = data.decode("utf-8", "replace")
        foreign = sum(map(len, _FOREIGN.findall(text)))
        damaged = text.count("\N{REPLACEMENT CHARACTER}")
        if damaged * _FOREIGN_FOR_ONE_DAMAGED < foreign:
            return text
        if guess := guessed_encoding(data):
            return _with_stray_bytes(data, guess, name)
        if damaged * _CHARACTERS_FOR_ONE_DAMAGED < len(text):
            return text
        raise UnreadableText(
            f"{name} is not valid UTF-8, nor in an encoding that can be told: byte {error.start} is "
            f"0x{data[error.start]:02x}; save it as UTF-8"
        ) from error


def _with_stray_bytes(data: bytes, encoding: str, name: str) -> str:
    """Return text in an encoding that is known, with U+FFFD for a few bytes that are not of it."""
    text = data.decode(encoding, "replace")
    damaged = text.count("\N{REPLACEMENT CHARACTER}")
    if damaged > 1 + len(text) / _CHARACTERS_FOR_ONE_DAMAGED or 0 < damaged == len(text):
        raise UnreadableText(f"{name} is damaged: {damaged} of its characters are not valid {encoding}")
    return text


def _utf16(data: bytes) -> str | None:
    """Return the name of the encoding where bytes without a mark are UTF-16, else None."""
    if len(data) % 2 or b"\0" not in data:
        return None
    sample = data[:_SAMPLE_BYTES]
    first, second = sample[::2].count(0), sample[1::2].count(0)
    zeros = max(first, second)
    if min(first, second) or zeros < len(sample) / 2 * _ZEROS_IN_UTF16:
        return None
    if zeros < len(sample) / 4 and len(_PRINTABLE.findall(sample)) > (len(sample) - zeros) * _ASCII:
        return None  # text in ASCII with a few stray zeros
    encoding = "utf-16-be" if first else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    # Any two bytes are some character; those of a text are of one or two scripts.
    blocks = {ord(character) >> 8 for character in text[:_SAMPLE_BYTES]}
    ideographs = sum(0x30 <= block <= 0x9F or 0xAC <= block <= 0xD7 for block in blocks)
    return encoding if len(blocks) - ideographs <= _BLOCKS else None
