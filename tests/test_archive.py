"""ZIP files as folders of documents."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest
from contracts import LoaderContract

from index.errors import EmptyDocument, EncryptedDocument, ParseLimit
from index.loading import Attachment, Loader, Parsing
from index.loading.archive import ArchiveLoader


def packed(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def attachments(data: bytes, parsing: Parsing | None = None) -> tuple[Attachment, ...]:
    return ArchiveLoader().parse(data, "pack.zip", parsing or Parsing()).attachments


def names(data: bytes) -> list[str]:
    return [attachment.name for attachment in attachments(data)]


class TestArchive(LoaderContract):
    suffix = ".zip"
    good = packed(("report.txt", b"A mill stood at Brennick."), ("more/notes.md", b"# Notes"))
    bad = b"PK\x03\x04" + b"no archive" * 20

    def loader(self) -> Loader:
        return ArchiveLoader()


def test_each_file_is_an_attachment_in_the_order_of_names_and_there_is_no_text() -> None:
    parsed = ArchiveLoader().parse(
        packed(("b.txt", b"B"), ("a/c.txt", b"C"), ("a/", b"")), "pack.zip", Parsing()
    )
    assert parsed.text == ""
    assert parsed.attachments == (Attachment("a/c.txt", b"C"), Attachment("b.txt", b"B"))


def test_hidden_files_and_what_archivers_add_are_passed_over() -> None:
    hidden = ((".DS_Store", b"x"), ("a/.git/config", b"x"), ("__MACOSX/._a.txt", b"x"))
    assert names(packed(*hidden, ("a.txt", b"A"))) == ["a.txt"]
    with pytest.raises(EmptyDocument, match=r"pack\.zip holds no file"):
        attachments(packed(*hidden))


def test_an_archive_within_an_archive_is_one_attachment() -> None:
    inner = packed(("a.txt", b"A"))
    assert attachments(packed(("inner.zip", inner))) == (Attachment("inner.zip", inner),)


def test_a_name_is_a_label_wherever_it_points() -> None:
    assert names(packed(("../../etc/passwd", b"x"), ("/root/a.txt", b"x"), ("./b.txt", b"x"))) == [
        "../../etc/passwd",
        "./b.txt",
        "/root/a.txt",
    ]


def test_two_files_of_one_name_come_both() -> None:
    assert [found.data for found in attachments(packed(("a.txt", b"one"), ("a.txt", b"two")))] == [
        b"one",
        b"two",
    ]


@pytest.mark.parametrize("encoding", ["cp437", "utf-8"])
def test_a_name_that_does_not_say_its_encoding_is_read_as_its_archiver_wrote_it(encoding: str) -> None:
    written = "Brücke.txt".encode(encoding)
    data = packed(("X" * len(written), b"text")).replace(b"X" * len(written), written)
    assert names(data) == ["Brücke.txt"]


def test_a_name_that_says_it_is_utf_8_is_read_so() -> None:
    assert names(packed(("мельница.txt", b"text"))) == ["мельница.txt"]


def test_all_files_together_are_bounded() -> None:
    data = packed(("a.txt", bytes(700)), ("b.txt", bytes(700)))
    with pytest.raises(ParseLimit, match=r"pack\.zip would unpack to"):
        attachments(data, Parsing(unpacked_bytes=1_000))
    with pytest.raises(ParseLimit, match=r"pack\.zip has 2 members"):
        attachments(data, Parsing(members=1))


def test_an_archive_with_a_password_is_refused_as_that() -> None:
    data = bytearray(packed(("a.txt", b"A")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(EncryptedDocument, match=r"pack\.zip is protected by a password"):
        attachments(bytes(data))


def test_a_member_without_a_name_is_passed_over() -> None:
    nameless = packed(("x", b"1"), ("a.txt", b"2"))
    # In its own head and in the list: a name of no length, and the letter goes to what comes after it.
    for head, at in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        start = nameless.index(head)
        length = start + at
        nameless = nameless[:length] + b"\0\0\x01\0" + nameless[length + 4 :]
    assert names(nameless) == ["a.txt"]
