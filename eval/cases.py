"""Eval sets: questions with the answers and the evidence that a person found by reading."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.catalog import Catalog
from index.errors import InputError, SourceNotFound
from index.types import DocumentInfo, Span


class InvalidCase(InputError):
    """An eval set, or a line of it, that cannot be used."""

    code = "invalid_case"


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words that stand in a document; `source` is its path or the end of it."""

    source: str
    quote: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What has to be cited: a quotation, or any one of its alternatives, which say the same."""

    choices: tuple[Quotation, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A question of an eval set. One that is not answerable has neither answers nor evidence."""

    id: str
    question: str
    answers: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    answerable: bool
    labels_by: str
    kind: str


@dataclass(frozen=True, slots=True)
class EvalSet:
    """The cases of a file, and the documents they are about where a manifest beside it names them.

    The manifest has the set's name with `.toml` and lists paths relative to itself: `documents = [...]`.
    """

    name: str
    sha256: str
    cases: tuple[Case, ...]
    documents: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """Where a quotation stands: each place in each document of its source."""

    places: tuple[tuple[str, Span], ...]


def load_eval_set(path: Path) -> EvalSet:
    """Read a set; raise `SourceNotFound`, or `InvalidCase` naming the line."""
    if not path.is_file():
        raise SourceNotFound(f"there is no eval set {str(path)!r}")
    data = path.read_bytes()
    try:
        # Not `splitlines`: JSON may hold other line separators within a string.
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidCase(f"{path.name} is not UTF-8: {error.reason} at byte {error.start}") from error
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            case = _case(line, f"{path.name}, line {number}")
            if case.id in cases:
                raise InvalidCase(f"{path.name}, line {number}: the id {case.id!r} stands twice")
            cases[case.id] = case
    if not cases:
        raise InvalidCase(f"{path.name} holds no cases")
    return EvalSet(path.stem, hashlib.sha256(data).hexdigest(), tuple(cases.values()), _documents(path))


def _documents(path: Path) -> tuple[Path, ...]:
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


def _case(line: str, place: str) -> Case:
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
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCase(f"{place} is not a case: {error!r}") from error
    if case.answerable != bool(case.evidence):
        raise InvalidCase(f"{place}: an answerable case has evidence, and only that has it")
    return case


def _quotation(entry: dict[str, Any]) -> Quotation:
    return Quotation(_words(entry["source"]), _words(entry["quote"]))


def _words(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def locate(quotation: Quotation, documents: list[DocumentInfo], catalog: Catalog) -> Located:
    """Find every place of a quotation, letter for letter; there is none where the document changed."""
    places = []
    for info in documents:
        if info.source == quotation.source or info.source.endswith(f"/{quotation.source}"):
            text = catalog.text(info.id)
            start = text.find(quotation.quote)
            while start >= 0:
                places.append((info.id, Span(start, start + len(quotation.quote))))
                start = text.find(quotation.quote, start + 1)
    return Located(tuple(places))
