"""What the characters of symbol fonts mean where a PDF does not tell, or tells it by a private code."""

from __future__ import annotations

import re
import unicodedata

UNKNOWN = "\N{REPLACEMENT CHARACTER}"

# Adobe's corporate use area for pieces of tall brackets, and the codes under which Word's bullets come.
_PRIVATE = {
    **dict(zip(range(0xF8EB, 0xF8F5), "⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪", strict=True)),
    **dict(zip(range(0xF8F6, 0xF8FF), "⎞⎟⎠⎤⎥⎦⎫⎬⎭", strict=True)),
    0xF8E8: "®", 0xF8E9: "©", 0xF8EA: "™",
    0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "➢", 0xF0FC: "✓", 0xF0E0: "→", 0xF0A8: "□",
}  # fmt: skip

# TeX's encodings of its mathematical fonts, which carry no names for Unicode. A blank stands for what is
# no character but a piece of a drawing, as of a brace that lies on its side.
_OMS = (
    "−·×∗÷⋄±∓⊕⊖⊗⊘⊙◯∘•≍≡⊆⊇≤≥≼≽∼≈⊂⊃≪≫≺≻←→↑↓↔↗↘≃⇐⇒⇑⇓⇔↖↙∝′∞∈∋△▽\u0338↦∀∃¬∅ℜℑ⊤⊥ℵ"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ∪∩⊎∧∨⊢⊣⌊⌋⌈⌉{}⟨⟩|‖↕⇕\\≀√∐∇∫⊔⊓⊑⊒§†‡¶♣♢♡♠"
)
_OMX = (
    "()[]⌊⌋⌈⌉{}⟨⟩|‖/\\()()[]⌊⌋⌈⌉{}⟨⟩/\\()[]⌊⌋⌈⌉{}⟨⟩/\\/\\⎛⎞⎡⎤⎣⎦⎢⎥⎧⎫⎩⎭⎨⎬⎪⏐⎝⎠⎜⎟⟨⟩⊔⊔∮∮⊙⊙⊕⊕⊗⊗"
    "∑∏∫⋃⋂⊎⋀⋁∑∏∫⋃⋂⊎⋀⋁∐∐^^^~~~[]⌊⌋⌈⌉{}√√√√√ |‖↑↓    ⇑⇓"
)
_TEX = {
    "CMSY": dict(enumerate(_OMS)),
    "CMBSY": dict(enumerate(_OMS)),
    "CMEX": dict(enumerate(_OMX)),
    "MSAM": {0x03: "□", 0x04: "■"},
    "MSBM": {0x28: "⊊", 0x29: "⊋", 0x3F: "∅"},
}
_FONT = re.compile(r"(?:[A-Z]{6}\+)?([A-Z]+)\d*")
_NEGATED = re.compile("\u0338(.)")
_MAPS_TO = re.compile("↦[→−]+")


def meaning(code: int) -> str:
    """Return the character of a code point, by what it is used for where that is private."""
    return _PRIVATE.get(code) or chr(code)


def meaning_in(font: str, code: int) -> str:
    """Return what a code without a meaning of its own stands for in a font, or `UNKNOWN`."""
    found = _FONT.fullmatch(font)
    table = _TEX.get(found[1]) if found else None
    return (table or {}).get(code, UNKNOWN).strip()


def composed(text: str) -> str:
    """Return text in which what TeX draws one over the other is one character: `≠`, `↦`."""
    if "\u0338" in text:
        text = _NEGATED.sub(lambda found: unicodedata.normalize("NFC", f"{found[1]}\u0338"), text)
    return _MAPS_TO.sub("↦", text)
