"""Words at places to text: reading order, paragraphs, headings, tables, hyphens, and what is left out."""

from collections.abc import Sequence

import pytest

from index.loading import Parsed, Parsing
from index.loading.composing import Composer
from index.loading.pdf.paragraphs import PageComposer
from index.loading.pdf.placed import Line, PageContent, PlacedWord, lines_of
from index.loading.pdf.symbols import composed, meaning, meaning_in
from index.types import BlockKind

WIDTH, HEIGHT = 600.0, 800.0
LETTER = 0.5
LONG = "the river came over its banks in the night and took the bridge"


def row(
    left: float, baseline: float, text: str, size: float = 10, *, bold: bool = False, gap: float = LETTER
) -> Line:
    """Return a line with letters of one width."""
    words = []
    for part in text.split():
        right = left + LETTER * size * len(part)
        top, bottom = baseline - 0.8 * size, baseline + 0.2 * size
        words.append(PlacedWord(part, left, top, right, bottom, baseline, size, bold))
        left = right + gap * size
    return Line(tuple(words))


def rows(left: float, baseline: float, texts: Sequence[str], size: float = 10) -> list[Line]:
    return [row(left, baseline + 1.2 * size * at, text, size) for at, text in enumerate(texts)]


def composed_of(*pages: Sequence[Line]) -> tuple[Parsed, PageComposer]:
    contents = [PageContent(number, WIDTH, HEIGHT, tuple(lines)) for number, lines in enumerate(pages, 1)]
    composer = Composer("report.pdf", Parsing())
    made = PageComposer(composer, contents, lambda: None)
    made.compose()
    return composer.parsed(), made


def blocks(*pages: Sequence[Line]) -> list[str]:
    parsed, _ = composed_of(*pages)
    return [parsed.text[block.start : block.end] for block in parsed.blocks]


def kinds(*pages: Sequence[Line]) -> list[tuple[BlockKind, str]]:
    parsed, _ = composed_of(*pages)
    return [(block.kind, parsed.text[block.start : block.end]) for block in parsed.blocks]


def left_column() -> list[Line]:
    return rows(50, 100, [f"left {LONG[:37]} {number}" for number in range(8)])


def right_column(left: float = 310) -> list[Line]:
    return rows(left, 100, [f"right {LONG[:37]} {number}" for number in range(8)])


def test_two_columns_are_read_one_after_the_other() -> None:
    text = " ".join(blocks([*left_column(), *right_column()]))
    assert text.index("left the river came over its banks in the 7") < text.index("right the")


def test_columns_that_a_writer_drew_line_by_line_are_read_one_after_the_other() -> None:
    drawn = [line for pair in zip(left_column(), right_column(), strict=True) for line in pair]
    assert blocks(drawn) == blocks([*left_column(), *right_column()])


def test_a_title_over_two_columns_comes_before_both() -> None:
    title = row(50, 60, "A river leaves its bed and two towns leave the river", 16)
    assert blocks([*left_column(), *right_column(), title])[0] == title.text


def test_what_runs_over_both_columns_parts_what_is_above_it_from_what_is_below() -> None:
    low_left = rows(50, 300, [f"lower left {LONG[:32]} {number}" for number in range(6)])
    low_right = rows(310, 300, [f"lower right {LONG[:32]} {number}" for number in range(6)])
    across = row(50, 250, "Both towns have now asked the province to build a dam above Emberg", 12)
    text = " ".join(blocks([*left_column(), *low_left, *right_column(), *low_right, across]))
    order = [
        text.index(part) for part in ("left the", "right the", "Both towns", "lower left", "lower right")
    ]
    assert order == sorted(order)


def test_lines_that_fill_their_column_are_one_paragraph() -> None:
    assert len(blocks(rows(50, 100, [LONG, LONG, LONG]))) == 1


def test_a_line_that_ends_early_with_a_sentence_ends_a_paragraph() -> None:
    assert blocks(rows(50, 100, [LONG, "over night.", LONG])) == [f"{LONG} over night.", LONG]


def test_a_line_ends_early_only_where_the_next_word_would_have_fitted() -> None:
    first = "it was said to be very dry here."
    assert len(blocks(rows(50, 100, [first, "administration-buildings were of another view"]))) == 1
    assert len(blocks(rows(50, 100, [first, "all administration-buildings were in this view"]))) == 2


def test_a_paragraph_begins_where_a_line_is_indented() -> None:
    lines = [*rows(50, 100, [LONG, LONG]), row(65, 124, LONG[:-3]), row(50, 136, LONG)]
    assert len(blocks(lines)) == 2


def test_all_but_the_first_line_may_be_indented() -> None:
    entry = ["Vell, Ada and Orm, Bo. The bridges of the Lorne and their ends.", LONG[:58], "Emberg, 1998."]
    first = [row(50, 100, entry[0]), row(70, 112, entry[1]), row(70, 124, entry[2])]
    second = [row(50, 136, entry[0]), row(70, 148, entry[1]), row(70, 160, entry[2])]
    assert blocks([*first, *second]) == [" ".join(entry)] * 2


def test_a_paragraph_begins_after_more_space() -> None:
    assert len(blocks([*rows(50, 100, [LONG] * 3), *rows(50, 145, [LONG] * 3)])) == 2


def test_lines_of_a_form_stay_lines() -> None:
    assert blocks(rows(50, 100, ["Name: Ada Vell", "Town: Emberg", "Bridge: 3"])) == [
        "Name: Ada Vell",
        "Town: Emberg",
        "Bridge: 3",
    ]


def test_large_and_bold_lines_are_headings() -> None:
    body = rows(50, 140, [LONG] * 6)
    found = kinds([row(50, 60, "The flood", 20), row(50, 120, "In the night", 10, bold=True), *body])
    assert found[0] == (BlockKind.HEADING, "The flood")
    assert found[1] == (BlockKind.HEADING, "In the night")
    assert found[2][0] is BlockKind.PARAGRAPH


def test_the_level_of_a_heading_is_that_of_its_number() -> None:
    lines = [row(50, 60, "1.2.1 The night", 12), *rows(50, 80, [LONG] * 6)]
    parsed, _ = composed_of(lines)
    assert parsed.blocks[0].level == 4


def test_in_a_text_that_is_bold_bold_lines_are_no_headings() -> None:
    lines = [row(50, 100 + 30 * at, f"{LONG} {at}", bold=True) for at in range(5)]
    assert {kind for kind, _ in kinds(lines)} == {BlockKind.PARAGRAPH}


@pytest.mark.parametrize("mark", ["•", "–", "1.", "(a)", "iv)"])
def test_marked_lines_are_items(mark: str) -> None:
    lines = [row(50, 100 + 12 * at, f"{mark} item number {at}") for at in range(3)]
    assert [kind for kind, _ in kinds(lines)] == [BlockKind.ITEM] * 3


def test_a_bullet_is_left_out_and_a_number_stays() -> None:
    assert blocks([row(50, 100, "• one"), row(50, 112, "2. two")]) == ["one", "2. two"]


def test_a_word_that_a_lines_end_broke_is_whole() -> None:
    assert blocks(rows(50, 100, [f"{LONG} at Hal-", f"low and {LONG}"])) == [f"{LONG} at Hallow and {LONG}"]


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("COVID-", "19", "COVID-19"),
        ("1914-", "1918", "1914-1918"),
        ("Schwarz-", "Weiß", "Schwarz-Weiß"),
        ("HYPER-", "BOLISCH", "HYPERBOLISCH"),
        ("pre-", "and", "pre- and"),
        ("2,640-", "kilometer", "2,640-kilometer"),
    ],
)
def test_a_hyphen_that_belongs_to_its_word_stays(first: str, second: str, whole: str) -> None:
    assert whole in blocks(rows(50, 100, [f"{LONG} {first}", f"{second} {LONG}"]))[0]


def test_a_word_keeps_its_hyphen_where_the_document_writes_it_with_one() -> None:
    lines = rows(
        50, 100, ["a well-known bridge " + LONG[:40], f"{LONG[:50]} well-", f"known and {LONG[:45]}"]
    )
    assert blocks(lines)[0].count("well-known") == 2


def test_each_word_of_the_text_is_found_at_its_span() -> None:
    parsed, _ = composed_of(rows(50, 100, [f"{LONG} at Hal-", f"low and {LONG}"]))
    found = [parsed.text[word.start : word.end] for word in parsed.layouts[0].words()]
    assert found == [*LONG.split(), "at", "Hal", "low", "and", *LONG.split()]


def test_cells_beside_each_other_are_rows_of_a_table() -> None:
    cells = [("Town", "Bridges", "Wells"), ("Hallow", "3", "12"), ("Emberg", "12", "7")]
    lines = [
        row(50 + 150 * column, 100 + 15 * at, cell)
        for at, found in enumerate(cells)
        for column, cell in enumerate(found)
    ]
    assert kinds(lines) == [
        (BlockKind.TABLE, "Town: Hallow | Bridges: 3 | Wells: 12"),
        (BlockKind.TABLE, "Town: Emberg | Bridges: 12 | Wells: 7"),
    ]


def listed(cells: Sequence[tuple[str, str]], *, bold: bool = False) -> list[Line]:
    return [
        row(50 + 200 * column, 100 + 15 * at, cell, bold=bold and not at)
        for at, found in enumerate(cells)
        for column, cell in enumerate(found)
    ]


def test_a_first_row_that_names_nothing_is_a_row_like_the_others() -> None:
    options = [("--check", "looks and does nothing"), ("--help", "tells this"), ("--name", "says who")]
    assert blocks(listed(options)) == [" | ".join(cells) for cells in options]


def test_a_first_row_in_bold_names_the_columns() -> None:
    towns = [("Town", "Mayor"), ("Hallow", "Ada Vell"), ("Emberg", "Bo Orm")]
    assert blocks(listed(towns, bold=True))[0] == "Town: Hallow | Mayor: Ada Vell"


def test_cells_that_nearly_touch_are_parted_where_the_other_rows_are() -> None:
    bridges = Line((*row(150, 100, "Bridges in all", gap=0.3).words, *row(226, 100, "Wells").words))
    head = [row(50, 100, "Town"), bridges, row(350, 100, "Mayor")]
    body = [
        row(left, 115 + 15 * at, cell)
        for at in range(3)
        for left, cell in ((50, f"Hallow {at}"), (150, f"{at}3"), (230, f"1{at}"), (350, "Orm"))
    ]
    assert blocks([*head, *body])[0] == "Town: Hallow 0 | Bridges in all: 03 | Wells: 10 | Mayor: Orm"


def test_a_line_drawn_out_to_its_columns_width_is_no_table() -> None:
    drawn = row(50, 112, "territories, while the town council", gap=3.87)
    lines = [row(50, 100, LONG), *lines_of(drawn.words), row(50, 124, LONG)]
    assert len(lines) == 2 + len(drawn.words)
    assert drawn.width == pytest.approx(lines[0].width, abs=10)
    assert blocks(lines) == [f"{LONG} {drawn.text} {LONG}"]


def pages_with(head: str, foot: str, count: int = 5) -> list[list[Line]]:
    return [
        [
            row(50, 30, head.format(page)),
            *rows(50, 100, [f"{LONG} {page} {at}" for at in range(30)]),
            row(290, 770, foot.format(page)),
        ]
        for page in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("head", "foot"),
    [("The Lorne Gazette", "{}"), ("The Lorne Gazette, no. {}", "Page {} of 5"), ("Towns", "– {} –")],
)
def test_running_heads_and_page_numbers_are_left_out(head: str, foot: str) -> None:
    parsed, made = composed_of(*pages_with(head, foot))
    assert "Gazette" not in parsed.text
    assert parsed.text.startswith(f"{LONG} 1 0")
    assert head.replace("{}", "#") in made.repeated


def test_a_head_that_says_something_else_on_each_page_is_left_out_too() -> None:
    pages = pages_with("", "")
    for page, name in zip(pages, ("Floods", "Towns", "Dams", "Roads", "Wells"), strict=True):
        page[0] = row(50, 30, name)
        page.pop()
    parsed, _ = composed_of(*([line for line in page if line.words] for page in pages))
    assert "Floods" not in parsed.text
    assert "Wells" not in parsed.text


def test_a_number_at_the_end_of_a_page_that_does_not_count_pages_stays() -> None:
    pages = pages_with("The Lorne Gazette", "{}", 3)
    for page, number in zip(pages, ("1947", "12", "803"), strict=True):
        page[-1] = row(50, 770, number)
    parsed, _ = composed_of(*pages)
    assert all(number in parsed.text for number in ("1947", "12", "803"))


def test_roman_page_numbers_are_left_out() -> None:
    pages = pages_with("The Lorne Gazette", "{}", 3)
    for page, number in zip(pages, ("iii", "iv", "v"), strict=True):
        page[-1] = row(290, 770, number)
    parsed, _ = composed_of(*pages)
    assert "iii" not in parsed.text


def test_one_page_keeps_all_that_is_on_it() -> None:
    text = " ".join(blocks(pages_with("The Lorne Gazette", "{}", 1)[0]))
    assert "The Lorne Gazette" in text
    assert text.endswith(" 1")


def test_a_page_of_nothing_but_what_is_repeated_keeps_it() -> None:
    parsed, _ = composed_of([row(50, 30, "Background")], [row(50, 30, "Background")])
    assert parsed.text == "Background\n\nBackground"


def test_notes_below_a_paragraph_that_goes_on_come_before_it() -> None:
    note = row(50, 700, "1 The other bridge fell in spring.", 7)
    first = [*rows(50, 120, [LONG] * 20), note]
    found = blocks(first, rows(50, 120, [LONG] * 3))
    assert found == [note.text, " ".join([LONG] * 23)]


def right_to_left(texts: Sequence[str], size: float = 10) -> tuple[Line, ...]:
    """Return words of a line from the right."""
    right = 500.0
    words = []
    for text in texts:
        left = right - LETTER * size * len(text)
        words.append(PlacedWord(text, left, 92, right, 102, 100, size))
        right = left - LETTER * size
    return lines_of(words)


def test_brackets_in_a_line_from_the_right_open_where_they_are_read_first() -> None:
    (line,) = right_to_left(["שלום", ")עולם(", "טוב"])
    assert line.text == "שלום (עולם) טוב"


def test_words_from_the_left_within_a_line_from_the_right_keep_their_order() -> None:
    (line,) = right_to_left(["שלום", "Gazette", "Lorne", "עולם", "טוב", "שלום"])
    assert line.text == "שלום Lorne Gazette עולם טוב שלום"


@pytest.mark.parametrize(
    ("font", "code", "character"),
    [
        ("ABCDEF+CMSY10", 0x30, "′"),
        ("CMEX10", 0x50, "∑"),
        ("CMSY8", 0x6B, "‖"),
        ("Helvetica", 0x41, "\ufffd"),
    ],
)
def test_codes_of_mathematical_fonts_are_known(font: str, code: int, character: str) -> None:
    assert meaning_in(font, code) == character


def test_what_tex_draws_over_each_other_is_one_character() -> None:
    assert composed("x\u0338=y") == "x≠y"
    assert composed("x↦→y") == "x↦y"
    assert meaning(0xF0B7) == "•"
