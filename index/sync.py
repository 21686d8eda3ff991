"""What a sync looks at: the files below some paths, and the documents whose files are no longer there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote_from_bytes

from index.errors import SourceNotFound
from index.sources import file_origin, label, outermost, path_of
from index.types import DocumentInfo


@dataclass(frozen=True, slots=True)
class Found:
    """A file to look at; `named` tells whether it was asked for itself, not found in a folder.

    Or a folder that cannot be looked into, for the `problem` that is told.
    """

    path: str
    source: str
    origin: str
    named: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Files, and folders with all below them, that a collection is to be brought up to date with.

    `paths` are absolute and `shown` is how they were given, which is how the documents' sources begin.
    With `prune`, documents go whose files have vanished from a folder: not where they are more than
    half of those that it gave, which an empty mount looks like, unless `yes` says so. With `changed`,
    only these files, and what is below these folders, is looked at.
    """

    paths: tuple[str, ...]
    shown: tuple[str, ...]
    prune: bool = False
    yes: bool = False
    changed: tuple[str, ...] | None = None

    @classmethod
    def of(cls, paths: Sequence[Path], *, prune: bool = False, yes: bool = False) -> Self:
        """Return the request for some paths; raise `SourceNotFound` where one is not there."""
        request = cls(
            tuple(str(path.absolute()) for path in paths), tuple(map(str, paths)), prune=prune, yes=yes
        )
        request.require_paths()
        return request

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Return a request that was kept as values of JSON."""
        kept = cast(Mapping[str, Any], values)
        changed = kept["changed"]
        return cls(
            tuple(kept["paths"]),
            tuple(kept["shown"]),
            prune=kept["prune"],
            yes=kept["yes"],
            changed=None if changed is None else tuple(changed),
        )

    def values(self) -> dict[str, object]:
        """Return the request as values of JSON."""
        values = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def only(self, changed: Sequence[str]) -> Self:
        """Return the request for what has changed below the same paths."""
        return replace(self, changed=tuple(sorted(changed)))

    def require_paths(self) -> None:
        """Raise `SourceNotFound` where a path is not there, unless only changes are looked at."""
        for path, shown in zip(self.paths, self.shown, strict=True):
            if self.changed is None and not _exists(path):
                raise SourceNotFound(f"there is no file or folder {label(shown)!r}")

    def files(self) -> Iterator[Found]:
        """Yield each file once, in order; hidden files and those that editors leave are passed over."""
        seen: set[str] = set()
        for path, shown in zip(self.paths, self.shown, strict=True):
            for found in self._below(path, shown):
                if found.origin not in seen:
                    seen.add(found.origin)
                    yield found

    def _below(self, root: str, shown: str) -> Iterator[Found]:
        if self.changed is None:
            yield from _walk(root, shown, named=True)
            return
        for changed in self.changed:
            if changed == root:
                yield from _walk(root, shown, named=True)
            elif is_below(changed, root) and not is_passed_over(below(changed, root)):
                yield from _walk(changed, _joined(shown, below(changed, root)), named=False)

    def folders(self) -> Iterator[str]:
        """Yield the folders of the request, whose documents may be pruned."""
        for path in self.paths:
            # One that vanished while it was watched has nothing in it.
            vanished = self.changed is not None and _has_vanished(Path(path))
            if vanished or Path(path).is_dir():
                yield path


def vanished_below(folder: str, stored: Sequence[DocumentInfo]) -> tuple[list[DocumentInfo], int]:
    """Return the documents whose files are gone from below a folder, and how many it gave."""
    folder_origin = file_origin(Path(folder))
    given = [info for info in stored if is_below(outermost(info.origin), folder_origin)]
    return [info for info in given if _has_vanished(path_of(info.origin))], len(given)


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is below a folder, going by their names."""
    return path.startswith(folder.rstrip("/") + "/")


def below(path: str, folder: str) -> str:
    """Return the part of a path that is below a folder."""
    return path[len(folder.rstrip("/")) + 1 :]


def is_passed_over(relative: str) -> bool:
    """Tell whether a path within a folder is hidden, or what an editor leaves beside a file."""
    return any(_is_hidden(part) for part in relative.split("/"))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.endswith("~") or (name[:1] == "#" == name[-1:])


def _walk(path: str, shown: str, *, named: bool) -> Iterator[Found]:
    """Yield a file, or each file below a folder by name."""
    if not Path(path).is_dir():
        if named or _exists(path):
            yield Found(path, shown, file_origin(Path(path)), named)
        return
    closed: list[OSError] = []
    for parent, folders, names in os.walk(path, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        under = _joined(shown, parent[len(path) :].lstrip("/"))
        origin = file_origin(Path(parent)).rstrip("/")
        for name in sorted(names):
            if not _is_hidden(name):
                file = f"{parent.rstrip('/')}/{name}"
                # What `file_origin` gives, without resolving every file's whole path.
                linked = os.path.islink(file)  # noqa: PTH114 - a `Path` for each of many files costs as much
                identity = file_origin(Path(file)) if linked else f"{origin}/{_quoted(name)}"
                yield Found(file, _joined(under, name), identity, named=False)
    for error in closed:
        folder = _joined(shown, error.filename[len(path) :].lstrip("/"))
        problem = f"{label(folder)} cannot be read: {error.strerror}"
        yield Found(error.filename, folder, file_origin(Path(error.filename)), named=False, problem=problem)


def _joined(shown: str, relative: str) -> str:
    if shown == "." or not relative:
        return relative or shown
    return f"{shown.rstrip('/')}/{relative}"


def _quoted(name: str) -> str:
    return quote_from_bytes(os.fsencode(name))


def _exists(path: str) -> bool:
    try:
        Path(path).stat()
    except OSError:
        return False
    return True


def _has_vanished(path: Path) -> bool:
    """Tell whether a file is surely not there; one that may not be looked for is not surely gone."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
