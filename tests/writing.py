"""A service whose answers a scripted language model writes, for tests over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm_replies import Script
from llm_server import LanguageModelServer
from serving import accepted, end_of, events, served
from starlette.testclient import TestClient

from rag.settings import Settings

FERRY = (
    "The ferry\n\n"
    "The ferry to Kallinge leaves at nine. It takes forty minutes. It does not run on Sundays.\n\n"
    "Tickets cost 120 kronor. Bicycles travel free of charge.\n"
)
QUESTION = "When does the ferry to Kallinge leave?"
# A reply in the form of lines, all of it exact.
EXACT = (
    "Q1: The ferry to Kallinge leaves at nine\nS: The ferry leaves at nine.\n"
    "Q1: It takes forty minutes\nS: The crossing lasts forty minutes."
)


@contextmanager
def written(
    home: Path, script: Script, text: str = FERRY, **settings: Any
) -> Iterator[tuple[TestClient, Any]]:
    """Yield a client of a service over one document, and the server that writes its answers."""
    with LanguageModelServer(script) as server:
        chosen = Settings(
            **{
                "home": home, "threshold": 0.0, "chunk_tokens": 48, "llm_url": server.base_url,
                "llm_retries": 0, "llm_format": "lines", **settings,
            }
        )  # fmt: skip
        with served(chosen) as client:
            assert end_of(client, accepted(client, text, "ferry.txt"))["state"] == "done"
            yield client, server


def asked(client: TestClient, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    """Return the answer to a question."""
    response = client.post("/ask", json={"question": question, **more})
    assert response.status_code == 200, response.text
    return dict(response.json())


def streamed(client: TestClient, question: str = QUESTION, **more: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of the answer to a question."""
    response = client.post("/ask/stream", json={"question": question, **more})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return events(response.text)
