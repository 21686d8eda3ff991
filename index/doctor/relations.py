"""What whole rows say of each other: texts and their hashes, passages and vectors, spaces, the change log.

A row that is damaged is left to `index.doctor.rows`, so that it is found once, and hides no other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import sqlalchemy as sa

from index.doctor.fault import Fault, Remedy
from index.doctor.layouts import layout_faults
from index.doctor.log import log_faults
from index.doctor.originals import original_faults
from index.doctor.rows import Row, Sources, rows_of, whole_rows
from index.doctor.structure import PLACE
from index.embedding import EmbeddingSpace
from index.jobs import JobKind, JobState
from index.sql import records
from index.sql.changes import NEXT_ROW
from index.sql.database import raw_of
from index.sql.migrations import LEXICAL_KEY, VERSION_KEY
from index.sql.schema import (
    cuts,
    documents,
    is_whole,
    jobs,
    meta,
    metadata,
    passages,
    segments,
    spaces,
    uploads,
    vectors,
)
from index.sql.unread import UNREAD, counted, kept_as
from index.types import Passage, text_sha256

Faults = Iterator[Fault]


def reference_faults(connection: sa.Connection) -> Faults:
    """Yield the rows that belong to a row that is not there, and the documents they are of."""
    raw = raw_of(connection)
    sources = Sources(connection)
    told = set()
    found = raw.execute("PRAGMA foreign_key_check").fetchall()
    for name, rowid, parent, _ in found:
        table = metadata.tables[name]
        for _, row in rows_of(connection, table, "rowid", rowid):
            if not is_whole(table, row):
                continue  # what it refers to may be what is damaged
            fault = _orphan(sources, name, rowid, row, parent)
            if fault.place not in told:
                told.add(fault.place)
                yield fault


def _orphan(sources: Sources, table: str, rowid: int, row: Row, parent: str) -> Fault:
    if parent == "documents":
        place = sources.document(row["document_id"])
        return Fault(place, "rows of it are left over", Remedy.DOCUMENT, document=str(row["document_id"]))
    if parent == "spaces":
        message = "passages or vectors are of it, and it is not there"
        return Fault(f"space {row['space']}", message, Remedy.DROP_SPACE, space=str(row["space"]))
    place = sources.place(table, rowid, row)
    return Fault(place, f"what it belongs to is not in {parent}", Remedy.ROW, table=table, rowid=rowid)


def document_faults(connection: sa.Connection) -> Faults:
    """Yield the documents whose text or passages are not those that were stored."""
    sources = Sources(connection)
    known = {row["id"]: row for row in whole_rows(connection, spaces)}
    active = {row["id"] for row in known.values() if row["active"] == 1}
    for row in whole_rows(connection, documents):
        text, fault = _text(connection, row, sources)
        if fault is not None:
            yield fault
        yield from _cut_faults(connection, row["id"], text, sources, active)


def _text(connection: sa.Connection, document: Row, sources: Sources) -> tuple[str | None, Fault | None]:
    """Return a document's text, None where it is damaged, and what is wrong with it besides its rows."""
    found = [row for _, row in rows_of(connection, segments, "document_id", document["id"])]
    if not all(is_whole(segments, row) for row in found):
        return None, None
    text, message = "", "the text is not the one that was stored"
    for row in sorted(found, key=lambda row: row["start"]):
        if row["start"] != len(text):
            message = "a part of the text is not where it was stored"
            break
        text += row["text"]
    else:
        if text_sha256(text) == document["sha256"] and len(text) == document["characters"]:
            return text, None
    place = sources.document(document["id"])
    return None, Fault(place, message, Remedy.DOCUMENT, document=document["id"])


def _cut_faults(
    connection: sa.Connection, document_id: str, text: str | None, sources: Sources, active: set[str]
) -> Faults:
    of_cuts = rows_of(connection, cuts, "document_id", document_id)
    expected = {row["space"]: row for _, row in of_cuts}
    found = list(rows_of(connection, passages, "document_id", document_id))
    by_space = {space: [one for one in found if one[1]["space"] == space] for space in _spaces(found)}
    for space in sorted({*expected, *by_space}, key=str):
        cut, rows = expected.get(space), by_space.get(space, [])
        if cut is None and space not in active:
            continue  # a space that is being dropped loses its cuts first
        yield from _passage_faults(rows, text, sources)
        message = _miscounted(cut, [row for _, row in rows])
        if message is not None:
            place = sources.cut(document_id, space)
            yield Fault(place, message, Remedy.RECUT, document=document_id, space=str(space))
    for space in sorted(active - {*expected, *by_space}):
        message = "it awaits cutting: run `quotebound doctor --repair`, or `quotebound reindex`"
        yield Fault(sources.document(document_id), message, Remedy.AWAIT, document=document_id, space=space)


def _miscounted(cut: Row | None, rows: list[Row]) -> str | None:
    if cut is None:
        return "there are passages, and it is not said how many"
    if is_whole(cuts, cut) and len(rows) != cut["passages"]:
        return f"there are {len(rows)} passages, and should be {cut['passages']}"
    if not all(is_whole(passages, row) for row in rows):
        return None
    numbered = sorted(row["ordinal"] for row in rows) == list(range(len(rows)))
    return None if numbered else "the passages are not numbered one after another"


def _spaces(found: list[tuple[int, Row]]) -> set[object]:
    return {row["space"] for _, row in found}


def _passage_faults(rows: list[tuple[int, Row]], text: str | None, sources: Sources) -> Faults:
    for rowid, row in rows:
        if text is None or not is_whole(passages, row):
            continue
        passage = records.passage(row)
        if passage is None or not _stands(passage, text):
            yield Fault(
                sources.passage(rowid, row),
                "the passage does not stand in the text",
                Remedy.RECUT,
                document=row["document_id"],
                space=row["space"],
            )


def _stands(passage: Passage, text: str) -> bool:
    return text[passage.start : passage.end] == passage.text and all(
        passage.start <= span.start < span.end <= passage.end for span in passage.sentences
    )


def vector_faults(connection: sa.Connection) -> Faults:
    """Yield the passages that have no vector of their space, or one that none can be."""
    sources = Sources(connection)
    known = {row["id"]: records.space(row) for row in whole_rows(connection, spaces)}
    raw = raw_of(connection)
    lacking = raw.execute(
        "SELECT passages.row FROM passages LEFT JOIN vectors ON vectors.row = passages.row"
        " AND vectors.space = passages.space WHERE vectors.row IS NULL"
    ).fetchall()
    wrong = {row: "it has no vector" for (row,) in lacking}
    for rowid, row in rows_of(connection, vectors):
        if not is_whole(vectors, row):
            wrong.pop(rowid, None)  # its own row is found
        elif (space := known.get(row["space"])) is not None and not _is_vector(row["vector"], space):
            wrong[rowid] = "its vector is none that can be"
    for number, message in sorted(wrong.items()):
        for rowid, row in rows_of(connection, passages, "row", number):
            yield Fault(
                sources.passage(rowid, row),
                message,
                Remedy.RECUT,
                document=str(row["document_id"]),
                space=str(row["space"]),
            )


def _is_vector(data: bytes, space: EmbeddingSpace) -> bool:
    if len(data) != space.dimension * records.FLOAT.itemsize:
        return False
    vector = np.frombuffer(data, dtype=records.FLOAT)
    return bool(np.isfinite(vector).all() and vector.any())


def space_faults(connection: sa.Connection) -> Faults:
    """Yield it where not exactly one space serves."""
    every = list(rows_of(connection, spaces))
    whole = [row for _, row in every if is_whole(spaces, row)]
    active = [row["id"] for row in whole if row["active"] == 1]
    stored = next(rows_of(connection, documents), None) is not None
    if len(active) > 1:
        yield Fault(PLACE, f"{len(active)} embedding spaces are marked as the one in use", Remedy.ACTIVATE)
    elif not active and stored and len(whole) == len(every):
        if whole:
            yield Fault(PLACE, "no embedding space is marked as the one in use", Remedy.ACTIVATE)
        else:
            message = "no embedding space is in use: run `quotebound reindex`, which makes one"
            yield Fault(PLACE, message, Remedy.AWAIT)


def value_faults(connection: sa.Connection) -> Faults:
    """Yield what is kept under a name and has to be there, or cannot be so."""
    found = {row["key"]: row for _, row in rows_of(connection, meta)}
    for key in (VERSION_KEY, LEXICAL_KEY):
        if key not in found:
            yield Fault(f"row {key!r} of meta", "it is missing", Remedy.META)
    raw = raw_of(connection)
    rows = max(
        raw.execute("SELECT coalesce(max(row), -1) FROM passages").fetchone()[0],
        raw.execute("SELECT coalesce(max(row), -1) FROM vectors").fetchone()[0],
    )
    stored = found.get(NEXT_ROW)
    if stored is None:
        if rows >= 0:
            yield Fault(f"row {NEXT_ROW!r} of meta", "it is missing", Remedy.META)
    elif is_whole(meta, stored) and not int(stored["value"]) > rows:
        message = f"it says {stored['value']}, and there is row {rows}"
        yield Fault(f"row {NEXT_ROW!r} of meta", message, Remedy.META)
    yield from _unread_faults(connection, found.get(UNREAD))


def _unread_faults(connection: sa.Connection, stored: Row | None) -> Faults:
    every = [row for _, row in rows_of(connection, documents)]
    if not all(is_whole(documents, row) for row in every) or (stored and not is_whole(meta, stored)):
        return  # found already, and what the sum should be cannot be told
    expected = kept_as(counted(connection))
    if (stored["value"] if stored else None) != expected:
        said = f"it says {stored['value']}, and should say {expected}" if stored else "it is missing"
        yield Fault(f"row {UNREAD!r} of meta", said, Remedy.META)


def upload_faults(connection: sa.Connection) -> Faults:
    """Yield the uploads that wait to be read and are not the bytes that came."""
    open_states = (JobState.WAITING.value, JobState.RUNNING.value)
    for rowid, job in rows_of(connection, jobs):
        if job["kind"] != JobKind.UPLOAD.value or job["state"] not in open_states or not is_whole(jobs, job):
            continue
        parts = [row for _, row in rows_of(connection, uploads, "job_id", job["id"])]
        if not all(is_whole(uploads, row) for row in parts):
            continue
        data = b"".join(row["data"] for row in sorted(parts, key=lambda row: row["part"]))
        if hashlib.sha256(data).hexdigest() != json.loads(job["request"]).get("content_sha256"):
            message = "the bytes are not those that came; send the file again"
            yield Fault(f"the upload of job {job['id']}", message, Remedy.ROW, table="jobs", rowid=rowid)


CHECKS = (
    reference_faults,
    document_faults,
    layout_faults,
    original_faults,
    vector_faults,
    space_faults,
    value_faults,
    log_faults,
    upload_faults,
)
