"""What can be wrong in a collection: where, what, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """What `quotebound doctor --repair` does about a fault."""

    NONE = "none"  # nothing can be done here: another version of the program, a disk that refuses
    AWAIT = "await"  # nothing: a document is due, and `reindex` makes what is missing from its text
    MIGRATE = "migrate"  # the catalog is brought to today's format
    SALVAGE = "salvage"  # every whole row is carried over into a new file
    REINDEX = "reindex"  # the database's own indexes are made anew from its tables
    ROW = "row"  # the row is quarantined; what then misses it is found in the next round
    RECUT = "recut"  # a document's passages and vectors of a space go, and it is due there
    ORIGINAL = "original"  # what is left of a document's original is quarantined; the document stays
    DOCUMENT = "document"  # all of a document is quarantined, and its deletion is logged
    SPACE = "space"  # the row is recovered where it can be proven, else the space is dropped
    DROP_SPACE = "drop space"  # what belongs to a space that is not there goes
    ACTIVATE = "activate"  # the space that the change log names serves, and no other
    META = "meta"  # the row is quarantined, and what can be computed anew is
    LOG = "log"  # the change log is completed
    DERIVED = "derived"  # a file that can be made from the catalog goes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written, with the row, the document and the space it is about."""

    place: str
    message: str
    remedy: Remedy
    table: str = ""
    rowid: int = 0
    document: str = ""
    space: str = ""


def legible(text: object) -> str:
    """Return text as it can be stored and printed, whatever bytes it was made of."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
