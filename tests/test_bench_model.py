"""The benchmarks of the model, and the page made of all figures: what they count, not what they time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from doubles import HashingEmbedder
from models import small_model

from eval.bench import coldstart, embed, performance
from eval.bench.embed import ndcg
from eval.bench.growth import grow
from eval.cases import Case, EvalSet
from eval.public import RetrievalSet, load_scifact
from index.chunking import indexed_text
from index.embedding.model_files import open_model
from index.errors import SourceNotFound
from index.ingest import Ingestor
from index.running import JobRunner
from index.store import Store
from index.sync import SyncRequest
from rag.settings import Settings

TEXTS = ["A dam was built in 1947 on the river.", "The treaty was signed.", "Glaciers melt from below, too."]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return small_model(tmp_path / "model")


def test_embedding_is_held_against_sentence_transformers(model: Path, tmp_path: Path) -> None:
    settings = Settings(model=str(model), model_cache=tmp_path / "cache")
    judged = RetrievalSet({str(n): text for n, text in enumerate(TEXTS)}, {"q": TEXTS[1]}, {"q": {"1"}})
    figures = embed.run(TEXTS, 1, settings, judged)
    assert figures["passages"] == 3
    for precision in ("f32", "int8"):
        assert figures[precision]["least_cosine"] >= 0.99
        assert figures[precision]["ndcg_at_10"] == 1
        assert figures[precision]["ratio_to_baseline"] > 0
        assert 0 <= figures[precision]["gemm_share"] < 1


def test_the_work_of_a_pass_is_that_of_the_models_sizes(model: Path) -> None:
    # Two layers of 32 and 64: twice 4·32² + 2·32·64 products a token, and 2·32·10 with the other tokens.
    assert embed.flops(open_model(str(model)), 10) == 2 * 2 * 10 * (4 * 32**2 + 2 * 32 * 64 + 2 * 32 * 10)


def test_a_sample_is_spread_over_all() -> None:
    assert embed.sample([str(number) for number in range(10)], 3) == ["0", "3", "6"]
    assert embed.sample(["a"], 3) == ["a"]


def test_ndcg_is_one_for_what_is_first_and_less_for_what_is_not() -> None:
    documents = {str(number): text for number, text in enumerate(TEXTS)}
    first = RetrievalSet(documents, {"q": TEXTS[0]}, {"q": {"0"}})
    other = RetrievalSet(documents, {"q": TEXTS[0]}, {"q": {"2"}})
    assert ndcg(first, HashingEmbedder()) == 1
    assert 0 < ndcg(other, HashingEmbedder()) < 1


def test_scifact_is_read_as_beir_has_it_and_its_absence_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="BEIR"):
        load_scifact(tmp_path)
    folder = tmp_path / "dev" / "scifact"
    folder.mkdir(parents=True)
    with gzip.open(folder / "corpus.jsonl.gz", "wt") as file:
        file.write(json.dumps({"_id": "1", "title": "Dams", "text": "They hold water."}) + "\n")
    with gzip.open(folder / "queries.train.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"_id": key, "text": key}) + "\n" for key in ("a", "b"))
    (folder / "qrels.train.tsv").write_text("query-id\tcorpus-id\tscore\na\t1\t1\nb\t1\t0\n")
    assert load_scifact(tmp_path) == RetrievalSet({"1": "Dams\nThey hold water."}, {"a": "a"}, {"a": {"1"}})


def test_a_cold_start_answers_without_torch(model: Path, tmp_path: Path) -> None:
    (tmp_path / "dam.txt").write_text(TEXTS[0])
    case = Case("1", "When was the dam built?", (), (), False, "this test", "fact")
    settings = Settings(home=tmp_path / "home", model=str(model), model_cache=tmp_path / "cache", threshold=0)
    figures = coldstart.run(EvalSet("tiny", "0" * 64, (case,), (tmp_path / "dam.txt",)), 1, settings)
    assert (figures["exit_code"], figures["torch_loaded"]) == (0, False)
    assert figures["ask"]["count"] == figures["baseline"]["count"] == 1


def test_a_collection_grows_by_passages_that_can_be_asked_and_quoted(
    ingestor: Ingestor, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "dam.txt").write_text(" ".join(TEXTS))
    JobRunner.over(ingestor).sync(SyncRequest.of([tmp_path / "dam.txt"]))
    grow(store, 600)
    assert len(store.snapshot()) == 600
    made = [info for info in store.catalog.documents() if info.source.startswith("made-")]
    assert len(made) == 3
    for info in made:
        text = store.catalog.text(info.id)
        for _, passage in store.catalog.passages_of(info.id):
            assert text[passage.start : passage.end] == passage.text == indexed_text(passage)
            assert len(passage.sentences) == 6
            assert all(text[span.start : span.end].strip() for span in passage.sentences)


def test_the_page_tells_what_was_held_and_what_was_not(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="bench embed --json"):
        performance.document(tmp_path)
    fast = {"least_cosine": 0.9996, "ratio_to_baseline": 4.2, "gemm_share": 0.5}
    faster = {"least_cosine": 0.996, "ratio_to_baseline": 5.0, "gemm_share": 0.7}
    (tmp_path / "embed.json").write_text(json.dumps({"bf16": fast, "int8": faster}))
    page = performance.document(tmp_path)
    assert "| times sentence-transformers, least cosine 0.999 | ≥ 4 | 4.2 | yes |" in page
    assert "| times sentence-transformers, least cosine 0.995 | ≥ 5.5 | 5 | **no** |" in page
    assert "| share of the bf16 matrix rate | ≥ 0.6 | 0.5 | **no** |" in page
    assert "| nDCG@10 lost on SciFact, beside f32 | ≤ 0.003 | not measured | – |" in page
    assert "## ask\n\n`quotebound bench ask --passages 10000`\n\nNot measured." in page
    (tmp_path / "ask.json").write_text("{")
    with pytest.raises(SourceNotFound, match=r"ask\.json holds no figures"):
        performance.document(tmp_path)
