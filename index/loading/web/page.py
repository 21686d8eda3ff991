"""Web pages: HTML and XHTML, saved from a site or exported by a program."""

from __future__ import annotations

import codecs
import re

from index.errors import UnreadableText
from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.text.decoding import decode_text
from index.loading.web.blocks import parsed_html
from index.loading.web.main_content import main_blocks
from index.loading.web.metadata import page_metadata, page_title

_SUFFIXES = frozenset({".html", ".htm", ".xhtml", ".xht", ".shtml"})
_MARKS_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEFORE = r"(?:\s+|<\?xml\b[^>]*>|<!--.*?-->)*+"
_SURELY = re.compile(_BEFORE + r"<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_PERHAPS = re.compile(
    _BEFORE + r"<(?:head|body|title|meta|main|article|section|header|div|table|center|font|p|h[1-6]|[uod]l)\b"
    r"[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED_IN = 8_192
_DECLARED = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)",
    re.IGNORECASE,
)
# Encodings of text, by the names that Python knows them by, and as browsers read some of them.
_ENCODINGS = re.compile(
    r"utf-8|cp(?:125\d|866|874|932|949|950)|iso8859-\d+|koi8-[rut]|mac-\w+|gb18030|big5(?:hkscs)?|euc_(?:jp|kr)|iso2022_jp"
)
_AS_BROWSERS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
# So many characters of two bytes or more are valid UTF-8 by chance in no other encoding.
_SURELY_UTF8 = 4
_CHARACTERS_FOR_ONE_DAMAGED = 100
_FOREIGN = re.compile("[^\x00-\x7f]")
_ENTITIES_IN = 65_536
_SUBSET = re.compile(r"<!doctype[^>\[]*\[", re.IGNORECASE)


class WebPageLoader:
    """Reads HTML and XHTML: what is seen of a page, and of a page of a site its main content."""

    media_type = "text/html"
    harmless = False
    libraries: tuple[str, ...] = ("lxml.html", "trafilatura")

    def accepts(self, signs: Signs) -> bool:
        """Accept what begins as a page does; by its suffix, or without one, what begins with an element."""
        head = _head(signs.head)
        if _SURELY.match(head):
            return True
        if signs.suffix in _SUFFIXES:
            return "<" in head and not signs.members
        return not signs.suffix and _PERHAPS.match(head) is not None

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the document of a page."""
        root = parsed_html(without_subset(decoded_page(data, name), name), name)
        composer = Composer(name, parsing)
        for block in main_blocks(root):
            block.add_to(composer)
        return composer.parsed(page_title(root), page_metadata(root))


def decoded_page(data: bytes, name: str) -> str:
    """Return the text of a page: by its byte-order mark, by what it declares, or by how it reads."""
    declared = _declared(data)
    if declared is None:
        return decode_text(data, name)
    try:
        text = data.decode(declared)
    except UnicodeDecodeError:
        text = data.decode(declared, "replace")
        try:
            return decode_text(data, name)
        except UnreadableText:
            # A page with a stray byte is what it declares; one with many is something else.
            if text.count("\N{REPLACEMENT CHARACTER}") * _CHARACTERS_FOR_ONE_DAMAGED > len(text):
                raise
    else:
        if _is_utf8(data):
            return decode_text(data, name)
    # By way of UTF-8: what is not text is refused in one place.
    return decode_text(text.encode("utf-8"), name)


def without_subset(markup: str, name: str) -> str:
    """Return markup without the declarations within its document type; refuse those of entities."""
    found = _SUBSET.search(markup, 0, _ENTITIES_IN)
    if found is None:
        return markup
    end = markup.find("]", found.end())
    if end < 0 or "<!ENTITY" in markup[found.end() : end].upper():
        raise UnreadableText(f"{name} declares entities, which no page needs; save it as plain HTML")
    return markup[: found.end() - 1] + markup[end + 1 :]


def _head(head: bytes) -> str:
    if head.startswith(_MARKS_16):
        return head.decode("utf-16", "replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _declared(data: bytes) -> str | None:
    """Return the encoding that a page declares, None where it has a mark, or none that can be used."""
    if data.startswith((codecs.BOM_UTF8, *_MARKS_16)):
        return None
    found = _DECLARED.search(data, 0, _DECLARED_IN)
    if found is None:
        return None
    try:
        encoding = codecs.lookup((found[1] or found[2]).decode("ascii", "replace")).name
    except LookupError:
        return None
    encoding = _AS_BROWSERS.get(encoding, encoding)
    return encoding if _ENCODINGS.fullmatch(encoding) else None


def _is_utf8(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(_FOREIGN.findall(text)) >= _SURELY_UTF8
