"""From the cells of a sheet to rows that can be quoted by themselves: titles, headers, tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from index.loading.composing import Composer, one_line

Row = Sequence[str]

# How far down a header is looked for, and how many rows below it say what its columns hold.
_LINES_ABOVE = 10
_ROWS_BELOW = 20
_NAME_CHARACTERS = 60
_ROWS_BETWEEN_SIGNS_OF_LIFE = 20_000
_MOSTLY = 0.6
# A column of so few lines is a text and no list.
_LINES_OF_TEXT = 3
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE_OR_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d\d.*)?|\d+:\d\d(?::\d\d)?")
_TRUTH = frozenset({"TRUE", "FALSE", "true", "false", "True", "False"})


@dataclass(frozen=True, slots=True)
class _Header:
    """The names of a table's columns, by column, and which of the columns hold numbers."""

    names: tuple[str, ...]
    numeric: frozenset[int]
    rows: int = 1

    @property
    def columns(self) -> tuple[int, int]:
        """The first and the last column that has a name."""
        named = [column for column, name in enumerate(self.names) if name]
        return named[0], named[-1]

    def over(self, row: Row) -> Row:
        """Return the names to write into a row: none into the title of a group of rows, nor a remark."""
        first, _ = self.columns
        alone = _filled(row) == 1 and first < len(row) and row[first] and not _is_value(row[first])
        return () if alone else self.names

    def is_told_by(self, rows: Iterable[Row]) -> bool:
        """Tell whether each name comes to be written into one of some rows."""
        told = {column for row in rows if self.over(row) for column, cell in enumerate(row) if cell}
        return all(column in told for column, name in enumerate(self.names) if name)


def add_grid(composer: Composer, rows: Iterable[Row], sign_of_life: Callable[[], None]) -> None:
    """Add the rows of a sheet, as many tables as blank rows part; `sign_of_life` is called now and then.

    Lines above a table are paragraphs. A stretch without a header of its own goes on with the one
    before where its columns hold the same kinds of things. Rows are taken one by one, so that a limit
    on the text bounds the work.
    """
    lines = _lines(rows, sign_of_life)
    header: _Header | None = None
    for stretch in _stretches(lines):
        head = list(islice(stretch, _LINES_ABOVE + _ROWS_BELOW))
        if not any(_filled(row) > 1 for row in head):
            _add_column(composer, head, stretch)
            continue
        above, found = _header(head, first=header is None)
        if found is None and header is not None and _goes_on(head, header):
            above, found = 0, header
            body = head
        else:
            body = head[above + (found.rows if found else 0) :]
        for row in head[:above]:
            _add_line(composer, row)
        if found and body is not head and not found.is_told_by(body):
            for row in head[above : above + found.rows]:
                composer.row(row)
        header = found
        for row in chain(body, stretch):
            composer.row(row, header.over(row) if header else ())


def _lines(rows: Iterable[Row], sign_of_life: Callable[[], None]) -> Iterator[list[str]]:
    for position, row in enumerate(rows, 1):
        if position % _ROWS_BETWEEN_SIGNS_OF_LIFE == 0:
            sign_of_life()
        yield [one_line(cell) if cell else cell for cell in row]


def _stretches(rows: Iterator[list[str]]) -> Iterator[Iterator[list[str]]]:
    """Yield the rows between blank ones; each stretch has to be taken before the next.

    A row of names alone belongs to what follows, a blank row or not.
    """
    for row in rows:
        if any(row):
            yield _until_blank(row, rows)


def _until_blank(first: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    waiting = _filled(first) > 1 and _could_name(first)
    yield first
    for row in rows:
        if any(row):
            waiting = False
            yield row
        elif not waiting:
            return


def _add_line(composer: Composer, row: Row) -> None:
    if _filled(row) == 1:
        composer.paragraph("".join(row))
    else:
        composer.row(row)


def _add_column(composer: Composer, head: list[list[str]], rest: Iterable[list[str]]) -> None:
    """Add rows of one cell each: a few are lines of text, many are a list."""
    if len(head) <= _LINES_OF_TEXT:
        for row in head:
            composer.paragraph("".join(row))
        return
    name = ""
    column = next(column for column, cell in enumerate(head[0]) if cell)
    if _is_name(head[0][column]) and _is_numeric([row[column : column + 1] for row in head[1:]], 0):
        name, head = head[0][column], head[1:]
    for row in chain(head, rest):
        composer.row(row, [name] * len(row))


def _header(head: list[list[str]], *, first: bool) -> tuple[int, _Header | None]:
    """Return how many lines stand above a table, and its header.

    The row whose names stand over columns of numbers is one. Where no column holds numbers, the first
    row is taken for one if its cells could be names, unless a table came before.
    """
    width = max(map(_filled, head))
    for position, row in enumerate(head[:_LINES_ABOVE]):
        below = head[position + 1 : position + 1 + _ROWS_BELOW]
        above, names = _with_groups(head, position)
        could_name = above < position or _could_name(row, distinct=False)
        if not below or _filled(names) < max(2, width * _MOSTLY) or not could_name:
            continue
        if any(_filled(other) >= _filled(names) for other in head[:above]):
            continue  # one of many rows, as in a form that has its names at the left
        if above == position and (_is_group(row, below[0]) or _has_more_names(below[0], row)):
            continue  # the next row has the names
        numeric = frozenset(
            column for column, name in enumerate(names) if name and _is_numeric(below, column)
        )
        years = [column for column, cell in enumerate(row) if _YEAR.fullmatch(cell)]
        if any(_holds_years(below, column) for column in years):
            continue  # a row like those below it
        text_alone = not years and _all_text(below) and _could_name(names)
        if numeric.issuperset(years) and (numeric or text_alone):
            return above, _Header(tuple(names), numeric, 1 + position - above)
    # Lines of one cell above rows of several are titles, whatever the rows are.
    above = next(position for position, row in enumerate(head) if _filled(row) > 1)
    row = head[above]
    if not first or above + 1 == len(head) or not _could_name(row) or any(map(_YEAR.fullmatch, row)):
        return above, None
    # Of two columns, the left one may as well hold the names.
    return above, _Header(tuple(row), frozenset()) if _filled(row) > 2 else None


def _with_groups(head: list[list[str]], position: int) -> tuple[int, list[str]]:
    """Return where the header begins that ends at a position, and its names.

    A row of names above may give the groups of columns: each holds up to the next. What stands in it
    over no name is a name itself.
    """
    names = list(head[position])
    above = head[position - 1] if position else []
    if not _is_group(above, names):
        return position, names
    names.extend([""] * (len(above) - len(names)))
    group = ""
    for column, cell in enumerate(names):
        group = (above[column] if column < len(above) else "") or group
        if cell:
            names[column] = f"{group} {cell}" if group and group != cell else cell
        elif column < len(above):
            names[column] = above[column]
    return position - 1, names


def _is_group(above: Row, names: Row) -> bool:
    """Tell whether a row gives groups of columns whose names are in the next row."""
    starts = [column for column, cell in enumerate(above) if cell]
    ends = [*starts[1:], max(len(above), len(names))]
    named = [_filled(names[start:end]) for start, end in zip(starts, ends, strict=False)]
    return (
        len(starts) >= 2
        and max(named) > 1
        and all(count != 1 or not names[start] for start, count in zip(starts, named, strict=True))
        and all(_is_name(above[start]) or _YEAR.fullmatch(above[start]) for start in starts)
        and all(_is_name(name) or _YEAR.fullmatch(name) for name in names if name)
    )


def _has_more_names(row: Row, above: Row) -> bool:
    return _filled(row) > max(2, _filled(above)) and all(map(_is_name, filter(None, row)))


def _goes_on(head: list[list[str]], header: _Header) -> bool:
    """Tell whether rows belong to a table that was interrupted by a blank row."""
    first, last = header.columns
    filled = [column for row in head for column, cell in enumerate(row) if cell]
    if min(filled) < first or max(filled) > last:
        return False
    if not header.numeric:
        return (min(filled), max(filled)) == (first, last)
    used = header.numeric.intersection(filled)
    return bool(used) and all(_is_numeric(head, column) for column in used)


def _could_name(row: Row, *, distinct: bool = True) -> bool:
    names = [cell for cell in row if cell]
    return (
        (len(set(names)) == len(names) if distinct else len(set(names)) > 1)
        and all(_is_name(name) or _YEAR.fullmatch(name) for name in names)
        and any(map(_is_name, names))
    )


def _is_name(cell: str) -> bool:
    words = len(cell) <= _NAME_CHARACTERS and any(map(str.isalpha, cell))
    # A colon names what is at its right.
    return words and not _is_value(cell) and not cell.endswith(":")


def _is_value(cell: str) -> bool:
    """Tell whether a cell holds a number, a date, a time or a truth rather than words."""
    if cell in _TRUTH or _DATE_OR_TIME.fullmatch(cell):
        return True
    digits = sum(map(str.isdigit, cell))
    return digits > 0 and digits >= sum(map(str.isalpha, cell)) and not cell[0].isalpha()


def _is_numeric(rows: Sequence[Row], column: int) -> bool:
    """Tell whether most of a column's cells are values."""
    cells = [row[column] for row in rows if column < len(row) and row[column]]
    values = sum(map(_is_value, cells))
    return bool(cells) and values >= len(cells) * _MOSTLY


def _holds_years(rows: Sequence[Row], column: int) -> bool:
    cells = [row[column] for row in rows if column < len(row) and row[column]]
    return sum(_YEAR.fullmatch(cell) is not None for cell in cells) > len(cells) / 2


def _all_text(rows: Sequence[Row]) -> bool:
    return not any(_is_value(cell) for row in rows for cell in row)


def _filled(row: Row) -> int:
    return sum(map(bool, row))
