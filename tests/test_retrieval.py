"""From a question to passages: fused, distinct, near enough, and with the reasons."""

from collections.abc import Sequence

import numpy as np
import pytest
from contracts import chunked
from doubles import HashingEmbedder
from hypothesis import given
from hypothesis import strategies as st

from index.chunking import indexed_text
from index.embedding import Vectors
from index.store import Store
from index.types import Document, Hit, Why
from rag.retrieval import Retriever, reciprocal_rank_fusion
from rag.types import DropReason

EMBEDDER = HashingEmbedder()


def put(store: Store, *texts: str) -> list[Document]:
    made = []
    for place, text in enumerate(texts):
        document, passages = chunked(text, f"{place}.txt")
        vectors = EMBEDDER.embed_passages([indexed_text(passage) for passage in passages])
        store.put(document, passages, vectors)
        made.append(document)
    return made


def search(store: Store, query: str, k: int = 10, retriever: Retriever | None = None) -> list[Hit]:
    return list((retriever or Retriever(EMBEDDER)).search(store.snapshot(), query, k).hits)


def texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.text for hit in hits]


def test_a_row_that_is_first_in_every_ranking_has_one() -> None:
    assert reciprocal_rank_fusion([[7, 3], [7, 9]])[7] == pytest.approx(1)


def test_a_fused_score_is_the_sum_of_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([[4, 5, 6], [6, 4]])
    scale = 61 / 2
    expected = {4: 1 / 61 + 1 / 62, 5: 1 / 62, 6: 1 / 63 + 1 / 61}
    assert fused == pytest.approx({row: scale * score for row, score in expected.items()})
    assert list(fused) == [4, 6, 5]


def test_equal_fused_scores_are_in_the_order_of_rows() -> None:
    assert list(reciprocal_rank_fusion([[9, 2], [2, 9]])) == [2, 9]


def test_rankings_without_rows_fuse_to_nothing() -> None:
    assert reciprocal_rank_fusion([[], []]) == {}


@given(st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), min_size=1, max_size=4))
def test_every_ranked_row_is_fused_once_with_a_score_in_zero_to_one_best_first(
    rankings: list[list[int]],
) -> None:
    fused = reciprocal_rank_fusion(rankings)
    assert set(fused) == {row for ranking in rankings for row in ranking}
    assert list(fused.values()) == sorted(fused.values(), reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in fused.values())


def test_the_passage_with_the_words_asked_for_comes_first(store: Store) -> None:
    put(store, "Seven bridges fell.", "A glacier melted.", "Rivers rose in spring.")
    assert texts(search(store, "melting glaciers"))[0] == "A glacier melted."


def test_hits_are_ranked_from_one_with_falling_scores(store: Store) -> None:
    put(store, "A glacier melted.", "The glacier of the north grew.", "A glacier and a river met.")
    hits = search(store, "glacier river")
    assert [hit.rank for hit in hits] == [1, 2, 3]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_a_hit_carries_the_names_of_its_document(store: Store) -> None:
    (made,) = put(store, "A glacier melted.")
    (hit,) = search(store, "glacier")
    assert (hit.passage.document_id, hit.source, hit.title) == (made.id, made.source, made.title)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_there_are_at_most_as_many_hits_as_asked_for(store: Store, k: int) -> None:
    put(store, *(f"Glacier {name} melted." for name in ("Aletsch", "Furka", "Rhone", "Morte")))
    assert len(search(store, "glacier", k)) == k


def test_more_hits_than_candidates_can_be_asked_for(store: Store) -> None:
    put(store, *(f"Glacier {name} melted." for name in ("Aletsch", "Furka", "Rhone", "Morte")))
    assert len(search(store, "glacier", 4, Retriever(EMBEDDER, candidates=1))) == 4


def test_a_passage_that_repeats_one_above_it_is_dropped(store: Store) -> None:
    said = "The old glacier above the town melted in the summer of that long and dry year"
    put(store, f"{said}.", f"{said}!", f"{said.upper()}", "A glacier grew.")
    found = texts(search(store, "glacier melted summer"))
    assert len(found) == 2
    assert "A glacier grew." in found


def test_a_dropped_copy_leaves_its_place_to_another_passage(store: Store) -> None:
    put(store, "A glacier melted.", "A GLACIER MELTED!", "Rivers and one glacier.")
    assert len(search(store, "glacier", 2)) == 2


def test_passages_that_share_less_than_most_of_their_words_are_both_kept(store: Store) -> None:
    put(
        store,
        "The old glacier above the town melted in the summer of 1947.",
        "The old glacier above the town grew by nine feet after heavy snow.",
    )
    assert len(search(store, "glacier")) == 2


def left_out(store: Store, query: str, k: int = 10) -> list[tuple[str, str]]:
    """Return the document and the reason of each passage that a search left out."""
    found = Retriever(EMBEDDER).search(store.snapshot(), query, k)
    return [(dropped.source, dropped.reason.value) for dropped in found.dropped]


def test_what_is_left_out_is_told_with_its_place_and_the_reason(store: Store) -> None:
    _, copy, far = put(store, "A glacier melted.", "A GLACIER MELTED!", "Bridges fell.")
    found = Retriever(EMBEDDER).search(store.snapshot(), "who saw a glacier that melted", 10)
    told = {dropped.reason: dropped for dropped in found.dropped}
    assert set(told) == {DropReason.DUPLICATE, DropReason.FAR}
    duplicate = told[DropReason.DUPLICATE]
    assert (duplicate.document_id, duplicate.source, duplicate.title) == (copy.id, copy.source, copy.title)
    assert duplicate.why.lexical_rank == 2
    assert copy.text[duplicate.span.start : duplicate.span.end] == "A GLACIER MELTED!"
    assert told[DropReason.FAR].document_id == far.id
    assert (told[DropReason.FAR].why.dense_rank, told[DropReason.FAR].why.lexical_rank) == (3, None)


def test_what_comes_after_the_last_hit_was_not_looked_at(store: Store) -> None:
    put(store, "A glacier melted.", "A GLACIER MELTED!", "A glacier.", "Bridges fell.")
    assert left_out(store, "a glacier melted", 1) == []
    assert left_out(store, "a glacier melted", 2) == [("1.txt", "duplicate")]
    assert left_out(store, "a glacier melted", 3) == [("1.txt", "duplicate"), ("3.txt", "far")]


def test_a_few_of_many_that_are_left_out_are_told(store: Store) -> None:
    put(store, *(f"A glacier melted{'!' * n}" for n in range(40)))
    assert left_out(store, "a glacier melted") == [(f"{n}.txt", "duplicate") for n in range(1, 21)]


def test_what_was_deleted_since_the_snapshot_is_not_told_as_left_out(store: Store) -> None:
    _, gone = put(store, "A glacier melted.", "A GLACIER MELTED!")
    before = store.snapshot()
    store.delete(gone.id)
    assert Retriever(EMBEDDER).search(before, "a glacier melted", 10).dropped == ()


def test_a_passage_neither_near_nor_with_a_word_of_the_query_is_no_hit(store: Store) -> None:
    put(store, "A glacier melted.")
    assert search(store, "quarterly revenue") == []
    assert len(search(store, "quarterly revenue", retriever=Retriever(EMBEDDER, floor=-1))) == 1


def test_a_passage_with_a_word_of_the_query_is_a_hit_however_far(store: Store) -> None:
    put(store, "A glacier melted.", "Bridges fell.")
    assert texts(search(store, "glacier", retriever=Retriever(EMBEDDER, floor=2))) == ["A glacier melted."]


def test_a_hit_says_where_it_stood_in_both_lists(store: Store) -> None:
    put(store, "Bridges fell.", "A glacier melted.")
    first = search(store, "glacier melted")[0]
    snapshot = store.snapshot()
    ((row, cosine),) = [
        (found.row, found.score) for found in snapshot.dense(EMBEDDER.embed_query("glacier melted"), 1)
    ]
    (word,) = snapshot.lexical("glacier melted", 1)
    assert word.row == row
    assert first.why == Why(1, pytest.approx(cosine), 1, pytest.approx(word.score))


def test_a_hit_found_by_words_alone_still_has_its_cosine(store: Store) -> None:
    class Elsewhere(HashingEmbedder):
        def embed_query(self, text: str) -> Vectors:
            return super().embed_query("river")

    put(store, "A glacier melted.", "A river rose.")
    query = EMBEDDER.embed_query("river")
    cosine = float(np.dot(EMBEDDER.embed_query("A glacier melted."), query))
    (hit,) = search(store, "glacier", 1, Retriever(Elsewhere(), candidates=1))
    assert hit.passage.text == "A glacier melted."
    assert (hit.why.dense_rank, hit.why.lexical_rank) == (None, 1)
    assert hit.why.dense_score == pytest.approx(cosine, abs=1e-5)


def test_a_hit_found_by_meaning_alone_has_no_place_among_the_words(store: Store) -> None:
    put(store, "A glacier melted.")
    (hit,) = search(store, "quarterly revenue", retriever=Retriever(EMBEDDER, floor=-1))
    assert (hit.why.dense_rank, hit.why.lexical_rank, hit.why.lexical_score) == (1, None, None)


def test_a_deleted_document_is_not_found(store: Store) -> None:
    gone, _ = put(store, "A glacier melted.", "A glacier grew.")
    store.delete(gone.id)
    assert texts(search(store, "glacier melted")) == ["A glacier grew."]


def test_a_document_deleted_since_the_snapshot_is_not_found_in_it(store: Store) -> None:
    gone, _ = put(store, "A glacier melted.", "A glacier grew.")
    before = store.snapshot()
    store.delete(gone.id)
    assert texts(Retriever(EMBEDDER).search(before, "glacier melted", 10).hits) == ["A glacier grew."]


def test_an_empty_collection_has_no_hits(store: Store) -> None:
    assert search(store, "glacier") == []


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_a_blank_query_has_no_hits(store: Store, query: str) -> None:
    put(store, "A glacier melted.")
    assert search(store, query) == []


def test_the_same_query_has_the_same_hits(store: Store) -> None:
    put(store, *(f"Glacier {name} melted." for name in ("Aletsch", "Furka", "Rhone", "Morte")))
    assert search(store, "glacier rhone") == search(store, "glacier rhone")
