"""Forks processes that say what they do until they are killed, from one that has imported everything."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = dict[str, Any]
Say = Callable[[Report], None]

# Who says nothing for so long hangs, which is a violation like another.
PATIENCE_SECONDS = 120
_THREADS_END_SECONDS = 5


class Child:
    """A process forked to do something; what it says comes through a pipe, whatever then happens to it."""

    def __init__(self, act: Callable[[Say], None]) -> None:
        self._reading, writing = os.pipe()
        self._rest = b""
        self.over = False
        self.process = os.fork()
        if self.process == 0:
            os.close(self._reading)
            _become_child(act, writing)
        os.close(writing)

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._reading

    def said(self) -> list[Report]:
        """Return what it said since, waiting for the first line; nothing once it has ended."""
        piece = os.read(self._reading, 2**16)
        self.over = not piece
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> list[Report]:
        """Kill it, and return what it had said by then."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        said = []
        while not self.over:
            said += self.said()
        os.close(self._reading)
        return said


def in_child(act: Callable[[Say], None]) -> list[Report]:
    """Run something in a forked child, and return what it said before it ended, however that was."""
    child, said = Child(act), list[Report]()
    while not child.over:
        if not select.select([child], [], [], PATIENCE_SECONDS)[0]:
            return [*said, *child.kill(), {"problems": ["it hangs"]}]
        said += child.said()
    return said + child.kill()


def _become_child(act: Callable[[Say], None], writing: int) -> None:
    def say(report: Report) -> None:
        line = json.dumps(report).encode() + b"\n"
        while line:
            line = line[os.write(writing, line) :]

    try:
        act(say)
    # A panic of tantivy is a `BaseException`.
    except BaseException as error:
        frames = [f"{Path(at.filename).name}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)]
        say({"problems": [f"{type(error).__name__}: {error} ({' '.join(frames[-4:])})"]})
    finally:
        # Nothing of the parent's is flushed or torn down.
        os._exit(0)


def require_one_thread() -> None:
    """Raise `RuntimeError` unless this process may fork: a lock that another thread holds stays locked."""
    # A thread that was joined may take a moment to be gone.
    deadline = time.monotonic() + _THREADS_END_SECONDS
    while (threads := len(list(Path("/proc/self/task").iterdir()))) > 1:
        if time.monotonic() > deadline:
            raise RuntimeError(f"there are {threads} threads; set OMP_NUM_THREADS=1")
