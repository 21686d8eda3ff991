"""The text of a document that has none of its own: normalised once, each block in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ParseLimit
from index.loading import Attachment, Parsing
from index.loading.composing import Composer, cell_starts, looks_like_header, normalised, one_line
from index.types import Block, BlockKind, Page, PageKind, PageLayout, PageReading


def composer(characters: int = 10_000) -> Composer:
    return Composer("report.docx", Parsing(characters=characters))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("of\ufb01ce of a\ufb04uents", "office of affluents"),
        ("Brücken\u00adzoll", "Brückenzoll"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\N{NO-BREAK SPACE}b", "a b"),
        ("\u202emill\u202c \u2067of\u2069 \u200fash", "mill of ash"),
        ("a\x00b\x0bc\x9fd", "a b c d"),
        ("lone \ud800 half", "lone \N{REPLACEMENT CHARACTER} half"),
        ("m² ½ №", "m² ½ №"),
        ("می\u200cشود 👩\u200d🌾", "می\u200cشود 👩\u200d🌾"),
    ],
    ids=[
        "line ends",
        "ligatures",
        "soft hyphens",
        "nothing wide",
        "blanks that hold",
        "directions",
        "controls",
        "half a pair",
        "what means something",
        "joiners of letters",
    ],
)
def test_text_is_stored_as_it_is_seen(written: str, stored: str) -> None:
    assert normalised(written) == stored


@given(st.text())
def test_normalised_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    stored = normalised(text)
    stored.encode("utf-8")
    assert "\r" not in stored
    assert normalised(stored) == stored
    assert one_line(one_line(text)) == one_line(text)


def test_blank_lines_part_blocks_and_line_ends_part_items_and_rows() -> None:
    document = composer()
    document.heading("Mills", 2)
    document.paragraph("There are\n two  mills.")
    document.item("Brennick")
    document.item("Ash")
    document.table([["1", "2"], ["3", "4"]])
    document.code("\n  if wet:\n      close()\n")
    document.note("To: the miller")
    parsed = document.parsed()
    assert parsed.text == (
        "Mills\n\nThere are two mills.\n\nBrennick\nAsh\n\n1 | 2\n3 | 4\n\n"
        "  if wet:\n      close()\n\nTo: the miller"
    )
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == [
        *("Mills", "There are two mills.", "Brennick", "Ash", "1 | 2", "3 | 4"),
        *("  if wet:\n      close()", "To: the miller"),
    ]
    assert parsed.blocks[0] == Block(BlockKind.HEADING, 0, 5, 2)
    assert parsed.blocks[-1].kind is BlockKind.METADATA


def test_what_cannot_be_seen_is_no_block() -> None:
    document = composer()
    found = [
        *(document.heading(" \n", 1), document.paragraph("\u00ad\u200b"), document.item("\t")),
        *(document.code("\n \n"), document.row(["", ""])),
    ]
    assert found == [None] * 5
    assert document.is_empty
    assert document.parsed().text == ""


@pytest.mark.parametrize(("given", "kept"), [(-3, 1), (0, 1), (6, 6), (9, 6)])
def test_the_level_of_a_heading_is_the_nearest_there_is(given: int, kept: int) -> None:
    block = composer().heading("Mills", given)
    assert block is not None
    assert block.level == kept


def test_each_row_of_a_table_has_the_names_of_its_columns() -> None:
    document = composer()
    document.table([["Region", "Sales"], ["North", "12"], ["", ""], ["South", ""]])
    assert document.parsed().text == "Region: North | Sales: 12\nRegion: South"


def test_a_header_that_is_given_is_the_header_whatever_it_looks_like() -> None:
    document = composer()
    document.table([["North", "12"]], header=["1", "a\ufb01eld\nname"])
    assert document.parsed().text == "1: North | afield name: 12"


def test_a_cell_that_repeats_its_name_is_said_once_and_cells_past_the_names_stay() -> None:
    document = composer()
    document.row(["Total", "12", "extra"], ["Total", "Sales"])
    assert document.parsed().text == "Total | Sales: 12 | extra"


@pytest.mark.parametrize(
    "rows",
    [
        [["Region", "Sales"]],
        [["Region"], ["North"]],
        [["Region", "2023"], ["North", "12"]],
        [["Region", "Region"], ["North", "12"]],
        [["Region", "x" * 61], ["North", "12"]],
        [["Region", "", ""], ["North", "12", "1"]],
    ],
    ids=["alone", "one column", "numbers", "twice the same", "prose", "gaps"],
)
def test_a_row_that_names_no_columns_is_a_row(rows: list[list[str]]) -> None:
    assert not looks_like_header(rows)


@given(
    st.lists(st.sampled_from(["Ash", "12", "a | b", "Sales"]), min_size=1),
    st.lists(st.sampled_from(["", "Sales", "N"])),
)
def test_the_starts_of_cells_are_where_the_row_has_them(cells: list[str], names: list[str]) -> None:
    document = composer()
    document.row(cells, names)
    text = document.parsed().text
    assert [
        text[start : start + len(cell)] for start, cell in zip(cell_starts(cells, names), cells, strict=True)
    ] == cells


def test_a_page_spans_its_blocks_and_an_empty_one_nothing() -> None:
    document = composer()
    document.begin_page(1, PageKind.SLIDE)
    document.begin_page(2, PageKind.SLIDE, label="Mills")
    document.row(["a", "b"])
    document.begin_page(3, reading=PageReading.UNREAD, reason="an image")
    document.begin_page(4)
    document.row(["c", "d"])
    document.begin_page(5, reading=PageReading.BLANK)
    parsed = document.parsed()
    assert parsed.text == "a | b\n\nc | d"
    assert [parsed.text[page.start : page.end] for page in parsed.pages] == ["", "a | b", "", "c | d", ""]
    assert all(0 <= page.start <= page.end <= len(parsed.text) for page in parsed.pages)
    assert parsed.pages[1] == Page(2, 0, 5, PageKind.SLIDE, label="Mills")
    assert (parsed.pages[2].reading, parsed.pages[2].reason) == (PageReading.UNREAD, "an image")


def test_rows_of_one_page_stand_under_each_other_and_those_of_two_apart() -> None:
    document = composer()
    for number in (1, 2):
        document.begin_page(number)
        document.row(["a", str(number)])
        document.row(["b", str(number)])
    assert document.parsed().text == "a | 1\nb | 1\n\na | 2\nb | 2"


def test_pages_may_be_placed_at_the_end_by_a_format_whose_blocks_run_over_them() -> None:
    document = composer()
    document.paragraph("One sentence over two pages.")
    layout = PageLayout.of(1, 595, 842, [])
    document.place([Page(1, 0, 0), Page(2, 13, 13)], [layout])
    parsed = document.parsed()
    assert [parsed.text[page.start : page.end] for page in parsed.pages] == [
        "One sentence",
        "over two pages.",
    ]
    assert parsed.layouts == (layout,)


def test_more_text_than_is_allowed_is_refused_with_the_name() -> None:
    document = composer(characters=20)
    document.paragraph("x" * 15)
    with pytest.raises(ParseLimit, match=r"report\.docx holds more than 20 characters"):
        document.paragraph("x" * 4)


def test_the_length_so_far_is_that_of_the_text() -> None:
    document = composer()
    for number in range(3):
        document.paragraph(f"Paragraph {number}.")
        assert document.length == len(document.parsed().text)


def test_title_and_metadata_are_one_line_and_say_something() -> None:
    document = composer()
    document.attachments.append(Attachment("a.txt", b"A"))
    parsed = document.parsed(
        " Mills\nof Ash ", {"author": "Mira\u00ad Tolland", "date": None, "other": " \u200b"}
    )
    assert (parsed.title, parsed.metadata) == ("Mills of Ash", {"author": "Mira Tolland"})
    assert parsed.attachments == (Attachment("a.txt", b"A"),)
    assert composer().parsed("\u00ad").title is None


def test_the_name_of_a_page_is_one_line_that_can_be_shown() -> None:
    composer = Composer("book.xlsx", Parsing())
    composer.begin_page(1, PageKind.SHEET, label="Q1\x7f\x00\n2026")
    composer.paragraph("Apples.")
    composer.begin_page(2, PageKind.SHEET, label="\x07")
    assert [page.label for page in composer.parsed().pages] == ["Q1 2026", None]
