"""Fixtures shared by the suite."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog
import tiny_model
from browsing import chromium, free_port, opened, quotebound, service
from doubles import HashingEmbedder
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, Page
from serving import served
from starlette.testclient import TestClient

from index.chunking import Chunker
from index.home import Home
from index.ingest import Ingestor
from index.store import Store
from rag.settings import Settings

# Derandomised: a failure on one machine is a failure on all. No deadline: no test asserts a time.
hypothesis_settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis_settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Have the packaged model compiled once, for this session and those after it."""
    assert config.cache is not None
    os.environ["QUOTEBOUND_MODEL_CACHE"] = str(config.cache.mkdir("models"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Logs go nowhere: they come from threads, too, which pytest does not capture."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def llama_cpp(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a real llama.cpp server, with a model that is trained for it once."""
    assert pytestconfig.cache is not None
    with tiny_model.running(tiny_model.made(pytestconfig.cache.mkdir("tiny-model"))) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, for the tests of a module."""
    with chromium() as opened_browser:
        yield opened_browser


@pytest.fixture(scope="module")
def corpus() -> Sequence[Path]:
    """What the service of a module's tests answers from."""
    return (Path("seeds"),)


@pytest.fixture(scope="module")
def address(corpus: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real service answers from the corpus."""
    home = tmp_path_factory.mktemp("home")
    quotebound(["ingest", *map(str, corpus)], home)
    with service(home, free_port()) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page for a visitor who was never there; it asks for nothing elsewhere, and nothing breaks in it."""
    shown, watched = opened(browser, address)
    yield shown
    shown.context.close()
    assert watched.complaints == []
    assert watched.hosts == {address.removeprefix("http://")}


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def chunker(embedder: HashingEmbedder) -> Chunker:
    return Chunker(embedder.window, target_tokens=48)


@pytest.fixture
def home(tmp_path: Path, embedder: HashingEmbedder, chunker: Chunker) -> Iterator[Home]:
    opened = Home(tmp_path / "home", embedder.identity.space(chunker.fingerprint), writable=True)
    yield opened
    opened.close()


@pytest.fixture
def store(home: Home) -> Store:
    return home.collection(create=True)


@pytest.fixture
def ingestor(store: Store, chunker: Chunker, embedder: HashingEmbedder) -> Ingestor:
    return Ingestor(store, chunker, embedder, max_bytes=2**20)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # Threshold 0: with a stand-in for the model, the confidence says nothing.
    return Settings(home=tmp_path / "home", threshold=0.0, max_file_mb=1, chunk_tokens=48)


@pytest.fixture
def client(settings: Settings, embedder: HashingEmbedder) -> Iterator[TestClient]:
    with served(settings, embedder) as opened:
        yield opened
