"""ZIP files, and the formats that are some: looked into without unpacking, unpacked within bounds."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

from index.errors import EncryptedDocument, ParseLimit, UnreadableText
from index.loading.loader import Parsing

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# A list of names longer than this is not looked at to choose a loader, nor read at all.
_DIRECTORY_BYTES = 4 * 2**20
_END_OF_DIRECTORY = b"PK\x05\x06"
_LOCATOR_64 = b"PK\x06\x07"
_LOCATOR_64_BYTES = 20
_END_BYTES = 22
_COMMENT_BYTES = 65_535
_ENCRYPTED = 1
_PACKAGE_TYPE_BYTES = 256
# In the encodings that an XML parser tells by itself.
_DOCTYPE = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E|\0<\0!\0D\0O\0C\0T\0Y\0P\0E")
_ENTITY = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y|\0<\0!\0E\0N\0T\0I\0T\0Y")
_XML_SUFFIXES = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx", ".svg")

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)
# Others are rare, and take as much memory as the file says.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def contents(data: bytes) -> tuple[frozenset[str], str]:
    """Return the names within a ZIP file and what its member `mimetype` says; nothing for other files.

    Bounded in time and memory, whatever the bytes are.
    """
    if not data.startswith(SIGNATURES) or not _has_short_directory(data):
        return frozenset(), ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = frozenset(archive.namelist())
            kind = b""
            if "mimetype" in names and archive.getinfo("mimetype").compress_type in _METHODS:
                with archive.open("mimetype") as member:
                    kind = member.read(_PACKAGE_TYPE_BYTES)
    except _BROKEN:
        return frozenset(), ""
    return names, kind.decode("ascii", "replace").strip()


def opened(data: bytes, name: str, parsing: Parsing) -> zipfile.ZipFile:
    """Return a ZIP file whose members together are no more than `parsing` allows.

    What a member says of its size is what can be read of it. Raise `UnreadableText`,
    `EncryptedDocument` or `ParseLimit`.
    """
    if not _has_short_directory(data):
        raise UnreadableText(f"{name} is damaged: the list of its members is missing or far too long")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise UnreadableText(f"{name} is damaged: it cannot be unpacked") from error
    members = archive.infolist()
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise EncryptedDocument(f"{name} is protected by a password; give it without")
    if any(member.compress_type not in _METHODS for member in members):
        raise UnreadableText(f"{name} is packed in a way that is not read; pack it as an ordinary ZIP file")
    if len(members) > parsing.members:
        raise ParseLimit(f"{name} has {len(members)} members, more than the {parsing.members} that are read")
    unpacked = sum(member.file_size for member in members)
    if unpacked > parsing.unpacked_bytes:
        raise ParseLimit(
            f"{name} would unpack to {unpacked / 2**20:.0f} MB, more than the limit of "
            f"{parsing.unpacked_bytes / 2**20:.0f} MB; split it or raise QUOTEBOUND_MAX_UNPACKED_MB"
        )
    return archive


def opened_package(data: bytes, name: str, parsing: Parsing, *, doctypes: bool = False) -> zipfile.ZipFile:
    """Return a document that is a ZIP file of XML, as `opened` does, without entities in any of it.

    Nor document types, which entities are declared in, unless `doctypes`: EPUB has XHTML, which may
    begin with one. Raise `UnreadableText` where there is one.
    """
    archive = opened(data, name, parsing)
    for member in archive.infolist():
        if not member.filename.lower().endswith(_XML_SUFFIXES):
            continue
        content = read(archive, member, name)
        if _ENTITY.search(content) or (not doctypes and _DOCTYPE.search(content)):
            raise UnreadableText(f"{name} declares entities in its XML, which no document needs")
    return archive


def read(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, name: str) -> bytes:
    """Return the bytes of a member; raise `UnreadableText` where they are damaged or missing."""
    try:
        info = member if isinstance(member, zipfile.ZipInfo) else archive.getinfo(member)
        with archive.open(info) as opened_member:
            # As much as it claims to have and no more: all at once, one that lies would fill the memory.
            return opened_member.read(info.file_size)
    except (*_BROKEN, KeyError) as error:
        raise UnreadableText(f"{name} is damaged: a part of it cannot be unpacked") from error


def _has_short_directory(data: bytes) -> bool:
    """Tell whether the list of members is there and short, going by what the end of the file says."""
    end = data.rfind(_END_OF_DIRECTORY, max(0, len(data) - _END_BYTES - _COMMENT_BYTES))
    if end < 0 or end + _END_BYTES > len(data):
        return False
    # The 64-bit end, which files of our size do not need, could name another list.
    if data[max(0, end - _LOCATOR_64_BYTES) : end].startswith(_LOCATOR_64):
        return False
    size: int = struct.unpack_from("<L", data, end + 12)[0]
    return size <= _DIRECTORY_BYTES
