"""Where the sentences of a document are: the units that can be quoted as evidence."""

from __future__ import annotations

from collections.abc import Iterator

from index.types import Block, BlockKind, Span

# A piece of fewer letters and digits than this, "Dr." or "1.", belongs to the sentence after it.
_MIN_ALPHANUMERICS = 4


def sentence_spans(text: str, block: Block, language: str) -> list[Span]:
    """Return the spans of a block's sentences, in order, without the white space around them.

    Paragraphs and list items are split by sentencex; a table row or a heading is one sentence; of
    code each line is one. Every letter and digit of the block is in exactly one span.
    """
    if block.kind in (BlockKind.PARAGRAPH, BlockKind.ITEM):
        pieces = _merged(text, _segments(text, block, language))
    elif block.kind is BlockKind.CODE:
        pieces = _lines(text, block)
    else:
        pieces = iter([Span(block.start, block.end)])
    return [span for piece in pieces if (span := piece.stripped(text)) is not None]


def _segments(text: str, block: Block, language: str) -> Iterator[Span]:
    # A question needs no sentence but those that were found.
    import sentencex  # noqa: PLC0415

    for boundary in sentencex.get_sentence_boundaries(language, text[block.start : block.end]):
        yield Span(block.start + boundary["start_index"], block.start + boundary["end_index"])


def _merged(text: str, segments: Iterator[Span]) -> Iterator[Span]:
    start: int | None = None
    end = 0
    for segment in segments:
        start = segment.start if start is None else start
        end = segment.end
        if sum(character.isalnum() for character in text[start:end]) >= _MIN_ALPHANUMERICS:
            yield Span(start, end)
            start = None
    if start is not None:
        yield Span(start, end)


def _lines(text: str, block: Block) -> Iterator[Span]:
    start = block.start
    for line in text[block.start : block.end].split("\n"):
        yield Span(start, start + len(line))
        start += len(line) + 1
