"""A few stored passages and their vectors, by which a model is held to what it made before."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from index.chunking import indexed_text
from index.embedding import Vectors
from index.sql import records
from index.sql.database import rows_among
from index.sql.schema import passages, vectors

# The shortest of the first passages: to embed them again costs next to nothing.
_PROBED = 64
_PROBES = 3


def probes_of(connection: sa.Connection, space: str) -> tuple[list[str], Vectors]:
    """Return a few short texts as they were embedded in a space, and their vectors: `Catalog.probes`."""
    first = sa.select(passages).where(passages.c.space == space).order_by(passages.c.row).limit(_PROBED)
    rows = connection.execute(first).mappings().all()
    shortest = sorted(rows, key=lambda row: len(row["text"]))[:_PROBES]
    keys = [row["row"] for row in shortest]
    made = {
        row["row"]: vector
        for row in rows_among(connection, vectors, vectors.c.row, keys)
        if (vector := records.vector(row)) is not None
    }
    found = [
        (indexed_text(passage), made[row["row"]])
        for row in shortest
        if row["row"] in made and (passage := records.passage(row)) is not None
    ]
    texts, known = [text for text, _ in found], [vector for _, vector in found]
    return texts, np.stack(known) if known else np.empty((0, 0), dtype=np.float32)
