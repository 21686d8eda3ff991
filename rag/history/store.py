"""The conversations that visitors had, in one file beside the collections."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from index.catalog import Catalog
from index.errors import CollectionNotFound
from index.sql.database import amend
from rag.citations import Verifier
from rag.errors import ConversationFull, ConversationNotFound, InvalidFeedback, InvalidTitle
from rag.generation import plain
from rag.history import rows
from rag.history.file import HistoryFile
from rag.history.keeping import packed
from rag.history.restoring import Restored, restored
from rag.history.rows import KeptRows
from rag.history.schema import conversations
from rag.history.types import ConversationInfo, Feedback, KeptConversation, KeptTurn
from rag.types import Answer, Asking, Turn

MAX_TURNS = 200
MAX_CONVERSATIONS_OF_A_VISITOR = 500
MAX_CONVERSATIONS = 20_000
MAX_TITLE_CHARACTERS = 120
MAX_COMMENT_CHARACTERS = 2_000
# What a follow-up is understood by.
FOLLOWED_TURNS = 20


class History:
    """Keeps conversations for visitors, each of whom sees nothing of another's; for any number of threads.

    `visitor` is what tells one from another, and is kept as its SHA-256 alone. `catalog` gives the
    catalog of a collection or raises `CollectionNotFound`: from it what was answered is read again, and
    held to the invariant by `verifier`. Each method is one transaction, and raises `StorageFull`,
    `StorageUnavailable` or `DamagedStore`. What is told an id raises `ConversationNotFound`, alike for
    what is not there and what is another visitor's. A row that is not the one that was stored is left
    out, and the log says so.
    """

    def __init__(
        self,
        path: Path,
        catalog: Callable[[str], Catalog],
        verifier: Verifier,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._catalog = catalog
        self._verifier = verifier
        self._clock = clock
        self._file = HistoryFile(path)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def conversations(self, visitor: str, query: str = "") -> list[ConversationInfo]:
        """Return a visitor's conversations, the one that was changed last first.

        With a `query`, those that have each of its words in their title or questions, in any case.
        """
        words = query.casefold().split()
        with self._file.read() as connection:
            found = rows.conversations_of(connection, _owner(visitor))
            if words:
                asked = rows.questions(connection, [row["id"] for row in found])
                texts = ("\n".join((row["title"], *asked.get(row["id"], ()))).casefold() for row in found)
                found = [
                    row for row, text in zip(found, texts, strict=True) if all(word in text for word in words)
                ]
            return rows.described(connection, found)

    def conversation(self, visitor: str, conversation_id: str) -> KeptConversation:
        """Return a conversation with what of its answers stands now."""
        with self._file.read() as connection:
            row = rows.conversation_of(connection, _owner(visitor), conversation_id)
            if row is None:
                raise _not_found(conversation_id)
            (info,) = rows.described(connection, [row])
            kept = rows.kept_turns(connection, conversation_id)
        return KeptConversation(info, tuple(self._turns(kept)))

    def turn(self, visitor: str, turn_id: str) -> KeptTurn:
        """Return a turn of any of a visitor's conversations, with what of its answer stands now."""
        with self._file.read() as connection:
            row = rows.conversation_with(connection, _owner(visitor), turn_id)
            kept = rows.kept_turns(connection, row["id"], turn_id=turn_id) if row is not None else []
        for turn in self._turns(kept):
            return turn
        raise _not_found(turn_id)

    def turns(self, visitor: str, conversation_id: str) -> tuple[Turn, ...]:
        """Return the last turns of a conversation, the oldest first, for a question that follows them.

        The answer is empty where it was an abstention, or one of its quotes is not there any more.
        """
        with self._file.read() as connection:
            if rows.conversation_of(connection, _owner(visitor), conversation_id) is None:
                raise _not_found(conversation_id)
            kept = rows.kept_turns(connection, conversation_id, last=FOLLOWED_TURNS)
        return tuple(
            Turn(
                found.answer.question,
                found.answer.effective_query,
                found.answer.text if found.answer.citations and not found.lost else "",
            )
            for found in self._restored(kept, hits=False)
        )

    def keep(
        self, visitor: str, conversation_id: str | None, turn_id: str, asking: Asking, answer: Answer
    ) -> ConversationInfo:
        """Keep a question with its answer at the end of a conversation, and return that.

        None, or the id of no conversation of the visitor, begins one. A turn that is kept already stays
        as it is. Raise `ConversationFull`.
        """
        owner = _owner(visitor)
        record = packed(asking, answer, self._catalog_of(asking.collection))
        with self._file.write() as connection:
            row = rows.conversation_with(connection, owner, turn_id)
            if row is not None:
                (info,) = rows.described(connection, [row])
                return info
            now = self._now()
            row = rows.conversation_of(connection, owner, conversation_id)
            if row is None:
                begun = secrets.token_hex(16)
                row = rows.begin_conversation(connection, owner, begun, asking.question, now)
            (before,) = rows.described(connection, [row])
            if before.turns >= MAX_TURNS:
                raise ConversationFull(
                    f"this conversation has {before.turns} questions, as many as it may have: begin a new one"
                )
            rows.add_turn(connection, before.id, turn_id, asking, record, now)
            amend(connection, conversations, conversations.c.id == before.id, updated=now)
            past = rows.oldest_past(connection, MAX_CONVERSATIONS_OF_A_VISITOR, before.id, owner)
            rows.erase(connection, past)
            past += (of_all := rows.oldest_past(connection, MAX_CONVERSATIONS, before.id))
            rows.erase(connection, of_all)
        if past:
            self._file.wipe()
        return replace(before, updated=now, turns=before.turns + 1)

    def rename(self, visitor: str, conversation_id: str, title: str) -> None:
        """Give a conversation another title; raise `InvalidTitle`."""
        told = plain.one_line(title, len(title))
        if not told:
            raise InvalidTitle("the title is empty; give it at least one character that can be seen")
        if len(told) > MAX_TITLE_CHARACTERS:
            raise InvalidTitle(
                f"the title has {len(told)} characters, more than {MAX_TITLE_CHARACTERS}; shorten it"
            )
        with self._file.write() as connection:
            if rows.conversation_of(connection, _owner(visitor), conversation_id) is None:
                raise _not_found(conversation_id)
            amend(connection, conversations, conversations.c.id == conversation_id, title=told)
        self._file.wipe()

    def delete(self, visitor: str, conversation_id: str) -> None:
        """Remove a conversation; once this returns nothing of it is in the file."""
        with self._file.write() as connection:
            if rows.conversation_of(connection, _owner(visitor), conversation_id) is None:
                raise _not_found(conversation_id)
            rows.erase(connection, [conversation_id])
        self._file.write_anew()

    def feedback(self, visitor: str, turn_id: str, feedback: Feedback) -> None:
        """Keep what a visitor says of an answer in place of what was said before; raise `InvalidFeedback`."""
        comment = plain.seen(feedback.comment).strip()
        if len(comment) > MAX_COMMENT_CHARACTERS:
            raise InvalidFeedback(
                f"the comment has {len(comment)} characters, more than {MAX_COMMENT_CHARACTERS}; shorten it"
            )
        said = replace(feedback, comment=comment)
        with self._file.write() as connection:
            row = rows.conversation_with(connection, _owner(visitor), turn_id)
            if row is None:
                raise _not_found(turn_id)
            rows.put_feedback(connection, row["id"], turn_id, said, self._now())
        self._file.wipe()

    def all_feedback(self) -> Iterator[KeptTurn]:
        """Yield the turns, whosever they are, of which something was said."""
        with self._file.read() as connection:
            conversation_ids = rows.with_feedback(connection)
        for conversation_id in conversation_ids:
            with self._file.read() as connection:
                kept = rows.kept_turns(connection, conversation_id)
            yield from self._turns([turn for turn in kept if turn.feedback != Feedback()])

    def _turns(self, kept: Sequence[KeptRows]) -> Iterator[KeptTurn]:
        for stored, found in zip(kept, self._restored(kept), strict=True):
            turn = stored.turn
            yield KeptTurn(
                id=turn["id"],
                question=turn["question"],
                asked=turn["asked"],
                collection=turn["collection"],
                documents=rows.documents_of(turn),
                answer=found.answer,
                feedback=stored.feedback,
                lost=found.lost,
            )

    def _restored(self, kept: Sequence[KeptRows], *, hits: bool = True) -> list[Restored]:
        """Return the answers of some turns in their order, those of a collection read together."""
        found: dict[int, Restored] = {}
        for collection in dict.fromkeys(stored.turn["collection"] for stored in kept):
            places = [place for place, stored in enumerate(kept) if stored.turn["collection"] == collection]
            of_it = [(kept[place].turn["question"], kept[place].record) for place in places]
            try:
                answers = restored(of_it, self._catalog_of(collection), self._verifier, hits=hits)
            except CollectionNotFound:
                # It was deleted between two looks at it.
                answers = restored(of_it, None, self._verifier, hits=hits)
            found |= dict(zip(places, answers, strict=True))
        return [found[place] for place in range(len(kept))]

    def _catalog_of(self, collection: str) -> Catalog | None:
        try:
            return self._catalog(collection)
        except CollectionNotFound:
            return None

    def _now(self) -> str:
        return self._clock().isoformat(timespec="microseconds")


def _owner(visitor: str) -> str:
    """Return what a visitor's conversations are kept under."""
    if not visitor:
        raise ValueError("a visitor has to be told from others")
    return hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).hexdigest()


def _not_found(told: str) -> ConversationNotFound:
    return ConversationNotFound(
        f"there is no conversation or turn {told[:64]!r}: it was deleted, or was begun in another browser"
    )
