"""A service in this process, for tests that speak HTTP to it without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from doubles import HashingEmbedder
from fastapi import FastAPI
from starlette.testclient import TestClient

from index.embedding import Embedder
from rag.service.app import create_app
from rag.service.backend import Backend
from rag.settings import Settings
from rag.wiring import Application

BASE_URL = "http://127.0.0.1:8000"


@contextmanager
def served(
    settings: Settings,
    embedder: Embedder | None = None,
    mount: Callable[[FastAPI, Backend], None] | None = None,
    headers: dict[str, str] | None = None,
) -> Iterator[TestClient]:
    """Yield a client of a service with these settings; what the service does not catch is no exception."""
    application = Application(settings, writable=True, embedder=embedder or HashingEmbedder())
    app = create_app(application, mount)
    with TestClient(app, base_url=BASE_URL, raise_server_exceptions=False, headers=headers) as client:
        yield client
