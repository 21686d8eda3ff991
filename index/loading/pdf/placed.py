"""Words at their places on a page, and the lines that they make: what a PDF or a scan has instead of text."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from index.types import PageReading

# Two words of a line are further apart than this, in heights of its letters: columns, or cells of a table.
CELL_GAP = 1.4
# How far the baselines of one line's words may be apart: an index or exponent still belongs to it.
_SAME_LINE = 0.55
_FROM_THE_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")

_TOUCHING = 0.12
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_LATIN = re.compile("[A-Za-zÀ-ɏ]")


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word without white space, normalised, with its box in points from the page's top left corner.

    `size` is that of its font in points.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    baseline: float
    size: float
    bold: bool = False


@dataclass(frozen=True, eq=False)
class Line:
    """Words beside each other in reading order, in no column but their own; equal to itself alone."""

    words: tuple[PlacedWord, ...]

    @cached_property
    def text(self) -> str:
        """The words with blanks between."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def left(self) -> float:
        """The left edge."""
        return min(word.left for word in self.words)

    @cached_property
    def right(self) -> float:
        """The right edge."""
        return max(word.right for word in self.words)

    @cached_property
    def top(self) -> float:
        """The upper edge."""
        return min(word.top for word in self.words)

    @cached_property
    def bottom(self) -> float:
        """The lower edge."""
        return max(word.bottom for word in self.words)

    @cached_property
    def size(self) -> float:
        """The font size of most of its letters."""
        sizes: dict[float, int] = {}
        for word in self.words:
            sizes[round(word.size, 1)] = sizes.get(round(word.size, 1), 0) + len(word.text)
        return max(sizes, key=lambda size: (sizes[size], size))

    @cached_property
    def baseline(self) -> float:
        """The baseline of most of its words."""
        return statistics.median(word.baseline for word in self.words)

    @cached_property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(word.bold for word in self.words)

    @property
    def width(self) -> float:
        """From the left edge to the right one."""
        return self.right - self.left

    @cached_property
    def is_right_to_left(self) -> bool:
        """Whether most of its letters are of a script that is written from the right."""
        return is_right_to_left(self.text)


# What stands on one baseline of a column: one line, or the cells of a table from the left.
Row = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a page holds: its lines in no order yet, or why there are none.

    `aside` is what stands at an angle, as a stamp does; it belongs to no line. `turned` is by how many
    quarter turns clockwise the page has to be turned from there to stand as it is displayed.
    """

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    reading: PageReading = PageReading.TEXT
    reason: str | None = None
    aside: tuple[Line, ...] = ()
    turned: int = 0


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line with the page that it is on, the edges of its column, and the cells that it is made of.

    `listed` says that its column is one of a list's, `hangs` that entries begin left of their other lines.
    """

    line: Line
    page: int
    left: float
    right: float
    cells: Row
    listed: bool = False
    hangs: bool = False

    @property
    def is_row(self) -> bool:
        """Whether it has more than one cell."""
        return len(self.cells) > 1

    @property
    def indent(self) -> float:
        """How far from the edge of its column it begins, on the side from which it is read."""
        line = self.line
        return self.right - line.right if line.is_right_to_left else line.left - self.left

    @property
    def end(self) -> float:
        """How far from that edge it ends."""
        return self.indent + self.line.width


def is_right_to_left(text: str) -> bool:
    """Tell whether most letters of a text are of a script that is written from the right."""
    if text.isascii() or _FROM_THE_RIGHT.search(text) is None:
        return False
    letters = "".join(filter(str.isalpha, text))
    return 2 * len(_FROM_THE_RIGHT.findall(letters)) > len(letters)


def is_from_the_right(character: str) -> bool:
    """Tell whether a character, or a mark on one, is of a script that is written from the right."""
    return not character.isascii() and _FROM_THE_RIGHT.match(character) is not None


def lines_of(words: Iterable[PlacedWord]) -> tuple[Line, ...]:
    """Return words that come in the order of the file as lines.

    A line ends where the next word is on another baseline, or so far away that it is in another column.
    """
    lines: list[list[PlacedWord]] = []
    for word in words:
        if lines and _continues(lines[-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return tuple(Line(_directed(found)) for found in lines)


def _directed(words: Sequence[PlacedWord]) -> tuple[PlacedWord, ...]:
    """Return the words of a line as they are read, those from the left within a line from the right, too.

    A PDF has them as they are drawn: brackets as they look, and several words from the left turned round.
    """
    if not is_right_to_left("".join(word.text for word in words)):
        return tuple(words)
    mirrored = [replace(word, text=word.text.translate(_MIRRORED)) for word in words]
    found: list[PlacedWord] = []
    for latin, words_of_one in groupby(mirrored, lambda word: _LATIN.search(word.text) is not None):
        run = list(words_of_one)
        found += sorted(run, key=lambda word: word.left) if latin else run
    return tuple(_touching_joined(found))


def _touching_joined(words: Iterable[PlacedWord]) -> list[PlacedWord]:
    """Join a number in a line from the right with its brackets, one of which is far from its first digit."""
    found: list[PlacedWord] = []
    for word in words:
        last = found[-1] if found else None
        letters = last is not None and all(any(map(str.isalpha, text)) for text in (last.text, word.text))
        if last is None or letters or gap(last, word) > _TOUCHING * word.size:
            found.append(word)
            continue
        found[-1] = replace(
            last,
            text=last.text + word.text,
            left=min(last.left, word.left),
            top=min(last.top, word.top),
            right=max(last.right, word.right),
            bottom=max(last.bottom, word.bottom),
        )
    return found


def _continues(line: Sequence[PlacedWord], word: PlacedWord) -> bool:
    last = line[-1]
    size = max(last.size, word.size, 1.0)
    if abs(word.baseline - line[0].baseline) > _SAME_LINE * size:
        return False
    return gap(last, word) <= CELL_GAP * size


def gap(one: PlacedWord | Line, other: PlacedWord | Line) -> float:
    """Return how far two things on a line are apart, whichever is first; negative where they overlap."""
    return max(one.left, other.left) - min(one.right, other.right)


def on_one_line(one: Line, other: Line) -> bool:
    """Tell whether two lines have one baseline."""
    return abs(one.baseline - other.baseline) <= _SAME_LINE / 2 * max(one.size, other.size, 1.0)


def joined(lines: Sequence[Line]) -> Line:
    """Return what stands side by side as one line."""
    ordered = sorted(lines, key=lambda line: line.left)
    if all(line.is_right_to_left for line in ordered):
        ordered.reverse()
    return Line(tuple(word for line in ordered for word in line.words))
