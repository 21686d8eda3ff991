"""What an office document says about itself, which is no reason to refuse the document."""

from __future__ import annotations

import io
import zipfile

import pytest

from index.loading.properties import iso_date, package_properties

CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
    "<dc:title> Mills </dc:title><dc:creator>Mira Tolland</dc:creator>"
    "<dcterms:created>2024-10-03T09:30:00Z</dcterms:created></cp:coreProperties>"
)
NOTHING = (None, {})


def properties(member: str, xml: bytes) -> tuple[str | None, dict[str, str | None]]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr(member, xml)
        return package_properties(package, "report.docx")


def test_title_author_and_date_are_told() -> None:
    told = ("Mills", {"author": "Mira Tolland", "date": "2024-10-03T09:30:00Z"})
    assert properties("docProps/core.xml", CORE.encode()) == told


@pytest.mark.parametrize(
    "xml",
    [
        b"<broken",
        b"",
        b"<a>" + b" " * 2**20 + b"</a>",
        b"<?xml version='1.0' encoding='none-such'?><a/>",
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
    ],
)
def test_what_cannot_be_read_tells_nothing(xml: bytes) -> None:
    title, metadata = properties("docProps/core.xml", xml)
    assert (title, [value for value in metadata.values() if value]) == (None, [])


def test_a_package_without_properties_tells_nothing() -> None:
    assert properties("word/document.xml", b"<a/>") == NOTHING


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2024-10-03T09:30:00.123Z", "2024-10-03T09:30:00Z"),
        ("2024-10-03T09:30", "2024-10-03T09:30"),
        ("2024-10-03", "2024-10-03"),
        ("3 October 2024", None),
        ("", None),
    ],
)
def test_a_date_is_kept_as_exact_as_the_file_says_it(written: str, kept: str | None) -> None:
    assert iso_date(written) == kept
