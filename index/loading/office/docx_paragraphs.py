"""The text of a paragraph of Word as it is shown: without what is deleted, hidden or computed from."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from index.loading.office.docx_styles import Style
from index.loading.office.xml import alternative, children, descendant, is_on, math_text, raised

# What Symbol shows for the bytes 0x20 to 0x7E and 0xA1 to 0xFE; a blank where Unicode has no such sign.
_SYMBOL_LOW = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_SYMBOL_HIGH = (
    "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
_SYMBOL = dict(enumerate(_SYMBOL_LOW, 0x20)) | dict(enumerate(_SYMBOL_HIGH, 0xA1))
_WINGDINGS = dict(
    zip(b"JLlnoqv", "☺☹●■□❑❖", strict=True),
) | {
    0xA7: "▪", 0xA8: "◻", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xF0: "⇨",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_SIGNS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
_PRIVATE = range(0xE000, 0xF900)
_BLANKS = frozenset({"w:tab", "w:ptab", "w:br", "w:cr"})
_DRAWN = frozenset({"w:drawing", "w:pict", "w:object"})
_NOTES = frozenset({"w:footnoteReference", "w:endnoteReference"})
# Deleted, moved away, or about the paragraph rather than in it.
_PASSED_OVER = frozenset({"w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:sdtPr", "w:sdtEndPr", "w:rt"})


@dataclass(slots=True)
class Line:
    """The text of a paragraph, what it shows beside its text, and the notes that it calls."""

    text: str = ""
    drawn: list[Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def is_placeholder(element: Element) -> bool:
    """Tell whether a content control holds nothing but the request to fill it in."""
    return element.tag == "w:sdt" and is_on(descendant(element, "w:sdtPr", "w:showingPlcHdr"))


def line_of(paragraph: Element, style: Style, styles: dict[str, Style]) -> Line:
    """Return what a paragraph says."""
    reader = _Reader(style, styles)
    reader.read(paragraph)
    reader.line.text = "".join(reader.parts)
    return reader.line


class _Reader:
    """Reads one paragraph, through whatever its runs are wrapped in."""

    def __init__(self, style: Style, styles: dict[str, Style]) -> None:
        self.line = Line()
        self.parts: list[str] = []
        self._style = style
        self._styles = styles
        # Of each field that is open: whether its instruction goes on, or its result has begun.
        self._fields: list[bool] = []
        self._instructions = 0

    def read(self, paragraph: Element) -> None:
        waiting = list(reversed(paragraph))
        while waiting:
            element = waiting.pop()
            tag = element.tag
            if tag == "w:r":
                waiting.extend(reversed(self._run(element)))
            elif tag in ("m:oMath", "m:oMathPara"):
                self.parts.append(math_text(element))
            elif tag == "mc:AlternateContent":
                waiting.extend(reversed(alternative(element)))
            elif tag in _DRAWN:
                self.line.drawn.append(element)
            elif tag not in _PASSED_OVER and not is_placeholder(element):
                waiting.extend(reversed(element))

    def _run(self, run: Element) -> list[Element]:
        """Read a run, and return what in it has runs of its own."""
        properties = run.find("w:rPr")
        hidden = self._style.is_hidden if properties is None else self._is_hidden(properties)
        parts: list[str] = []
        within: list[Element] = []
        for element in run:
            tag = element.tag
            if tag == "w:fldChar":
                self._field(element.get("w:fldCharType", ""))
            elif hidden or self._instructions:
                continue
            elif tag in _NOTES:
                self.line.notes.append((tag, element.get("w:id", "")))
            elif tag in _DRAWN:
                self.line.drawn.append(element)
            elif tag == "mc:AlternateContent":
                self.line.drawn.extend(alternative(element))
            elif tag == "w:ruby":
                within.extend(children(element, "w:rubyBase"))
            else:
                parts.append(_characters(element))
        text = "".join(parts)
        aligned = descendant(properties, "w:vertAlign")
        if aligned is not None and self.parts and aligned.get("w:val") != "baseline":
            text = raised(text, self.parts[-1], above=aligned.get("w:val") == "superscript")
        if text:
            self.parts.append(text)
        return within

    def _is_hidden(self, properties: Element) -> bool:
        told = properties.find("w:vanish")
        if told is not None:
            return is_on(told)
        style = properties.find("w:rStyle")
        named = None if style is None else self._styles.get(style.get("w:val", ""))
        return self._style.is_hidden or (named is not None and named.is_hidden)

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append(True)
            self._instructions += 1
        elif kind in ("separate", "end") and self._fields:
            self._instructions -= self._fields.pop()
            if kind == "separate":
                self._fields.append(False)


def _characters(element: Element) -> str:
    """Return the text that an element of a run stands for."""
    if element.tag == "w:t":
        return element.text or ""
    if element.tag in _BLANKS:
        return " "
    if element.tag == "w:noBreakHyphen":
        return "-"
    return _symbol(element) if element.tag == "w:sym" else ""


def _symbol(element: Element) -> str:
    """Return a character of a font of signs; what is unknown is not guessed."""
    try:
        code = int(element.get("w:char", ""), 16)
    except ValueError:
        return ""
    signs = _SIGNS.get(element.get("w:font", "").lower())
    if signs is None and code not in _PRIVATE:
        return chr(code) if code <= sys.maxunicode else ""
    return (signs or {}).get(code & 0xFF, "\N{REPLACEMENT CHARACTER}")
