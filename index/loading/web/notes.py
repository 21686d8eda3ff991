"""The notes of a page: the marks that call them leave its sentences, and their texts stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# What calls a note, and what leads back from it, has no more text and elements than this.
_CHARACTERS = 40
_ELEMENTS = 24
_ABOVE = 3
_DEPTH = 200
_MARK = re.compile(
    r"[\[(]?(?:(?:note|nb|n|fn)\.? ?)?(?:\d{1,4}|[⁰¹²³⁴-⁹]{1,4}|[a-z]|[ivxl]{2,6}|[*†‡§¶‖#]{1,4})[\])]?"
    r"|[\[(][A-Z][\])]"
)
_BETWEEN_MARKS = re.compile(r"[\s,;:–-]+|(?<=[\])])(?=[\[(])")
_BACK = re.compile(r"[↩⤴⮌↵⏎↑⇑⬆▲↖^←\ufe0e\ufe0f\s]+")
_CALLING_ROLES = frozenset({"doc-noteref", "noteref"})
# As pandoc, docutils, Word, LibreOffice, MediaWiki and others name their calls.
_CALLING_CLASSES = frozenset(
    """
    footnote-ref footnote-reference footnoteref footnote_ref fn-ref fnref noteref note-ref fnanchor
    footnote-call msofootnotereference msoendnotereference sdfootnoteanc sdendnoteanc superscript sup super
    """.split()
)
_BACK_CLASSES = frozenset(
    """
    footnote-back footnote-backref footnote-backlink footnote-return reversefootnote data-footnote-backref
    mw-cite-backlink fn-bracket sdfootnotesym sdendnotesym
    """.split()
)
_RAISED = re.compile(r"vertical-align\s*:\s*super")
_PLACES_OF_NOTES = re.compile(
    r"_?(?:fn|ftn|edn|(?:sd)?(?:foot|end)?note|cite_(?:note|ref))s?(?:ref|anchor|call|back)?(?![a-z])",
    re.IGNORECASE,
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ARTICLES = frozenset({"article", "main", "section"})


def settle_notes(root: HtmlElement) -> None:
    """Empty what calls a note and what leads back from one, and tell the asides that are notes.

    A quote must end as its sentence does, without the number of a note, as the text of other formats
    has it. Links of words stay, and so do superscripts without a link.
    """
    from lxml import etree  # noqa: PLC0415 - a compiled library, of no use to a question

    _settle_asides(root)
    mark: HtmlElement | None = None
    # This walk holds on to the elements it is in; without, each look at one would cost its depth.
    walk = etree.iterwalk(root, events=("start", "end"), tag=("a", "sup", "span"))
    for event, element in walk:
        if event == "end":
            if mark is not None and element is mark:
                mark.clear(keep_tail=True)
            continue
        if _is_call(element) or _leads_back(element):
            mark = element
            walk.skip_subtree()


def _settle_asides(root: HtmlElement) -> None:
    """Say of the asides that an article links to that they are notes: nothing else may tell."""
    asides: dict[str, HtmlElement] = {}
    for aside in root.iter("aside"):
        if aside.get("role") is None:
            asides.setdefault(f"#{aside.get('id')}", aside)
    for link in root.iter("a") if asides else ():
        place = link.get("href") or ""
        if place in asides and _in_article(link):
            asides.pop(place).set("role", "doc-footnote")


def _is_call(element: HtmlElement) -> bool:
    """Tell whether an element is the mark of a note, and a link to it or around one."""
    place = _place(element)
    told = element.get("epub:type") == "noteref" or element.get("role") in _CALLING_ROLES
    if element.tag == "span" or (element.tag == "a" and not told and not place):
        return False
    text = _short_text(element)
    if not text or not _is_marks(text):
        return False
    if element.tag == "sup":
        return "reference" in _classes(element) or any(map(_place, element.iter("a")))
    raised = told or _is_raised(element)
    return raised or (_PLACES_OF_NOTES.match(place) is not None and _follows_closely(element))


def _is_marks(text: str) -> bool:
    parts = [part for part in _BETWEEN_MARKS.split(text) if part]
    return _MARK.fullmatch(text) is not None or (bool(parts) and all(map(_MARK.fullmatch, parts)))


def _leads_back(element: HtmlElement) -> bool:
    """Tell whether an element leads from a note back to its call."""
    if not _BACK_CLASSES.isdisjoint(_classes(element)):
        return True
    if element.tag != "a":
        return False
    if element.get("role") == "doc-backlink" or element.get("epub:type") == "backlink":
        # Headings lead back to the table of contents so.
        return _short_text(element) is not None and not _in_heading(element)
    text = _short_text(element) if _place(element) else None
    return bool(text) and _BACK.fullmatch(text or "") is not None


def _place(link: HtmlElement) -> str:
    """Return the name of the place in a page that a link leads to, empty for none."""
    return (link.get("href") or "").partition("#")[2].strip()


def _short_text(element: HtmlElement) -> str | None:
    """Return the text of an element, None if it is long, without looking at all of it."""
    if sum(1 for _ in islice(element.iterdescendants(), _ELEMENTS + 1)) > _ELEMENTS:
        return None
    text = "".join(element.itertext("*")).strip()
    return text if len(text) <= _CHARACTERS else None


def _is_raised(link: HtmlElement) -> bool:
    """Tell whether a link stands above the line, by its element, its style, or the name of its class."""
    around = (link, *link.iterdescendants(), *_above(link))
    return any(
        element.tag == "sup"
        or not _CALLING_CLASSES.isdisjoint(_classes(element))
        or _RAISED.search(element.get("style") or "")
        for element in around
    )


def _above(element: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements of the line that an element is in."""
    for above in islice(element.iterancestors(), _ABOVE):
        if above.tag not in ("sup", "span", "b", "i", "em", "small", "font"):
            return
        yield above


def _follows_closely(link: HtmlElement) -> bool:
    """Tell whether no blank stands before a link: in `see note 3` the number is a word of the text."""
    before = link.getprevious()
    text = link.getparent().text if before is None else before.tail
    return not text or not text[-1].isspace() or text.isspace()


def _in_article(element: HtmlElement) -> bool:
    return any(above.tag in _ARTICLES for above in islice(element.iterancestors(), _DEPTH))


def _in_heading(element: HtmlElement) -> bool:
    return any(above.tag in _HEADINGS for above in islice(element.iterancestors(), _ABOVE))


def _classes(element: HtmlElement) -> list[str]:
    return (element.get("class") or "").lower().split()
