"""How fast files are parsed, format by format, against a plain library that takes their text beside it."""

from __future__ import annotations

import email
import email.policy
import io
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from index.errors import InputError
from index.loading import OcrMode, Parsing, chosen_loader
from index.loading.sandbox import Limits, Sandbox
from rag.settings import Settings

# By the subtype of a media type. Each takes text and nothing else: no places, no structure, no bounds.
_Baseline = tuple[str, Callable[[bytes], object]]


def by_format(paths: Sequence[Path], settings: Settings) -> dict[str, Any]:
    """Parse files one after another in a sandbox, and as a plain library does; return figures by format.

    `mb_per_s` is of the files as they are; the time is that of one file at a time, handing over
    included, while an ingest parses as many at once as there are processors. OCR is off, since what it
    takes is tesseract's. A baseline that is not installed is left out.
    """
    parsing = Parsing(OcrMode.OFF, settings.ocr_languages, int(settings.max_unpacked_mb * 2**20))
    times: dict[str, list[tuple[int, float, float | None]]] = defaultdict(list)
    refused: dict[str, int] = defaultdict(int)
    named: dict[str, str] = {}
    with Sandbox(Limits(settings.parse_seconds)) as sandbox:
        for path in paths:
            data = path.read_bytes()
            try:
                loader = chosen_loader(data, path.name, max_bytes=settings.max_bytes)
            except InputError:
                refused["not read"] += 1
                continue
            form = loader.media_type
            parse = partial(sandbox.parse, loader, data, path.name, parsing)
            if form not in times and form not in refused:
                _tried(parse)  # the libraries load with the first
            began = time.perf_counter()
            if not _tried(parse):
                refused[form] += 1
                continue
            taken = time.perf_counter() - began
            name, seconds = _baseline(form, data)
            named.setdefault(form, name)
            times[form].append((len(data), taken, seconds))
    formats = {form: _figures(measured, named[form]) for form, measured in sorted(times.items())}
    return {"formats": formats, "refused": dict(refused)}


def _tried(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except InputError:
        return False
    return True


def _figures(measured: Sequence[tuple[int, float, float | None]], baseline: str) -> Mapping[str, Any]:
    size = sum(entry[0] for entry in measured)
    seconds = sum(entry[1] for entry in measured)
    # Of the files that both took.
    both = [(taken, plain) for _, taken, plain in measured if plain is not None]
    ratio = sum(plain for _, plain in both) / sum(taken for taken, _ in both) if both else None
    return {
        "files": len(measured),
        "mb": round(size / 2**20, 3),
        "seconds": round(seconds, 3),
        "mb_per_s": round(size / 2**20 / seconds, 2),
        "baseline": baseline,
        "baseline_seconds": round(sum(plain for _, plain in both), 3) if both else None,
        "speed_by_baseline": round(ratio, 2) if ratio is not None else None,
    }


def _baseline(form: str, data: bytes) -> tuple[str, float | None]:
    """Return the name of the plain way to take a format's text, and how long it took; None if it failed."""
    found = _BASELINES.get(form)
    if found is None:
        return "", None
    name, read = found
    try:
        import_module(name.partition(" ")[0].replace("-", "_"))
    except ImportError:
        return f"{name} (not installed)", None
    began = time.perf_counter()
    try:
        read(data)
    except Exception:  # another library's errors are not ours to sort
        return name, None
    return name, time.perf_counter() - began


def _pdf(data: bytes) -> object:
    with import_module("pdfplumber").open(io.BytesIO(data)) as pdf:
        return [page.extract_text() for page in pdf.pages]


def _docx(data: bytes) -> object:
    document = import_module("docx").Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return [paragraph.text for paragraph in document.paragraphs], cells


def _pptx(data: bytes) -> object:
    slides = import_module("pptx").Presentation(io.BytesIO(data)).slides
    return [shape.text_frame.text for slide in slides for shape in slide.shapes if shape.has_text_frame]


def _sheets(data: bytes) -> object:
    workbook = import_module("python_calamine").load_workbook(io.BytesIO(data))
    return [workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names]


def _html(data: bytes) -> object:
    return import_module("trafilatura").extract(data)


def _members(data: bytes, suffixes: Iterable[str]) -> object:
    etree = import_module("lxml.etree")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [
            " ".join(etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False)).itertext())
            for name in archive.namelist()
            if name.endswith(tuple(suffixes))
        ]


def _mail(data: bytes) -> object:
    message = email.message_from_bytes(data, policy=email.policy.default)
    return [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]


def _rtf(data: bytes) -> object:
    return import_module("striprtf.striprtf").rtf_to_text(data.decode("cp1252", "replace"), errors="ignore")


def _archive(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _separated(data: bytes) -> object:
    return list(import_module("csv").reader(io.StringIO(data.decode("utf-8", "replace"))))


_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_OPEN_TEXT: _Baseline = ("lxml itertext", lambda data: _members(data, ["content.xml"]))
_CALAMINE: _Baseline = ("python-calamine", _sheets)
_BASELINES: Mapping[str, _Baseline] = {
    "application/pdf": ("pdfplumber", _pdf),
    f"{_OFFICE}.wordprocessingml.document": ("docx (python-docx)", _docx),
    f"{_OFFICE}.presentationml.presentation": ("pptx (python-pptx)", _pptx),
    f"{_OFFICE}.spreadsheetml.sheet": _CALAMINE,
    "application/vnd.ms-excel": _CALAMINE,
    f"{_OPEN}.spreadsheet": _CALAMINE,
    f"{_OPEN}.text": _OPEN_TEXT,
    f"{_OPEN}.presentation": _OPEN_TEXT,
    "application/epub+zip": ("lxml itertext", lambda data: _members(data, [".xhtml", ".html"])),
    "text/html": ("trafilatura", _html),
    "message/rfc822": ("email", _mail),
    "application/rtf": ("striprtf", _rtf),
    "application/zip": ("zipfile", _archive),
    "text/csv": ("csv", _separated),
    "text/markdown": (
        "markdown_it",
        lambda data: import_module("markdown_it").MarkdownIt().parse(data.decode()),
    ),
    "text/plain": ("codecs decode", lambda data: data.decode("utf-8", "replace")),
}
