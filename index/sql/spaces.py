"""The embedding spaces on the catalog's file, and the rows of passages and vectors that belong to them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from index.catalog import Change, StoredSpace
from index.embedding import EmbeddingSpace, Vectors
from index.errors import SpaceMismatch
from index.sql import records
from index.sql.changes import add_cut, last_sequence, log, remove_cut
from index.sql.database import Database, amend, insert
from index.sql.schema import cuts, documents, passages, spaces, vectors
from index.types import Passage


class SqlSpaces:
    """Implements `Spaces`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self) -> EmbeddingSpace | None:
        """Return the space that serves."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(spaces).where(spaces.c.active == 1)).mappings().first()
        return records.space(row) if row is not None else None

    def all(self) -> list[StoredSpace]:
        """Return every space, the one activated last first."""
        statement = sa.select(spaces, _documents_cut(spaces.c.id).label("cut")).order_by(
            spaces.c.active.desc(), spaces.c.activated.desc().nulls_last(), spaces.c.id
        )
        with self._database.read() as connection:
            return [
                StoredSpace(records.space(row), bool(row["active"]), row["activated"], row["cut"])
                for row in connection.execute(statement).mappings()
            ]

    def add(self, space: EmbeddingSpace) -> None:
        """Make a space known."""
        with self._database.write() as connection:
            if connection.scalar(sa.select(spaces.c.id).where(spaces.c.id == space.id)) is None:
                insert(connection, spaces, [records.space_record(space)])

    def due(self, space: str, limit: int) -> list[str]:
        """Return the ids of documents that are due in a space."""
        statement = sa.select(documents.c.id).where(_is_due(space)).order_by(documents.c.id).limit(limit)
        with self._database.read() as connection:
            return list(connection.scalars(statement))

    def due_count(self, space: str) -> int:
        """Return how many documents are due in a space."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.count(documents.c.id)).where(_is_due(space))) or 0

    def cut(self, document_id: str, found: Sequence[Passage], embedded: Vectors, space: str) -> Change | None:
        """Store a document's passages and vectors of a space."""
        with self._database.write() as connection:
            if not connection.scalar(sa.select(documents.c.id).where(documents.c.id == document_id)):
                return None
            removed = remove_cut(connection, document_id, space)
            added = add_cut(connection, document_id, found, embedded, space)
            serves = connection.scalar(sa.select(spaces.c.active).where(spaces.c.id == space))
            sequence = log(connection, "put", document_id) if serves else last_sequence(connection)
        return Change(sequence, (document_id,) if removed else (), tuple(removed), tuple(added))

    def activate(self, space: EmbeddingSpace) -> int | None:
        """Make a space the one that serves, unless documents are due in it."""
        with self._database.write() as connection:
            if connection.scalar(sa.select(documents.c.id).where(_is_due(space.id)).limit(1)):
                return None
            if connection.scalar(sa.select(spaces.c.id).where(spaces.c.id == space.id)) is None:
                insert(connection, spaces, [records.space_record(space)])
            left = amend(connection, spaces, spaces.c.active == 1, active=0)
            # The first one changes nothing that anybody could have seen.
            sequence = log(connection, "space", space.id) if left else last_sequence(connection)
            amend(connection, spaces, spaces.c.id == space.id, active=1, activated=sequence)
        return sequence

    def drop(self, space: str, limit: int) -> int:
        """Remove some passages of a space, and with the last of them the space."""
        some = sa.select(passages.c.row).where(passages.c.space == space).order_by(passages.c.row)
        with self._database.write() as connection:
            if connection.scalar(sa.select(spaces.c.active).where(spaces.c.id == space)):
                raise SpaceMismatch("the space that serves cannot be dropped; `quotebound reindex` leaves it")
            # Not whole any more from the first row on.
            connection.execute(sa.delete(cuts).where(cuts.c.space == space))
            rows = list(connection.scalars(some.limit(limit)))
            if rows:
                within = (passages.c.row <= rows[-1]) & (passages.c.space == space)
                doomed = sa.select(passages.c.row).where(within)
                connection.execute(sa.delete(vectors).where(vectors.c.row.in_(doomed)))
                connection.execute(sa.delete(passages).where(within))
            if len(rows) < limit:
                connection.execute(sa.delete(vectors).where(vectors.c.space == space))
                connection.execute(sa.delete(spaces).where(spaces.c.id == space))
        return len(rows)


def _documents_cut(space: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).where(cuts.c.space == space).scalar_subquery()


def _is_due(space: str) -> sa.ColumnElement[bool]:
    done = sa.select(cuts.c.document_id).where(cuts.c.document_id == documents.c.id, cuts.c.space == space)
    return ~done.exists()
