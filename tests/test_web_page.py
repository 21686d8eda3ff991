"""Web pages: the document of a page whole and in order, and nothing of the site around it."""

from pathlib import Path

import pytest
from contracts import LoaderContract

from index.errors import ParseLimit, UnreadableText
from index.loading import Loader, Parsed, Parsing, Signs
from index.loading.web.page import WebPageLoader
from index.types import BlockKind

DOCUMENTS = Path(__file__).parent / "documents"
NEWS = (DOCUMENTS / "news-page.html").read_bytes()
EXPORTED = (DOCUMENTS / "velmora.html").read_bytes()

NEWS_BLOCKS = [
    "Bridge over the Sarn reopens after two years",
    "Lorries may cross from Monday.",
    "By Maren Dholt",
    "The bridge seen from the Oskel side.",
    "The bridge over the Sarn at Oskel was opened again on Sunday, two years after a barge had struck its "
    "middle pier and bent the deck by forty centimetres.",
    "It rained.",
    "About three hundred people walked across behind the mayor, Ludo Ferenz, who called the repair “a "
    "promise kept late, but kept”. The work had been promised for the summer of 2022.",
    "What it cost",
    "The province paid 31 million crowns, nine million more than planned. Steel had become dearer, said "
    "the engineer in charge, Petra Wohl, and divers had found two more piers that needed new footings.",
    "New footings: 12 million crowns",
    "Deck and railings: 15 million crowns",
    "Ferries meanwhile: 4 million crowns",
    "Crossings a day",
    "Year: 2020 | By bridge: 5,400 | By ferry: 210",
    "Year: 2022 | By bridge: 0 | By ferry: 1,950",
    "We will not miss the ferry, but we will miss its captain.",
    "Timetables: Monday to Friday from six Sunday from nine",
    "The toll stays as it was.",
]


def parsed(page: str | bytes) -> Parsed:
    data = page.encode() if isinstance(page, str) else page
    return WebPageLoader().parse(data, "page.html", Parsing())


def texts(page: str | bytes, kind: BlockKind | None = None) -> list[str]:
    found = parsed(page)
    return [found.text[block.start : block.end] for block in found.blocks if kind in (None, block.kind)]


def accepts(data: bytes, suffix: str) -> bool:
    return WebPageLoader().accepts(Signs(data, suffix))


class TestWebPageLoader(LoaderContract):
    suffix = ".html"
    textual = True
    good = NEWS
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return WebPageLoader()


def test_an_article_is_complete_and_in_order_and_nothing_else_is_there() -> None:
    assert texts(NEWS) == NEWS_BLOCKS


def test_a_page_tells_its_title_author_and_date() -> None:
    found = parsed(NEWS)
    assert found.title == "Bridge over the Sarn reopens after two years"
    assert found.metadata == {"author": "Maren Dholt", "date": "2023-05-14T08:30:00"}


def test_a_page_without_a_site_around_it_is_read_whole() -> None:
    assert texts(EXPORTED) == [
        "The Harbour of Velmora",
        "The harbour of Velmora was dredged in 2019, after two winters in which no large vessel could "
        "enter it.",
        "Costs",
        "The council paid 4.2 million crowns; the province added half as much again.1",
        "Dredging took seven months.",
        "The new mole is 310 metres long.",
        "Year: 2018 | Vessels: 41",
        "Year: 2020 | Vessels: 268",
        "Objections",
        "The fishers of the north quay objected to the noise.",
        "A short line.",
    ]
    assert parsed(EXPORTED).metadata == {"author": "Ines Torvald"}


def test_the_sections_of_a_manual_stay_although_it_has_a_table_of_contents() -> None:
    long = (
        "<p>The pump of the greenhouse is started by turning the red wheel twice to the left, slowly.</p>" * 9
    )
    page = (
        f"<body><nav id=TOC><a href=#a>Pumps</a></nav><section><h1>Pumps</h1>{long}</section>"
        "<section><h1>Valves</h1><p>There are three.</p>"
        "<aside class=note><p>Mind the fourth.</p></aside></section>"
        "<section role=doc-endnotes><ol><li>Older houses have two.</li></ol></section></body>"
    )
    found = texts(page)
    assert found[-4:] == ["Valves", "There are three.", "Mind the fourth.", "Older houses have two."]
    assert found[0] == "Pumps"


def test_what_stands_apart_from_the_text_without_any_mark_is_left_out() -> None:
    text = "".join(
        f"<p>In the year {year} the ferry over the Sarn carried more people than ever before, and its "
        f"captain wrote {year % 7} letters to the province to ask for a second boat.</p><p>None came.</p>"
        for year in range(1950, 1960)
    )
    teaser = (
        "<p>A dog that can count to eleven lives in Tolm, and its owner wants it to stay there for good.</p>"
    )
    found = texts(
        f"<nav><a href=/>Home</a></nav><h1>Ferries</h1><div class=entry-content>{text}</div>"
        f"<div>{teaser}</div>"
    )
    assert found[0] == "Ferries"
    assert len(found) == 21
    assert found[-1] == "None came."


def test_the_heading_of_nothing_but_links_goes_with_them() -> None:
    text = (
        "<p>The mill at Tolm was built of larch in 1787 and burned down in 1911, in a night of wind.</p>" * 4
    )
    links = "<h2>More on mills</h2><ul><li><a href=/1>The mill of Oskel turns again</a></ul>"
    page = f"<nav></nav><article><h1>Tolm</h1>{text}<div>{links}</div><h2>Today</h2>{text}</article>"
    assert texts(page, BlockKind.HEADING) == ["Tolm", "Today"]


def test_a_page_of_which_too_little_is_taken_for_content_is_read_whole() -> None:
    text = "".join(f"<p>Setting number {at} of the pump changes how much it lifts.</p>" for at in range(40))
    intro = "All of the settings of the pump follow here, with what each of them changes. " * 9
    page = f"<nav></nav><article><p>{intro}</p></article><div class=menu-options><div>{text}</div></div>"
    assert len(texts(page)) == 41


def test_links_that_are_all_of_a_page_are_its_document() -> None:
    links = "".join(f"<li><a href={at}>The parish of number {at} and its history</a></li>" for at in range(9))
    assert len(texts(f"<body><nav><a href=/>Home</a></nav><main><ul>{links}</ul></main></body>")) == 9


def test_a_name_that_holds_most_of_the_page_marks_nothing() -> None:
    page = (
        "<div class=menu><h1>Menu of the Blue Heron</h1><p>Soup of the day, with bread.</p></div>"
        "<footer>Open daily</footer>"
    )
    assert texts(page) == ["Menu of the Blue Heron", "Soup of the day, with bread."]


def test_what_was_parsed_before_changes_nothing() -> None:
    first = parsed(NEWS)
    parsed(EXPORTED)
    parsed(NEWS.replace(b"bridge", b"tunnel"))
    assert parsed(NEWS) == first


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    assert texts("<nav></nav><fieldset>\u200b</fieldset>") == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "page",
    [b"<!DOCTYPE html><p>x", b"\xef\xbb\xbf \n<!-- saved -->\n<HTML><p>x",
     "<!doctype html><p>x".encode("utf-16"), b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">'],
)  # fmt: skip
def test_a_page_is_known_by_how_it_begins_whatever_its_name(page: bytes) -> None:
    assert all(accepts(page, suffix) for suffix in (".html", ".txt", ".md", "", ".dat"))


def test_text_and_markdown_with_elements_in_them_stay_what_they_are() -> None:
    assert not accepts(b"<p>A note</p>", ".txt")
    assert not accepts(b"<div align=center>\n\n# Title\n", ".md")
    assert not accepts(b"Write <html> first.", "")
    assert not accepts(b"<rss><channel>", "")
    assert accepts(b"<p>A note</p>", "")
    assert accepts(b"A <b>note</b>", ".htm")


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("cp1251", '<meta charset="windows-1251">'),
        ("koi8-r", '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">'),
        ("cp1251", '<?xml version="1.0" encoding="windows-1251"?>'),
        ("utf-16", '<meta charset="utf-8">'),
        ("utf-8-sig", '<meta charset="iso-8859-1">'),
        ("utf-8", '<meta charset="iso-8859-1">'),
        ("utf-8", '<meta charset="rot13">'),
        ("utf-8", ""),
    ],
)
def test_the_encoding_is_what_the_bytes_bear_out(encoding: str, head: str) -> None:
    page = f"{head}<html><body><p>Мост открыли в воскресенье.</p></body></html>"
    assert texts(page.encode(encoding)) == ["Мост открыли в воскресенье."]


def test_a_few_characters_that_could_be_utf_8_are_what_the_page_declares() -> None:
    assert texts("<meta charset=windows-1251><p>Г«".encode("cp1251")) == ["Г«"]


def test_a_stray_byte_does_not_cost_a_page() -> None:
    assert texts(NEWS.replace(b"It rained.", b"It ra\xffined."))[5] == "It ra\ufffdined."
    with pytest.raises(UnreadableText, match=r"page\.html"):
        parsed(b"<meta charset=utf-8><p>" + b"\xff\xfea" * 200)


def test_latin_1_is_read_as_browsers_do() -> None:
    assert texts(b"<meta charset=iso-8859-1><p>\x93Caf\xe9\x94</p>") == ["“Café”"]


def test_xhtml_is_read_with_its_cdata_and_empty_elements() -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml">'
        '<head><title/></head><body><p><a id="x"/>One<br/>line &nbsp; &rsquo;<![CDATA[a < b]]></p>'
        "</body></html>"
    )
    assert texts(page) == ["One line ’a < b"]


def test_entities_of_ones_own_are_refused() -> None:
    page = '<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><html><p>&b;</p></html>'
    with pytest.raises(UnreadableText, match=r"page\.html declares entities"):
        parsed(page)


def test_what_is_not_seen_is_not_read() -> None:
    page = (
        "<p>Seen</p><script>var a</script><style>b{}</style><p hidden>c</p>"
        "<div style='Display : NONE'><p>d</p></div><template>e</template><noscript>f</noscript>"
        "<select><option>g</select><!-- h --><p>ru<rt>i</rt>by</p>"
        "<textarea>j</textarea><svg><text>k</text></svg><dialog>l</dialog><p aria-hidden=true>Seen too</p>"
    )
    assert texts(page) == ["Seen", "ruby", "Seen too"]


def test_one_line_break_is_a_blank_and_two_end_a_paragraph() -> None:
    assert texts("<p>a<br>b<br> <br/>c\nd</p>") == ["a b", "c d"]


def test_lists_in_lists_keep_their_order() -> None:
    assert texts("<ol><li>a<ul><li>b</ul></li><li><p>c</p><p>d</p></ol>", BlockKind.ITEM) == ["a", "b", "c"]


def test_code_keeps_its_lines() -> None:
    assert texts("<pre>\nif a:\n    <b>b</b>\n</pre>", BlockKind.CODE) == ["if a:\n    b"]


def test_terms_name_what_is_said_of_them() -> None:
    page = f"<dl><dt>Toll:</dt><dd>4 crowns</dd><dt>Pier<dt>Mole<dd>{'A wall in the sea. ' * 30}</dl>"
    assert texts(page)[:3] == ["Toll: 4 crowns", "Pier", "Mole"]


def test_headings_have_levels_and_no_sign_of_their_link() -> None:
    found = parsed(
        "<h1>A</h1><h3>B <a href=#b>¶</a></h3><h2><button>C?</button></h2><div role=heading aria-level=4>D"
    )
    assert [(found.text[block.start : block.end], block.level) for block in found.blocks] == [
        ("A", 1), ("B", 3), ("C?", 2), ("D", 4),
    ]  # fmt: skip


def test_cells_over_rows_and_columns_stand_where_they_are_seen() -> None:
    page = (
        "<table><thead><tr><th rowspan=2>Place<th colspan=2>Vessels</tr><tr><th>In<th>Out</tr></thead>"
        "<tr><td rowspan=2>Oskel<td>1<td>2<tr><td colspan=2>none</td></tr></table>"
    )
    assert texts(page) == ["Place: Oskel | Vessels In: 1 | Vessels Out: 2", "Place: Oskel | Vessels In: none"]


def test_tables_that_arrange_a_page_are_read_as_its_text() -> None:
    page = "<table><tr><td><h2>North</h2><p>a</p><td><table><tr><td>x<td>y<tr><td>1<td>2</table>tail</table>"
    assert texts(page) == ["North", "a", "x: 1 | y: 2", "tail"]


def test_no_text_of_a_table_is_lost() -> None:
    assert texts("<table>beside<tr><td>a<td>b</table>") == ["beside", "a", "b"]
    assert texts("<table><tr><th>Only<th>names</table>") == ["Only | names"]
    assert texts("<table><tr><td>one column<tr><td>more</table>") == ["one column", "more"]


def test_the_name_of_the_site_is_no_part_of_the_title() -> None:
    assert parsed("<title>The dam | Site</title><h1>The dam</h1>").title == "The dam"
    assert parsed("<title>Report 7</title><h1>Introduction</h1>").title == "Report 7"
    assert parsed("<meta property=og:site_name content=Site><title>Dams - Site</title>").title == "Dams"
    assert parsed("<p>No title</p>").title is None


def test_linked_data_tells_author_and_date() -> None:
    page = (
        '<script type="application/ld+json">{"@graph":[{"@type":"NewsArticle","datePublished":"2021-02-03",'
        '"author":[{"name":"A. Bel"},{"name":"C. Dor"}]}]}</script><p>On 4 May 2019 it rained.</p>'
    )
    assert parsed(page).metadata == {"author": "A. Bel, C. Dor", "date": "2021-02-03"}
    assert parsed(f'<script type="application/ld+json">{"[" * 200_000}</script><p>x</p>').metadata == {}


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "blockquote"])
def test_elements_nested_without_end_are_refused_not_cut_short(tag: str) -> None:
    assert texts(f"<{tag}>" * 400 + "deep" + "<p>after")[-1].endswith("after")
    with pytest.raises(ParseLimit, match=r"page\.html nests"):
        parsed(f"<{tag}>" * 100_000 + "deep")


def test_a_table_that_claims_to_be_huge_costs_what_it_says() -> None:
    row = "<tr>" + "<td colspan=1000 rowspan=65000>x" * 40
    assert "x" in parsed("<table>" + row * 100 + "</table>").text


def test_paragraphs_nested_within_each_other_are_each_read() -> None:
    assert len(texts("<p>x" * 20_000)) == 20_000


def test_long_text_in_one_place_is_read_to_its_end() -> None:
    assert parsed(f"<pre>{'x ' * 6_000_000}end</pre>").text.endswith("end")


def test_a_page_of_deeply_nested_menus_is_read_in_useful_time() -> None:
    # Trafilatura alone would take minutes; without a bound of our own this test hangs.
    depth = 1_000
    menus = "".join(f'<div class="menu m{n}"><a href="/{n}">Link {n}</a>' for n in range(depth))
    article = "<article><h1>Dam</h1><p>The dam at Hallow was built in 1947, and it still holds.</p></article>"
    page = f"<!doctype html><body><nav>Home</nav>{article}{menus}{'</div>' * depth}</body>"
    assert "The dam at Hallow" in parsed(page).text
