"""A model of a disk whose power may be cut: which contents a folder may have then.

What a file system promises is taken at its least. Until its fsync, each write to a file may be on
the disk or not, whatever the order, and of a write any of its sectors; the same holds for a change
of size. Until the fsync of their folder, new, removed and renamed entries may be there or not. Only
that a sector is written whole (512 bytes), and that what was synced stays, is relied on.

Folders are the exception: one that was made is there. `Store` makes its own with its parents, and a
file system that loses a folder whose file was synced is not one that this models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from random import Random
from typing import Any, TypeVar

from torture.trace import Call, Op

SECTOR = 512
# A folder's files by their paths.
Image = Mapping[str, bytes]


@dataclass(slots=True)
class _File:
    """A file: what is on the disk for certain, and the changes to it that may be, in order."""

    synced: bytes = b""
    pending: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        """Make every change certain."""
        if self.pending:
            self.synced = _changed(self.synced, self.pending)
            self.pending = []


@dataclass(frozen=True, slots=True)
class _Entry:
    """A change of which names there are: `path` names `file` from now on, or nothing where that is None.

    `was` is the other name of a renamed file, which goes in the same moment.
    """

    path: str
    file: _File | None
    was: str | None = None


class Disk:
    """Follows a record of calls, and tells at any moment which images the power cut may leave."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}  # as the process sees them
        self._synced: dict[str, _File] = {}  # as they are on the disk for certain
        self._pending: list[_Entry] = []

    def follow(self, call: Call) -> None:
        """Take in one more call."""
        match call.op:
            case Op.WRITE | Op.SIZE:
                self._file(call.path).pending.append(call)
            case Op.SYNC:
                self._file(call.path).sync()
            case Op.SYNC_FOLDER:
                here = [entry for entry in self._pending if _folder(entry.path) == call.path]
                for entry in here:
                    _enter(self._synced, entry)
                self._pending = [entry for entry in self._pending if entry not in here]
            case Op.CREATE:
                self._change(_Entry(call.path, _File()))
            case Op.UNLINK:
                self._change(_Entry(call.path, None))
            case Op.RENAME:
                self._change(_Entry(call.to, self._file(call.path), was=call.path))
            case Op.LINK:
                self._change(_Entry(call.to, self._file(call.path)))
            case Op.MKDIR | Op.RMDIR | Op.MARK:
                pass

    def _file(self, path: str) -> _File:
        # Linux says so of a file that is still open and has no name any more: nothing of it will be left.
        return _File() if path.endswith(" (deleted)") else self._files[path]

    def _change(self, entry: _Entry) -> None:
        _enter(self._files, entry)
        self._pending.append(entry)

    @property
    def settled(self) -> bool:
        """Tell whether nothing is left open: there is one image only."""
        return not self._pending and not any(file.pending for file in self._files.values())

    def plain_images(self) -> Iterator[Image]:
        """Yield the images if nothing open reached the disk, or all, or of names and contents only one."""
        for entries, contents in ((_none, _none), (_all, _all), (_all, _none), (_none, _all)):
            yield self._image(entries, contents, Random(0))

    def images(self, count: int, random: Random) -> Iterator[Image]:
        """Yield some of the images that may be left if power is cut now, as chance will have it."""
        for _ in range(count):
            yield self._image(random.choice(_CHOICES), random.choice(_CHOICES), random)

    def _image(self, entries: _Choice, contents: _Choice, random: Random) -> Image:
        names = dict(self._synced)
        for entry in entries(self._pending, random):
            _enter(names, entry)
        whole = contents is _all or contents is _none
        return {
            path: _changed(file.synced, contents(file.pending if whole else _sectors(file.pending), random))
            for path, file in names.items()
        }


def _enter(names: dict[str, _File], entry: _Entry) -> None:
    if entry.was is not None:
        names.pop(entry.was, None)
    if entry.file is None:
        names.pop(entry.path, None)
    else:
        names[entry.path] = entry.file


def _folder(path: str) -> str:
    parent = str(PurePosixPath(path).parent)
    return "" if parent == "." else parent


def _changed(content: bytes, calls: Sequence[Call]) -> bytes:
    """Return a content after some calls in order; what was never written reads as zeros."""
    if not calls:
        return content
    changed = bytearray(content)
    for call in calls:
        end = call.offset + len(call.data)
        if call.op is Op.SIZE:
            del changed[call.offset :]
        if len(changed) < end:
            changed.extend(bytes(end - len(changed)))
        changed[call.offset : end] = call.data
    return bytes(changed)


def _sectors(calls: Sequence[Call]) -> list[Call]:
    """Return calls with every write cut at the borders of sectors."""
    cut = []
    for call in calls:
        start, end = call.offset, call.offset + len(call.data)
        if call.op is Op.SIZE or start // SECTOR == (end - 1) // SECTOR:
            cut.append(call)
            continue
        borders = [start, *range((start // SECTOR + 1) * SECTOR, end, SECTOR), end]
        cut += [
            Call(Op.WRITE, call.path, "", left, call.data[left - start : right - start])
            for left, right in pairwise(borders)
        ]
    return cut


# Which of the open changes reached the disk. To drop a later one of two that overlap is to reorder them.
_T = TypeVar("_T")
_Choice = Callable[[Sequence[Any], Random], Sequence[Any]]


def _none(_changes: Sequence[_T], _random: Random) -> Sequence[_T]:
    return ()


def _all(changes: Sequence[_T], _random: Random) -> Sequence[_T]:
    return changes


def _first(changes: Sequence[_T], random: Random) -> Sequence[_T]:
    return changes[: random.randint(0, len(changes))]


def _last(changes: Sequence[_T], random: Random) -> Sequence[_T]:
    return changes[random.randint(0, len(changes)) :]


def _but_one(changes: Sequence[_T], random: Random) -> Sequence[_T]:
    out = random.randrange(len(changes)) if changes else 0
    return [change for number, change in enumerate(changes) if number != out]


def _only_one(changes: Sequence[_T], random: Random) -> Sequence[_T]:
    return [random.choice(changes)] if changes else []


def _some(changes: Sequence[_T], random: Random) -> Sequence[_T]:
    share = random.choice((0.1, 0.5, 0.9))
    return [change for change in changes if random.random() < share]


_CHOICES: tuple[_Choice, ...] = (_none, _all, _first, _last, _but_one, _only_one, _some, _some)
