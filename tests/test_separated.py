"""Tables as text: separators, quotation marks, and files that keep to no rule."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest
from contracts import LoaderContract
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ParseLimit, UnreadableText
from index.loading import Loader, Parsed, Parsing, Signs
from index.loading.composing import one_line
from index.loading.tables.separated import SeparatedValuesLoader
from index.types import BlockKind

BINARY = bytes(range(256)) * 20
TSV = "text/tab-separated-values"


def parse(data: str | bytes, media_type: str = "text/csv") -> Parsed:
    data = data.encode() if isinstance(data, str) else data
    return SeparatedValuesLoader(media_type).parse(data, "table.csv", Parsing())


class TestCsv(LoaderContract):
    suffix = ".csv"
    textual = True
    good = b'Harvest of 2024\n\nVillage,Tonnes,Note\nBrennick,120,"dry,\nthen wet"\nAsh,80,\n'
    bad = BINARY

    def loader(self) -> Loader:
        return SeparatedValuesLoader()


class TestTsv(LoaderContract):
    suffix = ".tsv"
    textual = True
    good = b"Village\tTonnes\nBrennick\t120\nAsh\t80\n"
    bad = BINARY

    def loader(self) -> Loader:
        return SeparatedValuesLoader(TSV)


def test_text_with_commas_is_a_table_only_by_its_suffix() -> None:
    data = b"One, two, three\nfour, five, six\n"
    assert not SeparatedValuesLoader().accepts(Signs(data, ".txt"))
    assert SeparatedValuesLoader(TSV).accepts(Signs(data, ".tab"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("media_type", ["text/csv", TSV])
def test_the_separator_is_told_by_the_rows(separator: str, media_type: str) -> None:
    data = separator.join(["Village", "Tonnes"]) + "\n" + separator.join(["Brennick", "120"]) + "\n"
    parsed = parse(data, media_type)
    assert parsed.text == "Village: Brennick | Tonnes: 120"
    assert [block.kind for block in parsed.blocks] == [BlockKind.TABLE]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Place;T\nBrennick;12,5\nAsh;7,25\n", "Place: Brennick | T: 12,5\nPlace: Ash | T: 7,25"),
        ("P;A;B\nAsh;1,5;2,5\nElm;3,5;4,5\n", "P: Ash | A: 1,5 | B: 2,5\nP: Elm | A: 3,5 | B: 4,5"),
        ("Tonnes\n1,5\n2,25\n1.003,5\n4,75\n", "Tonnes: 1,5\nTonnes: 2,25\nTonnes: 1.003,5\nTonnes: 4,75"),
    ],
    ids=["one column of them", "more commas than semicolons", "nothing else"],
)
def test_decimal_commas_part_no_cells(data: str, text: str) -> None:
    assert parse(data).text == text


def test_commas_of_prose_part_no_cells() -> None:
    data = "Text;Id\nThe mill, which stood at Ash, burned;1\nIt rained, and rained;2\n"
    assert parse(data).text == (
        "Text: The mill, which stood at Ash, burned | Id: 1\nText: It rained, and rained | Id: 2"
    )


@pytest.mark.parametrize("data", ["sep=;\nA;B\n1,5;2\n", "\ufeffSEP=;\r\nA;B\r\n1,5;2\r\n"])
def test_a_first_line_may_tell_the_separator_and_is_no_text(data: str) -> None:
    assert parse(data).text == "A: 1,5 | B: 2"


def test_lines_above_a_table_are_paragraphs() -> None:
    parsed = parse("Harvest of 2024\n\nVillage,Tonnes\nBrennick,120\n")
    assert parsed.text == "Harvest of 2024\n\nVillage: Brennick | Tonnes: 120"
    assert [block.kind for block in parsed.blocks] == [BlockKind.PARAGRAPH, BlockKind.TABLE]


def test_quoted_cells_hold_separators_line_ends_and_marks() -> None:
    data = 'Name,Note\r\nMira,"came\r\nlate, again"\r\nJon,"said ""no"""\r\n'
    assert parse(data).text == 'Name: Mira | Note: came late, again\nName: Jon | Note: said "no"'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('N,T\nMira,"late\nJon,early\n', 'N: Mira | T: "late\nN: Jon | T: early'),
        ('N,T\nMira,"late\nJon,"early\n', 'N: Mira | T: "late\nN: Jon | T: "early'),
        ('N,T\nMira,"late\nJon,"a, b"\n', 'N: Mira | T: "late\nN: Jon | T: a, b'),
        ('N,T\npipe,5"\nrod,7\n', 'N: pipe | T: 5"\nN: rod | T: 7'),
        ('N\tT\nMira\t"quoted" word\nJon\tno\n', 'N: Mira | T: "quoted" word\nN: Jon | T: no'),
        ('N,T\nMira,"say \\"hi, there\\" now"\n', 'N: Mira | T: say "hi, there" now'),
    ],
    ids=["one open", "two open", "an open one above a closed one", "inches", "a word", "escaped"],
)
def test_a_quotation_mark_that_is_amiss_takes_nothing_away_and_no_row_below(data: str, text: str) -> None:
    assert parse(data).text == text


def test_ragged_rows_keep_all_their_cells() -> None:
    assert parse("A,B\n1,2,3\n4\n5,6\n").text == "A: 1 | B: 2 | 3\nA: 4\nA: 5 | B: 6"


def test_a_single_column_is_a_list() -> None:
    assert parse("Item\napple\npear\nplum\nfig\n").text == "Item\napple\npear\nplum\nfig"


def test_empty_cells_and_rows_say_nothing() -> None:
    assert parse(",,,\n,,\n").text == ""
    assert parse("A,B\n1,2\n,\n3,4\n").text == "A: 1 | B: 2\nA: 3 | B: 4"


def test_the_name_of_a_column_without_a_value_is_not_lost() -> None:
    assert parse("A,B,C\n1,,3\n").text == "A | B | C\nA: 1 | C: 3"


def test_a_cell_may_be_a_long_text_and_changes_nothing_for_the_next_file() -> None:
    long = "word " * 50_000
    assert parse(f"A,B\n1,{long}\n").text == f"A: 1 | B: {long.strip()}"
    parse("A\n")
    assert parse("Village;Note\nBrennick;a long remark, with a comma\n").text == (
        "Village: Brennick | Note: a long remark, with a comma"
    )


def test_text_over_the_limit_is_refused_while_rows_are_read() -> None:
    with pytest.raises(ParseLimit, match=r"table\.csv holds more than 100 characters"):
        SeparatedValuesLoader().parse(b"a,b\n" * 100, "table.csv", Parsing(characters=100))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_older_and_wider_encodings_are_read(encoding: str) -> None:
    data = "Stadt;Größe\r\nKöln;12\r\nMünster;7\r\n".encode(encoding)
    assert parse(data).text == "Stadt: Köln | Größe: 12\nStadt: Münster | Größe: 7"


def test_a_stray_control_character_is_a_blank_and_many_are_no_text() -> None:
    assert parse(b"A,B\n1,\x002\n").text == "A: 1 | B: 2"
    with pytest.raises(UnreadableText, match=r"table\.csv holds binary data"):
        parse(b"A,B\n1,\x002\x00\x00\n" * 10)


@pytest.mark.parametrize("mark", ["\x0c", "\u2028", "\x85"])
def test_other_marks_of_lines_than_line_ends_part_no_rows(mark: str) -> None:
    assert parse(f"A,B\n1{mark}x,2\n").text == "A: 1 x | B: 2"


CELLS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8), st.sampled_from(",;\t|"))
def test_what_a_program_wrote_is_read_cell_by_cell(rows: list[list[str]], separator: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows([["Village", "Tonnes", "Note", "Day"], *rows])
    text = parse(f"sep={separator}\n{file.getvalue()}").text
    assert all(one_line(cell) in text for row in rows for cell in row)


@given(st.text('ab",;\\\n', max_size=60))
def test_no_quotation_marks_take_a_letter_away(text: str) -> None:
    found = Counter(parse(f"sep=,\n1,2\n{text}").text)
    assert all(found[letter] >= text.count(letter) for letter in "ab")


def test_a_long_table_gives_signs_of_life() -> None:
    signs: list[int] = []
    told = Parsing(page_done=lambda page, of: signs.append(page))
    SeparatedValuesLoader().parse(b"town,bridges\n" + b"Hallow,3\n" * 50_000, "long.csv", told)
    assert len(signs) == 2
