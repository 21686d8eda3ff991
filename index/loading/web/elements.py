"""What the elements of HTML mean to who reads a page: which are seen, and which stand by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
PREFORMATTED = frozenset({"pre", "listing", "xmp", "plaintext"})
BLOCKS = frozenset(
    """
    html body address article aside blockquote caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li listing main menu nav ol
    optgroup p plaintext pre search section summary table tbody td tfoot th thead tr ul xmp
    """.split()
)
# What shows nothing, or nothing that is the document's own: scripts, controls, fallbacks for old
# browsers, and the readings over ideographs, which would stand between the words.
UNSEEN = frozenset(
    """
    head title meta link base script style noscript noframes template iframe object embed applet canvas
    audio video map svg svg:svg annotation annotation-xml input select option datalist textarea button
    progress meter rt rp rtc
    """.split()
)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|mso-list\s*:\s*ignore")
_AS_BLOCK = re.compile(r"display\s*:\s*(?:block|flex|grid|table\b|list-item)")


def is_hidden(element: HtmlElement) -> bool:
    """Tell whether an element is not shown, as far as it says so itself."""
    if element.get("hidden") not in (None, "until-found"):
        return True
    if element.tag == "dialog" and element.get("open") is None:
        return True
    style = element.get("style")
    return bool(style) and _HIDING.search(style.lower()) is not None


def is_block(element: HtmlElement) -> bool:
    """Tell whether text does not run on from before an element into it, and out of it."""
    if element.tag in BLOCKS or element.get("role") == "heading":
        return True
    style = element.get("style")
    return bool(style) and _AS_BLOCK.search(style.lower()) is not None


def is_sign(link: HtmlElement) -> bool:
    """Tell whether a link in a heading is only the sign that leads to it: ¶, #."""
    text = "".join(link.itertext()).strip()
    return len(text) <= 1 and not text.isalnum()


def text_of(element: HtmlElement, is_unseen: Callable[[HtmlElement], bool], *, as_is: bool = False) -> str:
    """Return the text of an element as one, its line breaks as they are or as blanks."""
    if len(element) == 0:
        return element.text or ""
    from lxml import etree  # noqa: PLC0415 - a compiled library, of no use to a question

    pieces: list[str] = []
    between = "\n" if as_is else " "

    def say(text: str | None) -> None:
        if text:
            pieces.append(text)

    walk = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, inner in walk:
        if event == "start":
            if inner is not element and is_unseen(inner):
                walk.skip_subtree()
                continue
            if inner.tag == "br" or (inner.tag in BLOCKS and pieces and not pieces[-1].endswith(between)):
                pieces.append(between)
            say(inner.text)
        elif inner is not element:
            if inner.tag in BLOCKS and pieces and not pieces[-1].endswith(between):
                pieces.append(between)
            say(inner.tail)
    return "".join(pieces)
