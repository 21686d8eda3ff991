"""An article as a web page, as the body of a mail, and as a book of one chapter."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby

from eval.formats.article import Article, Piece, PieceKind
from eval.formats.open_document import tag

_CONTAINER = """\
<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
_PACKAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:report</dc:identifier>
<dc:title>{title}</dc:title><dc:language>en</dc:language></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="text" href="text.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="text"/></spine>
</package>
"""
_CHAPTER = """\
<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en">
<head><title>{title}</title></head>
<body>
{body}</body>
</html>
"""
_CONTENTS = '<nav epub:type="toc"><ol><li><a href="text.xhtml">{title}</a></li></ol></nav>\n'
_UNTITLED = "Report"


def web_page(article: Article) -> str:
    """Return an article as a web page, with what stands around one: links, an address, a notice."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{_title(article)}</title></head>\n<body>\n"
        '<nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li>'
        '<li><a href="/contact">Contact</a></li></ul></nav>\n'
        f"<main><article>\n{_body(article.pieces, _end_note)}</article></main>\n"
        '<footer><p><a href="/terms">Terms of use</a> · All rights reserved</p></footer>\n</body>\n</html>\n'
    )


def mail_body(article: Article) -> str:
    """Return an article as the HTML body of a mail, without the title, which is the subject."""
    pieces = tuple(piece for piece in article.pieces if piece.kind is not PieceKind.TITLE)
    return f"<html><body>\n{_body(pieces, _end_note)}</body></html>\n"


def book(article: Article) -> bytes:
    """Return an article as an EPUB; LibreOffice's have no headings that are marked as such."""
    title = _title(article)
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        "OEBPS/content.opf": _PACKAGE.format(title=title),
        "OEBPS/nav.xhtml": _CHAPTER.format(title=title, body=_CONTENTS.format(title=title)),
        "OEBPS/text.xhtml": _CHAPTER.format(title=title, body=_body(article.pieces, _aside)),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, text in members.items():
            # The type has to lie open at the beginning; a fixed time makes equal files of equal articles.
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            package.writestr(zipfile.ZipInfo(name), text, how)
    return made.getvalue()


def _title(article: Article) -> str:
    return escape(article.title or _UNTITLED, quote=False)


def _body(pieces: tuple[Piece, ...], of_note: Callable[[str], str]) -> str:
    notes = (of_note(piece.note) for piece in pieces if piece.note)
    return "".join((*_elements(pieces), *notes))


def _end_note(text: str) -> str:
    """Return a note as pages have it at their end."""
    item = f'<li id="note-1">{tag("p", text)}</li>'
    return f'<section class="footnotes" role="doc-endnotes"><ol>{item}</ol></section>\n'


def _aside(text: str) -> str:
    """Return a note as books have it, to be shown where it is called."""
    return f'<aside id="note-1" epub:type="footnote">{tag("p", text)}</aside>\n'


def _elements(pieces: tuple[Piece, ...]) -> Iterator[str]:
    for kind, group in groupby(pieces, key=lambda piece: piece.kind):
        if kind is PieceKind.ITEM:
            yield f"<ul>{''.join(tag('li', piece.text) for piece in group)}</ul>\n"
            continue
        for piece in group:
            match kind:
                case PieceKind.TITLE | PieceKind.HEADING:
                    yield tag("h1" if kind is PieceKind.TITLE else "h2", piece.text) + "\n"
                case PieceKind.TABLE:
                    yield _table(piece)
                case _:
                    call = '<sup><a href="#note-1">1</a></sup>' if piece.note else ""
                    yield f"<p>{escape(piece.text, quote=False)}{call}</p>\n"


def _table(piece: Piece) -> str:
    header, *rows = piece.rows
    names = "".join(tag("th", name) for name in header)
    lines = "".join(f"<tr>{''.join(tag('td', cell) for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>{lines}</tbody></table>\n"
