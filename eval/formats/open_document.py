"""An article as OpenDocument in one file, which LibreOffice makes the other formats of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from eval.formats.article import Article, Piece, PieceKind

# A sheet's name may be no longer.
_SHEET_NAME_CHARACTERS = 31

_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"), ("style", "style"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
        ("fo", "xsl-fo-compatible"), ("svg", "svg-compatible"), ("presentation", "presentation"),
        ("meta", "meta"),
    )
)  # fmt: skip
_DUBLIN_CORE = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'

_TEXT_STYLES = """\
<office:styles>
<style:style style:name="Standard" style:family="paragraph">
<style:paragraph-properties fo:margin-bottom="0.25cm" fo:text-align="justify"
 fo:hyphenation-ladder-count="3"/>
<style:text-properties style:font-name="Liberation Serif" fo:font-size="12pt" fo:language="en"
 fo:country="US" fo:hyphenate="true" fo:hyphenation-remain-char-count="2" fo:hyphenation-push-char-count="2"/>
</style:style>
<style:style style:name="Heading_20_1" style:display-name="Heading 1" style:family="paragraph"
 style:default-outline-level="1">
<style:paragraph-properties fo:margin-top="0.4cm" fo:margin-bottom="0.2cm" fo:keep-with-next="always"/>
<style:text-properties fo:font-size="18pt" fo:font-weight="bold"/></style:style>
<style:style style:name="Heading_20_2" style:display-name="Heading 2" style:family="paragraph"
 style:default-outline-level="2">
<style:paragraph-properties fo:margin-top="0.4cm" fo:margin-bottom="0.2cm" fo:keep-with-next="always"/>
<style:text-properties fo:font-size="14pt" fo:font-weight="bold"/></style:style>
<text:list-style style:name="Bullets"><text:list-level-style-bullet text:level="1" text:bullet-char="•">
<style:list-level-properties text:space-before="0.6cm" text:min-label-width="0.6cm"/>
</text:list-level-style-bullet></text:list-style>
<text:notes-configuration text:note-class="footnote" style:num-format="1" text:start-value="0"/>
</office:styles>
"""
_CELL_STYLE = """\
<style:style style:name="Cell" style:family="table-cell">
<style:table-cell-properties fo:padding="0.1cm" fo:border="0.5pt solid #000000"/></style:style>
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pages of a text look: the columns, what stands above each page, and whether it is numbered."""

    columns: int = 1
    running_head: str | None = None
    numbered: bool = False

    def page_styles(self) -> str:
        """Return the styles that make pages so."""
        columns = f'<style:columns fo:column-count="{self.columns}" fo:column-gap="0.7cm"/>'
        head = f"<style:header>{tag('text:p', self.running_head)}</style:header>" if self.running_head else ""
        foot = "<style:footer><text:p>Page <text:page-number/></text:p></style:footer>"
        return (
            f"<office:automatic-styles>{_CELL_STYLE}"
            '<style:page-layout style:name="Paper"><style:page-layout-properties fo:page-width="21cm" '
            'fo:page-height="29.7cm" fo:margin-top="2cm" fo:margin-bottom="2cm" fo:margin-left="2cm" '
            f'fo:margin-right="2cm">{columns}</style:page-layout-properties>'
            "<style:header-style/><style:footer-style/></style:page-layout></office:automatic-styles>"
            '<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="Paper">'
            f"{head}{foot if self.numbered else ''}</style:master-page></office:master-styles>"
        )


def flat_text(article: Article, layout: Layout) -> str:
    """Return an article as a flat OpenDocument text."""
    body = "".join(_text_body(article.pieces))
    return _flat(
        "text", article.title, _TEXT_STYLES + layout.page_styles(), f"<office:text>{body}</office:text>"
    )


def flat_slides(article: Article) -> str:
    """Return an article as a flat OpenDocument presentation, a slide for each heading."""
    styles = (
        '<office:styles><style:style style:name="Default-title" style:family="presentation"/></office:styles>'
        f"<office:automatic-styles>{_CELL_STYLE}</office:automatic-styles>"
        '<office:master-styles><style:master-page style:name="Default"/></office:master-styles>'
    )
    slides = "".join(_slide(*section) for section in article.sections())
    body = f"<office:presentation>{slides}</office:presentation>"
    return _flat("presentation", article.title, styles, body)


def flat_sheets(article: Article) -> str:
    """Return an article as a flat OpenDocument workbook, a sheet for each heading."""
    sheets = "".join(_sheet(*section) for section in article.sections())
    return _flat("spreadsheet", article.title, "", f"<office:spreadsheet>{sheets}</office:spreadsheet>")


def tag(name: str, text: str | None, attributes: str = "") -> str:
    """Return an element of XML that holds a text."""
    return f"<{name}{' ' + attributes if attributes else ''}>{escape(text or '', quote=False)}</{name}>"


def _flat(kind: str, title: str | None, styles: str, body: str) -> str:
    mime = f"application/vnd.oasis.opendocument.{kind}"
    meta = f"<office:meta>{tag('dc:title', title)}</office:meta>" if title else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document {_NAMESPACES} {_DUBLIN_CORE} '
        f'office:version="1.2" office:mimetype="{mime}">{meta}\n{styles}'
        f"<office:body>{body}</office:body></office:document>\n"
    )


def _text_body(pieces: Iterable[Piece]) -> Iterator[str]:
    for kind, group in groupby(pieces, key=lambda piece: piece.kind):
        if kind is PieceKind.ITEM:
            items = (f"<text:list-item>{_paragraph(piece)}</text:list-item>" for piece in group)
            yield f'<text:list text:style-name="Bullets">{"".join(items)}</text:list>\n'
            continue
        for piece in group:
            if kind is PieceKind.TABLE:
                yield _table(piece)
            elif kind is PieceKind.PARAGRAPH:
                yield _paragraph(piece)
            else:
                level = 1 if kind is PieceKind.TITLE else 2
                attributes = f'text:outline-level="{level}" text:style-name="Heading_20_{level}"'
                yield tag("text:h", piece.text, attributes) + "\n"


def _paragraph(piece: Piece) -> str:
    note = ""
    if piece.note:
        note = (
            '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
            f"<text:note-body>{tag('text:p', piece.note)}</text:note-body></text:note>"
        )
    return f'<text:p text:style-name="Standard">{escape(piece.text, quote=False)}{note}</text:p>\n'


def _table(piece: Piece, *, marked: bool = True) -> str:
    """Return a table; that its first row is a header is marked where the program keeps it so."""
    header, *rows = (
        "<table:table-row>"
        + "".join(
            f'<table:table-cell table:style-name="Cell">{tag("text:p", text)}</table:table-cell>'
            for text in row
        )
        + "</table:table-row>"
        for row in piece.rows
    )
    header = f"<table:table-header-rows>{header}</table:table-header-rows>" if marked else header
    return (
        f'<table:table table:name="Table"><table:table-column table:number-columns-repeated='
        f'"{len(piece.rows[0])}"/>{header}'
        f"{''.join(rows)}</table:table>\n"
    )


def _slide(heading: str | None, pieces: list[Piece]) -> str:
    frames = [_frame(tag("text:p", heading), 1, 2, "title")] if heading else []
    top = 3.5
    for kind, group in groupby(pieces, key=lambda piece: piece.kind):
        shown = list(group)
        if kind is PieceKind.TABLE:
            table = _table(shown[0], marked=False)
            place = f'svg:x="2cm" svg:y="{top}cm" svg:width="20cm" svg:height="3cm"'
            frames.append(f"<draw:frame {place}>{table}</draw:frame>")
        else:
            text = "".join(tag("text:p", piece.text) for piece in shown)
            if kind is PieceKind.ITEM:
                items = (f"<text:list-item>{tag('text:p', piece.text)}</text:list-item>" for piece in shown)
                text = f"<text:list>{''.join(items)}</text:list>"
            frames.append(_frame(text, top, 4))
        top += 4
        frames += [_frame(tag("text:p", piece.note), 18, 1) for piece in shown if piece.note]
    return f'<draw:page draw:master-page-name="Default">{"".join(frames)}</draw:page>\n'


def _frame(text: str, top: float, height: float, role: str = "") -> str:
    if role:
        role = f' presentation:class="{role}" presentation:style-name="Default-{role}"'
    return (
        f'<draw:frame{role} svg:x="2cm" svg:y="{top}cm" svg:width="24cm" svg:height="{height}cm">'
        f"<draw:text-box>{text}</draw:text-box></draw:frame>"
    )


def _sheet(heading: str | None, pieces: list[Piece]) -> str:
    rows: list[str] = []
    name = heading or "Text"
    if len(name) > _SHEET_NAME_CHARACTERS:
        rows += [_cells((name,)), _cells(())]
        name = name[:_SHEET_NAME_CHARACTERS].rsplit(" ", 1)[0]
    for piece in pieces:
        rows += [_cells(row) for row in piece.rows] or [_cells((piece.text,))]
        rows.append(_cells(()))
        if piece.note:
            rows.append(_cells((piece.note,)))
    return f'<table:table table:name="{escape(name)}">{"".join(rows)}</table:table>\n'


def _cells(texts: Iterable[str]) -> str:
    cells = "".join(
        f'<table:table-cell office:value-type="float" office:value="{text}"/>'
        if text.isdecimal()
        else f'<table:table-cell office:value-type="string">{tag("text:p", text)}</table:table-cell>'
        for text in texts
    )
    return f"<table:table-row>{cells or '<table:table-cell/>'}</table:table-row>"
