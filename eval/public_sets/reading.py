"""Reads the files of a public set and gathers its documents and cases; what is odd in them is counted."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from eval.cases import Anchor, Case, Evidence, InvalidCase, Quotation
from eval.public import file_sha256
from eval.public_sets.types import PublicDocument, PublicQuestions
from index.errors import InputError, SourceNotFound
from index.loading.documents import load_bytes
from index.loading.text.plain import PlainTextLoader
from index.sentences import sentence_spans
from index.sources import label
from index.types import Document, Span

_GZIP_SIGNATURE = b"\x1f\x8b"
_GZIP_SUFFIX = ".gz"
_NAME_CHARACTERS = 120
# What plain text is not stored with, as one character for one: offsets of annotators stay where they were.
_STORED = str.maketrans(
    {
        **dict.fromkeys((*range(0x09), 0x0B, *range(0x0D, 0x20)), " "),
        **dict.fromkeys((*range(0x7F, 0x85), *range(0x86, 0xA0)), " "),
        # At the beginning of a file it would be taken for a byte-order mark; this one is as invisible.
        0xFEFF: "\N{WORD JOINER}",
        **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
    }
)


def as_stored(text: str) -> str:
    """Return a text as plain text is stored, with as many characters."""
    return text.translate(_STORED)


def titled(title: str, text: str) -> tuple[str, int]:
    """Return a text below its title, and where in it the text begins."""
    head = f"{_one_line(title)}\n\n"
    return head + text, len(head)


def located(text: str, quote: str) -> Span | None:
    """Return where a quote stands first, if need be apart from white space; None where it does not."""
    if not quote.strip():
        return None
    start = text.find(quote)
    if start >= 0:
        return Span(start, start + len(quote))
    places = [place for place, character in enumerate(text) if not character.isspace()]
    folded = "".join(quote.split())
    start = "".join(text.split()).find(folded)
    return Span(places[start], places[start + len(folded) - 1] + 1) if start >= 0 else None


@contextmanager
def in_form(place: str) -> Iterator[None]:
    """Have a record that lacks what it should have raise `InvalidCase`, in which it is called `place`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidCase(f"{place} is not in the form that the set is published in: {error!r}") from error


class Text:
    """A document of a set as the index will hold it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.name = document.source
        self.text = document.text

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences, as the product splits them."""
        spans = (sentence_spans(self.text, block, self._document.language) for block in self._document.blocks)
        return tuple(chain.from_iterable(spans))

    def sentence_at(self, span: Span) -> Span:
        """Return the sentence that a span is in, or those that it runs over; itself where it is in none."""
        met = [entry for entry in self.sentences if entry.start < span.end and span.start < entry.end]
        return Span(met[0].start, met[-1].end) if met else span

    def quotation(self, span: Span) -> Quotation:
        """Return what stands at a span, anchored there; the span is neither empty nor blank at its ends."""
        quote = self.text[span.start : span.end]
        return Quotation(self.name, quote, Anchor(self._document.sha256, span))

    def evidence(self, spans: Sequence[Span]) -> Evidence:
        """Return evidence of which each span is an alternative, with those that say the same only once."""
        return Evidence(tuple(self.quotation(span) for span in dict.fromkeys(spans)))


class SetReader:
    """Reads one set below a data folder; `source` says where it comes from, `labels_by` who labelled it."""

    def __init__(self, data: Path, source: str, labels_by: str) -> None:
        self._data = data
        self._source = source
        self._labels_by = labels_by
        self._texts: dict[str, Text] = {}
        self._names: set[str] = set()
        self._cases: dict[str, Case] = {}
        self._sha256: dict[str, str] = {}
        self._odd: Counter[str] = Counter()

    def json(self, file: str) -> Any:
        """Return what a JSON file holds; raise `SourceNotFound`, or `InvalidCase` where it is damaged."""
        data = self._bytes(file)
        try:
            return json.loads(data)
        except ValueError as error:
            raise InvalidCase(f"{file} is damaged, and not JSON: {error}") from error

    def records(self, file: str) -> Iterator[tuple[str, Any]]:
        """Yield each entry of a JSON list, after its name in messages; raise as `json` does."""
        entries = self.json(file)
        if not isinstance(entries, list):
            raise InvalidCase(f"{file} is not in the form that the set is published in: it is no list")
        yield from ((f"{file}, entry {number}", entry) for number, entry in enumerate(entries, start=1))

    def lines(self, file: str) -> Iterator[tuple[str, Any]]:
        """Yield each line of a JSON Lines file, after its name in messages; raise as `json` does."""
        for number, line in enumerate(self._bytes(file).split(b"\n"), start=1):
            if line.strip():
                place = f"{file}, line {number}"
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise InvalidCase(f"{place} is damaged, and not JSON: {error}") from error
                yield place, record

    def rows(self, file: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each row of a table with tabs by the names of its columns, after its name in messages."""
        try:
            text = self._bytes(file).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidCase(f"{file} is damaged, and not UTF-8: {error.reason}") from error
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
        yield from ((f"{file}, line {number}", row) for number, row in enumerate(table, start=2))

    def _bytes(self, file: str) -> bytes:
        """Return a file's bytes, which may be compressed whatever it is called."""
        names = (file, file.removesuffix(_GZIP_SUFFIX), f"{file}{_GZIP_SUFFIX}")
        found = next((name for name in names if (self._data / name).is_file()), None)
        if found is None:
            raise SourceNotFound(f"there is no {file} in the data folder: {self._source}")
        path = self._data / found
        self._sha256[found] = file_sha256(path)
        data = path.read_bytes()
        if not data.startswith(_GZIP_SIGNATURE):
            return data
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidCase(f"{found} is damaged: {error}") from error

    def document(self, title: str, text: str) -> Text | None:
        """Return a text as a document named after a title, the same one for the same text.

        None, and counted, where there is nothing in it, or where it would be taken for another format.
        """
        text = as_stored(text)
        if text not in self._texts:
            name = self._name(title)
            data = text.encode("utf-8")
            try:
                document = load_bytes(data, name, origin=name, max_bytes=len(data))
            except InputError:
                self.count("a text left out that cannot be read, or is empty")
                return None
            if document.media_type != PlainTextLoader.media_type or document.text != text:
                self.count("a text left out that would not be read as plain text")
                return None
            self._names.add(name.casefold())
            self._texts[text] = Text(document)
        return self._texts[text]

    def _name(self, title: str) -> str:
        """Return a name that no document has, whether or not upper and lower case are told apart."""
        # A slash would make a folder of it, and a dot before it a hidden file.
        shown = label(_one_line(title)).replace("/", "-").replace("\\", "-").lstrip(". ")
        stem = shown[:_NAME_CHARACTERS].strip() or "untitled"
        name, number = f"{stem}.txt", 1
        while name.casefold() in self._names:
            number += 1
            name = f"{stem} ({number}).txt"
        return name

    def count(self, oddity: str) -> None:
        """Count something that is not as the set's authors say that it is."""
        self._odd[oddity] += 1

    def ask(
        self,
        case_id: object,
        question: str,
        kind: str,
        *,
        answers: Sequence[str] = (),
        evidence: Sequence[Evidence] | None = None,
        scope: Sequence[Text] = (),
    ) -> None:
        """Add a case, which is answerable where evidence is given; one that cannot be asked is counted."""
        asked = _one_line(question)
        if not asked:
            self.count("a question left out without words")
        elif evidence is not None and not evidence:
            self.count("a question left out whose evidence is not in its text")
        elif str(case_id) in self._cases:
            self.count("a question left out whose id another one has")
        else:
            self._cases[str(case_id)] = Case(
                id=str(case_id),
                question=asked,
                answers=tuple(dict.fromkeys(filter(None, map(_one_line, answers)))),
                evidence=tuple(dict.fromkeys(evidence or ())),
                answerable=evidence is not None,
                labels_by=self._labels_by,
                kind=kind,
                scope=tuple(dict.fromkeys(text.name for text in scope)),
            )

    def asked(self, files: Iterable[str], ask: Callable[[SetReader, Any], None]) -> PublicQuestions:
        """Return all that was read, once each line of some JSON Lines files was handed to `ask`."""
        for file in files:
            for place, record in self.lines(file):
                with in_form(place):
                    ask(self, record)
        return self.questions()

    def questions(self) -> PublicQuestions:
        """Return all that was read; raise `InvalidCase` where nothing can be asked."""
        if not self._cases:
            raise InvalidCase(f"{' and '.join(self._sha256)}: there is no question that can be asked in it")
        return PublicQuestions(
            documents=tuple(PublicDocument(text.name, text.text) for text in self._texts.values()),
            cases=tuple(self._cases.values()),
            data_sha256=self._sha256,
            odd=self._odd,
        )


def _one_line(text: str) -> str:
    return " ".join(as_stored(text).split())
