"""The benchmark of searching: what it counts. What it times is nobody's business here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from doubles import HashingEmbedder

from eval.bench import search
from eval.cases import InvalidCase
from index import merging, vectors

TEXTS = {
    "dam.txt": "The Mangla dam was built in 1967.\n\nIt stores water from the Jhelum river.\n",
    "lake.md": "# Lakes\n\nPorters cross Snow Lake in summer.\n\n## Far ones\n\nKarambar lake is high.\n",
}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in TEXTS]


@pytest.fixture
def figures(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(merging, "LARGE_ROWS", 1_000)
    monkeypatch.setattr(vectors, "_MAX_DELTA", 100)
    return search.run(paths, [60, 2_000], HashingEmbedder())


def test_sizes_are_numbers_with_or_without_a_letter() -> None:
    assert search.sizes_of("1M, 10k,100,10k") == [100, 10_000, 1_000_000]


@pytest.mark.parametrize("text", ["", "ten", "10k,", "-5", "5", "10K", "1.5M"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InvalidCase, match="10k,100k,1M"):
        search.sizes_of(text)


def test_each_size_is_searched_beside_its_baseline(figures: dict[str, Any]) -> None:
    assert list(figures["sizes"]) == ["60", "2000"]
    for size in figures["sizes"].values():
        assert size["search"]["count"] == size["baseline"]["count"] == search.QUERIES
        assert size["baseline"]["name"] == "NumPy over all vectors"


def test_the_kind_of_index_and_its_recall_are_told(figures: dict[str, Any]) -> None:
    few, many = figures["sizes"].values()
    assert few["kind"] == "60 exact"
    assert (few["recall_at_10"], few["recall_at_50"], few["recall_at_10_when_built"]) == (1, 1, [])
    # What came in the small segment for additions stays there until that is full.
    assert re.fullmatch(r"1940 nearly exact, \d+ of \d+ lists probed; 60 exact", many["kind"])
    assert many["recall_at_10"] >= 0.98
    assert many["recall_at_10_when_built"][0] >= 0.99


def test_memory_is_told_for_each_passage(figures: dict[str, Any]) -> None:
    dimension = HashingEmbedder().identity.dimension
    few, many = figures["sizes"].values()
    assert few["bytes_per_passage"] == pytest.approx(4 * dimension + 9, abs=1)
    assert many["bytes_per_passage"] < few["bytes_per_passage"]


def test_growth_is_the_ratio_of_one_size_to_the_one_before(figures: dict[str, Any]) -> None:
    before, after = (size["search"]["p50_ms"] for size in figures["sizes"].values())
    assert figures["growth"] == {"p50_2000_over_60": pytest.approx(after / before, abs=0.001)}


def test_vectors_are_made_of_passages_and_sentences(figures: dict[str, Any]) -> None:
    assert figures["sources"] == ["dam.txt", "lake.md"]
    assert figures["real_vectors"] >= 4


def test_documents_without_a_passage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match="no passage"):
        search.run([], [100], HashingEmbedder())


def test_the_figures_can_be_written_as_json(figures: dict[str, Any]) -> None:
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
