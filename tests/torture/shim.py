"""Builds the fault shim and puts a typed interface over it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from enum import Enum
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_OPTIONS = ("-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-shared", "-fPIC")


class Kind(Enum):
    """What happens at the chosen call. The values are those of `enum kind` in shim.c.

    `KILL`: the process dies before the call is made. `TORN`: half of a write is made, of any other
    call nothing, then the process dies. `EIO`: the call fails. `FULL_ONCE`: it fails for want of
    room, and what follows succeeds. `FULL`: from this call on nothing that takes room succeeds; the
    first write fits by half.
    """

    KILL = 1
    TORN = 2
    EIO = 3
    FULL_ONCE = 4
    FULL = 5

    @property
    def kills(self) -> bool:
        """Tell whether the process dies of it."""
        return self in {Kind.KILL, Kind.TORN}


_WATCH = 0


def unavailable() -> str | None:
    """Return why faults cannot be injected on this machine, None where they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the fault shim knows the system calls of x86-64 Linux only"
    if shutil.which("gcc") is None and not _library().is_file():
        return "the fault shim needs a C compiler: install gcc and libc6-dev (.ci/compiler does)"
    return None


def _library() -> Path:
    """Return where the library of this source and these options is kept, built or not."""
    made_of = _SOURCE.read_bytes() + " ".join(_OPTIONS).encode()
    name = f"quotebound-shim-{os.getuid()}-{hashlib.sha256(made_of).hexdigest()[:16]}.so"
    return Path(tempfile.gettempdir()) / name


def build() -> Path:
    """Return the shim's library, compiled if it is not there yet."""
    library = _library()
    # What another user left under that name is not loaded.
    if library.is_file() and library.stat().st_uid == os.getuid():
        return library
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "shim.so"
        subprocess.run(["gcc", *_OPTIONS, "-o", made, _SOURCE], check=True)
        # Beside its place first, so that nobody loads half of it.
        beside = library.with_suffix(f".{os.getpid()}")
        shutil.copyfile(made, beside)
        beside.replace(library)
    return library


class Shim:
    """Strikes or records this process's changes to the files of one folder.

    What it starts cannot be taken out of a process again, only put to rest: use it in one that ends
    soon. `count` and `struck` can also be asked by the parent of a process that died of its fault,
    if the parent made the `Shim` before it forked.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(str(build()))
        self._arm = library.shim_arm
        self._arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int]
        self._trace = library.shim_trace
        self._trace.argtypes = [ctypes.c_char_p, ctypes.c_int]
        self._mark = library.shim_mark
        self._mark.argtypes = [ctypes.c_char_p]
        self._disarm = library.shim_disarm
        self._count = library.shim_count
        self._count.restype = ctypes.c_long
        self._struck = library.shim_struck
        self._struck.restype = ctypes.c_char_p

    def arm(self, folder: Path, at: int, kind: Kind) -> None:
        """Count the calls that change a folder from here on, and strike the one of this number."""
        self._watched(self._arm(os.fsencode(folder.resolve()), at, kind.value))

    def count_only(self, folder: Path) -> None:
        """Count the calls that change a folder from here on, and strike none."""
        self._watched(self._arm(os.fsencode(folder.resolve()), 0, _WATCH))

    def trace(self, folder: Path, file: int) -> None:
        """Record the calls that change a folder into an open file, for `torture.trace` to read."""
        self._watched(self._trace(os.fsencode(folder.resolve()), file))

    def _watched(self, result: int) -> None:
        if result:
            raise OSError("the kernel does not let this process trap its own system calls (seccomp)")

    def mark(self, note: str) -> None:
        """Put a note between the calls recorded."""
        self._mark(note.encode())

    def disarm(self) -> None:
        """Let every call through again, and end the record."""
        self._disarm()

    def count(self) -> int:
        """Return how many calls were counted or recorded since the start."""
        return int(self._count())

    def struck(self) -> str | None:
        """Return which call was struck and on which file, None where none was."""
        found = self._struck()
        return found.decode() if found is not None else None
