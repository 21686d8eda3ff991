"""What of a web page is its document, apart from menus, banners, teasers and comments around it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from index.loading.web.blocks import WebBlock, web_blocks
from index.types import BlockKind

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_ARTICLES = frozenset({"article", "main"})
# What a footer or an aside may be a part of.
_WHOLES = frozenset({"article", "main", "blockquote", "section"})
_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar"})
# Words of the names by which pages mark what is not their document.
_MARKS = frozenset(
    """
    ad ads advert advertisement advertising breadcrumb breadcrumbs catlinks comment comments consent
    cookie cookies disqus footer gdpr global-header hamburger masthead menu modal mw-editsection
    mw-jump-link nav navbar navbox navigation newsletter noprint outbrain pager pagination paywall
    popup printfooter promo promoted recirculation recommendations recommended related share
    sharebar sharing sidebar signup site-footer site-header skip-link skiplink social sponsor
    sponsored subnav subscribe taboola teaser teasers toc toolbar trending
    """.split()
)
_MARKED = re.compile(rf"(?:{'|'.join(sorted(_MARKS, key=len, reverse=True))})", re.IGNORECASE)
# `has-sidebar` stands on what has one.
_NEGATING = frozenset(
    {"has", "have", "with", "no", "not", "without", "is", "hide", "show", "main", "content"}
)
# Asides of manuals are remarks within the text.
_REMARKS = frozenset(
    {"note", "admonition", "callout", "tip", "warning", "caution", "info", "footnote", "footnotes"}
)
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")
_WORDS = 5
# Text of which at least so much is found again is content; of which so much is in links is navigation.
_FOUND_AGAIN = 0.6
_IN_LINKS = 0.6
# The document stands within the deepest element that has so much of what is surely content.
_WITHIN = 0.9
# Less than this of a page is too little to be all of its document.
_TOO_LITTLE = 1 / 3
# Pages with more text are books rather than articles, and would take minutes.
_CHARACTERS = 1_000_000
_BLOCKS = 2_000
# It looks at all below each element: 300 levels take seconds, 1,000 take minutes. Pages have some thirty.
_DEPTH = 100


def main_blocks(root: HtmlElement) -> list[WebBlock]:
    """Return the blocks of a page that are its document.

    All of them where nothing marks the page as one of a site. Else trafilatura tells which text is
    surely content, and what stands with it in the same element comes too: it drops short paragraphs,
    and a document must not lose any. Without are what the page itself marks as something else, and
    links that only lead on.
    """
    marked = _Marked(root)
    candidates = list(web_blocks(root, marked))
    if not marked.found:
        return candidates
    if not candidates:
        return list(web_blocks(root))
    if _is_beyond_trafilatura(root, candidates):
        return candidates
    chosen = _chosen(candidates, _surely_content(root))
    return chosen if _characters(chosen) > _TOO_LITTLE * _characters(candidates) else candidates


def _is_beyond_trafilatura(root: HtmlElement, blocks: Sequence[WebBlock]) -> bool:
    """Tell whether a page is larger, or nested more deeply, than trafilatura can take in useful time."""
    if len(blocks) > _BLOCKS or sum(len(block.text) for block in blocks) > _CHARACTERS:
        return True
    depth = 0
    for event, _ in _walk(root):
        depth += 1 if event == "start" else -1
        if depth > _DEPTH:
            return True
    return False


def _walk(root: HtmlElement) -> Iterator[tuple[str, HtmlElement]]:
    from lxml import etree  # noqa: PLC0415 - a compiled library, of no use to a question

    walked: Iterator[tuple[str, HtmlElement]] = etree.iterwalk(root, events=("start", "end"))
    return walked


class _Marked:
    """Tells the elements that a page marks as something other than its document."""

    def __init__(self, root: HtmlElement) -> None:
        self._root = root
        self._characters: dict[HtmlElement, int] | None = None
        self.found = False

    def __call__(self, element: HtmlElement) -> bool:
        marked = self._is_landmark(element) or (self._is_named(element) and not self._is_most(element))
        self.found = self.found or marked
        return marked

    def _is_landmark(self, element: HtmlElement) -> bool:
        tag = element.tag
        if tag == "nav":
            return True
        if element.get("role") in _ROLES and tag not in ("body", "main", "article"):
            return not self._has_title(element)
        if tag == "aside":
            is_note = (element.get("role") or "").startswith("doc-") or _REMARKS & set(_name_words(element))
            return not (is_note and _within_article(element))
        if tag in ("header", "footer") and not _within_article(element):
            return not (tag == "header" and self._has_title(element) and element.find(".//nav") is None)
        return tag == "footer" and next(element.iterancestors("blockquote"), None) is None

    def _has_title(self, element: HtmlElement) -> bool:
        return element.find(".//h1") is not None

    def _is_named(self, element: HtmlElement) -> bool:
        names = f"{element.get('class') or ''} {element.get('id') or ''}"
        if not _MARKED.search(names) or element.tag in ("html", "body", "main", "article"):
            return False
        for name in names.split():
            words = [word.lower() for word in _NAME_WORD.findall(name)]
            if name.lower() in _MARKS or (_MARKS & set(words) and not _NEGATING & set(words)):
                return True
        return False

    def _is_most(self, element: HtmlElement) -> bool:
        """Tell whether a name must mean something else, since the title or half of the text is there."""
        if self._has_title(element):
            return True
        if self._characters is None:
            self._characters = _characters_within(web_blocks(self._root))
        return self._characters.get(element, 0) * 2 > self._characters.get(self._root, 0)


def _characters_within(blocks: Iterable[WebBlock]) -> dict[HtmlElement, int]:
    """Return how many characters of some blocks each element holds."""
    characters: dict[HtmlElement, int] = {}
    for block in blocks:
        for element in (block.within, *block.within.iterancestors()):
            characters[element] = characters.get(element, 0) + len(block.text)
    return characters


def _name_words(element: HtmlElement) -> list[str]:
    return [word.lower() for word in _NAME_WORD.findall(element.get("class") or "")]


def _within_article(element: HtmlElement) -> bool:
    return any(above.tag in _WHOLES for above in element.iterancestors())


def _surely_content(root: HtmlElement) -> frozenset[str]:
    """Return each few words that follow each other in what trafilatura takes for content."""
    # Takes a second to load, which a question asked from a shell must not wait for.
    import trafilatura  # noqa: PLC0415

    logger = logging.getLogger("trafilatura")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        # It copies the tree, and keeps nothing of it: `deduplicate` would.
        document = trafilatura.bare_extraction(
            root, include_comments=False, include_tables=True, deduplicate=False
        )
    except Exception:
        # What it stumbles over is a page to be read whole.
        return frozenset()
    finally:
        logger.setLevel(level)
    text = getattr(document, "text", None)
    return frozenset(_runs(text)) if text else frozenset()


def _runs(text: str) -> list[str]:
    words = _WORD.findall(text)
    return [" ".join(words[at : at + _WORDS]) for at in range(len(words) - _WORDS + 1)]


def _is_evident(block: WebBlock, content: frozenset[str]) -> bool:
    runs = _runs(block.text)
    return bool(runs) and sum(run in content for run in runs) >= _FOUND_AGAIN * len(runs)


def _leads_on(block: WebBlock) -> bool:
    return block.linked > _IN_LINKS * len(block.text.strip())


def _chosen(candidates: Sequence[WebBlock], content: frozenset[str]) -> list[WebBlock]:
    evident = [_is_evident(block, content) for block in candidates]
    around = _element_around([block for block, sure in zip(candidates, evident, strict=True) if sure])
    if around is None:
        return []
    inside = [block.within is around or around in block.within.iterancestors() for block in candidates]
    first = next(at for at, sure in enumerate(evident) if sure)
    # The title, and what stands between it and the text, may be in an element of their own.
    titles = [
        at for at in range(first) if candidates[at].kind is BlockKind.HEADING and candidates[at].level == 1
    ]
    begin = titles[-1] if titles else first
    kept = [
        sure or ((inside[at] or begin <= at < first) and not _leads_on(candidates[at]))
        for at, sure in enumerate(evident)
    ]
    _drop_idle_headings(candidates, evident, kept)
    return [block for block, keep in zip(candidates, kept, strict=True) if keep]


def _element_around(blocks: Iterable[WebBlock]) -> HtmlElement | None:
    """Return the article that holds nearly all of some blocks, else the deepest element that does."""
    surely = list(blocks)
    characters = _characters_within(surely)
    total = sum(len(block.text) for block in surely)
    holding = [element for element, count in characters.items() if count >= _WITHIN * total]
    deepest = max(holding, key=lambda element: sum(1 for _ in element.iterancestors()), default=None)
    if deepest is None:
        return None
    above = [deepest, *deepest.iterancestors()]
    # A section is a part of something, and its page may have others.
    whole = (element for element in above if element.tag != "section")
    return next((element for element in above if element.tag in _ARTICLES), next(whole, deepest))


def _drop_idle_headings(candidates: Sequence[WebBlock], evident: Sequence[bool], kept: list[bool]) -> None:
    """Leave out the headings of what was left out: of nothing but links."""
    for at in range(len(candidates) - 1, -1, -1):
        block = candidates[at]
        if not kept[at] or evident[at] or block.kind is not BlockKind.HEADING or block.level == 1:
            continue
        after = at + 1
        kept[at] = not (after < len(candidates) and not kept[after])


def _characters(blocks: Iterable[WebBlock]) -> int:
    return sum(len(block.text) for block in blocks if not _leads_on(block))
