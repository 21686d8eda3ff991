"""What the styles of a Word document say of its paragraphs: headings, lists, hidden text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from index.loading.office.xml import descendant, is_on, number

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_LIST = re.compile(r"list (?:bullet|number)(?: \d)?", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|contents) (?:\d|heading)", re.IGNORECASE)
_TITLE = "title"
_LEVELS = 9
# Word allows far fewer styles that are each based on the next.
_CHAIN = 32


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says: the level of a heading or 0, and what else matters for the text."""

    heading: int = 0
    is_title: bool = False
    is_item: bool = False
    is_hidden: bool = False
    is_contents: bool = False


def styles_of(root: Element | None) -> dict[str, Style]:
    """Return the styles of `word/styles.xml` by their ids, with what they have of those they are based on."""
    elements = {
        element.get("w:styleId", ""): element
        for element in (root if root is not None else ())
        if element.tag == "w:style"
    }
    return {key: _style(_chain(key, elements)) for key in elements}


def outline_level(properties: Element | None) -> int | None:
    """Return the level of heading that the properties of a paragraph give it, 0 for none, None if unsaid."""
    told = descendant(properties, "w:outlineLvl")
    if told is None:
        return None
    level = number(told.get("w:val"), _LEVELS)
    return level + 1 if 0 <= level < _LEVELS else 0


def in_list(properties: Element | None) -> bool | None:
    """Tell whether the properties of a paragraph make it an item of a list; None if unsaid."""
    told = descendant(properties, "w:numPr", "w:numId")
    return None if told is None else told.get("w:val") != "0"


def _chain(key: str, elements: dict[str, Element]) -> list[Element]:
    """Return a style and those it is based on, the nearest first."""
    chain: list[Element] = []
    element = elements.get(key)
    while element is not None and len(chain) < _CHAIN:
        chain.append(element)
        based_on = descendant(element, "w:basedOn")
        element = None if based_on is None else elements.get(based_on.get("w:val", ""))
    return chain


def _style(chain: list[Element]) -> Style:
    names = [_name(element) for element in chain]
    levels = map(_heading, chain, names)
    lists = (_list(element, name) for element, name in zip(chain, names, strict=True))
    hidden = (descendant(element, "w:rPr", "w:vanish") for element in chain)
    return Style(
        heading=next((level for level in levels if level is not None), 0),
        is_title=_TITLE in names,
        is_item=next((item for item in lists if item is not None), False),
        is_hidden=is_on(next((told for told in hidden if told is not None), None)),
        is_contents=any(_CONTENTS.fullmatch(name) for name in names),
    )


def _name(element: Element) -> str:
    told = element.find("w:name")
    return "" if told is None else told.get("w:val", "").lower()


def _heading(element: Element, name: str) -> int | None:
    level = outline_level(element.find("w:pPr"))
    if level is not None:
        return level
    if name == _TITLE:
        return 1
    # Those that Word knows carry these names in every language.
    return int(found[1]) if (found := _HEADING.fullmatch(name)) else None


def _list(element: Element, name: str) -> bool | None:
    told = in_list(element.find("w:pPr"))
    return True if told is None and _LIST.fullmatch(name) else told
