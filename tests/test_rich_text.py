"""RTF: what is visible in it, in whatever encoding it is written."""

from pathlib import Path

import pytest
from contracts import LoaderContract

from index.errors import ParseLimit, UnreadableText
from index.loading import Loader, OcrMode, Parsed, Parsing, Signs
from index.loading.rich_text.loader import RichTextLoader
from index.types import BlockKind

# Written by LibreOffice 7.4.
HARBOUR = (Path(__file__).parent / "documents" / "harbour.rtf").read_bytes()
FONTS = (
    rb"{\fonttbl{\f0\fcharset238 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}{\f3\fcharset2 Symbol;}}\deff0"
)


def parsed(body: bytes) -> Parsed:
    return RichTextLoader().parse(rb"{\rtf1\ansi " + body + b"}", "a.rtf", Parsing(ocr=OcrMode.OFF))


def told(found: Parsed) -> list[tuple[str, str]]:
    return [
        (block.kind.value + (str(block.level) if block.level else ""), found.text[block.start : block.end])
        for block in found.blocks
    ]


def words(body: bytes) -> str:
    """Return the text of one paragraph."""
    ((kind, text),) = told(parsed(body))
    assert kind == BlockKind.PARAGRAPH.value
    return text


class TestRichTextLoader(LoaderContract):
    suffix = ".rtf"
    good = HARBOUR
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return RichTextLoader()


def test_a_document_of_libreoffice_is_read_in_order() -> None:
    found = RichTextLoader().parse(HARBOUR, "harbour.rtf", Parsing(ocr=OcrMode.OFF))
    assert told(found) == [
        ("heading1", "The Harbour of Vellmar"),
        ("paragraph", "Contents"),
        ("paragraph", "Dredging 1"),
        ("paragraph", "Tonnage 2"),
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
        ("paragraph", "A picture: the łódź 🚢 at „Wieża” pier."),
        ("paragraph", "A box stands beside this line."),
        ("paragraph", "The pilot station moved in 2020."),
        ("heading2", "Tonnage"),
        ("table", "Year: 2018 | Ships: 412 | Tonnes: 96,000"),
        ("table", "Year: 2020 | Ships: closed for works"),
        ("paragraph", "The quay is owned by the town of Vellmar."),
    ]
    assert found.title == "The Harbour of Vellmar"
    assert found.metadata == {"author": "Ida Brandt", "date": "2023-04-18T09:30"}


@pytest.mark.parametrize(
    "hidden", [b"secret", b"deleted remark", b"comment to", b"Page header", b"Page footer"]
)
def test_what_is_not_seen_in_the_document_is_in_its_file_and_not_in_its_text(hidden: bytes) -> None:
    assert hidden in HARBOUR.replace(b"\r", b"").replace(b"\n", b"")
    assert hidden.decode() not in parsed(HARBOUR.removeprefix(rb"{\rtf1\ansi").strip()[:-1]).text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"a\u322?b", "ałb"),
        (rb"a\u322\'b3b", "ałb"),
        (rb"\uc2\u8364 EUc", "€c"),
        (rb"{\uc0\u233}e\u322 ?f", "éełf"),
        (rb"\u-10179?\u-8434?!", "\U0001f70e!"),
        (rb"\u-10179?!", "\N{REPLACEMENT CHARACTER}!"),
        (rb"\u-3913?", "\uf0b7"),
        (rb"\'e9\'E9", "éé"),
        (rb"\mac caf\'8e", "café"),
        (rb"\ansicpg1251\'cc\'ee\'f1\'ea\'e2\'e0", "Москва"),
        (rb"\ansicpg65001\'c5\'82", "ł"),
        (rb"\ansicpg99999\'e9", "é"),
        (FONTS + rb"Wie\'bfa {\f1\'cc\'ee} {\f2\'93\'8c\'8bE} {\f3\'b7}\'bf", "Wieża Мо 東畿 •ż"),
        (FONTS + rb"{\f3\'61}", "\N{REPLACEMENT CHARACTER}"),
        (rb"\ldblquote a\rdblquote\emdash b\~c\_d\-e\tab f\line g\{\}", "“a”—b c-de f g{}"),
    ],
)
def test_characters_are_read_in_each_way_of_writing_them(body: bytes, text: str) -> None:
    assert words(body) == text


@pytest.mark.parametrize(
    "body",
    [
        rb"a{\v x}b",
        rb"a\v x\v0 b",
        rb"a{\deleted x}b",
        rb"a{\*\unknown x{\b x}}b",
        rb"a{\pict\wmetafile8 78787878}b",
        rb"a{\*\shppict{\pict\bin3 }x{}}b",
        rb"a{\object{\*\objdata 78}}b",
        rb"a{\*\bkmkstart x}{\xe x}{\tc x}b",
        rb"a{\*\annotation x}{\*\atnid x}{\atnauthor x}b",
        rb"{\header x}a{\footer\pard x\par}b",
        rb"{\info{\title T}{\keywords x}{\*\company x}}ab",
        rb"{\colortbl;\red0;}{\*\generator x;}ab",
        rb"{\stylesheet{\ql x;}{\s1 x;}{\*\cs10 x;}}\pard ab",
        rb"a\bin3 x{}b",
    ],
)
def test_what_is_no_visible_text_is_left_out(body: bytes) -> None:
    assert words(body) == "ab"


def test_headings_are_told_by_the_outline_or_the_name_of_their_style() -> None:
    styles = (
        rb"{\stylesheet{\s1\outlinelevel2 Kapitel;}{\s2 heading 2;}{\s3 Title;}{\s4\sbasedon3 Ours;}"
        rb"{\s5\outlinelevel9 Body;}{\s6 Subtitle;}}"
    )
    body = b"".join(rb"\pard\s%d Line %d\par" % (style, style) for style in range(1, 8))
    assert [kind for kind, _ in told(parsed(styles + body))] == [
        "heading3",
        "heading2",
        "heading1",
        "heading1",
        "paragraph",
        "paragraph",
        "paragraph",
    ]


def test_items_come_without_their_bullets() -> None:
    body = rb"{\listtext\pard\plain 1.\tab}one\par{\pntext\'b7\tab}two\par three"
    assert told(parsed(body)) == [("item", "one"), ("item", "two"), ("paragraph", "three")]


def test_rows_of_tables_have_the_names_of_their_columns_and_end_with_the_table() -> None:
    body = rb"\pard\intbl Year\cell Ships\cell\row\pard\intbl 2018\par\cell 412\cell\row\pard After.\par"
    assert told(parsed(body)) == [("table", "Year: 2018 | Ships: 412"), ("paragraph", "After.")]


def test_a_table_within_a_cell_is_told_within_it() -> None:
    body = (
        rb"\pard\intbl\itap1 A\cell\pard\intbl\itap2 in\nestcell ner\nestcell{\*\nesttableprops\nestrow}"
        rb"{\nonesttables\par}\pard\intbl\itap1 B\cell\row\pard After."
    )
    assert told(parsed(body)) == [("table", "A | in ner B"), ("paragraph", "After.")]


def test_a_table_that_is_not_ended_is_read() -> None:
    assert told(parsed(rb"\pard\intbl A\cell B\cell")) == [("table", "A | B")]


def test_a_footnote_comes_after_the_paragraph_that_calls_it() -> None:
    body = rb"Before{\super\chftn}{\footnote\pard{\super\chftn} One\par two.} and after.\par Next."
    assert [text for _, text in told(parsed(body))] == ["Before and after.", "One two.", "Next."]


def test_the_text_of_a_field_is_its_result() -> None:
    assert words(rb"See {\field{\*\fldinst HYPERLINK x}{\fldrslt there}}.") == "See there."


def test_the_text_of_a_box_comes_after_its_paragraph_once() -> None:
    body = rb"Text{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt box\par}}{\shprslt box}} more.\par"
    assert [text for _, text in told(parsed(body))] == ["Text more.", "box"]


def test_titles_in_unicode_are_preferred_to_those_without() -> None:
    found = parsed(rb"{\info{\upr{\title L?d?}{\*\ud{\title \u321 ?\u243 ?d\u378 ?}}}{\author Ida}}Text.")
    assert (found.title, found.metadata) == ("Łódź", {"author": "Ida"})


def test_a_date_that_is_none_is_left_out() -> None:
    assert parsed(rb"{\info{\creatim\yr0\mo13\dy1}}Text.").metadata == {}
    assert parsed(rb"{\info{\creatim\yr2020\mo1\dy2}{\revtim\yr2021}}Text.").metadata == {
        "date": "2020-01-02"
    }


@pytest.mark.parametrize("end", [1, 100, 5_000, len(HARBOUR.rstrip()) - 1])
def test_a_truncated_document_is_refused_by_name(end: int) -> None:
    with pytest.raises(UnreadableText, match=r"a\.rtf"):
        RichTextLoader().parse(HARBOUR[:end], "a.rtf", Parsing())


def test_groups_nested_without_end_are_refused() -> None:
    assert words(b"{" * 900 + b"text" + b"}" * 900) == "text"
    with pytest.raises(ParseLimit, match=r"a\.rtf"):
        parsed(b"{" * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        rb"\bin99999999 x",
        rb"\u99999999999 a",
        rb"\uc999999999\u322 x",
        rb"\'zz\'",
        rb"\f99\fcharset77\ansicpg-1\deff-5 x",
        rb"\s-1\outlinelevel-7 x\par",
        rb"\cell\row\cell\row",
        rb"{\stylesheet{\s1}{\s}}{\footnote}{\info{\upr}}",
        b"\\",
        b"\x00\xff\xfe" * 100,
    ],
)
def test_nonsense_is_read_or_refused_and_breaks_nothing(body: bytes) -> None:
    try:
        found = parsed(body)
    except UnreadableText:
        return
    assert "\\" not in found.text


def test_a_long_document_gives_signs_of_life() -> None:
    heard: list[tuple[int, int]] = []
    data = rb"{\rtf1 " + (b"word " * 100_000 + b"\n") * 9 + b"}"
    RichTextLoader().parse(data, "a.rtf", Parsing(page_done=lambda *told: heard.append(told)))
    assert heard == [(0, 1)]


def test_only_what_begins_as_rtf_is_accepted() -> None:
    loader = RichTextLoader()
    assert loader.accepts(Signs(rb" {\rtf1 a}", ".doc"))
    assert not loader.accepts(Signs(rb"About {\rtf1 a}", ".rtf"))
