"""Runs something in a forked child, which may die of it, and hears what it says meanwhile."""

from __future__ import annotations

import json
import os
import select
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

# A child that says nothing for so long hangs, which is a violation like another.
_PATIENCE_SECONDS = 120

Report = dict[str, Any]
Say = Callable[[Report], None]


def in_child(act: Callable[[Say], None]) -> list[Report]:
    """Run something in a forked child, and return what it said before it ended, however that was."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become_child(act, writing)
    os.close(writing)
    said = b""
    while select.select([reading], [], [], _PATIENCE_SECONDS)[0]:
        if not (piece := os.read(reading, 65536)):
            break
        said += piece
    else:
        os.kill(child, signal.SIGKILL)
        said += json.dumps({"problems": ["it hangs"]}).encode()
    os.close(reading)
    os.waitpid(child, 0)
    return [json.loads(line) for line in said.splitlines()]


def _become_child(act: Callable[[Say], None], writing: int) -> NoReturn:
    status = 1

    def say(report: Report) -> None:
        os.write(writing, json.dumps(report).encode() + b"\n")

    try:
        act(say)
        status = 0
    except BaseException as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        say({"problems": [f"{type(error).__name__}: {error} ({where})"]})
    finally:
        # Nothing of the parent's is flushed or torn down.
        os._exit(status)
