"""ZIP files as folders: each file in one is a document of its own."""

from __future__ import annotations

import zipfile

from index.errors import EmptyDocument
from index.loading.composing import Composer
from index.loading.loader import Attachment, Parsed, Parsing, Signs
from index.loading.zips import SIGNATURES, opened, read

# What archivers add of their own.
_PASSED_OVER = ("__MACOSX/",)
_SAYS_UTF8 = 0x800


class ArchiveLoader:
    """Reads ZIP files. It has no text of its own; what is in it comes as attachments, by name."""

    media_type = "application/zip"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept any ZIP file; those that are documents were taken by other loaders."""
        return signs.data.startswith(SIGNATURES[0]) and bool(signs.members)

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the files in an archive that are not hidden."""
        composer = Composer(name, parsing)
        with opened(data, name, parsing) as archive:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                path = _name(member)
                if (
                    path
                    and not path.endswith("/")
                    and not _is_hidden(path)
                    and not path.startswith(_PASSED_OVER)
                ):
                    composer.attachments.append(Attachment(path, read(archive, member, name)))
        if not composer.attachments:
            raise EmptyDocument(f"{name} holds no file")
        return composer.parsed()


def _name(member: zipfile.ZipInfo) -> str:
    """Return a member's name, which is UTF-8 in many a file that does not say so."""
    if not member.flag_bits & _SAYS_UTF8:
        try:
            return member.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return member.filename


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))
