"""The parts of a mail (MIME), taken apart without recursion, and what their headers say.

Of the standard library's parsers only the old one (`compat32`) is used, and for one head at a time: it takes
whatever it is given. The newer one needs 34 seconds for a head of 200 KB, and 20,000 brackets end its
recursion; both recurse into parts within parts.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from email.policy import compat32
from functools import lru_cache

from index.errors import ParseLimit, UnreadableText
from index.loading.composing import normalised, one_line
from index.loading.loader import Parsing
from index.loading.text.decoding import decode_text

_END_OF_HEAD = re.compile(rb"(?:\A|\n)\r?\n")
# No head is longer; what is taken for one lacks the line that ends it.
_HEAD_BYTES = 2**20
# Programs nest three or four.
_DEPTH = 50
_NAME_CHARACTERS = 64
# The library takes the square of their length to tell parameters apart.
_PARAMETERS_CHARACTERS = 8_192
_ENCODED_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_MICROSOFT = re.compile(r"(?:x-)?(?:windows|ms|cp)-?(\d{3,5})", re.IGNORECASE)
# What is written under the name of an encoding is often of the larger one that contains it.
_LARGER = {
    "ascii": "", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252",
    "iso8859-9": "cp1254", "shift_jis": "cp932", "tis-620": "cp874",
}  # fmt: skip
# Encodings of Python that are not those of any text, or take far too long.
_NO_ENCODINGS = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
_UNTOLD = (AttributeError, IndexError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a mail: its headers and what comes below them, still encoded.

    `alternative` numbers the parts that say the same in several formats, from 1; it is 0 for others.
    """

    head: Message
    body: bytes
    alternative: int = 0

    @property
    def media_type(self) -> str:
        """Its type, in lower case."""
        return _told(self.head.get_content_type) or "text/plain"

    @property
    def is_attached(self) -> bool:
        """Whether it says of itself that it is an attachment."""
        return _told(self.head.get_content_disposition) == "attachment"

    @property
    def file_name(self) -> str:
        """The name of the file that it holds, or nothing."""
        return one_line(decoded_words(_told(self.head.get_filename) or ""))

    def parameter(self, name: str) -> str:
        """Return a parameter of its type in lower case, or nothing."""
        found = _told(lambda: self.head.get_param(name))
        return found.lower() if isinstance(found, str) else ""

    def header(self, name: str) -> str:
        """Return the first header of a name, decoded, in one line."""
        found = next((value for key, value in self.head.raw_items() if key.lower() == name), "")
        return one_line(decoded_words(str(found)))

    def content(self) -> bytes:
        """Return its bytes; of what is damaged, as many as can be decoded."""
        encoding = self.header("content-transfer-encoding").lower().split(";")[0].strip()
        if encoding == "base64":
            return _of_base64(self.body)
        return binascii.a2b_qp(self.body) if encoding == "quoted-printable" else self.body

    def text(self) -> str:
        """Return its text; what cannot be decoded becomes U+FFFD."""
        return normalised(decoded(self.content(), _told(self.head.get_content_charset) or ""))


def part_of(data: bytes, *, alternative: int = 0, default_type: str = "text/plain") -> Part:
    """Return a part, its head apart from what it holds."""
    found = _END_OF_HEAD.search(data, 0, _HEAD_BYTES)
    ends, begins = found.span() if found else (_HEAD_BYTES, _HEAD_BYTES)
    head, body = data[:ends], data[begins:]
    message = Parser(policy=compat32).parsestr(decoded(head, ""), headersonly=True)
    message.set_default_type(default_type)
    for key in ("Content-Type", "Content-Disposition"):
        if key in message:
            message.replace_header(key, str(message[key])[:_PARAMETERS_CHARACTERS])
    # Without a blank line below the headers, the first line that is none begins the body.
    rest = message.get_payload()
    if isinstance(rest, str) and rest.strip():
        body = rest.encode("utf-8", "replace") + b"\n\n" + body
    return Part(message, body, alternative)


def leaves(root: Part, name: str, parsing: Parsing) -> Iterator[Part]:
    """Yield the parts of a mail that hold no others, in order; encrypted ones are not looked into.

    Raise `ParseLimit` where there are too many, or too many within each other.
    """
    alternatives = count = 0
    stack = [(root, 0)]
    while stack:
        part, depth = stack.pop()
        boundary = _told(part.head.get_boundary) or ""
        if not part.media_type.startswith("multipart/") or part.media_type == "multipart/encrypted":
            yield part
            continue
        if depth >= _DEPTH:
            raise ParseLimit(f"{name} has more than {_DEPTH} parts within each other")
        alternative = part.alternative
        if part.media_type == "multipart/alternative" and not alternative:
            alternatives += 1
            alternative = alternatives
        default_type = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        inner = []
        for piece in _between(part.body, boundary.encode("utf-8", "replace")):
            count += 1
            if count > parsing.members:
                raise ParseLimit(f"{name} has more than {parsing.members} parts")
            inner.append(part_of(piece, alternative=alternative, default_type=default_type))
        if inner:
            stack.extend((found, depth + 1) for found in reversed(inner))
        else:
            yield part_of(b"\n" + part.body, alternative=alternative)


def decoded_words(value: str) -> str:
    """Return a header with its encoded words decoded (RFC 2047); what is none stays as it is.

    Bytes of one character may be in two words.
    """
    told: list[str] = []
    run: list[bytes] = []
    run_encoding, end = "", 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        encoding = word[1].lower()
        if between.strip() or encoding != run_encoding:
            told.append(decoded(b"".join(run), run_encoding))
            run = []
        if between.strip() or not end:
            told.append(between)
        run_encoding, end = encoding, word.end()
        content = word[3].encode("utf-8", "replace")
        run.append(_of_base64(content) if word[2] in "bB" else binascii.a2b_qp(content, header=True))
    told.append(decoded(b"".join(run), run_encoding))
    return "".join(told) + value[end:]


def decoded(data: bytes, charset: str) -> str:
    """Return text in an encoding, as it is named; where that is unknown or none, as it reads."""
    if encoding := _encoding(charset[:_NAME_CHARACTERS]):
        return data.decode(encoding, "replace")
    try:
        return decode_text(data, "") if data else ""
    except UnreadableText:
        return data.decode("utf-8", "replace")


@lru_cache(maxsize=256)
def _encoding(charset: str) -> str:
    """Return Python's name of an encoding, or nothing."""
    charset = charset.strip().lower().removesuffix("-i").removesuffix("-e")
    if microsoft := _MICROSOFT.fullmatch(charset):
        charset = f"cp{microsoft[1]}"
    try:
        name = codecs.lookup(charset).name
        b" ".decode(name, "replace")  # some turn bytes into other bytes
    except (LookupError, ValueError):
        return ""
    return "" if name in _NO_ENCODINGS else _LARGER.get(name, name)


def _told(ask: Callable[[], object]) -> str:
    """Return what a header says, nothing where the library stumbles over it."""
    try:
        found = ask()
    except _UNTOLD:
        return ""
    return found if isinstance(found, str) else ""


def _of_base64(content: bytes) -> bytes:
    try:
        return binascii.a2b_base64(content)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", content.split(b"=")[0])
        if len(letters) % 4 == 1:
            letters = letters[:-1]
        return binascii.a2b_base64(letters + b"==")


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Yield what stands between the lines of a boundary; the end of the body ends the last."""
    if not boundary:
        return
    mark = b"--" + boundary
    start: int | None = None
    at = body.find(mark)
    while at >= 0:
        if at == 0 or body[at - 1 : at] == b"\n":
            end_of_line = body.find(b"\n", at)
            end_of_line = len(body) if end_of_line < 0 else end_of_line
            rest = body[at + len(mark) : end_of_line].strip()
            if rest in (b"", b"--"):
                if start is not None:
                    yield body[start:at].removesuffix(b"\n").removesuffix(b"\r")
                start = None if rest else end_of_line + 1
                if rest:
                    break
        at = body.find(mark, at + len(mark))
    if start is not None and start < len(body):
        yield body[start:]
