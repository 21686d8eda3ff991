"""Tables as text, with commas, semicolons, tabs or bars between the cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from itertools import islice

from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.tables.grids import add_grid
from index.loading.text.decoding import decode_text

_SUFFIXES = {"text/csv": (".csv",), "text/tab-separated-values": (".tsv", ".tab")}
_SEPARATORS = ",;\t|"
_SAMPLE_CHARACTERS = 65_536
_SAMPLE_ROWS = 500
# Excel writes the separator into a first line of its own, for itself.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\n", re.IGNORECASE)

_DECIMAL = re.compile(r"[-+]?\d[\d.]*,\d+")
# Where quotation marks are amiss somewhere, a cell is taken to have no more lines than this.
_LINES_OF_ROW = 50


class _Quoting(Enum):
    """How cells with separators in them are quoted: with marks doubled, or escaped too, or not at all."""

    DOUBLED = auto()
    ESCAPED = auto()
    NONE = auto()


class SeparatedValuesLoader:
    """Reads CSV or TSV by its suffix, since any text may hold commas."""

    harmless = False
    libraries: tuple[str, ...] = ()

    def __init__(self, media_type: str = "text/csv") -> None:
        self.media_type = media_type
        self._suffixes = _SUFFIXES[media_type]

    def accepts(self, signs: Signs) -> bool:
        """Accept by suffix: content cannot tell a table from text."""
        return signs.suffix in self._suffixes

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return each row with the names of its columns, and lines above the table as paragraphs."""
        text = decode_text(data, name)
        # A cell may be a long text. The limit is one for the whole process.
        csv.field_size_limit(max(len(text), 1))
        if told := _SEPARATOR_LINE.match(text):
            separator, text = told[1], text[told.end() :]
        else:
            separator = _separator(text, preferred="\t" if ".tsv" in self._suffixes else ",")
        composer = Composer(name, parsing)
        add_grid(composer, _rows(text, separator), lambda: parsing.page_done(0, 1))
        return composer.parsed()


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Return the cells of each row, whatever its quotation marks are."""
    if '"' not in text or _is_well_quoted(text, separator):
        return _read(_lines(text), separator)
    return _mended_rows(list(_lines(text)), separator)


def _read(
    lines: Iterable[str], separator: str, quoting: _Quoting = _Quoting.DOUBLED, *, strict: bool = False
) -> Iterator[list[str]]:
    return csv.reader(
        lines,
        delimiter=separator,
        quoting=csv.QUOTE_NONE if quoting is _Quoting.NONE else csv.QUOTE_MINIMAL,
        escapechar="\\" if quoting is _Quoting.ESCAPED else None,
        skipinitialspace=separator != "\t",
        strict=strict,
    )


def _is_well_quoted(text: str, separator: str) -> bool:
    try:
        for _ in _read(_lines(text), separator, strict=True):
            pass
    except csv.Error:
        return False
    return True


def _mended_rows(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    """Yield rows of which some have quotation marks that are not closed, and would swallow those below.

    There, quotation marks are characters as others. Such a row ends with its line.
    """
    position = 0
    while position < len(lines):
        cells, taken = _row_at(lines, position, separator)
        yield cells
        position += taken


def _row_at(lines: Sequence[str], position: int, separator: str) -> tuple[list[str], int]:
    """Return the cells of the row at a line, and how many lines it takes."""
    for quoting in (_Quoting.DOUBLED, _Quoting.ESCAPED):
        marks = 0
        for end in range(position + 1, min(position + _LINES_OF_ROW, len(lines)) + 1):
            marks += lines[end - 1].count('"')
            if quoting is _Quoting.ESCAPED:
                marks -= lines[end - 1].count('\\"')
            if marks % 2 == 0:
                try:
                    rows = list(_read(lines[position:end], separator, quoting, strict=True))
                except csv.Error:
                    break
                if len(rows) == 1:
                    return rows[0], end - position
    return next(_read(lines[position : position + 1], separator, _Quoting.NONE), []), 1


def _lines(text: str) -> Iterator[str]:
    """Yield lines with their ends; other marks of lines and pages than `\\n` are characters of a cell."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _separator(text: str, *, preferred: str) -> str:
    """Return what stands between cells: what parts most rows into the same number of them, two at least."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, best_score = preferred, 0.0
    for separator in preferred + _SEPARATORS.replace(preferred, ""):
        try:
            rows = [row for row in islice(_read(_lines(sample), separator), _SAMPLE_ROWS) if row]
        except csv.Error:
            continue
        widths = Counter(map(len, rows))
        parted = Counter({width: count for width, count in widths.items() if width > 1})
        if not parted:
            continue
        if separator == "," and _are_decimals(rows):
            best = "\t"  # anything but the comma
            continue
        ((width, count),) = parted.most_common(1)
        # Decimal commas part rows too, as regularly; what gives more cells is what was meant.
        score = count / widths.total() * (1 - 1 / (width + 1))
        if score > best_score:
            best, best_score = separator, score
    return best


def _are_decimals(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether commas stand within numbers alone: one column, with a name above."""
    parted = [row for row in rows if len(row) > 1]
    return len(rows[0]) == 1 and all(_DECIMAL.fullmatch(",".join(row)) for row in parted)
