"""Documents to passages: as long as is useful, never longer than the model reads, cut where the text is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from index import vocabulary
from index.pages import page_at
from index.sentences import sentence_spans
from index.types import Block, BlockKind, Document, PageKind, Passage, Span, content_id

# Part of the embedding space: raise it with any change to which texts are embedded.
CHUNKER_VERSION = 1

# The target where nothing else is asked for.
CHUNK_TOKENS = 192
_FINGERPRINT = "chunker {version}, target {target}"

HEADING_SEPARATOR = " › "
# Room that a passage leaves for the heading that `indexed_text` may put before it.
_HEADING_TOKENS = 32
_HEADING_CHARACTERS = 160
# A run without a blank can be one wordpiece to the model whatever its length; characters bound it too.
_MAX_CHARACTERS = 4000
# How far into a passage its own heading is looked for before `indexed_text` adds it.
_OWN_HEADING_CHARACTERS = 400


class TokenWindow(Protocol):
    """How much text an embedding model reads at once, by its own tokenizer.

    `limit` is the greatest number of tokens a text may have, special tokens not counted. `counts`
    gives the number of tokens of each text, in order. `spans` gives the span of each token in code
    points, in order. Neither truncates, pads or counts special tokens; both agree with each other.
    """

    @property
    def limit(self) -> int:
        """The greatest number of tokens that one text may have."""
        ...

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has."""
        ...

    def spans(self, text: str) -> list[Span]:
        """Return where each token of a text stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Tile:
    """A sentence, or a part of an overlong one, with the layout before it: tiles cover the document.

    `sentence` is None for layout alone, and so is `block`. `part` is the number of the slide or sheet
    that it is on, 0 where the document has none.
    """

    start: int
    end: int
    block: Block | None
    sentence: Span | None
    part: int = 0

    def sentence_within(self, piece: Span, text: str) -> Span | None:
        if self.sentence is None:
            return None
        start, end = max(piece.start, self.sentence.start), min(piece.end, self.sentence.end)
        return Span(start, end).stripped(text)


@dataclass(frozen=True, slots=True)
class _Unit:
    """The smallest piece that is not cut, with its length by tiktoken and by the model's tokenizer."""

    tile: _Tile
    tokens: int
    wordpieces: int

    @property
    def block(self) -> Block | None:
        return self.tile.block

    @property
    def in_heading(self) -> bool:
        return self.block is not None and self.block.kind is BlockKind.HEADING

    @property
    def opened_section(self) -> Block | None:
        """The heading that this unit is or begins."""
        if (
            self.in_heading
            and self.block
            and self.tile.sentence
            and self.tile.sentence.start == self.block.start
        ):
            return self.block
        return None

    @property
    def evidence(self) -> Span | None:
        """What of the unit may be quoted as evidence."""
        if self.block is None or self.block.kind in (BlockKind.HEADING, BlockKind.METADATA):
            return None
        return self.tile.sentence


class Chunker:
    """Cuts documents into passages of at most `target_tokens` tiktoken tokens where sentences allow.

    A slide or a sheet starts a passage, and so does a heading, which stays with what follows it; after
    that a passage ends at the end of a paragraph where possible, else of a sentence. A sentence is cut
    only where it alone is over the model's window. Every character that is not white space is in exactly
    one passage.
    """

    def __init__(self, window: TokenWindow, target_tokens: int = CHUNK_TOKENS) -> None:
        self._window = window
        self._capacity = window.limit - _HEADING_TOKENS
        if self._capacity < _HEADING_TOKENS:
            raise ValueError(f"a window of {window.limit} tokens is too small to hold a passage")
        self._target = target_tokens

    @property
    def fingerprint(self) -> str:
        """What has to be equal for two passages of one text to be the same."""
        return _FINGERPRINT.format(version=CHUNKER_VERSION, target=self._target)

    def chunk(self, document: Document) -> list[Passage]:
        """Return the passages of a document in order, with ordinals from 0."""
        groups = self._fitting(document.text, _packed(self._units(document), self._target, self._capacity))
        passages: list[Passage] = []
        headings: list[tuple[int, str]] = []
        part = 0
        for group in groups:
            if group[0].tile.part != part:
                part = group[0].tile.part
                headings = []
            for unit in group:
                if (block := unit.opened_section) is not None:
                    headings = [entry for entry in headings if entry[0] < block.level]
                    headings.append((block.level, self._heading(document.text, block)))
            heading = HEADING_SEPARATOR.join(text for _, text in headings) or None
            passages.append(_passage(document, len(passages), group, heading))
        return passages

    def _heading(self, text: str, block: Block) -> str:
        heading = " ".join(text[block.start : block.end].split())[:_HEADING_CHARACTERS]
        spans = self._window.spans(heading)
        return heading[: spans[_HEADING_TOKENS - 1].end] if len(spans) > _HEADING_TOKENS else heading

    def _units(self, document: Document) -> list[_Unit]:
        text = document.text
        tiles = list(_tiles(document))
        wordpieces = self._window.counts([text[tile.start : tile.end] for tile in tiles])
        tiles = [
            _Tile(piece.start, piece.end, tile.block, tile.sentence_within(piece, text), tile.part)
            for tile, count in zip(tiles, wordpieces, strict=True)
            for piece in self._cut(text, tile, count)
        ]
        covers = [text[tile.start : tile.end] for tile in tiles]
        encode = vocabulary.encoding().encode_ordinary
        tokens = [len(encode(cover)) for cover in covers]
        wordpieces = self._window.counts(covers)
        return [_Unit(*unit) for unit in zip(tiles, tokens, wordpieces, strict=True)]

    def _cut(self, text: str, tile: _Tile, wordpieces: int) -> Iterator[Span]:
        """Yield the tile whole where it fits, else in pieces that do, cut at blanks if there are any."""
        if wordpieces <= self._capacity and tile.end - tile.start <= _MAX_CHARACTERS:
            yield Span(tile.start, tile.end)
            return
        start = tile.start
        while start < tile.end:
            end = min(start + _MAX_CHARACTERS, tile.end)
            spans = self._window.spans(text[start:end])
            if len(spans) > self._capacity:
                end = start + max(1, spans[self._capacity].start)
            if end < tile.end:
                # Only in the latter half: a blank near the front would leave slivers.
                blank = max(text.rfind(mark, (start + end) // 2, end) for mark in (" ", "\n", "\t"))
                end = blank + 1 if blank > 0 else end
            # A part of a word can have more tokens than it had within the word.
            while end > start + 1 and self._window.counts([text[start:end]])[0] > self._capacity:
                end = (start + end) // 2
            yield Span(start, end)
            start = end

    def _fitting(self, text: str, groups: list[list[_Unit]]) -> list[list[_Unit]]:
        """Split the groups whose joined text has more tokens than its parts had together."""
        while True:
            counts = self._window.counts([text[_span(group).start : _span(group).end] for group in groups])
            if all(
                count <= self._capacity or len(group) == 1
                for count, group in zip(counts, groups, strict=True)
            ):
                return groups
            split: list[list[_Unit]] = []
            for group, count in zip(groups, counts, strict=True):
                middle = len(group) // 2 if count > self._capacity and len(group) > 1 else len(group)
                split += [half for half in (group[:middle], group[middle:]) if half]
            groups = split


def target_of(fingerprint: str) -> int | None:
    """Return the target length of the chunker with this fingerprint, None for one of another version."""
    target = fingerprint.rpartition(" ")[2]
    made = _FINGERPRINT.format(version=CHUNKER_VERSION, target=target)
    return int(target) if made == fingerprint and target.isdecimal() else None


def indexed_text(passage: Passage) -> str:
    """Return what a passage is embedded and indexed as: its text, under its heading if that is elsewhere."""
    if passage.heading is None:
        return passage.text
    heading = passage.heading.rsplit(HEADING_SEPARATOR, 1)[-1]
    if heading in passage.text[:_OWN_HEADING_CHARACTERS]:
        return passage.text
    return f"{heading}\n{passage.text}"


def _tiles(document: Document) -> Iterator[_Tile]:
    """Yield tiles of the text, a sentence each; layout goes with what follows it."""
    covered = part = 0
    parts = deque(page for page in document.pages if page.kind is not PageKind.PAGE)
    for block in document.blocks:
        while parts and parts[0].start <= block.start:
            part = parts.popleft().number
        for sentence in sentence_spans(document.text, block, document.language):
            yield _Tile(covered, sentence.end, block, sentence, part)
            covered = sentence.end
    if document.text[covered:].strip():
        yield _Tile(covered, len(document.text), None, None, part)


def _span(group: Sequence[_Unit]) -> Span:
    return Span(group[0].tile.start, group[-1].tile.end)


def _packed(units: list[_Unit], target: int, capacity: int) -> list[list[_Unit]]:
    groups: list[list[_Unit]] = []
    group: list[_Unit] = []
    for unit in units:
        opens = unit.opened_section and not all(member.in_heading for member in group)
        if opens or (group and group[-1].tile.part != unit.tile.part):
            groups.append(group)
            group = []
        while group and not _fits([*group, unit], target, capacity):
            done = _paragraph_end(group, target)
            groups.append(group[:done])
            group = group[done:]
        group.append(unit)
    return [*groups, group] if group else groups


def _fits(group: list[_Unit], target: int, capacity: int) -> bool:
    return (
        # The target gives way, rather than that a heading be parted from what follows it.
        (sum(unit.tokens for unit in group) <= target or all(unit.in_heading for unit in group[:-1]))
        and sum(unit.wordpieces for unit in group) <= capacity
        and group[-1].tile.end - group[0].tile.start <= _MAX_CHARACTERS
    )


def _paragraph_end(group: list[_Unit], target: int) -> int:
    """Return where to end a full group: after its last whole paragraph, unless that leaves too little."""
    for position in range(len(group) - 1, 0, -1):
        if (
            group[position].block is not group[position - 1].block
            and 2 * sum(unit.tokens for unit in group[:position]) >= target
        ):
            return position
    return len(group)


def _passage(document: Document, ordinal: int, group: list[_Unit], heading: str | None) -> Passage:
    span = _span(group)
    span = span.stripped(document.text) or span
    text = document.text[span.start : span.end]
    evidence = [unit.evidence for unit in group]
    return Passage(
        id=content_id(document.id, str(ordinal), text),
        document_id=document.id,
        ordinal=ordinal,
        start=span.start,
        end=span.end,
        text=text,
        heading=heading,
        page=page_at(document.pages, span.start),
        sentences=tuple(found for found in evidence if found and _says_something(document.text, found)),
    )


def _says_something(text: str, span: Span) -> bool:
    return any(character.isalnum() for character in text[span.start : span.end])
