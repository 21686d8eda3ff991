"""Makes the files, reads them, asks of them, and measures each format against the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.cases import EvalSet, load_eval_set
from eval.formats.files import Outcome, pdfs_below, read_all, truths_of
from eval.formats.making import OCR, OFFICE, OFFICE_BOOK, Form, Maker, UnknownForm, version
from eval.formats.places import Found, PageTexts, reason_of, sample, sentences_of, texts_of_pages
from eval.formats.questions import Comparison, Given, ask_all, beside, compare
from eval.formats.words import unordered_word_score, word_score
from index.errors import SourceNotFound
from rag.wiring import Application

_ROOT = Path(__file__).parents[2]
_SEEDS_SET = _ROOT / "eval" / "sets" / "seeds.jsonl"
_ARTICLE = _ROOT / "seeds" / "Afghanistan-Pakistan-border-clashes-2024.txt"
# Checked in, so that the suite holds every loader to them without the programs that made them.
MADE_FOLDER = _ROOT / "tests" / "documents"
MADE_STEM = "article"
_TRUTH = MADE_FOLDER / f"{MADE_STEM}.txt"
MADE_SUFFIXES = ("docx", "odt", "rtf", "html", "epub", "eml", "pdf", "pptx", "odp", "xlsx", "ods")
ASKED_FORMS = (
    Form.PDF, Form.COLUMNS, Form.SCAN, Form.DOCX, Form.ODT, Form.RTF, Form.HTML, Form.EPUB, Form.EPUB_OFFICE,
    Form.EML,
)  # fmt: skip
_PDF_FORMS = (Form.PDF, Form.COLUMNS, Form.SCAN)

LEAST_F1 = 0.97
LEAST_SAME = 0.95
SENTENCES = 200
SEED = 6

_MAKES = "makes the files (LibreOffice)"
_READS = "reads the scanned pages"

Tell = Callable[[str], None]


def forms_named(names: Sequence[str]) -> tuple[Form, ...]:
    """Return the forms of some names, all that are asked for none; raise `UnknownForm`."""
    known = {form.word: form for form in ASKED_FORMS}
    for name in names:
        if name not in known:
            raise UnknownForm(f"the article is not written as {name!r}; it is as {', '.join(known)}")
    return tuple(form for form in ASKED_FORMS if form.word in names) or ASKED_FORMS


def run(
    application: Application,
    work: Path,
    data: Path | None,
    tell: Tell,
    forms: Sequence[Form] = ASKED_FORMS,
) -> dict[str, Any]:
    """Return the figures of formats as values of JSON; `work` keeps the files that were made.

    Raise `MissingProgram` before anything is measured where LibreOffice or tesseract is not there, and
    `SourceNotFound` where this is not a checkout with the documents that are measured.
    """
    if not (_TRUTH.is_file() and _ARTICLE.is_file()):
        raise SourceNotFound(
            "the documents to measure with are not beside the program: run this in a checkout of its files"
        )
    programs = {"office": version(OFFICE, _MAKES), "ocr": version(OCR, _READS)}
    eval_set = load_eval_set(_SEEDS_SET)
    outcomes = read_all(pdfs_below(data), tell) if data is not None else []
    maker = Maker(work, _ARTICLE.stem)
    text = _ARTICLE.read_text(encoding="utf-8")
    made = {form: maker.make(text, form) for form in forms}
    return {
        "programs": programs,
        "words": _words(tell),
        "words_of_data": [
            {**_scored(outcome, truth), "pdfium_f1": _pdfium_score(outcome, truth)}
            for outcome, truth in truths_of(outcomes)
        ],
        "questions": _questions(application, eval_set, made, tell),
        "pages": _pages(outcomes, read_all([made[form] for form in _PDF_FORMS if form in made], tell)),
        "files": [_row(outcome) for outcome in outcomes],
    }


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what is below its bar, a line each."""
    found = [
        f"{row['file']}: {row['f1']:.3f} of the words, at least {LEAST_F1}"
        for row in figures["words"]
        if row["f1"] < LEAST_F1
    ]
    for row in figures["questions"]:
        if row["share"] < LEAST_SAME:
            found.append(
                f"{row['form']}: {row['share']:.1%} of the same sentences, at least {LEAST_SAME:.0%}"
            )
        if row["on_page"] < row["paged"]:
            found.append(f"{row['form']}: {row['on_page']} of {row['paged']} quotes on their page")
    return found


def _words(tell: Tell) -> list[dict[str, Any]]:
    truth = _TRUTH.read_text(encoding="utf-8")
    names = [f"{MADE_STEM}.{suffix}" for suffix in MADE_SUFFIXES] + [f"{MADE_STEM}{OFFICE_BOOK}.epub"]
    outcomes = read_all([MADE_FOLDER / name for name in names], tell)
    return [_scored(outcome, truth) for outcome in outcomes]


def _scored(outcome: Outcome, truth: str) -> dict[str, Any]:
    text = outcome.document.text if outcome.document else ""
    score = word_score(text, truth)
    return {
        "file": outcome.name,
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "unordered_f1": unordered_word_score(text, truth).f1,
    }


def _pdfium_score(outcome: Outcome, truth: str) -> float:
    return word_score("\n".join(texts_of_pages(outcome.path)), truth).f1


def _questions(
    application: Application, eval_set: EvalSet, made: dict[Form, Path], tell: Tell
) -> list[dict[str, Any]]:
    others = beside(_ARTICLE)

    def given(form: Form, path: Path) -> list[Given]:
        tell(f"asking {len(eval_set.cases)} questions of the article as {form.value}")
        return ask_all(application, form.name.lower(), path, others, eval_set.cases)

    text = given(Form.TXT, _ARTICLE)
    rows = []
    for form, path in made.items():
        # A scan shows what the pages that it is a picture of show.
        shown = made[Form.PDF] if form is Form.SCAN else path
        pages = PageTexts.read(shown) if form in _PDF_FORMS else None
        rows.append(_compared(form, compare(text, given(form, path), _ARTICLE.stem, pages)))
    return rows


def _compared(form: Form, compared: Comparison) -> dict[str, Any]:
    shares = {"share": compared.share, "alike_share": compared.alike_share}
    return {"form": form.value, **asdict(compared), **shares}


def _pages(data: Sequence[Outcome], made: Sequence[Outcome]) -> dict[str, Any]:
    sentences = []
    pages = {}
    for outcome in (*data, *made):
        name = f"{outcome.path.parent.name}/{outcome.name}"
        if outcome.document is not None and (found := sentences_of(outcome.document, name)):
            sentences += found
            pages[name] = PageTexts.read(outcome.path)
    drawn = sample(sentences, SENTENCES, SEED)
    places = [pages[sentence.file].found(sentence.text, sentence.page) for sentence in drawn]
    return {
        "files": len(pages),
        "of": len(sentences),
        "sentences": len(drawn),
        "right": len(drawn) - places.count(Found.NOT),
        "by_words": places.count(Found.WORDS),
        "wrong": [
            asdict(reason_of(sentence, pages[sentence.file]))
            for sentence, place in zip(drawn, places, strict=True)
            if place is Found.NOT
        ],
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    coverage = outcome.coverage
    return {
        "file": outcome.name,
        "pages": coverage.pages,
        "text": coverage.text,
        "ocr": coverage.ocr,
        "blank": coverage.blank,
        "unread": len(coverage.unread),
        "characters": len(outcome.document.text) if outcome.document else 0,
        "outcome": outcome.told,
    }
