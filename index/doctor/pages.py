"""The rows in an SQLite file, page by page, without SQLite: for a file that it refuses to read.

Follows https://www.sqlite.org/fileformat2.html. Only leaves of tables are read, whether or not anything
leads to them: a row is believed by its checksum, not by its place. Such a page cannot be a part of
somebody's long text: those begin with the number of the next page, and no file has that many.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Value = int | float | str | bytes | None

PAGE_BYTES = 4096
_HEADER_BYTES = 100
_LEAF, _OTHER_PAGES = 13, (0, 2, 5, 10)
# Longer than any row: a length that a flipped bit made must not become memory.
_MAX_PAYLOAD = 2**30
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


@dataclass(frozen=True, slots=True)
class Cell:
    """A row as it lies in a page: the number it is kept under, and its values in the order of columns."""

    page: int
    rowid: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A place in a page where a row should be and cannot be read."""

    page: int
    cell: int
    data: bytes


def cells(data: bytes | memoryview, page_bytes: int = PAGE_BYTES) -> Iterator[Cell | Unreadable]:
    """Yield what is in the leaves of all tables in a file of whole pages, in the order of pages."""
    view = memoryview(data)
    for number in range(1, len(view) // page_bytes + 1):
        page = view[(number - 1) * page_bytes : number * page_bytes]
        start = _HEADER_BYTES if number == 1 else 0
        # A kind of page that there is not is a damaged one, and most are leaves of tables.
        if page[start] == _LEAF or page[start] not in _OTHER_PAGES:
            yield from _leaf(view, number, page, start, page_bytes)


def page_bytes_of(data: bytes | memoryview) -> int | None:
    """Return how long a page is by a file's header, None where that cannot be."""
    if len(data) < _HEADER_BYTES:
        return None
    size = int.from_bytes(data[16:18], "big")
    size = 65_536 if size == 1 else size
    return size if 512 <= size <= 65_536 and size & (size - 1) == 0 else None


def _leaf(
    view: memoryview, number: int, page: memoryview, start: int, page_bytes: int
) -> Iterator[Cell | Unreadable]:
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    first = start + 8
    for cell in range(min(count, (page_bytes - first) // 2)):
        at = int.from_bytes(page[first + 2 * cell : first + 2 * cell + 2], "big")
        try:
            yield _cell(view, number, page, at, page_bytes)
        except (ValueError, IndexError, struct.error):
            yield Unreadable(number, cell, bytes(page[at : at + 64]))


def _cell(view: memoryview, number: int, page: memoryview, at: int, page_bytes: int) -> Cell:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if not 0 < length < min(_MAX_PAYLOAD, len(view)):
        raise ValueError("no row is of this length")
    most = page_bytes - 35
    local = length
    if length > most:
        least = (page_bytes - 12) * 32 // 255 - 23
        local = least + (length - least) % (page_bytes - 4)
        local = local if local <= most else least
    payload = bytes(page[at : at + local])
    if length > local:
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        payload += _overflow(view, following, length - local, page_bytes)
    if len(payload) != length:
        raise ValueError("the row goes on past the end of its page")
    return Cell(number, _signed(rowid), tuple(_record(payload)))


def _overflow(view: memoryview, number: int, length: int, page_bytes: int) -> bytes:
    parts, room = [], page_bytes - 4
    while length > 0:
        page = view[(number - 1) * page_bytes : number * page_bytes]
        if number < 2 or len(page) < page_bytes:
            raise ValueError("the row goes on in a page that is not there")
        parts.append(bytes(page[4 : 4 + min(room, length)]))
        number = int.from_bytes(page[:4], "big")
        length -= room
    return b"".join(parts)


def _record(payload: bytes) -> Iterator[Value]:
    header, at = _varint(payload, 0)
    if not at <= header <= len(payload):
        raise ValueError("the row's header is longer than the row")
    body = header
    while at < header:
        kind, at = _varint(payload, at)
        value, size = _value(payload, body, kind)
        if body + size > len(payload):
            raise ValueError("a value is longer than the row")
        yield value
        body += size
    if body != len(payload):
        raise ValueError("the row is longer than its values")


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind >= 12:
        size = (kind - 12) // 2
        data = payload[at : at + size]
        return (data if kind % 2 == 0 else data.decode("utf-8", "surrogateescape")), size
    if kind == 0:
        return None, 0
    if kind in (8, 9):
        return kind - 8, 0
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], 8
    if kind not in _INTEGERS:
        raise ValueError("there is no such kind of value")
    size = _INTEGERS[kind]
    return int.from_bytes(payload[at : at + size], "big", signed=True), size


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError  # not reached


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
