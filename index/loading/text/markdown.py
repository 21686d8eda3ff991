"""Markdown: structure from markdown-it, text as it was written, so that a quote stands in the file."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.loading.loader import Parsed, Parsing, Signs
from index.loading.text.decoding import decode_text
from index.types import Block, BlockKind, Span

_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".mkd"})
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_MATTER_FIELD = re.compile(r"^(title|author|date)\s*:\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_INLINE_MARKUP = re.compile(r"[*_`]+")


class MarkdownLoader:
    """Reads Markdown (CommonMark with tables) by its suffix, since any text may hold Markdown."""

    media_type = "text/markdown"
    harmless = False
    libraries: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark").enable("table")

    def accepts(self, signs: Signs) -> bool:
        """Accept by suffix: content cannot tell Markdown from text."""
        return signs.suffix in _SUFFIXES

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:  # noqa: ARG002 - nothing to bound
        """Return the source text with headings, paragraphs, items, table rows and code as blocks."""
        text = decode_text(data, name)
        metadata: dict[str, str] = {}
        blocks: list[Block] = []
        body = text
        if front := _FRONT_MATTER.match(text):
            metadata = {
                key.lower(): value.strip("\"'") for key, value in _FRONT_MATTER_FIELD.findall(front[1])
            }
            if span := Span(0, front.end()).stripped(text):
                blocks.append(Block(BlockKind.METADATA, span.start, span.end))
            # Blanked, not cut off: line numbers and offsets of the body stay those of the file.
            body = re.sub(r"[^\n]", " ", text[: front.end()]) + text[front.end() :]
        blocks += _blocks(self._parser.parse(body), text)
        title = metadata.get("title")
        if title is None:
            for block in blocks:
                if block.kind is BlockKind.HEADING and block.level == 1:
                    title = _INLINE_MARKUP.sub("", text[block.start : block.end])
                    break
        return Parsed(text, tuple(blocks), title, metadata=metadata)


def _blocks(tokens: list[Token], text: str) -> list[Block]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    blocks: list[Block] = []
    lists = level = 0
    for token in tokens:
        if token.type in ("list_item_open", "list_item_close"):
            lists += token.nesting
        elif token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = 0
        if token.map is not None:
            lines = Span(starts[token.map[0]], min(starts[token.map[1]], len(text)))
            block = _block(token, text, lines, level, in_list=lists > 0)
            # A table's cells are inline tokens too: the row that holds them has already been taken.
            if block is not None and (not blocks or block.start >= blocks[-1].end):
                blocks.append(block)
    return blocks


def _block(token: Token, text: str, lines: Span, level: int, *, in_list: bool) -> Block | None:
    span: Span | None = None
    kind = BlockKind.PARAGRAPH
    match token.type:
        case "inline" if token.content.strip():
            kind = BlockKind.HEADING if level else BlockKind.ITEM if in_list else BlockKind.PARAGRAPH
            span = _content_span(text, lines, token.content)
        case "tr_open":
            kind, span = BlockKind.TABLE, lines.stripped(text)
        case "fence" | "code_block":
            kind, span = BlockKind.CODE, _code_span(text, lines, token)
        case "html_block":
            # Comments and tags are no prose: kept, searchable, and not quoted.
            kind, span = BlockKind.METADATA, lines.stripped(text)
        case _:
            pass
    return Block(kind, span.start, span.end, level) if span is not None else None


def _content_span(text: str, lines: Span, content: str) -> Span | None:
    """Find inline content within its lines; it comes without list and quote markers."""
    parts = content.split("\n")
    start = text.find(parts[0], lines.start, lines.end)
    end = text.rfind(parts[-1], start, lines.end) if len(parts) > 1 else start
    if start < 0 or end < 0:
        return lines.stripped(text)
    return Span(start, end + len(parts[-1]))


def _code_span(text: str, lines: Span, token: Token) -> Span | None:
    parts = [part.strip() for part in token.content.split("\n") if part.strip()]
    if not parts:
        return None
    # The line of the opening fence may hold the same word as the code.
    body = text.find("\n", lines.start, lines.end) if token.type == "fence" else lines.start
    return _content_span(text, Span(max(body, lines.start), lines.end), "\n".join((parts[0], parts[-1])))
