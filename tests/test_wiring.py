"""The application as the settings make it, from opening to closing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from descriptors import held_below
from doubles import HashingEmbedder

from index.embedding import Embedder, Vectors
from index.errors import InvalidReindex, ModelNotFound, SpaceMismatch
from index.running import JobRunner
from rag.settings import Settings
from rag.wiring import Application

TEXT = "The ferry leaves at nine. It takes forty minutes."


def filled(tmp_path: Path, **more: object) -> Settings:
    """Return the settings of a home with one document, made with the model `hashing`."""
    settings = Settings(home=tmp_path / "home", threshold=0.0, **more)  # type: ignore[arg-type]
    with opened(settings) as application:
        JobRunner.over(application.ingestor()).add(TEXT.encode(), "ferry.txt")
    return settings


def opened(settings: Settings, *, weights: str | None = None, model: str = "hashing") -> Application:
    """Open a home on a machine that has the models `hashing` and `other`, and no others."""
    models = {"hashing": HashingEmbedder(), "other": HashingEmbedder(32, "other")}
    if weights is not None:
        models["hashing"]._identity = replace(models["hashing"].identity, weights=weights)

    def find(name: str) -> Embedder:
        if name not in models:
            raise ModelNotFound(f"there is no model {name!r}")
        return models[name]

    return Application(settings, writable=True, embedder=find(model), embedders=find)


def cited(application: Application) -> list[str]:
    return [citation.source for citation in application.assistant.ask("When does the ferry leave?").citations]


def test_a_closed_application_holds_no_file_of_its_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        JobRunner.over(application.ingestor()).add(b"The ferry leaves at nine.", "ferry.txt")
        with ThreadPoolExecutor(4) as threads:
            asked = [
                threads.submit(application.assistant.ask, "When does the ferry leave?") for _ in range(20)
            ]
        assert all(future.result().hits for future in asked)
        assert held_below(tmp_path)
    assert held_below(tmp_path) == []


def test_a_threshold_of_the_settings_is_the_assistants(tmp_path: Path) -> None:
    for threshold in (0.0, 1.0):
        settings = Settings(home=tmp_path / str(threshold), threshold=threshold)
        with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
            assert application.assistant.threshold == threshold


def test_a_collection_is_asked_with_the_model_that_it_was_made_with(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    with opened(settings, model="other") as application:
        assert cited(application) == ["ferry.txt"]
        store = application.home.collection()
        assert store.space.name == "hashing"
        JobRunner.over(application.ingestor()).add(b"A late letter came.", "late.txt")
        assert len(store.snapshot()) == 2
        assert application.home.create("new").space.name == "other"


def test_a_model_that_is_asked_for_by_name_and_is_another_is_refused_with_the_command(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    asked = settings.model_copy(update={"model": "other"})
    with (
        opened(asked, model="other") as application,
        pytest.raises(SpaceMismatch, match=r"quotebound reindex --model other.*QUOTEBOUND_MODEL=hashing"),
    ):
        cited(application)


def test_passages_that_are_asked_for_of_another_length_are_refused_with_the_command(tmp_path: Path) -> None:
    settings = filled(tmp_path, chunk_tokens=48)
    asked = settings.model_copy(update={"chunk_tokens": 64})
    with opened(asked) as application, pytest.raises(SpaceMismatch, match=r"reindex.*CHUNK_TOKENS"):
        cited(application)
    with opened(settings.model_copy(update={"chunk_tokens": None})) as application:
        assert cited(application) == ["ferry.txt"]


def test_a_model_whose_files_changed_under_its_name_is_refused_until_a_reindex(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    with opened(settings, weights="changed") as application:
        with pytest.raises(SpaceMismatch, match="quotebound reindex --model hashing"):
            cited(application)
        with pytest.raises(SpaceMismatch):
            application.ingestor()
        application.reindex("default", application.reindex_request("default"))
        assert cited(application) == ["ferry.txt"]
        assert application.home.collection().space.weights == "changed"


def test_a_model_that_makes_other_vectors_than_it_did_is_refused(tmp_path: Path) -> None:
    class Drifted(HashingEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            return np.roll(super().embed_passages(texts), 7, axis=1)

    settings = filled(tmp_path)
    with (
        Application(settings, writable=True, embedder=Drifted()) as application,
        pytest.raises(SpaceMismatch, match=r"no longer makes.*quotebound reindex"),
    ):
        cited(application)


def test_going_over_to_another_model_and_back(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    with opened(settings) as application:
        with pytest.raises(InvalidReindex, match="no earlier"):
            application.reindex_request("default", rollback=True)
        application.reindex("default", application.reindex_request("default", "other"))
        assert application.home.collection().space.name == "other"
        assert cited(application) == ["ferry.txt"]
        found = application.reindex("default", application.reindex_request("default", rollback=True))
        assert (found.space.name, found.documents) == ("hashing", 0)
        assert cited(application) == ["ferry.txt"]


def test_a_model_that_is_not_there_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    with opened(settings) as application:
        with pytest.raises(ModelNotFound, match="nowhere"):
            application.reindex_request("default", "nowhere")
        assert [stored.active for stored in application.home.collection().catalog.spaces.all()] == [True]


def test_a_space_whose_model_changed_cannot_be_gone_back_to(tmp_path: Path) -> None:
    settings = filled(tmp_path)
    with opened(settings) as application:
        application.reindex("default", application.reindex_request("default", "other"))
    with (
        opened(settings, weights="changed") as application,
        pytest.raises(InvalidReindex, match="cannot be gone back to"),
    ):
        application.reindex_request("default", rollback=True)
