"""A process that only reads, for long: it sees what another one stores and deletes meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.embedding import EmbeddingSpace
from index.errors import CollectionNotFound
from index.home import Home
from index.store import Store

EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")


@contextmanager
def beside(path: Path, space: EmbeddingSpace = SPACE) -> Iterator[tuple[Home, Home]]:
    """Yield a home that is written to and the same home as another process reads it."""
    writer, reader = Home(path, space, writable=True), Home(path, space, writable=False)
    try:
        yield writer, reader
    finally:
        reader.close()
        writer.close()


def put(store: Store, text: str, source: str = "notes.txt") -> str:
    document, passages = chunked(text, source)
    vectors = EMBEDDER.embed_passages([indexed_text(passage) for passage in passages])
    return store.put(document, passages, vectors).id


def found(home: Home, query: str) -> set[str]:
    snapshot = home.collection().snapshot()
    rows = {hit.row for hit in snapshot.lexical(query, 10)}
    rows |= {hit.row for hit in snapshot.dense(EMBEDDER.embed_query(query), 10)}
    return {located.passage.text for located in snapshot.passages(sorted(rows)).values()}


def test_what_another_process_stores_is_found(tmp_path: Path) -> None:
    with beside(tmp_path) as (writer, reader):
        put(writer.collection(create=True), "A glacier melted.")
        assert found(reader, "glacier") == {"A glacier melted."}
        put(writer.collection(), "A river rose.", "river.txt")
        assert found(reader, "river") == {"A glacier melted.", "A river rose."}
        snapshot = reader.collection().snapshot()
        assert {hit.row for hit in snapshot.lexical("river", 10)}


def test_what_another_process_deletes_is_not_found(tmp_path: Path) -> None:
    with beside(tmp_path) as (writer, reader):
        document = put(writer.collection(create=True), "A glacier melted.")
        assert found(reader, "glacier") == {"A glacier melted."}
        writer.collection().delete(document)
        assert len(reader.collection().snapshot()) == 0


def test_nothing_is_read_of_a_collection_that_another_process_deleted(tmp_path: Path) -> None:
    with beside(tmp_path) as (writer, reader):
        put(writer.collection(create=True), "A glacier melted.")
        assert found(reader, "glacier") == {"A glacier melted."}
        writer.delete("default")
        with pytest.raises(CollectionNotFound):
            reader.collection()
        put(writer.collection(create=True), "A river rose.")
        assert found(reader, "glacier") == {"A river rose."}
