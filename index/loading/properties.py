"""What an office document says about itself: title, author, date."""

from __future__ import annotations

import re
import zipfile
from xml.etree import ElementTree

from index.loading import zips

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_META = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_PROPERTIES = ("docProps/core.xml", "meta.xml")
_PROPERTIES_BYTES = 2**20


def package_properties(package: zipfile.ZipFile, name: str) -> tuple[str | None, dict[str, str | None]]:
    """Return the title of an Office or OpenDocument file, and as metadata its author and date.

    `package` has been checked by `zips.opened_package`: there are no entities in its XML.
    """
    names = set(package.namelist())
    for member in _PROPERTIES:
        if member in names and package.getinfo(member).file_size <= _PROPERTIES_BYTES:
            return _properties(zips.read(package, member, name))
    return None, {}


def iso_date(date: str) -> str | None:
    """Return a date that is ISO 8601, without fractions of seconds, None where it is not."""
    found = re.match(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?", date)
    return None if found is None else found[0] + ("Z" if date.endswith("Z") and "T" in found[0] else "")


def _properties(xml: bytes) -> tuple[str | None, dict[str, str | None]]:
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - entities were refused before
    except (ElementTree.ParseError, LookupError, ValueError):  # of an encoding, too
        return None, {}  # what is said about the document, not the document
    found = {element.tag: (element.text or "").strip() for element in root.iter()}
    author = found.get(f"{_META}initial-creator") or found.get(f"{_DUBLIN_CORE}creator")
    date = found.get(f"{_TERMS}created") or found.get(f"{_META}creation-date") or ""
    return found.get(f"{_DUBLIN_CORE}title") or None, {"author": author, "date": iso_date(date)}
