"""From cells to rows that can be quoted by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ParseLimit
from index.loading import Parsing
from index.loading.composing import Composer
from index.loading.tables.grids import add_grid
from index.types import BlockKind


def composed(rows: list[list[str]]) -> Composer:
    composer = Composer("grid", Parsing())
    add_grid(composer, rows, lambda: None)
    return composer


def lines(table: str) -> list[str]:
    """Return what becomes of a table written with bars."""
    rows = [[cell.strip() for cell in line.split("|")] for line in table.strip("\n").split("\n")]
    return [line for line in composed(rows).parsed().text.split("\n") if line]


def test_each_row_has_the_names_of_its_columns() -> None:
    assert lines("Region|Sales\nNorth|12\nSouth|7") == [
        "Region: North | Sales: 12",
        "Region: South | Sales: 7",
    ]


def test_a_table_of_words_has_its_names_in_the_first_row() -> None:
    assert lines("Name|Place|Trade\nMira|Ash|miller\nJon|Elm|") == [
        "Name: Mira | Place: Ash | Trade: miller",
        "Name: Jon | Place: Elm",
    ]


def test_rows_of_numbers_alone_have_no_names() -> None:
    assert lines("1|2|3\n4|5|6") == ["1 | 2 | 3", "4 | 5 | 6"]


def test_years_name_columns_of_numbers_and_are_values_among_years() -> None:
    assert lines("Village|2022|2023\nAsh|100|110\nElm|300|310")[0] == "Village: Ash | 2022: 100 | 2023: 110"
    assert lines("Year|Tonnes\n2021|100\n2022|300") == [
        "Year: 2021 | Tonnes: 100",
        "Year: 2022 | Tonnes: 300",
    ]
    assert lines("2021|100\n2022|300") == ["2021 | 100", "2022 | 300"]


def test_lines_above_a_table_are_paragraphs_and_pairs_of_the_report_stay_pairs() -> None:
    composer = composed([["Harvest"], ["By", "Mira"], ["Village", "Wheat", "Rye"], ["Ash", "1", "2"]])
    parsed = composer.parsed()
    assert parsed.text == "Harvest\n\nBy | Mira\nVillage: Ash | Wheat: 1 | Rye: 2"
    assert [block.kind for block in parsed.blocks] == [BlockKind.PARAGRAPH, BlockKind.TABLE, BlockKind.TABLE]


def test_two_tables_have_each_their_own_names() -> None:
    assert lines("Region|Sales\nNorth|12\n\nName|Trade\nMira|miller\nJon|smith") == [
        "Region: North | Sales: 12",
        "Name: Mira | Trade: miller",
        "Name: Jon | Trade: smith",
    ]


def test_a_table_goes_on_behind_a_blank_row() -> None:
    assert lines("Village|Tonnes\nAsh|1\n\nElm|2") == ["Village: Ash | Tonnes: 1", "Village: Elm | Tonnes: 2"]
    assert lines("Village|Tonnes\n\nAsh|1\n\nElm|2") == [
        "Village: Ash | Tonnes: 1",
        "Village: Elm | Tonnes: 2",
    ]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("|Spring||Autumn|\nVillage|Wheat|Rye|Wheat|Rye", "Spring Wheat/Spring Rye/Autumn Wheat/Autumn Rye"),
        ("Village|Spring||Autumn|\n|Wheat|Rye|Wheat|Rye", "Spring Wheat/Spring Rye/Autumn Wheat/Autumn Rye"),
        ("Village|2023||2024|\n|Wheat|Rye|Wheat|Rye", "2023 Wheat/2023 Rye/2024 Wheat/2024 Rye"),
        ("Village|Wheat||Rye|\n|2023|2024|2023|2024", "Wheat 2023/Wheat 2024/Rye 2023/Rye 2024"),
    ],
)
def test_grouped_columns_are_named_with_their_group(header: str, names: str) -> None:
    first, second, third, fourth = names.split("/")
    assert lines(f"{header}\nAsh|1|2|3|4\nElm|5|6|7|8") == [
        f"Village: Ash | {first}: 1 | {second}: 2 | {third}: 3 | {fourth}: 4",
        f"Village: Elm | {first}: 5 | {second}: 6 | {third}: 7 | {fourth}: 8",
    ]


def test_tables_beside_each_other_keep_their_names() -> None:
    assert lines("Left|T||Right|P\nAsh|1||Elm|2\nOak|3||Yew|4")[0] == "Left: Ash | T: 1 | Right: Elm | P: 2"


def test_two_columns_of_one_name_keep_it() -> None:
    assert lines("Village|Tonnes|Tonnes\nAsh|1|2")[0] == "Village: Ash | Tonnes: 1 | Tonnes: 2"


@pytest.mark.parametrize("form", ["Name:|Mira\nPlace:|Ash\nTrade:|miller", "Name|Mira\nPlace|Ash\nAge|44"])
def test_the_rows_of_a_form_are_no_columns(form: str) -> None:
    assert lines(form) == form.replace("|", " | ").split("\n")


def test_the_title_of_a_group_of_rows_and_a_remark_get_no_name() -> None:
    table = "Village|Wheat|Rye\nNorth\nAsh|1|2\nSouth\nElm|3|4\nCounted twice in May."
    assert lines(table) == [
        "North",
        "Village: Ash | Wheat: 1 | Rye: 2",
        "South",
        "Village: Elm | Wheat: 3 | Rye: 4",
        "Counted twice in May.",
    ]


def test_a_few_lines_of_one_cell_are_text_and_many_are_a_list() -> None:
    kinds = {block.kind for block in composed([["One."], ["Two."]]).parsed().blocks}
    assert kinds == {BlockKind.PARAGRAPH}
    assert lines("Tonnes\n1\n2\n3\n4") == ["Tonnes: 1", "Tonnes: 2", "Tonnes: 3", "Tonnes: 4"]


def test_no_cells_are_no_text() -> None:
    assert composed([]).is_empty
    assert composed([[], ["", " "], []]).is_empty


def test_rows_are_taken_only_until_the_limit() -> None:
    taken = 0

    def endless() -> Iterator[list[str]]:
        nonlocal taken
        while True:
            taken += 1
            yield ["a", "b"]

    with pytest.raises(ParseLimit):
        add_grid(Composer("grid", Parsing(characters=1_000)), endless(), lambda: None)
    assert taken < 2_000


CELL = st.sampled_from(["", "Ash", "Elm", "12", "2023", "7,5", "Name:", "2024-05-01", "a longer remark"])


@given(st.lists(st.lists(CELL, max_size=5), max_size=12))
def test_no_cell_is_lost_whatever_the_grid(rows: list[list[str]]) -> None:
    parsed = composed(rows).parsed()
    assert all(cell in parsed.text for row in rows for cell in row)
