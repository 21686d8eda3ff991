"""PDF in, documents out: text by pages, what else is in the file, and what cannot be read."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from contracts import LoaderContract
from pdf_writing import HEIGHT, WIDTH, Pdf, at, lines, turned
from pypdfium2 import raw

from index.errors import EncryptedDocument, InputError, NothingRead, ParseLimit, UnreadableText
from index.loading import Loader, OcrMode, Parsed, Parsing, chosen_loader
from index.loading.pdf.loader import PdfLoader
from index.pages import page_at
from index.types import BlockKind, PageReading, Word

PLAIN = Parsing(ocr=OcrMode.OFF)
RIVER = ["The river Lorne rose by two metres in the night", "and took the old bridge at Hallow with it."]


def parsed(pdf: Pdf | bytes, parsing: Parsing = PLAIN) -> Parsed:
    return PdfLoader().parse(pdf if isinstance(pdf, bytes) else pdf.bytes(), "report.pdf", parsing)


def texts(found: Parsed, kind: BlockKind | None = None) -> list[str]:
    return [found.text[block.start : block.end] for block in found.blocks if kind in (None, block.kind)]


def page_of(found: Parsed, words: str) -> int | None:
    return page_at(found.pages, found.text.index(words))


def words_of(found: Parsed, page: int) -> list[tuple[str, Word]]:
    (layout,) = (layout for layout in found.layouts if layout.number == page)
    return [(found.text[word.start : word.end], word) for word in layout.words()]


def three_pages() -> Pdf:
    pdf = Pdf()
    for number, name in enumerate(("Lorne", "Hallow", "Emberg"), 1):
        content = at(70, 90, f"The town of {name}", 18, "F2") + at(290, 800, str(number), 9)
        pdf.page(content + lines(70, 120, [f"{name} lies on the river and has a market on Mondays."]))
    return pdf


class TestPdfLoader(LoaderContract):
    suffix = ".pdf"
    good = three_pages().bytes()
    bad = b"%PDF-1.7\n" + bytes(range(256)) * 20

    def loader(self) -> Loader:
        return PdfLoader()


def test_each_page_holds_its_own_text() -> None:
    found = parsed(three_pages())
    assert [page.number for page in found.pages] == [1, 2, 3]
    for page, name in zip(found.pages, ("Lorne", "Hallow", "Emberg"), strict=True):
        told = f"{name} lies on the river and has a market on Mondays."
        assert found.text[page.start : page.end] == f"The town of {name}\n\n{told}"
    assert texts(found, BlockKind.HEADING)[0] == "The town of Lorne"


def test_a_blank_page_is_counted_and_holds_nothing() -> None:
    found = parsed(Pdf().page(lines(70, 90, RIVER)).page().page(at(70, 90, "And it was rebuilt.")))
    blank = found.pages[1]
    assert (blank.start, blank.reading) == (blank.end, PageReading.BLANK)
    assert page_of(found, "And it was") == 3


def test_a_sentence_that_goes_over_the_end_of_a_page_is_whole_and_begins_on_the_first() -> None:
    rows = [
        "The council of Hallow met on Monday and could not",
        "agree on who should pay for the new bridge,",
    ]
    pdf = (
        Pdf().page(lines(70, 700, rows)).page(lines(70, 90, ["which the old one had never needed.", "So it"]))
    )
    found = parsed(pdf)
    assert "new bridge, which the old one" in found.text
    assert page_of(found, "new bridge,") == 1
    assert page_of(found, "which the old") == 2


def test_a_page_that_begins_with_a_table_begins_with_the_names_of_its_columns() -> None:
    rows = [("Town", "Bridges"), ("Hallow", "3"), ("Emberg", "12")]
    table = "".join(
        at(70 + 200 * column, 90 + 20 * row, cell)
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
    )
    found = parsed(Pdf().page(lines(70, 90, RIVER)).page(table))
    assert texts(found, BlockKind.TABLE) == ["Town: Hallow | Bridges: 3", "Town: Emberg | Bridges: 12"]
    assert page_of(found, "Town: Hallow") == 2
    assert [text for text, _ in words_of(found, 2)][:4] == ["Town", "Hallow", "Bridges", "3"]


def test_who_wrote_it_when_and_its_title_are_told() -> None:
    pdf = three_pages().told(Title="Towns of the Lorne", Author="Ada Vell", CreationDate="D:20240131120000Z")
    found = parsed(pdf)
    assert found.title == "Towns of the Lorne"
    assert found.metadata["author"] == "Ada Vell"
    assert found.metadata["date"] == "2024-01-31"


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - final2.docx", "report.indd", "  "])
def test_a_title_that_is_a_files_name_or_nothing_is_none(title: str) -> None:
    assert parsed(three_pages().told(Title=title)).title is None


def test_attached_files_are_documents_of_their_own() -> None:
    found = parsed(three_pages().attach("figures.csv", b"town,bridges\nHallow,3\n"))
    assert [(file.name, file.data) for file in found.attachments] == [
        ("figures.csv", b"town,bridges\nHallow,3\n")
    ]


def test_what_only_holds_a_pdf_or_speaks_of_one_is_none() -> None:
    pdf = three_pages().bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("report.pdf", pdf)
    files = {"a.zip": buffer.getvalue(), "a.txt": b"A file that begins with %PDF-1.7 is a PDF.\n" * 3}
    for name, data in files.items():
        assert not isinstance(chosen_loader(data, name, max_bytes=2**24), PdfLoader)
    assert isinstance(chosen_loader(b"\n\n" + pdf, "a", max_bytes=2**24), PdfLoader)


def test_a_damaged_attachment_comes_empty_and_takes_nothing_with_it() -> None:
    data = three_pages().attach("figures.csv", b"town,bridges").bytes()
    found = PdfLoader().parse(data.replace(b"/EF <<", b"/XX <<"), "report.pdf", Parsing(OcrMode.OFF))
    assert found.text
    assert [(file.name, file.data) for file in found.attachments] == [("figures.csv", b"")]


def test_what_a_pdf_says_of_itself_may_be_damaged() -> None:
    data = three_pages().told(Title="\xfe\xff\xd8\x00\x00", Author="Mira").bytes()
    found = PdfLoader().parse(data, "report.pdf", Parsing(OcrMode.OFF))
    assert found.text
    assert found.metadata["author"] == "Mira"


def test_attached_files_over_the_limit_are_refused() -> None:
    pdf = three_pages().attach("figures.csv", b"x" * 2000)
    with pytest.raises(ParseLimit, match=r"report\.pdf"):
        parsed(pdf, replace(PLAIN, unpacked_bytes=1000))


def test_what_is_written_into_a_form_is_read_where_it_stands() -> None:
    pdf = Pdf()
    name = pdf.field("Ada Vell", "110 700 300 714")
    found = parsed(pdf.page(at(70, HEIGHT - 703, "Name:"), annotations=[name]))
    assert found.text == "Name: Ada Vell"
    (box,) = [word for text, word in words_of(found, 1) if text == "Ada"]
    assert (box.left, HEIGHT - 714 <= box.top <= box.bottom <= HEIGHT - 700) == (110, True)


def test_hidden_fields_and_passwords_are_not_read() -> None:
    pdf = Pdf()
    hidden = pdf.field("not to be seen", "130 700 300 714", annotation_flags=2)
    secret = pdf.field("swordfish", "130 600 300 614", flags=1 << 13)
    assert parsed(pdf.page(at(70, 142, "Name:"), annotations=[hidden, secret])).text == "Name:"


def test_text_that_somebody_put_onto_a_page_is_read() -> None:
    pdf = Pdf()
    number = pdf.add(
        "<< /Type /Annot /Subtype /FreeText /Contents (Seen by Ada) /F 4 /Rect [70 500 200 520] >>"
    )
    assert texts(parsed(pdf.page(lines(70, 90, RIVER), annotations=[number]))) == [
        " ".join(RIVER),
        "Seen by Ada",
    ]


def test_the_mark_of_a_note_is_no_digit_of_the_number_before_it() -> None:
    marked = at(70, 90, "83,190,556") + at(70 + 10 * 5.5, 86, "2", 7)
    assert parsed(Pdf().page(marked + lines(70, 120, RIVER))).text.startswith("83,190,556 2")


def test_text_from_the_right_is_in_the_order_in_which_it_is_read() -> None:
    data = (Path(__file__).parent / "documents" / "from-the-right.pdf").read_bytes()
    assert texts(parsed(data)) == [
        "السلام عليكم ولا شيء هنا في المدينة القديمة (2024).",
        "الكتاب الأول عن الملاحة في البحر يقع في الصفحة 12 من المجلد، وهو كتاب قديم عن السفن والبحارة الذين "
        "سافروا إلى بلاد بعيدة جدا في القرن الماضي مع QB Reader إلى البحر.",
        "שלום עולם (זה טקסט) לדוגמה 3.5 אחוז.",
    ]


def test_what_lies_outside_of_the_page_is_not_read() -> None:
    assert (
        parsed(Pdf().page(at(70, 90, "Seen.") + at(700, 90, "Cut off.") + at(70, 900, "Below."))).text
        == "Seen."
    )


def test_scripts_are_not_run_and_not_read() -> None:
    pdf = three_pages()
    pdf.catalog += " /OpenAction << /S /JavaScript /JS (app.alert\\('hello'\\)) >>"
    assert "alert" not in parsed(pdf).text


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_page_is_read_and_its_words_stand_where_they_are_displayed(quarters: int) -> None:
    found = parsed(Pdf().page(lines(70, 90, RIVER), entries=f"/Rotate {90 * quarters}"))
    assert found.text == " ".join(RIVER)
    (layout,) = found.layouts
    assert (layout.width > layout.height) == bool(quarters % 2)
    (word,) = [word for text, word in words_of(found, 1) if text == "Hallow"]
    corners = {0: (0, 0), 1: (1, 0), 2: (1, 1), 3: (0, 1)}
    across, down = corners[quarters]
    assert (word.left > layout.width / 2, word.top > layout.height / 2) == (bool(across), bool(down)) or (
        quarters in (0, 2) and down == (word.top > layout.height / 2)
    )


@pytest.mark.parametrize(
    ("matrix", "place"),
    [((0, 1, -1, 0), (300, 200)), ((0, -1, 1, 0), (300, 600)), ((-1, 0, 0, -1), (500, 400))],
)
def test_text_that_runs_up_down_or_upside_down_is_read_line_by_line(
    matrix: tuple[float, float, float, float], place: tuple[float, float]
) -> None:
    x, y = place
    below = (13 * -matrix[2], 13 * -matrix[3])
    content = turned(x, y, RIVER[0], matrix) + turned(x + below[0], y + below[1], RIVER[1], matrix)
    assert parsed(Pdf().page(content)).text == " ".join(RIVER)


def test_a_stamp_across_a_page_is_a_note_on_that_page() -> None:
    stamp = turned(200, 300, "DRAFT COPY", (0.7, 0.7, -0.7, 0.7), 40)
    pdf = Pdf().page(lines(70, 700, RIVER[:1] * 2) + stamp).page(lines(70, 90, RIVER[1:] * 2))
    found = parsed(pdf)
    assert texts(found, BlockKind.METADATA) == ["DRAFT COPY"]
    assert page_of(found, "DRAFT COPY") == 1


def test_words_stand_where_pdfium_says_that_their_letters_do() -> None:
    data = three_pages().bytes()
    found = parsed(data)
    page = pypdfium2.PdfDocument(data)[1]
    letters = page.get_textpage()
    told = letters.get_text_range()
    end = 0
    for text, word in words_of(found, 2):
        first = told.index(text, end)
        end = first + len(text)
        box = raw.FS_RECTF()
        raw.FPDFText_GetLooseCharBox(letters, first, box)
        assert word.left == pytest.approx(box.left, abs=0.1)
        assert word.top == pytest.approx(HEIGHT - box.top, abs=0.1)
        raw.FPDFText_GetLooseCharBox(letters, end - 1, box)
        assert word.right == pytest.approx(box.right, abs=0.1)
        assert word.bottom == pytest.approx(HEIGHT - box.bottom, abs=0.1)


def test_a_file_that_needs_a_password_is_refused() -> None:
    with pytest.raises(EncryptedDocument, match=r"report\.pdf is protected by a password"):
        parsed(three_pages().bytes("swordfish"))


def test_a_file_that_only_its_owner_may_change_is_read() -> None:
    data = three_pages().bytes("")
    assert b"/Encrypt" in data
    assert parsed(data).text == parsed(three_pages()).text


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_cut_off_file_is_read_as_far_as_it_goes_or_refused(part: float) -> None:
    data = three_pages().bytes()
    try:
        found = parsed(data[: int(part * len(data))])
    except InputError as error:
        assert "report.pdf" in str(error)
    else:
        assert found.text


def test_garbage_behind_the_signature_is_refused() -> None:
    with pytest.raises(UnreadableText, match=r"report\.pdf is damaged"):
        parsed(b"%PDF-1.7\n" + b"\x00\xff" * 3000)


def test_a_page_tree_that_leads_back_to_itself_ends() -> None:
    with pytest.raises(InputError, match=r"report\.pdf"):
        parsed(Pdf().page(lines(70, 90, RIVER)).bytes(kids="2 0 R", count=3))


def test_a_cross_reference_table_that_leads_back_to_itself_ends() -> None:
    data = three_pages().bytes()
    start = data.rindex(b"xref\n0")
    assert parsed(data.replace(b"/Root", b"/Prev %d /Root" % start)).text == parsed(data).text


def test_more_pages_than_are_read_are_refused_by_their_number() -> None:
    pdf = Pdf().page(lines(70, 90, RIVER))
    with pytest.raises(ParseLimit, match=r"report\.pdf has 10001 pages"):
        parsed(pdf.bytes(kids=f"{pdf.kids[0]} 0 R " * 10_001, count=10_001))


@pytest.mark.parametrize("box", ["0 0 1000000 1000000", "0 0 595 900000"])
def test_a_page_of_a_size_that_no_page_has_is_unread_and_the_others_are_read(box: str) -> None:
    found = parsed(Pdf().page(lines(70, 90, RIVER), box=box).page(lines(70, 90, RIVER)))
    assert [page.reading for page in found.pages] == [PageReading.UNREAD, PageReading.TEXT]
    assert found.pages[0].reason == "a size that is not that of a page"
    assert found.text == " ".join(RIVER)


def test_a_page_without_any_area_does_no_harm() -> None:
    found = parsed(Pdf().page(lines(70, 90, RIVER), box="0 0 0 0").page(lines(70, 90, RIVER)))
    assert page_of(found, RIVER[1]) in (1, 2)


def test_a_page_with_more_characters_than_anyone_reads_is_cut_off() -> None:
    rows = "".join(at(20, 20 + row * 0.8, f"row{row:03} " * 40, 0.7) for row in range(1000))
    found = parsed(Pdf().page(rows))
    assert 190_000 <= len(found.text) <= 240_000
    assert "row850" not in found.text


def test_a_font_that_tells_no_characters_makes_a_page_unread() -> None:
    pdf = Pdf()
    box = pdf.stream(b"1000 0 0 0 750 750 d1 0 0 750 750 re f")
    names = " ".join(f"/g{code}" for code in range(97, 123))
    glyphs = " ".join(f"/g{code} {box} 0 R" for code in range(97, 123))
    font = pdf.add(
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0]"
        f" /CharProcs << {glyphs} >> /Encoding << /Type /Encoding /Differences [97 {names}] >>"
        f" /FirstChar 97 /LastChar 122 /Widths [{' 1000' * 26}] >>"
    )
    pdf.page(at(70, 90, "nobody knows what this is about", font="F9"), fonts=f"/F9 {font} 0 R")
    found = parsed(pdf.page(lines(70, 90, RIVER)))
    assert found.pages[0].reading is PageReading.UNREAD
    assert "font that does not tell" in (found.pages[0].reason or "")
    assert found.text == " ".join(RIVER)


def test_a_file_of_blank_pages_says_so() -> None:
    with pytest.raises(NothingRead, match=r"report\.pdf holds no text: its 2 pages show none"):
        parsed(Pdf().page().page())


def test_each_page_is_told_of_when_it_is_done() -> None:
    done: list[tuple[int, int]] = []
    parsed(three_pages(), replace(PLAIN, page_done=lambda page, of: done.append((page, of))))
    assert list(dict.fromkeys(done)) == [(1, 3), (2, 3), (3, 3)]


def test_the_size_of_a_page_is_kept_with_its_words() -> None:
    (layout,) = parsed(Pdf().page(lines(70, 90, RIVER))).layouts
    assert (layout.width, layout.height) == (WIDTH, HEIGHT)
