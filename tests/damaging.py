"""A collection with something in every table, to be damaged byte by byte, and what it said before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doubles import HashingEmbedder, document

from index.chunking import Chunker, indexed_text
from index.errors import DocumentNotFound, StorageError
from index.jobs import FileRecord, FileStatus, JobKind
from index.reindex import Reindexer
from index.sources import content_sha256
from index.store import CATALOG_FILE, Store
from index.types import Document, DocumentInfo, Page, PageLayout, PageReading, Word

SMALL = HashingEmbedder(dimension=8, name="small")
LARGE = HashingEmbedder(dimension=16, name="large")
CHUNKER = Chunker(LARGE.window, target_tokens=160)
SPACE = LARGE.identity.space(CHUNKER.fingerprint)
QUERIES = ("the dam and the river", "who was the keeper of the lighthouse?", "harbour 1903", "a flood")


def _sentences(subject: str, count: int) -> str:
    return "\n".join(
        f"In {1900 + number} the {subject} was mended by keeper {number}, after a flood of the river."
        for number in range(count)
    )


def _paged(made: Document) -> Document:
    """Return a document as of a file of three pages, of which the last could not be read."""
    half, end = len(made.text) // 2, len(made.text)
    last = Page(3, end, end, reading=PageReading.UNREAD, reason="no text is on it")
    words = [Word(place, place + 6, 72.5, 72, 100, 80.25) for place in range(0, 120, 8)]
    original = b"%PDF-1.6 of a dam \x00\xff" * 60
    return replace(
        made,
        original=original,
        content_sha256=content_sha256(original),
        pages=(Page(1, 0, half), Page(2, half, end), last),
        # SQLite keeps a whole number otherwise than one that is none.
        layouts=(PageLayout.of(1, 612, 792, words), PageLayout.of(2, 595.276, 841.89, words[:1])),
    )


DOCUMENTS = (
    _paged(document(_sentences("dam", 60), "dam.txt")),
    document(_sentences("lighthouse", 40), "lighthouse.txt"),
    # Longer than a segment of text.
    document(_sentences("harbour", 900), "harbour.txt"),
    document("Grüße aus Malmö: die Brücke wurde 1951 gebaut. 😀", "brücke.txt"),
)


def put(store: Store, made: Document, embedder: HashingEmbedder = LARGE) -> None:
    """Store a document as an ingest does."""
    found = CHUNKER.chunk(made)
    store.put(made, found, embedder.embed_passages([indexed_text(passage) for passage in found]))


def build(folder: Path) -> Path:
    """Make the collection, closed: two spaces, pages, a document deleted, jobs with files, an upload."""
    store = Store(folder, SMALL.identity.space(CHUNKER.fingerprint), writable=True)
    for made in DOCUMENTS[:2]:
        put(store, made, SMALL)
    gone = document("This is deleted again.", "gone.txt")
    put(store, gone, SMALL)
    store.delete(gone.id)
    Reindexer(store, CHUNKER, LARGE).run()
    for made in DOCUMENTS[2:]:
        put(store, made)
    jobs = store.catalog.jobs
    done = jobs.add(JobKind.SYNC, {"paths": ["/srv/documents"]})
    jobs.start(done.id)
    jobs.record(
        [FileRecord(done.id, made.origin, made.source, FileStatus.ADDED, made.id, 3) for made in DOCUMENTS]
    )
    jobs.end(done.id)
    jobs.add(JobKind.UPLOAD, {"name": "late.txt"}, b"An upload that waits to be read. " * 60)
    store.close()
    return folder


@dataclass(frozen=True, slots=True)
class Answers:
    """What a collection says: passages by row with their documents' names, and by id all else of these."""

    hits: dict[int, object]
    texts: dict[str, str]
    infos: dict[str, object]
    layouts: dict[tuple[str, int], PageLayout]
    originals: dict[str, bytes]


def answers(folder: Path, *, every_row: bool = False) -> Answers | None:
    """Ask a collection everything, as a reader; None where it cannot be opened.

    With `every_row` also what no query found.
    """
    try:
        store = Store(folder, SPACE, writable=False)
    except StorageError:
        return None
    hits: dict[int, object] = {}
    texts: dict[str, str] = {}
    infos: dict[str, object] = {}
    layouts: dict[tuple[str, int], PageLayout] = {}
    originals: dict[str, bytes] = {}
    try:
        snapshot = store.snapshot()
        for query in QUERIES:
            try:
                found = [
                    *snapshot.dense(LARGE.embed_query(query), 8),
                    *snapshot.lexical(query, 8),
                ]
                hits |= dict(snapshot.passages([scored.row for scored in found]))
            except StorageError:
                continue
        if every_row:
            rows = store.catalog.rows(store.space.id)
            hits |= dict(store.catalog.passages(rows))
        for made in DOCUMENTS:
            try:
                texts[made.id] = store.catalog.text(made.id)
                infos[made.id] = _told(store.catalog.document(made.id))
                layouts |= {(made.id, one.number): one for one in store.catalog.layouts(made.id)}
            except (StorageError, DocumentNotFound):
                continue
            with suppress(StorageError):
                if (original := store.catalog.original(made.id)) is not None:
                    originals[made.id] = original
        with suppress(StorageError):
            infos |= {info.id: _told(info) for info in store.catalog.documents()}
    finally:
        store.close()
    return Answers(hits, texts, infos, layouts, originals)


def _told(info: DocumentInfo) -> DocumentInfo:
    """Return what is told of a document; an original that was lost is less, and not another thing."""
    return replace(info, has_original=False)


def disagreements(said: Answers | None, before: Answers) -> list[str]:
    """Return what a damaged collection says otherwise than it did; to say less is no disagreement."""
    if said is None:
        return []
    wrong = [f"row {row}" for row, hit in said.hits.items() if before.hits.get(row) != hit]
    wrong += [f"text of {made}" for made, text in said.texts.items() if before.texts.get(made) != text]
    wrong += [f"layout of {at}" for at, one in said.layouts.items() if before.layouts.get(at) != one]
    wrong += [
        f"original of {made}" for made, one in said.originals.items() if before.originals.get(made) != one
    ]
    return wrong + [f"info of {made}" for made, info in said.infos.items() if before.infos.get(made) != info]


def dump(path: Path) -> object:
    """Return all that SQL can read in a file, whether SQLite finds it sound, or why it reads nothing."""
    try:
        with closing(sqlite3.connect(path)) as raw:
            raw.text_factory = bytes
            raw.execute("PRAGMA query_only=ON")
            definitions = raw.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            tables = [name.decode("utf-8", "replace") for kind, name, _, _ in definitions if kind == b"table"]
            rows = {table: sorted(map(repr, raw.execute(f'SELECT * FROM "{table}"'))) for table in tables}
            return definitions, rows, raw.execute("PRAGMA integrity_check").fetchall()
    except (sqlite3.Error, UnicodeError) as error:
        return str(error)


def changed_tables(before: object, after: object) -> set[str]:
    """Return the tables whose rows two dumps have otherwise; none where one could not be made."""
    if isinstance(before, str) or isinstance(after, str):
        return set()
    return {name for name, rows in before[1].items() if after[1].get(name) != rows}  # type: ignore[index]


@contextmanager
def flipped(path: Path, place: int, bits: int) -> Iterator[None]:
    """Flip bits of a byte of a file, and put the file back as it was afterwards."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[place] ^= bits
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(data)


def changed(folder: Path, *statements: str) -> None:
    """Change rows behind the program's back; each statement has to."""
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as raw:
        for statement in statements:
            assert raw.execute(statement).rowcount > 0
        raw.commit()


def rows(folder: Path, query: str) -> list[Any]:
    """Return what SQL reads of a collection's catalog."""
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as raw:
        return raw.execute(query).fetchall()
