"""What the control words of RTF mean, as far as text is concerned."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# What these groups hold is not text of the document. What a program does not know and is marked by `\*`
# is passed over too.
PASSED_OVER = frozenset(
    """
    annotation atnauthor atndate atnicn atnid atnparent atnref atntime atrfend atrfstart
    colortbl filetbl pict nonshppict shprslt objdata fldinst sn sv xe tc rxe txe
    header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn
    """.split()
)
READ_THOUGH_MARKED = frozenset({"shpinst", "ud", "footnote"})
ASIDES = frozenset({"footnote", "shptxt"})
LIST_MARKS = frozenset({"listtext", "pntext"})
ABOUT = frozenset({"title", "author", "creatim"})
CHARACTERS = dict.fromkeys(
    ("tab", "column", "line", "softline", "lbr", "emspace", "enspace", "qmspace", "nestcell", "nestrow"), " "
) | {
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "zwj": "\u200d",
    "zwnj": "\u200c",
    "ltrmark": "\u200e",
    "rtlmark": "\u200f",
}
SYMBOLS = {b"~": "\u00a0", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\"}
BREAKS = frozenset({"par", "sect", "page"})
SYMBOL_FONT = "symbol"
_BULLET = 0xB7
CHARSETS = {
    0: "cp1252", 2: SYMBOL_FONT, 77: "mac_roman", 78: "cp932", 128: "cp932", 129: "cp949", 130: "johab",
    134: "gbk", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
OF_DOCUMENT = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)
_TITLE_STYLE = re.compile(r"\s*title\s*;?\s*", re.IGNORECASE)


@dataclass(slots=True)
class Group:
    """What holds until a group ends."""

    passed_over: bool = False
    hidden: bool = False
    deleted: bool = False
    skipped_after_unicode: int = 1
    font: int | None = None
    style: int = 0
    based_on: int = -1
    level: int | None = None
    in_table: bool = False
    # Where its text goes, if not to the document.
    goes_to: str = ""
    ansi_next: bool = False
    outer_parts: list[str] | None = None


def of_symbol_font(code: int) -> str:
    """Return a character of a font of signs: a bullet is known, and what is unknown is not guessed."""
    return " " if code == 0x20 else "•" if code == _BULLET else "\N{REPLACEMENT CHARACTER}"


def level_of_style(name: str) -> int | None:
    """Return the level of headings in a style, from 0, None where it is that of none."""
    if found := _HEADING_STYLE.search(name):
        return int(found[1]) - 1
    return 0 if _TITLE_STYLE.fullmatch(name) else None


def code_page(number: int) -> str | None:
    """Return the name of a code page of Windows, None where it is none."""
    if number == 65001:
        return "utf-8"
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return None


def joined(parts: list[str]) -> str:
    """Return text with the halves of characters beyond 16 bits put together."""
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
