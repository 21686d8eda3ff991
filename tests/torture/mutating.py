"""Makes files wrong, as random numbers say: in their bytes, and in what files of a format are made of."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from torture.natures import CHARACTERS, INSERTED, Nature

# Larger ones are slow to make, and reach nothing that smaller ones do not.
MOST_BYTES = 2**19
_NUMBERS = (
    0, 1, 2, 127, 128, 255, 256, 1_000, 32_767, 32_768, 65_535, 65_536, 1_048_577, 16_777_215,
    2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**64, 10**30, -1, -32_768, -(2**31),
)  # fmt: skip
_TIMES = (2, 2, 3, 10, 100, 1_000, 10_000)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


_TOKENS = {
    Nature.LINES: re.compile(rb"[^\n]*\n|[^\n]+"),
    Nature.MAIL: re.compile(rb"[^\n]*\n|[^\n]+"),
    Nature.MARKUP: re.compile(rb"<[^<>]*>|[^<]+|<"),
    Nature.PDF: re.compile(
        rb"\d+ \d+ R|/[^\s/<>\[\]()]+|-?\d+(?:\.\d+)?|<<|>>|[\[\]()]|\s+|[^\s/<>\[\]()]+|[<>/]"
    ),
    Nature.RICH_TEXT: re.compile(rb"\\[A-Za-z]+-?\d* ?|\\.|[{}]|[^\\{}]+|\\", re.DOTALL),
    Nature.TABLE: re.compile(rb"[,;\t|\"\n]|[^,;\t|\"\n]+"),
}


def mutated(nature: Nature, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a file with one to four things done to it; `others` are files of the same format."""
    # Most damage to a ZIP file is found by its checksums, and says nothing of what reads the members.
    structured = 0.95 if nature is Nature.ZIP else 0.7
    for _ in range(random.choice((1, 1, 2, 3, 4))):
        change = _CHANGES.get(nature, _text_changed) if random.random() < structured else _bytes_changed
        data = change(nature, data, others, random)[:MOST_BYTES]
    return data


def _bytes_changed(nature: Nature, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    change = random.choice(
        (_flipped, _set, _cut, _spoken, _without, _repeated, _numbered, _spliced)  # each as likely
    )
    return change(data, others, random) if data else random.choice(others)


def _flipped(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 4, 32))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 4, 32))):
        changed[random.randrange(len(changed))] = random.choice((0, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(changed)


def _cut(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data))
    return random.choice((data[:at], data[:at], data[at:]))


def _spoken(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(CHARACTERS) * random.choice((1, 1, 50)) + data[at:]


def _without(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    first, last = _range(len(data), random)
    return data[:first] + data[last:]


def _repeated(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    first, last = _range(len(data), random)
    times = _bounded(random.choice(_TIMES), last - first)
    return data[:first] + data[first:last] * times + data[last:]


def _numbered(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    width = random.choice((1, 2, 4, 8))
    number = random.choice(_NUMBERS) & ((1 << (8 * width)) - 1)
    at = random.randrange(len(data))
    order = "little" if random.random() < 0.7 else "big"
    return data[:at] + number.to_bytes(width, order) + data[at + width :]  # type: ignore[arg-type]


def _spliced(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data))] + other[random.randrange(len(other) + 1) :]


def _range(size: int, random: Random) -> tuple[int, int]:
    first = random.randrange(size)
    return first, min(size, first + random.choice((1, 4, 16, 64, 256, 4096)))


def _bounded(times: int, size: int) -> int:
    return max(1, min(times, MOST_BYTES // max(size, 1)))


def _text_changed(nature: Nature, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a text whose tokens are repeated, nested, swapped, left out, or have other numbers."""
    tokens = _TOKENS[nature].findall(data)
    if not tokens:
        return data + random.choice(INSERTED[nature])
    first, last = _piece(nature, tokens, random)
    piece = tokens[first:last]
    match random.randrange(7):
        case 0:
            piece *= _bounded(random.choice(_TIMES), sum(map(len, piece)))
        case 1:
            piece = []
        case 2:
            opened, closed = _around(nature, tokens[first])
            times = _bounded(random.choice(_TIMES), len(opened) + len(closed))
            piece = [opened * times, *piece, closed * times]
        case 3:
            other = random.randrange(len(tokens) - (last - first) + 1)
            rest = [*tokens[:first], *tokens[last:]]
            return b"".join([*rest[:other], *piece, *rest[other:]])
        case 4:
            number = str(random.choice(_NUMBERS)).encode("ascii")
            piece = [_NUMBER.sub(number, token) for token in piece]
        case 5:
            piece = [random.choice(INSERTED[nature] + CHARACTERS), *piece]
        case _:
            theirs = _TOKENS[nature].findall(random.choice(others)) or [b""]
            start, end = _piece(nature, theirs, random)
            piece = [*theirs[start:end], *piece]
    return b"".join([*tokens[:first], *piece, *tokens[last:]])


def _piece(nature: Nature, tokens: Sequence[bytes], random: Random) -> tuple[int, int]:
    """Return which tokens to do something to: some in a row, or of XML most often a whole element."""
    first = random.randrange(len(tokens))
    if nature is not Nature.MARKUP or random.random() < 0.3:
        return first, min(len(tokens), first + random.choice((1, 1, 2, 5, 20, 100)))
    depth = 0
    for last in range(first, len(tokens)):
        token = tokens[last]
        if token.startswith(b"</"):
            depth -= 1
        elif token.startswith(b"<") and token[1:2] not in (b"?", b"!") and not token.endswith(b"/>"):
            depth += 1
        if depth <= 0:
            return (first, last + 1) if depth == 0 else (first, last)
    return first, len(tokens)


def _around(nature: Nature, token: bytes) -> tuple[bytes, bytes]:
    """Return what opens and what closes one more level around a token."""
    if nature is Nature.MARKUP:
        name = re.match(rb"<([\w:.-]+)", token)
        tag = name[1] if name and not token.endswith(b"/>") else b"div"
        return (token if name and not token.endswith(b"/>") else b"<div>"), b"</" + tag + b">"
    if nature is Nature.MAIL:
        return b"Content-Type: message/rfc822\n\n", b"\n--b--\n"
    pairs = {Nature.RICH_TEXT: (b"{", b"}"), Nature.PDF: (b"[", b"]"), Nature.TABLE: (b'"', b'"')}
    return pairs.get(nature, (b"> ", b""))


def _zip_changed(nature: Nature, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a ZIP file with one of its members changed, or with other members."""
    members, theirs = _members(data), _members(random.choice(others))
    if not members:
        return _bytes_changed(nature, data, others, random)
    at = random.randrange(len(members))
    name, content = members[at]
    match random.randrange(12):
        case 0:
            del members[at]
        case 1:
            members.insert(random.randrange(len(members) + 1), (name, content))
        case 2:
            other = random.choice((random.choice(members)[0], "../../../tmp/evil.txt", "\0", name + "/"))
            members[at] = (other, content)
        case 3 if theirs:
            members[at] = (name, random.choice(theirs)[1])
        case 4 if theirs:
            members.append(random.choice(theirs))
        case _:
            members[at] = (name, _member_changed(content, members, random))
    return _zipped(members)


def _member_changed(content: bytes, members: Sequence[tuple[str, bytes]], random: Random) -> bytes:
    others = [other for _, other in members if other] or [b"x"]
    if content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<") and random.random() < 0.85:
        return _text_changed(Nature.MARKUP, content, others, random)[:MOST_BYTES]
    return _bytes_changed(Nature.BYTES, content, others, random)[:MOST_BYTES] if content else others[0]


def _members(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    with suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            # One that was damaged before stays out, and the rest can be changed further.
            with suppress(Exception), archive.open(member) as file:
                found.append((member.filename, file.read(MOST_BYTES)))
    return found


def _zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # two of one name are meant
        for name, content in members:
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name or "x"), content, kind, 1)
    return buffer.getvalue()


_OBJECT = re.compile(rb"(\d+) (\d+) obj\b(.*?)endobj", re.DOTALL)
_STREAM = re.compile(rb"(.*?)stream\r?\n(.*?)\r?\nendstream(.*)", re.DOTALL)


def _pdf_changed(nature: Nature, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a PDF with one of its objects changed, most often with a table of objects that fits again."""
    objects = [(int(found[1]), found[3]) for found in _OBJECT.finditer(data)]
    if not objects:
        return _bytes_changed(nature, data, others, random)
    at = random.randrange(len(objects))
    number, body = objects[at]
    match random.randrange(8):
        case 0:
            del objects[at]
        case 1:
            objects[at] = (random.choice(objects)[0], body)
        case 2:
            references = [b"%d 0 R" % random.choice(objects)[0] for _ in range(3)]
            objects[at] = (number, re.sub(rb"\d+ 0 R", lambda _: random.choice(references), body))
        case _:
            objects[at] = (number, _object_changed(body, random))
    trailer = data[data.rfind(b"trailer") :] if b"trailer" in data else b"trailer\n<< /Root 1 0 R >>\n"
    if random.random() < 0.1:
        trailer = _text_changed(Nature.PDF, trailer, others, random)
    return _as_pdf(objects, trailer, fits=random.random() < 0.7)


def _object_changed(body: bytes, random: Random) -> bytes:
    found = _STREAM.match(body)
    if found is None or random.random() < 0.3:
        return _text_changed(Nature.PDF, body, [body], random)[:MOST_BYTES]
    head, content, rest = found.groups()
    packed = b"/FlateDecode" in head
    if packed:
        with suppress(zlib.error):
            content = zlib.decompressobj().decompress(content, MOST_BYTES)
    change = _text_changed if random.random() < 0.7 else _bytes_changed
    content = change(Nature.PDF, content, [content or b" "], random)[:MOST_BYTES]
    content = zlib.compress(content, 1) if packed else content
    head = re.sub(rb"/Length \d+", b"/Length %d" % len(content), head)
    return head + b"stream\n" + content + b"\nendstream" + rest


def _as_pdf(objects: Sequence[tuple[int, bytes]], trailer: bytes, *, fits: bool) -> bytes:
    data = bytearray(b"%PDF-1.6\n")
    places: dict[int, int] = {}
    for number, body in objects:
        places[number] = len(data)
        data += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(data) if fits else 10
    data += b"xref\n0 1\n0000000000 65535 f \n"
    for number, place in places.items():
        data += b"%d 1\n%010d 00000 n \n" % (number, place)
    return bytes(data) + re.sub(rb"startxref\s+\d+", b"startxref\n%d" % start, trailer)


_Change = Callable[[Nature, bytes, Sequence[bytes], Random], bytes]
_CHANGES: dict[Nature, _Change] = {
    Nature.BYTES: _bytes_changed,
    Nature.ZIP: _zip_changed,
    Nature.PDF: _pdf_changed,
}
