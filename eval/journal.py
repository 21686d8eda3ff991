"""What a run found so far, on disk: one that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from pydantic import TypeAdapter

from eval.outcomes import Outcome
from eval.rounding import encoded
from index.errors import InputError

OUTCOME = TypeAdapter(Outcome)


class UnwritableJournal(InputError):
    """The outcomes of a run cannot be kept where they were to be."""

    code = "unwritable_journal"


class Journal:
    """The outcomes of an unfinished run, a line each, under what they were measured on.

    Those of the same cases on the same documents with the same program and settings are taken over;
    anything else that is in the file is done away with. A line that was not written to its end is
    measured again. Without a path nothing is kept. Use it as a context manager. The file stays: whoever has
    written down all that it has removes it.
    """

    def __init__(self, path: Path | None, provenance: Mapping[str, Any]) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        told = json.dumps(provenance, sort_keys=True, ensure_ascii=True)
        self._key = json.dumps({"run": hashlib.sha256(told.encode()).hexdigest()}).encode()
        self._found: dict[str, Outcome] = {}

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            kept = self._taken_over(self._path)
            file = self._path.open("r+b" if kept else "wb")
            if kept:
                file.seek(kept)
                file.truncate()
            else:
                file.write(self._key + b"\n")
                file.flush()
        except OSError as error:
            raise UnwritableJournal(f"{str(self._path)!r} cannot be written: {error.strerror}") from error
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def found(self, case_id: str) -> Outcome | None:
        """Return what became of a case before the run was interrupted, None where it was not asked."""
        return self._found.get(case_id)

    def keep(self, outcome: Outcome) -> None:
        """Write down what became of a case, unless that was there already."""
        if self._file is not None and outcome.id not in self._found:
            try:
                self._file.write(encoded(OUTCOME.dump_python(outcome, mode="json")) + b"\n")
                self._file.flush()
            except OSError as error:
                raise UnwritableJournal(
                    f"what was found cannot be kept in {str(self._path)!r}: {error.strerror}; what is there "
                    "stays, and the same run goes on from it"
                ) from error

    def _taken_over(self, path: Path) -> int:
        """Read what is there, and return how many bytes of it hold; 0 where it is of another run."""
        if not path.exists():
            return 0
        with path.open("rb") as file:
            if file.readline() != self._key + b"\n":
                return 0
            kept = file.tell()
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    outcome = OUTCOME.validate_python(json.loads(line))
                except ValueError:
                    break
                self._found[outcome.id] = outcome
                kept += len(line)
        return kept
