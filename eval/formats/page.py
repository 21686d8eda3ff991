"""`docs/formats.md`: how well each format is read, written from what `quotebound eval formats` measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.formats.run import LEAST_F1, LEAST_SAME, SEED, missed

_INTRODUCTION = """\
# How well each format is read

Written by `quotebound eval formats --data DIR`; do not edit. The files were made by {office},
and scanned pages read by {ocr}. The web page, the mail and the semantic EPUB, which marks what is a
heading, are written by the command itself. In an EPUB by LibreOffice a heading is larger letters, which
the style sheet tells; items of lists are paragraphs, and the names of columns are not in it.
"""

_WORDS = """\
## The words of a report

`tests/documents/article.txt` is a report with a title, headings, a list, a table and a footnote, and the
same stands beside it in every format. Words count as found in their order: L is the longest common
subsequence of the words of the stored text and of that file, precision is L over the words stored, recall
L over those written, F1 their harmonic mean. The bar is {least}, and the suite holds every format to it.
The truth has the mark of its footnote twice, and some formats keep none in the text.
"""

_PDFIUM = """\
The truth of {file} is a text that its author keeps beside it, with the running
heads that are left out of the stored text. The text that pdfium gives by itself has an F1 of {pdfium_f1:.3f}.
"""

_QUESTIONS = """\
## The same article, the same answers

The article of `seeds/` in each format takes the place of its text file beside the other documents there,
and every question of `eval/sets/seeds.jsonl` is asked. Of those whose first quote stands in the article as
text, the share whose first quote is the same sentence but for white space; the bar is {least:.0%}. *But for
punctuation* is the same by letters and digits alone, without regard to case. *Abstained* is how many of the
questions that the text abstains from this format abstains from, too. *On its page*: the quotes of the
article whose first letters are in what pdfium says is on the page that is cited; for the scan, on the page
that it is a picture of.
"""

_PAGES = """\
## Sentences on their pages

{sentences} sentences drawn at random (seed {seed}) of the {of:,} in {files} PDFs, those of the table below
and the ones made here: {right} ({share:.1%}) begin on the page that they are cited with, by pdfium's own
text of it. That is, their first 24 letters and digits stand there in a row; or, for {by_words} of them, three
quarters of their words are there and no other page has more, since pdfium has formulas in another order.
Pages read by OCR have no such text and rows of tables have the names of their columns put in, so they are
not drawn.
"""


def page(figures: Mapping[str, Any]) -> str:
    """Return the page for what was measured."""
    parts = [_INTRODUCTION.format(**figures["programs"])]
    below = missed(dict(figures))
    if below:
        parts.append("**Below its bar:**\n\n" + "".join(f"- {line}\n" for line in below))
    parts += [
        _WORDS.format(least=LEAST_F1),
        _table(
            ("file", "precision", "recall", "F1", "F1 in any order"),
            (_score_row(row) for row in (*figures["words"], *figures["words_of_data"])),
        ),
        *(_PDFIUM.format(**row) for row in figures["words_of_data"]),
        _QUESTIONS.format(least=LEAST_SAME),
        _table(
            ("the article as", "questions", "the same", "but for punctuation", "abstained", "on its page"),
            map(_question_row, figures["questions"]),
        ),
        *_differences(figures["questions"]),
    ]
    pages = figures["pages"]
    if pages["sentences"]:
        parts.append(_PAGES.format(**pages, seed=SEED, share=pages["right"] / pages["sentences"]))
    if pages["wrong"]:
        parts.append(
            _table(
                ("file", "page", "sentence", "why"),
                ((row["file"], str(row["page"]), row["text"], row["reason"]) for row in pages["wrong"]),
            )
        )
    if figures["files"]:
        parts += [
            "## Files written by others\n",
            _table(
                ("file", "pages", "text", "OCR", "blank", "unread", "characters", "outcome"),
                (
                    (
                        row["file"],
                        *_read(row),
                        row["outcome"],
                    )
                    for row in figures["files"]
                ),
            ),
        ]
    return "\n".join(parts)


def _read(row: Mapping[str, Any]) -> list[str]:
    """Return what of a file was read, nothing where it was refused."""
    numbers = [row[name] for name in ("pages", "text", "ocr", "blank", "unread", "characters")]
    return [f"{number:,}" if row["characters"] else "" for number in numbers]


def _score_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["file"], *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1", "unordered_f1"))


def _question_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["form"],
        str(row["asked"]),
        f"{row['share']:.1%}",
        f"{row['alike_share']:.1%}",
        f"{row['abstained_too']} of {row['abstained']}",
        f"{row['on_page']} of {row['paged']}" if row["paged"] else "no pages",
    )


def _differences(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    told = [
        (row["form"], entry["question"], entry["text"], entry["other"] or "(abstained)")
        for row in rows
        for entry in row["differences"]
    ]
    return [_table(("the article as", "question", "as text", "in this format"), told)] if told else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
