"""The bytes of files beside their documents: of which they are kept, also where that was not done before."""

from __future__ import annotations

from index.errors import DamagedStore, OutcomeUnknown, StorageError, StorageFull
from index.loading.registry import drawer_of
from index.store import Store


def is_kept(media_type: str) -> bool:
    """Tell whether the bytes of a file are worth keeping: where its pages can be drawn."""
    return drawer_of(media_type) is not None


def keep_original(store: Store, document_id: str, data: bytes) -> None:
    """Keep the bytes of a stored document's file, as `Catalog.keep_original` does.

    Raise what a store's changes raise: after `StorageUnavailable` nothing was kept, after
    `OutcomeUnknown` the same call again settles it.
    """
    with store.exclusively():
        try:
            store.catalog.keep_original(document_id, data)
        except (DamagedStore, StorageFull):
            raise
        except StorageError as error:
            # A disk that fails at a commit may have kept it all the same.
            store.catalog.forget_connections()
            try:
                stayed = store.catalog.document(document_id).has_original
            except StorageError:
                raise OutcomeUnknown(
                    "the disk refused, and whether the file was kept cannot be told yet; try again"
                ) from error
            if not stayed:
                raise
