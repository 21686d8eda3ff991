"""Office files that are damaged or made to harm: refused by name, whichever program they are for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.errors import ParseLimit, UnreadableText
from index.loading import Loader, Parsing
from index.loading.office.docx import DocxLoader
from index.loading.office.pptx import PptxLoader

DOCUMENTS = Path(__file__).parent / "documents"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONSHIPS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
KINDS = {
    "word/document.xml": (DocxLoader(), "lighthouse.docx"),
    "ppt/presentation.xml": (PptxLoader(), "orchard.pptx"),
}

every_program = pytest.mark.parametrize(
    ("part", "loader", "file"), [(part, *kind) for part, kind in KINDS.items()]
)


def changed(file: str, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a good file with one of its parts changed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(DOCUMENTS / file) as package,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as other,
    ):
        for name in package.namelist():
            content = package.read(name)
            other.writestr(name, change(content) if name == part else content)
    return made.getvalue()


@every_program
@pytest.mark.parametrize(
    "doctype",
    [
        b'<!DOCTYPE w [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>',
        b'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE w SYSTEM "http://example.test/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused(
    part: str, loader: Loader, file: str, doctype: bytes
) -> None:
    data = changed(file, part, lambda xml: xml.replace(b"?>", b"?>" + doctype, 1))
    with pytest.raises(UnreadableText, match=r"report\.bin declares entities"):
        loader.parse(data, "report.bin", Parsing())


@every_program
def test_a_part_that_was_not_looked_through_is_not_read(part: str, loader: Loader, file: str) -> None:
    hidden = part.replace(".xml", ".txt").encode()
    relation = f'<Relationship Id="a" Type="{RELATED}/officeDocument" Target="'.encode() + hidden + b'"/>'
    data = changed(file, "_rels/.rels", lambda _: RELATIONSHIPS.encode().replace(b"{}", relation))
    made = io.BytesIO(data)
    with zipfile.ZipFile(made, "a") as package:
        package.writestr(hidden.decode(), b'<!DOCTYPE a [<!ENTITY b "c">]>' + package.read(part))
    with pytest.raises(UnreadableText, match="missing"):
        loader.parse(made.getvalue(), "report.bin", Parsing())


@every_program
def test_what_unpacks_to_too_much_is_refused(part: str, loader: Loader, file: str) -> None:
    data = changed(file, part, lambda xml: xml + b" " * 2**21)
    with pytest.raises(ParseLimit, match=r"report\.bin"):
        loader.parse(data, "report.bin", Parsing(unpacked_bytes=2**20))


@every_program
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_truncated_file_is_refused_by_name(part: str, loader: Loader, file: str, share: float) -> None:
    data = (DOCUMENTS / file).read_bytes()
    with pytest.raises(UnreadableText, match=r"report\.bin"):
        loader.parse(data[: int(len(data) * share)], "report.bin", Parsing())


@every_program
@pytest.mark.parametrize(
    "content", [b"", b"<a", b'<?xml version="1.0" encoding="x-none"?><a/>', b"<a/>", b"\xff\xfe<\0a\0"]
)
def test_a_file_whose_main_part_is_something_else_is_refused_by_name(
    part: str, loader: Loader, file: str, content: bytes
) -> None:
    with pytest.raises(UnreadableText, match=r"report\.bin"):
        loader.parse(changed(file, part, lambda _: content), "report.bin", Parsing())


@every_program
def test_parts_that_are_named_and_missing_are_done_without(part: str, loader: Loader, file: str) -> None:
    folder, _, base = part.partition("/")
    gone = "".join(
        f'<Relationship Id="gone-{kind}" Type="{RELATED}/{kind}" Target="../../NULL"/>'
        for kind in ("styles", "footnotes", "slideLayout", "image")
    )
    end = b"</Relationships>"
    data = changed(file, f"{folder}/_rels/{base}.rels", lambda xml: xml.replace(end, gone.encode() + end))
    assert loader.parse(data, "report.bin", Parsing()).blocks
