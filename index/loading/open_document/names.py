"""The names of OpenDocument's elements and what they mean for text, and the styles that bear on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE = f"{_OASIS}office:1.0}}"
TEXT = f"{_OASIS}text:1.0}}"
TABLE = f"{_OASIS}table:1.0}}"
DRAW = f"{_OASIS}drawing:1.0}}"
PRESENTATION = f"{_OASIS}presentation:1.0}}"
_STYLE = f"{_OASIS}style:1.0}}"
_SVG = f"{_OASIS}svg-compatible:1.0}}"

# What these hold is not text of the document, was deleted from it, or is hidden.
PASSED_OVER = frozenset(
    {
        f"{OFFICE}annotation",
        f"{OFFICE}binary-data",
        f"{OFFICE}forms",
        f"{OFFICE}scripts",
        f"{DRAW}page-thumbnail",
        f"{PRESENTATION}date-time-decl",
        f"{PRESENTATION}footer-decl",
        f"{PRESENTATION}header-decl",
        f"{_SVG}desc",
        f"{_SVG}title",
        f"{TABLE}desc",
        f"{TABLE}title",
        f"{TEXT}hidden-text",
        f"{TEXT}note-citation",
        f"{TEXT}number",
        f"{TEXT}ruby-text",
        f"{TEXT}script",
        f"{TEXT}tracked-changes",
        *(
            f"{TEXT}{index}-source"
            for index in (
                "alphabetical-index",
                "bibliography",
                "illustration-index",
                "object-index",
                "table-index",
                "table-of-content",
                "user-index",
            )
        ),
    }
)
PICTURES = frozenset({f"{DRAW}image", f"{DRAW}object", f"{DRAW}object-ole", f"{DRAW}plugin"})
BLANKS = frozenset({f"{TEXT}line-break", f"{TEXT}s", f"{TEXT}tab"})
# What a slide has from its master.
FURNITURE = frozenset({"date-time", "footer", "header", "page-number"})
_TITLE = "Title"


@dataclass(slots=True)
class Styles:
    """What styles say that bears on text: which make a title, and which hide it.

    Give it the starts of elements in the order of their documents, those of `styles.xml` first.
    """

    _parents: dict[tuple[str, str], str] = field(default_factory=dict)
    _hidden: dict[tuple[str, str], bool] = field(default_factory=dict)
    _style: tuple[str, str] | None = None
    _titles: dict[str, bool] = field(default_factory=dict)
    _hides: dict[tuple[str, str], bool] = field(default_factory=dict)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the start of an element."""
        if tag == f"{_STYLE}style":
            style = attributes.get(f"{_STYLE}family", ""), attributes.get(f"{_STYLE}name", "")
            self._style = style
            self._parents[style] = attributes.get(f"{_STYLE}parent-style-name", "")
        elif tag == f"{_STYLE}default-style":
            self._style = None
        elif tag == f"{_STYLE}text-properties" and self._style and f"{TEXT}display" in attributes:
            self._hidden[self._style] = attributes[f"{TEXT}display"] == "none"

    def is_title(self, paragraph: str) -> bool:
        """Tell whether the style of a paragraph is that of the document's title, or made from it."""
        found = self._titles.get(paragraph)
        if found is None:
            found = any(style[1] == _TITLE for style in self._with_parents("paragraph", paragraph))
            self._titles[paragraph] = found
        return found

    def hides(self, family: str, name: str) -> bool:
        """Tell whether text in a style is hidden."""
        found = self._hides.get((family, name))
        if found is None:
            told = (self._hidden.get(style) for style in self._with_parents(family, name))
            found = next((hidden for hidden in told if hidden is not None), False)
            self._hides[family, name] = found
        return found

    def _with_parents(self, family: str, name: str) -> Iterator[tuple[str, str]]:
        seen = set()
        while name and name not in seen:
            seen.add(name)
            yield family, name
            name = self._parents.get((family, name), "")


def hides_section(attributes: Mapping[str, str]) -> bool:
    """Tell whether a section is hidden, always or by a condition that was met when it was saved."""
    display = attributes.get(f"{TEXT}display")
    return display == "none" or (display == "condition" and attributes.get(f"{TEXT}is-hidden") == "true")
