"""What lies in the folder of a lexical index: whether it is as tantivy wrote it, and what has no place there.

Tantivy keeps a CRC in the footer of each file and never looks at it again, and `meta.json`, which
says what segments there are and what is deleted of them, has none. Hence this check in front of it.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Part of the folder's name, so that another layout of fields starts a new folder.
FORMAT = 2
META = "meta.json"
_MANAGED = ".managed.json"
_EXTENSIONS = ("fast", "fieldnorm", "idx", "pos", "store", "term")
# At the end of each file: a footer in JSON, its length, and this number.
_TAIL = struct.Struct("<II")
_MAGIC = 1337
_CHUNK_BYTES = 1 << 20
_MAX_OPSTAMP = 1 << 62
# A writer may change `meta.json` and remove files while a reader looks at them.
_LOOKS = 5


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment as `meta.json` tells of it; `opstamp` names the file of its deletions, if there are any."""

    name: str
    documents: int
    deleted: int = 0
    opstamp: int | None = None

    @property
    def files(self) -> set[str]:
        names = {f"{self.name}.{extension}" for extension in _EXTENSIONS}
        return names if self.opstamp is None else names | {self.deletions}

    @property
    def deletions(self) -> str:
        return f"{self.name}.{self.opstamp}.del"


def format_folder(folder: Path) -> Path:
    """Return where in a folder the index of the present format is."""
    return folder / f"format-{FORMAT}"


@contextmanager
def tantivy_errors() -> Iterator[None]:
    """Turn what tantivy raises, its panics among it, into a `ValueError` or an `OSError`."""
    try:
        yield
    except BaseException as error:
        # A panic is a `BaseException` of a class that cannot be imported.
        if type(error) is RuntimeError or type(error).__name__ == "PanicException":
            raise ValueError(f"tantivy failed: {error}") from error
        raise


def damage(folder: Path) -> str | None:
    """Return which file of an index is not as it was written and how, None where all are.

    Reads every byte. A folder that holds nothing yet is in order. What a flipped digit in
    `meta.json` can do beyond this shows when the passages are counted.
    """
    found: str | None = None
    for _ in range(_LOOKS):
        try:
            meta = (folder / META).read_bytes()
        except FileNotFoundError:
            return f"{META} is missing" if any(_segment_files(folder)) else None
        except OSError as error:
            return f"{META} cannot be read: {error}"
        found = _first_damage(folder, meta)
        if found is None or _unchanged(folder, meta):
            break
    return found


def sweep(folder: Path) -> None:
    """Remove the files that a killed writer left and `meta.json` does not list."""
    meta = folder / META
    segments = _segments(meta.read_bytes()) if meta.exists() else []
    kept = {META, _MANAGED}.union(*(segment.files for segment in segments))
    for entry in list(folder.iterdir()):
        if entry.name not in kept and entry.suffix != ".lock":
            _remove(entry)


def emptied(folder: Path) -> None:
    """Make a folder empty, or a new one where there is none; what is there instead of one goes."""
    _remove(folder)
    folder.mkdir(parents=True)


def discard_others(lexical_root: Path, keep: str) -> None:
    """Remove all but the present format of the space `keep` from the folder of all spaces.

    Links are removed, not followed; nothing is removed from a root or a space that is itself a link.
    Raise `OSError` where something cannot be removed: it may hold words of what was deleted since.
    """
    for entry in _entries(lexical_root):
        if entry.name != keep:
            _remove(entry)
    kept = format_folder(lexical_root / keep)
    for entry in _entries(kept.parent):
        if entry.name != kept.name:
            _remove(entry)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _segment_files(folder: Path) -> Iterator[Path]:
    return (entry for entry in _entries(folder) if entry.suffix[1:] in _EXTENSIONS)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _unchanged(folder: Path, meta: bytes) -> bool:
    try:
        return (folder / META).read_bytes() == meta
    except OSError:
        return False


def _first_damage(folder: Path, meta: bytes) -> str | None:
    try:
        segments = _segments(meta)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return f"{META} is not as tantivy writes it: {error}"
    for segment in segments:
        for name in sorted(segment.files):
            try:
                wrong = _file_damage(folder / name)
                if wrong is None and segment.opstamp is not None and name == segment.deletions:
                    wrong = _deletions_damage(folder / name, segment)
            except FileNotFoundError:
                wrong = "is missing"
            except (OSError, ValueError, TypeError, KeyError, struct.error) as error:
                wrong = f"cannot be read: {error}"
            if wrong is not None:
                return f"{name} {wrong}"
    return None


def _segments(meta: bytes) -> list[_Segment]:
    content: dict[str, Any] = json.loads(meta.decode())
    segments = [_segment(entry) for entry in content["segments"]]
    # Files of deletions are named by these numbers: going back, one could be taken for another.
    if not max((entry.opstamp or 0 for entry in segments), default=0) <= content["opstamp"] < _MAX_OPSTAMP:
        raise ValueError("its opstamp is not one that can be")
    return segments


def _segment(entry: dict[str, Any]) -> _Segment:
    name = entry["segment_id"].replace("-", "")
    # Has to be there: tantivy takes its absence for "nothing deleted".
    deletes = entry["deletes"]
    if deletes is None:
        return _Segment(name, entry["max_doc"])
    return _Segment(name, entry["max_doc"], deletes["num_deleted_docs"], deletes["opstamp"])


def _file_damage(path: Path) -> str | None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < _TAIL.size:
            return "is cut short"
        file.seek(size - _TAIL.size)
        length, magic = _TAIL.unpack(file.read(_TAIL.size))
        left = size - _TAIL.size - length
        if magic != _MAGIC or left < 0:
            return "does not end as tantivy's files do"
        file.seek(left)
        expected = json.loads(file.read(length).decode())["crc"]
        file.seek(0)
        crc = 0
        while left > 0 and (chunk := file.read(min(left, _CHUNK_BYTES))):
            crc = zlib.crc32(chunk, crc)
            left -= len(chunk)
    return None if crc == expected and left == 0 else "does not have the checksum it was written with"


def _deletions_damage(path: Path, segment: _Segment) -> str | None:
    content = path.read_bytes()
    length, _ = _TAIL.unpack(content[-_TAIL.size :])
    # How many documents there are, then a bit for each that is alive.
    body = content[: -_TAIL.size - length]
    documents = int.from_bytes(body[:4], "little")
    alive = int.from_bytes(body[4:], "little").bit_count()
    if (documents, documents - alive) == (segment.documents, segment.deleted):
        return None
    return f"tells of {documents - alive} deletions in {documents}, and {META} of others"
