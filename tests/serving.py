"""A service in this process, for tests that speak HTTP to it without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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


def accepted(client: TestClient, data: str | bytes, name: str, collection: str = "default") -> str:
    """Upload a file and return the id of its job."""
    sent = data.encode() if isinstance(data, str) else data
    response = client.post(
        "/documents", files={"file": (name, sent, "text/plain")}, data={"collection": collection}
    )
    assert response.status_code == 202, response.text
    return str(response.json()["job"])


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a stream by name, with their data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def end_of(client: TestClient, job: str, collection: str = "default") -> dict[str, Any]:
    """Wait for the end of a job and return it."""
    response = client.get(f"/jobs/{job}/events", params={"collection": collection})
    assert response.status_code == 200, response.text
    name, told = events(response.text)[-1]
    assert name == told["state"]
    return told
