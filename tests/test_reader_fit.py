"""Fitting what puts a network's numbers together: on a made-up SQuAD 2.0 and QED, and what is committed."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import HashingEmbedder, OverlapNetwork
from test_fit import PLACES, article, numbers, written

from eval.fit import dump
from eval.public import QED_FILE, SQUAD2_FILE, file_sha256, load_qed
from eval.reading import fitting
from eval.reading.fitting import Ranked
from eval.reading.open_questions import OpenQuestion
from eval.reading.quality import section, unsupported_share
from eval.reading.run import run
from eval.samples import Kind
from index.errors import SourceNotFound
from rag.ranking import COEFFICIENTS_FILE as RANKING_FILE
from rag.reading.network import WEIGHTS_FILE
from rag.reading.signals import COMPARED_SIGNALS, READ_SIGNALS
from rag.reading.trained import COEFFICIENTS_FILE, TwoStages
from rag.settings import Settings


def qed(folder: Path) -> None:
    """Write questions whose paragraphs are those of the articles; the first of their sentences answers."""
    with gzip.open(folder / QED_FILE, "wt", encoding="utf-8") as file:
        for number in range(len(PLACES)):
            for paragraph in article(number)["paragraphs"]:
                text = paragraph["context"]
                starts = [0, *(place + 2 for place in range(len(text)) if text.startswith(". ", place))]
                thing = text.split(" drew the ")[1].split(" of ")[0]
                entry: dict[str, Any] = {
                    "question_text": f"who drew the {thing}",
                    "paragraph_text": text,
                    "sentence_starts": starts,
                    "annotation": {"selected_sentence": {"start": 0, "end": starts[1]}},
                }
                file.write(json.dumps(entry) + "\n")
        file.write(json.dumps(entry | {"annotation": {"explanation_type": "none"}}) + "\n")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("data"))
    qed(folder)
    return folder


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def fitted(data: Path, told: list[str]) -> dict[str, Any]:
    settings = Settings(chunk_tokens=48)
    return run(data, settings, OverlapNetwork(), "f00d", told.append, HashingEmbedder())


def test_each_function_has_a_weight_for_each_of_its_signals(fitted: dict[str, Any]) -> None:
    assert list(fitted["first"]["weights"]) == list(READ_SIGNALS)
    assert list(fitted["relevance"]["weights"]) == list(COMPARED_SIGNALS)
    assert list(fitted["answerable"]["weights"]) == list(COMPARED_SIGNALS)
    assert np.isfinite(list(numbers(fitted))).all()


def test_what_was_fitted_is_loaded_as_it_was_written(tmp_path: Path, fitted: dict[str, Any]) -> None:
    path = tmp_path / "reader.json"
    path.write_text(dump(fitted))
    loaded = TwoStages.load(path)
    assert (loaded.threshold, loaded.least_margin) == (fitted["threshold"], fitted["least_margin"])
    assert loaded.relevance.weights == fitted["relevance"]["weights"]
    assert loaded.weights == "f00d"


def test_coefficients_of_other_signals_are_refused_with_the_way_out(
    tmp_path: Path, fitted: dict[str, Any]
) -> None:
    path = tmp_path / "reader.json"
    less = dict.fromkeys(READ_SIGNALS[1:], 1.0)
    path.write_text(dump(fitted | {"first": {"constant": 0.0, "weights": less}}))
    with pytest.raises(ValueError, match=r"reader\.json.*quotebound eval fit"):
        TwoStages.load(path)


def test_figures_are_of_the_development_articles_and_of_all_their_answerable_questions(
    fitted: dict[str, Any],
) -> None:
    assert fitted["fitted"]["articles"] == list(PLACES[-5:])
    assert fitted["fitted"]["open"]["questions"] == 5 * 5 * 2
    assert fitted["fitted"]["paragraph_given"]["questions"] == 5 * 5 * 3
    assert fitted["fitted"]["evidence_sentence"]["questions"] == len(PLACES) * 5


def test_the_reader_puts_the_answer_first_more_often_than_its_baselines(fitted: dict[str, Any]) -> None:
    figures = fitted["fitted"]["open"]
    assert figures["first_reader"] > figures["first_cosine"]
    assert figures["in_three_reader"] >= figures["first_reader"]
    assert figures["auroc_removed_reader"] > 0.8


def test_a_result_names_the_data_it_was_fitted_on(data: Path, fitted: dict[str, Any]) -> None:
    assert fitted["fitted"]["data"] == {
        str(file): hashlib.sha256((data / file).read_bytes()).hexdigest() for file in (SQUAD2_FILE, QED_FILE)
    }


def test_each_development_article_is_told_of(fitted: dict[str, Any], told: list[str]) -> None:
    assert [line.split(":")[0] for line in told[:-1]] == list(PLACES[-5:])


def test_the_same_data_give_the_same_file(data: Path, fitted: dict[str, Any]) -> None:
    settings = Settings(chunk_tokens=48)
    again = run(data, settings, OverlapNetwork(), "f00d", lambda _: None, HashingEmbedder())
    assert dump(again) == dump(fitted)


def test_the_page_tells_the_figures(fitted: dict[str, Any]) -> None:
    text = section(fitted)
    figures = fitted["fitted"]["open"]
    assert f"| the reader | {figures['first_reader']:.3f} | {figures['in_three_reader']:.3f} |" in text
    assert "without network" in text


def test_of_answers_given_the_share_without_support_follows_from_what_is_answered() -> None:
    shares = {"answered_answerable": 0.9, "answered_removed": 0.3, "answered_misleading": 0.6}
    assert unsupported_share(shares) == pytest.approx(0.15 / 0.75)


def question(kind: Kind, name: str, seed: int) -> OpenQuestion:
    """Return a question of ten sentences, of which one is right and has greater signals where it answers."""
    random = np.random.default_rng(seed)
    right = np.arange(10) == (random.integers(10) if kind is Kind.ANSWERABLE else -1)
    signals = random.random((10, len(COMPARED_SIGNALS))) + 0.5 * right[:, np.newaxis]
    return OpenQuestion(name, kind, signals, right, np.arange(10) // 2, (3.0, 2.0, 1.0, 0.0, -1.0))


def test_an_article_has_no_part_in_what_is_fitted_for_it() -> None:
    questions = [
        question(kind, name, 100 * place + number)
        for place, name in enumerate("abc")
        for number in range(20)
        for kind in Kind
    ]
    found, abstained = fitting.cross_fitted(questions)
    others = [entry for entry in questions if entry.article != "b"]
    stages = fitting.fit(others, "")
    expected = fitting.ranked([entry for entry in questions if entry.article == "b"], stages)
    mine = [place for place, entry in enumerate(found) if entry.question.article == "b"]
    assert [found[place].probability for place in mine] == [entry.probability for entry in expected]
    assert [abstained[place] for place in mine] == [p.probability < stages.threshold for p in expected]


def test_probabilities_that_hold_have_no_calibration_error() -> None:
    right = question(Kind.ANSWERABLE, "a", 1)
    silent = question(Kind.REMOVED, "a", 2)
    misled = question(Kind.MISLEADING, "a", 3)
    order = np.arange(10)
    # Two thirds of the mixture are answerable by assumption.
    found = [Ranked(entry, order, 2 / 3, read=5) for entry in (right, silent, misled)]
    assert fitting.calibration_error(found) == pytest.approx(0)
    sure = [Ranked(entry, order, 1.0, read=5) for entry in (right, silent, misled)]
    assert fitting.calibration_error(sure) == pytest.approx(1 / 3)


def test_abstaining_from_all_that_is_unanswerable_and_no_more_is_perfect() -> None:
    entries = [question(kind, "a", number) for number, kind in enumerate(Kind)]
    found = [Ranked(entry, np.arange(10), 0.5, read=5) for entry in entries]
    assert fitting.abstention(found, [not entry.answerable for entry in entries]) == pytest.approx((1, 1))
    assert fitting.abstention(found, [True] * len(found)) == pytest.approx((1 / 3, 1))


def test_only_questions_with_a_selected_sentence_are_read_of_qed(data: Path) -> None:
    found = load_qed(data)
    assert len(found) == len(PLACES) * 5
    assert all(entry.selected == 0 and len(entry.sentences) == 3 for entry in found)
    first = found[0]
    assert [first.context[span.start : span.end].strip()[-1] for span in first.sentences] == [".", ".", "."]


def test_without_qed_the_message_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"QED \(Lamm"):
        load_qed(tmp_path)


def test_the_committed_coefficients_are_of_the_committed_weights_and_ranking() -> None:
    fitted = json.loads(COEFFICIENTS_FILE.read_text())["fitted"]
    assert fitted["ranking_sha256"] == file_sha256(RANKING_FILE)
    assert TwoStages.load().weights == hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest()
