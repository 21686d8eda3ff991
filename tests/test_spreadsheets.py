"""Workbooks: sheets as pages, rows that can be quoted by themselves, and what is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter
from contracts import LoaderContract
from xlsxwriter.workbook import Workbook

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading import Loader, Parsed, Parsing, chosen_loader
from index.loading.tables.spreadsheets import SpreadsheetFormat, SpreadsheetLoader, shown
from index.types import BlockKind, PageKind, PageReading

# Made by LibreOffice 7.4 of one workbook; `harvest-protected` has the password `orlen`.
DOCUMENTS = Path(__file__).parent / "documents"
DAMAGED = b"PK\x03\x04" + b"no workbook" * 50
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

OPEN_DOCUMENT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="Sheet">{}</table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)
CELL = '<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>'


def fixture(name: str) -> bytes:
    return (DOCUMENTS / name).read_bytes()


def parse(data: bytes, form: SpreadsheetFormat = SpreadsheetFormat.XLSX) -> Parsed:
    return SpreadsheetLoader(form).parse(data, "book.bin", Parsing())


def made(fill: Callable[[Workbook], object]) -> bytes:
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True})
    fill(workbook)
    workbook.close()
    return file.getvalue()


def sheet(*rows: list[object]) -> bytes:
    def fill(workbook: Workbook) -> None:
        worksheet = workbook.add_worksheet("Sheet")
        for number, row in enumerate(rows):
            worksheet.write_row(number, 0, row)

    return made(fill)


def with_macros(workbook: Workbook) -> None:
    workbook.add_vba_project(io.BytesIO(OLE + b"Sub Secret()" * 20), is_stream=True)
    workbook.add_worksheet("Sheet").write_row(0, 0, ["Brennick", "Ash"])


def changed(data: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a ZIP file with one of its members changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(file, "w") as after:
        for info in before.infolist():
            content = before.read(info)
            after.writestr(info.filename, change(content) if info.filename == member else content)
    return file.getvalue()


def open_document(rows: str) -> bytes:
    return changed(fixture("harvest.ods"), "content.xml", lambda _: OPEN_DOCUMENT.format(rows).encode())


def binary_workbook() -> bytes:
    """Return a workbook of one sheet with one row, in the records of XLSB."""

    def record(kind: int, content: bytes = b"") -> bytes:
        number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return number + bytes([len(content)]) + content

    def words(text: str) -> bytes:
        return struct.pack("<L", len(text)) + text.encode("utf-16-le")

    sheets = record(0x9C, struct.pack("<LL", 0, 1) + words("rId1") + words("Sheet"))
    row = record(0, struct.pack("<LLHBBBL", 0, 0, 300, 0, 0, 0, 0))
    cells = [struct.pack("<LL", column, 0) for column in range(2)]
    rows = row + record(6, cells[0] + words("Brennick")) + record(5, cells[1] + struct.pack("<d", 120.0))
    size = record(0x94, struct.pack("<LLLL", 0, 0, 0, 1))
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    members = {
        "[Content_Types].xml": b"<Types/>",
        "xl/workbook.bin": record(0x83) + record(0x8F) + sheets + record(0x90) + record(0x84),
        "xl/_rels/workbook.bin.rels": (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{relations}" Target="worksheets/sheet1.bin"/></Relationships>'
        ).encode(),
        "xl/worksheets/sheet1.bin": record(0x81) + size + record(0x91) + rows + record(0x92) + record(0x82),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for name, content in members.items():
            package.writestr(name, content)
    return file.getvalue()


class TestXlsx(LoaderContract):
    suffix = ".xlsx"
    good = fixture("harvest.xlsx")
    bad = DAMAGED

    def loader(self) -> Loader:
        return SpreadsheetLoader(SpreadsheetFormat.XLSX)


class TestXlsm(LoaderContract):
    suffix = ".xlsm"
    good = made(with_macros)
    bad = DAMAGED

    def loader(self) -> Loader:
        return SpreadsheetLoader(SpreadsheetFormat.XLSM)


class TestXlsb(LoaderContract):
    suffix = ".xlsb"
    good = binary_workbook()
    bad = DAMAGED

    def loader(self) -> Loader:
        return SpreadsheetLoader(SpreadsheetFormat.XLSB)


class TestXls(LoaderContract):
    suffix = ".xls"
    good = fixture("harvest.xls")
    bad = DAMAGED

    def loader(self) -> Loader:
        return SpreadsheetLoader(SpreadsheetFormat.XLS)


class TestOds(LoaderContract):
    suffix = ".ods"
    good = fixture("harvest.ods")
    bad = DAMAGED

    def loader(self) -> Loader:
        return SpreadsheetLoader(SpreadsheetFormat.ODS)


HARVEST = pytest.mark.parametrize(
    "form",
    [SpreadsheetFormat.XLSX, SpreadsheetFormat.XLS, SpreadsheetFormat.ODS],
    ids=lambda form: str(form.name),
)


@HARVEST
def test_one_workbook_reads_the_same_in_every_format(form: SpreadsheetFormat) -> None:
    parsed = parse(fixture(f"harvest.{form.name.lower()}"), form)
    assert parsed.text == (
        "Harvest\n\nHarvest of 2024 by village\n\n"
        "Village: Brennick | Tonnes: 120 | Share: 0.25 | Begun: 2024-08-05\n"
        "Village: Sölden-Ost | Tonnes: 360.5 | Share: 0.751 | Begun: 2024-08-19\n\n"
        "Values\n\n"
        "Kind: moment | Value: 2024-08-19 06:45\nKind: clock | Value: 07:30\nKind: truth | Value: TRUE\n"
        "Kind: sum | Value: 0.3\nerror\n\n"
        "Notes\n\nThe mill at Brennick counted twice in May."
    )


@HARVEST
def test_each_sheet_is_a_page_with_its_name_a_hidden_and_an_empty_one_too(form: SpreadsheetFormat) -> None:
    parsed = parse(fixture(f"harvest.{form.name.lower()}"), form)
    assert [(page.number, page.label, page.reading) for page in parsed.pages] == [
        (1, "Harvest", PageReading.TEXT),
        (2, "Values", PageReading.TEXT),
        (3, "Notes", PageReading.TEXT),
        (4, "Empty", PageReading.BLANK),
    ]
    assert {page.kind for page in parsed.pages} == {PageKind.SHEET}
    notes, empty = parsed.pages[2:]
    assert parsed.text[notes.start : notes.end] == "Notes\n\nThe mill at Brennick counted twice in May."
    assert empty.start == empty.end


def test_the_name_of_a_sheet_is_a_heading_and_each_row_a_block() -> None:
    parsed = parse(fixture("harvest.xlsx"))
    kinds = [block.kind for block in parsed.blocks[:4]]
    assert kinds == [BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.TABLE, BlockKind.TABLE]


@pytest.mark.parametrize("suffix", ["xlsx", "ods"])
def test_title_author_and_date_are_what_the_file_says_of_itself(suffix: str) -> None:
    parsed = parse(fixture(f"harvest.{suffix}"), SpreadsheetFormat[suffix.upper()])
    assert parsed.title == "Harvest of the Orlen valley"
    assert parsed.metadata["author"] == "Mira Tolland"
    assert parsed.metadata["date"].startswith("2024-10-03T09:30:00")


def test_a_formula_gives_the_value_that_was_kept_of_it() -> None:
    def fill(workbook: Workbook) -> None:
        worksheet = workbook.add_worksheet("Sheet")
        worksheet.write_row(0, 0, ["Sum", "Word"])
        worksheet.write_formula(1, 0, "=1+1", None, 2)
        worksheet.write_formula(1, 1, '="mi"&"ll"', None, "mill")
        worksheet.write_formula(2, 0, "=1/0", None, "#DIV/0!")
        worksheet.write(2, 1, "no sum")

    assert parse(made(fill)).text == "Sheet\n\nSum: 2 | Word: mill\nWord: no sum"


def test_a_merged_cell_is_said_once() -> None:
    def fill(workbook: Workbook) -> None:
        worksheet = workbook.add_worksheet("Sheet")
        worksheet.merge_range(0, 0, 0, 2, "Wheat and rye")
        worksheet.write_row(1, 0, ["Village", "Wheat", "Rye"])
        worksheet.write_row(2, 0, ["Brennick", 1, 2])

    assert parse(made(fill)).text == "Sheet\n\nWheat and rye\n\nVillage: Brennick | Wheat: 1 | Rye: 2"


def test_text_in_many_styles_is_one_text_and_line_breaks_in_a_cell_are_blanks() -> None:
    def fill(workbook: Workbook) -> None:
        bold = workbook.add_format({"bold": True})
        worksheet = workbook.add_worksheet("Sheet")
        worksheet.write_rich_string(0, 0, "the ", bold, "mi", "ll")
        worksheet.write(0, 1, "one\ntwo")

    assert parse(made(fill)).text == "Sheet\n\nthe mill | one two"


def test_a_sheet_that_is_a_diagram_is_blank() -> None:
    def fill(workbook: Workbook) -> None:
        workbook.add_worksheet("Cells").write_column(0, 0, [1, 2])
        chart = workbook.add_chart({"type": "line"})
        chart.add_series({"values": "=Cells!$A$1:$A$2"})
        workbook.add_chartsheet("Diagram").set_chart(chart)

    assert [page.reading for page in parse(made(fill)).pages] == [PageReading.TEXT, PageReading.BLANK]


def test_macros_are_not_read() -> None:
    assert parse(made(with_macros), SpreadsheetFormat.XLSM).text == "Sheet\n\nBrennick | Ash"


def test_a_binary_workbook_is_read() -> None:
    assert parse(binary_workbook(), SpreadsheetFormat.XLSB).text == "Sheet\n\nBrennick | 120"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (3.0, "3"),
        (-0.0, "0"),
        (1e15, "1e+15"),
        (False, "FALSE"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        (timedelta(minutes=-90), "-1:30:00"),
    ],
)
def test_a_value_is_shown_as_a_cell_shows_it(value: float | timedelta, text: str) -> None:
    assert shown(value) == text


def test_no_second_of_a_day_is_lost() -> None:
    def fill(workbook: Workbook) -> None:
        clock = workbook.add_format({"num_format": "hh:mm:ss"})
        worksheet = workbook.add_worksheet("Sheet")
        for row, second in enumerate(range(1, 86_400, 599)):
            worksheet.write_number(row, 0, second / 86_400, clock)

    lines = parse(made(fill)).text.split("\n\n", 1)[1].split("\n")
    expected = [str(timedelta(seconds=second)).rjust(8, "0") for second in range(1, 86_400, 599)]
    assert lines == [time.removesuffix(":00") for time in expected]


@pytest.mark.parametrize(
    ("name", "form"), [("harvest-protected.xls", "XLS"), ("harvest-protected.ods", "ODS")]
)
def test_a_workbook_with_a_password_is_refused_as_that(name: str, form: str) -> None:
    with pytest.raises(EncryptedDocument, match=r"book\.bin is protected by a password"):
        parse(fixture(name), SpreadsheetFormat[form])


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_newer_workbook_with_a_password_is_refused_whatever_its_suffix(suffix: str) -> None:
    data = fixture("harvest-protected.xlsx")
    with pytest.raises(EncryptedDocument, match="protected by a password"):
        chosen_loader(data, f"book{suffix}", max_bytes=2**20).parse(data, "book", Parsing())


def test_a_password_is_noticed_behind_the_mark_of_a_file_that_may_not_be_written() -> None:
    start = b"\x09\x08\x10\x00" + bytes(16) + b"\x86\x00\x00\x00" + b"\x2f\x00\x36\x00" + b"\x01\x00"
    with pytest.raises(EncryptedDocument):
        parse(OLE + bytes(504) + start, SpreadsheetFormat.XLS)


@pytest.mark.parametrize("address", ['r="XFD1048576"', "r='XFD1048576'", 's="1" r = "xfd1048576"'])
def test_a_cell_far_from_the_others_is_refused_before_the_room_between_is_taken(address: str) -> None:
    data = changed(
        sheet(["a", "b"]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'r="B1"', address.encode()),
    )
    with pytest.raises(ParseLimit, match=r"book\.bin has a sheet of 1048576 rows and 16384 columns"):
        parse(data)


@pytest.mark.parametrize(
    "rows",
    [
        f'<table:table-row table:number-rows-repeated="1000000000">{CELL}</table:table-row>',
        f"<table:table-row table:number-rows-repeated='99999999999'>{CELL}</table:table-row>",
        f'<table:table-row>{CELL}</table:table-row><table:table-row table:number-rows-repeated="1048570">'
        "<table:table-cell/></table:table-row><table:table-row><table:table-cell "
        f'table:number-columns-repeated="16383"/>{CELL}</table:table-row>',
    ],
    ids=["rows", "more rows than a number holds", "a cell far away"],
)
def test_rows_of_open_document_that_stand_for_too_many_are_refused(rows: str) -> None:
    with pytest.raises(ParseLimit, match=r"book\.bin has a sheet of"):
        parse(open_document(rows), SpreadsheetFormat.ODS)


def test_a_blank_that_stands_for_too_many_is_refused() -> None:
    blanks = CELL.replace(">x<", '>a<text:s text:c="999999999"/>b<')
    with pytest.raises(ParseLimit, match=r"book\.bin has 999999999 blanks"):
        parse(open_document(f"<table:table-row>{blanks}</table:table-row>"), SpreadsheetFormat.ODS)


def test_empty_rows_to_the_end_of_a_sheet_are_no_bomb() -> None:
    rest = '<table:table-row table:number-rows-repeated="1048570"><table:table-cell/></table:table-row>'
    parsed = parse(open_document(f"<table:table-row>{CELL}</table:table-row>{rest}"), SpreadsheetFormat.ODS)
    assert parsed.text == "Sheet\n\nx"


def test_a_repeated_row_is_there_as_often() -> None:
    row = f'<table:table-row table:number-rows-repeated="5">{CELL}{CELL}</table:table-row>'
    assert parse(open_document(row), SpreadsheetFormat.ODS).text == "Sheet\n\n" + "\n".join(["x | x"] * 5)


@pytest.mark.parametrize("form", list(SpreadsheetFormat), ids=lambda form: str(form.name))
def test_half_a_workbook_is_refused(form: SpreadsheetFormat) -> None:
    whole = {SpreadsheetFormat.XLSM: made(with_macros), SpreadsheetFormat.XLSB: binary_workbook()}
    data = whole.get(form) or fixture(f"harvest.{form.name.lower()}")
    with pytest.raises(UnreadableText, match=r"book\.bin"):
        parse(data[: len(data) // 2], form)


@pytest.mark.parametrize("member", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_broken_xml_is_refused(member: str) -> None:
    data = changed(sheet(["a", "b"]), member, lambda xml: xml[: len(xml) // 2])
    with pytest.raises(UnreadableText, match=r"book\.bin"):
        parse(data)


@pytest.mark.parametrize("length", [8_078, 8_272, 8_660])
def test_a_library_that_gives_up_is_told_as_damage(length: int) -> None:
    # Chains of sectors that go on past the end of the file.
    with pytest.raises(UnreadableText, match=r"book\.bin is damaged: its cells cannot be read"):
        parse(fixture("harvest.xls")[:length], SpreadsheetFormat.XLS)


def test_entities_are_refused() -> None:
    entity = b'<!DOCTYPE x [<!ENTITY a "b">]>'
    data = changed(
        sheet(["a"]), "xl/sharedStrings.xml", lambda xml: xml.replace(b"<sst", entity + b"<sst", 1)
    )
    with pytest.raises(UnreadableText, match="declares entities"):
        parse(data)


def test_a_page_is_told_of_when_it_is_done() -> None:
    done: list[tuple[int, int]] = []
    SpreadsheetLoader(SpreadsheetFormat.XLSX).parse(
        fixture("harvest.xlsx"), "book", Parsing(page_done=lambda page, of: done.append((page, of)))
    )
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
