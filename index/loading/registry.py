"""From a file's bytes to a `Document`: the one table of loaders, and what every format has in common."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes, urlsplit

from index.errors import EmptyDocument, EncryptedDocument, SourceNotFound, TooLarge, UnsupportedFormat
from index.language import detect_language
from index.loading import zips
from index.loading.loader import Loader, Parsing, Signs
from index.loading.markdown import MarkdownLoader
from index.loading.plain_text import PlainTextLoader
from index.types import Block, BlockKind, Document, content_id, text_sha256

_TITLE_MAX_CHARACTERS = 200

# Control characters, and the surrogates by which Python stands for bytes that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# Formats whose stored text is the file.
_STORED_AS_WRITTEN = (MarkdownLoader.media_type, PlainTextLoader.media_type)

# Asked in this order. Plain text accepts everything, so it is last.
LOADERS: tuple[Loader, ...] = (MarkdownLoader(), PlainTextLoader())

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_READ = "give it as PDF, an Office document, a web page, Markdown or text"

# Formats that no loader reads, by their first bytes: named, so that the message helps.
_UNREAD = (
    (b"%PDF-", "PDF"),
    (b"{\\rtf", "RTF"),
    (b"PK\x05\x06", "an empty ZIP file"),
    (b"PK\x03\x04", "a damaged ZIP or Office file"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
)


def read_file(path: Path, source: str, *, max_bytes: int) -> bytes:
    """Return a file's bytes; `source` is its name in messages.

    Raise `SourceNotFound` where there is no readable regular file, `TooLarge` before reading one of
    more than `max_bytes`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceNotFound(f"{source} is not a regular file")
        if status.st_size > max_bytes:
            raise _too_large(source, status.st_size, max_bytes)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise SourceNotFound(f"{source} cannot be read: {error.strerror}") from error


def file_origin(path: Path) -> str:
    """Return the identity of a file: the same for every way of writing its path."""
    return path.resolve().as_uri()


def path_of(origin: str) -> Path:
    """Return the path of a file's identity."""
    # By way of bytes: a file's name need not be UTF-8.
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(origin).path)))


def upload_origin(name: str) -> str:
    """Return the identity of an upload: a second one of the same name replaces the first."""
    return f"upload:{name}"


def label(path: str) -> str:
    """Return a path as it is stored and shown: what cannot be printed or encoded is replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", path)


def load_bytes(
    data: bytes, source: str, *, origin: str, max_bytes: int, loaders: Sequence[Loader] = LOADERS
) -> Document:
    """Turn bytes into a document, choosing the loader by content first and by suffix second.

    Raise `TooLarge`, `UnsupportedFormat`, `EmptyDocument`, or what the loader raises.
    """
    source = label(source)
    name = PurePosixPath(source).name
    loader = chosen_loader(data, source, max_bytes=max_bytes, loaders=loaders)
    parsed = loader.parse(data, name, Parsing())
    if not parsed.text.strip():
        raise EmptyDocument(f"{name} holds no text")
    digest = text_sha256(parsed.text)
    return Document(
        id=content_id(source, digest),
        source=source,
        origin=origin,
        title=_one_line(parsed.title) or title_from_name(name),
        text=parsed.text,
        sha256=digest,
        content_sha256=content_sha256(data),
        media_type=loader.media_type,
        blocks=parsed.blocks,
        pages=parsed.pages,
        language=detect_language(parsed.text),
        metadata=parsed.metadata,
    )


def chosen_loader(data: bytes, source: str, *, max_bytes: int, loaders: Sequence[Loader] = LOADERS) -> Loader:
    """Return the loader for some bytes, without parsing them.

    Raise `TooLarge`, `UnsupportedFormat`, or `EmptyDocument` where there is nothing but white space.
    """
    path = PurePosixPath(label(source))
    if len(data) > max_bytes:
        raise _too_large(str(path), len(data), max_bytes)
    if not data or data.isspace():
        raise EmptyDocument(f"{path.name} holds no text")
    return _choose(Signs(data, path.suffix.lower(), *zips.contents(data)), path.name, loaders)


def blocks_of(document: Document, loaders: Sequence[Loader] = LOADERS) -> tuple[Block, ...]:
    """Return the blocks of a document that was stored without them, by parsing its text again.

    Text that its loader would store otherwise, as that of a later version might, is one paragraph.
    """
    for loader in loaders:
        if loader.media_type == document.media_type and loader.media_type in _STORED_AS_WRITTEN:
            parsed = loader.parse(document.text.encode("utf-8"), document.source, Parsing())
            if parsed.text == document.text:
                return parsed.blocks
    return (Block(BlockKind.PARAGRAPH, 0, len(document.text)),)


def content_sha256(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, by which a change is noticed."""
    return hashlib.sha256(data).hexdigest()


def title_from_name(name: str) -> str:
    """Return a title made of a file's name: `border-clashes_2024.txt` becomes `Border clashes 2024`."""
    words = _one_line(re.sub(r"[-_]+", " ", PurePosixPath(name).stem)) or name
    return words[:1].upper() + words[1:]


def _one_line(title: str | None) -> str:
    return " ".join((title or "").split())[:_TITLE_MAX_CHARACTERS]


def _choose(signs: Signs, name: str, loaders: Sequence[Loader]) -> Loader:
    # The last one accepts everything; what is known not to be text comes before it.
    for loader in loaders[:-1]:
        if loader.accepts(signs):
            return loader
    if signs.data.startswith(_OLE):
        raise _old_office_file(signs.data, name)
    for signature, kind in _UNREAD:
        if signs.data.startswith(signature):
            raise UnsupportedFormat(f"{name} is {kind}, which is not read; {_READ}")
    if loaders and loaders[-1].accepts(signs):
        return loaders[-1]
    raise UnsupportedFormat(f"{name} is in a format that is not read; {_READ}")


def _old_office_file(data: bytes, name: str) -> EncryptedDocument | UnsupportedFormat:
    if _ENCRYPTED_PACKAGE in data:
        return EncryptedDocument(f"{name} is protected by a password; give it without")
    return UnsupportedFormat(f"{name} is an old Office file; save it as DOCX, PPTX, XLSX or PDF")


def _too_large(name: str, size: int, limit: int) -> TooLarge:
    return TooLarge(
        f"{name} has {size / 2**20:.1f} MB, more than the limit of {limit / 2**20:g} MB; "
        "split it or raise QUOTEBOUND_MAX_FILE_MB"
    )
