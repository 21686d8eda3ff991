"""Pages without text: read by OCR, by a stand-in for tesseract here, or unread with the reason."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pdf_writing import HEIGHT, WIDTH, Pdf, at, lines

from index.errors import NothingRead
from index.loading import OcrMode, Parsed, Parsing
from index.loading.pdf import ocr as reading
from index.loading.pdf.loader import PdfLoader
from index.loading.pdf.ocr import Ocr, Picture, lacking
from index.loading.pdf.ocr_table import lines_of_table
from index.types import BlockKind, PageReading

DOTS = 300
PICTURE = Picture(bytes([255] * 100), 10, 10, DOTS)
HEAD = "\t".join(
    ("level", "page_num", "block_num", "par_num", "line_num", "word_num", "left", "top", "width", "height",
     "conf", "text")
)  # fmt: skip
BRIDGE = ["The river came over its banks in the night and", "took the old bridge at Hallow with it."]

Tesseract = Callable[..., Path]


def table(texts: Sequence[str], *, confidence: float = 96, height: int = 40) -> str:
    """Return what tesseract says of lines below each other: letters of one width, as high as they are."""
    rows = [HEAD]
    for number, text in enumerate(texts, 1):
        top = 400 + 60 * number
        rows.append(f"4\t1\t1\t1\t{number}\t0\t300\t{top}\t1800\t{height}\t-1\t")
        left = 300
        for place, word in enumerate(text.split(), 1):
            width = 20 * len(word)
            box = f"{left}\t{top}\t{width}\t{height}"
            rows.append(f"5\t1\t1\t1\t{number}\t{place}\t{box}\t{confidence}\t{word}")
            left += width + 15
    return "\n".join(rows) + "\n"


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tesseract]:
    """Give what puts a stand-in for tesseract on the path."""

    def installed(said: str = "", *, first: str = "", languages: str = "eng") -> Path:
        answer = tmp_path / "answer.tsv"
        answer.write_text(said)
        program = tmp_path / "bin" / "tesseract"
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = --list-langs ]; then echo "List of languages:"; echo {languages}; exit; fi\n'
            f'echo "$@" >> "{tmp_path}/calls"\n{first}\ncat > "{tmp_path}/picture"\ncat "{answer}"\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return tmp_path

    yield installed
    reading._lacking.cache_clear()


def parsed(pdf: Pdf, parsing: Parsing | None = None) -> Parsed:
    return PdfLoader().parse(pdf.bytes(), "scan.pdf", parsing or Parsing())


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_scanned_page_is_read_with_the_places_of_its_words(tesseract: Tesseract) -> None:
    told = tesseract(table(BRIDGE))
    found = parsed(Pdf().picture_page())
    assert found.text == " ".join(BRIDGE)
    assert [page.reading for page in found.pages] == [PageReading.OCR]
    (layout,) = found.layouts
    assert (layout.width, layout.height) == (WIDTH, HEIGHT)
    first = layout.words()[0]
    assert found.text[first.start : first.end] == "The"
    assert (first.left, first.top) == pytest.approx((300 * 72 / DOTS, 460 * 72 / DOTS), abs=0.05)
    assert f"-l eng --psm 3 --dpi {DOTS}" in (told / "calls").read_text()
    assert (told / "picture").read_bytes().startswith(b"P5 2480 3509 255\n")


def test_pages_with_text_are_not_shown_to_it(tesseract: Tesseract) -> None:
    told = tesseract(table(["read by OCR"]))
    found = parsed(Pdf().page(lines(70, 90, BRIDGE)).picture_page())
    assert [page.reading for page in found.pages] == [PageReading.TEXT, PageReading.OCR]
    assert (told / "calls").read_text().count("stdin") == 1


def test_all_pages_are_shown_to_it_where_that_is_asked_for(tesseract: Tesseract) -> None:
    tesseract(table(["read by OCR"]))
    found = parsed(Pdf().page(lines(70, 90, BRIDGE)), Parsing(ocr=OcrMode.FORCE))
    assert found.text == "read by OCR"


def test_no_page_is_shown_to_it_where_it_is_turned_off(tesseract: Tesseract) -> None:
    told = tesseract(table(["read by OCR"]))
    found = parsed(Pdf().page(lines(70, 90, BRIDGE)).picture_page(), Parsing(ocr=OcrMode.OFF))
    assert found.pages[1].reading is PageReading.UNREAD
    assert "turned off" in (found.pages[1].reason or "")
    assert not (told / "calls").exists()


def test_a_scan_without_ocr_is_refused_with_the_reason() -> None:
    with pytest.raises(NothingRead, match=r"scan\.pdf could not be read: of 2 pages, 2 have no text .* off"):
        parsed(Pdf().picture_page().picture_page(), Parsing(ocr=OcrMode.OFF))


def test_a_scan_where_tesseract_is_not_installed_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NothingRead, match=r"scan\.pdf .* tesseract, which could read it, is not installed"):
        parsed(Pdf().picture_page())


def test_a_language_that_tesseract_has_no_data_for_is_named(tesseract: Tesseract) -> None:
    tesseract(languages="eng")
    assert lacking(OcrMode.AUTO, "eng") is None
    assert "no data for 'kaz'" in (lacking(OcrMode.AUTO, "eng+kaz") or "")
    with pytest.raises(NothingRead, match="kaz"):
        parsed(Pdf().picture_page(), Parsing(languages="kaz"))


def test_the_languages_asked_for_are_handed_on(tesseract: Tesseract) -> None:
    told = tesseract(table(BRIDGE), languages="deu; echo eng")
    parsed(Pdf().picture_page(), Parsing(languages="deu+eng"))
    assert "-l deu+eng" in (told / "calls").read_text()


def test_a_page_on_which_nothing_is_read_is_blank(tesseract: Tesseract) -> None:
    tesseract(HEAD)
    found = parsed(Pdf().picture_page().page(lines(70, 90, BRIDGE)))
    assert found.pages[0].reading is PageReading.BLANK
    with pytest.raises(NothingRead, match=r"scan\.pdf holds no text: its page shows none"):
        parsed(Pdf().picture_page())


def test_a_page_at_which_it_fails_is_unread_and_the_others_are_read(tesseract: Tesseract) -> None:
    tesseract(first="exit 3")
    found = parsed(Pdf().picture_page().page(lines(70, 90, BRIDGE)))
    assert (found.pages[0].reading, found.pages[0].reason) == (PageReading.UNREAD, "OCR failed on it")
    assert found.text == " ".join(BRIDGE)


def test_pages_read_beside_each_other_come_in_their_order(tesseract: Tesseract) -> None:
    tesseract(table(BRIDGE))
    pdf = Pdf()
    for number in range(6):
        pdf = pdf.picture_page() if number % 2 else pdf.page(at(70, 90, f"This is page {number + 1} of six."))
    found = parsed(pdf)
    assert [page.number for page in found.pages] == [1, 2, 3, 4, 5, 6]
    assert [found.text[page.start : page.end] for page in found.pages][::2] == [
        f"This is page {number} of six." for number in (1, 3, 5)
    ]


def test_who_waits_for_a_page_is_told_that_it_is_being_read(
    tesseract: Tesseract, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    tesseract(table(BRIDGE), first=f'cat "{gate}" > /dev/null')
    monkeypatch.setattr(reading, "_BEAT_SECONDS", 0.01)
    heard: list[tuple[int, int]] = []

    def page_done(page: int, of: int) -> None:
        heard.append((page, of))
        if len(heard) == 3:
            gate.write_text("now")

    found = parsed(Pdf().picture_page(), Parsing(page_done=page_done))
    assert heard[:3] == [(0, 1)] * 3
    assert heard[-1] == (1, 1)
    assert found.text == " ".join(BRIDGE)


def test_a_page_that_takes_too_long_is_unread_and_its_process_is_gone(tesseract: Tesseract) -> None:
    told = tesseract(first='echo $$ > "$0.pid"; exec sleep 1000')
    with Ocr("eng", OcrMode.AUTO, page_seconds=0.5) as ocr:
        assert ocr.begin(PICTURE).lines(lambda: None) == "OCR did not end within 0.5 seconds"
    assert gone(int((told / "bin" / "tesseract.pid").read_text()))


def test_what_is_being_read_ends_with_the_parsing(tesseract: Tesseract, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    tesseract(first=f'echo $$ > "{begun}"; exec sleep 1000')
    with Ocr("eng", OcrMode.AUTO) as ocr:
        ocr.begin(PICTURE)
        process = int(begun.read_text())
        assert not gone(process)
    assert gone(process)


def test_nothing_is_begun_where_no_page_needs_it(tesseract: Tesseract) -> None:
    told = tesseract(table(BRIDGE))
    with Ocr("eng", OcrMode.AUTO):
        pass
    assert not (told / "calls").exists()


def test_what_it_took_for_text_and_is_unsure_of_is_left_out() -> None:
    noise = table(["~~ ' ri"], confidence=12)
    assert lines_of_table(noise, DOTS) == ()
    assert [line.text for line in lines_of_table(table(BRIDGE), DOTS)] == BRIDGE


def test_a_word_that_it_is_unsure_of_stays_within_its_line() -> None:
    rows = table(["women and children"]).replace("96\tand", "5\tand")
    assert [line.text for line in lines_of_table(rows, DOTS)] == ["women and children"]


def test_lines_to_be_filled_in_between_words_are_left_out() -> None:
    rows = table(["an arms race or_ _ increased"]).replace("96\t_", "20\t_")
    assert [line.text for line in lines_of_table(rows, DOTS)] == ["an arms race or increased"]


def test_a_line_in_larger_letters_is_a_heading(tesseract: Tesseract) -> None:
    page = table(BRIDGE).splitlines()
    title = [
        row.replace("\t1\t1\t1\t", "\t1\t9\t1\t", 1) for row in table(["The flood"], height=70).splitlines()
    ]
    moved = [row.replace("\t460\t", "\t300\t") for row in title[1:]]
    tesseract("\n".join([HEAD, *moved, *page[1:]]))
    found = parsed(Pdf().picture_page())
    assert (found.blocks[0].kind, found.text[: found.blocks[0].end]) == (BlockKind.HEADING, "The flood")


def test_damaged_rows_of_its_table_are_passed_over() -> None:
    rows = table(BRIDGE[:1]) + "5\t1\n\n5\tx\n"
    assert [line.text for line in lines_of_table(rows, DOTS)] == BRIDGE[:1]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed here")
def test_tesseract_itself_reads_a_page() -> None:
    forced = replace(Parsing(), ocr=OcrMode.FORCE)
    found = parsed(Pdf().page(lines(70, 120, BRIDGE, 14)), forced)
    assert found.text == " ".join(BRIDGE)
    (word,) = [word for word in found.layouts[0].words() if found.text[word.start : word.end] == "Hallow"]
    plain = parsed(Pdf().page(lines(70, 120, BRIDGE, 14)), Parsing(ocr=OcrMode.OFF))
    (same,) = [word for word in plain.layouts[0].words() if plain.text[word.start : word.end] == "Hallow"]
    assert (word.left, word.right) == pytest.approx((same.left, same.right), abs=2)
    assert same.top - 1 <= word.top <= word.bottom <= same.bottom + 1
