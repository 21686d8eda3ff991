"""Documents that want a password, as several formats have them."""

from __future__ import annotations

import zipfile

from index.errors import EncryptedDocument
from index.loading import zips

# How old Office files begin, and newer ones with a password.
OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MANIFEST = "META-INF/manifest.xml"
_ENCRYPTED_MEMBER = b"encryption-data"


def password_protected(name: str) -> EncryptedDocument:
    """Return the error for a document that can only be read with a password."""
    return EncryptedDocument(f"{name} is protected by a password; give it without")


def refuse_encrypted(package: zipfile.ZipFile, name: str) -> None:
    """Raise `EncryptedDocument` where the manifest of an OpenDocument file says that its members are."""
    if _MANIFEST in package.namelist() and _ENCRYPTED_MEMBER in zips.read(package, _MANIFEST, name):
        raise password_protected(name)
