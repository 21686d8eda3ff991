"""Presentations: slides as pages, their shapes as they are read, and what of them is not text."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts import LoaderContract
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.oxml import parse_xml
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide
from pptx.util import Cm

from index.errors import NothingRead
from index.loading import Loader, Parsed, Parsing
from index.loading.office.pptx import PptxLoader
from index.types import BlockKind, PageKind, PageReading

# Made by LibreOffice 7.4 of a presentation of python-pptx.
ORCHARD = (Path(__file__).parent / "documents" / "orchard.pptx").read_bytes()
COVER, CONTENT, COMPARISON, TITLE_ONLY, EMPTY = 0, 1, 4, 5, 6
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"


def made(*fill: Callable[[Slide], object], layout: int = EMPTY, deck: Deck | None = None) -> bytes:
    """Return a presentation with a slide for each function that fills one."""
    presentation = deck or Presentation()
    for one in fill:
        one(presentation.slides.add_slide(presentation.slide_layouts[layout]))
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def parse(data: bytes, parsing: Parsing | None = None) -> Parsed:
    return PptxLoader().parse(data, "deck.pptx", parsing or Parsing())


def blocks(parsed: Parsed, *kinds: BlockKind) -> list[str]:
    return [
        parsed.text[block.start : block.end] for block in parsed.blocks if not kinds or block.kind in kinds
    ]


def read(*fill: Callable[[Slide], object], layout: int = EMPTY) -> list[str]:
    return blocks(parse(made(*fill, layout=layout)))


def write(
    slide: Slide, text: str, left: float = 1, top: float = 1, width: float = 8, height: float = 2
) -> None:
    slide.shapes.add_textbox(Cm(left), Cm(top), Cm(width), Cm(height)).text_frame.text = text


def say(text: str) -> Callable[[Slide], None]:
    return lambda slide: write(slide, text)


def picture(slide: Slide) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
        )

    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0))
    image += chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    slide.shapes.add_picture(io.BytesIO(image), Cm(1), Cm(1))


def nothing(slide: Slide) -> None:
    """Leave a slide as its layout has it."""


class TestPptxLoader(LoaderContract):
    suffix = ".pptx"
    good = ORCHARD
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return PptxLoader()


def test_a_presentation_of_libreoffice_is_read_slide_by_slide() -> None:
    parsed = parse(ORCHARD)
    assert parsed.title == "Orchards of the Lower Vale"
    assert parsed.metadata["author"] == "Joss Hartley"
    assert [(page.number, page.kind, page.reading) for page in parsed.pages] == [
        (number, PageKind.SLIDE, PageReading.TEXT) for number in (1, 2, 3)
    ] + [(4, PageKind.SLIDE, PageReading.BLANK)]
    assert parsed.text[parsed.pages[1].start : parsed.pages[1].end] == (
        "The harvest of 2021\n\nFrost came in April.\nHalf of the blossom was lost.\n\n"
        "Mention the growers of Ashby."
    )
    assert blocks(parsed, BlockKind.HEADING) == ["Orchards of the Lower Vale", "The harvest of 2021"]
    assert blocks(parsed, BlockKind.ITEM)[1:] == ["Frost came in April.", "Half of the blossom was lost."]
    assert blocks(parsed, BlockKind.TABLE) == [
        "Village: Ashby | Tonnes: 120",
        "Village: Mereford | Tonnes: 84",
    ]


def test_text_stands_in_bands_from_the_top_and_in_each_from_the_left() -> None:
    def fill(slide: Slide) -> None:
        write(slide, "last", 1, 15)
        write(slide, "right", 12, 5)
        write(slide, "left below", 1.1, 7.5)
        write(slide, "left", 1, 5.2, height=2)
        write(slide, "tall", 22, 5, 3, 6)
        write(slide, "first", 1, 1, 20)

    assert read(fill) == ["first", "left", "left below", "right", "tall", "last"]


def test_a_place_of_the_layout_says_where_its_text_stands() -> None:
    def fill(slide: Slide) -> None:
        write(slide, "Below.", 1, 18)
        for place, text in zip(
            slide.placeholders, ("Title", "Left", "left text", "Right", "right text"), strict=True
        ):
            place.text = text

    assert read(fill, layout=COMPARISON) == ["Title", "Left", "Right", "left text", "right text", "Below."]


def test_titles_are_headings_and_that_of_the_cover_is_above_them() -> None:
    deck = Presentation()
    cover = deck.slides.add_slide(deck.slide_layouts[COVER])
    cover.shapes.title.text = "The wells of Tarn"
    cover.placeholders[1].text = "A survey"

    def fill(slide: Slide) -> None:
        write(slide, "Above the title.", 1, 0)
        slide.shapes.title.text = "Depths"

    parsed = parse(made(fill, layout=TITLE_ONLY, deck=deck))
    assert [(block.kind, block.level) for block in parsed.blocks] == [
        (BlockKind.HEADING, 1),
        (BlockKind.PARAGRAPH, 0),
        (BlockKind.HEADING, 2),
        (BlockKind.PARAGRAPH, 0),
    ]


@pytest.mark.parametrize(
    "told", ["", "PowerPoint Presentation", "PowerPoint-Präsentation", "Présentation PowerPoint"]
)
def test_a_title_that_says_nothing_gives_way_to_that_of_the_first_slide(told: str) -> None:
    deck = Presentation()
    deck.core_properties.title = told

    def fill(slide: Slide) -> None:
        slide.shapes.title.text = "The wells of Tarn"

    assert parse(made(fill, fill, layout=TITLE_ONLY, deck=deck)).title == "The wells of Tarn"


def test_paragraphs_with_a_bullet_are_items_wherever_it_is_said() -> None:
    def fill(slide: Slide) -> None:
        frame = slide.placeholders[1].text_frame
        frame.text = "By the master."
        frame.add_paragraph().text = "None here."
        frame.paragraphs[1]._p.get_or_add_pPr().append(parse_xml(f'<a:buNone xmlns:a="{DRAWING}/main"/>'))
        write(slide, "In a box.", 1, 16)
        write(slide, "Marked.", 1, 18)
        marked = slide.shapes[-1].text_frame.paragraphs[0]._p.get_or_add_pPr()
        marked.append(parse_xml(f'<a:buChar xmlns:a="{DRAWING}/main" char="-"/>'))

    parsed = parse(made(fill, layout=CONTENT))
    assert blocks(parsed, BlockKind.ITEM) == ["By the master.", "Marked."]
    assert blocks(parsed, BlockKind.PARAGRAPH) == ["None here.", "In a box."]


def test_groups_are_read_where_they_stand() -> None:
    def fill(slide: Slide) -> None:
        write(slide, "after", 1, 12)
        group = slide.shapes.add_group_shape()
        inner = group.shapes.add_group_shape()
        inner.shapes.add_textbox(Cm(5), Cm(16), Cm(4), Cm(1)).text_frame.text = "grouped"
        # Drawn far below, shown near the top.
        group.top = Cm(2)

    assert read(fill) == ["grouped", "after"]


def test_merged_cells_stand_once_in_the_rows_of_a_table() -> None:
    def fill(slide: Slide) -> None:
        table = slide.shapes.add_table(4, 3, Cm(1), Cm(1), Cm(20), Cm(5)).table
        rows = ("Year", "Well", "Depth", "1890", "North", "12", "", "South", "9", "1891", "dry", "")
        for at, text in enumerate(rows):
            table.cell(at // 3, at % 3).text = text
        table.cell(1, 0).merge(table.cell(2, 0))
        table.cell(3, 1).merge(table.cell(3, 2))

    assert read(fill) == [
        "Year: 1890 | Well: North | Depth: 12",
        "Well: South | Depth: 9",
        "Year: 1891 | Well: dry",
    ]


def test_a_chart_gives_its_values_by_category() -> None:
    def fill(slide: Slide) -> None:
        values = CategoryChartData()
        values.categories = ["North", "South"]
        values.add_series("1890", (12.5, 9))
        values.add_series("1891", (0.1 + 0.2, None))
        frame = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Cm(1), Cm(1), Cm(9), Cm(9), values)
        frame.chart.has_title = True
        frame.chart.chart_title.text_frame.text = "Depth in metres"

    assert read(fill) == ["Depth in metres", "North | 1890: 12.5 | 1891: 0.3", "South | 1890: 9"]


def test_a_diagram_gives_its_points_in_their_order() -> None:
    def point(key: str, text: str = "", kind: str = "node") -> str:
        said = f"<dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t>" if text else ""
        return f'<dgm:pt modelId="{key}" type="{kind}">{said}</dgm:pt>'

    links = (("0", "2", 1), ("0", "1", 0), ("1", "3", 0), ("3", "1", 0))
    told = "".join(f'<dgm:cxn srcId="{at}" destId="{to}" srcOrd="{place}"/>' for at, to, place in links)
    points = (("0", "", "doc"), ("2", "Pump"), ("3", "by hand"), ("1", "Dig"), ("9", "not shown", "pres"))
    diagram = (
        f'<dgm:dataModel xmlns:dgm="{DRAWING}/diagram" xmlns:a="{DRAWING}/main">'
        f"<dgm:ptLst>{''.join(point(*one) for one in points)}</dgm:ptLst><dgm:cxnLst>{told}</dgm:cxnLst>"
        "</dgm:dataModel>"
    )
    frame = (
        "<p:graphicFrame><p:nvGraphicFramePr/><a:graphic><a:graphicData>"
        f'<dgm:relIds xmlns:dgm="{DRAWING}/diagram" r:dm="rIdD"/>'
        "</a:graphicData></a:graphic></p:graphicFrame></p:spTree>"
    )
    relation = (
        '<Relationship Id="rIdD" Target="../diagrams/data1.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData"/></Relationships>'
    )
    ends = {"ppt/slides/slide1.xml": frame, "ppt/slides/_rels/slide1.xml.rels": relation}
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made(say("Wells")))) as package, zipfile.ZipFile(file, "w") as other:
        for name in package.namelist():
            content, end = package.read(name), ends.get(name, "").encode()
            other.writestr(name, content.replace(end[end.rfind(b"</") :], end) if end else content)
        other.writestr("ppt/diagrams/data1.xml", diagram)
    assert blocks(parse(file.getvalue())) == ["Wells", "Dig", "by hand", "Pump"]


def test_notes_come_after_the_text_of_their_slide() -> None:
    def fill(slide: Slide) -> None:
        write(slide, "Shown.")
        slide.notes_slide.notes_text_frame.text = "Said."

    parsed = parse(made(fill, say("Next.")))
    assert blocks(parsed) == ["Shown.", "Said.", "Next."]
    assert parsed.text[: parsed.pages[0].end].endswith("Said.")


def test_what_every_slide_repeats_and_hidden_shapes_are_left_out_and_hidden_slides_read() -> None:
    def fill(slide: Slide) -> None:
        slide._element.set("show", "0")
        write(slide, "Shown.")
        write(slide, "Concealed.", 1, 5)
        slide.shapes[-1]._element.nvSpPr.cNvPr.set("hidden", "1")
        for kind in ("dt", "ftr", "sldNum"):
            write(slide, f"Left out {kind}", 1, 18)
            slide.shapes[-1]._element.nvSpPr.nvPr.get_or_add_ph().set("type", kind)

    assert read(fill) == ["Shown."]


def test_powers_breaks_and_fields_are_read_as_shown() -> None:
    def fill(slide: Slide) -> None:
        write(slide, "About 10")
        paragraph = slide.shapes[-1].text_frame.paragraphs[0]
        paragraph.add_run().text = "6"
        paragraph.runs[1].font._element.set("baseline", "30000")
        paragraph.add_line_break()
        field = f'<a:fld xmlns:a="{DRAWING}/main" id="x" type="{{}}"><a:t>{{}}</a:t></a:fld>'
        for kind, text in (("datetime1", "in 1890"), ("slidenum", "7")):
            paragraph._p.append(parse_xml(field.format(kind, text)))

    assert read(fill) == ["About 10⁶ in 1890"]


def test_a_slide_of_pictures_is_unread_and_one_of_nothing_blank() -> None:
    pages = parse(made(say("Text."), picture, nothing)).pages
    assert [(page.reading, page.reason) for page in pages] == [
        (PageReading.TEXT, None),
        (PageReading.UNREAD, "no text on it, only pictures"),
        (PageReading.BLANK, None),
    ]


def test_a_damaged_slide_is_unread_and_the_others_are_read() -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(made(say("One."), say("Two.")))) as package,
        zipfile.ZipFile(file, "w") as other,
    ):
        for name in package.namelist():
            other.writestr(name, b"<broken" if name == "ppt/slides/slide1.xml" else package.read(name))
    parsed = parse(file.getvalue())
    assert [(page.reading, page.reason) for page in parsed.pages] == [
        (PageReading.UNREAD, "it is damaged"),
        (PageReading.TEXT, None),
    ]
    assert parsed.text == "Two."


def test_where_no_slide_gave_text_the_reason_is_told() -> None:
    with pytest.raises(
        NothingRead, match=r"deck\.pptx could not be read: slides 1–2: no text on it, only pictures"
    ):
        parse(made(picture, picture, nothing))
    with pytest.raises(NothingRead, match=r"deck\.pptx holds no text: its 2 slides are blank"):
        parse(made(nothing, nothing))


def test_slides_come_in_the_order_of_the_presentation_and_are_told_one_by_one() -> None:
    deck = Presentation()
    made(say("Second."), say("First."), deck=deck)
    slides = deck.slides._sldIdLst
    slides.append(slides[0])
    told: list[tuple[int, int]] = []
    parsed = parse(made(deck=deck), Parsing(page_done=lambda page, of: told.append((page, of))))
    assert blocks(parsed) == ["First.", "Second."]
    assert told == [(1, 2), (2, 2)]
