"""Files of cases as they are written: line by line, each whole or not at all."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eval.cases import Case, InvalidCase, Quotation, case_of, cases_in, lines_of
from index.disk import write_whole
from index.errors import SourceNotFound


def read_cases(path: Path, *, missing: bool = False) -> list[Case]:
    """Return all cases of a file, in whatever state, in its order.

    Raise `InvalidCase` naming the line, and `SourceNotFound` where there is no such file; with `missing`
    that is one without cases.
    """
    return cases_in(_read(path, missing=missing), path.name)


def add_cases(path: Path, cases: Iterable[Case]) -> None:
    """Write cases at the end of a file, which is made where there is none; raise as `read_cases` does.

    What is in it stays as it is, to the byte. The new file takes the place of the old one as a whole.
    """
    before = _read(path, missing=True)
    if before and not before.endswith(b"\n"):
        before += b"\n"
    added = _encoded("".join(f"{_line(record_of(case))}\n" for case in cases))
    # To know that no id stands twice, and that what was written can be read.
    cases_in(before + added, path.name)
    _write(path, before + added)


def put_cases(path: Path, cases: Iterable[Case]) -> None:
    """Write cases in place of those with their ids; raise as `read_cases` does, or for an unknown id.

    The file is read anew, so that what others wrote since stays. Of a line only what changed is
    written, other lines and fields that Quotebound does not know stay as they are.
    """
    data = _read(path, missing=False)
    lines = lines_of(data, path.name)
    places = {
        case_of(line, f"{path.name}, line {number}").id: number - 1
        for number, line in enumerate(lines, start=1)
        if line.strip()
    }
    for case in cases:
        if case.id not in places:
            raise InvalidCase(f"{path.name} has no case {case.id!r} any more")
        place = places[case.id]
        lines[place] = _changed(lines[place], case)
        # So that what is written can be read again.
        case_of(lines[place], f"{path.name}, {case.id}")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    _write(path, mark + _encoded("\n".join(lines)))


def record_of(case: Case) -> dict[str, Any]:
    """Return a case in values of JSON, as a line of a file holds it."""
    told: dict[str, Any] = {
        "id": case.id,
        "question": case.question,
        "scope": list(case.scope),
        "answers": list(case.answers),
        "evidence": [_entry(evidence.choices) for evidence in case.evidence],
        "answerable": case.answerable,
        "kind": case.kind,
        "state": case.state.value,
        "made_by": case.made_by,
        "labels_by": case.labels_by,
        "note": case.note,
    }
    left_out = [name for name in ("kind", "made_by", "note", "scope") if not told[name]]
    return {name: value for name, value in told.items() if name not in left_out}


def _entry(choices: tuple[Quotation, ...]) -> dict[str, Any]:
    first, *others = map(_quotation, choices)
    return first | ({"alternatives": others} if others else {})


def _quotation(quotation: Quotation) -> dict[str, Any]:
    told: dict[str, Any] = {"source": quotation.source, "quote": quotation.quote}
    if (anchor := quotation.anchor) is not None:
        told |= {"sha256": anchor.sha256, "start": anchor.span.start, "end": anchor.span.end}
    return told


def _changed(line: str, case: Case) -> str:
    before = record_of(case_of(line, case.id))
    changes = {name: value for name, value in record_of(case).items() if before.get(name) != value}
    return _line({**json.loads(line), **changes}) if changes else line


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _encoded(text: str) -> bytes:
    # Half a surrogate pair has no bytes in UTF-8, and an escape in JSON.
    return text.encode(errors="backslashreplace")


def _read(path: Path, *, missing: bool) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        if missing and path.parent.is_dir():
            return b""
        raise SourceNotFound(f"there is no eval set {str(path)!r}") from error
    except OSError as error:
        raise SourceNotFound(f"{str(path)!r} cannot be read: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        # A link stays one.
        write_whole(path.resolve(), [data])
    except OSError as error:
        raise InvalidCase(f"{str(path)!r} cannot be written: {error.strerror}") from error
