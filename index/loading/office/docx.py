"""Word documents: paragraphs by their styles, tables by rows, notes after what calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from index.errors import UnreadableText
from index.loading import zips
from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.office.docx_paragraphs import is_placeholder, line_of
from index.loading.office.docx_styles import Style, in_list, outline_level, styles_of
from index.loading.office.graphics import Graphics
from index.loading.office.tables import Cell, Piece, Row, Said, Table, add_pieces
from index.loading.office.xml import Package, alternative, children, descendant, is_on, number
from index.loading.properties import package_properties
from index.types import BlockKind

_MAIN_PART = "word/document.xml"
_PART_PREFIX = "word/document"
_PLAIN = Style()
# What blocks, rows and cells may be wrapped in.
_WRAPPERS = frozenset({"w:sdt", "w:sdtContent", "w:customXml", "w:smartTag", "w:ins", "w:moveTo"})
# Word has 63 columns at most.
_COLUMNS = 63
_PARAGRAPHS_BETWEEN_SIGNS_OF_LIFE = 2_000
_NOTE_PARTS = {"w:footnoteReference": "footnotes", "w:endnoteReference": "endnotes"}


class DocxLoader:
    """Reads Word documents and templates, with macros or without: these are not looked at.

    Headers, footers, comments and the table of contents, whose entries are the headings, are left
    out; so is what is hidden, deleted by a tracked change, or only asks to be filled in. Numbers that
    Word counts by itself, as those of lists, are not in the file.
    """

    media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept by the members of a ZIP file; some programs number the main one."""
        return any(member.startswith(_PART_PREFIX) and member.endswith(".xml") for member in signs.members)

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the text in the order of the document."""
        if not data.startswith(zips.SIGNATURES):
            raise UnreadableText(f"{name} is not a Word document, or is damaged")
        composer = Composer(name, parsing)
        with zips.opened_package(data, name, parsing) as archive:
            package = Package(archive, name)
            path = package.main_part(_MAIN_PART)
            root = package.part(path)
            body = descendant(root, "w:body")
            if root is None or root.tag != "w:document" or body is None:
                raise UnreadableText(f"{name} is not a Word document, or is damaged: its text is missing")
            title, metadata = package_properties(archive, name)
            reader = _Reader(package, path, lambda: parsing.page_done(0, 1))
            for block in _unwrapped(body, "w:p", "w:tbl"):
                add_pieces(composer, reader.pieces(block))
            add_pieces(composer, reader.rest())
        return composer.parsed(title or reader.title, metadata)


def _unwrapped(parent: Element, *tags: str) -> Iterator[Element]:
    """Yield the elements of some tags within another, through what they may be wrapped in."""
    waiting = list(reversed(parent))
    while waiting:
        element = waiting.pop()
        if element.tag in tags:
            yield element
        elif element.tag == "mc:AlternateContent":
            waiting.extend(reversed(alternative(element)))
        elif element.tag in _WRAPPERS and not is_placeholder(element):
            waiting.extend(reversed(element))


class _Reader:
    """Turns the blocks of a document into pieces, one after another."""

    def __init__(self, package: Package, path: str, sign_of_life: Callable[[], None]) -> None:
        self.title: str | None = None
        self._sign_of_life = sign_of_life
        self._paragraphs = 0
        self._package = package
        self._relations = package.relations(path)
        self._graphics = Graphics(package)
        self._styles = styles_of(self._related("styles"))
        self._notes: dict[str, dict[str, Element]] = {}
        self._called: list[tuple[str, str]] = []
        # The text of a paragraph that goes on in the next one.
        self._begun = ""

    def pieces(self, block: Element) -> list[Piece]:
        """Return what a paragraph or table says, and then the notes that it calls."""
        pieces = self._gathered([block])
        while self._called:
            calls, self._called = self._called, []
            for tag, key in calls:
                note = self._note(tag, key)
                if note is not None:
                    pieces.extend(self._gathered(list(_unwrapped(note, "w:p", "w:tbl"))))
        return pieces

    def rest(self) -> list[Piece]:
        """Return what the last paragraph left to one that did not come."""
        return [Said(self._begun)]

    def _gathered(self, blocks: list[Element]) -> list[Piece]:
        found: list[Piece] = []
        waiting = [(block, found) for block in reversed(blocks)]
        while waiting:
            element, pieces = waiting.pop()
            if element.tag == "w:p":
                drawn = self._paragraph(element, pieces)
                waiting.extend((one, pieces) for one in reversed(drawn))
            elif element.tag == "w:tbl":
                table = Table()
                pieces.append(table)
                cells = [cell for row in _unwrapped(element, "w:tr") for cell in _cells(row, table)]
                waiting.extend(
                    (block, cell.pieces)
                    for element, cell in reversed(cells)
                    for block in reversed(list(_unwrapped(element, "w:p", "w:tbl")))
                )
            elif element.tag == "w:txbxContent":
                waiting.extend((one, pieces) for one in reversed(list(_unwrapped(element, "w:p", "w:tbl"))))
            elif element.tag in ("c:chart", "dgm:relIds"):
                pieces.extend(self._graphics.pieces(element, self._relations))
            elif element.tag == "mc:AlternateContent":
                waiting.extend((one, pieces) for one in reversed(alternative(element)))
            else:
                waiting.extend((one, pieces) for one in reversed(element))
        return found

    def _paragraph(self, paragraph: Element, pieces: list[Piece]) -> list[Element]:
        """Add what a paragraph says; return what it shows beside its text."""
        self._paragraphs += 1
        if self._paragraphs % _PARAGRAPHS_BETWEEN_SIGNS_OF_LIFE == 0:
            self._sign_of_life()
        properties = paragraph.find("w:pPr")
        named = descendant(properties, "w:pStyle")
        style = self._styles.get(named.get("w:val", ""), _PLAIN) if named is not None else _PLAIN
        if style.is_contents:
            return []
        line = line_of(paragraph, style, self._styles)
        self._called.extend(line.notes)
        text = self._begun + line.text
        self._begun = ""
        if _goes_on(properties):
            self._begun = text
        else:
            pieces.append(self._said(text, properties, style))
        return line.drawn

    def _said(self, text: str, properties: Element | None, style: Style) -> Said:
        level = outline_level(properties)
        if level := style.heading if level is None else level:
            if style.is_title and self.title is None:
                self.title = text
            return Said(text, BlockKind.HEADING, level)
        listed = in_list(properties)
        if style.is_item if listed is None else listed:
            return Said(text, BlockKind.ITEM)
        return Said(text)

    def _note(self, tag: str, key: str) -> Element | None:
        """Return a note, once."""
        if tag not in self._notes:
            notes = children(self._related(_NOTE_PARTS[tag]))
            self._notes[tag] = {note.get("w:id", ""): note for note in notes}
        return self._notes[tag].pop(key, None)

    def _related(self, kind: str) -> Element | None:
        paths = [relation.target for relation in self._relations.values() if relation.kind == kind]
        return self._package.part(paths[0]) if paths else None


def _goes_on(properties: Element | None) -> bool:
    """Tell whether a paragraph is one with the next: its end is deleted, or it is a large first letter."""
    frame = descendant(properties, "w:framePr")
    dropped = frame is not None and frame.get("w:dropCap", "none") != "none"
    return dropped or descendant(properties, "w:rPr", "w:del") is not None


def _cells(row: Element, table: Table) -> Iterator[tuple[Element, Cell]]:
    """Add a row to a table; yield its cells that have text of their own."""
    properties = row.find("w:trPr")
    if descendant(properties, "w:del") is not None:
        return
    added = Row(is_header=is_on(descendant(properties, "w:tblHeader")))
    if before := _columns(descendant(properties, "w:gridBefore")):
        added.cells.append(Cell(before))
    table.rows.append(added)
    for element in _unwrapped(row, "w:tc"):
        about = element.find("w:tcPr")
        cell = Cell(_columns(descendant(about, "w:gridSpan")) or 1)
        added.cells.append(cell)
        merged = descendant(about, "w:vMerge")
        continues = merged is not None and merged.get("w:val", "continue") == "continue"
        if not continues and descendant(about, "w:cellDel") is None:
            yield element, cell


def _columns(told: Element | None) -> int:
    return 0 if told is None else min(max(number(told.get("w:val")), 0), _COLUMNS)
