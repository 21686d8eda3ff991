"""What can go wrong below the answer, as one tree.

Only leaves are raised; each leaf says what happened, to which value, and the way out:

    QuoteboundError
    ├── InputError                what was given cannot be used as it is
    │   ├── SourceNotFound        no such file or folder
    │   ├── UnsupportedFormat     a format that no loader reads
    │   ├── UnreadableText        bytes that are not what they claim to be, or are damaged
    │   ├── EncryptedDocument     it needs a password
    │   ├── ParseLimit            it would take more time, memory or room than a file may
    │   ├── EmptyDocument         nothing in it but white space
    │   ├── NothingRead           pages without text, and no OCR to read them
    │   ├── TooLarge              over a size limit
    │   ├── InvalidName           a collection name that cannot be a folder
    │   ├── InvalidBackup         a backup that cannot be made there, or is none, or is damaged
    │   └── InvalidReindex        there is no embedding space to go to
    ├── NotFound                  a well-formed name of something that is not there
    │   ├── DocumentNotFound
    │   ├── CollectionNotFound
    │   ├── JobNotFound
    │   ├── PageNotFound          the document has no such page
    │   └── NoPageImages          its pages cannot be shown as they look
    ├── Conflict                  it clashes with what is there
    │   └── CollectionExists
    ├── StorageError              the home cannot do what was asked of it
    │   ├── HomeLocked            another writer holds it
    │   ├── ReadOnlyStore         this process opened it without the lock
    │   ├── StorageFull           no room left on the disk
    │   ├── StorageUnavailable    the disk or the database refused; nothing was kept
    │   ├── OutcomeUnknown        it refused, and whether the change was kept cannot be told
    │   └── DamagedStore          what was read is not what was written
    └── EmbeddingError            the model cannot serve
        ├── ModelNotFound         no such model on this machine
        ├── SpaceMismatch         the stored vectors come from another model
        ├── SpaceChanged          the collection went to another model meanwhile
        └── InvalidVector         a vector that is not a number, or is zero
"""

from __future__ import annotations

from typing import ClassVar


class QuoteboundError(Exception):
    """The root of every error that Quotebound raises on purpose.

    `code` names the kind for programs; `retryable` says whether the same call may succeed later.
    The message is for people and is safe to show: it holds no stack and no path of the home.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class InputError(QuoteboundError):
    """What was given cannot be used as it is."""

    code = "invalid_input"


class SourceNotFound(InputError):
    """No file or folder has the given name."""

    code = "source_not_found"


class UnsupportedFormat(InputError):
    """No loader reads this format."""

    code = "unsupported_format"


class UnreadableText(InputError):
    """The bytes are not what they claim to be, or are damaged."""

    code = "unreadable_text"


class EncryptedDocument(InputError):
    """The document can only be read with a password."""

    code = "encrypted_document"


class ParseLimit(InputError):
    """To read the document would take more time, memory or room than one file may."""

    code = "parse_limit"


class EmptyDocument(InputError):
    """The document holds nothing but white space."""

    code = "empty_document"


class NothingRead(InputError):
    """There are pages in the document, and none of them could be read."""

    code = "nothing_read"


class TooLarge(InputError):
    """A document or upload is over its size limit."""

    code = "too_large"


class InvalidName(InputError):
    """A collection's name cannot be used as a folder's name."""

    code = "invalid_name"


class InvalidBackup(InputError):
    """A backup cannot be written or restored as asked, or its file is not the one that was written."""

    code = "invalid_backup"


class InvalidReindex(InputError):
    """There is no embedding space to go to, or to remove."""

    code = "invalid_reindex"


class NotFound(QuoteboundError):
    """A well-formed name of something that is not there."""

    code = "not_found"


class DocumentNotFound(NotFound):
    """No document has this id, or it was deleted."""

    code = "document_not_found"


class CollectionNotFound(NotFound):
    """No collection has this name."""

    code = "collection_not_found"


class JobNotFound(NotFound):
    """No job has this id, or it ended long ago."""

    code = "job_not_found"


class PageNotFound(NotFound):
    """The document has no page of this number."""

    code = "page_not_found"


class NoPageImages(NotFound):
    """The document's format is not shown page by page, or its file was not kept."""

    code = "no_page_images"


class Conflict(QuoteboundError):
    """What was asked for clashes with what is there."""

    code = "conflict"


class CollectionExists(Conflict):
    """A collection has this name already."""

    code = "collection_exists"


class StorageError(QuoteboundError):
    """The home cannot do what was asked of it."""

    code = "storage_error"


class HomeLocked(StorageError):
    """Another process writes to this home."""

    code = "home_locked"
    retryable = True


class ReadOnlyStore(StorageError):
    """This process opened the home without its lock and may not write."""

    code = "read_only"


class StorageFull(StorageError):
    """There is no room left on the disk; nothing of the document was kept."""

    code = "storage_full"
    retryable = True


class StorageUnavailable(StorageError):
    """The disk or the database refused; of a change, nothing was kept."""

    code = "storage_unavailable"
    retryable = True


class OutcomeUnknown(StorageError):
    """The disk refused, and whether the change was kept cannot be told; the same call again settles it."""

    code = "outcome_unknown"
    retryable = True


class DamagedStore(StorageError):
    """What was read is not what was written."""

    code = "damaged_store"


class EmbeddingError(QuoteboundError):
    """The embedding model cannot serve."""

    code = "embedding_error"


class ModelNotFound(EmbeddingError):
    """The named model is not on this machine, or is not one that can be used."""

    code = "model_not_found"


class SpaceMismatch(EmbeddingError):
    """The stored vectors were made by another model or chunker than the one configured."""

    code = "model_mismatch"


class SpaceChanged(EmbeddingError):
    """The collection went over to another embedding space while something was made for the old one."""

    code = "space_changed"
    retryable = True


class InvalidVector(EmbeddingError):
    """A vector has the wrong shape, is zero, or holds something that is not a number."""

    code = "invalid_vector"
