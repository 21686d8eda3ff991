"""Eval sets: questions with the answers and the evidence that a person found by reading."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from index.catalog import Catalog
from index.errors import InputError, SourceNotFound
from index.types import DocumentInfo, Span


class InvalidCase(InputError):
    """An eval set, or a line of it, that cannot be used."""

    code = "invalid_case"


_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANCHORED = ("sha256", "start", "end")


class State(StrEnum):
    """Whether a case is asked: only an accepted one is."""

    DRAFT = "draft"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A stretch of one version of a document; `sha256` is that of its whole text (`Document.sha256`)."""

    sha256: str
    span: Span


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words that stand in a document; `source` is its path or the end of it.

    With an `anchor` they are bound to that version of it, and stale once there is another
    (`eval.anchoring`).
    """

    source: str
    quote: str
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What has to be cited: a quotation, or any one of its alternatives, which say the same."""

    choices: tuple[Quotation, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A question of an eval set. One that is not answerable has neither answers nor evidence.

    A draft may lack the evidence, too. `made_by` says what proposed the case, as `machine`, `chat` or
    `person`, and is empty where nobody said; `note` is for who reviews it. With a `scope` the question is
    asked of those documents alone, which are named like the `source` of a quotation.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    answerable: bool
    labels_by: str
    kind: str
    state: State = State.ACCEPTED
    made_by: str = ""
    note: str = ""
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvalSet:
    """The accepted cases of a file, and the documents they are about where a manifest beside it names them.

    The manifest has the set's name with `.toml` and lists paths relative to itself: `documents = [...]`.
    `left_out` counts the cases that are not asked, by why: `draft`, `rejected` and `stale`. `sample` is the
    number of cases that were chosen of all, None if it is all; `shard` which part of them this is, as `2/4`.
    """

    name: str
    sha256: str
    cases: tuple[Case, ...]
    documents: tuple[Path, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    sample: int | None = None
    shard: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """Where a quotation stands: each place in each document of its source."""

    places: tuple[tuple[str, Span], ...]


def load_eval_set(path: Path) -> EvalSet:
    """Read the accepted cases of a set; raise `SourceNotFound`, or `InvalidCase` naming the line."""
    if not path.is_file():
        raise SourceNotFound(f"there is no eval set {str(path)!r}")
    data = path.read_bytes()
    cases = cases_in(data, path.name)
    accepted = tuple(case for case in cases if case.state is State.ACCEPTED)
    left_out = Counter(case.state.value for case in cases if case.state is not State.ACCEPTED)
    if not cases:
        raise InvalidCase(f"{path.name} holds no cases")
    if not accepted:
        raise InvalidCase(
            f"{path.name} holds no accepted case, of {len(cases)} in it: "
            f"look through them with `quotebound eval review {path.name}`"
        )
    return EvalSet(path.stem, hashlib.sha256(data).hexdigest(), accepted, manifest_of(path), left_out)


def cases_in(data: bytes, name: str) -> list[Case]:
    """Return the cases of a file's bytes, in whatever state; raise `InvalidCase` naming file and line."""
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines_of(data, name), start=1):
        if line.strip():
            case = case_of(line, f"{name}, line {number}")
            if case.id in cases:
                raise InvalidCase(f"{name}, line {number}: the id {case.id!r} stands twice")
            cases[case.id] = case
    return list(cases.values())


def lines_of(data: bytes, name: str) -> list[str]:
    """Return the lines of a file of cases; raise `InvalidCase` where it is no text."""
    try:
        # Not `splitlines`: JSON may hold other line separators within a string.
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidCase(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from error


def manifest_of(path: Path) -> tuple[Path, ...]:
    """Return the documents that the manifest beside a set names, none where there is no manifest."""
    manifest = path.with_suffix(".toml")
    if not manifest.is_file():
        return ()
    try:
        listed = tomllib.loads(manifest.read_text(encoding="utf-8")).get("documents", [])
    except ValueError as error:
        raise InvalidCase(f"{manifest.name} is not TOML: {error}") from error
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise InvalidCase(f"{manifest.name}: documents has to be a list of paths")
    return tuple(manifest.parent / entry for entry in listed)


def case_of(line: str, place: str) -> Case:
    """Return the case that a line holds; raise `InvalidCase`, in which the line is called `place`."""
    try:
        record: dict[str, Any] = json.loads(line)
        case = Case(
            id=str(record["id"]),
            question=str(record["question"]),
            answers=tuple(map(_words, _list(record["answers"]))),
            evidence=tuple(
                Evidence(
                    (
                        _quotation(entry),
                        *map(_quotation, _list(entry.get("alternatives", []))),
                    )
                )
                for entry in _list(record["evidence"])
            ),
            answerable=record["answerable"] is True,
            labels_by=str(record["labels_by"]),
            kind=str(record.get("kind", "")),
            state=State(record.get("state", State.ACCEPTED)),
            made_by=_words(record["made_by"]) if "made_by" in record else "",
            note=_text(record.get("note", "")),
            scope=tuple(map(_words, _list(record.get("scope", [])))),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCase(f"{place} is not a case: {error!r}") from error
    # What is no case yet may lack the evidence.
    if (case.evidence and not case.answerable) or (case.state is State.ACCEPTED and lacks_evidence(case)):
        raise InvalidCase(f"{place}: an answerable case has evidence, and only that has it")
    return case


def lacks_evidence(case: Case) -> bool:
    """Tell whether a case says that the documents answer it, and not where."""
    return case.answerable and not case.evidence


def _quotation(entry: dict[str, Any]) -> Quotation:
    return Quotation(_words(entry["source"]), _words(entry["quote"]), _anchor(entry))


def _anchor(entry: dict[str, Any]) -> Anchor | None:
    given = [name for name in _ANCHORED if name in entry]
    if not given:
        return None
    if len(given) < len(_ANCHORED):
        raise ValueError(f"sha256, start and end go together, and there is only {' and '.join(given)}")
    sha256, start, end = (entry[name] for name in _ANCHORED)
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError(f"sha256 is {sha256!r}, and not 64 digits of 0-9 and a-f")
    # Not `isinstance`: true and false are of type int, too.
    if type(start) is not int or type(end) is not int or start < 0 or end - start != len(entry["quote"]):
        raise ValueError(f"{start!r} to {end!r} is no span of the quote's {len(entry['quote'])} characters")
    return Anchor(sha256, Span(start, end))


def _words(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def is_called(info: DocumentInfo, source: str) -> bool:
    """Tell whether a document is one that a quotation's source means: by its path, or the end of it."""
    return info.source == source or info.source.endswith(f"/{source}")


def source_of(source: str, sources: Sequence[str]) -> str:
    """Return the shortest end of a document's path, from a slash on, that is no other document's.

    So a quotation holds where the same documents were read from another folder. The whole path where
    there is no such end.
    """
    parts = source.split("/")
    others = [other for other in sources if other != source]
    for length in range(1, len(parts)):
        end = "/".join(parts[-length:])
        if not any(other == end or other.endswith(f"/{end}") for other in others):
            return end
    return source


def locate(quotation: Quotation, documents: list[DocumentInfo], catalog: Catalog) -> Located:
    """Find every place of a quotation, letter for letter; there is none where the document changed."""
    places = []
    for info in documents:
        if is_called(info, quotation.source):
            text = catalog.text(info.id)
            start = text.find(quotation.quote)
            while start >= 0:
                places.append((info.id, Span(start, start + len(quotation.quote))))
                start = text.find(quotation.quote, start + 1)
    return Located(tuple(places))
