"""Changes that the catalog has and the indexes get, one or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.catalog import Change
from index.embedding import Vectors
from index.lexical import IndexedPassage
from index.types import Document, Passage


@dataclass(frozen=True, slots=True)
class Published:
    """What indexes get of one or more changes, in order.

    First `removed` and `rows_removed` go, then `entries` come, with `vectors` of shape (entries, dimension).
    `sequence` is the number of the last change.
    """

    sequence: int
    removed: tuple[str, ...]
    rows_removed: tuple[int, ...]
    entries: list[IndexedPassage]
    vectors: Vectors

    @classmethod
    def of(
        cls, change: Change, document: Document | None, passages: Sequence[Passage], vectors: Vectors
    ) -> Published:
        """Return what indexes get of one change; without a document it only removes."""
        entries = [
            IndexedPassage(row, passage, document.language)
            for row, passage in zip(change.rows_added, passages, strict=False)
            if document is not None
        ]
        return cls(
            change.sequence,
            change.document_ids_removed,
            change.rows_removed,
            entries,
            vectors[: len(entries)],
        )


def together(changes: Sequence[Published]) -> Published:
    """Return several changes, one or more, as one: what a later one removes of an earlier one is left out."""
    if len(changes) == 1:
        return changes[0]
    gone = {row for change in changes for row in change.rows_removed}
    kept = [
        [place for place, entry in enumerate(change.entries) if entry.row not in gone] for change in changes
    ]
    return Published(
        changes[-1].sequence,
        tuple(document_id for change in changes for document_id in change.removed),
        tuple(row for change in changes for row in change.rows_removed),
        [change.entries[place] for change, places in zip(changes, kept, strict=True) for place in places],
        np.concatenate([change.vectors[places] for change, places in zip(changes, kept, strict=True)]),
    )
