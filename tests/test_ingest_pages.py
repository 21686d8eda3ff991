"""Pages, slides and sheets on their way into a collection: what is read of them, and what is read again."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter
from doubles import HashingEmbedder
from pdf_writing import Pdf, lines
from pptx import Presentation
from test_ocr import table

from index.chunking import Chunker, indexed_text
from index.coverage import Unread
from index.ingest import Ingestor
from index.jobs import FileRecord, FileStatus
from index.loading import OcrMode, Parsing
from index.report import Report, Silent
from index.running import JobRunner
from index.store import Store
from index.types import Located, Page, PageKind

BRIDGE = ["The river came over its banks in the night and", "took the old bridge at Hallow with it."]
HALF_SCANNED = Pdf().page(lines(70, 90, BRIDGE)).picture_page().bytes()

Ingesting = Callable[..., Ingestor]


@pytest.fixture
def ingesting(store: Store, chunker: Chunker, embedder: HashingEmbedder) -> Ingesting:
    """Give what makes an ingestor that reads pages in some mode."""

    def made(ocr: OcrMode) -> Ingestor:
        return Ingestor(store, chunker, embedder, max_bytes=2**20, parsing=Parsing(ocr))

    return made


@pytest.fixture
def no_tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give what puts a stand-in for tesseract on the path, which reads the same on every page."""

    def installed(said: str) -> None:
        program = tmp_path / "bin" / "tesseract"
        program.parent.mkdir()
        (tmp_path / "said.tsv").write_text(table([said]))
        program.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = --list-langs ]; then echo "List of languages:"; echo eng; exit; fi\n'
            f'cat >/dev/null\ncat "{tmp_path}/said.tsv"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return installed


def add(ingestor: Ingestor, data: bytes, name: str) -> Report:
    return JobRunner.over(ingestor).add(data, name)


def passages(store: Store) -> list[Located]:
    (info,) = store.catalog.documents()
    rows = [row for row, _ in store.catalog.passages_of(info.id)]
    return list(store.catalog.passages(rows).values())


@pytest.mark.usefixtures("no_tesseract")
def test_a_page_that_could_not_be_read_is_kept_in_mind(ingesting: Ingesting, store: Store) -> None:
    assert add(ingesting(OcrMode.AUTO), HALF_SCANNED, "flood.pdf").complete
    (info,) = store.catalog.documents()
    (unread,) = info.coverage.unread
    assert (info.pages, unread.number) == (2, 2)
    assert "tesseract" in (unread.reason or "")
    assert store.catalog.unread() == Unread(1, 1)


@pytest.mark.usefixtures("no_tesseract")
def test_a_document_of_unread_pages_alone_is_refused(ingesting: Ingesting, store: Store) -> None:
    report = add(ingesting(OcrMode.AUTO), Pdf().picture_page().bytes(), "scan.pdf")
    assert report.job.code == "nothing_read"
    assert [record.status for record in report.files] == [FileStatus.FAILED]
    assert store.catalog.documents() == []


def test_an_unread_page_is_read_once_it_can_be(
    ingesting: Ingesting, store: Store, install: Callable[[str], None]
) -> None:
    add(ingesting(OcrMode.OFF), HALF_SCANNED, "flood.pdf")
    assert add(ingesting(OcrMode.OFF), HALF_SCANNED, "flood.pdf").count(FileStatus.UNCHANGED) == 1
    install("Water stood on the second page")
    assert add(ingesting(OcrMode.AUTO), HALF_SCANNED, "flood.pdf").count(FileStatus.REPLACED) == 1
    (info,) = store.catalog.documents()
    assert (info.coverage.text, info.coverage.ocr, info.coverage.unread) == (1, 1, ())
    assert "Water stood" in store.catalog.text(info.id)
    assert store.catalog.unread() == Unread(0, 0)
    assert add(ingesting(OcrMode.AUTO), HALF_SCANNED, "flood.pdf").count(FileStatus.UNCHANGED) == 1


def test_all_pages_are_read_by_ocr_where_that_is_asked_for(
    ingesting: Ingesting, store: Store, install: Callable[[str], None]
) -> None:
    install("What the picture says")
    add(ingesting(OcrMode.AUTO), HALF_SCANNED, "flood.pdf")
    assert add(ingesting(OcrMode.FORCE), HALF_SCANNED, "flood.pdf").count(FileStatus.REPLACED) == 1
    (info,) = store.catalog.documents()
    assert info.coverage.ocr == 2
    assert "Hallow" not in store.catalog.text(info.id)


def test_progress_tells_of_pages(ingesting: Ingesting) -> None:
    pdf = Pdf()
    for number in range(3):
        pdf.page(lines(70, 90, [f"Page {number} says what it says in a sentence."]))

    class Reading(Silent):
        def __init__(self) -> None:
            self.told: set[tuple[str, int, int]] = set()
            self.done = 0

        def reading(self, source: str, page: int, pages: int) -> None:
            self.told.add((source, page, pages))

        def finished(self, record: FileRecord) -> None:
            self.done += 1

    progress = Reading()
    JobRunner.over(ingesting(OcrMode.OFF)).add(pdf.bytes(), "flood.pdf", progress)
    assert progress.done == 1
    assert ("flood.pdf", 3, 3) in progress.told


def deck(*slides: tuple[str, str]) -> bytes:
    presentation = Presentation()
    for title, text in slides:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1 if title else 6])
        if title:
            slide.shapes.title.text = title
            slide.placeholders[1].text = text
        else:
            slide.shapes.add_textbox(0, 0, 900_000, 900_000).text_frame.text = text
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def test_slides_do_not_run_together_nor_take_each_others_headings(ingesting: Ingesting, store: Store) -> None:
    data = deck(("Harvest", "Apples were many."), ("", "Pears were few."), ("Prices", "They rose."))
    add(ingesting(OcrMode.OFF), data, "orchard.pptx")
    found = [(one.passage.page, one.passage.heading, one.passage.text) for one in passages(store)]
    assert [(page, heading) for page, heading, _ in found] == [(1, "Harvest"), (2, None), (3, "Prices")]
    assert [text.split()[-1] for _, _, text in found] == ["many.", "few.", "rose."]


def test_a_row_keeps_the_names_of_its_columns_wherever_its_table_is_cut(
    ingesting: Ingesting, store: Store
) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as workbook:
        for year in (2024, 2025):
            sheet = workbook.add_worksheet(f"Year {year}")
            sheet.write_row(0, 0, ["Region", "Tons of apples"])
            for row in range(40):
                sheet.write_row(row + 1, 0, [f"Valley number {row}", year + row])
    add(ingesting(OcrMode.OFF), buffer.getvalue(), "harvest.xlsx")
    found = [one.passage for one in passages(store)]
    assert {passage.page for passage in found} == {1, 2}
    for passage in found:
        quotable = [
            passage.text[span.start - passage.start : span.end - passage.start] for span in passage.sentences
        ]
        assert all(row.startswith("Region: Valley number") and "Tons of apples: " in row for row in quotable)
        assert f"Year {2023 + (passage.page or 0)}" in indexed_text(passage)


def test_a_part_of_a_document_may_be_blank(
    ingesting: Ingesting, store: Store, embedder: HashingEmbedder
) -> None:
    pdf = Pdf().page(lines(70, 90, BRIDGE)).page().page(lines(70, 90, ["It was built anew in June."]))
    add(ingesting(OcrMode.OFF), pdf.bytes(), "flood.pdf")
    (info,) = store.catalog.documents()
    assert (info.coverage.text, info.coverage.blank, info.coverage.unread) == (2, 1, ())
    whole = store.catalog.whole(info.id)
    assert replace(whole, layouts=()).pages[1].start == whole.pages[2].start


def test_a_page_is_referred_to_as_what_it_is() -> None:
    pages = (Page(3, 0, 1), Page(4, 0, 1, PageKind.SLIDE), Page(1, 0, 1, PageKind.SHEET, label="Prices"))
    assert [page.told for page in pages] == ["page 3", "slide 4", "sheet Prices"]
