"""A document at a quote: whatever it holds is text, the quote is marked in it, and rows are rows again."""

import re
from html.parser import HTMLParser

import pytest

from index.coverage import Coverage
from index.types import Block, BlockKind, DocumentInfo, Page, PageLayout, PageReading, Span, Word
from ui.rendering.marks import Mark, marked
from ui.rendering.sheet import Box, Sheet, boxes, page_view
from ui.rendering.source import Place, Source, failure, others_of, source
from ui.rendering.stretch import Stretch, text_view

HOSTILE = (
    "<script>alert(1)</script> \"><img src=x onerror='alert(2)'> {{7*7}} ${7*7} &lt;b&gt; </mark></article>"
)
TAGS = set(
    "article header div h2 h3 h4 h5 h6 p span mark button form label input output ul li table thead tbody tr"
    " th td pre code figure figcaption img".split()
)


class Drawn(HTMLParser):
    """What a browser would make of some HTML: its elements, their texts, and what is marked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.marks: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.elements.append((tag, told))
        if tag not in ("input", "img"):
            self.open.append((tag, told.get("class") or ""))
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag, _ in self.open:
            self.texts[tag][-1] += data
        if self.open and self.open[-1][0] == "mark":
            self.marks.append((self.open[-1][1], data))

    def all(self, tag: str, **told: str) -> list[dict[str, str | None]]:
        """Return the attributes of elements that have some of these."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag
            and all(attributes.get(key.replace("_", "-")) == value for key, value in told.items())
        ]


def info(**told: object) -> DocumentInfo:
    values: dict[str, object] = {
        "id": "0" * 32, "source": "report.pdf", "origin": "upload:report.pdf", "title": "Report",
        "media_type": "application/pdf", "sha256": "", "content_sha256": "", "characters": 12_345,
        "passages": 3, "pages": 0, "added": "2026-01-02T03:04:05",
    }  # fmt: skip
    return DocumentInfo(**(values | told))  # type: ignore[arg-type]


def shown(*marks: Mark, **told: object) -> Source:
    values: dict[str, object] = {"place": Place("0" * 32, "5", "9"), "info": info(), "marks": marks}
    return Source(**(values | told))  # type: ignore[arg-type]


def here(text: str, words: str) -> Mark:
    start = text.index(words)
    return Mark(Span(start, start + len(words)), "1", here=True)


def drawn(text: str, blocks: list[Block], *marks: Mark, **told: object) -> Drawn:
    return Drawn(text_view(shown(*marks), Stretch(text, 0, blocks, **told)))  # type: ignore[arg-type]


def in_lines(text: str, kind: BlockKind) -> list[Block]:
    return [Block(kind, found.start(), found.end()) for found in re.finditer(r"[^\n]+", text)]


def test_the_quote_is_marked_where_it_stands_and_nothing_else_is() -> None:
    text = "Before it. The harbour froze. After it."
    made = drawn(text, in_lines(text, BlockKind.PARAGRAPH), here(text, "The harbour froze."))
    assert made.marks == [("here", "The harbour froze.")]
    assert made.texts["p"] == [text]


def test_a_quote_over_two_blocks_is_marked_in_both() -> None:
    text = "One ends here\n\nand two begins."
    made = drawn(text, in_lines(text, BlockKind.PARAGRAPH), here(text, "here\n\nand"))
    assert made.marks == [("here", "here"), ("here", "and")]


def test_other_quotes_of_the_answer_are_marked_with_their_marker() -> None:
    text = "One. Two. Three."
    made = drawn(text, in_lines(text, BlockKind.PARAGRAPH), here(text, "One."), Mark(Span(5, 9), "2"))
    assert made.marks == [("here", "One."), ("other", "Two.")]
    assert made.all("mark", data_marker="2")


def test_where_quotes_overlap_the_one_that_was_opened_is_seen_whole() -> None:
    assert re.sub(
        ' id="[^"]*"', "", marked("abcdef", 10, [Mark(Span(10, 14), "2"), Mark(Span(12, 16), "1", here=True)])
    ) == ('<mark class="other" data-marker="2">ab</mark><mark class="here">cdef</mark>')


def test_headings_stand_below_those_of_the_page() -> None:
    text = "Top\nUnder\nDeep"
    levels = (1, 2, 6)
    blocks = [
        Block(BlockKind.HEADING, b.start, b.end, level)
        for b, level in zip(in_lines(text, BlockKind.HEADING), levels, strict=True)
    ]
    made = drawn(text, blocks)
    assert [tag for tag, _ in made.elements if tag.startswith("h")] == ["h3", "h4", "h6"]


def test_items_have_their_numbers_and_bullets_are_no_text() -> None:
    text = "- first\n- second\n\nText.\n\n7) seventh"
    blocks = [
        Block(BlockKind.ITEM, 2, 7),
        Block(BlockKind.ITEM, 10, 16),
        Block(BlockKind.PARAGRAPH, 18, 23),
        Block(BlockKind.ITEM, 28, 35),
    ]
    made = drawn(text, blocks)
    assert made.texts["li"] == ["first", "second", "7) seventh"]
    assert len(made.texts["ul"]) == 2


def test_code_is_kept_line_by_line() -> None:
    text = "```\nif x:\n    y()\n```"
    made = drawn(text, [Block(BlockKind.CODE, 4, 17)])
    assert made.texts["code"] == ["if x:\n    y()"]
    assert made.text == "if x:\n    y()"  # fences are markup


def test_text_that_is_in_no_block_is_shown_too() -> None:
    text = "See [1].\n\n[1]: somewhere"
    assert "[1]: somewhere" in drawn(text, [Block(BlockKind.PARAGRAPH, 0, 8)]).text
    assert drawn(text, []).text == text


def test_rows_with_the_same_columns_are_one_table_with_their_names_as_its_head() -> None:
    text = "Region: North | Sales: 12\nRegion: South | Sales: 7"
    made = drawn(text, in_lines(text, BlockKind.TABLE), here(text, "Region: South | Sales: 7"))
    assert made.texts["th"] == ["Region", "Sales"]
    assert made.texts["td"] == ["North", "12", "South", "7"]
    assert [told.get("class") for told in made.all("tr")] == [None, None, "here"]
    assert made.marks == [("here", "South"), ("here", "7")]


def test_an_empty_cell_leaves_its_column_empty() -> None:
    text = "Region: North | Sales: 12\nSales: 7\nRegion: East | Year: 2025 | Sales: 9"
    made = drawn(text, in_lines(text, BlockKind.TABLE))
    assert made.texts["th"] == ["Region", "Year", "Sales"]
    assert made.texts["td"] == ["North", "", "12", "", "", "7", "East", "2025", "9"]


def test_a_column_without_a_name_may_lead() -> None:
    text = "Revenue | 2024: 5 | 2025: 6\nCosts | 2024: 3 | 2025: 4"
    made = drawn(text, in_lines(text, BlockKind.TABLE))
    assert made.texts["th"] == ["2024", "2025"]
    assert made.texts["td"] == ["", "Revenue", "5", "6", "Costs", "3", "4"]


@pytest.mark.parametrize(
    "row",
    [
        "Note: this is one line",
        "a | b: c | d",
        "At 12:30 | to 13:40",
        "x: 1 | x: 2",
        "Only this",
        " | ",
        "a: | b",
        "|",
    ],
)
def test_a_row_that_names_no_columns_is_shown_as_it_is(row: str) -> None:
    made = drawn(row, [Block(BlockKind.TABLE, 0, len(row))])
    assert "th" not in made.texts
    shown = [cell.strip() for cell in made.texts["td"]]
    assert "".join(shown).replace(" ", "") == row.replace("|", "").replace(" ", "")


def test_rows_with_other_columns_are_another_table() -> None:
    text = "Region: North | Sales: 12\nName: Ada | Born: 1815"
    made = drawn(text, in_lines(text, BlockKind.TABLE))
    assert len(made.texts["table"]) == 2


def test_a_table_of_markdown_has_its_first_row_as_its_head() -> None:
    text = "| Region | Sales |\n|---|--:|\n| North | 12 |\n| South |  |"
    rows = [block for block in in_lines(text, BlockKind.TABLE) if "---" not in text[block.start : block.end]]
    made = drawn(text, rows, here(text, "| North | 12 |"))
    assert made.texts["th"] == ["Region", "Sales"]
    assert made.texts["td"] == ["North", "12", "South", ""]
    assert made.marks == [("here", "North"), ("here", "12")]


def test_each_block_has_a_direction_of_its_own() -> None:
    text = "English\nعربي"
    made = drawn(text, in_lines(text, BlockKind.PARAGRAPH))
    assert [told["dir"] for told in made.all("p")] == ["auto", "auto"]


def test_pages_are_told_where_they_begin() -> None:
    text = "One goes on\nTwo"
    made = drawn(text, in_lines(text, BlockKind.PARAGRAPH), pages=[Page(4, 0, 5), Page(5, 5, 15)])
    assert made.texts["p"] == ["page 4", "One goes on", "page 5", "Two"]


def test_more_is_offered_where_there_is_more() -> None:
    text = "Some text."
    made = Drawn(text_view(shown(), Stretch(text, 100, [], above=Span(0, 110), below=Span(100, 500))))
    above, below = made.all("button", data_action="more")
    assert (above["data-first"], above["data-last"], above["data-document"]) == ("0", "110", "0" * 32)
    assert (below["data-first"], below["data-last"], below["data-start"]) == ("100", "500", "5")
    assert not drawn(text, []).all("button")


def test_the_head_tells_what_it_is_and_what_of_it_was_not_read() -> None:
    gaps = Coverage(text=2, unread=(Page(2, 9, 9, reading=PageReading.UNREAD, reason="damage to it"),))
    told = info(title="Annual report", pages=3, coverage=gaps)
    of = {"info": told, "page": Page(3, 0, 9), "headings": ["Sales", "North"], "date": "dated 2024-05-01"}
    made = Drawn(source(shown(**of), "", view="text", drawn="1", opened=True))
    for said in (
        "Annual report",
        "report.pdf",
        "page 3 · Sales › North",
        "dated 2024-05-01 · 3 pages · 12,345 characters",
    ):
        assert said in made.text
    assert "Not read: page 2: damage to it." in made.text
    assert made.all("h2", id="source-title", tabindex="-1")
    assert "Its pages cannot be shown: the file was not kept." in made.text


def test_a_document_whose_file_is_kept_can_be_seen_as_pages_and_as_text() -> None:
    made = Drawn(
        source(shown(info=info(pages=2, has_original=True)), "", view="page", drawn="1", opened=False)
    )
    assert [told["aria-pressed"] for told in made.all("button", data_action="mode")] == ["true", "false"]
    assert "was not kept" not in made.text


def word(start: int, left: float, top: float, width: float = 40, height: float = 12) -> Word:
    return Word(start, start + 4, left, top, left + width, top + height)


def test_words_of_a_line_are_one_box_and_lines_are_kept_apart() -> None:
    words = [word(0, 10, 10), word(5, 53, 10), word(10, 10, 23), word(15, 53, 23)]
    assert boxes(words) == [Box(10, 10, 93, 22), Box(10, 23, 93, 35)]


def test_words_from_the_right_are_one_box() -> None:
    assert boxes([word(0, 100, 10), word(5, 57, 10)]) == [Box(57, 10, 140, 22)]


def test_words_of_two_columns_are_two_boxes() -> None:
    assert len(boxes([word(0, 10, 10), word(5, 200, 10)])) == 2


def test_turned_words_are_one_box_along_their_line() -> None:
    words = [word(0, 10, 100, 12, 40), word(5, 10, 57, 12, 40), word(10, 24, 100, 12, 40)]
    assert boxes(words) == [Box(10, 57, 22, 140), Box(24, 100, 36, 140)]


def test_a_line_of_single_letters_has_a_box_for_each() -> None:
    letters = [Word(place, place + 1, 3.5 * place, 10, 3.5 * place + 4, 22) for place in range(0, 20, 2)]
    assert len(boxes(letters)) == 10


def sheet(**told: object) -> Drawn:
    layout = PageLayout.of(2, 200, 400, [word(0, 20, 40), word(5, 63, 40), word(50, 20, 200)])
    pages = [Page(1, 0, 0), Page(2, 0, 90), Page(3, 90, 100)]
    values: dict[str, object] = {
        "page": pages[1],
        "pages": pages,
        "layout": layout,
        "on": [2],
        "quote": "Four more",
    }
    marks = (Mark(Span(0, 9), "1", here=True), Mark(Span(50, 54), "2"))
    of = shown(*marks, info=info(pages=3, has_original=True), place=Place("0" * 32, "0", "9", "papers"))
    return Drawn(page_view(of, Sheet(**(values | told))))  # type: ignore[arg-type]


def test_boxes_are_drawn_in_parts_of_the_page() -> None:
    made = sheet()
    (box,) = made.all("span", **{"class": "box here"})
    assert box["style"] == "left: 10.000%; top: 10.000%; width: 41.500%; height: 3.000%"
    (other,) = made.all("span", **{"class": "box other"})
    assert other["data-marker"] == "2"


def test_the_image_says_what_it_is_and_is_of_the_collection() -> None:
    (image,) = sheet().all("img")
    assert image["alt"] == "Page 2 of Report"
    assert image["src"] == f"/documents/{'0' * 32}/pages/2/image?collection=papers&width=1000"


def test_pages_are_turned_from_where_one_is() -> None:
    made = sheet()
    assert [told["data-page"] for told in made.all("button", data_action="page")] == ["1", "3"]
    first = sheet(page=Page(1, 0, 0), layout=None)
    (previous,) = first.all("button", **{"aria-label": "Previous page"})
    assert "disabled" in previous
    assert first.all("span", **{"class": "box here"}) == []


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ([1, 2], "The quote begins on page 1"),
        ([2, 3], "The quote goes on on page 3"),
        ([3], "The quote is on page 3"),
    ],
)
def test_a_quote_on_other_pages_leads_there(on: list[int], said: str) -> None:
    assert said in sheet(on=on).text


def test_a_page_that_was_not_read_says_why() -> None:
    page = Page(2, 0, 0, reading=PageReading.UNREAD, reason="damage to it")
    assert "This page was not read: damage to it." in sheet(page=page, pages=[page], layout=None).text


@pytest.mark.parametrize(
    "told",
    [
        "",
        "x",
        "{}",
        "[1]",
        "[[1]]",
        '[["1", 2, 3]]',
        "[[5, 3, 1]]",
        "[[0, 99, 1]]",
        "[" * 5_000,
        "[[-1, 3, 1]]",
        "[[0, 1e400, 1]]",
    ],
)
def test_what_is_no_list_of_quotes_marks_nothing(told: str) -> None:
    assert others_of(told, None, 50) == []


def test_other_quotes_are_taken_with_their_markers() -> None:
    told = '[[0, 5, "2"], [7, 9, 3], [10, 12, "1"]]'
    assert others_of(told, Span(10, 12), 50) == [Mark(Span(0, 5), "2"), Mark(Span(7, 9), "3")]


def test_whatever_a_document_says_is_text() -> None:
    kinds = list(BlockKind)
    text = "\n".join([HOSTILE] * (len(kinds) + 1)) + f"\n{HOSTILE} | {HOSTILE}: {HOSTILE}"
    blocks = [
        Block(kind, b.start, b.end, 1)
        for kind, b in zip([*kinds, BlockKind.TABLE], in_lines(text, BlockKind.CODE)[1:], strict=True)
    ]
    place = Place(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    page = Page(1, 0, len(text), label=HOSTILE, reason=HOSTILE, reading=PageReading.UNREAD)
    of = shown(
        Mark(Span(3, 30), HOSTILE, here=True), Mark(Span(10, 300), HOSTILE), place=place, page=page,
        info=info(
            title=HOSTILE, source=HOSTILE, pages=1, has_original=True, coverage=Coverage(unread=(page,))
        ),
        headings=[HOSTILE], date=HOSTILE, language=HOSTILE,
    )  # fmt: skip
    layout = PageLayout.of(1, 10, 10, [word(0, 1, 1)])
    for body in (
        text_view(of, Stretch(text, 0, blocks, [page], Span(0, 5), Span(0, 5))),
        page_view(of, Sheet(page, [page], layout, [1], HOSTILE)),
    ):
        made = Drawn(source(of, body, view=HOSTILE, drawn=HOSTILE, opened=True, said=HOSTILE))
        assert {tag for tag, _ in made.elements} <= TAGS
        assert not [name for _, told in made.elements for name in told if name.startswith("on")]
        assert all(str(told["src"]).startswith("/documents/") for told in made.all("img"))
    made = Drawn(failure(place, HOSTILE, drawn=HOSTILE, again={"action": HOSTILE}))
    assert {tag for tag, _ in made.elements} <= TAGS
    assert HOSTILE in made.text
