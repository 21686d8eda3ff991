"""Presentations: each slide a page with its title, texts, tables, charts and diagrams, and its notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from index.errors import UnreadableText
from index.loading import zips
from index.loading.composing import Composer, one_line
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.office.graphics import Graphics
from index.loading.office.pptx_shapes import Shape, shapes_of
from index.loading.office.tables import Cell, Piece, Row, Said, Table, add_pieces, says_something
from index.loading.office.xml import (
    Package,
    alternative,
    children,
    descendant,
    is_set,
    math_text,
    number,
    raised,
)
from index.loading.properties import package_properties
from index.loading.slides import ONLY_PICTURES, nothing_read
from index.types import BlockKind, PageKind, PageReading

_MAIN_PART = "ppt/presentation.xml"
# What programs write where nobody gave a title.
_NO_TITLE = re.compile(r"(?:\S+\W)?powerpoint(?:\W\S+)?|slide \d+|untitled", re.IGNORECASE)
_PICTURES = frozenset({"p:pic", "a:blip", "p:oleObj", "p:contentPart", "c:chart", "dgm:relIds"})
_DAMAGED = "it is damaged"
_MARKED = frozenset({"a:buChar", "a:buAutoNum", "a:buBlip"})
_UNMARKED = "a:buNone"
_NUMBERS_OF_PAGES = "slidenum"
_TITLE_LEVEL = 2
_COLUMNS = 1_000


class PptxLoader:
    """Reads presentations, shows and templates, with macros or without: these are not looked at.

    Hidden slides are read as others. Comments, and the footers, dates and numbers that all slides
    carry, are left out. A slide that has only pictures is unread.
    """

    media_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept by the members of a ZIP file."""
        return _MAIN_PART in signs.members

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the slides in their order; raise `NothingRead` where none of them gave any text."""
        if not data.startswith(zips.SIGNATURES):
            raise UnreadableText(f"{name} is not a presentation, or is damaged")
        composer = Composer(name, parsing)
        with zips.opened_package(data, name, parsing) as archive:
            package = Package(archive, name)
            path = package.main_part(_MAIN_PART)
            root = package.part(path)
            if root is None or root.tag != "p:presentation":
                raise UnreadableText(f"{name} is not a presentation, or is damaged: its slides are missing")
            title, metadata = package_properties(archive, name)
            paths = _slides(package, path, root)
            reader = _Reader(package)
            for position, slide in enumerate(paths, 1):
                read = reader.slide(slide, is_first=position == 1)
                composer.begin_page(position, PageKind.SLIDE, reading=read.reading, reason=read.reason)
                add_pieces(composer, read.pieces)
                parsing.page_done(position, len(paths))
        if title is None or _NO_TITLE.fullmatch(one_line(title)):
            title = reader.title
        parsed = composer.parsed(title, metadata)
        if composer.is_empty:
            raise nothing_read(name, parsed.pages)
        return parsed


@dataclass(frozen=True, slots=True)
class _Slide:
    """What a slide says, and how it could be read."""

    pieces: Sequence[Piece]
    reading: PageReading = PageReading.TEXT
    reason: str | None = None


def _slides(package: Package, path: str, root: Element) -> list[str]:
    """Return the parts that are slides, in their order, each once."""
    relations = package.relations(path)
    ids = [slide.get("r:id", "") for slide in children(root, "p:sldIdLst")]
    return list(dict.fromkeys(relations[one].target for one in ids if one in relations))


class _Reader:
    """Reads slides, one after another."""

    def __init__(self, package: Package) -> None:
        self.title: str | None = None
        self._package = package
        self._graphics = Graphics(package)
        # Layouts and masters, and what they refer to: many slides have the same.
        self._models: dict[str, tuple[Element | None, str | None]] = {}

    def slide(self, path: str, *, is_first: bool) -> _Slide:
        """Return what a slide says, then its notes."""
        try:
            root = self._package.part(path)
            if root is None:
                return _Slide((), PageReading.UNREAD, _DAMAGED)
            pieces = self._pieces(path, root, is_first=is_first)
        except UnreadableText:
            return _Slide((), PageReading.UNREAD, _DAMAGED)
        if says_something(pieces):
            return _Slide(pieces)
        if any(element.tag in _PICTURES for element in root.iter()):
            return _Slide((), PageReading.UNREAD, ONLY_PICTURES)
        return _Slide((), PageReading.BLANK)

    def _pieces(self, path: str, root: Element, *, is_first: bool) -> list[Piece]:
        relations = self._package.relations(path)
        related = {relation.kind: relation.target for relation in relations.values()}
        models = self._models_of(related.get("slideLayout"))
        pieces: list[Piece] = []
        for shape in shapes_of(root, models):
            texts = [*_texts(shape, models)]
            if shape.is_title:
                title = " ".join(said.text for said in texts)
                level = 1 if is_first and _is_cover(shape, models) else _TITLE_LEVEL
                pieces.append(Said(title, BlockKind.HEADING, level))
                self.title = self.title or (title if is_first else None)
                continue
            pieces.extend(texts)
            for element in shape.element.iter():
                if element.tag == "a:tbl":
                    pieces.append(_table(element))
                elif element.tag in ("c:chart", "dgm:relIds"):
                    pieces.extend(self._graphics.pieces(element, relations))
        if "notesSlide" in related:
            pieces.extend(self._notes(related["notesSlide"]))
        return pieces

    def _notes(self, path: str) -> Iterator[Piece]:
        root = self._package.part(path)
        if root is not None:
            for shape in shapes_of(root, ()):
                yield from (Said(said.text) for said in _texts(shape, ()))

    def _models_of(self, path: str | None) -> list[Element]:
        """Return the layout of a part name, and the master of that."""
        models: list[Element] = []
        for kind in ("slideMaster", ""):
            if path is None:
                break
            if path not in self._models:
                related = {one.kind: one.target for one in self._package.relations(path).values()}
                self._models[path] = self._package.part(path), related.get(kind)
            model, path = self._models[path]
            if model is not None:
                models.append(model)
        return models


def _is_cover(title: Shape, models: Sequence[Element]) -> bool:
    """Tell whether a slide with this title says what the presentation is about."""
    return title.placeholder == "ctrTitle" or (bool(models) and models[0].get("type") == "title")


def _texts(shape: Shape, models: Sequence[Element]) -> Iterator[Said]:
    """Yield the paragraphs of a shape; those with a bullet or a number are items."""
    styles = [
        style
        for one in (shape.element, *shape.models)
        if (style := descendant(one, "p:txBody", "a:lstStyle")) is not None
    ]
    if shape.placeholder is not None and models:
        kind = "p:titleStyle" if shape.is_title else "p:bodyStyle"
        styles.extend(style for one in models if (style := descendant(one, "p:txStyles", kind)) is not None)
    for paragraph in children(shape.element, "p:txBody"):
        if paragraph.tag == "a:p":
            is_item = _is_item(paragraph, shape, styles)
            yield Said(_text(paragraph), BlockKind.ITEM if is_item else BlockKind.PARAGRAPH)


def _is_item(paragraph: Element, shape: Shape, styles: Sequence[Element]) -> bool:
    properties = paragraph.find("a:pPr")
    level = 0 if properties is None else number(properties.get("lvl"))
    for said in (properties, *(style.find(f"a:lvl{level + 1}pPr") for style in styles)):
        for element in said if said is not None else ():
            if element.tag in _MARKED:
                return True
            if element.tag == _UNMARKED:
                return False
    return level > 0 or shape.placeholder in ("body", "obj")


def _text(paragraph: Element) -> str:
    """Return the text of a paragraph of a shape."""
    parts: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        if element.tag == "a:r" or (element.tag == "a:fld" and element.get("type") != _NUMBERS_OF_PAGES):
            properties = element.find("a:rPr")
            height = 0 if properties is None else number(properties.get("baseline"))
            text = element.findtext("a:t") or ""
            parts.append(raised(text, parts[-1], above=height > 0) if height and parts else text)
        elif element.tag == "a:br":
            parts.append(" ")
        elif element.tag in ("m:oMath", "m:oMathPara"):
            parts.append(math_text(element))
        elif element.tag == "mc:AlternateContent":
            waiting.extend(reversed(alternative(element)))
        elif element.tag not in ("a:fld", "a:pPr", "a:endParaRPr"):
            waiting.extend(reversed(element))
    return "".join(parts)


def _table(element: Element) -> Table:
    names_columns = is_set(element.find("a:tblPr"), "firstRow")
    table = Table()
    for row in element.findall("a:tr"):
        cells = []
        for cell in row.findall("a:tc"):
            if is_set(cell, "hMerge"):
                continue  # it is part of the one before
            span = min(max(number(cell.get("gridSpan"), 1), 1), _COLUMNS)
            cells.append(Cell(span, [] if is_set(cell, "vMerge") else _paragraphs(cell)))
        table.rows.append(Row(cells, is_header=names_columns and not table.rows))
    return table


def _paragraphs(cell: Element) -> list[Piece]:
    return [Said(_text(part)) for part in children(cell, "a:txBody") if part.tag == "a:p"]
