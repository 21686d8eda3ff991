"""What became of each file of a folder: its pages, its characters, or why it was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.metrics import PrecisionRecall
from index.coverage import Coverage, told
from index.errors import InputError, SourceNotFound
from index.loading import Parsing, chosen_loader, document_of
from index.loading.documents import empty
from index.loading.sandbox import Sandbox
from index.sources import content_sha256, file_origin, read_file
from index.types import Document

_FOLDER = "pdf"
_TRUTH = ".ground-truth.txt"
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Outcome:
    """A file, and the document that it gave or the reason for which it gave none."""

    path: Path
    document: Document | None
    refusal: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def coverage(self) -> Coverage:
        """How its pages were read."""
        return Coverage.of(self.document.pages if self.document else ())

    @property
    def told(self) -> str:
        """What became of it, in words."""
        if self.document is None:
            return f"refused: {self.refusal}"
        return "; ".join(["read", *told(self.coverage.unread)])


@dataclass(frozen=True, slots=True)
class Scored:
    """How the words of a file were found."""

    name: str
    score: PrecisionRecall


def pdfs_below(data: Path) -> list[Path]:
    """Return the PDFs of the public data; raise `SourceNotFound` saying where they come from."""
    folder = data / _FOLDER
    found = sorted(folder.glob("**/*.pdf"))
    if not found:
        raise SourceNotFound(
            f"there are no PDFs in {_FOLDER}/ of the data folder: they are the files of "
            "https://github.com/py-pdf/sample-files (CC BY-SA 4.0)"
        )
    return found


def read_all(paths: list[Path], tell: Callable[[str], None], parsing: Parsing | None = None) -> list[Outcome]:
    """Read each file as an ingest does, in a process of its own."""
    outcomes = []
    with Sandbox() as sandbox:
        for path in paths:
            tell(f"reading {path.name}")
            try:
                outcomes.append(Outcome(path, _document(path, sandbox, parsing or Parsing())))
            except InputError as error:
                outcomes.append(Outcome(path, None, str(error)))
    return outcomes


def truths_of(outcomes: list[Outcome]) -> Iterator[tuple[Outcome, str]]:
    """Yield each file that has a text beside it that says what is in it, with that text."""
    for outcome in outcomes:
        texts = list(outcome.path.parent.glob(f"*{_TRUTH}"))
        if len(texts) == 1 and len(list(outcome.path.parent.glob("*.pdf"))) == 1:
            yield outcome, texts[0].read_text(encoding="utf-8")


def _document(path: Path, sandbox: Sandbox, parsing: Parsing) -> Document:
    data = read_file(path, path.name, max_bytes=_MAX_BYTES)
    loader = chosen_loader(data, path.name, max_bytes=_MAX_BYTES)
    parsed = sandbox.parse(loader, data, path.name, parsing)
    if not parsed.text.strip():
        raise empty(path.name)
    return document_of(
        parsed, loader.media_type, path.name, origin=file_origin(path), content=content_sha256(data)
    )
