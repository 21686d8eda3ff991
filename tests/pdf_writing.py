"""Writes small PDFs for tests: text at places, pictures, fields, attachments, passwords, and damage."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 595, 842
_FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold"}
_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def at(x: float, y: float, text: str, size: float = 11, font: str = "F1") -> str:
    """Return what draws text, `y` from the top of a page of the usual height."""
    return turned(x, HEIGHT - y, text, (1, 0, 0, 1), size, font)


def turned(
    x: float,
    y: float,
    text: str,
    matrix: tuple[float, float, float, float],
    size: float = 11,
    font: str = "F1",
) -> str:
    """Return what draws text at a place in the page's own coordinates, turned by a matrix."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    a, b, c, d = matrix
    return f"BT /{font} {size} Tf {a} {b} {c} {d} {x} {y} Tm ({escaped}) Tj ET\n"


def lines(x: float, y: float, texts: Sequence[str], size: float = 11, font: str = "F1") -> str:
    """Return what draws lines below each other."""
    return "".join(at(x, y + 1.2 * size * row, text, size, font) for row, text in enumerate(texts))


@dataclass
class Pdf:
    """A PDF as it is put together; `bytes` gives it."""

    objects: list[bytes] = field(default_factory=lambda: [b"", b""])  # catalog and page tree come last
    kids: list[int] = field(default_factory=list)
    catalog: str = ""
    trailer: str = ""
    fields: list[int] = field(default_factory=list)

    def add(self, body: str | bytes) -> int:
        """Add an object and return its number."""
        self.objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(self.objects)

    def stream(self, data: bytes, entries: str = "") -> int:
        """Add a stream and return its number."""
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode("latin-1")
        return self.add(head + data + b"\nendstream")

    def page(
        self,
        content: str = "",
        *,
        box: str = f"0 0 {WIDTH} {HEIGHT}",
        entries: str = "",
        fonts: str = "",
        pictures: str = "",
        annotations: Sequence[int] = (),
    ) -> Pdf:
        """Add a page and return this PDF."""
        drawn = self.stream(zlib.compress(content.encode("cp1252")), "/Filter /FlateDecode")
        named = " ".join(
            f"/{name} << /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>"
            for name, base in _FONTS.items()
        )
        noted = " ".join(f"{number} 0 R" for number in annotations)
        self.kids.append(
            self.add(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents {drawn} 0 R {entries}"
                f" /Resources << /Font << {named} {fonts} >> /XObject << {pictures} >> >>"
                f" /Annots [{noted}] >>"
            )
        )
        return self

    def picture_page(self, shade: int = 200) -> Pdf:
        """Add a page that shows nothing but a grey picture over all of it, as a scan does."""
        entries = "/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray"
        number = self.stream(bytes([shade, 0, 0, shade]), f"{entries} /BitsPerComponent 8")
        return self.page(f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /Im Do Q", pictures=f"/Im {number} 0 R")

    def field(self, value: str, rectangle: str, *, flags: int = 0, annotation_flags: int = 4) -> int:
        """Add a field with text in it, for a page to show."""
        number = self.add(
            f"<< /Type /Annot /Subtype /Widget /FT /Tx /T (f{len(self.fields)}) /V ({value}) /Ff {flags}"
            f" /F {annotation_flags} /Rect [{rectangle}] >>"
        )
        self.fields.append(number)
        return number

    def attach(self, name: str, data: bytes) -> Pdf:
        """Attach a file and return this PDF."""
        file = self.stream(data, "/Type /EmbeddedFile")
        spec = self.add(f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {file} 0 R >> >>")
        self.catalog += f" /Names << /EmbeddedFiles << /Names [({name}) {spec} 0 R] >> >>"
        return self

    def told(self, **information: str) -> Pdf:
        """Say who wrote it and the like, and return this PDF."""
        told = " ".join(f"/{key} ({value})" for key, value in information.items())
        self.trailer += f" /Info {self.add(f'<< {told} >>')} 0 R"
        return self

    def bytes(
        self, password: str | None = None, *, kids: str | None = None, count: int | None = None
    ) -> bytes:
        """Return the file; with a password, which may be empty, it is encrypted."""
        of_tree = kids if kids is not None else " ".join(f"{number} 0 R" for number in self.kids)
        count = count if count is not None else len(self.kids)
        form = " ".join(f"{number} 0 R" for number in self.fields)
        self.objects[0] = (
            f"<< /Type /Catalog /Pages 2 0 R {self.catalog} /AcroForm << /Fields [{form}] >> >>"
            if self.fields
            else f"<< /Type /Catalog /Pages 2 0 R {self.catalog} >>"
        ).encode("latin-1")
        self.objects[1] = f"<< /Type /Pages /Kids [{of_tree}] /Count {count} >>".encode("latin-1")
        trailer, objects = self.trailer, list(self.objects)
        if password is not None:
            objects, entry = _encrypted(objects, password)
            trailer += entry
        data = b"%PDF-1.6\n"
        places = []
        for number, body in enumerate(objects, 1):
            places.append(len(data))
            data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(data)
        table = "".join(f"{place:010} 00000 n \n" for place in places)
        size = len(objects) + 1
        end = (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\n"
        )
        return data + f"{end}startxref\n{start}\n%%EOF\n".encode("latin-1")


def _encrypted(objects: list[bytes], password: str) -> tuple[list[bytes], str]:
    """Return objects with streams encrypted as PDF 1.1 does, RC4 with 40 bits, and the trailer's entry."""
    padded = (password.encode() + _PAD)[:32]
    owner = _rc4(hashlib.md5((b"owner" + _PAD)[:32]).digest()[:5], padded)
    permissions = (-4 & 0xFFFFFFFF).to_bytes(4, "little")
    identity = bytes(16)
    key = hashlib.md5(padded + owner + permissions + identity).digest()[:5]
    hidden = []
    for number, body in enumerate(objects, 1):
        head, mark, rest = body.partition(b"stream\n")
        if mark:
            of_object = key + number.to_bytes(3, "little") + bytes(2)
            secret = _rc4(hashlib.md5(of_object).digest()[:10], rest.removesuffix(b"\nendstream"))
            body = head + mark + secret + b"\nendstream"  # noqa: PLW2901
        hidden.append(body)
    user = _rc4(key, _PAD)
    entry = f" /Encrypt << /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>"
    return hidden, f"{entry} /ID [<{identity.hex()}> <{identity.hex()}>]"


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
