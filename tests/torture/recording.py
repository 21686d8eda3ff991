"""Runs a workload on a new store and records every change of its files, for `torture.powerloss` to replay.

In a process of its own, since the shim stays in the one that it watches. Between the calls stand
notes of what was promised: `{"doing": state}` as a change begins, with the state that there will be
after it, and `{"done": state}` once the call has returned.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from random import Random

import structlog

from index.store import Store
from torture import modes, operations
from torture.operations import State
from torture.scratch import scratch_folder
from torture.shim import Shim
from torture.sweep import worker_environment
from torture.trace import Call, Op

_CHANGES = 14
# Few, so that the log is checkpointed and begun anew within the workload.
_CHECKPOINT_PAGES = 40
# Fewer than a long document changes: what a transaction writes before it commits is then there to be cut.
_SMALL_CACHE_PAGES = 10


def record(mode: modes.Mode, file: Path, *, seed: int, changes: int = _CHANGES) -> None:
    """Record the workload of a seed, in three sessions one after another, in a new process."""
    subprocess.run(
        [sys.executable, "-m", "torture.recording", mode.name, str(file), str(seed), str(changes)],
        check=True,
        env=worker_environment(),
    )


def _workload(folder: Path, shim: Shim, seed: int, changes: int) -> None:
    random = Random(seed)
    state = State({})
    sessions: tuple[dict[str, int], ...] = ({}, {"cache_size": _SMALL_CACHE_PAGES}, {})
    for session, pragmas in enumerate(sessions):
        with modes.pragmas(wal_autocheckpoint=_CHECKPOINT_PAGES, **pragmas):
            store = operations.opened(folder)
            for change in range(changes):
                after, perform = _change(random, state, f"{chr(97 + session)}{change}")
                shim.mark(json.dumps({"doing": asdict(after)}))
                perform(store)
                shim.mark(json.dumps({"done": asdict(after)}))
                state = after
            store.close()


def _change(random: Random, state: State, name: str) -> tuple[State, Callable[[Store], None]]:
    """Return the next state, and how to get there; `name` is for what is new.

    More documents are added than replaced or deleted, and now and then all go over to another space.
    """
    kind = random.choices(("add", "replace", "delete", "reindex"), (5, 3, 2, 1))[0]
    if kind == "reindex":
        space = operations.OTHER_SPACE.id if state.space == operations.SPACE.id else operations.SPACE.id
        return replace(state, space=space), partial(operations.reindex, space=space)
    source = f"{name}.txt" if kind == "add" or not state.texts else random.choice(sorted(state.texts))
    if kind == "delete" and source in state.texts:
        kept = {other: content for other, content in state.texts.items() if other != source}
        return replace(state, texts=kept), operations.deletion(source, state.texts[source])
    content = operations.text(f"{name}n", random.choice((1, 2, 3, 30)))
    return state.with_text(source, content), operations.putting(source, content)


def notes(recorded: Iterable[Call]) -> Iterator[tuple[str, State]]:
    """Yield what each note of a record says: "doing" or "done", and the state."""
    for call in recorded:
        if call.op is Op.MARK:
            ((kind, state),) = json.loads(call.path).items()
            yield kind, State(**state)


def main() -> None:
    """Record one workload: mode, file, seed and number of changes a session come as arguments."""
    mode, file, seed, changes = sys.argv[1:]
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with scratch_folder() as folder, Path(file).open("wb") as out, modes.MODES[mode].used():
        shim = Shim()
        shim.trace(folder, out.fileno())
        _workload(folder, shim, int(seed), int(changes))
        shim.disarm()


if __name__ == "__main__":
    main()
