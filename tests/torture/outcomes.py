"""What comes of faults, as it travels from the server that tries them to whoever asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The calls of an operation that ran unharmed, and of the closing after it.

    `performed` of them came before it returned. `writing` and `growing` are the numbers, from 1, of
    those that write to a file, and of those that take room.
    """

    calls: tuple[str, ...]
    performed: int
    writing: tuple[int, ...]
    growing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault, in a mode of SQLite.

    `struck` says which call it hit, None where the operation was over before. `acknowledged` is
    "returned", "died", or the name of the error raised. `lacking` tells that the search by words
    lacked something until the next change. `problems` are the promises that were not kept.
    """

    mode: str
    operation: str
    kind: str
    at: int
    struck: str | None
    acknowledged: str
    lacking: bool
    problems: tuple[str, ...]

    def __str__(self) -> str:
        again = f"--mode {self.mode} --operation {self.operation} --kind {self.kind} --at {self.at}"
        lines = [
            f"python -m torture sweep {again}: struck {self.struck}; {self.acknowledged}",
            *self.problems,
        ]
        return "\n    ".join(lines)
