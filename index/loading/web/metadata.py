"""What a web page declares about itself: title, author, date. Its prose tells of other people and days."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.loading.composing import one_line
from index.loading.properties import iso_date

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_TITLES = ("og:title", "citation_title", "dc.title", "dcterms.title", "twitter:title")
_AUTHORS = ("author", "article:author", "citation_author", "dc.creator", "dcterms.creator", "parsely-author")
_DATES = (
    "article:published_time", "og:article:published_time", "datepublished", "citation_publication_date",
    "citation_date", "parsely-pub-date", "dc.date.issued", "dcterms.issued", "dc.date", "dcterms.date",
    "dcterms.created", "date", "pubdate", "created",
)  # fmt: skip
_SITES = ("og:site_name", "application-name")
_SEPARATOR = re.compile(r"\s+[|–—·•»:-]\s+")
_DAY_WITH_SLASHES = re.compile(r"(\d{4})/(\d\d)/(\d\d)$")
_LINKED_DATA_BYTES = 2**20


def page_metadata(root: HtmlElement) -> dict[str, str | None]:
    """Return author and date of a page as its head, its linked data, or its bylines tell them."""
    told = _meta(root)
    linked = list(_linked_data(root))
    authors = [told.get(name, "") for name in _AUTHORS]
    authors += [", ".join(_names(thing.get("author"))) for thing in linked]
    authors += [_text(element) for element in root.iterfind(".//*[@rel='author']")]
    authors += [_text(element) for element in root.iterfind(".//*[@itemprop='author']")]
    dates = [told.get(name, "") for name in _DATES]
    dates += [date for thing in linked if isinstance(date := thing.get("datePublished"), str)]
    dates += [element.get("datetime") or "" for element in root.iterfind(".//time[@pubdate]")]
    dates += [
        element.get("datetime") or "" for element in root.iterfind(".//time[@itemprop='datePublished']")
    ]
    dates += [element.get("datetime") or "" for element in root.iterfind(".//article//time")]
    return {
        "author": next((author for author in authors if author and "://" not in author), None),
        "date": next((day for date in dates if (day := _iso(date))), None),
    }


def page_title(root: HtmlElement) -> str | None:
    """Return the title of a page without the name of its site, as far as the page tells the two apart."""
    told = _meta(root)
    shown = one_line(_text(root.find(".//title")))
    named = next((told[name] for name in _TITLES if told.get(name)), "") or shown
    headings = [text for heading in root.iter("h1") if (text := one_line(_text(heading)))]
    if len(headings) == 1 and (not named or headings[0] in (part for part in _parts(named))):
        return headings[0]
    site = next((told[name] for name in _SITES if told.get(name)), "")
    if site and (parts := _SEPARATOR.split(named))[-1] == site and len(parts) > 1:
        return named[: -len(site)].rstrip(" |–—·•»:-")
    return named or (headings[0] if headings else None)


def _parts(title: str) -> Iterator[str]:
    """Yield a title and what stands before and after each separator in it."""
    yield title
    for separator in _SEPARATOR.finditer(title):
        yield title[: separator.start()]
        yield title[separator.end() :]


def _iso(date: str) -> str | None:
    date = _DAY_WITH_SLASHES.sub(r"\1-\2-\3", date.strip())
    return iso_date(date) or (date if re.fullmatch(r"\d{4}(?:-\d\d)?", date) else None)


def _meta(root: HtmlElement) -> dict[str, str]:
    """Return what the `meta` elements say, by name; of several with one name the first."""
    told: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop")
        if name and (content := one_line(element.get("content") or "")):
            told.setdefault(name.strip().lower(), content)
    return told


def _text(element: HtmlElement | None) -> str:
    return "" if element is None else one_line("".join(element.itertext()))


def _linked_data(root: HtmlElement) -> Iterator[dict[str, object]]:
    """Yield the things that JSON-LD describes: those of a list or graph, not those within things."""
    for script in root.iterfind(".//script[@type='application/ld+json']"):
        source = script.text or ""
        try:
            told = json.loads(source, strict=False) if len(source) <= _LINKED_DATA_BYTES else None
        except (ValueError, RecursionError):
            continue
        things = told if isinstance(told, list) else [told]
        for thing in things:
            if isinstance(thing, dict):
                graph = thing.get("@graph")
                yield from (
                    (inner for inner in graph if isinstance(inner, dict)) if isinstance(graph, list) else ()
                )
                yield thing


def _names(author: object) -> Iterator[str]:
    for one in author if isinstance(author, list) else [author]:
        name = one.get("name") if isinstance(one, dict) else one
        if isinstance(name, str) and name.strip():
            yield one_line(name)
