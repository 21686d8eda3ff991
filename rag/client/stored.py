"""What is told of documents, collections and jobs. Offsets are code points of a document's stored text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document; `pages` is 0 for formats without pages."""

    id: str
    source: str
    title: str
    media_type: str
    sha256: str
    characters: int
    passages: int
    pages: int
    unread_pages: int
    added: datetime


@dataclass(frozen=True, slots=True)
class UnreadPage:
    """A page that could not be read, and why."""

    page: int
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many pages there are, how many were read in which way or are blank, and which were not read."""

    pages: int
    text: int
    ocr: int
    blank: int
    unread: tuple[UnreadPage, ...]


@dataclass(frozen=True, slots=True)
class DocumentDetail(Document):
    """A stored document with what was read of it; `coverage` is None for formats without pages."""

    coverage: Coverage | None
    language: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet: its span of the text, how it was read, and its size in points where known."""

    number: int
    kind: str
    label: str | None
    start: int
    end: int
    reading: str
    reason: str | None
    width: float | None
    height: float | None


@dataclass(frozen=True, slots=True)
class Word:
    """A word's span of the text, and its box on a page in points from the page's top left corner."""

    page: int
    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class JobError:
    """The error that ended a job, or that keeps it waiting."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a collection; one that is `waiting` or `running` goes on by itself."""

    id: str
    kind: str
    state: Literal["waiting", "running", "done", "failed"]
    collection: str
    created: datetime
    updated: datetime
    request: Mapping[str, Any]
    error: JobError | None

    @property
    def ended(self) -> bool:
        """Whether the job is done or has failed."""
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of a file; `reason` is given where it was kept, skipped or failed."""

    source: str
    status: str
    document_id: str | None
    passages: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class JobReport(Job):
    """A job and what became of every file so far; `passages_embedded` is known while it runs."""

    counts: Mapping[str, int]
    passages_embedded: int | None
    files: tuple[FileRecord, ...]


@dataclass(frozen=True, slots=True)
class FileReading:
    """A file that is being read: how many of its pages are done; 0 of 0 while that is not known."""

    source: str
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `last` is the source of the file that was done last."""

    id: str
    state: Literal["waiting", "running"]
    error: JobError | None
    counts: Mapping[str, int]
    files_found: int
    passages_found: int
    passages_done: int
    passages_embedded: int
    last: str | None
    reading: FileReading | None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection; `model` is None where there is nothing in it yet, or it cannot be read."""

    name: str
    documents: int
    model: str | None


@dataclass(frozen=True, slots=True)
class Documents:
    """The response that lists documents."""

    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """The response that lists a document's pages."""

    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The response that lists words."""

    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """The response that gives a document's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Jobs:
    """The response that lists jobs."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The response that gives the id of a job."""

    job: str


@dataclass(frozen=True, slots=True)
class Collections:
    """The response that lists collections."""

    collections: tuple[Collection, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The response that says whether the service lives, or is ready."""

    status: str
