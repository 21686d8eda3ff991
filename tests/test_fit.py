"""Fitting the reader's coefficients: on a made-up SQuAD 2.0 of seven articles, and what is committed."""

import gzip
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import HashingEmbedder

from eval.fit import CALIBRATION_ARTICLES, dump, fit, run
from eval.public import SQUAD2_FILE, load_squad2
from eval.samples import Kind, Sample
from index.embedding.model_files import PACKAGED_MODEL, ModelFiles, find_model
from index.errors import SourceNotFound
from rag.combination import Coefficients
from rag.reading.features import SENTENCE_SIGNALS
from rag.reading.similarity import COEFFICIENTS_FILE
from rag.settings import Settings

PLACES = ("Arlen", "Borvik", "Cassel", "Dunmore", "Estrel", "Falken", "Girona")
THINGS = ("bridge", "mill", "harbour", "orchard", "lighthouse")
PEOPLE = ("Amara", "Bodo", "Cilla", "Dorin", "Elva", "Farid")


def article(number: int) -> dict[str, Any]:
    """Return an article in which every paragraph tells of a thing, its maker and its year."""
    place, paragraphs = PLACES[number], []
    for place_in_text, thing in enumerate(THINGS):
        person, year = PEOPLE[(number + place_in_text) % len(PEOPLE)], str(1500 + 37 * number + place_in_text)
        context = f"{person} drew the {thing} of {place}. It was finished in {year}. Many came to see it."

        def asked(question: str, answer: str | None, context: str = context) -> dict[str, Any]:
            return {
                "id": hashlib.sha256(f"{context} {question}".encode()).hexdigest()[:8],
                "question": question,
                "is_impossible": answer is None,
                "answers": [{"text": answer, "answer_start": context.index(answer)}] if answer else [],
            }

        questions = [
            asked(f"When was the {thing} finished?", year),
            asked(f"What did the hand of {person} draw in {place}?", thing),
            asked(f"Who tore down the {thing} of {place}?", None),
        ]
        paragraphs.append({"context": context, "qas": questions})
    return {"title": place, "paragraphs": paragraphs}


def written(folder: Path) -> Path:
    path = folder / SQUAD2_FILE
    path.parent.mkdir(parents=True)
    # Not in the order of titles, which is the one that counts.
    articles = [article(number) for number in reversed(range(len(PLACES)))]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump({"version": "v2.0", "data": articles}, file)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def fitted(data: Path, told: list[str]) -> dict[str, Any]:
    return run(data, Settings(chunk_tokens=48), told.append, HashingEmbedder())


def numbers(value: Any) -> Iterator[float]:
    """Yield every number below a value."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from numbers(entry)
    elif isinstance(value, (int, float)):
        yield value


def test_every_signal_has_a_weight_in_either_function(fitted: dict[str, Any]) -> None:
    assert tuple(fitted["signals"]) == SENTENCE_SIGNALS
    assert set(fitted["relevance"]["weights"]) == set(SENTENCE_SIGNALS)
    assert set(fitted["answerable"]["weights"]) == set(SENTENCE_SIGNALS)


def test_every_number_is_finite(fitted: dict[str, Any]) -> None:
    assert all(math.isfinite(number) for number in numbers(fitted))


def test_the_threshold_withholds_neither_nearly_nothing_nor_nearly_everything(fitted: dict[str, Any]) -> None:
    assert 0.3 <= fitted["threshold"] <= 0.9


def test_the_last_articles_by_title_are_those_not_fitted_on(fitted: dict[str, Any]) -> None:
    assert fitted["fitted"]["calibration_articles"] == list(PLACES[-CALIBRATION_ARTICLES:])


def test_the_figures_are_of_the_answerable_questions_of_those_articles(fitted: dict[str, Any]) -> None:
    for figures in fitted["fitted"]["figures"].values():
        assert figures["questions"] == CALIBRATION_ARTICLES * len(THINGS) * 2
        assert all(0 <= value <= 1 for name, value in figures.items() if name != "questions")


def test_the_right_sentence_is_first_more_often_than_by_cosine_alone(fitted: dict[str, Any]) -> None:
    figures = fitted["fitted"]["figures"]["among_neighbours"]
    assert figures["gold_sentence_first_fitted"] > figures["gold_sentence_first_cosine"]
    assert figures["gold_sentence_in_three_fitted"] >= figures["gold_sentence_first_fitted"]


def test_questions_whose_answer_was_taken_away_are_told_from_the_others(fitted: dict[str, Any]) -> None:
    assert fitted["fitted"]["figures"]["among_neighbours"]["answerable_or_removed_auroc"] > 0.8


def test_the_result_names_the_data_and_the_model_it_was_fitted_with(
    data: Path, fitted: dict[str, Any]
) -> None:
    identity = HashingEmbedder().identity
    made_with = fitted["fitted"]
    assert made_with["data"] == {
        str(SQUAD2_FILE): hashlib.sha256((data / SQUAD2_FILE).read_bytes()).hexdigest()
    }
    assert (made_with["model"], made_with["weights_sha256"]) == (identity.name, identity.weights)


def test_each_article_is_told_of_once_done(fitted: dict[str, Any], told: list[str]) -> None:
    assert [line.split(":")[0] for line in told] == [
        f"{number}/{len(PLACES)} {place}" for number, place in enumerate(PLACES, start=1)
    ]


def test_the_same_data_give_the_same_file(data: Path, fitted: dict[str, Any]) -> None:
    again = run(data, Settings(chunk_tokens=48), lambda _: None, HashingEmbedder())
    assert dump(again) == dump(fitted)


def samples(seed: int, *kinds: Kind) -> list[Sample]:
    """Return an article's samples of some kinds, ten of each, whose gold sentence has greater signals."""
    random, made = np.random.default_rng(seed), []
    for kind in kinds * 10:
        signals = random.random((6, len(SENTENCE_SIGNALS)))
        gold = np.arange(6) == (random.integers(6) if kind is Kind.ANSWERABLE else -1)
        made.append(Sample(kind, signals + 0.3 * gold[:, np.newaxis], gold))
    return made


BOTH = (Kind.ANSWERABLE, Kind.REMOVED)


def test_held_out_articles_move_the_threshold_at_most() -> None:
    training = [samples(seed, *BOTH) for seed in range(3)]
    one, other = (
        fit([*training, *(samples(first + n, *BOTH) for n in range(CALIBRATION_ARTICLES))], samples(9, *BOTH))
        for first in (100, 200)
    )
    assert (one.relevance, one.answerable) == (other.relevance, other.answerable)
    assert one.figures != other.figures


def test_misleading_questions_are_measured_and_not_fitted_on() -> None:
    articles = range(3 + CALIBRATION_ARTICLES)
    without = fit([samples(n, *BOTH) for n in articles], samples(9, *BOTH))
    misled = fit([samples(n, *BOTH) + samples(n + 50, Kind.MISLEADING) for n in articles], samples(9, *BOTH))
    assert (misled.relevance, misled.answerable) == (without.relevance, without.answerable)
    assert misled.threshold == without.threshold
    figures, before = (fitted.figures["among_neighbours"] for fitted in (misled, without))
    assert {name for name in figures if figures[name] != before[name]} == {
        "answerable_or_misleading_auroc",
        "abstained_when_misled",
    }


def test_what_was_fitted_is_loaded_as_it_was_written(tmp_path: Path, fitted: dict[str, Any]) -> None:
    path = tmp_path / "similarity.json"
    path.write_text(dump(fitted))
    loaded = Coefficients.load(path, SENTENCE_SIGNALS)
    assert loaded.threshold == fitted["threshold"]
    assert loaded.relevance.weights == fitted["relevance"]["weights"]
    assert loaded.answerable.constant == fitted["answerable"]["constant"]


def test_coefficients_of_other_signals_are_refused_with_the_way_out(
    tmp_path: Path, fitted: dict[str, Any]
) -> None:
    path = tmp_path / "similarity.json"
    path.write_text(dump(fitted | {"signals": ["sentence_cosine"]}))
    with pytest.raises(ValueError, match="quotebound eval fit"):
        Coefficients.load(path, SENTENCE_SIGNALS)


def test_without_the_data_the_message_says_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"SQuAD 2\.0"):
        run(tmp_path, Settings(), lambda _: None, HashingEmbedder())


def test_answers_stand_in_the_text_of_their_article(data: Path) -> None:
    for found in load_squad2(data / SQUAD2_FILE):
        questions = {question.text: question for question in found.questions}
        year = questions["When was the harbour finished?"]
        assert all(found.text[answer : answer + 4].isdigit() for answer in year.answers)
        assert found.text[year.paragraph :].split()[1:4] == ["drew", "the", "harbour"]


def test_an_impossible_question_has_no_answers(data: Path) -> None:
    for found in load_squad2(data / SQUAD2_FILE):
        assert all(question.answerable == bool(question.answers) for question in found.questions)


def test_the_committed_coefficients_load() -> None:
    loaded = Coefficients.load(COEFFICIENTS_FILE, SENTENCE_SIGNALS)
    assert 0.3 <= loaded.threshold <= 0.9
    assert set(loaded.relevance.weights) == set(loaded.answerable.weights) == set(SENTENCE_SIGNALS)


def test_the_committed_coefficients_name_their_data_and_their_model() -> None:
    made_with = json.loads(COEFFICIENTS_FILE.read_text(encoding="utf-8"))["fitted"]
    assert len(bytes.fromhex(made_with["data"][str(SQUAD2_FILE)])) == 32
    packaged = ModelFiles(find_model(PACKAGED_MODEL), PACKAGED_MODEL).identity
    assert (made_with["model"], made_with["weights_sha256"]) == (packaged.name, packaged.weights)
