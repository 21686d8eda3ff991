"""The layouts of pages against the documents they are of; all that hangs on one is to show a quote there."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator

import numpy as np
import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy
from index.doctor.rows import Row, Sources, rows_of, whole_rows
from index.sql import records
from index.sql.schema import documents, is_whole, layouts

# The start, the end and the box of a word: `PageLayout.packed`.
_VALUES = 6
_VALUE = np.dtype("<i4")


def layout_faults(connection: sa.Connection) -> Iterator[Fault]:
    """Yield the layouts that are of no page of their document, or cannot be."""
    sources = Sources(connection)
    for document in whole_rows(connection, documents):
        found = list(rows_of(connection, layouts, "document_id", document["id"]))
        numbers = {page.number for page in records.pages(document)} if found else set()
        for rowid, row in found:
            if is_whole(layouts, row) and (message := _message(row, numbers, document["characters"])):
                place = sources.place(layouts.name, rowid, row)
                yield Fault(place, message, Remedy.ROW, table=layouts.name, rowid=rowid)


def _message(row: Row, numbers: set[int], characters: int) -> str | None:
    if row["page"] not in numbers:
        return "its document has no such page"
    if not all(math.isfinite(side) and side >= 0 for side in (row["width"], row["height"])):
        return "no page is of this size"
    try:
        values = np.frombuffer(zlib.decompress(row["words"]), _VALUE).reshape(-1, _VALUES)
    except (zlib.error, ValueError):
        return "its words cannot be unpacked"
    starts, ends = values[:, 0], values[:, 1]
    within = (starts >= 0) & (starts <= ends) & (ends <= characters)
    return None if bool(within.all()) else "its words stand outside of the text"
