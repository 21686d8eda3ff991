"""Mail: bodies in several formats and encodings, quotes, attachments, and what is damaged or sealed."""

import base64
from dataclasses import replace
from email.message import EmailMessage

import pytest
from contracts import LoaderContract

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading import Loader, OcrMode, Parsed, Parsing, Signs
from index.loading.mail.loader import MailLoader
from index.types import BlockKind

PARSING = Parsing(ocr=OcrMode.OFF)
HEAD = (
    b"From: Ida Brandt <ida@vellmar.test>\r\nTo: Jon Aske <jon@tarn.test>\r\n"
    b"Subject: Dredging of the channel\r\nDate: Tue, 18 Apr 2023 09:30:00 +0200\r\n"
)
PROSE = "The channel was dredged to eleven metres in the spring. "


def parsed(data: bytes, parsing: Parsing = PARSING) -> Parsed:
    return MailLoader().parse(data, "letter.eml", parsing)


def mail(body: str | bytes, *headers: str) -> Parsed:
    """Return what is read of a mail with these headers beside the usual ones."""
    told = "".join(f"{header}\r\n" for header in headers).encode()
    return parsed(HEAD + told + b"\r\n" + (body.encode() if isinstance(body, str) else body))


def multipart(kind: str, *parts: str, boundary: str = "b1") -> Parsed:
    return mail(joined(boundary, *parts), f'Content-Type: multipart/{kind}; boundary="{boundary}"')


def joined(boundary: str, *parts: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def blocks(found: Parsed, kind: BlockKind = BlockKind.PARAGRAPH) -> list[str]:
    return [found.text[block.start : block.end] for block in found.blocks if block.kind is kind]


def attached(found: Parsed) -> dict[str, bytes]:
    return {attachment.name: attachment.data for attachment in found.attachments}


class TestMailLoader(LoaderContract):
    suffix = ".eml"
    textual = True
    good = (
        b"From: a@vellmar.test\nTo: b@vellmar.test\nSubject: Fees\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nThe fees rise.\n\n- pilots\n- tugs\n"
        b"--x\nContent-Disposition: attachment; filename=fees.csv\n\nyear,fee\n2020,4\n--x--\n"
    )
    bad = bytes(range(256)) * 20

    def loader(self) -> Loader:
        return MailLoader()


def test_the_subject_is_the_title_and_the_first_heading() -> None:
    found = mail(PROSE)
    assert found.title == "Dredging of the channel"
    assert (found.blocks[0].kind, found.blocks[0].level) == (BlockKind.HEADING, 1)
    assert blocks(found) == [PROSE.strip()]


def test_who_wrote_to_whom_and_when_can_be_found_and_is_no_prose() -> None:
    found = mail(PROSE, "Cc: harbour@vellmar.test", "X-Spam-Score: 3")
    assert blocks(found, BlockKind.METADATA) == [
        "From: Ida Brandt <ida@vellmar.test>",
        "To: Jon Aske <jon@tarn.test>",
        "Cc: harbour@vellmar.test",
        "Date: Tue, 18 Apr 2023 09:30:00 +0200",
    ]
    assert found.metadata == {"author": "Ida Brandt", "date": "2023-04-18T09:30:00+02:00"}


def test_a_sender_without_a_name_is_told_by_address_and_a_date_that_is_none_is_left_out() -> None:
    found = parsed(b"From: <ida@vellmar.test>\nDate: some day in spring\n\nIt rained.\n")
    assert found.metadata == {"author": "ida@vellmar.test"}
    assert found.title is None


def test_headers_in_encoded_words_are_decoded_even_where_a_character_is_in_two() -> None:
    letters = base64.b64encode("Grüße".encode()[:3]).decode(), base64.b64encode("Grüße".encode()[3:]).decode()
    subject = (
        f"Subject: =?utf-8?B?{letters[0]}?=\n =?utf-8?B?{letters[1]}?= =?iso-8859-1?q?_aus_M=E4lar?= hier\n"
    )
    assert parsed(subject.encode() + b"From: a\n\nText.").title == "Grüße aus Mälar hier"


def test_raw_letters_in_headers_are_decoded() -> None:
    assert parsed("Subject: Wieża w mieście\nFrom: a\n\nText.".encode()).title == "Wieża w mieście"


def test_of_a_text_in_two_formats_the_plain_one_is_read() -> None:
    html = f"Content-Type: text/html\r\n\r\n<p>{PROSE}<b>Marked.</b></p>"
    plain = f"Content-Type: text/plain\r\n\r\n{PROSE}Plain."
    assert blocks(multipart("alternative", plain, html)) == [f"{PROSE}Plain."]
    assert blocks(multipart("alternative", html, plain)) == [f"{PROSE}Plain."]


@pytest.mark.parametrize("plain", ["", "This mail is in HTML."])
def test_html_is_read_where_the_plain_text_says_nothing(plain: str) -> None:
    html = f"Content-Type: text/html\r\n\r\n<h1>Dredging</h1><p>{PROSE * 4}</p><ul><li>pilots</li></ul>"
    found = multipart("alternative", f"Content-Type: text/plain\r\n\r\n{plain}", html)
    assert blocks(found) == [(PROSE * 4).strip()]
    assert blocks(found, BlockKind.ITEM) == ["pilots"]
    assert [block.level for block in found.blocks if block.kind is BlockKind.HEADING] == [1, 2]


def test_html_alone_is_read_with_its_tables() -> None:
    rows = "<tr><th>Year</th><th>Ships</th></tr><tr><td>2018</td><td>412</td></tr>"
    found = mail(f"<html><body><table>{rows}</table></body></html>", "Content-Type: text/html")
    assert blocks(found, BlockKind.TABLE) == ["Year: 2018 | Ships: 412"]
    assert blocks(mail("<!-- nothing -->", "Content-Type: text/html")) == []


def test_wrapped_lines_are_one_paragraph() -> None:
    body = "The channel was dredged to eleven metres in the spring of 2019, and\nthe work took four months.\n"
    found = mail(f"{body}\nIt was planned for six.\n")
    assert blocks(found) == [" ".join(body.split()), "It was planned for six."]


def test_lines_that_flow_are_joined_and_their_quotes_kept_apart() -> None:
    body = "The quay is \nowned by \nthe town.\n>> It was \n>> sold.\n> No.\n \n>-- \nIda\n"
    found = mail(body, "Content-Type: text/plain; format=flowed")
    assert blocks(found) == ["The quay is owned by the town.", "It was sold.", "No.", "Ida"]


def test_with_delsp_the_blank_at_the_end_of_a_line_is_none_of_the_text() -> None:
    found = mail("東京の \n港。\n", "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes")
    assert blocks(found) == ["東京の港。"]


def test_quoted_mail_comes_without_its_marks_and_a_signature_stays() -> None:
    body = (
        "Agreed.\n\nOn 3 May Jon wrote:\n> The tender opens in June.\n> > Who bids?\n> Two firms.\n\n"
        "-- \nIda Brandt, harbour office\n"
    )
    assert blocks(mail(body)) == [
        "Agreed.",
        "On 3 May Jon wrote:",
        "The tender opens in June.",
        "Who bids?",
        "Two firms.",
        "Ida Brandt, harbour office",
    ]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-2", "iso-8859-2"),
        ("windows-1250", "cp1250"),
        ("x-nobody-knows", "utf-8"),
        ("a\x00b", "utf-8"),
        ("zlib", "utf-8"),
        ("punycode", "utf-8"),
        ("us-ascii", "utf-8"),
    ],
)
def test_a_body_is_decoded_by_its_charset_or_as_it_reads(charset: str, encoding: str) -> None:
    text = "Wieża stoi w mieście nad rzeką, a most prowadzi na drugą stronę."
    found = mail(text.encode(encoding), f'Content-Type: text/plain; charset="{charset}"')
    assert blocks(found) == [text]


def test_bytes_of_no_encoding_become_replacement_characters() -> None:
    found = mail(b"The quay \xff\xfe is old.", "Content-Type: text/plain; charset=utf-8")
    assert blocks(found) == ["The quay \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} is old."]


def test_transfer_encodings_are_undone_even_where_damaged() -> None:
    quoted = mail("The qu=C3=A4y is=\r\n old =ZZ.", "Content-Transfer-Encoding: quoted-printable")
    assert blocks(quoted) == ["The quäy is old =ZZ."]
    letters = base64.b64encode(b"The quay is old.").decode()
    for damaged in (
        letters,
        letters.rstrip("="),
        f"{letters[:6]}!\r\n{letters[6:]}",
        f"{letters}\r\n--\r\nlist",
    ):
        assert blocks(mail(damaged, "Content-Transfer-Encoding: base64")) == ["The quay is old."]


def test_attachments_come_with_names_and_bytes() -> None:
    found = EmailMessage()
    found["Subject"], found["From"] = "Fees", "ida@vellmar.test"
    found.set_content("The fees are attached.\n")
    found.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="Gebühren 2020.pdf")
    found.add_attachment("year,fee\n", subtype="csv", filename="fees.csv")
    read = parsed(bytes(found))
    assert attached(read) == {"Gebühren 2020.pdf": b"\x00\x01", "fees.csv": b"year,fee\n"}
    assert blocks(read) == ["The fees are attached."]


def test_names_of_attachments_in_encoded_words_are_decoded() -> None:
    part = 'Content-Type: application/pdf; name="=?utf-8?q?Geb=C3=BChren.pdf?="\r\n\r\n%PDF'
    assert list(attached(multipart("mixed", part))) == ["Gebühren.pdf"]


def test_an_attachment_without_a_name_is_numbered() -> None:
    part = "Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF"
    assert attached(multipart("mixed", part)) == {"attachment-1": b"%PDF"}


def test_pictures_within_the_text_and_signatures_are_no_attachments() -> None:
    picture = 'Content-Type: image/png; name="logo.png"\r\nContent-Id: <1>\r\n\r\nPNG'
    scan = 'Content-Type: image/png\r\nContent-Disposition: attachment; filename="scan.png"\r\n\r\nPNG'
    seal = 'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\nxyz'
    assert list(attached(multipart("mixed", "\r\nText.", picture, seal, scan))) == ["scan.png"]


def test_a_mail_within_a_mail_is_an_attachment_named_by_its_subject() -> None:
    inner = "Subject: Tender 1/2\r\nFrom: jon@tarn.test\r\n\r\nThe tender opens in June.\r\n"
    found = multipart("mixed", "\r\nSee below.", f"Content-Type: message/rfc822\r\n\r\n{inner}")
    (attachment,) = found.attachments
    assert attachment.name == "Tender 1-2.eml"
    assert blocks(found) == ["See below."]
    assert blocks(parsed(attachment.data)) == ["The tender opens in June."]
    assert list(attached(multipart("digest", f"\r\n{inner}"))) == ["Tender 1-2.eml"]


def test_attachments_alone_are_enough() -> None:
    found = parsed(
        b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\n%PDF-1.7"
    )
    assert (found.text, attached(found)) == ("", {"a.pdf": b"%PDF-1.7"})


def test_parts_within_parts_are_read_in_order() -> None:
    html = "Content-Type: text/html\r\n\r\n<p>In HTML.</p>"
    inner = joined("b1-x", f"\r\n{PROSE}", html)
    nested = f"Content-Type: multipart/alternative; boundary=b1-x\r\n\r\n{inner}"
    found = multipart("mixed", nested, "\r\nSent to all members.")
    assert blocks(found) == [PROSE.strip(), "Sent to all members."]


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_what_a_cut_off_mail_still_has_is_read(cut: int) -> None:
    whole = joined("b1", "\r\nFirst.", "\r\nSecond and last.")
    end = (len(whole), whole.rindex("--b1--"), whole.index("and last"))[cut]
    found = mail(whole[:end], "Content-Type: multipart/mixed; boundary=b1")
    assert blocks(found)[0] == "First."
    assert blocks(found)[1].startswith("Second")


def test_a_multipart_mail_without_its_boundary_is_text() -> None:
    assert blocks(mail("The quay is old.", "Content-Type: multipart/mixed")) == ["The quay is old."]
    assert blocks(mail("The quay is old.", "Content-Type: multipart/mixed; boundary=z")) == [
        "The quay is old."
    ]


def test_headers_that_end_without_a_blank_line_lose_no_text() -> None:
    assert "The quay is old." in parsed(HEAD + b"The quay is old.\n\nIt leaks.\n").text


@pytest.mark.parametrize(
    "sealed",
    [
        "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\nVersion: 1\r\n--b--\r\n",
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n\r\nMIIB\r\n',
        "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n",
    ],
)
def test_an_encrypted_mail_is_refused_by_name(sealed: str) -> None:
    with pytest.raises(EncryptedDocument, match=r"letter\.eml is encrypted"):
        parsed(HEAD + sealed.encode())


def test_a_mail_whose_text_is_within_its_signature_is_refused() -> None:
    with pytest.raises(UnreadableText, match="signature"):
        parsed(HEAD + b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nMIIB")


def test_a_signed_mail_is_read() -> None:
    seal = "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nMIIB"
    found = multipart("signed", "\r\nThe quay is old.", seal)
    assert (blocks(found), found.attachments) == (["The quay is old."], ())


@pytest.mark.parametrize(
    ("head", "mail"),
    [
        (HEAD + b"\r\nText.", True),
        (b"From jon Fri Jul 3 2020\n" + HEAD + b"\r\nText.", True),
        (b"Received: from a\n\tby b\nReturn-Path: <a>\n" + b"X-Long: y\n" * 1000, True),
        (b"Note: this is plain.\nTo: be continued\n\nText.", False),
        (b"Subject: one header\n\nText.", False),
        (b"From: a\nTo: b\nwithout a blank line below\n\nText.", False),
        (b"\n" + HEAD, False),
        (b"", False),
    ],
)
def test_mail_is_told_from_text_by_its_first_lines(head: bytes, mail: bool) -> None:
    assert MailLoader().accepts(Signs(head, ".txt")) is mail
    assert MailLoader().accepts(Signs(head, ".eml"))


def test_what_is_attached_is_bounded() -> None:
    parts = [f'Content-Type: text/csv; name="{number}"\r\n\r\n' + "x" * 100 for number in range(5)]
    data = HEAD + b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n" + joined("b1", *parts).encode()
    assert len(parsed(data).attachments) == 5
    with pytest.raises(ParseLimit, match=r"letter\.eml"):
        parsed(data, replace(PARSING, unpacked_bytes=450))
    with pytest.raises(ParseLimit, match="more than 4 parts"):
        parsed(data, replace(PARSING, members=4))


def test_parts_nested_without_end_are_refused() -> None:
    levels = "".join(
        f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(5000)
    )
    with pytest.raises(ParseLimit, match="within each other"):
        parsed(HEAD + levels.encode())


def test_mails_nested_without_end_are_opened_one_at_a_time() -> None:
    data = HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"Text."
    (inner,) = parsed(data).attachments
    assert len(data) - len(inner.data) < 400


@pytest.mark.parametrize(
    "header",
    [
        "To: " + "(" * 50_000,
        "Subject: " + "=?utf-8?b?" * 9_000,
        "Subject: =?utf-8?b?A?= =?zlib?q?=?= =?utf-8?b?====?=",
        "Content-Type: text/plain; " + "a*0*=b; " * 50_000,
        'Content-Type: text/plain; name="' + '";"' * 100_000,
        "Content-Type: ;;;=;=\x00",
        "Content-Type: text/plain; charset*0*=''%ff",
        "Content-Disposition: attachment; filename*=zlib''%ff",
        "Content-Transfer-Encoding: base65",
        "Date: " + "9" * 10_000,
        ":\r\n ::",
    ],
)
def test_hostile_headers_break_nothing(header: str) -> None:
    found = parsed(header.encode() + b"\r\nX-Last: 1\r\n\r\nThe quay is old.")
    assert found.text.endswith("The quay is old.") or attached(found)
