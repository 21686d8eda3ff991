"""Another embedding space beside the one that serves: made whole, switched to at once, and back again."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder, WordWindow

from index.chunking import Chunker, indexed_text
from index.doctor import examine
from index.embedding import Vectors
from index.errors import DamagedStore, ModelNotFound, SpaceChanged
from index.reindex import Reindexer
from index.store import CATALOG_FILE, Store

OLD = HashingEmbedder()
CHUNKER = Chunker(WordWindow(), target_tokens=16)
SPACE = OLD.identity.space(CHUNKER.fingerprint)
TEXTS = {
    f"report-{n}.txt": f"Report {n} tells of river {n}.\nIt was written in {1900 + n}." for n in range(8)
}


class Dying(HashingEmbedder):
    """An embedder whose process is killed after some texts."""

    def __init__(self, texts: int) -> None:
        super().__init__(32, "new")
        self._left = texts

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self._left -= len(texts)
        if self._left < 0:
            raise KeyboardInterrupt
        return super().embed_passages(texts)


def new() -> HashingEmbedder:
    return HashingEmbedder(32, "new")


def opened(folder: Path) -> Store:
    return Store(folder, SPACE, writable=True)


def put(store: Store, text: str, source: str, embedder: HashingEmbedder = OLD) -> str:
    made, _ = chunked(text, source)
    passages = CHUNKER.chunk(made)
    vectors = embedder.embed_passages([indexed_text(passage) for passage in passages])
    store.put(made, passages, vectors, embedder.identity.space(CHUNKER.fingerprint).id)
    return made.id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = opened(tmp_path / "collection")
    for source, text in TEXTS.items():
        put(made, text, source)
    return made


def asked(store: Store, words: str, embedder: HashingEmbedder) -> list[str]:
    """Return the sources found for some words by both indexes, the nearest first."""
    snapshot = store.snapshot()
    assert snapshot.space.id == embedder.identity.space(snapshot.space.passages).id
    dense = [scored.row for scored in snapshot.dense(embedder.embed_query(words), 3)]
    lexical = [scored.row for scored in snapshot.lexical(words, 3)]
    located = snapshot.passages(dense + lexical)
    assert set(located) == {*dense, *lexical}
    return [located[rows[0]].source for rows in (dense, lexical)]


def test_after_a_reindex_the_new_space_serves_and_finds_the_same_documents(store: Store) -> None:
    before = store.snapshot()
    found = Reindexer(store, CHUNKER, new()).run()
    assert (found.documents, found.space) == (len(TEXTS), store.space)
    assert store.space.name == "new"
    assert asked(store, "what does report 3 tell of river 3", new()) == ["report-3.txt"] * 2
    assert store.snapshot().generation > before.generation
    assert len(store.snapshot()) == len(before)


def test_what_took_a_snapshot_before_goes_on_in_the_old_space(store: Store) -> None:
    before = store.snapshot()
    Reindexer(store, CHUNKER, new()).run()
    rows = [scored.row for scored in before.dense(OLD.embed_query("river 5"), 3)]
    assert before.space == SPACE
    assert before.passages(rows)[rows[0]].source == "report-5.txt"


def test_the_new_space_is_still_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    Reindexer(store, CHUNKER, new()).run()
    store.close()
    again = opened(tmp_path / "collection")
    assert asked(again, "river 2", new()) == ["report-2.txt"] * 2
    again.close()
    assert examine(tmp_path / "collection") == []


def test_a_reindex_that_was_killed_goes_on_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.reindex._BATCH_PASSAGES", 2)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            Reindexer(store, CHUNKER, Dying(4)).run()
        assert asked(store, "river 1", OLD) == ["report-1.txt"] * 2
        store.close()
        store = opened(tmp_path / "collection")
    last = new()
    Reindexer(store, CHUNKER, last).run()
    passages = len(store.snapshot())
    assert 0 < len(last.embedded) <= passages - 3 * 2
    assert asked(store, "river 7", new()) == ["report-7.txt"] * 2
    store.close()
    assert examine(tmp_path / "collection") == []


def test_what_is_added_and_deleted_meanwhile_is_made_up_for(store: Store) -> None:
    class Interrupted(HashingEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            if not self.embedded:
                put(store, "A late glacier melted.", "late.txt")
                store.delete(store.catalog.find("upload:report-0.txt").id)  # type: ignore[union-attr]
            return super().embed_passages(texts)

    Reindexer(store, CHUNKER, Interrupted(32, "new")).run()
    assert asked(store, "which glacier melted late", new()) == ["late.txt"] * 2
    sources = [info.source for info in store.catalog.documents()]
    assert sources == ["late.txt", *sorted(TEXTS)[1:]]


def test_a_document_made_for_the_old_space_is_refused_after_the_switch(store: Store) -> None:
    Reindexer(store, CHUNKER, new()).run()
    with pytest.raises(SpaceChanged, match="new"):
        put(store, "A glacier melted.", "late.txt")
    put(store, "A glacier melted.", "late.txt", new())
    assert asked(store, "glacier", new()) == ["late.txt"] * 2


def test_passages_of_another_length_are_another_space_of_the_same_documents(store: Store) -> None:
    longer = Chunker(WordWindow(), target_tokens=64)
    assert len(store.snapshot()) == 2 * len(TEXTS)
    Reindexer(store, longer, OLD).run()
    assert len(store.snapshot()) == len(TEXTS)
    for info in store.catalog.documents():
        text = store.catalog.text(info.id)
        found = [passage for _, passage in store.catalog.passages_of(info.id)]
        assert info.passages == len(found) == 1
        assert all(text[passage.start : passage.end] == passage.text for passage in found)


def test_going_back_costs_only_what_came_since(store: Store) -> None:
    Reindexer(store, CHUNKER, new()).run()
    put(store, "A glacier melted.", "late.txt", new())
    store.delete(store.catalog.find("upload:report-0.txt").id)  # type: ignore[union-attr]
    old = HashingEmbedder()
    Reindexer(store, CHUNKER, old).run()
    assert old.embedded == ["A glacier melted."]
    assert asked(store, "glacier", OLD) == ["late.txt"] * 2
    assert asked(store, "river 0", OLD)[0] != "report-0.txt"


def test_a_dropped_space_leaves_nothing_and_the_one_that_serves_is_not_dropped(
    store: Store, tmp_path: Path
) -> None:
    Reindexer(store, CHUNKER, new()).run()
    assert store.drop_space(SPACE.id) == len(store.snapshot())
    assert [stored.space.name for stored in store.catalog.spaces.all()] == ["new"]
    assert list(store.catalog.scan_vectors(SPACE)) == []
    assert asked(store, "river 4", new()) == ["report-4.txt"] * 2
    with pytest.raises(Exception, match="serves"):
        store.drop_space(store.space.id)
    store.close()
    assert examine(tmp_path / "collection") == []


def test_a_model_that_fails_changes_nothing(store: Store) -> None:
    class Broken(HashingEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            raise ModelNotFound("the model cannot be loaded")

    with pytest.raises(ModelNotFound):
        Reindexer(store, CHUNKER, Broken(32, "new")).run()
    assert asked(store, "river 6", OLD) == ["report-6.txt"] * 2


def test_a_damaged_text_is_not_cut_into_the_new_space(store: Store, tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "collection" / CATALOG_FILE)
    raw.execute("UPDATE segments SET text = replace(text, 'river 3', 'ravine 3')")
    raw.commit()
    raw.close()
    with pytest.raises(DamagedStore, match="doctor"):
        Reindexer(store, CHUNKER, new()).run()
    assert store.space == SPACE


def test_documents_kept_without_their_blocks_are_parsed_again(store: Store, tmp_path: Path) -> None:
    text = "# Rivers\n\nThe Indus is long.\n\n# Dams\n\nThe dam was built in 1947.\n"
    made, _ = chunked(text, "rivers.md")
    made = replace(made, media_type="text/markdown")
    passages = CHUNKER.chunk(made)
    store.put(made, passages, OLD.embed_passages([indexed_text(passage) for passage in passages]))
    raw = sqlite3.connect(tmp_path / "collection" / CATALOG_FILE)
    raw.execute("DELETE FROM outlines")
    raw.commit()
    raw.close()
    Reindexer(store, CHUNKER, new()).run()
    headings = {passage.heading for _, passage in store.catalog.passages_of(made.id)}
    assert headings == {"Rivers", "Dams"}
