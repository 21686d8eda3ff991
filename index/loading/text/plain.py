"""Plain text: paragraphs and headings by layout alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.loading.loader import Parsed, Parsing, Signs
from index.loading.text.decoding import decode_text
from index.types import Block, BlockKind, Span

_BULLET = re.compile(r"\s*(?:[-*•‣◦–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+(?=\S)")
_HEADING_MAX_CHARACTERS = 80
_HEADING_MAX_WORDS = 12
# Lines of a hard-wrapped paragraph are at most this long, and all but the last are nearly full.
_WRAP_MAX = 100
_WRAP_MIN = 40
_FULL_LINE = 0.6
_PROSE_MIN_CHARACTERS = 80


class PlainTextLoader:
    """Reads text without markup.

    Two habits exist and both are common: a line is a paragraph, or a paragraph is wrapped over
    several lines. Which one holds is decided for each stretch between blank lines by the lengths of
    its lines. A short line without a full stop above prose is a heading.
    """

    media_type = "text/plain"
    harmless = True
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:  # noqa: ARG002 - any text is plain text
        """Accept whatever no other loader took: `parse` tells text from binary data."""
        return True

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:  # noqa: ARG002 - nothing to bound
        """Return the text with paragraphs, list items and headings as blocks."""
        text = decode_text(data, name)
        spans = [(span, bullet) for stretch in _stretches(text) for span, bullet in _split(text, stretch)]
        blocks = []
        for position, (span, bullet) in enumerate(spans):
            following = spans[position + 1][0] if position + 1 < len(spans) else None
            if bullet:
                kind = BlockKind.ITEM
            elif following is not None and _is_heading(text, span, following):
                kind = BlockKind.HEADING
            else:
                kind = BlockKind.PARAGRAPH
            # Layout alone shows no depth: a first heading is the title, all others are its sections.
            level = 0 if kind is not BlockKind.HEADING else 1 if position == 0 else 2
            blocks.append(Block(kind, span.start, span.end, level))
        title = None
        if blocks and blocks[0].kind is BlockKind.HEADING:
            title = text[blocks[0].start : blocks[0].end]
        return Parsed(text, tuple(blocks), title)


def _stretches(text: str) -> Iterator[list[Span]]:
    """Yield the lines of each stretch between blank lines, each stripped of the space around it."""
    lines: list[Span] = []
    offset = 0
    for line in text.split("\n"):
        if span := Span(offset, offset + len(line)).stripped(text):
            lines.append(span)
        elif lines:
            yield lines
            lines = []
        offset += len(line) + 1
    if lines:
        yield lines


def _split(text: str, lines: list[Span]) -> Iterator[tuple[Span, bool]]:
    """Yield the blocks of a stretch, each with whether it is a list item."""
    wrapped = _is_wrapped(lines)
    start: int | None = None
    bullet = False
    for position, line in enumerate(lines):
        marker = _BULLET.match(text, line.start, line.end)
        if start is None or marker:
            if start is not None:
                yield Span(start, lines[position - 1].end), bullet
            start, bullet = (marker.end(), True) if marker else (line.start, False)
        if not wrapped:
            yield Span(start, line.end), bullet
            start = None
    if start is not None:
        yield Span(start, lines[-1].end), bullet


def _is_wrapped(lines: list[Span]) -> bool:
    lengths = [line.end - line.start for line in lines]
    longest = max(lengths)
    if len(lengths) < 2 or not _WRAP_MIN <= longest <= _WRAP_MAX:
        return False
    full = sum(length >= _FULL_LINE * longest for length in lengths[:-1])
    return full >= 0.8 * (len(lengths) - 1)


def _is_heading(text: str, span: Span, following: Span) -> bool:
    line = text[span.start : span.end]
    if len(line) > _HEADING_MAX_CHARACTERS or "\n" in line or len(line.split()) > _HEADING_MAX_WORDS:
        return False
    if line[-1] in ".!?;,…。！？" or not any(character.isalpha() for character in line):
        return False
    if line[0].islower():
        return False
    below = text[following.start : following.end]
    return len(below) >= _PROSE_MIN_CHARACTERS or below[-1] in ".!?。！？"
