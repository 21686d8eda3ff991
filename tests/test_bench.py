"""The benchmarks: what they count. What they time is nobody's business here."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import HashingEmbedder

from eval.bench import ask, ingest, parsing
from eval.bench.timing import Durations, TimedEmbedder, summary
from eval.cases import Case, EvalSet, Evidence, Quotation
from rag.settings import Settings

TEXTS = {
    "dam.txt": "The Mangla dam was built in 1967.\n\nIt stores water from the Jhelum river.\n",
    "lake.md": "# Lakes\n\nPorters cross Snow Lake in summer.\n\n## Far ones\n\nKarambar lake is high.\n",
}
QUESTIONS = ("When was the Mangla dam built?", "Who crosses Snow Lake?", "Is Karambar lake high?")
STEPS = {"embed", "retrieve", "read", "generate", "verify"}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    (tmp_path / "docs").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "docs" / name).write_text(text)
    return [tmp_path / "docs" / name for name in TEXTS]


@pytest.fixture
def eval_set(paths: list[Path]) -> EvalSet:
    evidence = (Evidence((Quotation("dam.txt", "The Mangla dam was built in 1967."),)),)
    cases = tuple(
        Case(str(number), question, ("1967",), evidence, True, "this test", "fact")
        for number, question in enumerate(QUESTIONS)
    )
    return EvalSet("tiny", "0" * 64, cases, tuple(paths))


def shares(figures: dict[str, Any]) -> Iterator[float]:
    """Yield every share in some figures, at any depth."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from shares(value)
        elif name.endswith("_share"):
            yield value


def test_asking_counts_each_question_once_a_round(eval_set: EvalSet, settings: Settings) -> None:
    figures = ask.run(eval_set, 3, settings, HashingEmbedder())
    assert (figures["questions"], figures["rounds"]) == (3, 3)
    assert figures["first_round"]["ask"]["count"] == 3
    assert figures["later_rounds"]["ask"]["count"] == 6
    assert figures["later_rounds"]["baseline"]["count"] == 6


def test_asking_times_every_step_of_every_answer(eval_set: EvalSet, settings: Settings) -> None:
    steps = ask.run(eval_set, 1, settings, HashingEmbedder())["first_round"]["steps"]
    assert set(steps) == STEPS
    assert all(step["count"] == 3 for step in steps.values())


def test_one_round_has_no_later_ones(eval_set: EvalSet, settings: Settings) -> None:
    assert ask.run(eval_set, 1, settings, HashingEmbedder())["later_rounds"] is None


def test_asking_names_its_baseline(eval_set: EvalSet, settings: Settings) -> None:
    baseline = ask.run(eval_set, 1, settings, HashingEmbedder())["first_round"]["baseline"]
    assert baseline["name"] == "embedding of the question"
    assert set(baseline) == {"name", "count", "p50_ms", "p99_ms"}


def test_the_model_takes_a_share_of_the_time_it_is_in(eval_set: EvalSet, settings: Settings) -> None:
    figures = ask.run(eval_set, 2, settings, HashingEmbedder())
    found = list(shares(figures))
    assert len(found) == 4
    assert all(0 <= share <= 1 for share in found)


def test_asking_reads_the_documents_of_the_set(eval_set: EvalSet, settings: Settings) -> None:
    embedder = HashingEmbedder()
    figures = ask.run(eval_set, 1, settings, embedder)
    assert figures["passages"] == len(embedder.embedded) > 0


def test_ingesting_counts_files_passages_and_what_was_embedded(paths: list[Path], settings: Settings) -> None:
    figures = ingest.run(ingest.copied(paths, 3), settings, HashingEmbedder())
    assert figures["documents"] == 6
    assert figures["passages"] == figures["passages_embedded"] >= 6


def test_ingesting_embeds_nothing_the_second_time(paths: list[Path], settings: Settings) -> None:
    assert ingest.run(ingest.copied(paths, 2), settings, HashingEmbedder())["passages_embedded_again"] == 0


def test_the_copies_are_of_different_texts(paths: list[Path], settings: Settings) -> None:
    embedder = HashingEmbedder()
    figures = ingest.run(ingest.copied(paths, 4), settings, embedder)
    # Each text once for the ingest and once for the baseline, and none twice in either.
    assert len(embedder.embedded) == 2 * figures["passages"]
    assert len(set(embedder.embedded)) == figures["passages"]


def test_more_copies_are_more_of_the_same(paths: list[Path], settings: Settings) -> None:
    once, thrice = (
        ingest.run(ingest.copied(paths, copies), settings, HashingEmbedder()) for copies in (1, 3)
    )
    assert thrice["passages"] == 3 * once["passages"]


def test_ingesting_times_every_document_in_every_step(paths: list[Path], settings: Settings) -> None:
    figures = ingest.run(ingest.copied(paths, 2), settings, HashingEmbedder())
    assert set(figures["steps"]) == {"chunk", "model", "store"}
    assert figures["steps"]["chunk"]["count"] == figures["steps"]["store"]["count"] == 4
    assert figures["steps"]["model"]["count"] >= 1
    assert 0 <= figures["model_share"] <= 1


def test_ingesting_leaves_the_documents_alone(paths: list[Path], settings: Settings) -> None:
    ingest.run(ingest.copied(paths, 2), settings, HashingEmbedder())
    assert {path.name: path.read_text() for path in paths} == TEXTS
    assert not settings.home.exists()


def test_the_figures_can_be_written_as_json(eval_set: EvalSet, paths: list[Path], settings: Settings) -> None:
    for figures in (
        ask.run(eval_set, 2, settings, HashingEmbedder()),
        ingest.run(ingest.copied(paths, 1), settings, HashingEmbedder()),
    ):
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_a_summary_is_in_milliseconds() -> None:
    assert summary([0.001, 0.003, 0.002]) == {"count": 3, "p50_ms": 2.0, "p99_ms": 3.0}


def test_a_summary_of_nothing_is_of_zeros() -> None:
    assert summary([]) == {"count": 0, "p50_ms": 0.0, "p99_ms": 0.0}


def test_a_step_that_fails_is_counted_too() -> None:
    durations = Durations()
    with pytest.raises(KeyError), durations.step("store"):
        raise KeyError
    assert len(durations.seconds["store"]) == 1


def test_a_step_that_was_never_taken_took_no_time() -> None:
    assert Durations().total("store") == 0


def test_the_clock_around_an_embedder_changes_no_vector() -> None:
    bare, durations = HashingEmbedder(), Durations()
    timed = TimedEmbedder(bare, durations)
    assert timed.identity == bare.identity
    assert timed.window is bare.window
    texts = ["A dam.", "A lake."]
    assert (timed.embed_passages(texts) == bare.embed_passages(texts)).all()
    assert (timed.embed_query(texts[0]) == bare.embed_query(texts[0])).all()
    assert [found.spans for found in timed.embed_tokens(texts)] == [
        found.spans for found in bare.embed_tokens(texts)
    ]
    assert len(durations.seconds["model"]) == 3


def test_each_format_is_timed_beside_a_plain_library(tmp_path: Path, settings: Settings) -> None:
    documents = Path(__file__).parent / "documents"
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "plain.unheard").write_text("Text.")
    files = [*sorted(tmp_path.iterdir()), documents / "article.docx", documents / "article.html"]
    figures = parsing.by_format(files, settings)
    assert figures["refused"] == {"not read": 1, "application/pdf": 1}
    told = {form.rpartition(".")[2]: found for form, found in figures["formats"].items()}
    assert set(told) == {"document", "text/html", "text/plain"}
    assert told["document"]["files"] == 1
    assert told["document"]["mb"] == round((documents / "article.docx").stat().st_size / 2**20, 3)
    assert all(found["baseline_seconds"] is not None for found in told.values())


def test_a_baseline_that_is_not_installed_is_named_and_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    page = Path(__file__).parent / "documents" / "article.html"
    (told,) = parsing.by_format([page], settings)["formats"].values()
    assert told["baseline"] == "trafilatura (not installed)"
    assert told["baseline_seconds"] is told["speed_by_baseline"] is None


def test_an_ingest_of_any_files_is_timed_as_one_of_texts_is(tmp_path: Path, settings: Settings) -> None:
    shutil.copy(Path(__file__).parent / "documents" / "article.docx", tmp_path)
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.7\n")
    figures = ingest.run_over([tmp_path], settings, HashingEmbedder())
    assert (figures["documents"], figures["failed"]) == (2, 1)
    assert figures["passages_embedded"] == figures["passages"] > 0
