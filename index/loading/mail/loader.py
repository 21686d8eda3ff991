"""Mail as it is sent (RFC 5322 and MIME): what it says, who said it to whom, and what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import groupby

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading.composing import Composer
from index.loading.loader import HEAD_BYTES, Attachment, Parsed, Parsing, Signs
from index.loading.mail.parts import Part, leaves, part_of
from index.loading.text.plain import PlainTextLoader
from index.types import BlockKind

_HEADER = re.compile(rb"[!-9;-~]+:")
_TYPICAL = frozenset(
    {b"date", b"from", b"message-id", b"mime-version", b"received", b"return-path", b"subject", b"to"}
)
_ENVELOPE = b"From "
_NOTES = ("From", "To", "Cc", "Date")
_MAIL_TYPES = frozenset({"message/global", "message/rfc822"})
# Parts that are for programs.
_PASSED_OVER = frozenset(
    {
        "application/pgp-encrypted",
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "message/delivery-status",
        "text/calendar",
        "text/rfc822-headers",
    }
)
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_PGP = re.compile(r"-----BEGIN PGP MESSAGE-----.*?(?:-----END PGP MESSAGE-----|\Z)", re.DOTALL)
# With less than this share of the words of its HTML, a plain text only says that there is some.
_FEW_WORDS = 0.2
_QUOTED = re.compile(r"(?:>[ \t]?)+")
_QUOTED_AND_FLOWED = re.compile(r">+")
_SIGNATURE = frozenset({"--", "-- "})
_DATE_CHARACTERS = 100
_IN_NAMES = re.compile(r"[/\\]+")


class MailLoader:
    """Reads mails: the subject as heading, the text of the body, and each attachment as a document.

    Of a text in several formats, the plain one is read unless it says much less than the HTML.
    """

    media_type = "message/rfc822"
    harmless = False
    libraries: tuple[str, ...] = ("lxml.html",)

    def accepts(self, signs: Signs) -> bool:
        """Accept by suffix, or where the first lines are all headers and some of them those of mail."""
        return signs.suffix == ".eml" or _begins_as_mail(signs.head)

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the text of a mail, its attachments beside it."""
        if b"\n" not in data:
            data = data.replace(b"\r", b"\n")
        root = part_of(data.lstrip())
        if not root.head.keys():
            raise UnreadableText(f"{name} is not a mail, or is damaged")
        composer = Composer(name, parsing)
        subject = root.header("subject")
        composer.heading(subject, 1)
        for key in _NOTES:
            if value := root.header(key.lower()):
                composer.note(f"{key}: {value}")
        mail = _Mail(root, composer, name, parsing)
        for _, group in groupby(leaves(root, name, parsing), key=lambda part: part.alternative):
            mail.add(list(group))
            parsing.page_done(0, 1)  # a sign of life
        mail.check()
        told = {"author": _sender(root.header("from")), "date": _date(root.header("date"))}
        return composer.parsed(subject, told)


@dataclass(slots=True)
class _Mail:
    """Adds the parts of a mail to a document."""

    root: Part
    composer: Composer
    name: str
    parsing: Parsing
    _attached_bytes: int = 0
    _seals: set[str] = field(default_factory=set)
    _is_read: bool = False

    def add(self, parts: list[Part]) -> None:
        """Add parts that follow each other; those of an alternative say the same in several formats."""
        texts = [part for part in parts if self._is_text(part)]
        if parts[0].alternative:
            self._add_best(texts)
        else:
            for part in texts:
                self._add_text(self._read(part), is_html=_is_html(part))
        for part in parts:
            if not self._is_text(part):
                self._add_other(part)

    def check(self) -> None:
        """Raise `EncryptedDocument` or `UnreadableText` where all of it is sealed."""
        if self._is_read or self.composer.attachments or not self._seals:
            return
        if self._seals == {"signed-data"}:
            raise UnreadableText(
                f"{self.name} has its text within its signature (S/MIME), which is not read; "
                "give it unsigned, or as text"
            )
        raise EncryptedDocument(f"{self.name} is encrypted; give it decrypted, or as text")

    def _is_text(self, part: Part) -> bool:
        if not part.media_type.startswith("text/") or part.media_type in _PASSED_OVER or part.is_attached:
            return False
        return part is self.root or bool(part.alternative) or not part.file_name

    def _add_best(self, parts: list[Part]) -> None:
        plain = [self._read(part) for part in parts if not _is_html(part)]
        marked = [self._read(part) for part in parts if _is_html(part)]
        use_html = _characters(plain) < _FEW_WORDS * _characters(marked)
        for parsed in marked if use_html else plain:
            self._add_text(parsed, is_html=use_html)

    def _read(self, part: Part) -> Parsed:
        text = part.text()
        if _is_html(part):
            return _of_html(text, self.name, self.parsing)
        if sealed := _PGP.search(text):
            self._seals.add("pgp")
            text = text[: sealed.start()] + text[sealed.end() :]
        flowed = part.parameter("format") == "flowed"
        lines = _lines(text, flowed=flowed, delete_space=flowed and part.parameter("delsp") == "yes")
        return PlainTextLoader().parse("\n".join(lines).encode("utf-8"), self.name, self.parsing)

    def _add_text(self, parsed: Parsed, *, is_html: bool) -> None:
        """Add the blocks of a text, its headings below the subject."""
        composer = self.composer
        for block in parsed.blocks:
            self._is_read = True
            text = parsed.text[block.start : block.end]
            if block.kind is not BlockKind.HEADING:
                composer.block(block.kind, text)
            elif is_html:
                composer.heading(text, block.level + 1)
            elif text.endswith(":"):  # as above a quote: she wrote:
                composer.paragraph(text)
            else:
                composer.heading(text, 2)

    def _add_other(self, part: Part) -> None:
        """Attach a part, but for pictures within the text and what is for programs."""
        kind, file_name = part.media_type, part.file_name
        if kind == "multipart/encrypted":
            self._seals.add("encrypted")
        elif kind in _SEALED:
            self._seals.add(part.parameter("smime-type"))
        elif kind in _MAIL_TYPES:
            inner = part.content()
            subject = _IN_NAMES.sub("-", part_of(inner[:HEAD_BYTES].lstrip()).header("subject"))
            self._attach(file_name or f"{subject or 'mail'}.eml", inner)
        elif kind in _PASSED_OVER:
            pass
        elif part.is_attached or (
            not kind.startswith("image/") and (file_name or kind.startswith("application/"))
        ):
            number = len(self.composer.attachments) + 1
            self._attach(file_name or f"attachment-{number}", part.content())

    def _attach(self, name: str, data: bytes) -> None:
        self._attached_bytes += len(data)
        if self._attached_bytes > self.parsing.unpacked_bytes:
            raise ParseLimit(f"what is attached to {self.name} is larger than the limit; split it")
        if data:
            self.composer.attachments.append(Attachment(name, data))


def _begins_as_mail(head: bytes) -> bool:
    lines = head.split(b"\n")
    if len(head) == HEAD_BYTES:
        lines.pop()  # it may be cut
    names = set()
    for number, line in enumerate(lines):
        if not line.strip():
            break
        if (number and line[:1] in b" \t") or (not number and line.startswith(_ENVELOPE)):
            continue
        found = _HEADER.match(line)
        if not found:
            return False
        names.add(found[0][:-1].lower())
    return len(names & _TYPICAL) >= 2


def _is_html(part: Part) -> bool:
    return part.media_type == "text/html"


def _characters(texts: list[Parsed]) -> int:
    return sum(len("".join(parsed.text.split())) for parsed in texts)


def _of_html(markup: str, name: str, parsing: Parsing) -> Parsed:
    # Loads a compiled library, which a question asked from a shell has no use for.
    from index.loading.web.blocks import add_blocks, parsed_html  # noqa: PLC0415

    composer = Composer(name, parsing)
    with suppress(UnreadableText):  # there is nothing in it
        add_blocks(composer, parsed_html(markup, name))
    return composer.parsed()


def _lines(text: str, *, flowed: bool, delete_space: bool) -> Iterator[str]:
    """Yield the lines of a body without marks of quotes, a blank line where a quote begins or ends.

    Lines that flow (RFC 3676) are joined: those that end with a blank go on in the next.
    """
    line: list[str] = []
    depth, flows = 0, False
    for raw in text.split("\n"):
        quoted = (_QUOTED_AND_FLOWED if flowed else _QUOTED).match(raw)
        rest = raw[quoted.end() :] if quoted else raw
        deeper = quoted[0].count(">") if quoted else 0
        if flowed:
            rest = rest.removeprefix(" ")
        if not flows or deeper != depth or rest in _SIGNATURE:
            yield "".join(line)
            line = []
        if deeper != depth:
            yield ""
        depth = deeper
        flows = flowed and rest.endswith(" ") and rest not in _SIGNATURE
        line.append("" if rest in _SIGNATURE else rest[:-1] if flows and delete_space else rest)
    yield "".join(line)


def _sender(told: str) -> str:
    """Return the name of a sender, the address where there is none."""
    before, _, after = told.partition("<")
    return before.strip().strip("\"'").strip() or after.partition(">")[0].strip()


def _date(told: str) -> str | None:
    try:
        return parsedate_to_datetime(told[:_DATE_CHARACTERS]).isoformat()
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
