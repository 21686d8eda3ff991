"""Files to documents: formats by content, structure, and what cannot be read."""

import hashlib
from importlib import import_module
from pathlib import Path

import pytest
from contracts import LoaderContract

from index.errors import EmptyDocument, SourceNotFound, TooLarge, UnreadableText, UnsupportedFormat
from index.loading import Loader, load_bytes
from index.loading.documents import title_from_name
from index.loading.registry import LOADERS
from index.loading.text.decoding import decode_text
from index.loading.text.markdown import MarkdownLoader
from index.loading.text.plain import PlainTextLoader
from index.sources import read_file
from index.types import BlockKind, Document

BINARY = bytes(range(256)) * 20


def load(data: bytes, source: str = "notes.txt", max_bytes: int = 2**20) -> Document:
    return load_bytes(data, source, origin=f"upload:{source}", max_bytes=max_bytes)


def blocks(document: Document, kind: BlockKind) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind is kind]


class TestPlainTextLoader(LoaderContract):
    suffix = ".txt"
    textual = verbatim = True
    good = (
        b"A title\n\nThis is a paragraph that is long enough to be prose, and it ends here.\n\n- one\n- two\n"
    )
    bad = BINARY

    def loader(self) -> Loader:
        return PlainTextLoader()


class TestMarkdownLoader(LoaderContract):
    suffix = ".md"
    textual = verbatim = True
    good = (
        b"---\ntitle: T\n---\n# Head\n\nText *here*.\n\n1. one\n   more\n2. two\n\n> quoted\n\n"
        b"```sh\nrun\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    bad = BINARY

    def loader(self) -> Loader:
        return MarkdownLoader()


def test_every_loader_in_the_registry_has_a_conformance_suite() -> None:
    here = Path(__file__).parent
    for module in sorted(here.glob("test_*.py")):
        if "(LoaderContract)" in module.read_text(encoding="utf-8"):
            import_module(module.stem)
    tested = {suite().loader().media_type for suite in LoaderContract.__subclasses__()}
    assert {loader.media_type for loader in LOADERS} <= tested


def test_a_line_of_its_own_above_prose_is_a_heading() -> None:
    text = (
        "First paragraph of a news item, which is long enough to be told from a heading by its length.\n"
        "Background of the Conflict\n"
        "The roots of the current tensions trace back to operations along the porous border of the two.\n"
    )
    document = load(text.encode())
    assert blocks(document, BlockKind.HEADING) == ["Background of the Conflict"]
    assert len(blocks(document, BlockKind.PARAGRAPH)) == 2


def test_hard_wrapped_lines_are_one_paragraph() -> None:
    text = (
        "It was the best of times, it was the worst of times, it was the\n"
        "age of wisdom, it was the age of foolishness, it was the epoch of\n"
        "belief, it was the epoch of incredulity.\n\nSecond paragraph.\n"
    )
    assert [block.kind for block in load(text.encode()).blocks] == [BlockKind.PARAGRAPH] * 2


def test_a_short_line_that_ends_a_sentence_is_no_heading() -> None:
    document = load(b"It rained.\nThen the sun came out, and everybody went to the river for the afternoon.")
    assert blocks(document, BlockKind.HEADING) == []


def test_list_items_are_blocks_without_their_markers() -> None:
    assert blocks(load(b"- one\n* two\n3. three\n"), BlockKind.ITEM) == ["one", "two", "three"]


def test_markdown_structure_is_found_and_its_source_kept() -> None:
    source = (
        "# The *Dam* report\n\nIntro with a [link](http://x.test).\n\n## Costs ##\n\n- first `item`\n"
        "  goes on\n- second\n\n> a quoted\n> paragraph\n\n```sh\nmake run\n```\n\n"
        "| Year | Cost |\n|---|---|\n| 1947 | 3 |\n"
    )
    document = load(source.encode(), "report.md")
    assert document.text == source
    assert document.title == "The Dam report"
    assert blocks(document, BlockKind.HEADING) == ["The *Dam* report", "Costs"]
    assert blocks(document, BlockKind.ITEM) == ["first `item`\n  goes on", "second"]
    assert blocks(document, BlockKind.PARAGRAPH) == [
        "Intro with a [link](http://x.test).",
        "a quoted\n> paragraph",
    ]
    assert blocks(document, BlockKind.CODE) == ["make run"]
    assert blocks(document, BlockKind.TABLE) == ["| Year | Cost |", "| 1947 | 3 |"]


def test_front_matter_gives_the_title_and_is_no_prose() -> None:
    document = load(b"---\ntitle: 'Annual report'\nauthor: A. B.\n---\n\n# Other\n\nText.\n", "x.md")
    assert document.title == "Annual report"
    assert document.metadata["author"] == "A. B."
    assert blocks(document, BlockKind.PARAGRAPH) == ["Text."]


def test_a_markdown_file_without_blocks_still_loads() -> None:
    assert load(b"[a]: http://x.test\n", "links.md").blocks == ()


def test_the_title_falls_back_to_the_name_of_the_file() -> None:
    assert load(b"Just one sentence.", "a/border-clashes_2024.txt").title == "Border clashes 2024"
    assert title_from_name(".hidden") == ".hidden"


def test_ids_depend_on_name_and_text_alone() -> None:
    assert load(b"Same.", "a.txt").id == load(b"Same.", "a.txt").id
    assert len({load(b"Same.", "a.txt").id, load(b"Same.", "b.txt").id, load(b"Other.", "a.txt").id}) == 3


def test_the_language_of_a_document_is_found() -> None:
    german = "Die Durand-Linie ist die Grenze zwischen Afghanistan und Pakistan. Sie wurde 1893 gezogen. " * 3
    assert load(german.encode()).language == "de"
    assert load(b"42").language == "en"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_choose_the_encoding_and_are_dropped(encoding: str) -> None:
    assert decode_text("Ünïcödé 世界\r\nline".encode(encoding), "x") == "Ünïcödé 世界\nline"


def test_a_stray_control_character_becomes_a_space() -> None:
    assert decode_text(b"before\x00after" + b" and more" * 100, "x").startswith("before after")


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n ", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(EmptyDocument, match=r"notes\.txt"):
        load(data)


def test_binary_data_named_txt_is_refused() -> None:
    with pytest.raises(UnreadableText, match="binary"):
        load(bytes(range(128)) * 4)


def test_invalid_utf8_is_refused_with_the_place() -> None:
    with pytest.raises(UnreadableText, match="byte 4 is 0xff"):
        load(b"good\xff bad")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"GIF89a", "a GIF image"),
        (b"II*\0", "a TIFF image"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
        (b"\x7fELF", "a program"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"PK\x03\x04", "a damaged ZIP or Office file"),
        (b"PK\x05\x06" + bytes(18), "an empty ZIP file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
    ],
)
@pytest.mark.parametrize("name", ["report.txt", "report.docx", "report"])
def test_known_formats_that_are_not_read_are_named_whatever_the_suffix(
    head: bytes, kind: str, name: str
) -> None:
    with pytest.raises(UnsupportedFormat, match=rf"{name} is {kind}"):
        load(head + BINARY, name)


@pytest.mark.parametrize(
    ("name", "stream"), [("report.doc", "WordDocument"), ("talk.ppt", "PowerPoint Document")]
)
def test_an_old_document_that_is_no_workbook_is_named_with_the_way_out(name: str, stream: str) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + BINARY + stream.encode("utf-16-le")
    with pytest.raises(UnsupportedFormat, match="save it as DOCX"):
        load(data, name)


@pytest.mark.parametrize(
    ("fixture", "media_type"),
    [
        ("harvest.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("harvest.ods", "application/vnd.oasis.opendocument.spreadsheet"),
        ("harvest.xls", "application/vnd.ms-excel"),
    ],
)
def test_the_loader_is_chosen_by_content_before_the_suffix(fixture: str, media_type: str) -> None:
    data = (Path(__file__).parent / "documents" / fixture).read_bytes()
    for name in ("book.txt", "book.csv", "book.zip", "book"):
        assert load(data, name).media_type == media_type


def test_text_is_told_by_its_suffix_where_content_cannot_tell() -> None:
    data = b"Village,Tonnes\nBrennick,120\n"
    types = {name: load(data, name).media_type for name in ("a.csv", "a.tsv", "a.md", "a.txt", "a")}
    assert types == {
        "a.csv": "text/csv",
        "a.tsv": "text/tab-separated-values",
        "a.md": "text/markdown",
        "a.txt": "text/plain",
        "a": "text/plain",
    }


@pytest.mark.parametrize("suffix", [".xlsx", ".ods", ".csv", ".zip", ".pdf", ".docx"])
def test_text_named_as_something_else_is_text_or_refused_by_name(suffix: str) -> None:
    try:
        assert "mill" in load(b"A mill stood at Brennick.", f"report{suffix}").text
    except UnreadableText as error:
        assert f"report{suffix}" in str(error)


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(50 * 2**20)
    with pytest.raises(TooLarge, match=r"50\.0 MB.*QUOTEBOUND_MAX_FILE_MB"):
        read_file(huge, "huge.txt", max_bytes=32 * 2**20)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="gone"):
        read_file(tmp_path / "gone.txt", "gone.txt", max_bytes=10)
    with pytest.raises(SourceNotFound, match="regular file"):
        read_file(Path("/dev/zero"), "zero", max_bytes=10)


def test_a_name_that_cannot_be_printed_is_stored_as_a_label() -> None:
    document = load(b"Text.", "a\x00b\ud800\n.txt")
    document.source.encode("utf-8")
    assert document.source == "a\N{REPLACEMENT CHARACTER}b" + "\N{REPLACEMENT CHARACTER}" * 2 + ".txt"


def test_the_users_document_is_carried_byte_for_byte() -> None:
    (document,) = (Path(__file__).parents[1] / "seeds").glob("*.txt")
    digest = hashlib.sha256(document.read_bytes()).hexdigest()
    assert digest == "512cfa6511db97ffe0b84266d7df56b02208dc4d9f3b88e6a81dd6664be22b94"
