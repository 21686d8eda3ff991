"""A damaged row of `spaces` made whole again, where its checksum proves what it was.

Worth the trouble: on this one row hangs every vector of the space. Its id is a hash of what it
describes, and whether it serves is told by the change log, so that most of it can be had twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from index.doctor.log import Log
from index.embedding import EmbeddingSpace
from index.sql.schema import CRC, checksum, sealed, spaces

Row = Mapping[str, Any]


def recovered(row: Row, ids: set[str], log: Log, *, other_serves: bool) -> dict[str, Any] | None:
    """Return the row of `spaces` that a damaged one was, None where that cannot be proven.

    `ids` are those that passages refer to and no whole row has.
    """
    if not isinstance(row["description"], str) or not isinstance(row[CRC], int):
        return None
    for space_id in sorted({*ids, str(row["id"])}):
        for state in _states(row, space_id, log, other_serves=other_serves):
            for description in (row["description"], *_one_byte_apart(row, space_id, state)):
                record = sealed(spaces, {"id": space_id, "description": description, **state})
                # A checksum of which one byte differs was damaged itself.
                right = record[CRC] == row[CRC] or _bytes_apart(record[CRC], row[CRC]) == 1
                if right and _is_of(description, space_id):
                    return record
    return None


def _states(row: Row, space_id: str, log: Log, *, other_serves: bool) -> list[dict[str, int | None]]:
    """Return how the row can have been marked: as the change log says, or as it is."""
    switches = [number for number, change in log.changes.items() if change["operation"] == "space"]
    own = [number for number in switches if log.changes[number]["document_id"] == space_id]
    if own:
        states = [_state(serves=max(own) == max(switches), activated=max(own))]
    else:
        # The first one to serve does so from before the first change, and no change says so.
        states = [_state(serves=not (switches or other_serves), activated=0)]
        states.append(_state(serves=False, activated=None))
    if row["active"] in (0, 1) and isinstance(row["activated"], int | None):
        states.append(_state(serves=row["active"] == 1, activated=row["activated"]))
    return states


def _state(*, serves: bool, activated: int | None) -> dict[str, int | None]:
    return {"active": int(serves), "activated": activated}


def _one_byte_apart(row: Row, space_id: str, state: Mapping[str, int | None]) -> Iterator[str]:
    """Yield the descriptions that differ in one byte and have the checksum."""
    text = row["description"]
    # Its bytes are those of ASCII: JSON that we wrote.
    for place, found in enumerate(text):
        before, after = text[:place], text[place + 1 :]
        for character in map(chr, range(32, 127)):
            described = before + character + after
            if character != found and (
                checksum(space_id, described, state["active"], state["activated"]) == row[CRC]
            ):
                yield described


def _is_of(description: str, space_id: str) -> bool:
    try:
        return EmbeddingSpace(**json.loads(description)).id == space_id
    except (ValueError, TypeError):
        return False


def _bytes_apart(one: int, other: int) -> int:
    return sum(byte != 0 for byte in ((one ^ other) & 0xFFFFFFFF).to_bytes(4, "big"))
