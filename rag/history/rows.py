"""What is read and changed of the kept conversations within a transaction, which others begin and commit.

`owner` is the SHA-256 under which a visitor's conversations are kept. A row that is not the one that was
stored is left out of what is returned, and logged.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from index.sql.database import insert, rows_among
from index.sql.schema import is_whole
from rag.generation import plain
from rag.history.keeping import Record
from rag.history.schema import answers, conversations, feedback, turns
from rag.history.types import ConversationInfo, Feedback, Thumb
from rag.types import Asking

Row = Mapping[Any, Any]

_TITLE_CHARACTERS = 80

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """A turn as it is stored: its row, its answer as `rag.history.keeping` packed it, what was said of it."""

    turn: Row
    record: Record
    feedback: Feedback


def conversations_of(connection: sa.Connection, owner: str) -> list[Row]:
    """Return a visitor's conversations, the one that was changed last first."""
    statement = sa.select(conversations).where(conversations.c.visitor == owner)
    newest = statement.order_by(conversations.c.updated.desc(), conversations.c.id)
    return _whole(conversations, connection.execute(newest).mappings())


def conversation_of(connection: sa.Connection, owner: str, conversation_id: str | None) -> Row | None:
    """Return a conversation of a visitor, None where there is none of this id."""
    its = (conversations.c.id == conversation_id) & (conversations.c.visitor == owner)
    return next(
        iter(_whole(conversations, connection.execute(sa.select(conversations).where(its)).mappings())), None
    )


def conversation_with(connection: sa.Connection, owner: str, turn_id: str) -> Row | None:
    """Return the conversation of a visitor that has a turn, None where none has."""
    statement = sa.select(turns.c.conversation_id).where(turns.c.id == turn_id)
    for conversation_id in connection.scalars(statement).all():
        if row := conversation_of(connection, owner, conversation_id):
            return row
    return None


def described(connection: sa.Connection, rows: Sequence[Row]) -> list[ConversationInfo]:
    """Return conversations as they are listed."""
    counted = sa.select(turns.c.conversation_id, sa.func.count()).group_by(turns.c.conversation_id)
    counts: dict[str, int] = {}
    for some in _batches([row["id"] for row in rows]):
        found = connection.execute(counted.where(turns.c.conversation_id.in_(some)))
        counts |= dict(found.all())
    return [
        ConversationInfo(row["id"], row["title"], row["created"], row["updated"], counts.get(row["id"], 0))
        for row in rows
    ]


def questions(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return what was asked in some conversations."""
    asked = defaultdict(list)
    found = rows_among(connection, turns, turns.c.conversation_id, conversation_ids)
    for row in _whole(turns, found):
        asked[row["conversation_id"]].append(row["question"])
    return asked


def begin_conversation(
    connection: sa.Connection, owner: str, conversation_id: str, question: str, now: str
) -> Row:
    """Begin a conversation that is called by its first question, and return it."""
    record = {
        "id": conversation_id,
        "visitor": owner,
        "title": _title_of(question),
        "created": now,
        "updated": now,
    }
    insert(connection, conversations, [record])
    return record


def _title_of(question: str) -> str:
    line = plain.one_line(question, len(question))
    if len(line) > _TITLE_CHARACTERS:
        line = line[:_TITLE_CHARACTERS].rpartition(" ")[0] or line[: _TITLE_CHARACTERS - 1]
        line = f"{line[: _TITLE_CHARACTERS - 1]}…"
    return line or "…"


def add_turn(
    connection: sa.Connection, conversation_id: str, turn_id: str, asking: Asking, record: Record, now: str
) -> None:
    """Add a turn at the end of a conversation."""
    last = sa.select(sa.func.max(turns.c.number)).where(turns.c.conversation_id == conversation_id)
    turn = {
        "conversation_id": conversation_id,
        "id": turn_id,
        "number": (connection.scalar(last) or 0) + 1,
        "question": asking.question,
        "asked": now,
        "collection": asking.collection,
        "documents": json.dumps(asking.documents),
    }
    insert(connection, turns, [turn])
    packed = json.dumps(record, separators=(",", ":"))
    insert(connection, answers, [{"conversation_id": conversation_id, "turn_id": turn_id, "answer": packed}])


def documents_of(turn: Row) -> tuple[str, ...]:
    """Return the ids of the documents that a turn was asked of."""
    return tuple(json.loads(turn["documents"]))


def put_feedback(
    connection: sa.Connection, conversation_id: str, turn_id: str, said: Feedback, now: str
) -> None:
    """Keep what is said of an answer in place of what was said before."""
    its = (feedback.c.conversation_id == conversation_id) & (feedback.c.turn_id == turn_id)
    connection.execute(sa.delete(feedback).where(its))
    if said != Feedback():
        record = {
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "thumb": said.thumb.value if said.thumb is not None else None,
            "comment": said.comment,
            "wanted": int(said.case),
            "given": now,
        }
        insert(connection, feedback, [record])


def kept_turns(
    connection: sa.Connection, conversation_id: str, last: int | None = None, turn_id: str | None = None
) -> list[KeptRows]:
    """Return the turns of a conversation, or the last ones of it or that one, the oldest first."""
    statement = sa.select(turns).where(turns.c.conversation_id == conversation_id)
    if turn_id is not None:
        statement = statement.where(turns.c.id == turn_id)
    newest = connection.execute(statement.order_by(turns.c.number.desc()).limit(last)).mappings().all()
    given = _of_conversation(connection, feedback, conversation_id)
    said = {row["turn_id"]: _feedback(row) for row in given}
    ids = [row["id"] for row in newest]
    its = answers.c.conversation_id == conversation_id
    stored = rows_among(connection, answers, answers.c.turn_id, ids, its)
    told = {row["turn_id"]: json.loads(row["answer"]) for row in _whole(answers, stored)}
    return [
        KeptRows(row, told[row["id"]], said.get(row["id"], Feedback()))
        for row in reversed(_whole(turns, newest))
        if row["id"] in told
    ]


def _feedback(row: Row) -> Feedback:
    thumb = Thumb(row["thumb"]) if row["thumb"] is not None else None
    return Feedback(thumb, row["comment"], bool(row["wanted"]))


def with_feedback(connection: sa.Connection) -> list[str]:
    """Return the ids of the conversations of which something was said."""
    statement = sa.select(feedback.c.conversation_id).distinct().order_by(feedback.c.conversation_id)
    return list(connection.scalars(statement))


def erase(connection: sa.Connection, conversation_ids: Sequence[str]) -> None:
    """Remove conversations with everything that belongs to them."""
    for some in _batches(conversation_ids):
        for table in (feedback, answers, turns):
            connection.execute(sa.delete(table).where(table.c.conversation_id.in_(some)))
        connection.execute(sa.delete(conversations).where(conversations.c.id.in_(some)))


def oldest_past(connection: sa.Connection, limit: int, kept: str, owner: str | None = None) -> list[str]:
    """Return what is past the limit of a visitor or of all, changed longest ago first; never `kept`."""
    its = conversations.c.visitor == owner if owner is not None else sa.true()
    count = connection.scalar(sa.select(sa.func.count(conversations.c.id)).where(its)) or 0
    if count <= limit:
        return []
    oldest = sa.select(conversations.c.id).where(its, conversations.c.id != kept)
    return list(connection.scalars(oldest.order_by(conversations.c.updated).limit(count - limit)))


def _of_conversation(connection: sa.Connection, table: sa.Table, conversation_id: str) -> list[Row]:
    statement = sa.select(table).where(table.c.conversation_id == conversation_id)
    return _whole(table, connection.execute(statement).mappings())


def _whole(table: sa.Table, rows: Iterable[Row]) -> list[Row]:
    found = []
    for row in rows:
        if is_whole(table, row):
            found.append(row)
        else:
            _log.error("row left out", reason=f"a row of {table.name} of the kept conversations is damaged")
    return found


def _batches(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (keys[first : first + size] for first in range(0, len(keys), size))
