"""What a browser would make of the page's HTML, and the answers that are drawn in tests."""

from __future__ import annotations

from html.parser import HTMLParser

from index.types import Hit, Passage, Why
from rag.generation.phrases import ABSTENTION
from rag.types import Answer, AnswerSentence, AnswerSpan, AnswerStatus, Citation, Quote

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil/x.png)",
    "[a](javascript:alert(1))",
    '"><svg onload="alert(1)">',
    "' onmouseover='alert(1)",
    "{{7*7}}",
    "${7*7}",
    "</details></article><iframe srcdoc=x>",
    "<mark>all of it</mark>",
    "&lt;b&gt; &amp; <!-- -->",
    "<![CDATA[x]]><?php ?>",
)

# Elements that have no end tag.
_VOID = frozenset({"input", "img", "br"})


class Drawn(HTMLParser):
    """What a browser would make of some HTML: elements with attributes, text, and what is marked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.marked: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    unknown_decl = handle_decl
    handle_pi = handle_decl

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        """The elements in order with the names of their attributes."""
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]

    def classes(self) -> set[str]:
        return {name for value in self.values("class") for name in value.split()}


def citation(words: str = "It was built in 1947.", marker: int = 1, **names: str) -> Citation:
    """Return a citation of words at offset 100 of which the middle answers."""
    quote = Quote("d" * 32, 100, 100 + len(words), words, "0" * 64)
    third = len(words) // 3
    span = AnswerSpan(words[third : 2 * third], 100 + third, 100 + 2 * third)
    named = {"source": "dam.txt", "title": "The dam", "heading": "History"} | names
    return Citation(marker, quote, page=3, score=0.9, answer_span=span, place="page 3", **named)


def hit(words: str = "It was built.", rank: int = 1, **names: str) -> Hit:
    heading = names.pop("heading", "History")
    passage = Passage(f"p{rank}", "d" * 32, 0, 100, 100 + len(words), words, heading, None, ())
    return Hit(passage, names.get("source", "dam.txt"), names.get("title", "The dam"), 0.5, rank, Why(1, 0.5))


def answer(*citations: Citation, question: str = "When?", hits: tuple[Hit, ...] = ()) -> Answer:
    sentences = tuple(AnswerSentence(found.quote.text, (found.marker,)) for found in citations)
    return Answer(
        question=question,
        effective_query=question,
        text=" ".join(sentence.text for sentence in sentences) or ABSTENTION,
        sentences=sentences,
        citations=citations,
        status=AnswerStatus.ANSWERED if citations else AnswerStatus.ABSTAINED,
        confidence=0.87,
        hits=hits,
        timings={},
        generation=1,
    )
