"""What style sheets say of letters, bold or not and how large, as far as their simple rules tell."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

# A sheet longer than this is not read; of one with more rules, the first.
_SHEET_CHARACTERS = 2**20
_RULES = 20_000
_COMMENT = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)")
_BRACE = re.compile(r"[{}]")
# Of an element, of a class, or of an element with a class; nothing that depends on what is around it.
_SELECTOR = re.compile(r"[\w-]+|[\w-]*\.[\w-]+")
_SIZE = re.compile(r"(\d{1,4}(?:\.\d{1,9})?|\.\d{1,9})(pt|px|em|rem|%)")
_POINTS = {"pt": 1.0, "px": 0.75, "rem": 12.0}
_FACTORS = {"em": 1.0, "%": 0.01}
_NAMED_SIZES = {
    "x-small": "7.5pt", "small": "10pt", "medium": "12pt", "large": "14pt", "x-large": "18pt",
    "xx-large": "24pt", "larger": "120%", "smaller": "83%",
}  # fmt: skip
_WEIGHTS = {"bold": True, "bolder": True, "normal": False, "lighter": False}
_WEIGHT_DIGITS = 4
_BOLD_FROM = 600
_USUAL_POINTS = 12.0
MAX_POINTS = 1_000.0
# Sizes that differ by less are one, such as 13.99pt and 14pt.
_STEP_POINTS = 0.5


@dataclass(frozen=True, slots=True)
class Style:
    """What a rule says of letters: whether they are bold, and their size, in points or by what is around."""

    bold: bool | None = None
    points: float | None = None
    factor: float | None = None

    def over(self, other: Style) -> Style:
        """Return this style with what only another one says."""
        sized = self if self.points is not None or self.factor is not None else other
        return Style(other.bold if self.bold is None else self.bold, sized.points, sized.factor)


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters are shown."""

    bold: bool = False
    points: float = _USUAL_POINTS

    def within(self, style: Style) -> Letters:
        """Return how they are shown in an element of a style."""
        points = self.points if style.points is None else style.points
        if style.factor is not None:
            points = self.points * style.factor
        return Letters(self.bold if style.bold is None else style.bold, min(points, MAX_POINTS))

    @property
    def size(self) -> float:
        """Their size as sizes are compared."""
        return round(self.points / _STEP_POINTS) * _STEP_POINTS


Sheet = dict[str, Style]


def sheet_of(css: str) -> Sheet:
    """Return the styles of a style sheet by `p`, `.name` and `p.name`; other rules are passed over."""
    rules: Sheet = {}
    if len(css) > _SHEET_CHARACTERS:
        return rules
    css = _COMMENT.sub(" ", css)
    depth = start = 0
    selectors = ""
    for brace in _BRACE.finditer(css):
        text, start = css[start : brace.start()], brace.end()
        if brace[0] == "{":
            depth += 1
            selectors = text.rpartition(";")[2].strip().lower()
            continue
        # Rules within others hold for some screens or for paper.
        if depth == 1 and not selectors.startswith("@"):
            style = style_of(text)
            for selector in map(str.strip, selectors.split(",")):
                if style != Style() and _SELECTOR.fullmatch(selector) and len(rules) < _RULES:
                    rules[selector] = style.over(rules.get(selector, Style()))
        depth = max(depth - 1, 0)
        selectors = ""
    return rules


def style_of(declarations: str) -> Style:
    """Return what the declarations of a rule or of an element say."""
    style = Style()
    for declaration in declarations.split(";"):
        name, _, value = declaration.partition(":")
        value = value.replace("!important", "").strip().lower()
        match name.strip().lower():
            case "font-weight":
                digits = value.isascii() and value.isdigit() and len(value) <= _WEIGHT_DIGITS
                heavy = int(value) >= _BOLD_FROM if digits else None
                style = replace(style, bold=_WEIGHTS.get(value, heavy))
            case "font-size":
                if found := _SIZE.fullmatch(_NAMED_SIZES.get(value, value)):
                    number, unit = float(found[1]), found[2]
                    if unit in _FACTORS:
                        style = replace(style, points=None, factor=number * _FACTORS[unit])
                    else:
                        style = replace(style, points=number * _POINTS[unit], factor=None)
    return style
