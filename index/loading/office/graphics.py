"""The words and numbers of charts and diagrams in office documents."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from index.loading.office.tables import Cell, Piece, Row, Said, Table
from index.loading.office.xml import Package, Relation, children, descendant, number
from index.loading.tables.spreadsheets import shown
from index.types import BlockKind

_DAY_ZERO = datetime.datetime(1899, 12, 30)
_LAST_DAY = 2_958_465  # of the year 9999
_DRAWN_BESIDE = frozenset({"pres", "parTrans", "sibTrans"})
_CATEGORIES = ("c:cat", "c:xVal")
_VALUES = ("c:val", "c:yVal")


class Graphics:
    """Reads the charts and diagrams that the parts of a package show; each once, wherever it is shown."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._read: set[str] = set()

    def pieces(self, shown_by: Element, relations: dict[str, Relation]) -> list[Piece]:
        """Return what a `c:chart` or `dgm:relIds` says."""
        reference = shown_by.get("r:id") or shown_by.get("r:dm") or ""
        relation = relations.get(reference)
        if relation is None or relation.target in self._read:
            return []
        self._read.add(relation.target)
        root = self._package.part(relation.target)
        if root is None:
            return []
        return list(_diagram(root) if shown_by.tag == "dgm:relIds" else _chart(root))


def _chart(root: Element) -> Iterator[Piece]:
    """Yield the title of a chart, and its values as a table: a row for each category."""
    chart = root.find("c:chart")
    if title := _text(descendant(chart, "c:title")):
        yield Said(title)
    for group in children(chart, "c:plotArea"):
        series = group.findall("c:ser")
        names = [_text(one.find("c:tx")) for one in series]
        columns = [_points(one, _VALUES) for one in series]
        categories: dict[int, str] = {}
        for one in series:
            categories = _points(one, _CATEGORIES) | categories
        places = sorted(set(categories).union(*columns))
        rows = [_row([categories.get(at, ""), *(column.get(at, "") for column in columns)]) for at in places]
        if rows:
            yield Table([*([_row(["", *names], is_header=True)] if any(names) else []), *rows])


def _row(texts: list[str], *, is_header: bool = False) -> Row:
    return Row([Cell(pieces=[Said(text)]) for text in texts], is_header)


def _points(series: Element, tags: tuple[str, ...]) -> dict[int, str]:
    """Return the values that a chart keeps of its sheet, by their places."""
    found: dict[int, str] = {}
    for tag in tags:
        for told in children(series, tag):
            # Of categories in levels, the innermost.
            paths = (("c:numCache",), ("c:strCache",), ("c:multiLvlStrCache", "c:lvl"), ())
            kept = next(part for path in paths if (part := descendant(told, *path)) is not None)
            dates = "yy" in (kept.findtext("c:formatCode") or "").lower()
            for point in kept.findall("c:pt"):
                value = point.findtext("c:v") or ""
                if kept.tag in ("c:numCache", "c:numLit"):
                    value = _number(value, dates=dates)
                found.setdefault(number(point.get("idx")), value)
    return found


def _number(value: str, *, dates: bool) -> str:
    try:
        told = float(value)
    except ValueError:
        return value
    if dates and 0 < told <= _LAST_DAY:
        return shown(_DAY_ZERO + datetime.timedelta(days=told))
    return shown(told)


def _text(element: Element | None) -> str:
    """Return the words of a title or of a series' name, written there or kept of the sheet."""
    if element is None:
        return ""
    return " ".join(part.text or "" for part in element.iter() if part.tag in ("a:t", "c:v"))


def _diagram(root: Element) -> Iterator[Piece]:
    """Yield the texts of a diagram: what stands below a point comes after it."""
    points = {
        point.get("modelId", ""): point
        for point in children(root, "dgm:ptLst")
        if point.get("type") not in _DRAWN_BESIDE
    }
    below: dict[str, list[tuple[int, str]]] = {}
    for link in children(root, "dgm:cxnLst"):
        if link.get("type", "parOf") == "parOf":
            place = (number(link.get("srcOrd")), link.get("destId", ""))
            below.setdefault(link.get("srcId", ""), []).append(place)
    # Those that nothing leads to come last.
    waiting = [*reversed(points), *reversed([key for key, at in points.items() if at.get("type") == "doc"])]
    seen: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in points or key in seen:
            continue
        seen.add(key)
        waiting.extend(to for _, to in sorted(below.get(key, ()), reverse=True))
        for paragraph in children(points[key], "dgm:t"):
            if paragraph.tag == "a:p":
                yield Said("".join(part.text or "" for part in paragraph.iter("a:t")), BlockKind.ITEM)
