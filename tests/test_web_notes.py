"""Notes of web pages and books: sentences without the marks that call them, and the notes themselves."""

import pytest
from books import book, item, page

from index.loading import Parsing
from index.loading.web.epub import EpubLoader
from index.loading.web.page import WebPageLoader


def texts(markup: str) -> list[str]:
    found = WebPageLoader().parse(markup.encode(), "page.html", Parsing())
    return [found.text[block.start : block.end] for block in found.blocks]


@pytest.mark.parametrize(
    "call",
    [
        '<sup><a href="#fn1">1</a></sup>',
        '<a href="#x"><sup>12</sup></a>',
        '<sup class="reference"><a href="#cite_note-1"><span>[</span>1<span>]</span></a></sup>',
        '<sup class="reference"><a href="#cite_note-a">[note 1]</a></sup><sup class="reference">: 24</sup>',
        '<sup><a href="#a">1</a>, <a href="#b">2</a></sup>',
        '<sup><a href="notes.xhtml#n3">iv</a></sup>',
        '<a role="doc-noteref" href="#x">*</a>',
        '<a href="#x" style="vertical-align: super">†</a>',
        '<span class="superscript"><a href="#x">b</a></span>',
        '<a class="sdfootnoteanc" name="sdfootnote1anc" href="#sdfootnote1sym"><sup>1</sup></a>',
        '<a href="#_ftn1" name="_ftnref1"><span class="MsoFootnoteReference">[1]</span></a>',
        '<a id="FNanchor_1"></a><a href="#Footnote_1">[1]</a>',
    ],
)
def test_the_mark_of_a_note_is_not_in_the_sentence_that_calls_it(call: str) -> None:
    assert texts(f"<p>The loan falls due.{call} It is long.</p>") == ["The loan falls due. It is long."]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>6</sup> m<sup>2</sup>", "106 m2"),
        ('Due<sup><a href="#fn1">see the note</a></sup>', "Duesee the note"),
        ('See table <a href="#t1">1</a>', "See table 1"),
        ('See note <a href="#note3">3</a>', "See note 3"),
        ('as [<a href="#b1">1</a>] says', "as [1] says"),
        ('the 1<sup><a href="#st">st</a></sup> day', "the 1st day"),
        ('grade <sup><a href="/grades">2</a></sup>', "grade 2"),
        (f'Due<sup><a href="#x">{"<b></b>" * 30}1</a></sup>', "Due1"),
        ("The hall (<a href='#notebook'>2</a>)", "The hall (2)"),
    ],
)
def test_other_links_and_superscripts_stay(markup: str, text: str) -> None:
    assert texts(f"<p>{markup}</p>") == [text]


@pytest.mark.parametrize(
    "note",
    [
        'It is ten. <a href="#fnref1" class="footnote-back" role="doc-backlink">↩︎</a>',
        'It is ten. <a href="#r">↩</a> <a href="#s">↑</a>',
        'It is ten. <a role="doc-backlink" href="#r">Back to the text</a>',
        '<span class="mw-cite-backlink"><b><a href="#cite_ref-1">^</a></b></span> It is ten.',
        '<span class="mw-cite-backlink">^ <a href="#a"><sup>a</sup></a> <a href="#b"><sup>b</sup></a></span> '
        "It is ten.",
        '<a class="sdfootnotesym" href="#sdfootnote1anc">1</a>It is ten.',
        '<a href="#_ftnref1">[1]</a> It is ten.',
        '<span><span class="fn-bracket">[</span><a role="doc-backlink" href="#id1">1</a>'
        '<span class="fn-bracket">]</span></span>It is ten.',
    ],
)
def test_what_leads_back_from_a_note_is_not_in_its_text(note: str) -> None:
    assert texts(f"<ol><li><p>{note}</p></li></ol>") == ["It is ten."]


def test_a_heading_that_leads_back_to_the_contents_stays() -> None:
    assert texts('<h2><a role="doc-backlink" href="#id9">Costs</a></h2><p>Ten.</p>') == ["Costs", "Ten."]


def test_asides_of_an_article_that_it_links_to_are_notes() -> None:
    markup = (
        '<nav><a href="#ad">Skip</a></nav><article><h1>Loans</h1><p>Due.<sup><a href="#n">1</a></sup></p>'
        '<aside id="n"><p>It amounts to ten.</p></aside><aside id="ad"><p>Buy a boat!</p></aside>'
        "<aside><p>More.</p></aside></article>"
    )
    assert texts(markup) == ["Loans", "Due.", "It amounts to ten."]


def test_the_notes_of_a_book_are_called_by_nothing_in_its_text() -> None:
    body = (
        '<p>The loan falls due.<a epub:type="noteref" href="notes.xhtml#n1">1</a> It is long.</p>'
        '<p>See <a epub:type="noteref" href="notes.xhtml#n1">the first note</a>.</p>'
    )
    notes = '<aside epub:type="footnote"><p><a href="one.xhtml#c1"><sup>1</sup></a> It is ten.</p></aside>'
    files = {"one.xhtml": page(body), "notes.xhtml": page(notes)}
    data = book(item("a", "one.xhtml") + item("n", "notes.xhtml"), "a n", files)
    assert EpubLoader().parse(data, "b.epub", Parsing()).text.split("\n\n") == [
        "The loan falls due. It is long.",
        "See the first note.",
        "It is ten.",
    ]


def test_marks_without_end_are_left_out_as_one_is() -> None:
    assert texts("<p>" + 'x<sup><a href="#n">1</a></sup> ' * 50_000) == [" ".join("x" * 50_000)]
    assert texts("<p>" + "<sup>" * 1_000 + "deep" + "<i></i>" * 10_000)[-1] == "deep"
