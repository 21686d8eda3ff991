"""Electronic books: their chapters in the order of reading, and nothing of what lists them."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from books import CONTAINER, book, item, page
from contracts import LoaderContract

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading import Loader, Parsed, Parsing, Signs
from index.loading.web.epub import EpubLoader
from index.types import BlockKind

EXPORTED = (Path(__file__).parent / "documents" / "velmora.epub").read_bytes()
ONE = "<h1>Leaving</h1><p>We left Oskel at dawn.</p>"
TWO = "<p>The road was white with salt.</p>"


def renamed(data: bytes, path: str, other: str) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(other if name == path else name, old.read(name))
    return changed.getvalue()


TWO_CHAPTERS = book(
    item("a", "one.xhtml") + item("b", "two.xhtml"), "a b", {"one.xhtml": page(ONE), "two.xhtml": page(TWO)}
)


def parsed(data: bytes) -> Parsed:
    return EpubLoader().parse(data, "salt.epub", Parsing())


def texts(data: bytes, kind: BlockKind | None = None) -> list[str]:
    found = parsed(data)
    return [found.text[block.start : block.end] for block in found.blocks if kind in (None, block.kind)]


class TestEpubLoader(LoaderContract):
    suffix = ".epub"
    good = TWO_CHAPTERS
    bad = b"No book at all."

    def loader(self) -> Loader:
        return EpubLoader()


def test_a_book_is_known_by_its_type_or_by_its_container_and_its_name() -> None:
    members = frozenset({"META-INF/container.xml"})
    assert EpubLoader().accepts(Signs(b"PK", ".zip", members, "application/epub+zip"))
    assert EpubLoader().accepts(Signs(b"PK", ".epub", members))
    assert not EpubLoader().accepts(Signs(b"PK", ".jar", members))
    assert not EpubLoader().accepts(Signs(b"PK", ".epub"))


def test_chapters_come_in_the_order_of_the_spine() -> None:
    data = book(
        item("a", "one.xhtml") + item("b", "two.xhtml"),
        "b a b",
        {"one.xhtml": page(ONE), "two.xhtml": page(TWO)},
    )
    assert texts(data) == ["The road was white with salt.", "Leaving", "We left Oskel at dawn."]


def test_a_book_tells_its_title_authors_and_date() -> None:
    found = parsed(TWO_CHAPTERS)
    assert (found.title, found.metadata) == ("The Salt Road", {"author": "Ana Brusk", "date": "1998"})
    about = (
        "<dc:title/><dc:creator>A. Bel</dc:creator><dc:creator>C. Dor</dc:creator>"
        "<dc:date>soon</dc:date><dc:date>2001-02-03T04:05:06Z</dc:date>"
    )
    found = parsed(book(item("a", "one.xhtml"), "a", {"one.xhtml": page(ONE)}, about))
    assert (found.title, found.metadata) == (
        None,
        {"author": "A. Bel, C. Dor", "date": "2001-02-03T04:05:06Z"},
    )


def test_a_book_of_libreoffice_is_read() -> None:
    assert texts(EXPORTED)[-3:] == [
        "Objections",
        "The fishers of the north quay objected to the noise.",
        "A short line.",
    ]
    assert parsed(EXPORTED).title == "The Harbour of Velmora"


def test_a_chapter_without_a_heading_has_its_title_in_the_table_of_contents() -> None:
    nav = page(
        '<nav epub:type="toc"><ol><li><a href="one.xhtml">Wrong</a></li>'
        '<li><a href="text/two%20a.xhtml#top">The road</a></li></ol></nav>'
    )
    files = {"one.xhtml": page(ONE), "text/two a.xhtml": page(TWO), "nav.xhtml": nav}
    manifest = (
        item("a", "one.xhtml")
        + item("b", "text/two%20a.xhtml#x")
        + item("n", "nav.xhtml", 'properties="nav"')
    )
    assert texts(book(manifest, "n a b", files)) == [
        "Leaving",
        "We left Oskel at dawn.",
        "The road",
        "The road was white with salt.",
    ]


def test_a_first_line_that_is_the_title_of_its_chapter_is_its_heading() -> None:
    ncx = (
        '<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "ncx.dtd">'
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>The road</text>'
        '</navLabel><content src="two.xhtml"/></navPoint></navMap></ncx>'
    )
    manifest = item("b", "two.xhtml") + '<item id="x" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    data = book(manifest, "b", {"two.xhtml": page("<p>The Road</p>" + TWO), "toc.ncx": ncx})
    assert texts(data) == ["The road", "The road was white with salt."]
    assert texts(data, BlockKind.HEADING) == ["The road"]
    broken = book(manifest, "b", {"two.xhtml": page(TWO), "toc.ncx": ncx[:-20]})
    assert texts(broken) == ["The road was white with salt."]


def test_a_page_that_lists_the_chapters_is_left_out() -> None:
    contents = page('<h1>Contents</h1><p><a href="one.xhtml">Leaving, a long chapter</a></p>')
    manifest = item("a", "one.xhtml") + item("c", "contents.xhtml")
    data = book(
        manifest + '</manifest><guide><reference type="toc" href="contents.xhtml"/></guide><manifest>',
        "c a",
        {"one.xhtml": page(ONE), "contents.xhtml": contents},
    )
    assert texts(data) == ["Leaving", "We left Oskel at dawn."]


def test_what_is_aside_from_the_order_of_reading_comes_last() -> None:
    data = book(
        item("a", "one.xhtml") + item("b", "two.xhtml"),
        '<itemref idref="b" linear="no"/><itemref idref="a"/>',
        {"one.xhtml": page(ONE), "two.xhtml": page(TWO)},
    )
    assert texts(data)[-1] == "The road was white with salt."


def test_numbers_of_printed_pages_do_not_stand_in_sentences() -> None:
    body = '<p>We left Oskel <span epub:type="pagebreak">12</span>at dawn.</p><svg><text>Cover</text></svg>'
    assert texts(book(item("a", "one.xhtml"), "a", {"one.xhtml": page(body)})) == ["We left Oskel at dawn."]


def test_pages_that_are_not_well_formed_or_name_characters_are_read() -> None:
    files: dict[str, str | bytes] = {
        "one.xhtml": page("<p>Salt&nbsp;&amp; bread &rsquo;<br>and <b>more<p>Second"),
        "two.xhtml": '<?xml version="1.0" encoding="windows-1251"?><html><p>Соль и хлеб</p></html>'.encode(
            "cp1251"
        ),
        "empty.xhtml": "",
    }
    manifest = item("a", "one.xhtml") + item("b", "two.xhtml") + item("e", "empty.xhtml")
    assert texts(book(manifest, "e a b", files)) == ["Salt & bread ’ and more", "Second", "Соль и хлеб"]


def test_references_do_not_leave_the_book() -> None:
    manifest = (
        item("a", "./x/../one.xhtml")
        + item("b", "../../../../etc/passwd")
        + item("c", "file:///etc/passwd")
        + item("d", "http://[bad/x.xhtml")
        + item("e", "%2e%2e/%2e%2e/etc/passwd")
        + item("f", "")
    )
    assert texts(book(manifest, "b c d e f a", {"one.xhtml": page(ONE)})) == [
        "Leaving",
        "We left Oskel at dawn.",
    ]


def test_scripts_and_styles_are_not_text() -> None:
    body = "<script>//<![CDATA[\nvar bad = 1;\n//]]></script><style>p{}</style><p>Good</p>"
    assert parsed(book(item("a", "one.xhtml"), "a", {"one.xhtml": page(body)})).text == "Good"


def test_each_chapter_done_is_told() -> None:
    told: list[tuple[int, int]] = []
    EpubLoader().parse(
        TWO_CHAPTERS, "x", replace(Parsing(), page_done=lambda number, of: told.append((number, of)))
    )
    assert told == [(1, 2), (2, 2)]


def encryption(algorithm: str, uri: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData><enc:CipherReference URI="{uri}"/>'
        "</enc:CipherData></enc:EncryptedData></encryption>"
    )


def test_a_book_protected_against_copying_is_refused_but_not_for_its_fonts() -> None:
    def protected(algorithm: str, uri: str) -> bytes:
        files = {"one.xhtml": page(ONE), "META-INF/encryption.xml": encryption(algorithm, uri)}
        return book(item("a", "one.xhtml"), "a", files)

    with pytest.raises(EncryptedDocument, match=r"salt\.epub"):
        parsed(protected("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "OEBPS/one.xhtml"))
    assert texts(protected("http://www.idpf.org/2008/embedding", "OEBPS/font.otf"))
    assert texts(protected("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "OEBPS/font.otf"))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("META-INF/container.xml", "damaged"),
        ("OEBPS/book.opf", "list of its"),
        ("OEBPS/one.xhtml", "chapters"),
    ],
)
def test_a_book_without_one_of_its_parts_is_refused_by_name(part: str, said: str) -> None:
    data = book(item("a", "one.xhtml"), "a", {"one.xhtml": page(ONE)})
    with pytest.raises(UnreadableText, match=rf"salt\.epub.*{said}"):
        parsed(renamed(data, part, "OEBPS/other"))


@pytest.mark.parametrize("path", ["one.xhtml", "book.opf", "chapter.bin"])
def test_entities_of_ones_own_are_refused(path: str) -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><html><p>&b;</p></html>'
    with pytest.raises(UnreadableText, match=r"salt\.epub declares entities"):
        parsed(book(item("a", path), "a", {"one.xhtml": page(ONE), path: bomb}))


def test_entities_in_a_package_of_any_name_are_refused() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "ha">]><p>&a;</p>'
    container = CONTAINER.replace("book.opf", "book.bin")
    data = book("", "", {"META-INF/container.xml": container, "book.bin": bomb})
    with pytest.raises(UnreadableText, match=r"salt\.epub declares entities"):
        parsed(data)


def test_a_book_that_unpacks_to_too_much_is_refused() -> None:
    data = book(item("a", "one.xhtml"), "a", {"one.xhtml": page("<p>salt </p>" * 400_000)})
    assert len(data) < 100_000
    with pytest.raises(ParseLimit, match=r"salt\.epub"):
        EpubLoader().parse(data, "salt.epub", Parsing(unpacked_bytes=2**20))


def test_chapters_nested_without_end_are_refused() -> None:
    with pytest.raises(ParseLimit, match=r"salt\.epub"):
        parsed(book(item("a", "one.xhtml"), "a", {"one.xhtml": page("<div>" * 100_000 + "x")}))
