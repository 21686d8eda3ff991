"""Electronic books: EPUB 2 and 3, chapter by chapter in the order in which they are read."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading import zips
from index.loading.composing import Composer, one_line
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.properties import iso_date
from index.loading.web.blocks import WebBlock, parsed_html, web_blocks
from index.loading.web.elements import HEADINGS
from index.loading.web.page import decoded_page, without_subset
from index.loading.web.styled import Shown, heading_levels, shown
from index.loading.web.styles import Sheet, sheet_of
from index.types import BlockKind

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from lxml.html import HtmlElement

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts are obfuscated, which hides no text.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_NCX = "{http://www.daisy.org/z3986/2005/ncx/}"
_CONTAINER_SPACE = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_XMLENC = "{http://www.w3.org/2001/04/xmlenc#}"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
_NCX_TYPE = "application/x-dtbncx+xml"
_CONTENTS = frozenset({"toc", "landmarks", "page-list", "index-list"})
# What LibreOffice writes where a text has no such thing.
_CONVERTERS = ("LibreOffice", "libepubgen")
_COUNTER = re.compile(r"Section \d+")
_UNKNOWN = frozenset({"Unknown Title", "Unknown Author"})
_YEAR_OR_MONTH = re.compile(r"\d{4}(?:-\d\d)?")
# Chapters need no heading of level 1 in a book of several; the table of contents names those without.
_CHAPTER_LEVEL = 1
_SHEETS = 8


@dataclass(frozen=True, slots=True)
class _Item:
    """A file of the book, as its manifest lists it; `path` is where it is in the archive."""

    path: str
    media_type: str
    properties: frozenset[str]


class EpubLoader:
    """Reads EPUB: the chapters of its spine, without tables of contents. Pages are the reader's, so none."""

    media_type = "application/epub+zip"
    harmless = False
    libraries: tuple[str, ...] = ("lxml.html",)

    def accepts(self, signs: Signs) -> bool:
        """Accept by what the archive says it is, or by its container where the suffix agrees."""
        return signs.package_type == self.media_type or (
            signs.suffix == ".epub" and _CONTAINER in signs.members
        )

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the chapters with their headings; those aside from the order of reading come last."""
        if not data.startswith(zips.SIGNATURES):
            raise UnreadableText(f"{name} is not an EPUB book, or is damaged")
        composer = Composer(name, parsing)
        with zips.opened_package(data, name, parsing, doctypes=True) as archive:
            book = _Book(archive, name)
            chapters = book.chapters()
            for number, item in enumerate(chapters, 1):
                book.add_chapter(item, composer)
                parsing.page_done(number, len(chapters))
            return composer.parsed(*book.about())


class _Book:
    """The parts of an EPUB file, as its package document tells of them."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._name = name
        self._members = frozenset(archive.namelist())
        self._package_path = self._found_package()
        self._package = self._xml(self._package_path)
        self._items = self._manifest()
        self._check_encryption()
        self._is_converted = any(
            meta.get("name") == "generator" and any(name in meta.get("content", "") for name in _CONVERTERS)
            for meta in self._package.iter(f"{_OPF}meta")
        )
        self._sheets: dict[str, Sheet] = {}
        self._levels: dict[float, int] | None = None
        self._titles = self._chapter_titles()
        self._contents_pages = self._found_contents_pages()

    def chapters(self) -> list[_Item]:
        """Return the pages of text in the order in which they are read, each once."""
        first: dict[str, _Item] = {}
        last: dict[str, _Item] = {}
        for reference in self._package.iter(f"{_OPF}itemref"):
            item = self._items.get(reference.get("idref", ""))
            if item is not None and item.media_type in _PAGES and "nav" not in item.properties:
                (last if reference.get("linear") == "no" else first).setdefault(item.path, item)
        found = list((first | {path: item for path, item in last.items() if path not in first}).values())
        if not any(item.path in self._members for item in found):
            raise UnreadableText(f"{self._name} is damaged: none of its chapters is in it")
        return [item for item in found if item.path in self._members]

    def add_chapter(self, item: _Item, composer: Composer) -> None:
        """Add the text of a chapter, under its title in the table of contents if it has no heading."""
        root = self._tree(item)
        self._mark_headings(item, root)
        blocks = list(web_blocks(root, _is_no_text)) if root is not None else []
        if not blocks or (item.path in self._contents_pages and _leads_on(blocks)):
            return
        title = self._titles.get(item.path)
        if title and not any(block.kind is BlockKind.HEADING for block in blocks):
            if one_line(blocks[0].text).casefold() == title.casefold():
                # As LibreOffice writes headings: as paragraphs.
                blocks.pop(0)
            composer.heading(title, _CHAPTER_LEVEL)
        for block in blocks:
            block.add_to(composer)

    def about(self) -> tuple[str | None, dict[str, str | None]]:
        """Return the title of the book, and its authors and date as metadata."""
        titles, authors = self._told("title"), self._told("creator")
        days = [day for date in self._told("date") if (day := iso_date(date) or _year_or_month(date))]
        return (
            next(iter(titles), None),
            {"author": ", ".join(dict.fromkeys(authors)), "date": days[0] if days else None},
        )

    def _told(self, name: str) -> list[str]:
        texts = [one_line(element.text or "") for element in self._package.iter(f"{_DC}{name}")]
        return [text for text in texts if text and not (self._is_converted and text in _UNKNOWN)]

    def _tree(self, item: _Item) -> HtmlElement | None:
        markup = without_subset(decoded_page(self._read(item.path), self._name), self._name)
        return parsed_html(markup, self._name) if markup.strip() else None

    def _mark_headings(self, item: _Item, root: HtmlElement | None) -> None:
        """Make headings of what only looks like them, in a chapter that marks none."""
        shown = self._shown(item, root)
        if shown.bold and self._levels is None:
            self._levels = heading_levels(self._shown(each, self._tree(each)) for each in self.chapters())
        for paragraph, size in shown.bold:
            if level := (self._levels or {}).get(size):
                paragraph.tag = f"h{level}"

    def _shown(self, item: _Item, root: HtmlElement | None) -> Shown:
        if root is None or next(root.iter(*HEADINGS), None) is not None:
            return Shown()
        links = (link for link in root.iter("link") if "stylesheet" in (link.get("rel") or ""))
        paths = [_resolved(item.path, link.get("href") or "") for link in islice(links, _SHEETS)]
        own = [sheet_of(style.text or "") for style in islice(root.iter("style"), _SHEETS)]
        return shown(root, [*map(self._sheet, dict.fromkeys(paths)), *own])

    def _sheet(self, path: str) -> Sheet:
        if path not in self._sheets:
            css = self._read(path) if path in self._members else b""
            self._sheets[path] = sheet_of(css.decode("utf-8", "replace"))
        return self._sheets[path]

    def _read(self, path: str) -> bytes:
        return zips.read(self._archive, path, self._name)

    def _xml(self, path: str) -> Element:
        # Compiled, and with the parts of a network library behind it: not for a question from a shell.
        from xml.etree import ElementTree  # noqa: PLC0415

        xml = self._read(path)
        if b"<!entity" in xml.replace(b"\0", b"").lower():
            raise UnreadableText(f"{self._name} declares entities in its XML, which no book needs")
        try:
            return ElementTree.fromstring(xml)  # noqa: S314 - entities were refused just now
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise UnreadableText(
                f"{self._name} is damaged: what lists its chapters cannot be read"
            ) from error

    def _found_package(self) -> str:
        for root in self._xml(_CONTAINER).iter(f"{_CONTAINER_SPACE}rootfile"):
            path = _resolved("", root.get("full-path", ""))
            if path in self._members:
                return path
        raise UnreadableText(f"{self._name} is damaged: the list of its chapters is missing")

    def _manifest(self) -> dict[str, _Item]:
        return {
            item.get("id", ""): _Item(
                _resolved(self._package_path, item.get("href", "")),
                item.get("media-type", "").strip().lower(),
                frozenset(item.get("properties", "").split()),
            )
            for item in self._package.iter(f"{_OPF}item")
        }

    def _check_encryption(self) -> None:
        """Raise `EncryptedDocument` where text is encrypted: a font may be."""
        if _ENCRYPTION not in self._members:
            return
        text = {item.path for item in self._items.values() if item.media_type in _PAGES}
        for encrypted in self._xml(_ENCRYPTION).iter(f"{_XMLENC}EncryptedData"):
            method = encrypted.find(f"{_XMLENC}EncryptionMethod")
            if method is not None and method.get("Algorithm") in _FONTS:
                continue
            for reference in encrypted.iter(f"{_XMLENC}CipherReference"):
                if _resolved("", reference.get("URI", "")) in text:
                    raise EncryptedDocument(f"{self._name} is protected against copying; give it without")

    def _found_contents_pages(self) -> frozenset[str]:
        """Return the paths of the pages that show the table of contents, as EPUB 2 has them."""
        return frozenset(
            _resolved(self._package_path, reference.get("href", ""))
            for reference in self._package.iter(f"{_OPF}reference")
            if reference.get("type", "").lower() == "toc"
        )

    def _chapter_titles(self) -> dict[str, str]:
        """Return the titles of chapters by their paths, as the tables of contents have them."""
        titles: dict[str, str] = {}
        for item in self._items.values():
            if item.path not in self._members:
                continue
            if "nav" in item.properties:
                entries = self._nav_entries(item.path)
            elif item.media_type == _NCX_TYPE:
                entries = self._ncx_entries(item.path)
            else:
                continue
            # A book without its table of contents is still the book.
            with suppress(UnreadableText, ParseLimit):
                for href, text in entries:
                    title = one_line(text)
                    if title and not (self._is_converted and _COUNTER.fullmatch(title)):
                        titles.setdefault(_resolved(item.path, href), title)
        return titles

    def _nav_entries(self, path: str) -> Iterator[tuple[str, str]]:
        root = parsed_html(decoded_page(self._read(path), self._name), self._name)
        for nav in root.iter("nav"):
            if nav.get("epub:type") in (None, "toc"):
                for link in nav.iter("a"):
                    yield link.get("href") or "", "".join(link.itertext())

    def _ncx_entries(self, path: str) -> Iterator[tuple[str, str]]:
        for point in self._xml(path).iter(f"{_NCX}navPoint"):
            content, title = point.find(f"{_NCX}content"), point.find(f"{_NCX}navLabel/{_NCX}text")
            if content is not None and title is not None:
                yield content.get("src", ""), title.text or ""


def _resolved(base: str, href: str) -> str:
    """Return the path in the archive that a reference in the file `base` leads to, empty for none in it."""
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return ""
    if parts.scheme or parts.netloc:
        return ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path)))
    return "" if path.startswith(("../", "/")) or path in ("..", ".") else path


def _is_no_text(element: HtmlElement) -> bool:
    """Tell whether an element lists the chapters, or says where a page of a printed edition begins."""
    kind = element.get("epub:type")
    if element.tag == "nav":
        return (kind or "toc") in _CONTENTS
    return bool(kind == "pagebreak" or element.get("role") == "doc-pagebreak")


def _leads_on(blocks: Sequence[WebBlock]) -> bool:
    """Tell whether blocks are links for the most part."""
    return sum(block.linked for block in blocks) * 2 > sum(len(block.text) for block in blocks)


def _year_or_month(date: str) -> str | None:
    return date if _YEAR_OR_MONTH.fullmatch(date) else None
