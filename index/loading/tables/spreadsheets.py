"""Workbooks of Excel and OpenDocument: each sheet a page, each row with the names of its columns."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from index.errors import ParseLimit, UnreadableText
from index.loading import zips
from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.properties import package_properties
from index.loading.protection import OLE_SIGNATURE, password_protected, refuse_encrypted
from index.loading.tables.grids import add_grid
from index.types import PageKind, PageReading

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_Value: TypeAlias = (
    str | bool | int | float | datetime.datetime | datetime.date | datetime.time | datetime.timedelta
)

# The streams of an OLE file that hold a workbook, since Excel 97 and before, as its directory names them.
_WORKBOOK_STREAMS = tuple(f"{name}\0".encode("utf-16-le") for name in ("Workbook", "Book"))
# A record that says the rest is encrypted stands right after the first one (BOF) of the workbook's stream,
# or after the one that protects it from being written.
_FILEPASS = re.compile(
    rb"\x09\x08[\x08\x10]\x00(?:.{8}|.{16})(?:\x86\x00\x00\x00)?\x2f\x00[\x04-\xff][\x00-\x01]", re.DOTALL
)
# In newer files with a password, of which a few are named as older ones.
_ENCRYPTED_STREAM = "EncryptedPackage\0".encode("utf-16-le")
# All cells between the first and the last one used are held at once: up to 100 bytes each.
_CELLS = 10_000_000
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_TABLE_PART = re.compile(
    rb"<table:(?P<part>table|table-row|table-cell|covered-table-cell)(?P<attributes>(?: [^>]*|/)?)>"
)
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["'](\d+)["']""")
_BLANKS = re.compile(rb"""<text:s\s[^>]*?\btext:c\s*=\s*["'](\d+)["']""")
_DIGITS_SHOWN = 15
_WHOLE_BELOW = 1e15


class SpreadsheetFormat(StrEnum):
    """The formats of workbooks, by media type."""

    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    XLSM = "application/vnd.ms-excel.sheet.macroEnabled.12"
    XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    XLS = "application/vnd.ms-excel"
    ODS = "application/vnd.oasis.opendocument.spreadsheet"


class SpreadsheetLoader:
    """Reads the workbooks of one format. Macros are not looked at; hidden sheets are read as others.

    Values come without the format that they are shown in: a share is `0.25`, not `25%`; dates and
    times are ISO 8601. Cells that hold an error come empty, since the library leaves them out.
    """

    harmless = False
    libraries: tuple[str, ...] = ("python_calamine",)

    def __init__(self, form: SpreadsheetFormat) -> None:
        self.media_type = form.value
        self._form = form

    def accepts(self, signs: Signs) -> bool:
        """Accept by the members of a ZIP file, or the streams of an OLE file."""
        match self._form:
            case SpreadsheetFormat.XLSX:
                return "xl/workbook.xml" in signs.members and "xl/vbaProject.bin" not in signs.members
            case SpreadsheetFormat.XLSM:
                return signs.members.issuperset({"xl/workbook.xml", "xl/vbaProject.bin"})
            case SpreadsheetFormat.XLSB:
                return "xl/workbook.bin" in signs.members
            case SpreadsheetFormat.ODS:
                named = signs.suffix == ".ods" and not signs.package_type and "content.xml" in signs.members
                return signs.package_type.removesuffix("-template") == self.media_type or named
            case SpreadsheetFormat.XLS:
                return signs.data.startswith(OLE_SIGNATURE) and (
                    signs.suffix == ".xls" or any(stream in signs.data for stream in _WORKBOOK_STREAMS)
                )

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return each sheet with its name as a heading, and its tables."""
        with _panics_told(name):
            return self._parsed(data, name, parsing)

    def _parsed(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        title: str | None = None
        metadata: dict[str, str | None] = {}
        if self._form is SpreadsheetFormat.XLS:
            if not data.startswith(OLE_SIGNATURE):
                raise UnreadableText(f"{name} is not an Excel workbook, or is damaged")
            if _FILEPASS.search(data) or _ENCRYPTED_STREAM in data:
                raise password_protected(name)
        else:
            title, metadata = _checked_package(data, name, parsing)
        composer = Composer(name, parsing)
        workbook = _opened(data, name)
        of = len(workbook.sheet_names)
        for number in range(1, of + 1):
            _add_sheet(composer, _sheet(workbook, number - 1, name), number, of, parsing)
            parsing.page_done(number, of)
        return composer.parsed(title, metadata)


def _opened(data: bytes, name: str) -> CalamineWorkbook:
    # Loads a compiled library, which a question asked from a shell has no use for.
    from python_calamine import CalamineError, PasswordError, load_workbook  # noqa: PLC0415

    try:
        return load_workbook(io.BytesIO(data))
    except PasswordError as error:
        raise password_protected(name) from error
    except (CalamineError, OSError) as error:
        raise UnreadableText(f"{name} is not a workbook that can be read, or is damaged") from error


def _sheet(workbook: CalamineWorkbook, position: int, name: str) -> CalamineSheet:
    from python_calamine import CalamineError  # noqa: PLC0415 - as above

    try:
        return workbook.get_sheet_by_index(position)
    except (CalamineError, OSError) as error:
        raise UnreadableText(
            f"{name} is damaged: sheet {workbook.sheet_names[position]!r} cannot be read"
        ) from error


@contextmanager
def _panics_told(name: str) -> Iterator[None]:
    """Raise `UnreadableText` where the compiled library gives up, which it tells beside all exceptions."""
    try:
        yield
    except BaseException as error:
        # Its class has no name to import it by.
        if type(error).__name__ == "PanicException":
            raise UnreadableText(f"{name} is damaged: its cells cannot be read") from error
        raise


def _add_sheet(composer: Composer, sheet: CalamineSheet, number: int, of: int, parsing: Parsing) -> None:
    # A sheet of diagrams alone has no cells either.
    reading = PageReading.BLANK if sheet.start is None else PageReading.TEXT
    composer.begin_page(number, PageKind.SHEET, reading=reading, label=sheet.name)
    if reading is PageReading.TEXT:
        composer.heading(sheet.name, 2)
        rows = ([shown(value) for value in row] for row in sheet.iter_rows())
        add_grid(composer, rows, lambda: parsing.page_done(number - 1, of))


def shown(value: _Value) -> str:  # noqa: PLR0911 - a table of cases
    """Return a value as people see it in a cell, as far as that is known."""
    match value:
        case str():
            return value
        case bool():
            return str(value).upper()
        case float():
            if value.is_integer() and abs(value) < _WHOLE_BELOW:
                return str(int(value))
            # As many digits as Excel keeps: 0.1 + 0.2 is 0.3 in a cell.
            return f"{value:.{_DIGITS_SHOWN}g}"
        case datetime.datetime():
            day = (value + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)
            return day.isoformat(" ").removesuffix(":00").removesuffix(" 00:00")
        case datetime.time():
            return value.replace(microsecond=0).isoformat().removesuffix(":00")
        case datetime.timedelta():
            total = round(value.total_seconds())
            minutes, seconds = divmod(abs(total), 60)
            return f"{'-' if total < 0 else ''}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            return str(value)


def _checked_package(data: bytes, name: str, parsing: Parsing) -> tuple[str | None, dict[str, str | None]]:
    """Return title and metadata of a workbook that is a ZIP file within bounds."""
    if not data.startswith(zips.SIGNATURES):
        raise UnreadableText(f"{name} is not a workbook, or is damaged")
    with zips.opened_package(data, name, parsing) as package:
        names = set(package.namelist())
        refuse_encrypted(package, name)
        for member in names:
            if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                _check_sheet(zips.read(package, member, name), name)
        if "content.xml" in names:
            content = zips.read(package, "content.xml", name)
            _check_tables(content, name)
            _check_blanks(content, name, parsing)
        return package_properties(package, name)


def _check_extent(rows: int, columns: int, name: str) -> None:
    """Raise `ParseLimit` where few cells stand so far apart that the room between them is too much."""
    if rows * columns > _CELLS:
        raise ParseLimit(
            f"{name} has a sheet of {rows} rows and {columns} columns, more than are read; "
            "remove what stands far from the rest"
        )


def _check_sheet(sheet: bytes, name: str) -> None:
    """Check how far the cells of a sheet of Excel reach, by their addresses."""
    rows = columns = 0
    for letters, row in _CELL.findall(sheet):
        column = 0
        for letter in letters.upper():
            column = column * 26 + letter - 64
        columns = max(columns, column)
        rows = max(rows, int(row))
    _check_extent(rows, columns, name)


def _check_tables(content: bytes, name: str) -> None:
    """Check how far the cells of OpenDocument reach, where one element stands for many rows or columns."""
    rows = last_row = column = last_column = 0
    for found in _TABLE_PART.finditer(content):
        part, attributes = found["part"], found["attributes"]
        times = int(repeated[1]) if (repeated := _REPEATED.search(attributes)) else 1
        if part == b"table":
            _check_extent(last_row, last_column, name)
            rows = last_row = column = last_column = 0
        elif part == b"table-row":
            rows, column = rows + times, 0
        else:
            column += times
            if not attributes.endswith(b"/") or b"value" in attributes:
                last_row, last_column = rows, max(last_column, column)
    _check_extent(last_row, last_column, name)


def _check_blanks(content: bytes, name: str, parsing: Parsing) -> None:
    """Check how much text OpenDocument's blanks make, of which one element stands for many."""
    blanks = sum(map(int, _BLANKS.findall(content)))
    if blanks > parsing.characters:
        raise ParseLimit(f"{name} has {blanks} blanks in its cells, more than are read; remove them")
