"""ZIP files are looked into and unpacked within bounds, whatever they say of themselves."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import EncryptedDocument, InputError, ParseLimit, UnreadableText
from index.loading import Parsing, zips

CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def altered(data: bytes, *fields: tuple[str, int, int, int]) -> bytes:
    """Return a ZIP file of one member with fields changed: format, place in both records, value."""
    changed = bytearray(data)
    central = data.index(CENTRAL)
    for form, local, listed, value in fields:
        struct.pack_into(form, changed, local, value)
        struct.pack_into(form, changed, central + listed, value)
    return bytes(changed)


def size(value: int) -> tuple[str, int, int, int]:
    return "<L", 22, 24, value


def checksum(value: int) -> tuple[str, int, int, int]:
    return "<L", 14, 16, value


def unpacked(data: bytes, parsing: Parsing | None = None) -> list[bytes]:
    with zips.opened(data, "pack.zip", parsing or Parsing()) as archive:
        return [zips.read(archive, member, "pack.zip") for member in archive.infolist()]


LONG = packed(("a.txt", b"x" * 1_000_000))
SHORT = packed(("a.txt", b"word"))


def test_names_and_the_type_of_a_package_are_told_without_unpacking_it() -> None:
    data = packed(("mimetype", b"application/epub+zip\n"), ("a/b.xml", b""))
    assert zips.contents(data) == (frozenset({"mimetype", "a/b.xml"}), "application/epub+zip")


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"text", SHORT[:-10], END + bytes(18), SHORT[: len(SHORT) // 2]]
)
def test_what_is_no_whole_zip_file_has_no_names(data: bytes) -> None:
    assert zips.contents(data) == (frozenset(), "")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_take_as_much_memory_as_the_file_says_are_not_read(method: int) -> None:
    data = packed(("mimetype", b"application/epub+zip" * 100), method=method)
    assert zips.contents(data) == (frozenset({"mimetype"}), "")
    with pytest.raises(UnreadableText, match=r"pack\.zip is packed in a way that is not read"):
        unpacked(data)


def test_a_member_gives_no_more_than_it_says_it_holds() -> None:
    lie = altered(LONG, size(10), checksum(zlib.crc32(b"x" * 10)))
    assert unpacked(lie) == [b"x" * 10]
    with pytest.raises(UnreadableText, match=r"pack\.zip is damaged"):
        unpacked(altered(LONG, size(10)))


def test_a_member_that_lies_is_not_unpacked_first() -> None:
    lie = altered(packed(("a", bytes(64 * 2**20))), size(10))
    tracemalloc.start()
    with pytest.raises(UnreadableText, match=r"pack\.zip is damaged"):
        unpacked(lie)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_member_that_says_more_than_it_holds_gives_what_it_holds() -> None:
    assert unpacked(altered(LONG, size(200 * 2**20))) == [b"x" * 1_000_000]


def test_what_all_members_would_unpack_to_is_bounded() -> None:
    data = packed(("a", bytes(600)), ("b", bytes(600)))
    assert len(unpacked(data, Parsing(unpacked_bytes=1_200))) == 2
    with pytest.raises(ParseLimit, match=r"pack\.zip would unpack to"):
        unpacked(data, Parsing(unpacked_bytes=1_199))
    with pytest.raises(ParseLimit, match="2048 MB"):
        unpacked(altered(SHORT, size(2**31)))


def test_members_that_share_their_bytes_count_each() -> None:
    start, end = LONG.index(CENTRAL), LONG.index(END)
    entries = LONG[start:end] * 300
    tail = struct.pack("<4s4H2LH", END, 0, 0, 300, 300, len(entries), start, 0)
    with pytest.raises(ParseLimit, match="would unpack to 286 MB"):
        unpacked(LONG[:start] + entries + tail)


def test_a_size_in_64_bits_is_believed() -> None:
    start, end = SHORT.index(CENTRAL), SHORT.index(END)
    extra = struct.pack("<HHQ", 1, 8, 2**40)
    entry = bytearray(SHORT[start:end])
    struct.pack_into("<L", entry, 24, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, len(extra))
    tail = struct.pack("<4s4H2LH", END, 0, 0, 1, 1, len(entry) + len(extra), start, 0)
    with pytest.raises(ParseLimit, match="would unpack to"):
        unpacked(SHORT[:start] + bytes(entry) + extra + tail)


def test_a_second_list_of_members_in_64_bits_is_not_looked_at() -> None:
    end = SHORT.index(END)
    data = SHORT[:end] + b"PK\x06\x07" + bytes(16) + SHORT[end:]
    assert zips.contents(data) == (frozenset(), "")
    with pytest.raises(UnreadableText, match="list of its members"):
        unpacked(data)


def test_more_members_than_are_read_are_refused() -> None:
    data = packed(*((str(number), b"") for number in range(30)))
    with pytest.raises(ParseLimit, match=r"pack\.zip has 30 members, more than the 29"):
        unpacked(data, Parsing(members=29))


def test_a_list_of_a_hundred_thousand_members_is_not_even_read() -> None:
    entry = SHORT[SHORT.index(CENTRAL) : SHORT.index(END)]
    entries = entry * 100_000
    tail = struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, len(entries), SHORT.index(CENTRAL), 0)
    data = SHORT[: SHORT.index(CENTRAL)] + entries + tail
    assert zips.contents(data) == (frozenset(), "")
    with pytest.raises(UnreadableText, match="far too long"):
        unpacked(data)


def test_an_encrypted_member_is_refused_as_that() -> None:
    with pytest.raises(EncryptedDocument, match=r"pack\.zip is protected by a password"):
        unpacked(altered(SHORT, ("<H", 6, 8, 1)))


def test_a_damaged_member_is_refused() -> None:
    with pytest.raises(UnreadableText, match=r"pack\.zip is damaged: a part of it cannot be unpacked"):
        unpacked(altered(SHORT, checksum(7)))
    with zips.opened(SHORT, "pack.zip", Parsing()) as archive, pytest.raises(UnreadableText):
        zips.read(archive, "gone.txt", "pack.zip")


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16-be"),
        b'<!DOCTYPE a SYSTEM "http://x.test/a.dtd"><a/>',
    ],
)
def test_declarations_in_the_xml_of_a_package_are_refused(xml: bytes) -> None:
    with pytest.raises(UnreadableText, match=r"pack\.docx declares entities"):
        zips.opened_package(packed(("word/document.xml", xml)), "pack.docx", Parsing())


def test_a_package_of_web_pages_may_name_its_document_type_but_declare_nothing() -> None:
    page = packed(("a.xhtml", b"<!DOCTYPE html><html/>"))
    zips.opened_package(page, "book.epub", Parsing(), doctypes=True).close()
    entity = packed(("a.xhtml", b'<!DOCTYPE html [<!ENTITY a "b">]><html/>'))
    with pytest.raises(UnreadableText):
        zips.opened_package(entity, "book.epub", Parsing(), doctypes=True)


MEMBERS = packed(("mimetype", b"application/zip"), ("a.txt", b"word " * 50), ("b.txt", b"other"))


@given(
    st.lists(st.tuples(st.integers(0, len(MEMBERS) - 1), st.integers(0, 255)), max_size=6),
    st.integers(1, len(MEMBERS)),
)
def test_no_damage_raises_anything_but_what_it_says(changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(MEMBERS)
    for place, value in changes:
        data[place] = value
    for damaged in (bytes(data), bytes(data[:length])):
        zips.contents(damaged)
        try:
            unpacked(damaged)
        except InputError as error:
            assert "pack.zip" in str(error)
