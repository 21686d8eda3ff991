"""Rows of tables as they are stored, one text each, as the rows of tables again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from index.types import Span
from ui.rendering.marks import Mark, marked, overlapping
from ui.rendering.parts import attributes

# As the composing of documents puts cells, and the names of their columns, into a row.
_SEPARATOR = " | "
_NAMED = re.compile(r"([^|\n]{1,60}?): (?=\S)")
_PIPE = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:-]*-[\s|:-]*")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its text, where it begins in the document, and the text that stands before it."""

    text: str
    start: int
    before: str = ""


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell: the name of its column, empty where it has none, and its spans in the document.

    `whole` is that of the name, too.
    """

    name: str
    span: Span
    whole: Span


@dataclass(slots=True)
class _Table:
    """Rows that have their columns in common; `columns` is empty where columns have no names."""

    columns: list[str]
    rows: list[tuple[Row, list[_Cell]]]
    head: bool = False


def tables(rows: Sequence[Row], marks: Sequence[Mark]) -> str:
    """Return rows that follow each other as tables: one of all that have the names of columns in common."""
    found: list[_Table] = []
    for row in rows:
        cells = _cells(row)
        names = [cell.name for cell in cells]
        if not _are_columns(names, found[-1].columns if found else ()):
            cells, names = [_Cell("", cell.whole, cell.whole) for cell in cells], []
        if found and _RULE.fullmatch(row.before) and len(found[-1].rows) == 1 and not found[-1].columns:
            found[-1].head = True
        if not found or not _joined(found[-1], names):
            found.append(_Table(names, []))
        found[-1].rows.append((row, cells))
    return "".join(_table(table, marks) for table in found)


def _are_columns(names: Sequence[str], before: Sequence[str]) -> bool:
    """Tell whether cells name their columns, given those of the row before.

    The first one may have no name, as what a row is about often has none. A single name may be the
    beginning of any text.
    """
    if not any(names) or not all(names[1:]) or len(set(names)) < len(names):
        return False
    return len(names) > 1 or names[0] in before


def _joined(table: _Table, names: Sequence[str]) -> bool:
    """Take a row's columns into a table, if it has some of them and in the same order; tell whether it has.

    Cells with nothing in them were left out of a row, together with the names of their columns.
    """
    if not names or not table.columns:
        return not names and not table.columns
    known = [table.columns.index(name) for name in names if name in table.columns]
    if not known or known != sorted(known):
        return False
    at = 0
    for name in names:
        if name in table.columns:
            at = table.columns.index(name) + 1
        else:
            table.columns.insert(at, name)
            at += 1
    return True


def _cells(row: Row) -> list[_Cell]:
    if row.text.startswith("|"):
        return [_Cell("", span, span) for span in _between_pipes(row)]
    cells = []
    at = 0
    for text in row.text.split(_SEPARATOR):
        name = _NAMED.match(text)
        whole = Span(row.start + at, row.start + at + len(text))
        value = Span(whole.start + (name.end() if name else 0), whole.end)
        cells.append(_Cell(name[1] if name else "", value, whole))
        at += len(text) + len(_SEPARATOR)
    return cells


def _between_pipes(row: Row) -> list[Span]:
    """Return the cells of a row of Markdown, without the white space around them."""
    edges = [found.start() for found in _PIPE.finditer(row.text)]
    if row.text.rstrip()[-1:] != "|" or len(edges) == 1:
        edges.append(len(row.text))
    spans = []
    for left, right in pairwise(edges):
        piece = Span(left + 1, right)
        inner = piece.stripped(row.text) or Span(left + 1, left + 1)
        spans.append(Span(row.start + inner.start, row.start + inner.end))
    return spans


def _table(table: _Table, marks: Sequence[Mark]) -> str:
    rows = list(table.rows)
    head = ""
    if table.columns:
        head = f"<thead><tr>{''.join(map(_column, table.columns))}</tr></thead>"
    elif table.head:
        row, cells = rows.pop(0)
        head = f"<thead>{_row(row, cells, [], marks, 'th')}</thead>"
    body = "".join(_row(row, cells, table.columns, marks, "td") for row, cells in rows)
    return (
        '<div class="rows" role="group" aria-label="Table" tabindex="0">'
        f"<table>{head}<tbody>{body}</tbody></table></div>"
    )


def _column(name: str) -> str:
    return f'<th scope="col" dir="auto">{escape(name)}</th>' if name else "<td></td>"


def _row(row: Row, cells: Sequence[_Cell], columns: Sequence[str], marks: Sequence[Mark], tag: str) -> str:
    shown = [_cell(row, cell, marks, tag) for cell in cells]
    if columns:
        by_name = {cell.name: html for cell, html in zip(cells, shown, strict=True)}
        shown = [by_name.get(name, f"<{tag}></{tag}>") for name in columns]
    mark = overlapping(marks, row.start, row.start + len(row.text))
    kind = None if mark is None else "here" if mark.here else "other"
    return f"<tr{attributes({'class': kind, 'data-at': row.start})}>{''.join(shown)}</tr>"


def _cell(row: Row, cell: _Cell, marks: Sequence[Mark], tag: str) -> str:
    text = row.text[cell.span.start - row.start : cell.span.end - row.start]
    told = attributes({"scope": "col" if tag == "th" else None, "dir": "auto"})
    return f"<{tag}{told}>{marked(text, cell.span.start, marks)}</{tag}>"
