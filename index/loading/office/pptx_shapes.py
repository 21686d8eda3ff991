"""The shapes of a slide in the order in which they are read, with what their layout says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree.ElementTree import Element

from index.loading.office.xml import alternative, children, descendant, is_set, number

_TITLES = frozenset({"title", "ctrTitle"})
# What every slide repeats, and pictures of slides on their notes.
_LEFT_OUT = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
_SHAPES = frozenset({"p:sp", "p:graphicFrame"})
# What stands beside another by this share of the smaller one's size is in one line with it.
_BESIDE = 0.5

Edges: TypeAlias = Callable[["Box"], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Box:
    """Where a shape stands on a slide."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape that may have text, and where it stands if that is known.

    `placeholder` is what it holds a place for, `body` where that is not said, None for other shapes;
    `models` are the places of the layout and of the master that it takes after, the nearest first.
    """

    element: Element
    placeholder: str | None = None
    models: tuple[Element, ...] = ()
    box: Box | None = None

    @property
    def is_title(self) -> bool:
        """Whether it is the title of the slide."""
        return self.placeholder in _TITLES


@dataclass(frozen=True, slots=True)
class _Scale:
    """From places within a group to places on the slide."""

    across: float = 1
    right: float = 0
    along: float = 1
    down: float = 0


def shapes_of(slide: Element, models: Sequence[Element]) -> list[Shape]:
    """Return the shapes of a slide that may have text: its title, then the others as they are read.

    `models` are its layout and its master. Without what every slide repeats, and hidden shapes.
    """
    places = [_places(model) for model in models]
    shapes = []
    waiting = [(element, _Scale()) for element in reversed(children(slide, "p:cSld", "p:spTree"))]
    while waiting:
        element, scale = waiting.pop()
        if element.tag == "mc:AlternateContent":
            waiting.extend((one, scale) for one in reversed(alternative(element)))
        elif len(element) and is_set(element[0].find("p:cNvPr"), "hidden"):
            continue
        elif element.tag == "p:grpSp":
            within = _within(element, scale)
            waiting.extend((one, within) for one in reversed(element))
        elif element.tag in _SHAPES:
            shape = _shape(element, places, scale)
            if shape.placeholder not in _LEFT_OUT:
                shapes.append(shape)
    titles = [shape for shape in shapes if shape.is_title]
    return [*titles, *_in_reading_order([shape for shape in shapes if not shape.is_title])]


def _place(element: Element) -> Element | None:
    return descendant(element[0], "p:nvPr", "p:ph") if len(element) else None


def _places(model: Element) -> list[tuple[Element, Element]]:
    """Return the placeholders of a layout or master with what they are."""
    shapes = children(model, "p:cSld", "p:spTree")
    return [(shape, place) for shape in shapes if (place := _place(shape)) is not None]


def _shape(element: Element, places: Sequence[list[tuple[Element, Element]]], scale: _Scale) -> Shape:
    place = _place(element)
    own = _box(element, scale)
    if place is None:
        return Shape(element, box=own)
    models: list[Element] = []
    kind = place.get("type")
    for position, level in enumerate(places):
        # The numbers of a layout's places mean nothing to its master, which has one of a kind.
        found = _model(place, level, numbered=position == 0)
        if found is not None:
            models.append(found[0])
            place = found[1]
            kind = kind or place.get("type")
    boxes = (own, *(_box(model, _Scale()) for model in models))
    return Shape(
        element, kind or "body", tuple(models), next((box for box in boxes if box is not None), None)
    )


def _model(
    place: Element, level: Sequence[tuple[Element, Element]], *, numbered: bool
) -> tuple[Element, Element] | None:
    """Return the placeholder that another takes after: by its number, else by its kind."""
    index = place.get("idx")
    for shape, other in level:
        if numbered and index is not None and other.get("idx") == index:
            return shape, other
    return next(((shape, other) for shape, other in level if _kind(other) == _kind(place)), None)


def _kind(place: Element) -> str:
    kind = place.get("type", "body")
    return "title" if kind in _TITLES else "body" if kind in ("subTitle", "obj") else kind


def _transform(element: Element) -> Element | None:
    """Return where a shape says that it stands."""
    if element.tag == "p:graphicFrame":
        return element.find("p:xfrm")
    return descendant(element, "p:grpSpPr" if element.tag == "p:grpSp" else "p:spPr", "a:xfrm")


def _box(element: Element, scale: _Scale) -> Box | None:
    transform = _transform(element)
    offset, extent = descendant(transform, "a:off"), descendant(transform, "a:ext")
    if offset is None or extent is None:
        return None
    left = number(offset.get("x")) * scale.across + scale.right
    top = number(offset.get("y")) * scale.along + scale.down
    width = abs(number(extent.get("cx")) * scale.across)
    height = abs(number(extent.get("cy")) * scale.along)
    return Box(left, top, left + width, top + height)


def _within(group: Element, scale: _Scale) -> _Scale:
    """Return the scale of what is in a group."""
    transform = _transform(group)
    box = _box(group, scale)
    offset, extent = descendant(transform, "a:chOff"), descendant(transform, "a:chExt")
    if box is None or offset is None or extent is None:
        return scale
    across = (box.right - box.left) / (number(extent.get("cx")) or 1)
    along = (box.bottom - box.top) / (number(extent.get("cy")) or 1)
    left, top = number(offset.get("x")), number(offset.get("y"))
    return _Scale(across, box.left - left * across, along, box.top - top * along)


def _in_reading_order(shapes: Sequence[Shape]) -> list[Shape]:
    """Return shapes band by band from the top, each from the left; those without a place come last."""
    placed = [(shape.box, shape) for shape in shapes if shape.box is not None]
    order = [
        shape
        for band in _lines(placed, lambda box: (box.top, box.bottom))
        for column in _lines(band, lambda box: (box.left, box.right))
        for _, shape in sorted(column, key=lambda one: one[0].top)
    ]
    return [*order, *(shape for shape in shapes if shape.box is None)]


def _lines(placed: Iterable[tuple[Box, Shape]], edges: Edges) -> Iterator[list[tuple[Box, Shape]]]:
    """Yield those together that stand beside each other, by where they begin and end."""
    line: list[tuple[Box, Shape]] = []
    begin = end = 0.0
    for box, shape in sorted(placed, key=lambda one: edges(one[0])[0]):
        first, last = edges(box)
        smaller = min(last - first, end - begin)
        if line and min(last, end) - first <= _BESIDE * smaller:
            yield line
            line = []
        if not line:
            begin, end = first, last
        line.append((box, shape))
        end = max(end, last)
    if line:
        yield line
