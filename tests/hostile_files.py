"""Files that somebody made to do harm, and a run that ingests them all beside two good ones.

`python hostile_files.py FOLDER` makes them below a folder, ingests them, and prints what came of it. It is
a process of its own, so that the most memory it ever held is that of this.
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from doubles import HashingEmbedder
from pdf_writing import Pdf, at
from torture.natures import CANARY
from torture.seeds import seeds, zipped

from index.chunking import Chunker
from index.home import Home
from index.ingest import Ingestor
from index.loading import OcrMode, Parsing
from index.loading.sandbox import Limits
from index.running import JobRunner
from index.sync import SyncRequest

MAX_BYTES = 2**26
PARSING = Parsing(ocr=OcrMode.OFF, unpacked_bytes=2**26, members=60, characters=400_000)
LIMITS = Limits(idle_seconds=20.0, total_seconds=40.0, memory_bytes=2**29, output_bytes=2**26)
SECRET = "a secret of this machine"
_GOOD = ("a good one.txt", "zz good one.txt")
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def files(secret: Path) -> dict[str, bytes]:
    """Return the hostile files by name; those that read another file read `secret`."""
    return {**_bombs(), **_deep_ones(), **_large_ones(), **_named_ones(), **_active_ones(secret)}


def _bombs() -> dict[str, bytes]:
    elements = f'<w:document xmlns:w="{_W}"><w:body>{"<w:p/>" * 8_000_000}'
    return {
        "flat bomb.zip": _claiming("zeros.txt", _ZEROS_PACKED, _ZEROS_BYTES),
        "bomb that lies.zip": _claiming("zeros.txt", _ZEROS_PACKED, 100),
        "nested bomb.zip": _nested_bomb(),
        "bomb.docx": _claiming("word/document.xml", _ZEROS_PACKED, _ZEROS_BYTES),
        "bomb.xlsx": _claiming("xl/workbook.xml", _ZEROS_PACKED, _ZEROS_BYTES),
        "bomb of elements.docx": zipped({"word/document.xml": elements}),
    }


def _deep_ones() -> dict[str, bytes]:
    opened, closed = "<w:sdt><w:sdtContent>" * 50_000, "</w:sdtContent></w:sdt>" * 50_000
    return {
        "deep.html": b"<div>" * 200_000 + b"It is deep.",
        "deep.rtf": b"{\\rtf1 " + b"{" * 500_000 + b"It is deep." + b"}" * 500_000 + b"}",
        "deep.md": b"> " * 50_000 + b"It is deep.",
        "deep.docx": zipped({"word/document.xml": _word("It is deep.", opened, closed)}),
        "mail in mail.eml": _mail_in_mail(1_000),
        "parts in parts.eml": _parts_in_parts(5_000),
    }


def _large_ones() -> dict[str, bytes]:
    page = Pdf().page(at(72, 72, "A page."))
    row = b'<sheetData><row r="1"><c r="XFD1048576" t="n"><v>1</v></c></row>'
    repeated = b'<table:table-row table:number-rows-repeated="2000000000" '
    return {
        "loop.pdf": Pdf().page(at(72, 72, "In a loop.")).bytes(kids="4 0 R 2 0 R 4 0 R", count=3),
        "many pages.pdf": page.bytes(kids="4 0 R " * 100_000, count=100_000),
        "pages that are not there.pdf": page.bytes(count=2**31 - 1),
        "one line.csv": b"harbour," * (30 * 2**20 // 8),
        "quotes.csv": b'"a' * 200_000 + b"\n" + b'"' * 99_999,
        "huge.xlsx": _changed("xlsx", "sheet1.xml", lambda xml: xml.replace(b"<sheetData>", row, 1)),
        "huge.ods": _changed("ods", "content.xml", lambda xml: xml.replace(b"<table:table-row ", repeated)),
    }


def _named_ones() -> dict[str, bytes]:
    elsewhere = ("../../../tmp/evil.txt", "/etc/evil.txt", "..\\evil.txt", "a\x00b.txt", "\u202egpj.txt")
    return {
        "names that lead elsewhere.zip": zipped(
            {"../../evil0.txt": "It is 0.", "../../evil1.txt": "It is 1.", "/etc/evil.txt": "It is 3."}
        ),
        "members of odd names.zip": zipped(
            {"\u202egpj.txt": "A sign.", "a\nb.txt": "A line.", "CON.txt": "A device."}
        ),
        "attached elsewhere.eml": _mail_with(*elsewhere),
        "zero.txt": b"A zero \0 within a text that is long enough to tell that it is one.",
        "surrogate.txt": b"A half \xed\xa0\x80 sign.",
        "turned.txt": "Turned \u202eround\u202c and back.".encode(),
        os.fsdecode(b"name \xff\xfe.txt"): b"Its name is not UTF-8.",
        "name \u202egpj\nof.txt": b"Its name is on two lines.",
    }


def _active_ones(secret: Path) -> dict[str, bytes]:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha ha ha ha ha ha ha ha ha ha ">' + "".join(
        f'<!ENTITY {this} "{f"&{before};" * 10}">'
        for before, this in zip("abcdefgh", "bcdefghi", strict=True)
    )
    reads = f'<!DOCTYPE x [<!ENTITY i SYSTEM "{secret.as_uri()}">'
    calls = f'<!DOCTYPE x [<!ENTITY % d SYSTEM "http://{CANARY[0]}:{CANARY[1]}/"> %d;<!ENTITY i "x">'
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Seen: &i;</p></body></html>'
    drawn = f"<svg><script>evil()</script><image href='{secret.as_uri()}'/><text>Drawn.</text></svg>"
    macros = {"word/document.xml": _word("The text is read."), "word/vbaProject.bin": "Sub AutoOpen() Shell"}
    made = {
        "macros.xlsm": seeds("xlsm")[0],
        "macros.docm": zipped(macros),
        "drawn.html": f"<p>It is seen.</p>{drawn}".encode(),
        "reads.xhtml": f'<?xml version="1.0"?>{reads}]>{page}'.encode(),
        "laughs.xhtml": f'<?xml version="1.0"?>{laughs}]>{page}'.encode(),
    }
    for name, declared in (("laughs", laughs), ("reads", reads), ("calls", calls)):
        for suffix, member in _XML_MEMBERS.items():
            change = partial(_declaring, declared=declared)
            made[f"{name}.{suffix}"] = _changed(suffix, member, change)
    return made


_XML_MEMBERS = {
    "docx": "word/document.xml",
    "odt": "content.xml",
    "epub": ".opf",
    "xlsx": "xl/worksheets/sheet1.xml",
    "pptx": "ppt/slides/slide1.xml",
    "ods": "content.xml",
}


def _zeros() -> tuple[bytes, int]:
    """Return two gigabytes of zeros, packed: one piece of them many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * 128 + b"\x03\x00", 128 * 2**24


_ZEROS_PACKED, _ZEROS_BYTES = _zeros()


def _claiming(name: str, packed: bytes, size: int) -> bytes:
    """Return a ZIP file of one member that is said to unpack to some size."""
    told = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 33, 0, len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + told + name.encode() + packed
    central = b"PK\x01\x02\x14\x00" + told + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name.encode()
    return local + central + struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)


def _nested_bomb() -> bytes:
    data = zipped({"zeros.txt": bytes(2**22)})
    for _ in range(6):
        data = zipped({f"{number}.zip": data for number in range(16)})
    return data


def _changed(suffix: str, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a file of some format with one member changed, given by how its name ends."""
    with zipfile.ZipFile(io.BytesIO(seeds(suffix)[0])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith(member))
    changed = change(members[name])
    assert changed != members[name]
    return zipped(members | {name: changed})


def _declaring(xml: bytes, *, declared: str) -> bytes:
    """Return XML with a declaration of entities and a use of the last of them."""
    start = xml.index(b"?>") + 2 if xml.startswith(b"<?xml") else 0
    return xml[:start] + declared.encode() + b"]>" + xml[start:].replace(b"</", b"&i;</", 1)


def _word(text: str, before: str = "", after: str = "") -> str:
    body = f"{before}<w:p><w:r><w:t>{text}</w:t></w:r></w:p>{after}"
    return f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'


def _mail_in_mail(depth: int) -> bytes:
    return (
        b"".join(
            b"Subject: %d\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n" % level
            for level in range(depth)
        )
        + b"Subject: last\n\nIt is deep.\n"
    )


def _parts_in_parts(depth: int) -> bytes:
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(depth)
    )
    return b"Subject: Parts\nMIME-Version: 1.0\n" + parts + b"Content-Type: text/plain\n\nIt is deep.\n"


def _mail_with(*names: str) -> bytes:
    head = 'Subject: Files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
    attached = "Content-Type: text/plain\nContent-Disposition: attachment; filename="
    parts = "".join(f'--b\n{attached}"{name}"\n\nAttached {number}.\n' for number, name in enumerate(names))
    return f"{head}--b\nContent-Type: text/plain\n\nSee below.\n{parts}--b--\n".encode()


def run(folder: Path) -> dict[str, Any]:
    """Ingest all of them, and return what came of it."""
    place = folder / "docs"
    place.mkdir()
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    for name in _GOOD:
        (place / name).write_text("The harbour holds.\n" + name)
    for name, data in files(secret).items():
        (place / name).write_bytes(data)
    for suffix in ("txt", "pdf"):
        (place / f"sparse.{suffix}").touch()
        os.truncate(place / f"sparse.{suffix}", 2**32)
    before = _all(folder)
    embedder = HashingEmbedder()
    chunker = Chunker(embedder.window, target_tokens=48)
    home = Home(folder / "home", embedder.identity.space(chunker.fingerprint), writable=True)
    store = home.collection(create=True)
    ingestor = Ingestor(store, chunker, embedder, max_bytes=MAX_BYTES, parsing=PARSING, limits=LIMITS)
    runner = JobRunner.over(ingestor)
    # What is loaded with the first documents is no growth.
    for suffix in ("docx", "html", "txt"):
        runner.add(seeds(suffix)[0], f"warm.{suffix}")
    start = _most_memory()
    report = runner.sync(SyncRequest.of([place]))
    grown = _most_memory() - start
    told = {
        record.source.removeprefix(f"{place}/"): (record.status.value, record.reason or "")
        for record in report.files
    }
    texts = {
        info.source.removeprefix(f"{place}/"): store.catalog.text(info.id)
        for info in store.catalog.documents()
    }
    home.close()
    return {
        "files": told,
        "texts": texts,
        "grown": grown,
        "written": sorted(str(path) for path in _all(folder) - before if folder / "home" not in path.parents),
    }


def _all(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.name != "home"}


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    json.dump(run(Path(sys.argv[1])), sys.stdout)
