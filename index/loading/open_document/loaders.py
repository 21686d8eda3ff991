"""OpenDocument text and presentations, as LibreOffice and others write them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError, XMLParser

from index.errors import UnreadableText
from index.loading import zips
from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.open_document.elements import ElementReader
from index.loading.open_document.names import OFFICE, Styles
from index.loading.open_document.pieces import Piece
from index.loading.properties import package_properties
from index.loading.protection import refuse_encrypted
from index.loading.slides import ONLY_PICTURES, nothing_read
from index.types import PageKind, PageReading

_CONTENT = "content.xml"
_STYLES = "styles.xml"
# What comes after the media type of a document in those that have the same content.
_VARIANTS = frozenset({"", "-master", "-template", "-web"})
_SLIDE = re.compile(rb"<[\w.-]+:page[\s>]")
_BYTES_BETWEEN_SIGNS_OF_LIFE = 4 * 2**20


class OpenDocumentTextLoader:
    """Reads text documents: headings by their level, items, tables, and what is aside after its paragraph.

    Comments, deleted and hidden text, headers and footers are left out.
    """

    media_type = "application/vnd.oasis.opendocument.text"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept by what the package says that it is, or its suffix where it says nothing."""
        return _is_package_of(signs, self.media_type, (".odt", ".ott"))

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the visible text."""
        composer = Composer(name, parsing)
        receiver = _Text(composer)

        def sign_of_life() -> None:
            parsing.page_done(0, 1)

        with _opened(data, name, parsing) as package:
            styles = _styles(package, name, sign_of_life)
            reader = ElementReader(receiver, styles, name, parsing)
            _read(zips.read(package, _CONTENT, name), reader, name, sign_of_life)
            title, metadata = package_properties(package, name)
        if reader.body != f"{OFFICE}text":
            raise UnreadableText(f"{name} is not an OpenDocument text, or is damaged")
        return composer.parsed(title or receiver.title, metadata)


class OpenDocumentPresentationLoader:
    """Reads presentations: each slide a page, its title first and its notes last."""

    media_type = "application/vnd.oasis.opendocument.presentation"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept by what the package says that it is, or its suffix where it says nothing."""
        return _is_package_of(signs, self.media_type, (".odp", ".otp"))

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the text of the slides; raise `NothingRead` where there is none on any."""
        composer = Composer(name, parsing)
        with _opened(data, name, parsing) as package:
            content = zips.read(package, _CONTENT, name)
            slides = _Slides(composer, parsing, sum(1 for _ in _SLIDE.finditer(content)))
            reader = ElementReader(slides, _styles(package, name, slides.go_on), name, parsing)
            _read(content, reader, name, slides.go_on)
            title, metadata = package_properties(package, name)
        if reader.body != f"{OFFICE}presentation":
            raise UnreadableText(f"{name} is not an OpenDocument presentation, or is damaged")
        parsed = composer.parsed(title, metadata)
        if composer.is_empty and parsed.pages:
            raise nothing_read(name, parsed.pages)
        return parsed


@dataclass(slots=True)
class _Text:
    """Receives a text document."""

    composer: Composer
    title: str | None = None

    def take(self, piece: Piece) -> None:
        if piece.is_title and self.title is None and piece.text.strip():
            self.title = piece.text
        piece.add_to(self.composer)

    def end_slide(self, *, pictures: bool) -> None:
        """Go on: a drawing page within a text is no slide."""


@dataclass(slots=True)
class _Slides:
    """Receives slides; `of` is how many there are."""

    composer: Composer
    parsing: Parsing
    of: int
    number: int = 0
    pieces: list[Piece] = field(default_factory=list)

    def take(self, piece: Piece) -> None:
        self.pieces.append(piece)

    def end_slide(self, *, pictures: bool) -> None:
        self.number += 1
        pieces, self.pieces = self.pieces, []
        reading, reason = PageReading.TEXT, None
        if not any(piece.says_something for piece in pieces):
            reading, reason = (PageReading.UNREAD, ONLY_PICTURES) if pictures else (PageReading.BLANK, None)
        self.composer.begin_page(self.number, PageKind.SLIDE, reading=reading, reason=reason)
        # A title may be drawn after what stands below it.
        for piece in sorted(pieces, key=lambda piece: not piece.is_title):
            piece.add_to(self.composer)
        self.go_on()

    def go_on(self) -> None:
        """Tell how far it is."""
        self.parsing.page_done(self.number, max(self.of, self.number))


class _StylesReader:
    """A target for `XMLParser` that takes the styles for use in the content."""

    def __init__(self) -> None:
        self.styles = Styles()
        self._in_styles = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == f"{OFFICE}styles":
            self._in_styles = True
        elif self._in_styles:
            self.styles.start(tag, attributes)

    def end(self, tag: str) -> None:
        if tag == f"{OFFICE}styles":
            self._in_styles = False


def _is_package_of(signs: Signs, media_type: str, suffixes: tuple[str, ...]) -> bool:
    if signs.package_type:
        return (
            signs.package_type.startswith(media_type)
            and signs.package_type.removeprefix(media_type) in _VARIANTS
        )
    return signs.suffix in suffixes and _CONTENT in signs.members


@contextmanager
def _opened(data: bytes, name: str, parsing: Parsing) -> Iterator[zipfile.ZipFile]:
    if not data.startswith(zips.SIGNATURES):
        raise UnreadableText(f"{name} is not an OpenDocument file, or is damaged")
    with zips.opened_package(data, name, parsing) as package:
        refuse_encrypted(package, name)
        yield package


def _styles(package: zipfile.ZipFile, name: str, sign_of_life: Callable[[], None]) -> Styles:
    reader = _StylesReader()
    if _STYLES in package.namelist():
        _read(zips.read(package, _STYLES, name), reader, name, sign_of_life)
    return reader.styles


def _read(
    xml: bytes, reader: ElementReader | _StylesReader, name: str, sign_of_life: Callable[[], None]
) -> None:
    parser = XMLParser(target=reader)  # noqa: S314 - entities were refused before
    try:
        for start in range(0, len(xml), _BYTES_BETWEEN_SIGNS_OF_LIFE):
            if start:
                sign_of_life()
            parser.feed(xml[start : start + _BYTES_BETWEEN_SIGNS_OF_LIFE])
        parser.close()
    except (ParseError, LookupError, ValueError) as error:
        # The latter two where the encoding that it names is unknown, or none of text.
        raise UnreadableText(f"{name} is damaged: its XML cannot be read") from error
