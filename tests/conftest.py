"""Fixtures shared by the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import HashingEmbedder
from hypothesis import settings

from index.chunking import Chunker
from index.home import Home
from index.ingest import Ingestor
from index.store import Store

# Derandomised: a failure on one machine is a failure on all. No deadline: no test asserts a time.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")


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
