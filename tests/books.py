"""Builds EPUB books out of the text of their parts."""

import io
import zipfile
from collections.abc import Mapping

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
ABOUT = "<dc:title>The  Salt Road</dc:title><dc:creator>Ana Brusk</dc:creator><dc:date>1998</dc:date>"


def page(body: str, head: str = "<title>Not text</title>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}</head><body>{body}</body></html>'
    )


def item(number: str, href: str, more: str = "") -> str:
    return f'<item id="{number}" href="{href}" media-type="application/xhtml+xml" {more}/>'


def book(manifest: str, spine: str, files: Mapping[str, str | bytes], about: str = ABOUT) -> bytes:
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{about}</metadata><manifest>{manifest}</manifest>'
        f"<spine>{spine}</spine></package>"
    )
    if not spine.startswith("<itemref"):
        refs = "".join(f'<itemref idref="{number}"/>' for number in spine.split())
        package = package.replace(f"<spine>{spine}<", f"<spine>{refs}<")
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": package,
        **{path if path.startswith("META-INF/") else f"OEBPS/{path}": text for path, text in files.items()},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return data.getvalue()
