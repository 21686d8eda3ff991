"""OpenDocument text and presentations: what is read, what is left out, and what is refused."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import LoaderContract

from index.errors import EncryptedDocument, NothingRead, ParseLimit, UnreadableText
from index.loading import Loader, OcrMode, Parsed, Parsing, Signs, zips
from index.loading.open_document.loaders import OpenDocumentPresentationLoader, OpenDocumentTextLoader
from index.types import BlockKind, PageKind, PageReading

DOCUMENTS = Path(__file__).parent / "documents"
# Written by LibreOffice 7.4.
HARBOUR = (DOCUMENTS / "harbour.odt").read_bytes()
FERRIES = (DOCUMENTS / "ferries.odp").read_bytes()
PARSING = Parsing(ocr=OcrMode.OFF)
NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "presentation": "presentation",
    }.items()
)
PICTURE = "<draw:frame><draw:image><text:p/></draw:image></draw:frame>"


def package(**members: str | bytes) -> bytes:
    """Return a ZIP file; members are named without `.xml`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr({"manifest": "META-INF/manifest.xml"}.get(name, f"{name}.xml"), content)
    return file.getvalue()


def content(body: str, kind: str = "text", styles: str = "") -> str:
    return (
        f"<office:document-content {NAMES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )


def text(body: str, styles: str = "", parsing: Parsing = PARSING) -> Parsed:
    return OpenDocumentTextLoader().parse(package(content=content(body, styles=styles)), "a.odt", parsing)


def slides(*pages: str, parsing: Parsing = PARSING) -> Parsed:
    body = "".join(f"<draw:page>{page}</draw:page>" for page in pages)
    data = package(content=content(body, "presentation"))
    return OpenDocumentPresentationLoader().parse(data, "a.odp", parsing)


def told(found: Parsed) -> list[tuple[str, str]]:
    return [
        (block.kind.value + (str(block.level) if block.level else ""), found.text[block.start : block.end])
        for block in found.blocks
    ]


def cell(words: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{words}</text:p></table:table-cell>"


def repeated(times: str) -> str:
    return f'table:number-columns-repeated="{times}"'


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


class TestOpenDocumentTextLoader(LoaderContract):
    suffix = ".odt"
    good = HARBOUR
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return OpenDocumentTextLoader()


class TestOpenDocumentPresentationLoader(LoaderContract):
    suffix = ".odp"
    good = FERRIES
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return OpenDocumentPresentationLoader()


def test_a_text_document_of_libreoffice_is_read_in_order() -> None:
    found = OpenDocumentTextLoader().parse(HARBOUR, "harbour.odt", PARSING)
    assert told(found) == [
        ("heading1", "The Harbour of Vellmar"),
        ("heading2", "Contents"),
        ("item", "Dredging 1"),
        ("item", "Tonnage 2"),
        ("heading1", "Dredging"),
        (
            "paragraph",
            "The channel was dredged to eleven metres in the spring of 2019. The work took four months.",
        ),
        ("paragraph", "The survey was made by the harbour office."),
        ("paragraph", "It had been planned for six."),
        ("item", "Two dredgers worked in turns."),
        ("item", "The larger one came from Orrin."),
        ("item", "The spoil was taken to the old quarry."),
        ("paragraph", "It filled a third of it."),
        ("paragraph", "A box stands beside this line."),
        ("paragraph", "The pilot station moved in 2020."),
        ("heading2", "Tonnage"),
        ("table", "Year: 2018 | Ships: 412 | Tonnes: 96,000"),
        ("table", "Year: 2020 | Ships: closed for works"),
        ("paragraph", "The quay is owned by the town of Vellmar."),
    ]
    assert found.title == "The Harbour of Vellmar"
    assert found.metadata == {"author": "Ida Brandt", "date": "2023-04-18T09:30:00"}
    assert found.pages == ()


@pytest.mark.parametrize(
    "hidden",
    [
        "deleted remark",
        "secret margin",
        "comment to the editor",
        "hidden section",
        "Page header",
        "alternative",
    ],
)
def test_what_is_not_seen_in_the_document_is_in_its_file_and_not_in_its_text(hidden: str) -> None:
    with zipfile.ZipFile(io.BytesIO(HARBOUR)) as archive:
        xml = archive.read("content.xml") + archive.read("styles.xml")
    assert hidden.encode() in xml
    assert hidden not in OpenDocumentTextLoader().parse(HARBOUR, "harbour.odt", PARSING).text


def test_hidden_text_and_marks_beside_the_text_are_left_out() -> None:
    found = text(
        "<text:p>The <text:hidden-text>deep </text:hidden-text>quay"
        "<text:ruby><text:ruby-base>港</text:ruby-base><text:ruby-text>minato</text:ruby-text></text:ruby>"
        "<text:script>run()</text:script>.</text:p>"
        '<text:p>Gone.<text:hidden-paragraph text:is-hidden="true"/></text:p>'
        '<text:section text:display="condition" text:is-hidden="true"><text:p>Gone.</text:p></text:section>'
        '<text:p text:style-name="H">Gone.</text:p>',
        '<style:style style:name="H" style:family="paragraph" style:parent-style-name="I"/>'
        '<style:style style:name="I" style:family="paragraph"><style:text-properties text:display="none"/>'
        "</style:style>",
    )
    assert told(found) == [("paragraph", "The quay港.")]


def test_a_title_is_told_by_its_style_and_names_a_document_that_says_nothing_of_itself() -> None:
    circle = "".join(
        f'<style:style style:name="{name}" style:family="paragraph" style:parent-style-name="{parent}"/>'
        for name, parent in (("P1", "Title"), ("A", "B"), ("B", "A"))
    )
    found = text(
        '<text:p text:style-name="P1">Tolls</text:p><text:p text:style-name="A">Text.</text:p>', circle
    )
    assert told(found) == [("heading1", "Tolls"), ("paragraph", "Text.")]
    assert found.title == "Tolls"


def test_a_note_in_a_table_comes_after_the_table() -> None:
    note = "<text:note><text:note-body><text:p>Counted twice.</text:p></text:note-body></text:note>"
    table = row(cell(f"412{note}"), cell("96")) + row(cell("398"), cell("91"))
    found = text(f"<table:table>{table}</table:table><text:p>Text.</text:p>")
    assert [words for _, words in told(found)] == ["412 | 96", "398 | 91", "Counted twice.", "Text."]


def test_a_table_within_a_cell_comes_after_the_outer_one() -> None:
    inner = f"<table:table>{row(cell('in'), cell('ner'))}</table:table>"
    outer = row(cell("Out"), f"<table:table-cell><text:p>er</text:p>{inner}</table:table-cell>")
    assert told(text(f"<table:table>{outer}</table:table>")) == [("table", "Out | er"), ("table", "in | ner")]


def test_cells_that_are_covered_keep_their_column() -> None:
    covered = "<table:covered-table-cell><text:p>unseen</text:p></table:covered-table-cell>"
    header = f"<table:table-header-rows>{row(cell('A'), cell('B'), cell('C'))}</table:table-header-rows>"
    found = text(f"<table:table>{header}{row(cell('wide'), covered, cell('3'))}</table:table>")
    assert told(found) == [("table", "A: wide | C: 3")]


def test_a_header_alone_is_a_row() -> None:
    header = f"<table:table-header-rows>{row(cell('A'), cell('B'))}</table:table-header-rows>"
    assert told(text(f"<table:table>{header}</table:table>")) == [("table", "A | B")]


def test_repeated_cells_and_rows_are_told_as_often_as_they_stand() -> None:
    twice = 'table:number-columns-repeated="2"'
    far = '<table:table-cell table:number-columns-repeated="900000000"/>'
    rows = row(cell("1", twice), far, attributes='table:number-rows-repeated="3"')
    empty = row(far, attributes='table:number-rows-repeated="900000000"')
    assert [words for _, words in told(text(f"<table:table>{rows}{empty}</table:table>"))] == ["1 | 1"] * 3


@pytest.mark.parametrize("times", ["1000001", "999999999", "-5", "9" * 5000, "x"])
def test_repetition_without_end_is_refused_and_nonsense_is_once(times: str) -> None:
    table = f"<table:table>{row(cell('1', repeated(times)))}</table:table>"
    if times.isdecimal() and len(times) < 10:
        with pytest.raises(ParseLimit, match=r"a\.odt"):
            text(table)
    else:
        assert text(table).text == "1"


def test_many_repeated_words_are_refused_before_they_are_told() -> None:
    table = f"<table:table>{row(cell('word ' * 40, repeated('900')))}</table:table>"
    with pytest.raises(ParseLimit, match="repeated"):
        text(table, parsing=replace(PARSING, characters=100_000))


def test_presentations_have_a_page_for_each_slide() -> None:
    found = OpenDocumentPresentationLoader().parse(FERRIES, "ferries.odp", PARSING)
    assert [page.kind for page in found.pages] == [PageKind.SLIDE] * 4
    assert [page.reading for page in found.pages] == [
        PageReading.TEXT,
        PageReading.BLANK,
        PageReading.UNREAD,
        PageReading.TEXT,
    ]
    assert [page.reason for page in found.pages] == [None, None, "no text on it, only pictures", None]
    assert told(found) == [
        ("heading2", "Ferries of Lake Tarn"),
        ("paragraph", "Two boats cross the lake each hour."),
        ("item", "The first one sails at six."),
        ("item", "The last one returns at ten."),
        ("paragraph", "Mention the winter timetable here."),
        ("heading2", "Passengers"),
        ("table", "Season: Summer | Passengers: 31,200"),
        ("paragraph", "Counted at both piers."),
    ]
    first, *_, last = found.pages
    assert found.text[first.start : first.end].endswith("Mention the winter timetable here.")
    assert found.text[last.start : last.end].startswith("Passengers")
    assert found.title == "Ferries of Lake Tarn"


def test_placeholders_and_what_the_master_adds_are_left_out() -> None:
    def frame(attributes: str, words: str) -> str:
        box = f"<draw:text-box><text:p>{words}</text:p></draw:text-box>"
        return f"<draw:frame {attributes}>{box}</draw:frame>"

    found = slides(
        frame('presentation:class="outline" presentation:placeholder="true"', "Click to add text")
        + frame('presentation:class="footer"', "Harbour office")
        + frame('presentation:class="page-number"', "7")
        + frame('presentation:class="subtitle"', "A ferry a day")
    )
    assert told(found) == [("paragraph", "A ferry a day")]


def test_each_slide_is_told_of() -> None:
    heard: list[tuple[int, int]] = []
    slides("<text:p>A</text:p>", "", parsing=replace(PARSING, page_done=lambda *told: heard.append(told)))
    assert heard == [(1, 2), (2, 2)]


def test_a_long_text_gives_signs_of_life() -> None:
    heard: list[tuple[int, int]] = []
    parsing = replace(PARSING, page_done=lambda *told: heard.append(told))
    text(f"<text:p>{'word ' * 1_000_000}</text:p>", parsing=parsing)
    assert heard == [(0, 1)]


def test_slides_without_any_text_are_refused_with_the_reason() -> None:
    with pytest.raises(NothingRead, match=r"a\.odp holds no text: its 2 slides are blank"):
        slides("", "<presentation:notes><draw:page-thumbnail/></presentation:notes>")
    with pytest.raises(NothingRead, match="slide 1: no text on it, only pictures; save it as PDF"):
        slides(PICTURE, "<text:p> </text:p>")


@pytest.mark.parametrize(
    ("data", "suffix", "of_text", "of_slides"),
    [
        (HARBOUR, ".zip", True, False),
        (HARBOUR.replace(b"opendocument.text", b"opendocument.nose"), ".odt", False, False),
        (FERRIES, "", False, True),
        (package(content=""), ".ott", True, False),
        (package(content=""), ".otp", False, True),
        (package(content=""), ".zip", False, False),
        (package(mimetype=""), ".odt", False, False),
        (b"", ".odt", False, False),
    ],
)
def test_documents_are_told_by_what_they_say_and_else_by_suffix(
    data: bytes, suffix: str, of_text: bool, of_slides: bool
) -> None:
    signs = Signs(data, suffix, *zips.contents(data))
    assert OpenDocumentTextLoader().accepts(signs) is of_text
    assert OpenDocumentPresentationLoader().accepts(signs) is of_slides


def test_templates_are_read_and_drawings_are_not() -> None:
    kind = OpenDocumentTextLoader.media_type
    for variant, accepted in (("-template", True), ("-master", True), ("-web", True), ("ual", False)):
        assert OpenDocumentTextLoader().accepts(Signs(b"PK", ".x", frozenset(), kind + variant)) is accepted


def test_a_protected_document_is_refused_by_name() -> None:
    data = package(content=bytes(range(256)), manifest="<manifest:encryption-data/>")
    for loader in (OpenDocumentTextLoader(), OpenDocumentPresentationLoader()):
        with pytest.raises(EncryptedDocument, match=r"a\.odt is protected"):
            loader.parse(data, "a.odt", PARSING)


@pytest.mark.parametrize(
    "xml",
    [
        content("<text:p>It is cut")[:-60],
        content("<text:p>Text.</text:p>", "spreadsheet"),
        "",
        "no XML",
        '<?xml version="1.0" encoding="x-none"?><a/>',
        '<?xml version="1.0" encoding="utf-7"?><a/>',
        '<!DOCTYPE a [<!ENTITY b "c">]>' + content("<text:p>&b;</text:p>"),
    ],
)
def test_damaged_documents_are_refused_by_name(xml: str) -> None:
    for loader in (OpenDocumentTextLoader(), OpenDocumentPresentationLoader()):
        with pytest.raises(UnreadableText, match=r"a\.odt"):
            loader.parse(package(content=xml), "a.odt", PARSING)


def test_a_document_without_its_content_is_refused() -> None:
    with pytest.raises(UnreadableText, match=r"a\.odt is damaged"):
        OpenDocumentTextLoader().parse(package(meta="<a/>"), "a.odt", PARSING)


@pytest.mark.parametrize("element", ["text:p", "text:list", "text:span", "table:table", "draw:frame"])
def test_elements_nested_without_end_are_refused(element: str) -> None:
    with pytest.raises(ParseLimit, match="within each other"):
        text(f"<{element}>" * 20_000 + f"</{element}>" * 20_000)


def test_elements_in_places_where_they_mean_nothing_lose_no_text() -> None:
    found = text(
        row(cell("A cell alone."))
        + "<table:table><text:p>A table without rows.</text:p></table:table>"
        + "<table:table-header-rows/><text:hidden-paragraph text:is-hidden='true'/>"
        + "<text:note><text:note-body><text:p>A note alone.</text:p></text:note-body></text:note>"
    )
    assert [words for _, words in told(found)] == ["A cell alone.", "A table without rows.", "A note alone."]


def test_a_document_within_the_limit_on_unpacked_bytes_alone_is_read() -> None:
    data = package(content=content(f"<text:p>{'word ' * 100_000}</text:p>"))
    with pytest.raises(ParseLimit, match="unpack"):
        OpenDocumentTextLoader().parse(data, "a.odt", replace(PARSING, unpacked_bytes=400_000))
    (block,) = OpenDocumentTextLoader().parse(data, "a.odt", PARSING).blocks
    assert block.kind is BlockKind.PARAGRAPH
