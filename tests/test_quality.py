"""docs/quality.md is of the committed figures, and these are of what ships."""

import json
from pathlib import Path

import pytest
from doubles import HashingEmbedder
from outcomes import answered, result_of

from eval.cases import EvalSet, InvalidCase
from eval.quality.measuring import (
    MadeWith,
    Quality,
    SetQuality,
    made_with,
    quality_of,
    read_quality,
    with_sets,
    write_quality,
)
from eval.quality.page import page
from index.errors import SourceNotFound
from rag.ranking import COEFFICIENTS_FILE as RANKING_FILE
from rag.reading.trained import COEFFICIENTS_FILE
from rag.settings import Settings
from rag.wiring import Application

PAGE = Path(__file__).parent.parent / "docs" / "quality.md"
READER = json.loads(COEFFICIENTS_FILE.read_text(encoding="utf-8"))
RANKING = json.loads(RANKING_FILE.read_text(encoding="utf-8"))
WITH = MadeWith("a model", "0" * 64, "passages", "1" * 64, "2" * 64)


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(Settings(home=tmp_path / "home"), writable=True, embedder=HashingEmbedder())


def measured(application: Application, name: str = "seeds", **figures: float) -> SetQuality:
    result = result_of(answered(), set=name)
    found = quality_of(result, EvalSet(name, "0" * 64, (), ()), application, lambda _: None)
    object.__setattr__(found, "figures", {**found.figures, **figures})
    return found


def test_the_committed_page_is_of_the_committed_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(read_quality(), READER, RANKING)


def test_the_committed_figures_are_of_what_ships(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with Application(settings, writable=True) as application:
        application.home.collection(create=True)
        assert read_quality().made_with == made_with(application)


def test_what_was_measured_is_read_as_it_was_written(tmp_path: Path, application: Application) -> None:
    with application:
        application.home.collection(create=True)
        quality = Quality(WITH, "abc", (measured(application),))
    write_quality(quality, tmp_path / "quality.json")
    assert read_quality(tmp_path / "quality.json") == quality


def test_a_set_measured_anew_takes_the_place_of_what_was_there(application: Application) -> None:
    with application:
        application.home.collection(create=True)
        first = with_sets(None, WITH, "a", [measured(application), measured(application, "qed")])
        anew = measured(application, token_f1=0.25)
        second = with_sets(first, WITH, "b", [anew])
    assert [entry.name for entry in second.sets] == ["seeds", "qed"]
    assert (second.of("seeds"), second.of("qed"), second.commit) == (anew, first.of("qed"), "b")


def test_what_was_measured_with_another_reader_is_not_kept(application: Application) -> None:
    with application:
        application.home.collection(create=True)
        first = with_sets(None, WITH, "a", [measured(application, "qed")])
        other = MadeWith(WITH.model, WITH.model_sha256, WITH.passages, WITH.ranking_sha256, "3" * 64)
        second = with_sets(first, other, "b", [measured(application)])
    assert [entry.name for entry in second.sets] == ["seeds"]


def test_the_page_tells_each_set_with_its_figures_and_what_others_published(application: Application) -> None:
    with application:
        application.home.collection(create=True)
        sets = (measured(application), measured(application, "squad2-held-out", token_f1=0.4321))
        text = page(Quality(WITH, None, sets), READER, RANKING)
    assert "| SQuAD 2.0, held out | 1 |" in text
    assert "0.432" in text
    assert "Wang et al." in text
    assert "Not comparable: Published systems are given the paragraph" in text


def test_a_record_that_is_missing_or_damaged_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"no quality\.json: `quotebound eval quality --data DIR`"):
        read_quality(tmp_path / "quality.json")
    (tmp_path / "quality.json").write_text("{}")
    with pytest.raises(InvalidCase, match=r"quality\.json is damaged"):
        read_quality(tmp_path / "quality.json")
