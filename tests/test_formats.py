"""The measures of how well formats are read, and the checked-in report that every format is held to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_writing import Pdf, at

from eval.formats.article import Article, Piece, PieceKind
from eval.formats.files import Outcome, read_all
from eval.formats.making import Form, Maker, UnknownForm, scanned
from eval.formats.page import page
from eval.formats.places import Found, PageTexts, Sentence, reason_of, sample, sentences_of
from eval.formats.questions import Given, compare
from eval.formats.run import LEAST_F1, MADE_FOLDER, MADE_STEM, MADE_SUFFIXES, forms_named, missed
from eval.formats.words import common_words, unordered_word_score, word_score, words_of
from index.errors import EncryptedDocument
from index.loading import OcrMode, Parsing, load_bytes
from index.types import BlockKind, Document
from rag.cli.main import run
from rag.types import AnswerStatus

HEADINGS = ("How the harbour was built", "What the ships carried", "What happens next")
ROW = "Goods: Timber | Tonnes: 9450 | Duty: 37800"
NOTE = "The loan amounts to thirty million crowns."
ITEM = "The eastern quay is kept free for the lifeboat at all hours."
TRUTH = (MADE_FOLDER / f"{MADE_STEM}.txt").read_text(encoding="utf-8")
# In the cells of a sheet nothing tells an item from another line.
WITHOUT_ITEMS = ("xlsx", "ods")


def loaded(name: str, data: bytes) -> Document:
    return load_bytes(data, name, origin=f"upload:{name}", max_bytes=2**20)


def texts(document: Document, kind: BlockKind) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind is kind]


@pytest.fixture(scope="module", params=MADE_SUFFIXES)
def made(request: pytest.FixtureRequest) -> Document:
    path = MADE_FOLDER / f"{MADE_STEM}.{request.param}"
    return loaded(path.name, path.read_bytes())


def test_the_words_of_the_report_are_found_in_their_order(made: Document) -> None:
    assert word_score(made.text, TRUTH).f1 >= LEAST_F1


def test_the_headings_of_the_report_are_headings(made: Document) -> None:
    assert [heading for heading in texts(made, BlockKind.HEADING) if heading in HEADINGS] == list(HEADINGS)


def test_the_title_of_the_report_is_its_title(made: Document) -> None:
    assert made.title == TRUTH.splitlines()[0]


def test_a_row_of_the_report_has_the_names_of_its_columns(made: Document) -> None:
    assert ROW in texts(made, BlockKind.TABLE)


def test_the_items_of_the_report_are_items(made: Document) -> None:
    kind = BlockKind.PARAGRAPH if Path(made.source).suffix[1:] in WITHOUT_ITEMS else BlockKind.ITEM
    assert ITEM in texts(made, kind)


def test_the_footnote_of_the_report_is_a_block_after_what_calls_it(made: Document) -> None:
    notes = [block for block in made.blocks if made.text[block.start : block.end].removeprefix("1 ") == NOTE]
    assert len(notes) == 1
    assert notes[0].kind in (BlockKind.PARAGRAPH, BlockKind.ITEM)
    assert made.text.index("falls due") < notes[0].start


def test_a_line_for_each_piece_makes_an_article() -> None:
    text = "A title\n\nIt has a note.[1]\n\nPart\n- one\n- two\nG: a | T: 1\nG: b | T: 2\n[1] It is here.\n"
    assert Article.of(text).pieces == (
        Piece(PieceKind.TITLE, "A title"),
        Piece(PieceKind.PARAGRAPH, "It has a note.", note="It is here."),
        Piece(PieceKind.HEADING, "Part"),
        Piece(PieceKind.ITEM, "one"),
        Piece(PieceKind.ITEM, "two"),
        Piece(PieceKind.TABLE, rows=(("G", "T"), ("a", "1"), ("b", "2"))),
    )


def test_a_text_that_begins_with_prose_has_no_title() -> None:
    article = Article.of("It began with prose.\nContext:\nMore of it.\n")
    assert article.title is None
    assert [heading for heading, _ in article.sections()] == [None, "Context:"]


@pytest.mark.parametrize("form", [Form.HTML, Form.EPUB, Form.EML])
def test_what_needs_no_program_is_made_the_same_each_time(form: Form, tmp_path: Path) -> None:
    first = Maker(tmp_path / "one", "report").make(TRUTH, form).read_bytes()
    assert Maker(tmp_path / "two", "report").make(TRUTH, form).read_bytes() == first
    assert first == (MADE_FOLDER / f"{MADE_STEM}{form.suffix}").read_bytes()


def test_a_file_that_was_made_is_taken_as_it_is(tmp_path: Path) -> None:
    maker = Maker(tmp_path, "report")
    maker.make("First.\n", Form.HTML).write_bytes(b"kept")
    assert maker.make("Second.\n", Form.HTML).read_bytes() == b"kept"


def test_a_scan_has_as_many_pages_and_no_text(tmp_path: Path) -> None:
    source, target = tmp_path / "a.pdf", tmp_path / "b.pdf"
    pdf = Pdf()
    for number in range(2):
        pdf.page(at(72, 72, f"Page {number} of the report."))
    source.write_bytes(pdf.bytes())
    scanned(source, target)
    assert PageTexts.read(source).letters == ("page0ofthereport", "page1ofthereport")
    assert PageTexts.read(target).letters == ("", "")


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_common_words_is_the_longest_common_subsequence(found: list[str], expected: list[str]) -> None:
    row = [0] * (len(expected) + 1)
    for word in found:
        above = row
        row = [0]
        for position, other in enumerate(expected, 1):
            longer = above[position - 1] + 1 if word == other else max(above[position], row[-1])
            row.append(longer)
    assert common_words(found, expected) == row[-1]


def test_words_out_of_order_count_only_where_order_does_not() -> None:
    assert word_score("c d a b", "a b c d").f1 == 0.5
    assert unordered_word_score("c d a b", "a b c d").f1 == 1.0


def test_lost_words_cost_recall_and_strange_ones_precision() -> None:
    score = word_score("The ferry leaves", "The ferry leaves at nine today")
    assert (score.precision, score.recall) == (1.0, 0.5)
    assert word_score("The ferry Menu leaves", "The ferry leaves").precision == 0.75


def test_words_glued_together_are_not_the_words() -> None:
    assert words_of("ﬁfty–two") == ["fifty", "two"]
    assert word_score("seabed", "sea bed").f1 == 0.0


def test_a_sentence_broken_over_lines_is_on_its_page() -> None:
    pages = PageTexts.of(["Other words.", "The breakwater is con-\nstructed of granite\nand rests on clay."])
    sentence = "The breakwater is constructed of granite and rests on clay."
    assert [pages.found(sentence, number) for number in (1, 2, 3)] == [Found.NOT, Found.LETTERS, Found.NOT]


def test_a_formula_in_another_order_is_on_the_page_that_has_most_of_its_words() -> None:
    pages = PageTexts.of(["alpha gamma delta beta epsilon", "alpha beta"])
    formula = "alpha beta gamma delta zeta"
    assert [pages.found(formula, number) for number in (1, 2)] == [Found.WORDS, Found.NOT]


def test_a_misplaced_sentence_is_told_with_the_page_that_has_it() -> None:
    pages = PageTexts.of(["Nothing of it.", "The ferry leaves at nine."])
    wrong = reason_of(Sentence("a.pdf", "The ferry leaves at nine.", 1), pages)
    assert wrong.reason == "page 2 has 100% of its words, this one 0%"


def test_the_sentences_of_a_pdf_are_on_the_pages_that_it_says(tmp_path: Path) -> None:
    pdf = Pdf()
    for town in ("Kallinge", "Thornholm"):
        pdf.page(at(72, 72, f"The ferry to {town} leaves at nine every morning."))
    path = tmp_path / "ferries.pdf"
    path.write_bytes(pdf.bytes())
    document = loaded(path.name, path.read_bytes())
    found = sentences_of(document, path.name)
    pages = PageTexts.read(path)
    assert [sentence.page for sentence in found] == [1, 2]
    assert {pages.found(sentence.text, sentence.page) for sentence in found} == {Found.LETTERS}
    moved = replace(document, pages=(document.pages[0], replace(document.pages[1], start=0)))
    assert Found.NOT in {pages.found(s.text, s.page) for s in sentences_of(moved, path.name)}


def test_the_same_seed_draws_the_same_sentences() -> None:
    every = [Sentence("a.pdf", str(number), 1) for number in range(50)]
    assert sample(every, 9, seed=6) == sample(every, 9, seed=6) != sample(every, 9, seed=7)
    assert len(sample(every, 99, seed=6)) == 50


def answered(quote: str, file: str = "news.txt", page: int | None = None) -> Given:
    return Given("?", AnswerStatus.ANSWERED, quote, file, page)


ABSTAINED = Given("?", AnswerStatus.ABSTAINED)


def test_only_questions_whose_evidence_is_in_the_article_are_compared() -> None:
    text = [answered("One two."), answered("Other.", "handbook.md"), ABSTAINED, ABSTAINED]
    other = [answered("One\n two.", "news.pdf"), answered("Else.", "handbook.md"), ABSTAINED, answered("X")]
    found = compare(text, other, "news")
    assert (found.asked, found.same, found.abstained, found.abstained_too) == (1, 1, 2, 1)
    assert found.differences == ()


def test_another_sentence_is_told_and_another_spelling_is_alike() -> None:
    text = [answered("It’s nine."), answered("Two."), answered("Three.")]
    other = [answered("It's nine"), answered("Else."), ABSTAINED]
    found = compare(text, other, "news")
    assert (found.asked, found.same, found.alike) == (3, 0, 1)
    assert [entry.other for entry in found.differences] == ["It's nine", "Else.", ""]


def test_a_quote_cited_with_another_page_is_not_on_its_page() -> None:
    pages = PageTexts.of(["The ferry leaves at nine.", "It takes forty minutes."])
    text = [answered("The ferry leaves at nine."), answered("It takes forty minutes.")]
    other = [replace(entry, file="news.pdf", page=2) for entry in text]
    found = compare(text, other, "news", pages)
    assert (found.paged, found.on_page) == (2, 1)
    assert compare(text, text, "news").paged == 0


def test_a_refused_file_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" ")
    (tmp_path / "ferry.txt").write_text("The ferry leaves at nine.")
    outcomes = read_all(
        [tmp_path / "empty.txt", tmp_path / "ferry.txt"], lambda _: None, Parsing(OcrMode.OFF)
    )
    assert [outcome.told for outcome in outcomes] == ["refused: empty.txt holds no text", "read"]


FIGURES = {
    "programs": {"office": "LibreOffice 7", "ocr": "tesseract 5"},
    "words": [{"file": "a.docx", "precision": 1.0, "recall": 0.9, "f1": 0.947, "unordered_f1": 0.95}],
    "words_of_data": [],
    "questions": [
        {
            "form": "PDF, scanned", "asked": 10, "share": 0.9, "alike_share": 1.0, "abstained": 4,
            "abstained_too": 4, "paged": 10, "on_page": 9,
            "differences": [{"question": "Who | what?", "text": "One.", "other": ""}],
        }
    ],
    "pages": {"files": 1, "of": 3000, "sentences": 200, "right": 199, "by_words": 2, "wrong": [
        {"file": "a.pdf", "page": 1, "text": "x", "reason": "y"}
    ]},
    "files": [{"file": "b.pdf", "pages": 2, "text": 1, "ocr": 0, "blank": 0, "unread": 1,
               "characters": 1234, "outcome": "read; page 2: damage to it"}],
}  # fmt: skip


def test_what_is_below_its_bar_is_told_first() -> None:
    assert missed(FIGURES) == [
        "a.docx: 0.947 of the words, at least 0.97",
        "PDF, scanned: 90.0% of the same sentences, at least 95%",
        "PDF, scanned: 9 of 10 quotes on their page",
    ]
    assert page(FIGURES).index("Below its bar") < page(FIGURES).index("## The words")


def test_the_page_has_every_figure() -> None:
    told = page(FIGURES)
    assert "| a.docx | 1.000 | 0.900 | 0.947 | 0.950 |" in told
    assert "| PDF, scanned | 10 | 90.0% | 100.0% | 4 of 4 | 9 of 10 |" in told
    assert r"| PDF, scanned | Who \| what? | One. | (abstained) |" in told
    assert "199 (99.5%)" in told
    assert "| b.pdf | 2 | 1 | 0 | 0 | 1 | 1,234 | read; page 2: damage to it |" in told


def test_a_missing_program_ends_with_2_and_says_what_it_is_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("QUOTEBOUND_MODEL_CACHE", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    assert run(["eval", "formats", "--json"]) == 2
    error = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    assert error["code"] == "missing_program"
    assert "soffice" in error["message"]


def test_a_refusal_counts_no_pages() -> None:
    refused = Outcome(Path("a.pdf"), None, str(EncryptedDocument("a.pdf is protected by a password")))
    assert (refused.coverage.pages, refused.told) == (0, "refused: a.pdf is protected by a password")


def test_a_form_that_there_is_not_is_named() -> None:
    with pytest.raises(UnknownForm, match="nosuch"):
        forms_named(["nosuch"])
