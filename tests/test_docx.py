"""Word documents: their text in order, what of it is a heading, a row or a note, and what is not shown."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pytest
from contracts import LoaderContract

from index.loading import Loader, Parsed, Parsing, zips
from index.loading.loader import Signs
from index.loading.office.docx import DocxLoader
from index.types import BlockKind

# Made by LibreOffice 7.4 from a flat ODT that has each of these things.
LIGHTHOUSE = (Path(__file__).parent / "documents" / "lighthouse.docx").read_bytes()
TRANSITIONAL = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMESPACES = (
    f'xmlns:r="{RELATED}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
RELATIONSHIPS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)


def made(
    body: str, parts: dict[str, str] | None = None, namespace: str = TRANSITIONAL, head: str = ""
) -> bytes:
    """Return a document of some XML; each of `parts` is what stands within its root, by kind."""
    file = io.BytesIO()
    relations = "".join(
        f'<Relationship Id="rel-{kind}" Type="{RELATED}/{kind}" Target="{kind}.xml"/>' for kind in parts or {}
    )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        root = f'<w:{{}} xmlns:w="{namespace}" {NAMESPACES}>{{}}</w:{{}}>'
        package.writestr(
            "word/document.xml", head + root.format("document", f"<w:body>{body}</w:body>", "document")
        )
        package.writestr("word/_rels/document.xml.rels", RELATIONSHIPS.format(relations))
        for kind, content in (parts or {}).items():
            package.writestr(f"word/{kind}.xml", root.format(kind, content, kind))
    return file.getvalue()


def parse(data: bytes, parsing: Parsing | None = None) -> Parsed:
    return DocxLoader().parse(data, "report.docx", parsing or Parsing())


def read(body: str, parts: dict[str, str] | None = None) -> list[str]:
    """Return the blocks of a document of some XML."""
    return blocks(parse(made(body, parts)))


def blocks(parsed: Parsed, *kinds: BlockKind) -> list[str]:
    return [
        parsed.text[block.start : block.end] for block in parsed.blocks if not kinds or block.kind in kinds
    ]


def headings(parsed: Parsed) -> list[tuple[int, str]]:
    found = [block for block in parsed.blocks if block.kind is BlockKind.HEADING]
    return [(block.level, parsed.text[block.start : block.end]) for block in found]


def p(content: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def row(*cells: str, properties: str = "") -> str:
    told = "".join(cell if cell.startswith("<w:tc>") else f"<w:tc>{p(r(cell))}</w:tc>" for cell in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{told}</w:tr>"


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def style(key: str, name: str, content: str = "") -> str:
    return f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>{content}</w:style>'


class TestDocxLoader(LoaderContract):
    suffix = ".docx"
    good = LIGHTHOUSE
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return DocxLoader()


def test_a_document_of_libreoffice_is_read_in_its_order() -> None:
    parsed = parse(LIGHTHOUSE)
    assert headings(parsed) == [
        (1, "The lights of Ostermark"),
        (1, "The north light"),
        (2, "What the keepers did"),
        (1, "Ships seen"),
    ]
    assert blocks(parsed, BlockKind.PARAGRAPH) == [
        "The north light was finished in 1884 and is 41 metres high. "
        "It was lit by a gas burner of 10⁵ candles.",
        "The board's minutes give 1885.",
        "Its keeper was Tomas Reik.",
        "He retired in 1911.",
        "A plate by the door reads:",
        "No entry during fog.",
        "The south light still burns.",
    ]
    assert blocks(parsed, BlockKind.ITEM) == [
        "Trim the wick at dusk.",
        "Wind the clockwork.",
        "Twice in winter nights.",
    ]
    assert blocks(parsed, BlockKind.TABLE) == [
        "Year: 1890 | Light: North | Ships: 310",
        "Light: South | Ships: 275",
        "Year: 1891 | Light: No count was kept",
    ]


def test_the_document_tells_its_title_author_and_date() -> None:
    parsed = parse(LIGHTHOUSE)
    assert parsed.title == "The lights of Ostermark"
    assert parsed.metadata == {"author": "Ines Valmont", "date": "2021-05-04T09:30:00Z"}
    assert parsed.pages == ()


@pytest.mark.parametrize("left_out", ["circular 12", "an oil lamp", "This sentence is hidden.", "Contents"])
def test_what_is_in_the_file_and_not_part_of_the_text_is_left_out(left_out: str) -> None:
    with zipfile.ZipFile(io.BytesIO(LIGHTHOUSE)) as package:
        assert any(left_out.encode() in package.read(name) for name in package.namelist())
    assert left_out not in parse(LIGHTHOUSE).text


def test_a_document_of_python_docx_has_its_headings_lists_and_tables() -> None:
    made_by = docx.Document()
    made_by.add_heading("The ferry of Lun", 0)
    made_by.add_heading("Fares", 2)
    made_by.add_paragraph("Children travel free.", style="List Bullet")
    grid = made_by.add_table(2, 2)
    for at, text in enumerate(("Crossing", "Fare", "Lun to Ash", "4 marks")):
        grid.cell(at // 2, at % 2).text = text
    file = io.BytesIO()
    made_by.save(file)
    parsed = parse(file.getvalue())
    assert parsed.title == "The ferry of Lun"
    assert headings(parsed) == [(1, "The ferry of Lun"), (2, "Fares")]
    assert blocks(parsed, BlockKind.ITEM) == ["Children travel free."]
    assert blocks(parsed, BlockKind.TABLE) == ["Crossing: Lun to Ash | Fare: 4 marks"]


def test_a_heading_is_known_by_its_style_in_any_language_and_by_its_outline_level() -> None:
    styles = (
        style("berschrift1", "heading 1")
        + style("Kapitel", "Kapitel", '<w:basedOn w:val="berschrift1"/>')
        + style("Abschnitt", "Abschnitt", '<w:pPr><w:outlineLvl w:val="2"/></w:pPr>')
        + style(
            "Vermerk", "Vermerk", '<w:basedOn w:val="berschrift1"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr>'
        )
        + style("Kreis", "Kreis", '<w:basedOn w:val="Kreis"/>')
    )
    body = "".join(p(r(f"Unter {key}"), f'<w:pStyle w:val="{key}"/>') for key in ("Kapitel", "Abschnitt"))
    body += p(r("Direkt"), '<w:outlineLvl w:val="1"/>')
    body += "".join(
        p(r(f"Kein {key}"), f'<w:pStyle w:val="{key}"/>') for key in ("Vermerk", "Kreis", "Fehlt")
    )
    parsed = parse(made(body, {"styles": styles}))
    assert headings(parsed) == [(1, "Unter Kapitel"), (3, "Unter Abschnitt"), (2, "Direkt")]
    assert blocks(parsed, BlockKind.PARAGRAPH) == ["Kein Vermerk", "Kein Kreis", "Kein Fehlt"]


def test_prose_in_a_heading_s_style_stays_a_paragraph_that_can_be_quoted() -> None:
    prose = "The council met again. " * 15
    assert headings(parse(made(p(r(prose), '<w:outlineLvl w:val="0"/>')))) == []


def test_a_paragraph_that_is_taken_out_of_its_list_is_no_item() -> None:
    styles = style("Lst", "List Bullet")
    numbered = '<w:pStyle w:val="Lst"/><w:numPr><w:numId w:val="{}"/></w:numPr>'
    body = (
        p(r("In."), '<w:pStyle w:val="Lst"/>')
        + p(r("Out."), numbered.format(0))
        + p(r("In too."), numbered.format(3))
    )
    assert blocks(parse(made(body, {"styles": styles})), BlockKind.ITEM) == ["In.", "In too."]


def test_insertions_are_read_and_deletions_are_not() -> None:
    deleted = "<w:del><w:r><w:delText>ninety</w:delText></w:r></w:del>"
    moved = f"<w:moveFrom>{r('away ')}</w:moveFrom>"
    body = p(
        r("They paid ")
        + deleted
        + moved
        + f"<w:ins>{r('eighty')}</w:ins>"
        + f"<w:moveTo>{r(' marks.')}</w:moveTo>"
    )
    cell = f"<w:tc><w:tcPr><w:cellDel/></w:tcPr>{p(r('gone'))}</w:tc>"
    rows = table(row("Lun", "1"), row("gone", "2", properties="<w:del/>"), row("Ash", cell))
    assert read(body + rows) == ["They paid eighty marks.", "Lun | 1", "Ash"]


@pytest.mark.parametrize("joining", ["<w:rPr><w:del/></w:rPr>", '<w:framePr w:dropCap="drop"/>'])
def test_a_paragraph_whose_end_is_deleted_or_that_is_a_first_letter_is_one_with_the_next(
    joining: str,
) -> None:
    assert read(p(r("T"), joining) + p(r("he dam held."))) == ["The dam held."]
    assert read(p(r("The end."), joining)) == ["The end."]


def test_hidden_text_is_not_read_whether_it_or_its_style_says_so() -> None:
    styles = style("Hid", "Hid", "<w:rPr><w:vanish/></w:rPr>")
    shown = r("Shown.", '<w:vanish w:val="0"/>')
    body = p(r("Open. ") + r("Secret.", "<w:vanish/>")) + p(r("Secret.") + shown, '<w:pStyle w:val="Hid"/>')
    body += p(r("Secret.", '<w:rStyle w:val="Hid"/>') + r("Clear."))
    assert read(body, {"styles": styles}) == ["Open.", "Shown.", "Clear."]


def test_breaks_are_blanks_and_hyphens_are_as_shown() -> None:
    run = (
        "<w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>co</w:t><w:softHyphen/><w:t>operate</w:t>"
        '<w:noBreakHyphen/><w:t>now </w:t><w:sym w:font="Symbol" w:char="F0B3"/>'
        '<w:sym w:font="Webdings" w:char="F061"/><w:sym w:font="Arial" w:char="20AC"/>'
        '<w:sym w:char="none"/></w:r>'
    )
    assert read(p(run)) == ["one two cooperate-now ≥\N{REPLACEMENT CHARACTER}€"]


def test_of_a_field_the_result_is_read_and_not_its_instruction() -> None:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    nested = mark("begin") + r("IF ") + mark("begin") + r("NAME") + mark("separate") + r("Lun") + mark("end")
    complex_field = nested + mark("separate") + r("by Lun") + mark("end")
    simple = f'<w:fldSimple w:instr="AUTHOR">{r(" and Ash")}</w:fldSimple>'
    unended = mark("begin") + r("PAGE")
    assert read(p(r("Sold ") + complex_field + simple + unended) + p(r("Next."))) == [
        "Sold by Lun and Ash",
        "Next.",
    ]


def test_links_content_controls_and_rubies_are_read_by_what_they_show() -> None:
    link = f'<w:hyperlink r:id="x">{r("the register")}</w:hyperlink>'
    filled = (
        f"<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{r(' of 1901')}</w:sdtContent></w:sdt>"
    )
    asking = (
        f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{r('Click here.')}</w:sdtContent></w:sdt>"
    )
    ruby = f"<w:r><w:ruby><w:rt>{r('above')}</w:rt><w:rubyBase>{r(' base')}</w:rubyBase></w:ruby></w:r>"
    block = f"<w:sdt><w:sdtContent>{p(r('In a control.'))}{table(row('a', 'b'))}</w:sdtContent></w:sdt>"
    body = p(r("See ") + link + filled + asking + ruby) + block
    assert read(body) == ["See the register of 1901 base", "In a control.", "a | b"]


def test_a_footnote_comes_once_after_what_calls_it_and_after_the_table_where_that_does() -> None:
    def call(key: int, kind: str = "footnote") -> str:
        return f'<w:r><w:{kind}Reference w:id="{key}"/></w:r>'

    def note(key: int, text: str, kind: str = "footnote") -> str:
        return f'<w:{kind} w:id="{key}">{p(r(text))}</w:{kind}>'

    notes = {
        "footnotes": note(0, "separator") + note(1, "First note.") + note(2, "Second note."),
        "endnotes": note(1, "Last note.", "endnote"),
    }
    calls = f"<w:tc>{p(r('2') + call(2))}</w:tc>"
    body = p(r("Text") + call(1) + r(" on.") + call(1, "endnote")) + p(r("Then.") + call(1))
    assert read(body + table(row("1", calls), row("3", "4")), notes) == [
        *("Text on.", "First note.", "Last note."),
        "Then.",
        *("1 | 2", "3 | 4", "Second note."),
    ]


def test_a_text_box_is_read_once_after_its_paragraph() -> None:
    box = f"<w:txbxContent>{p(r('In the box.'))}</w:txbxContent>"
    other = f"<w:txbxContent>{p(r('As old programs have it.'))}</w:txbxContent>"
    drawing = (
        f"<w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{other}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    old = f"<w:r><w:pict><v:textbox>{box.replace('the', 'an old')}</v:textbox></w:pict></w:r>"
    assert read(p(r("Beside.") + drawing + old)) == ["Beside.", "In the box.", "In an old box."]


def test_a_chart_is_read_by_its_values_where_it_stands() -> None:
    chart = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    points = '<c:pt idx="{}"><c:v>{}</c:v></c:pt>'
    series = (
        "<c:ser><c:tx><c:strRef><c:strCache>" + points.format(0, "Ships") + "</c:strCache></c:strRef></c:tx>"
        "<c:cat><c:numRef><c:numCache><c:formatCode>yyyy\\-mm\\-dd</c:formatCode>"
        + points.format(0, 44562)
        + "</c:numCache></c:numRef></c:cat><c:val><c:numLit>"
        + points.format(0, "12.0")
        + "</c:numLit></c:val></c:ser>"
    )
    part = f'<c:chart xmlns:c="{chart}"><c:plotArea><c:barChart>{series}</c:barChart></c:plotArea></c:chart>'
    shown = f'<w:r><w:drawing><c:chart xmlns:c="{chart}" r:id="rel-chart"/></w:drawing></w:r>'
    assert read(p(r("See:") + shown) + p(r("After.")), {"chart": part}) == [
        "See:",
        "2022-01-01 | Ships: 12",
        "After.",
    ]


def test_powers_and_equations_do_not_run_together_into_other_numbers() -> None:
    power = (
        r("About 10")
        + r("6", '<w:vertAlign w:val="superscript"/>')
        + r(" m")
        + r("2", '<w:vertAlign w:val="superscript"/>')
    )
    parts = (
        f"<m:{part}><m:r><m:t>{number}</m:t></m:r></m:{part}>" for part, number in (("num", 1), ("den", 2))
    )
    half = f"<m:oMath><m:f>{''.join(parts)}</m:f></m:oMath>"
    assert read(p(power)) == ["About 10⁶ m2"]
    assert read(p(r("Take ") + half)) == ["Take 1 2"]


def test_cells_over_several_rows_or_columns_stand_once_and_keep_the_columns() -> None:
    def cell(text: str, properties: str) -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(r(text))}</w:tc>"

    merged = cell("repeated by some programs", "<w:vMerge/>")
    rows = table(
        row("Year", "Port", "Ships", properties="<w:tblHeader/>"),
        row(cell("1890", '<w:vMerge w:val="restart"/>'), "Lun", "12"),
        row(merged, "Ash", "9"),
        row(cell("1891, closed", '<w:gridSpan w:val="2"/>'), "0"),
        row("Ash", "7", properties='<w:gridBefore w:val="1"/>'),
        row(cell("All counts are of sail", '<w:gridSpan w:val="3"/>')),
    )
    assert read(rows) == [
        "Year: 1890 | Port: Lun | Ships: 12",
        "Port: Ash | Ships: 9",
        "Year: 1891, closed | Ships: 0",
        "Port: Ash | Ships: 7",
        "All counts are of sail",
    ]


def test_two_rows_of_names_are_one_header() -> None:
    group = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{p(r("1890"))}</w:tc>'
    marked = "<w:tblHeader/>"
    rows = table(
        row("", group, properties=marked), row("Port", "In", "Out", properties=marked), row("Lun", "3", "4")
    )
    assert read(rows) == ["Port: Lun | 1890 In: 3 | 1890 Out: 4"]


def test_a_table_that_is_layout_is_read_as_what_is_in_it() -> None:
    inner = table(row("Port", "Ships"), row("Lun", "12"))
    outer = table(row("left", f"<w:tc>{p(r('Above.'))}{inner}{p(r('Below.'))}</w:tc>"))
    assert read(outer) == ["left", "Above.", "Port: Lun | Ships: 12", "Below."]
    assert read(table(row("One box."), row("Two."))) == ["One box.", "Two."]


def test_documents_with_macros_of_strict_writers_and_with_numbered_parts_are_read() -> None:
    assert blocks(parse(made(p(r("Strict.")), namespace=STRICT))) == ["Strict."]
    renamed = io.BytesIO()
    target = f'<Relationship Id="a" Type="{RELATED}/officeDocument" Target="/word/document2.xml"/>'
    with zipfile.ZipFile(io.BytesIO(made(p(r("Text."))))) as package, zipfile.ZipFile(renamed, "w") as other:
        other.writestr("word/document2.xml", package.read("word/document.xml"))
        other.writestr("word/vbaProject.bin", b"macro")
        other.writestr("_rels/.rels", RELATIONSHIPS.format(target))
    data = renamed.getvalue()
    assert DocxLoader().accepts(Signs(data, ".docm", *zips.contents(data)))
    assert blocks(parse(data)) == ["Text."]


def test_however_deep_elements_are_nested_their_text_is_found() -> None:
    depth = 20_000
    wrapped = "<w:ins>" * depth + r("Deep.") + "</w:ins>" * depth
    cell = "<w:tbl><w:tr><w:tc>" * depth + p(r("Down.")) + "</w:tc></w:tr></w:tbl>" * depth
    assert read(p(wrapped) + "<w:sdt>" * depth + cell + "</w:sdt>" * depth) == ["Deep.", "Down."]


def test_a_long_document_gives_signs_of_life() -> None:
    told: list[tuple[int, int]] = []
    parse(made(p(r("x")) * 5_000), Parsing(page_done=lambda page, of: told.append((page, of))))
    assert len(told) == 2
