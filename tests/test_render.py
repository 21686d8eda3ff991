"""Answers as HTML: whatever comes from a document, a name or a question is text and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.coverage import Coverage, Unread
from index.jobs import FileRecord, FileStatus, Job, JobKind, JobState
from index.report import Report
from index.types import DocumentInfo, Hit, PageReading, Passage, Why
from index.types import Page as PageOfDocument
from rag.generation.phrases import ABSTENTION
from rag.types import Answer, AnswerSentence, AnswerSpan, AnswerStatus, Citation, Quote
from ui import render

TAGS = set("div p article h2 section details summary span blockquote mark button ul li".split())
ATTRIBUTES = set("class id role type aria-label aria-controls data-delete data-confirm data-keep".split())
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

JOB = Job("1", JobKind.UPLOAD, {"name": "x"}, JobState.DONE, "", "")


class Page(HTMLParser):
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


def info(title: str = "The dam", source: str = "dam.txt", identifier: str = "d" * 32) -> DocumentInfo:
    return DocumentInfo(
        identifier, source, "upload:x", title, "text/plain", "0" * 64, "0" * 64, 1234, 5, 0, "2025-01-01"
    )


# Every place that a text of someone else's can come to, by name: the text to the page.
PLACES: dict[str, Callable[[str], str]] = {
    "question": lambda text: render.answered(answer(citation(), question=text), {}, 1),
    "sentence": lambda text: render.answered(
        replace(answer(citation()), sentences=(AnswerSentence(text, (1,)),)), {}, 1
    ),
    "abstention": lambda text: render.answered(replace(answer(hits=(hit(),)), text=text), {}, 1),
    "quote": lambda text: render.answered(answer(citation(text)), {}, 1),
    "title": lambda text: render.answered(answer(citation(title=text)), {}, 1),
    "source": lambda text: render.answered(answer(citation(source=text)), {}, 1),
    "heading": lambda text: render.answered(answer(citation(heading=text)), {}, 1),
    "before a quote": lambda text: render.answered(
        answer(citation()), {1: render.Surroundings(text, "after")}, 1
    ),
    "after a quote": lambda text: render.answered(
        answer(citation()), {1: render.Surroundings("before", text)}, 1
    ),
    "nearest passage": lambda text: render.answered(answer(hits=(hit(text),)), {}, 1),
    "nearest title": lambda text: render.answered(answer(hits=(hit(title=text),)), {}, 1),
    "nearest source": lambda text: render.answered(answer(hits=(hit(source=text),)), {}, 1),
    "nearest heading": lambda text: render.answered(answer(hits=(hit(heading=text),)), {}, 1),
    "question being answered": render.pending,
    "question that failed": lambda text: render.failed(text, "There is no room left."),
    "error": lambda text: render.failed("When?", text),
    "notice": lambda text: render.notice(text, error=False),
    "document title": lambda text: render.documents([info(title=text)]),
    "document source": lambda text: render.documents([info(source=text)]),
    "title of a doomed document": lambda text: render.documents([info(title=text)], doomed="d" * 32),
}
places = pytest.mark.parametrize("place", PLACES)


@places
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(place: str, text: str) -> None:
    page = Page(PLACES[place](text))
    assert page.shape == Page(PLACES[place]("plain words")).shape
    assert {tag for tag, _ in page.elements} <= TAGS
    assert {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES


@places
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_the_text_it_is(place: str, text: str) -> None:
    assert text in Page(PLACES[place](text)).text


@places
@given(text=st.text("<>&\"'/=!-?[]{}$`x 😀", min_size=1, max_size=30))
def test_any_text_is_shown_as_the_text_it_is(place: str, text: str) -> None:
    page = Page(PLACES[place](text))
    assert page.shape == Page(PLACES[place]("plain words")).shape
    assert text in page.text


@pytest.mark.parametrize("identifier", HOSTILE)
@pytest.mark.parametrize("doomed", [False, True])
def test_the_id_of_a_document_stays_within_its_attribute(identifier: str, doomed: bool) -> None:
    html = render.documents([info(identifier=identifier)], identifier if doomed else None)
    assert Page(html).values("data-confirm" if doomed else "data-delete") == [identifier]


@pytest.mark.parametrize("text", [*HOSTILE, "😀😀 was 𝔘nder 1947 😀"])
def test_what_is_marked_is_exactly_the_words_that_answer(text: str) -> None:
    cited = citation(text)
    assert cited.answer_span is not None
    page = Page(render.answered(answer(cited), {}, 1))
    assert page.marked == [cited.answer_span.text]


def test_a_quote_without_words_that_answer_has_no_mark() -> None:
    page = Page(render.answered(answer(replace(citation(), answer_span=None)), {}, 1))
    assert page.marked == []
    assert page.text.count("It was built in 1947.") == 2


def test_a_quote_stands_between_what_surrounds_it() -> None:
    around = {1: render.Surroundings("Before it. ", " After it.")}
    text = Page(render.answered(answer(citation()), around, 1)).text
    assert "Before it. It was built in 1947. After it." in text


def test_each_sentence_has_the_markers_of_its_evidence_and_each_marker_its_card() -> None:
    page = Page(render.answered(answer(citation(), citation("It holds.", 2)), {}, 7))
    cards = [attributes["id"] for tag, attributes in page.elements if tag == "details"]
    assert page.values("aria-controls") == cards
    assert len(cards) == 2
    assert "It was built in 1947. [1]" in page.text
    assert "It holds. [2]" in page.text


def test_a_card_says_where_its_quote_stands() -> None:
    text = Page(render.answered(answer(citation()), {}, 1)).text
    for said in ("The dam", "History", "dam.txt", "page 3", "characters 100–121", "Confidence 0.87"):
        assert said in text


def test_a_heading_that_is_the_title_is_said_once() -> None:
    text = Page(render.answered(answer(citation(heading="The dam › The wall")), {}, 1)).text
    assert text.count("The dam") == 1
    assert "The wall" in text


def test_an_abstention_has_neither_mark_nor_marker_and_names_what_it_shows_as_nearest() -> None:
    page = Page(render.answered(answer(hits=(hit(), hit("It leaks.", 2))), {}, 1))
    assert page.marked == []
    assert "marker" not in page.classes()
    assert not page.values("aria-controls")
    assert page.text.index(ABSTENTION) < page.text.index("Nearest passages") < page.text.index("It leaks.")
    assert "not evidence" in page.text
    assert "Nearest passages" in page.values("aria-label")


def test_an_abstention_shows_the_first_few_of_its_hits() -> None:
    hits = tuple(hit(f"Passage {rank} says so.", rank) for rank in range(1, 8))
    page = Page(render.answered(answer(hits=hits), {}, 1))
    shown = [found.rank for found in hits if found.passage.text in page.text]
    assert shown == list(range(1, render.NEAREST_SHOWN + 1))


def test_an_abstention_without_hits_says_that_there_is_nothing_to_search_in() -> None:
    page = Page(render.answered(answer(), {}, 1))
    assert "add documents" in page.text
    assert "details" not in dict(page.elements)


def test_an_answer_says_quietly_and_an_abstention_at_once_what_could_not_be_read() -> None:
    unread = Unread(2, 4)
    line = "4 pages of 2 documents could not be read, so they are not part of this answer."
    said = Page(render.answered(replace(answer(citation()), unread=unread), {}, 1))
    assert said.text.index("Confidence") < said.text.index(line)
    abstained = Page(render.answered(replace(answer(hits=(hit(),)), unread=unread), {}, 1))
    assert abstained.text.index(ABSTENTION) < abstained.text.index(line)
    assert abstained.text.index(line) < abstained.text.index("Nearest passages")
    assert line in Page(render.answered(replace(answer(), unread=unread), {}, 1)).text
    assert "could not be read" not in Page(render.answered(answer(citation()), {}, 1)).text


def test_a_document_of_which_pages_are_unread_says_so_in_the_list() -> None:
    unread = tuple(PageOfDocument(number, 0, 0, reading=PageReading.UNREAD) for number in (2, 3))
    scanned = replace(info(), pages=7, coverage=Coverage(text=5, unread=unread))
    assert "1,234 characters · 2 of 7 pages unread" in Page(render.documents([scanned])).text
    assert "unread" not in Page(render.documents([info()])).text


def test_ids_are_unique_across_the_turns_of_a_conversation() -> None:
    turns = [
        render.answered(said, {}, turn)
        for turn, said in enumerate(
            [answer(citation(), citation(marker=2)), answer(hits=(hit(), hit(rank=2)))] * 3, start=1
        )
    ]
    ids = Page(render.conversation(turns)).values("id")
    assert len(ids) == len(set(ids)) == 12


def test_a_conversation_has_its_turns_in_order() -> None:
    text = Page(render.conversation([render.pending("First?"), render.pending("Second?")])).text
    assert text.index("First?") < text.index("Second?")


def test_a_conversation_without_turns_invites_to_ask() -> None:
    page = Page(render.conversation([]))
    assert "Ask your documents a question" in page.text
    assert "log" in page.values("role")


def test_no_documents_is_said() -> None:
    assert "no documents yet" in Page(render.documents([])).text


def test_only_the_doomed_document_asks_whether_it_should_go() -> None:
    page = Page(render.documents([info(identifier="a"), info(identifier="b")], doomed="b"))
    assert (page.values("data-delete"), page.values("data-confirm")) == (["a"], ["b"])


def test_an_error_is_an_alert_and_other_news_a_status() -> None:
    assert Page(render.notice("No room.", error=True)).values("role") == ["alert"]
    assert Page(render.notice("Added.", error=False)).values("role") == ["status"]


def test_nothing_to_say_is_nothing() -> None:
    assert render.notice("", error=True) == ""


@pytest.mark.parametrize("name", ["dam.txt", *HOSTILE])
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (FileStatus.ADDED, "Added "),
        (FileStatus.REPLACED, "Replaced "),
        (FileStatus.UNCHANGED, " is there already."),
    ],
)
def test_an_upload_that_is_stored_is_told_as_what_it_was(name: str, status: FileStatus, said: str) -> None:
    line = render.upload(Report(JOB, (FileRecord("1", "upload:x", name, status, "id", 1),), 1))
    page = Page(line)
    assert page.shape == [("p", ["class", "role"])]
    assert said in page.text
    assert name in page.text
    assert page.values("role") == ["status"]


def test_an_upload_that_failed_says_why_and_one_that_waits_that_it_is_kept() -> None:
    failed = replace(JOB, state=JobState.FAILED, code="unreadable_text", message="x.txt is <b>no</b> text")
    line = render.upload(Report(failed, (), None))
    assert "x.txt is &lt;b&gt;no&lt;/b&gt; text" in line
    assert "is kept" not in line
    assert 'role="alert"' in line
    waiting = replace(failed, state=JobState.WAITING, code="storage_full", message="the disk is full.")
    assert "the disk is full. The file is kept" in render.upload(Report(waiting, (), None))
    assert "when the service is started again" in render.upload(Report(JOB, (), None))


def test_what_became_of_the_files_in_an_archive_is_told_with_reasons() -> None:
    def record(name: str, status: FileStatus, reason: str | None = None) -> FileRecord:
        return FileRecord("1", f"upload:{name}", f"a.zip/{name}", status, None, 0, reason)

    records = [record("a.txt", FileStatus.ADDED), record("b.txt", FileStatus.UNCHANGED)]
    job = replace(JOB, request={"name": "a<b>.zip"})
    line = render.upload(Report(job, tuple(records), 1))
    assert "From a&lt;b&gt;.zip: 1 added, 1 there already." in line
    assert "error" not in line
    records += [record(f"{n}.pdf", FileStatus.FAILED, f"{n}.pdf is <damaged>") for n in range(7)]
    line = render.upload(Report(job, tuple(records), 1))
    assert "0.pdf is &lt;damaged&gt;." in line and "And 2 more." in line
    line = render.upload(Report(job, tuple(records[2:4]), 1))
    assert "nothing added" in line
