"""Short lines in columns: an index, a glossary or addresses are read down, the rows of a table across."""

from collections.abc import Sequence
from textwrap import wrap

import pytest
from pdf_writing import HEIGHT, Pdf, at

from index.loading import OcrMode, Parsing
from index.loading.pdf.loader import PdfLoader
from index.types import BlockKind

LEFT, RIGHT, TOP, STEP = 60.0, 290.0, 90.0, 14.0
# Places on a page: how far from the edge of its column, how many lines down, and what is there.
Entry = tuple[float, float, str]

WORDS = (
    "abbey acre anchor basin bend bridge canal cliff dam delta ferry ford gorge harbour inlet lake".split()
)
LATER = "marsh mill outlet pier pond quay reed ridge river sand shore sluice strand tide vale weir".split()
NAMES = ["Ada Vell", "Bo Orm", "Cleo Lind", "Dan Ask", "Eva Carr", "Finn Dale", "Gro Ek", "Hal Fries"]
TOWNS = ["Hallow", "Emberg", "Dorn", "Aber", "Fell", "Jorn", "Cole", "Brack"]
LABELS = ["Name", "Street", "Town", "Country", "Telephone", "Birthday", "Vessel", "Owner"]
VALUES = ["Ada Vell", "Lorne Street 12", "20110 Hallow", "Norland", "0551 22011", "3 May", "Heron", "Orm"]
ANSWERS = ["Ada Vell", "Lorne Lane", "Hallow", "Norland", "none", "in May", "Heron", "Bo Orm"]


def below(texts: Sequence[str]) -> list[Entry]:
    return [(0, line, text) for line, text in enumerate(texts)]


def drawn(*columns: tuple[float, Sequence[Entry]], by_row: bool = False) -> Pdf:
    """Return a PDF of columns, drawn one after the other, or line by line."""
    placed = [
        (left + indent, TOP + STEP * line, text) for left, side in columns for indent, line, text in side
    ]
    if by_row:
        placed.sort(key=lambda found: (found[1], found[0]))
    return Pdf().page("".join(at(*found) for found in placed))


def blocks(pdf: Pdf) -> list[str]:
    found = PdfLoader().parse(pdf.bytes(), "report.pdf", Parsing(ocr=OcrMode.OFF))
    return [found.text[block.start : block.end] for block in found.blocks]


def kinds(pdf: Pdf) -> set[BlockKind]:
    found = PdfLoader().parse(pdf.bytes(), "report.pdf", Parsing(ocr=OcrMode.OFF))
    return {block.kind for block in found.blocks}


def rows(*columns: Sequence[str]) -> list[str]:
    return [" | ".join(cells) for cells in zip(*columns, strict=True)]


def pages_of(words: Sequence[str]) -> list[str]:
    return [f"{word}, {3 * number + 2}" for number, word in enumerate(words)]


@pytest.mark.parametrize("by_row", [False, True])
def test_an_index_goes_on_at_the_top_of_the_next_column_however_it_was_drawn(by_row: bool) -> None:
    first, second = pages_of(WORDS), pages_of(LATER)
    assert blocks(drawn((LEFT, below(first)), (RIGHT, below(second)), by_row=by_row)) == [*first, *second]


def test_an_index_can_have_three_columns() -> None:
    parts = [pages_of(part) for part in (WORDS[:10], [*WORDS[10:], *LATER[:4]], LATER[4:14])]
    columns = [(60 + 170 * number, below(part)) for number, part in enumerate(parts)]
    assert blocks(drawn(*columns)) == [line for part in parts for line in part]


def test_an_index_of_few_entries_that_nothing_but_the_alphabet_orders_is_read_down() -> None:
    first, second = WORDS[:6], LATER[:6]
    assert blocks(drawn((LEFT, below(first)), (RIGHT, below(second)), by_row=True)) == [*first, *second]


def test_letters_above_the_entries_of_an_index_stay_with_them() -> None:
    first = ["A", *pages_of(WORDS[:3]), "B", *pages_of(WORDS[3:6])]
    second = ["M", *pages_of(LATER[:2]), "P", *pages_of(LATER[3:5]), "Q", "quay, 9", "R", "reed, 3"]
    assert blocks(drawn((LEFT, below(first)), (RIGHT, below(second)))) == [*first, *second]


def test_an_entry_that_goes_on_in_an_indented_line_is_whole_and_the_others_stand_alone() -> None:
    first = [*below(pages_of(WORDS[:8])), (0, 8, "dike, see the embankments of the river"), (36, 9, "Lorne")]
    first += [
        (0, 10, "ditch, see the channels of the marshes"),
        (0, 11, "drainage, 4"),
        (18, 12, "of Hallow, 5"),
    ]
    second = [(0, line + 0.4, text) for line, text in enumerate(pages_of(LATER[:13]))]
    found = blocks(drawn((LEFT, first), (RIGHT, second)))
    assert found[7:13] == [
        "cliff, 23",
        "dike, see the embankments of the river Lorne",
        "ditch, see the channels of the marshes",
        "drainage, 4",
        "of Hallow, 5",
        "marsh, 2",
    ]


def test_a_glossary_in_two_columns_is_read_down_with_its_meanings_whole() -> None:
    meanings = ["a wall that holds water", "a bed", "what carries people over neighbourhoods", "a cut"]
    words = [["arm", "bed", "bridge", "ditch"], ["gorge", "hull", "harbour", "jetty"]]
    columns = []
    for left, part, shift in ((LEFT, words[0], 0.0), (RIGHT, words[1], 0.45)):
        side: list[Entry] = []
        for word, meaning in zip(part, meanings, strict=True):
            for line in wrap(f"{word}: {meaning}", 40):
                side.append((18 * (not line.startswith(word)), len(side) + shift, line))
        columns.append((left, side))
    found = blocks(drawn(*columns))
    assert found == [
        f"{word}: {meaning}" for part in words for word, meaning in zip(part, meanings, strict=True)
    ]


def test_addresses_in_two_columns_are_read_one_below_the_other() -> None:
    people = [
        [name, f"{town} Street {number + 7}", f"2011{number} {town}"]
        for number, (name, town) in enumerate(zip(NAMES, TOWNS, strict=True))
    ]
    columns = [
        (
            left,
            [(0, 4 * place + line, text) for place, one in enumerate(part) for line, text in enumerate(one)],
        )
        for left, part in ((LEFT, people[:4]), (RIGHT, people[4:]))
    ]
    assert blocks(drawn(*columns)) == [line for one in people for line in one]


@pytest.mark.parametrize(
    "columns", [[TOWNS, NAMES], [TOWNS, NAMES, [f"{word} of oak" for word in WORDS[:8]]]]
)
@pytest.mark.parametrize("by_row", [False, True])
def test_a_table_of_words_is_read_by_rows_however_it_was_drawn(
    columns: list[list[str]], by_row: bool
) -> None:
    table = drawn(*((60.0 + 170 * at, below(column)) for at, column in enumerate(columns)), by_row=by_row)
    assert blocks(table) == rows(*columns)


def test_a_table_sorted_by_its_first_column_is_read_by_rows() -> None:
    meant = [f"{word} {town}" for word, town in zip(LATER, TOWNS * 2, strict=True)]
    table = drawn((LEFT, below(WORDS)), (RIGHT, below(meant[::-1])), by_row=True)
    assert blocks(table) == rows(WORDS, meant[::-1])


def test_a_table_of_which_all_columns_are_sorted_is_read_by_rows() -> None:
    columns = [WORDS[:8], sorted(TOWNS)]
    assert blocks(drawn((LEFT, below(columns[0])), (RIGHT, below(columns[1])), by_row=True)) == rows(*columns)


def test_a_table_with_words_and_numbers_in_all_of_its_columns_is_read_by_rows() -> None:
    houses = ["Heron 2", "Mill", "Oak 7", "Weir 3", "Tide", "Abbey 12", "Ford 1", "Dam"]
    owners = ["Orm 61", "Vell", "Ask 48", "Carr", "Dale 33", "Ek 70", "Fries 29", "Lind"]
    assert blocks(drawn((LEFT, below(houses)), (RIGHT, below(owners)), by_row=True)) == rows(houses, owners)


def test_names_all_over_a_map_are_read_from_the_top() -> None:
    sides = [
        (left, [(shift * (5 * line % 8), line + off, name) for line, name in enumerate(names)])
        for left, shift, off, names in ((LEFT, 17, 0.0, TOWNS), (RIGHT, 13, 0.5, NAMES))
    ]
    text = " ".join(blocks(drawn(*sides)))
    assert text.index("Ada Vell") < text.index("Emberg") < text.index("Cleo Lind") < text.index("Brack")


def test_columns_of_numbers_are_read_by_rows_though_all_grow() -> None:
    columns = [[str(number**power) for number in range(11, 23)] for power in (1, 2, 3)]
    table = drawn(*((60 + 170 * place, below(column)) for place, column in enumerate(columns)))
    assert blocks(table) == rows(*columns)


@pytest.mark.parametrize("values", [VALUES, ANSWERS])
@pytest.mark.parametrize("colon", ["", ":"])
def test_in_a_form_each_value_stands_with_its_label_though_all_labels_were_drawn_first(
    values: list[str], colon: str
) -> None:
    labels = [label + colon for label in LABELS]
    # Who fills a form in does not meet its lines exactly.
    filled = [(0.0, line + 0.1 * (line % 3), value) for line, value in enumerate(values)]
    assert blocks(drawn((LEFT, below(labels)), (RIGHT, filled))) == rows(labels, values)


def test_values_that_were_written_a_little_below_their_labels_come_after_them() -> None:
    filled = [(0.0, line + 0.3 + 0.05 * (line % 3), value) for line, value in enumerate(ANSWERS)]
    text = " ".join(blocks(drawn((LEFT, below(LABELS)), (RIGHT, filled))))
    assert text == " ".join(part for pair in zip(LABELS, ANSWERS, strict=True) for part in pair)


@pytest.mark.parametrize("values", [VALUES, ANSWERS])
def test_a_field_of_a_form_stands_with_its_label(values: list[str]) -> None:
    pdf = Pdf()
    fields = [
        pdf.field(value, f"320 {HEIGHT - 94 - 20 * line - 2 * (line % 3)} 520 {HEIGHT - 78 - 20 * line}")
        for line, value in enumerate(values)
    ]
    labels = "".join(at(LEFT, 90 + 20 * line, label) for line, label in enumerate(LABELS))
    assert blocks(pdf.page(labels, annotations=fields)) == rows(LABELS, values)


def test_keys_and_values_are_read_by_rows() -> None:
    assert blocks(drawn((LEFT, below(LABELS)), (RIGHT, below(VALUES)), by_row=True)) == rows(LABELS, VALUES)


def test_keys_in_the_middle_beside_values_of_several_lines_are_not_a_column_of_a_list() -> None:
    values = [(0.0, line, f"{WORDS[line]} and {LATER[line]}") for line in range(16)]
    keys = [(0.0, 2 * line + 0.5, town) for line, town in enumerate(TOWNS)]
    text = " ".join(blocks(drawn((LEFT, keys), (RIGHT, values))))
    assert text.index("abbey and") < text.index("Hallow") < text.index("anchor and") < text.index("Emberg")


def test_phrases_in_two_languages_are_read_by_rows() -> None:
    phrases = ["good morning", "good night", "thank you", "a ticket", "two beds", "where is the bridge", "no"]
    meanings = ["bonjour", "bonne nuit", "merci", "un billet", "deux lits", "où est le pont", "non"]
    columns = ((LEFT, below(phrases)), (RIGHT, below(meanings)))
    assert blocks(drawn(*columns)) == blocks(drawn(*columns, by_row=True)) == rows(phrases, meanings)


def test_a_text_in_two_languages_is_read_one_language_after_the_other() -> None:
    long = "the river came over its banks and took"
    other = "die Lorne trat über die Ufer und nahm mit"
    columns = [(LEFT, below([long] * 8 + ["the bridge."])), (RIGHT, below([other] * 8 + ["die Brücke."]))]
    assert blocks(drawn(*columns)) == [" ".join(text for _, _, text in side) for _, side in columns]


def test_a_table_of_keys_and_numbers_in_two_halves_is_read_by_rows() -> None:
    numbers = [str(7 * n + 11) for n in range(8)]
    columns = [TOWNS, numbers, [name.split()[0] for name in NAMES], numbers[::-1]]
    placed = [(60.0 + 120 * place, below(column)) for place, column in enumerate(columns)]
    assert blocks(drawn(*placed, by_row=True)) == rows(*columns)
    assert kinds(drawn(*placed, by_row=True)) == {BlockKind.TABLE}
