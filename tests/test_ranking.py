"""Ranking what was found before anything of it is read, and how that is fitted."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts import chunked
from doubles import HashingEmbedder
from hypothesis import given
from hypothesis import strategies as st
from test_fit import PLACES, THINGS, article, written
from test_reader_fit import qed
from test_retrieval import put, texts

from eval.fit import dump
from eval.passages import run
from eval.public import file_sha256
from index.errors import SourceNotFound
from index.store import Store
from index.types import Passage, Why
from rag.combination import Linear
from rag.ranking import COEFFICIENTS_FILE, PASSAGE_SIGNALS, PassageRanking, passage_signals
from rag.reading.training.sources import QED_FILE, SQUAD2_FILE, SQUAD11_FILE
from rag.retrieval import Retriever
from rag.settings import Settings
from rag.types import DropReason

EMBEDDER = HashingEmbedder()


def weighing(constant: float = 0.0, **weights: float) -> PassageRanking:
    """Return a ranking by the signals that are named."""
    return PassageRanking(Linear(constant, {name: weights.get(name, 0.0) for name in PASSAGE_SIGNALS}))


def passages(*said: str) -> list[Passage]:
    return [passage for text in said for passage in chunked(text)[1]]


def columns(query: str, found: list[Passage], why: list[Why]) -> dict[str, list[float]]:
    """Return the signals by name."""
    rows = passage_signals(query, found, why)
    return dict(zip(PASSAGE_SIGNALS, rows.T.tolist(), strict=True))


def test_a_passage_counts_by_its_best_sentence() -> None:
    found = passages("The glacier melted. Rain fell.", "The glacier grew and\nrain melted.", "Snow fell.")
    why = [Why(1, 0.5)] * len(found)
    covered = columns("which glacier melted?", found, why)["sentence_coverage"]
    assert covered[0] == pytest.approx(1)
    assert 0 < covered[1] < 1
    assert covered[-1] == 0


def test_words_count_as_a_share_of_those_of_the_best_passage() -> None:
    found = passages("A glacier.", "A river.", "A lake.")
    why = [Why(1, 0.9, 2, 3.0), Why(2, 0.2, 1, 6.0), Why(3, -0.1)]
    made = columns("glacier", found, why)
    assert made["bm25"] == [0.5, 1.0, 0.0]
    assert made["cosine"] == [0.9, 0.2, -0.1]


def test_where_no_word_is_found_none_is_nearer_by_words() -> None:
    assert columns("glacier", passages("Snow.", "Rain."), [Why(1, 0.3), Why(2, 0.2)])["bm25"] == [0, 0]


def test_without_passages_there_are_no_probabilities() -> None:
    assert weighing().probabilities("glacier", [], []).shape == (0,)


@given(
    st.lists(st.tuples(st.text(max_size=40), st.floats(-1, 1)), min_size=1, max_size=5), st.text(max_size=30)
)
def test_any_passages_have_probabilities(said: list[tuple[str, float]], query: str) -> None:
    found = passages(*(f"A {text}." for text, _ in said))
    why = [Why(1, said[0][1])] * len(found)
    scores = PassageRanking.load().probabilities(query, found, why)
    assert scores.shape == (len(found),)
    assert np.all((scores > 0) & (scores < 1))


def test_hits_are_in_the_order_of_their_probability_which_is_their_score(store: Store) -> None:
    put(store, "Glacier, glacier.", "A glacier of the north melted.", "Rivers rose.")
    hits = Retriever(EMBEDDER, ranking=weighing(cosine=-3.0)).search(store.snapshot(), "glacier", 10).hits
    plain = Retriever(EMBEDDER).search(store.snapshot(), "glacier", 10).hits
    assert texts(hits) == texts(plain)[::-1]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    expected = [1 / (1 + np.exp(3.0 * (hit.why.dense_score or 0.0))) for hit in hits]
    assert [hit.score for hit in hits] == pytest.approx(expected)


def test_passages_that_are_as_probable_stay_as_fusion_has_them(store: Store) -> None:
    put(store, *(f"The glacier {name} melted." for name in ("Aletsch", "Furka", "Rhone", "Morte")))
    ranked = Retriever(EMBEDDER, ranking=weighing()).search(store.snapshot(), "glacier Furka", 10)
    assert texts(ranked.hits) == texts(Retriever(EMBEDDER).search(store.snapshot(), "glacier Furka", 10).hits)


def test_a_passage_further_down_than_was_asked_for_can_be_the_most_probable(store: Store) -> None:
    put(store, "Glacier.", "A glacier far up in the north melted over the years.")
    ranking = weighing(cosine=-3.0)
    (first,) = Retriever(EMBEDDER, ranking=ranking).search(store.snapshot(), "glacier", 1).hits
    assert first.passage.text.startswith("A glacier")
    (kept,) = Retriever(EMBEDDER, ranking=ranking, compared=1).search(store.snapshot(), "glacier", 1).hits
    assert kept.passage.text == "Glacier."


def test_what_was_looked_at_and_left_out_is_told(store: Store) -> None:
    put(store, "A glacier melted.", "A GLACIER MELTED!", "Bridges fell.")
    found = Retriever(EMBEDDER, ranking=weighing()).search(
        store.snapshot(), "who saw a glacier that melted", 1
    )
    assert [dropped.reason for dropped in found.dropped] == [DropReason.DUPLICATE, DropReason.FAR]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a made-up SQuAD 2.0 and 1.1, and QED's training and development sets."""
    folder = written(tmp_path_factory.mktemp("data"))
    qed(folder)
    (folder / SQUAD11_FILE).parent.mkdir()
    older = [article(number) | {"title": f"Old {place}"} for number, place in enumerate(PLACES[:2])]
    with gzip.open(folder / SQUAD11_FILE, "wt", encoding="utf-8") as file:
        json.dump({"data": older}, file)
    with gzip.open(folder / QED_FILE, "wt", encoding="utf-8") as file:
        for place in PLACES:
            for thing in THINGS:
                context = f"Farid drew the {thing} of {place}. Many came to see it."
                entry: dict[str, Any] = {
                    "question": f"who drew the {thing} of {place}",
                    "title": f"{place} {thing}",
                    "context": context,
                    "answers": [{"text": "Farid", "answer_start": 0}],
                }
                file.write(json.dumps(entry) + "\n")
    return folder


@pytest.fixture(scope="module")
def fitted(data: Path) -> dict[str, Any]:
    return run(data, Settings(chunk_tokens=48), lambda _: None, HashingEmbedder())


def test_what_was_fitted_is_loaded_as_it_was_written(tmp_path: Path, fitted: dict[str, Any]) -> None:
    path = tmp_path / "ranking.json"
    path.write_text(dump(fitted))
    loaded = PassageRanking.load(path).probability
    assert (loaded.constant, dict(loaded.weights)) == (fitted["constant"], fitted["weights"])


def test_what_is_ranked_is_found_as_often_as_what_is_fused_or_more(fitted: dict[str, Any]) -> None:
    figures = fitted["fitted"]["figures"]["squad2_development"]
    assert figures["questions"] == 5 * len(THINGS) * 2
    assert figures["recall_at_1_ranked"] > figures["recall_at_1_fused"]
    assert figures["recall_at_20_ranked"] == figures["recall_at_20_fused"]


def test_the_development_articles_are_not_fitted_on(fitted: dict[str, Any]) -> None:
    # Two articles of SQuAD 2.0 are left, and those of SQuAD 1.1 are the same.
    assert fitted["fitted"]["questions"]["squad"] == 2 * len(THINGS) * 2
    assert fitted["fitted"]["questions"]["natural_questions"] == len(PLACES) * len(THINGS)


def test_a_result_names_its_data(data: Path, fitted: dict[str, Any]) -> None:
    told = fitted["fitted"]["data"]
    assert {SQUAD2_FILE.as_posix(), SQUAD11_FILE.as_posix(), QED_FILE.as_posix()} < set(told)
    assert all(sha256 == file_sha256(data / file) for file, sha256 in told.items())


def test_data_that_are_missing_are_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / SQUAD2_FILE).parent.mkdir()
    (tmp_path / SQUAD2_FILE).write_bytes((data / SQUAD2_FILE).read_bytes())
    with pytest.raises(SourceNotFound, match=r"squad11.*Rajpurkar"):
        run(tmp_path, Settings(), lambda _: None, HashingEmbedder())


def test_what_is_committed_ranks_better_than_fusion() -> None:
    stored = json.loads(COEFFICIENTS_FILE.read_text())
    assert all(weight > 0 for weight in stored["weights"].values())
    for figures in stored["fitted"]["figures"].values():
        for depth in (1, 3, 5, 10):
            assert figures[f"recall_at_{depth}_ranked"] > figures[f"recall_at_{depth}_fused"]
