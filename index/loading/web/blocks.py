"""From a tree of HTML to blocks: what a reader of the page sees, in order, without markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from index.errors import ParseLimit, UnreadableText
from index.loading.composing import Composer
from index.loading.web.elements import HEADINGS, PREFORMATTED, UNSEEN, is_block, is_hidden, is_sign, text_of
from index.loading.web.notes import settle_notes
from index.loading.web.tables import grid, layout_tables
from index.types import BlockKind

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_XHTML = re.compile(r"<\?xml\b|http://www\.w3\.org/1999/xhtml")
_HEAD_CHARACTERS = 4_096
_LIST_OF_WORD = re.compile(r"mso-list\s*:")
_LINE_BREAK = "\n"
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")
_LAYOUT_BREAK = re.compile(r"[\r\n]")
# A term longer than this, or what is said of one, is prose.
_TERM_CHARACTERS = 60
_DEFINITION_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class WebBlock:
    """A block of a page, not yet normalised.

    `rows` and `header` are those of a table, whose `text` is that of its cells. `within` is the
    nearest element that holds it, and `linked` how many of its characters are in links.
    """

    kind: BlockKind
    text: str
    within: HtmlElement
    level: int = 0
    linked: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    header: tuple[str, ...] | None = None

    def add_to(self, composer: Composer) -> None:
        """Add it to a document."""
        if self.kind is BlockKind.TABLE:
            composer.table(self.rows, self.header)
        else:
            composer.block(self.kind, self.text, self.level)


def parsed_html(markup: str, name: str = "the page") -> HtmlElement:
    """Return the tree of some HTML, well-formed or not, without the marks that call its notes.

    Nothing is fetched, and no entity expanded. Raise `UnreadableText` where there is nothing in it,
    `ParseLimit` where it is nested too deeply.
    """
    # Loads compiled libraries, which a question asked from a shell has no use for.
    from lxml import etree, html  # noqa: PLC0415

    # The bounds that this lifts would cut a page short without a word: 256 levels, 10 MB in one place.
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root = html.document_fromstring(_as_html(markup).encode("utf-8", "replace"), parser=parser)
    except etree.ParserError as error:
        raise UnreadableText(f"{name} holds no HTML") from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise ParseLimit(f"{name} nests its elements too deeply to be read; save it as plain text or PDF")
    settle_notes(root)
    return root


def _as_html(markup: str) -> str:
    """Return markup with the CDATA sections of XHTML, comments to an HTML parser, as plain text."""
    if not _XHTML.search(markup, 0, _HEAD_CHARACTERS):
        return markup
    before, *sections = markup.split("<![CDATA[")
    pieces = [before]
    for section in sections:
        text, end, after = section.partition("]]>")
        pieces.append(escape(text, quote=False) + after if end else section)
    return "".join(pieces)


def add_blocks(composer: Composer, root: HtmlElement) -> None:
    """Add all that is seen of a tree of HTML to a document."""
    for block in web_blocks(root):
        block.add_to(composer)


def web_blocks(
    root: HtmlElement, left_out: Callable[[HtmlElement], bool] = lambda _: False
) -> Iterator[WebBlock]:
    """Yield the blocks of a tree of HTML in order, but for what is hidden, and what `left_out` says."""
    return _Walk(root, left_out).blocks()


@dataclass(slots=True)
class _Context:
    """What text is where the walk stands; `used` once a first block of it came."""

    kind: BlockKind
    element: HtmlElement
    level: int = 0
    used: bool = False


class _Walk:
    """Walks a tree once, without recursion, however deep it is."""

    def __init__(self, root: HtmlElement, left_out: Callable[[HtmlElement], bool]) -> None:
        self._root = root
        self._left_out = left_out
        self._layout = layout_tables(root)
        self._contexts = [_Context(BlockKind.PARAGRAPH, root)]
        self._within = [root]
        self._pieces: list[str] = []
        self._linked = 0
        self._links = 0
        self._terms: list[WebBlock] = []
        self._defined = False
        self._found: list[WebBlock] = []

    def blocks(self) -> Iterator[WebBlock]:
        """Yield the blocks."""
        from lxml import etree  # noqa: PLC0415 - as above

        walk = etree.iterwalk(self._root, events=("start", "end", "comment", "pi"))
        entered: list[HtmlElement] = []
        for event, element in walk:
            if event == "start":
                if self._is_unseen(element) or self._took(element):
                    walk.skip_subtree()
                else:
                    entered.append(element)
                    self._enter(element)
                    self._say(element.text)
            else:
                if entered and entered[-1] is element:
                    self._leave(entered.pop())
                if element is not self._root:
                    self._say(element.tail)
            if self._found:
                yield from self._found
                self._found.clear()
        self._flush()
        self._end_terms()
        yield from self._found

    def _is_unseen(self, element: HtmlElement) -> bool:
        if element is self._root:
            return False
        context = self._contexts[-1]
        heads = context.kind is BlockKind.HEADING or context.element.tag in ("dt", "summary")
        if element.tag in UNSEEN:
            # What opens a section is a button in its heading, as in lists of questions and answers.
            return element.tag != "button" or not heads
        if heads and element.tag == "a" and is_sign(element):
            return True
        return is_hidden(element) or self._left_out(element)

    def _took(self, element: HtmlElement) -> bool:
        """Add a table or lines of code as a whole; tell whether it was one."""
        if element.tag in PREFORMATTED:
            self._flush()
            self._emit(WebBlock(BlockKind.CODE, text_of(element, self._is_unseen, as_is=True), element))
            return True
        if element.tag != "table" or element in self._layout:
            return False
        found = grid(element, lambda cell: text_of(cell, self._is_unseen), self._is_unseen)
        if found is None:
            return False
        self._flush()
        for caption in element.iterchildren("caption"):
            self._emit(WebBlock(BlockKind.PARAGRAPH, text_of(caption, self._is_unseen), caption))
        text = "\n".join(" ".join(row) for row in found.rows)
        linked = sum(len(text_of(link, self._is_unseen)) for link in element.iter("a"))
        self._emit(
            WebBlock(BlockKind.TABLE, text, element, linked=linked, rows=found.rows, header=found.header)
        )
        return True

    def _enter(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._pieces.append(_LINE_BREAK)
        elif tag == "a":
            self._links += 1
        elif is_block(element):
            self._flush()
            self._within.append(element)
            if context := _context(element):
                self._contexts.append(context)

    def _leave(self, element: HtmlElement) -> None:
        if element.tag == "a":
            self._links -= 1
        if self._within[-1] is element and len(self._within) > 1:
            self._flush()
            self._within.pop()
            if self._contexts[-1].element is element and len(self._contexts) > 1:
                self._contexts.pop()
            if element.tag == "dl":
                self._end_terms()

    def _say(self, text: str | None) -> None:
        if text:
            self._pieces.append(_LAYOUT_BREAK.sub(" ", text))
            if self._links:
                self._linked += len(text.strip())

    def _flush(self) -> None:
        """End a block."""
        text, linked = "".join(self._pieces), self._linked
        self._pieces.clear()
        self._linked = 0
        if not text or text.isspace():
            return
        context, within = self._contexts[-1], self._within[-1]
        if context.kind is BlockKind.HEADING:
            self._emit(WebBlock(BlockKind.HEADING, text, within, context.level, linked))
            return
        for part in _EMPTY_LINE.split(text):
            if not part or part.isspace():
                continue
            kind = BlockKind.PARAGRAPH if context.used else context.kind
            block = WebBlock(kind, part, within, linked=min(linked, len(part)))
            if context.element.tag == "dt":
                if self._defined:
                    self._end_terms()
                self._terms.append(block)
            elif context.element.tag == "dd" and not context.used and self._names(part):
                self._define(block)
            else:
                self._emit(block)
            context.used = True

    def _names(self, definition: str) -> bool:
        """Tell whether there is a term that can stand before a definition as the name of a column."""
        return (
            bool(self._terms)
            and len(self._terms[-1].text.strip()) <= _TERM_CHARACTERS
            and len(definition.strip()) <= _DEFINITION_CHARACTERS
        )

    def _define(self, block: WebBlock) -> None:
        if not self._defined:
            self._found += self._terms[:-1]
        del self._terms[:-1]
        self._defined = True
        name = self._terms[0].text.strip().rstrip(":")
        self._found.append(
            replace(
                block, kind=BlockKind.TABLE, rows=((block.text,),), header=(name,), text=name + block.text
            )
        )

    def _emit(self, block: WebBlock) -> None:
        self._end_terms()
        self._found.append(block)

    def _end_terms(self) -> None:
        """Add the terms that no definition was named by."""
        if not self._defined:
            self._found += self._terms
        self._terms.clear()
        self._defined = False


def _context(element: HtmlElement) -> _Context | None:
    """Return what the text within an element is, None where that of the elements around it is."""
    tag = element.tag
    if tag in HEADINGS:
        return _Context(BlockKind.HEADING, element, HEADINGS[tag])
    if element.get("role") == "heading":
        told = element.get("aria-level") or ""
        return _Context(BlockKind.HEADING, element, int(told) if told in "123456" and len(told) == 1 else 2)
    if tag in ("li", "dt") or _LIST_OF_WORD.search(element.get("style") or ""):
        return _Context(BlockKind.ITEM, element)
    if tag in ("td", "th", "dd", "summary"):
        return _Context(BlockKind.PARAGRAPH, element)
    return None
