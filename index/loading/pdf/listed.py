"""Short lines in columns, as in an index, a glossary or a list of addresses: what tells them from a table.

Where lines are short, what stands beside each other can as well be the cells of one row, and rows that
are torn apart say nothing any more. So it takes evidence to read down. Either entries in alphabetical
order go on at the top of the next column. Or one column was drawn whole before the other, with lines of
the same kinds, as far apart, which have baselines of their own, or more in them than words. Programs draw
tables row by row; in forms all labels can be drawn before all values, but these stand on the same lines
and seldom hold the same kinds of text.
"""

from __future__ import annotations

import statistics
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from index.loading.pdf.placed import Line

# So many entries in alphabetical order are none by chance; so many of the steps down a column keep to it.
_ENTRIES = 5
_IN_ORDER = 0.85
# This close to the edge of its column, in sizes, a line begins there; so many do, the others are indented.
_EDGE = 0.3
_AT_EDGE = 0.3
# One switch from one column to the other, and another for so many lines: a heading, a note.
_LINES_PER_SWITCH = 10
_ALIKE = 0.6
_ONLY_WORDS = 0.8
# In sizes: baselines that are further apart than this are two, and beyond that they are no neighbours.
_ONE_BASELINE = 0.275
_NEIGHBOURS = 0.7
_STAGGERED = 0.3
_SAME_SPACING = 0.1
_LETTERS = 0.8

Kind = tuple[str, str]


def are_listed(left: Sequence[Line], right: Sequence[Line], drawn: Mapping[Line, int]) -> bool:
    """Tell whether lines on both sides of a gap are lists, of which one goes on in the other.

    `drawn` gives the place of each line in the order of the file.
    """
    if not all(_has_edge(side) and _has_letters(side) for side in (left, right)):
        return False
    if _go_on_in_order(left, right):
        return True
    return (
        _one_after_the_other(left, right, drawn)
        and _alike(left, right)
        and _evenly_spaced(left, right)
        and (_staggered(left, right) or all(map(_says_more_than_words, (left, right))))
    )


def _has_edge(side: Sequence[Line]) -> bool:
    """Tell whether a column has an edge at which its lines begin."""
    edge = min(line.left for line in side)
    return len(_at_edge(side, edge)) >= _AT_EDGE * len(side)


def _at_edge(side: Sequence[Line], edge: float) -> list[Line]:
    return [line for line in side if line.left - edge <= _EDGE * line.size]


def _has_letters(side: Sequence[Line]) -> bool:
    return sum(any(map(str.isalpha, line.text)) for line in side) >= _LETTERS * len(side)


def _go_on_in_order(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Tell whether the entries of both sides are in alphabetical order down the one and then the other."""
    first, second = _keys(left), _keys(right)
    if min(len(set(first)), len(set(second))) < _ENTRIES or first[-1][0] > second[0][0]:
        return False
    return _is_sorted(first) and _is_sorted(second)


def _keys(side: Sequence[Line]) -> list[str]:
    """Return what the entries of a list are sorted by, from the top down, those below others left out."""
    edge = min(line.left for line in side)
    entries = sorted(_at_edge(side, edge), key=lambda line: line.baseline)
    plain = (unicodedata.normalize("NFKD", line.text).casefold() for line in entries)
    keys = ("".join(filter(str.isalpha, text)) for text in plain)
    return [key for key in keys if key]


def _is_sorted(keys: Sequence[str]) -> bool:
    steps = [one <= other for one, other in pairwise(keys)]
    return sum(steps) >= _IN_ORDER * len(steps)


def _one_after_the_other(left: Sequence[Line], right: Sequence[Line], drawn: Mapping[Line, int]) -> bool:
    """Tell whether the left side was drawn before the right one."""
    sides = [*((drawn[line], False) for line in left), *((drawn[line], True) for line in right)]
    sides.sort()
    switches = sum(one != other for (_, one), (_, other) in pairwise(sides))
    before = statistics.median(drawn[line] for line in left) < statistics.median(
        drawn[line] for line in right
    )
    return before and switches <= 1 + len(sides) // _LINES_PER_SWITCH


def _kinds(side: Sequence[Line]) -> Counter[Kind]:
    return Counter((_kind(line.text[0]), _kind(line.text[-1])) for line in side)


def _kind(character: str) -> str:
    """Return what kind of character begins or ends a line."""
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "letter"
    return "colon" if character == ":" else "sign"


def _alike(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Tell whether the lines of both sides are of the same kinds, and each kind as frequent."""
    first, second = _kinds(left), _kinds(right)
    common = sum(min(first[kind] / len(left), second[kind] / len(right)) for kind in first)
    return common >= _ALIKE


def _evenly_spaced(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Tell whether lines are as far apart on both sides: short cells beside long ones are further apart."""
    first, second = _spacing(left), _spacing(right)
    return abs(first - second) <= _SAME_SPACING * max(first, second)


def _spacing(side: Sequence[Line]) -> float:
    """Return how far most lines of a side are apart, 0 where all are on one baseline."""
    baselines = sorted((line.baseline, line.size) for line in side)
    steps = [(lower - upper, size) for (upper, size), (lower, _) in pairwise(baselines)]
    return statistics.median_low([step for step, size in steps if step > _ONE_BASELINE * size] or [0.0])


def _says_more_than_words(side: Sequence[Line]) -> bool:
    """Tell whether lines have numbers or marks: pages, house numbers, bullets."""
    return _kinds(side)[("letter", "letter")] <= _ONLY_WORDS * len(side)


def _staggered(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Tell whether lines beside each other are on baselines of their own, as those of one row are not."""
    fewer, more = sorted((left, right), key=len)
    baselines = sorted(line.baseline for line in more)
    offsets = []
    for line in fewer:
        at = bisect_left(baselines, line.baseline)
        offset = min((found - line.baseline for found in baselines[max(0, at - 1) : at + 1]), key=abs)
        if abs(offset) <= _NEIGHBOURS * line.size:
            offsets.append(offset / line.size)
    if 2 * len(offsets) < len(fewer):
        return False
    # All values of a form can be a little off the lines of their labels.
    usual = max(-_ONE_BASELINE, min(_ONE_BASELINE, statistics.median(offsets)))
    off = sum(abs(offset - usual) > _ONE_BASELINE for offset in offsets)
    return off >= _STAGGERED * len(offsets)
