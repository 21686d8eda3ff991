"""A collection: catalog and derived indexes change together."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.chunking import indexed_text
from index.errors import DocumentNotFound, OutcomeUnknown, StorageUnavailable
from index.store import Store
from index.types import Document

EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")


def opened(folder: Path, *, writable: bool = True) -> Store:
    return Store(folder, SPACE, writable=writable)


def put(store: Store, text: str, source: str = "notes.txt") -> Document:
    made, passages = chunked(text, source)
    store.put(made, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    return made


def kept_and_refused(store: Store) -> Callable[..., None]:
    """Return a `put` of its catalog that is kept by a disk that says it was not."""
    real = store.catalog.put

    def put(*given: Any) -> None:
        real(*given)
        raise StorageUnavailable("disk I/O error")

    return put


def found(store: Store, words: str) -> set[str]:
    """Return the texts that either index finds for some words, through the catalog."""
    snapshot = store.snapshot()
    rows = [scored.row for scored in snapshot.dense(EMBEDDER.embed_query(words), 50)]
    rows += [scored.row for scored in snapshot.lexical(words, 50)]
    located = snapshot.passages(rows).values()
    return {entry.passage.text for entry in located if words in entry.passage.text}


def test_a_document_is_found_by_both_indexes_once_put_returns(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "A glacier melted.")
    snapshot = store.snapshot()
    assert len(snapshot.dense(EMBEDDER.embed_query("glacier"), 5)) == 1
    assert len(snapshot.lexical("glacier", 5)) == 1
    assert len(snapshot) == 1


def test_a_deleted_document_is_found_no_more_not_even_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    gone = put(store, "A glacier melted.", "a")
    put(store, "A glacier grew.", "b")
    store.delete(gone.id)
    assert found(store, "glacier") == {"A glacier grew."}
    store.close()
    assert found(opened(tmp_path), "glacier") == {"A glacier grew."}


def test_a_replaced_document_answers_with_its_new_text_only(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "The dam holds.")
    put(store, "The dam broke.")
    assert found(store, "dam") == {"The dam broke."}
    store.close()
    assert found(opened(tmp_path), "dam") == {"The dam broke."}


def test_a_snapshot_keeps_its_generation_while_the_store_moves_on(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = put(store, "A glacier melted.")
    before = store.snapshot()
    store.delete(first.id)
    assert store.snapshot().generation > before.generation
    assert len(before) == 1
    # The rows are still in the old snapshot; the catalog no longer has them, so nothing stale is shown.
    assert before.passages([scored.row for scored in before.lexical("glacier", 5)]) == {}


def test_results_are_numerically_the_same_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for n in range(12):
        put(store, f"Report {n} tells of year {1900 + n}.\nIt names river {n % 5}.", f"r{n}")
    query = EMBEDDER.embed_query("which report names river 3")
    dense, lexical = store.snapshot().dense(query, 20), store.snapshot().lexical("river 3", 20)
    store.close()
    again = opened(tmp_path).snapshot()
    assert again.lexical("river 3", 20) == lexical
    assert [scored.row for scored in again.dense(query, 20)] == [scored.row for scored in dense]
    np.testing.assert_allclose(
        [scored.score for scored in again.dense(query, 20)], [scored.score for scored in dense], atol=1e-6
    )


@pytest.mark.parametrize("damage", ["gone", "empty"])
def test_the_lexical_index_is_rebuilt_from_the_catalog(tmp_path: Path, damage: str) -> None:
    store = opened(tmp_path)
    put(store, "A glacier melted.")
    store.close()
    shutil.rmtree(tmp_path / "lexical")
    if damage == "empty":
        (tmp_path / "lexical").mkdir()
    assert len(opened(tmp_path).snapshot().lexical("glacier", 5)) == 1


def test_a_lexical_index_from_another_copy_of_the_home_is_not_believed(tmp_path: Path) -> None:
    store = opened(tmp_path / "a")
    put(store, "A glacier melted.\nA river froze over in the night of that long winter and stayed so.")
    store.close()
    other = opened(tmp_path / "b")
    put(other, "Another text.")
    other.close()
    shutil.rmtree(tmp_path / "a" / "lexical")
    shutil.copytree(tmp_path / "b" / "lexical", tmp_path / "a" / "lexical")
    assert found(opened(tmp_path / "a"), "glacier") == {"A glacier melted."}


def test_a_reader_sees_what_a_writer_committed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "A glacier melted.")
    assert found(opened(tmp_path, writable=False), "glacier") == {"A glacier melted."}
    shutil.rmtree(tmp_path / "lexical")
    assert found(opened(tmp_path, writable=False), "glacier") == {"A glacier melted."}
    assert not (tmp_path / "lexical").exists()


def test_if_the_words_cannot_be_written_the_change_still_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    gone = put(store, "A glacier melted.", "a")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store._words.index, "apply", fail)
        store.delete(gone.id)
        put(store, "A glacier grew.", "b")
        assert found(store, "glacier") == {"A glacier grew."}
    put(store, "A glacier broke.", "c")
    assert len(store.snapshot().lexical("glacier", 5)) == 2


def test_a_replaced_document_is_not_found_by_words_that_caught_up_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    put(store, "The dam holds.")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store._words.index, "apply", fail)
        put(store, "The dyke broke.")
    put(store, "A glacier melted.", "other.txt")
    assert store.snapshot().words.search("dam holds", 5) == []
    assert found(store, "dyke") == {"The dyke broke."}


def test_words_that_fell_behind_catch_up_without_another_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store._words.index, "apply", fail)
        put(store, "A glacier melted.")
        assert store.snapshot().lexical("glacier", 5) == []
    monkeypatch.setattr("index.word_upkeep.time.monotonic", lambda: float("inf"))
    assert len(store.snapshot().lexical("glacier", 5)) == 1


def test_a_change_that_was_kept_although_the_disk_refused_is_told_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(store.catalog, "put", kept_and_refused(store))
        put(store, "A glacier melted.")
    assert found(store, "glacier") == {"A glacier melted."}


def test_while_it_cannot_be_told_whether_a_change_was_kept_that_is_said_and_mends_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)

    def refused() -> int:
        raise StorageUnavailable("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(store.catalog, "put", kept_and_refused(store))
        patched.setattr(store.catalog, "sequence", refused)
        with pytest.raises(OutcomeUnknown, match="try again"):
            put(store, "A glacier melted.")
    assert found(store, "glacier") == {"A glacier melted."}


def test_a_collection_is_opened_in_the_space_that_it_is_in(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, "A glacier melted.")
    store.close()
    other = HashingEmbedder(32, "other").identity.space("test")
    again = Store(tmp_path, other, writable=True)
    assert again.space == again.snapshot().space == SPACE
    assert found(again, "glacier") == {"A glacier melted."}


def test_deleting_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DocumentNotFound, match="nothing"):
        opened(tmp_path).delete("nothing")


def test_what_is_changed_together_is_found_from_the_end_on_and_as_if_one_after_another(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    old = put(store, "A glacier melted.", "a")
    with store.together():
        put(store, "A glacier grew.", "a")
        put(store, "A glacier calved.", "a")
        with store.together():
            gone = put(store, "A glacier sang.", "b")
        put(store, "A glacier stood.", "c")
        store.delete(gone.id)
        assert found(store, "glacier") == set()  # the old one is gone from the catalog already
        assert len(store.snapshot()) == 1
    assert found(store, "glacier") == {"A glacier calved.", "A glacier stood."}
    assert len(store.snapshot()) == len(store.snapshot().words.search("glacier", 9)) == 2
    assert store.snapshot().generation == store.catalog.sequence()
    with pytest.raises(DocumentNotFound):
        store.catalog.document(old.id)
    store.close()
    assert found(opened(tmp_path), "glacier") == {"A glacier calved.", "A glacier stood."}


def test_what_was_changed_together_before_an_error_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)

    def both() -> None:
        with store.together():
            put(store, "A glacier melted.", "a")
            with monkeypatch.context() as patched:
                patched.setattr(store.catalog, "put", kept_and_refused(store))
                put(store, "A glacier grew.", "b")
            raise KeyError("later")

    with pytest.raises(KeyError):
        both()
    assert found(store, "glacier") == {"A glacier melted.", "A glacier grew."}
    assert len(store.snapshot()) == 2
    assert store.snapshot().generation == store.catalog.sequence()
