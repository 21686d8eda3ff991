"""The tables of the kept conversations, every row of them with its checksum, and their format."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from index.errors import StorageError
from index.sql import schema as catalog
from index.sql.database import store_value
from index.sql.migrations import VERSION_KEY, stored_format

metadata = sa.MetaData()
# As a catalog has it, so that its format is kept and read in the same way.
meta = catalog.meta.to_metadata(metadata)


def _crc() -> sa.Column[int]:
    return sa.Column(catalog.CRC, sa.Integer, nullable=False)


conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("visitor", sa.Text, nullable=False),  # SHA-256 of what tells visitors apart
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("updated", sa.Text, nullable=False),
    _crc(),
    sa.Index("conversations_by_visitor", "visitor", "updated"),
    sa.Index("conversations_by_age", "updated"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),  # counts from 1
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("documents", sa.Text, nullable=False),  # JSON list of the ids that were asked
    _crc(),
    sa.UniqueConstraint("conversation_id", "number"),
    sa.Index("turns_by_id", "id"),
)


def _of_a_turn(name: str, *columns: sa.Column[object]) -> sa.Table:
    """Return a table with at most one row for each turn."""
    return sa.Table(
        name,
        metadata,
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("turn_id", sa.Text, primary_key=True),
        *columns,
        _crc(),
        sa.ForeignKeyConstraint(("conversation_id", "turn_id"), ("turns.conversation_id", "turns.id")),
    )


# Apart from the turns, so that to list and search these reads nothing of what was answered.
answers = _of_a_turn("answers", sa.Column("answer", sa.Text, nullable=False))  # JSON: `rag.history.keeping`

feedback = _of_a_turn(
    "feedback",
    sa.Column("thumb", sa.Text),  # up | down
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False),  # 1 where it was asked to be made a case of the eval
    sa.Column("given", sa.Text, nullable=False),
)

# Entry n brings a file of format n + 1 to format n + 2. What an entry does is fixed when it is released.
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = ()
FORMAT = len(MIGRATIONS) + 1


def migrate(connection: sa.Connection) -> None:
    """Bring the file to today's format, all or nothing within the connection's transaction."""
    version = readable_format(connection)
    if version == FORMAT:
        return
    if version == 0:
        metadata.create_all(connection)
    else:
        for migration in MIGRATIONS[version - 1 :]:
            migration(connection)
    store_value(connection, VERSION_KEY, str(FORMAT))


def readable_format(connection: sa.Connection) -> int:
    """Return the format of the file, 0 where there is none yet; raise `StorageError` for a newer one."""
    version = stored_format(connection)
    if version > FORMAT:
        raise StorageError(
            f"the kept conversations were written by a newer Quotebound (format {version}, this one knows "
            f"{FORMAT}); use that version, or move history.db out of the home"
        )
    return version
