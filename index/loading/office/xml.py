"""Office Open XML: the parts of a package, how they are related, and elements by short names."""

from __future__ import annotations

import posixpath
import zipfile
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from index.errors import UnreadableText
from index.loading import zips

_TRANSITIONAL = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
_PREFIXES = {
    "wordprocessingml/2006/main": "w",
    "presentationml/2006/main": "p",
    "drawingml/2006/main": "a",
    "drawingml/2006/chart": "c",
    "drawingml/2006/diagram": "dgm",
    "officeDocument/2006/math": "m",
    "officeDocument/2006/relationships": "r",
    "markup-compatibility/2006": "mc",
    "package/2006/relationships": "rel",
}
# Both editions of the standard, the one that programs write and the strict one, by the same prefixes.
_PREFIX_OF = {_TRANSITIONAL + path: prefix for path, prefix in _PREFIXES.items()} | {
    _STRICT + path.replace("/2006", ""): prefix for path, prefix in _PREFIXES.items()
}
# Only what these suffixes name was looked through for entities.
_CHECKED = (".xml", ".rels")
_OFF = frozenset({"0", "false", "off", "none"})
_YES = frozenset({"1", "true", "on"})
_SUPERSCRIPT = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_SUBSCRIPT = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
_RAISED = frozenset("0123456789+-−")


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the last word of the kind, and the name of the other part."""

    kind: str
    target: str


class Package:
    """The parts of a file that `zips.opened_package` has checked. Names are told apart without their case."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._name = name
        self._members = {member.lower(): member for member in archive.namelist()}

    def main_part(self, usual: str) -> str:
        """Return the name of the part that the package is about; `usual` where it does not say."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument":
                return relation.target
        return usual

    def part(self, path: str) -> Element | None:
        """Return the root of a part, its names short: `w:p`, `r:id`. None where there is no such part.

        Raise `UnreadableText` where it is not XML.
        """
        member = self._members.get(path.lower())
        if member is None or not member.lower().endswith(_CHECKED):
            return None
        try:
            root = ElementTree.fromstring(zips.read(self._archive, member, self._name))  # noqa: S314 - checked
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            raise UnreadableText(f"{self._name} is damaged: its part {path} is not XML") from error
        _shorten(root)
        return root

    def relations(self, path: str) -> dict[str, Relation]:
        """Return what a part refers to within the package, by the ids that it uses."""
        folder, base = posixpath.split(path)
        root = self.part(posixpath.join(folder, "_rels", f"{base}.rels"))
        found = {}
        for element in root if root is not None else ():
            if element.get("TargetMode") != "External":
                target = posixpath.join("/", folder, unquote(element.get("Target", "")))
                found[element.get("Id", "")] = Relation(
                    element.get("Type", "").rpartition("/")[2], posixpath.normpath(target).lstrip("/")
                )
        return found


class _ShortNames(dict[str, str]):
    """Short names by the long ones, each made when it is first asked for."""

    def __missing__(self, name: str) -> str:
        namespace, _, local = name.rpartition("}")
        prefix = _PREFIX_OF.get(namespace[1:])
        short = self[name] = f"{prefix}:{local}" if prefix else name
        return short


def _shorten(root: Element) -> None:
    names = _ShortNames()
    for element in root.iter():
        element.tag = names[element.tag]
        if element.keys():
            element.attrib = {names[key]: value for key, value in element.items()}


def descendant(element: Element | None, *path: str) -> Element | None:
    """Return the first child of a tag, the first one of the next tag in that, and so on, if there is one."""
    for tag in path:
        if element is None:
            return None
        element = element.find(tag)
    return element


def children(element: Element | None, *path: str) -> list[Element]:
    """Return the children of the descendant at the end of a path; none where there is none."""
    found = descendant(element, *path)
    return [] if found is None else list(found)


def is_on(element: Element | None) -> bool:
    """Tell whether a property of Word is there and not switched off."""
    return element is not None and element.get("w:val", "1") not in _OFF


def is_set(element: Element | None, attribute: str) -> bool:
    """Tell whether an attribute says yes."""
    return element is not None and element.get(attribute) in _YES


def number(told: str | None, default: int = 0) -> int:
    """Return the whole number that an attribute holds, `default` where it holds none."""
    try:
        return int(float(told or ""))
    except (ValueError, OverflowError):
        return default


def alternative(element: Element) -> list[Element]:
    """Return the content of the first choice of `mc:AlternateContent`; others say the same in other ways."""
    return children(element, "mc:Fallback" if element.find("mc:Choice") is None else "mc:Choice")


def raised(text: str, before: str, *, above: bool) -> str:
    """Return digits set above or below the line as such where they follow a digit: 10⁶ is not 106."""
    if before[-1:].isdigit() and text and _RAISED.issuperset(text):
        return text.translate(_SUPERSCRIPT if above else _SUBSCRIPT)
    return text


def math_text(element: Element) -> str:
    """Return the text of an equation, its parts apart: a fraction's numbers do not become one."""
    parts: list[str] = []
    for part in element.iter():
        if part.tag == "m:t":
            parts.append(part.text or "")
        elif part.tag in ("m:num", "m:den", "m:sub", "m:sup", "m:deg", "m:e", "m:lim"):
            parts.append(" ")
    return "".join(parts)
