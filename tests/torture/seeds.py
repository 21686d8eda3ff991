"""Files of every format that is read, to be made wrong: those in `tests/documents`, and some made here."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pdf_writing import Pdf, at, lines

from torture.natures import CANARY, Nature

_FIXTURES = Path(__file__).resolve().parents[1] / "documents"
_URL = f"http://{CANARY[0]}:{CANARY[1]}/"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_PROSE = (
    "The harbour of Velmora was dredged in 1931, and its two piers were raised by four metres.",
    "Three ferries a day cross the sound; the last one leaves at 21:40, in winter an hour earlier.",
    "Of the nine keepers, seven lived in the tower. None of them saw the storm of March come in.",
)


@dataclass(frozen=True, slots=True)
class Format:
    """A format by the suffix of its files, the loader that reads it, and what its files are made of."""

    suffix: str
    media_type: str
    nature: Nature

    @property
    def name(self) -> str:
        """The suffix without its dot."""
        return self.suffix[1:]


FORMATS = {
    format_.name: format_
    for format_ in (
        Format(".pdf", "application/pdf", Nature.PDF),
        Format(".docx", f"{_OFFICE}.wordprocessingml.document", Nature.ZIP),
        Format(".pptx", f"{_OFFICE}.presentationml.presentation", Nature.ZIP),
        Format(".xlsx", f"{_OFFICE}.spreadsheetml.sheet", Nature.ZIP),
        Format(".xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12", Nature.ZIP),
        Format(".xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12", Nature.ZIP),
        Format(".xls", "application/vnd.ms-excel", Nature.BYTES),
        Format(".odt", f"{_OPEN}.text", Nature.ZIP),
        Format(".odp", f"{_OPEN}.presentation", Nature.ZIP),
        Format(".ods", f"{_OPEN}.spreadsheet", Nature.ZIP),
        Format(".epub", "application/epub+zip", Nature.ZIP),
        Format(".zip", "application/zip", Nature.ZIP),
        Format(".html", "text/html", Nature.MARKUP),
        Format(".eml", "message/rfc822", Nature.MAIL),
        Format(".rtf", "application/rtf", Nature.RICH_TEXT),
        Format(".csv", "text/csv", Nature.TABLE),
        Format(".tsv", "text/tab-separated-values", Nature.TABLE),
        Format(".md", "text/markdown", Nature.LINES),
        Format(".txt", "text/plain", Nature.LINES),
    )
}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Return whole files of a format, those in `tests/documents` first."""
    suffix = FORMATS[name].suffix
    # With a password there is little to get wrong.
    kept = [
        path.read_bytes() for path in sorted(_FIXTURES.glob(f"*{suffix}")) if "-protected" not in path.name
    ]
    made = _MADE.get(name)
    return (*kept, *(made() if made else ()))


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP file, always the same for the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind, 1)
    return buffer.getvalue()


def _pdfs() -> tuple[bytes, ...]:
    prose = lines(72, 90, _PROSE) + at(72, 60, "The harbour of Velmora", 18, "F2")
    columns = lines(60, 100, ("left " * 6,) * 20) + lines(320, 100, ("right " * 6,) * 20)
    grid = "".join(
        at(72 + 120 * column, 200 + 16 * row, f"{row}.{column}") for row in range(9) for column in range(4)
    )
    form = Pdf()
    form.page("", annotations=[form.field("Ada Lorne", "72 700 300 720")])
    link = Pdf()
    note = link.add(f"<< /Type /Annot /Subtype /Link /Rect [0 0 99 99] /A << /S /URI /URI ({_URL}) >> >>")
    link.page(prose, annotations=[note])
    return (
        Pdf().page(prose).page(columns).told(Title="Harbours", Author="Ada Lorne").bytes(),
        Pdf().page(grid, entries="/Rotate 90").picture_page().attach("a.txt", b"It is attached.").bytes(),
        Pdf().page(prose).bytes(""),
        form.bytes(),
        link.bytes(),
    )


def _word() -> tuple[bytes, ...]:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    paragraphs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in _PROSE)
    cells = (
        "<w:tc><w:p><w:r><w:t>Ferry</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>9</w:t></w:r></w:p></w:tc>"
    )
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Velmora</w:t></w:r></w:p>'
        f"{paragraphs}<w:p><w:ins><w:r><w:t>New</w:t></w:r></w:ins><w:del><w:r><w:delText>Old</w:delText></w:r>"
        '</w:del><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        f'<w:tbl><w:tr>{cells}</w:tr><w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>{cells}</w:tr></w:tbl>'
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>INCLUDETEXT "/etc/passwd"'
        '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>f</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote>'
    notes = f"<w:footnotes {space}>{note}</w:footnotes>"
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relations}/footnotes" Target="footnotes.xml"/>'
        f'<Relationship Id="r2" Type="{relations}/attachedTemplate" Target="{_URL}" TargetMode="External"/>'
        "</Relationships>"
    )
    return (
        zipped(
            {
                "[Content_Types].xml": "<Types/>",
                "word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>",
                "word/footnotes.xml": notes,
                "word/_rels/document.xml.rels": links,
                "word/vbaProject.bin": b"\0macro" * 20,
            }
        ),
    )


def _workbook() -> tuple[bytes, ...]:
    """Return a workbook with macros: that of LibreOffice, and a member more."""
    with zipfile.ZipFile(_FIXTURES / "harvest.xlsx") as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    return (zipped(members | {"xl/vbaProject.bin": b"\0macro" * 20}),)


def _binary_workbook() -> tuple[bytes, ...]:
    def record(kind: int, content: bytes = b"") -> bytes:
        number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return number + bytes([len(content)]) + content

    def words(text: str) -> bytes:
        return struct.pack("<L", len(text)) + text.encode("utf-16-le")

    sheet = record(0x9C, struct.pack("<LL", 0, 1) + words("rId1") + words("Sheet"))
    rows = b"".join(
        record(0, struct.pack("<LLHBBBL", row, 0, 300, 0, 0, 0, 0))
        + record(6, struct.pack("<LL", 0, 0) + words("Brennick"))
        + record(5, struct.pack("<LLd", 1, 0, 120.5 * row))
        for row in range(5)
    )
    size = record(0x94, struct.pack("<LLLL", 0, 4, 0, 1))
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    members = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.bin": record(0x83) + record(0x8F) + sheet + record(0x90) + record(0x84),
        "xl/_rels/workbook.bin.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{relation}" Target="worksheets/sheet1.bin"/></Relationships>'
        ),
        "xl/worksheets/sheet1.bin": record(0x81) + size + record(0x91) + rows + record(0x92) + record(0x82),
    }
    return (zipped(members),)


def _archives() -> tuple[bytes, ...]:
    inner = zipped({"deep/tide.txt": _PROSE[1], "ü.md": f"# Tides\n\n{_PROSE[2]}\n"})
    return (
        zipped({"a.txt": _PROSE[0], "inner.zip": inner, "folder/": "", "../b.csv": "a,b\n1,2\n"}),
        zipped({f"{number}.txt": _PROSE[number % 3] for number in range(40)}),
    )


def _pages() -> tuple[bytes, ...]:
    table = "<table><tr><th>Pier<th>Length</tr><tr><td rowspan=2>East<td>90</tr><tr><td>West</table>"
    svg = f'<svg><text>Mark</text><image href="{_URL}"/></svg>'
    heading = "<!doctype html><title>Velmora</title><h1>Velmora</h1>"
    nested = f"{'<div>' * 30}Zürich{'</div>' * 30}"
    return (
        f"{heading}<p>{_PROSE[0]}<ul><li>{_PROSE[1]}<li>x</ul>{table}<pre>a\n b</pre>"
        f"<p>{_PROSE[2]}<img src='{_URL}'>{svg}".encode(),
        f'<html><head><meta charset="windows-1252"></head><body>{nested}</body>'.encode("cp1252"),
        b"\xff\xfe" + f"<html><body><p>{_PROSE[0]}</p></body></html>".encode("utf-16-le"),
    )


def _mails() -> tuple[bytes, ...]:
    head = (
        "From: Ada Lorne <ada@example.org>\nTo: =?utf-8?q?Bo_L=C3=B6we?= <bo@example.org>\n"
        "Subject: =?utf-8?b?RsOkaHJlbg==?=\nDate: Mon, 5 Jan 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
    )
    plain = "Content-Type: text/plain; charset=utf-8; format=flowed"
    attached = 'Content-Type: text/plain\nContent-Disposition: attachment; filename="../tide.txt"'
    parts = (
        f'{head}Content-Type: multipart/mixed; boundary="b"\n',
        '--b\nContent-Type: multipart/alternative; boundary="c"\n',
        f"--c\n{plain}\n\n{_PROSE[0]}\n> {_PROSE[1]}\n-- \nAda",
        "--c\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n",
        f"<p>{_PROSE[0]}=20<img src=3D'{_URL}'></p>\n--c--",
        f"--b\n{attached}\nContent-Transfer-Encoding: base64\n\nSXQgaXMgaGlnaC4=",
        "--b\nContent-Type: message/rfc822\n\nSubject: Inner\n\nInside.\n--b--\n",
    )
    return (
        "\n".join(parts).replace("\n", "\r\n").encode(),
        f"{head}\n{_PROSE[0]}\n\nbegin 644 a.txt\n#0V%T\n`\nend\n".encode(),
        f"{head}Content-Type: text/html; charset=latin-1\n\n<h1>Fähren</h1><p>{_PROSE[2]}".encode("latin-1"),
    )


def _rich_texts() -> tuple[bytes, ...]:
    row = r"\trowd\cellx2000\cellx4000\pard\intbl East\cell 90\cell\row "
    parts = (
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}",
        r"{\stylesheet{\s1\outlinelevel0 heading 1;}}",
        r"{\info{\title Velmora}{\author Ada}{\creatim\yr2026\mo1\dy5}}\pard\s1 Velmora\par\pard ",
        rf"{_PROSE[0]}{{\footnote A note.}}\par Z\'fcrich \u8364?\u-10179?\u-8704?\par {row}{row}",
        rf'{{\field{{\*\fldinst HYPERLINK "{_URL}"}}{{\fldrslt link}}}}\par ',
        rf"{{\pict\wmetafile8 0102}}{_PROSE[1]}}}",
    )
    return (
        "\n".join(parts).encode(),
        rb"{\rtf1\mac{\*\unknown {deep {deeper}}}\uc2\u196ab Text\line\tab more\page end\bin3 abc}",
    )


def _tables(separator: str) -> tuple[bytes, ...]:
    rows = [
        ("Pier", "Length", "Note"),
        *((f"P{number}", f"{number},5", 'says "no"\n') for number in range(20)),
    ]
    quoted = "\n".join(separator.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    plain = "\r\n".join(separator.join((str(row), str(row * row), "")) for row in range(200))
    return (
        quoted.encode(),
        plain.encode("utf-16"),
        f"{_PROSE[0]}\n\nA{separator}B\n1{separator}2\n".encode("cp1252"),
    )


def _marked_down() -> tuple[bytes, ...]:
    parts = (
        f"---\ntitle: V\n---\n# Velmora\n\n{_PROSE[0]} [link]({_URL} 't')",
        f"- {_PROSE[1]}\n  - *b* **c** `d`",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```py\nx = 1\n```",
        f"> {_PROSE[2]}",
        "Setext\n===\n<div>html</div>",
        "1. one\n2. two\n",
    )
    text = "\n\n".join(parts)
    return text.encode(), text.replace("\n", "\r\n").encode("utf-16")


def _texts() -> tuple[bytes, ...]:
    wrapped = (
        "VELMORA\n\n" + "\n".join(f"{_PROSE[n % 3][:70]}" for n in range(12)) + "\n\n* one\n* two\n1) three\n"
    )
    return wrapped.encode(), "\n".join(_PROSE).encode("utf-16-be"), "Zürich – größer\n".encode("cp1252") * 9


_MADE = {
    "pdf": _pdfs,
    "docx": _word,
    "xlsm": _workbook,
    "xlsb": _binary_workbook,
    "zip": _archives,
    "html": _pages,
    "eml": _mails,
    "rtf": _rich_texts,
    "csv": lambda: _tables(","),
    "tsv": lambda: _tables("\t"),
    "md": _marked_down,
    "txt": _texts,
}
