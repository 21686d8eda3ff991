"""Reads the shim's record of how a process changed files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Op(Enum):
    """What a recorded call did. The values are those of `enum op` in shim.c."""

    WRITE = 0
    SIZE = 1
    SYNC = 2
    SYNC_FOLDER = 3
    CREATE = 4
    UNLINK = 5
    RENAME = 6
    LINK = 7
    MKDIR = 8
    RMDIR = 9
    MARK = 10


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call that succeeded.

    `path` and `to` are relative to the watched folder, "" for itself; `path` is the note of a MARK.
    `offset` is where a WRITE stands and the size that a SIZE set. `grows` tells whether the call took
    room on the disk.
    """

    op: Op
    path: str
    to: str
    offset: int
    data: bytes
    grows: bool = False


_HEADER = struct.Struct("<IIIIQQ")


def calls(file: Path) -> list[Call]:
    """Return the calls of a record in the order they were made."""
    whole = file.read_bytes()
    found = []
    at = 0
    while at < len(whole):
        op, grows, path_bytes, to_bytes, offset, data_bytes = _HEADER.unpack_from(whole, at)
        path_at = at + _HEADER.size
        to_at = path_at + path_bytes
        data_at = to_at + to_bytes
        at = data_at + data_bytes
        path, to = whole[path_at:to_at].decode(), whole[to_at:data_at].decode()
        found.append(Call(Op(op), path, to, offset, whole[data_at:at], bool(grows)))
    return found
