"""Where documents come from: files, uploads, and files within files; each has an identity and a name."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from index.errors import SourceNotFound, TooLarge

_WITHIN = "within:"

# Control characters, those that change the direction of what follows, and the surrogates by which Python
# stands for bytes that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


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
            raise too_large(source, status.st_size, max_bytes)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise SourceNotFound(f"{source} cannot be read: {error.strerror}") from error


def file_origin(path: Path) -> str:
    """Return the identity of a file: the same for every way of writing its path."""
    return path.resolve().as_uri()


def path_of(origin: str) -> Path:
    """Return the path of a file's identity; for what is within a file, that of the file."""
    # By way of bytes: a file's name need not be UTF-8.
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(outermost(origin)).path)))


def upload_origin(name: str) -> str:
    """Return the identity of an upload: a second one of the same name replaces the first."""
    return f"upload:{name}"


def members_prefix(origin: str) -> str:
    """Return how the identities of all files within a file begin, those within them again included."""
    inner = origin if is_member(origin) else f"{_WITHIN}{quote(origin, safe='')}"
    return f"{inner}#"


def members_range(origin: str) -> tuple[str, str]:
    """Return between which identities those of all files within a file are, the second one left out."""
    prefix = members_prefix(origin)
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def member_origin(origin: str, name: str) -> str:
    """Return the identity of a file within a file."""
    return members_prefix(origin) + quote(name, safe="", errors="surrogatepass")


def is_member(origin: str) -> bool:
    """Tell whether an identity is that of a file within a file."""
    return origin.startswith(_WITHIN)


def outermost(origin: str) -> str:
    """Return the identity of the file or upload that some document came in."""
    return unquote(origin[len(_WITHIN) :].partition("#")[0]) if is_member(origin) else origin


def label(path: str) -> str:
    """Return a path as it is stored and shown: what cannot be printed or encoded is replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", path)


def content_sha256(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, by which a change is noticed."""
    return hashlib.sha256(data).hexdigest()


def too_large(name: str, size: int, limit: int) -> TooLarge:
    """Return the error for a file over the limit; sizes are in bytes."""
    return TooLarge(
        f"{name} has {size / 2**20:.1f} MB, more than the limit of {limit / 2**20:g} MB; "
        "split it or raise QUOTEBOUND_MAX_FILE_MB"
    )
