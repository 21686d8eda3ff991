"""Headings of books that mark none: by their style sheets; and what LibreOffice writes instead of names."""

from pathlib import Path

import pytest
from books import ABOUT, book, item, page

from eval.formats.words import word_score
from index.loading import Parsed, Parsing
from index.loading.web.epub import EpubLoader
from index.loading.web.styles import Style, sheet_of
from index.types import BlockKind

DOCUMENTS = Path(__file__).parent / "documents"
OFFICE = (DOCUMENTS / "article-libreoffice.epub").read_bytes()
LINK = '<link rel="stylesheet" href="../styles/s.css"/>'
PROSE = '<p class="t">We left Oskel at dawn, and the road was white with salt.</p>'
CSS = (
    ".big { font-size: 18.0000pt; font-weight: bold } .less { font-size: 14pt; font-weight: 700 } "
    ".t { font-size: 12pt }"
)
GENERATOR = '<meta content="LibreOffice/7.4 (libepubgen/0.1.1)" name="generator"/>'


def chapters(*bodies: str, css: str = CSS, about: str = ABOUT, nav: str = "", head: str = LINK) -> Parsed:
    files = {f"text/{number}.xhtml": page(body, head) for number, body in enumerate(bodies)}
    manifest = "".join(item(f"c{number}", f"text/{number}.xhtml") for number in range(len(bodies)))
    manifest += item("n", "nav.xhtml", 'properties="nav"')
    links = f'<nav epub:type="toc"><ol><li><a href="text/0.xhtml">{nav}</a></li></ol></nav>'
    files |= {"styles/s.css": css, "nav.xhtml": page(links)}
    spine = " ".join(f"c{number}" for number in range(len(bodies)))
    return EpubLoader().parse(book(manifest, spine, files, about), "salt.epub", Parsing())


def headings(found: Parsed) -> list[tuple[str, int]]:
    return [
        (found.text[block.start : block.end], block.level)
        for block in found.blocks
        if block.kind is BlockKind.HEADING
    ]


def test_the_headings_of_libreoffice_are_headings_and_its_notes_are_notes() -> None:
    found = EpubLoader().parse(OFFICE, "article.epub", Parsing())
    assert headings(found) == [
        ("The harbour of Vellin in its first year", 1),
        ("How the harbour was built", 2),
        ("What the ships carried", 2),
        ("What happens next", 2),
    ]
    assert found.text.endswith("falls due.\n\nThe loan amounts to thirty million crowns.")
    assert found.metadata == {}


def test_no_word_of_libreoffice_is_lost_that_is_in_its_file() -> None:
    score = word_score(
        EpubLoader().parse(OFFICE, "article.epub", Parsing()).text,
        (DOCUMENTS / "article.txt").read_text(encoding="utf-8"),
    )
    assert score.precision == 1
    assert score.recall > 0.97


def test_levels_go_by_size_in_all_of_the_book() -> None:
    one = f'<p class="less">Leaving</p>{PROSE}'
    two = f'<p class="big">Part <i>two</i></p><div><b><span class="less">Arriving</span></b></div>{PROSE}'
    assert headings(chapters(one, two)) == [("Leaving", 2), ("Part two", 1), ("Arriving", 2)]


@pytest.mark.parametrize(
    "body",
    [
        '<p class="big">Salt <span style="font-weight: normal">and bread</span></p>',
        '<p class="big">Salt <span class="t">and bread</span></p>',
        '<p style="font-weight: bold">Salt</p>',
        '<p style="font-size: 20pt">Salt</p>',
        '<p class="big">* * *</p>',
        f'<p class="big">{"Salt and bread. " * 20}</p>',
        '<table><tr><td class="big"><p>Salt</p></td><td>Bread</td></tr></table>',
        '<ul><li><p class="big">Salt</p></li></ul>',
        '<p class="big" hidden="">Salt</p>',
    ],
)
def test_what_is_not_all_bold_and_larger_is_no_heading(body: str) -> None:
    assert headings(chapters(body + PROSE * 9)) == []


def test_a_book_all_bold_has_no_headings_but_what_is_larger() -> None:
    css = "body { font: 1em serif; font-weight: bold; font-size: 1.5em } p.h { font-size: 120% }"
    body = '<p class="h">Salt</p>' + "<p>We left Oskel at dawn.</p>"
    assert headings(chapters(body, css=css)) == [("Salt", 1)]


def test_a_chapter_that_marks_its_headings_is_taken_at_its_word() -> None:
    assert headings(chapters(f'<h2>Leaving</h2><p class="big">Beware!</p>{PROSE}')) == [("Leaving", 2)]


def test_a_style_within_the_chapter_counts_too() -> None:
    head = "<style>.big{font-size:2em;font-weight:bold}</style>"
    assert headings(chapters(f'<p class="big">Leaving</p>{PROSE}', head=head)) == [("Leaving", 1)]


def test_a_sheet_that_is_not_in_the_book_changes_nothing() -> None:
    head = (
        '<link rel="stylesheet" href="../../../etc/passwd"/><link rel="stylesheet" href="http://a.b/c.css"/>'
    )
    assert headings(chapters(f'<p class="big">Leaving</p>{PROSE}', head=head)) == []


def test_a_title_that_only_counts_is_left_out_where_libreoffice_made_it_up() -> None:
    assert chapters(PROSE, nav="Section 1").text.startswith("Section 1")
    assert chapters(PROSE, nav="Section 1", about=ABOUT + GENERATOR).text.startswith("We left")
    assert chapters(PROSE, nav="The road", about=ABOUT + GENERATOR).text.startswith("The road")


def test_unknown_titles_and_authors_are_none() -> None:
    about = "<dc:title>Unknown Title</dc:title><dc:creator>Unknown Author</dc:creator>"
    found = chapters(PROSE, about=about + GENERATOR)
    assert (found.title, found.metadata) == (None, {})
    assert chapters(PROSE, about=about).title == "Unknown Title"


def test_simple_rules_are_read_and_others_passed_over() -> None:
    css = (
        '@charset "utf-8"; @import url(x.css);\n/* .a { font-weight: bold } */ .a, p.B { font-weight: Bold; }'
        ".a { font-size: 1.2em !important } @media print { .c { font-weight: bold } } div > .d, #f, "
        ".e:hover, * { font-weight: bold } h1 { font-size: 50% } .g { font-size: calc(1em) } "
        ".i { font-size: 16px }"
    )
    assert sheet_of(css) == {
        ".a": Style(bold=True, factor=1.2),
        "p.b": Style(bold=True),
        "h1": Style(factor=0.5),
        ".i": Style(points=12.0),
    }


@pytest.mark.parametrize(
    "css",
    ["}" * 9, "{" * 200_000, ".a{", "/*" * 300_000, ":a," * 200_000 + "{font-weight:bold}",
     ".a{font-size:1e9em}", ".a{font-size:" + "9" * 500_000 + "pt}", ".a{font-weight:" + "9" * 500_000 + "}",
     ".a{font-weight:bold}" * 200_000],
)  # fmt: skip
def test_a_broken_or_huge_sheet_costs_nothing(css: str) -> None:
    assert sheet_of(css) == {}
