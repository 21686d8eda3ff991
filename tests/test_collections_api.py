"""Collections over HTTP: made, listed, asked, removed; and gone over to another model while they serve."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from doubles import HashingEmbedder
from serving import BASE_URL
from starlette.testclient import TestClient

from index.embedding import Embedder, Vectors
from index.errors import ModelNotFound
from rag.service.app import create_app
from rag.settings import Settings
from rag.wiring import Application

FERRY = "The ferry to Kallinge leaves at nine. It takes forty minutes.\n"


class Held(HashingEmbedder):
    """A model that embeds passages only once it may."""

    def __init__(self, may: threading.Event) -> None:
        super().__init__(32, "other")
        self._may = may

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        assert self._may.wait(60)
        return super().embed_passages(texts)


@pytest.fixture
def may() -> threading.Event:
    """Return what lets the other model embed."""
    return threading.Event()


@pytest.fixture
def client(settings: Settings, may: threading.Event) -> Iterator[TestClient]:
    """Return a client of a service on a machine with two models, `hashing` and `other`."""
    models = {"hashing": HashingEmbedder(), "other": Held(may)}

    def find(name: str) -> Embedder:
        if name not in models:
            raise ModelNotFound(f"there is no model {name!r}")
        return models[name]

    asked = settings.model_copy(update={"chunk_tokens": None})
    application = Application(asked, writable=True, embedder=models["hashing"], embedders=find)
    with TestClient(create_app(application), base_url=BASE_URL, raise_server_exceptions=False) as opened:
        yield opened
        may.set()


def ended(client: TestClient, job: str, collection: str = "default") -> dict[str, Any]:
    """Follow a job's events to its end, and return it."""
    client.get(f"/jobs/{job}/events", params={"collection": collection})
    return dict(client.get(f"/jobs/{job}", params={"collection": collection}).json())


def add(client: TestClient, text: str = FERRY, collection: str = "default", name: str = "ferry.txt") -> None:
    files = {"file": (name, text.encode(), "text/plain")}
    response = client.post("/documents", files=files, data={"collection": collection})
    assert response.status_code == 202, response.text
    assert ended(client, response.json()["job"], collection)["state"] == "done"


def sources(client: TestClient, collection: str = "default") -> list[str]:
    asked = {"question": "When does the ferry leave?", "collection": collection}
    response = client.post("/ask", json=asked)
    assert response.status_code == 200, response.text
    return [citation["source"] for citation in response.json()["citations"]]


def names(client: TestClient) -> list[str]:
    return [found["name"] for found in client.get("/collections").json()["collections"]]


def test_a_collection_is_made_filled_asked_and_removed(client: TestClient) -> None:
    made = client.post("/collections", json={"name": "news"})
    assert (made.status_code, made.json()["name"]) == (201, "news")
    add(client, collection="news")
    assert names(client) == ["default", "news"]
    assert sources(client, "news") == ["ferry.txt"]
    assert sources(client) == []
    assert client.delete("/collections/news").status_code == 204
    assert names(client) == ["default"]
    gone = client.post("/ask", json={"question": "When does the ferry leave?", "collection": "news"})
    assert (gone.status_code, gone.json()["code"]) == (404, "collection_not_found")


def test_a_collection_tells_its_model_and_how_many_documents_it_has(client: TestClient) -> None:
    add(client)
    assert client.get("/collections").json() == {
        "collections": [{"name": "default", "documents": 1, "model": "hashing"}]
    }


def test_the_default_collection_is_emptied_when_it_is_removed(client: TestClient) -> None:
    add(client)
    assert client.delete("/collections/default").status_code == 204
    assert sources(client) == []
    add(client)
    assert sources(client) == ["ferry.txt"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("post", "/collections", {"name": "default"}, 409, "collection_exists"),
        ("post", "/collections", {"name": "../etc"}, 422, "invalid_name"),
        ("post", "/collections", {"name": ""}, 422, "invalid_name"),
        ("post", "/collections", {"name": "x" * 65}, 422, "invalid_request"),
        ("post", "/collections", {}, 422, "invalid_request"),
        ("delete", "/collections/nothing", None, 404, "collection_not_found"),
        ("delete", "/collections/A%20B", None, 422, "invalid_name"),
        ("post", "/collections/nothing/reindex", {}, 404, "collection_not_found"),
        ("post", "/collections/default/reindex", {"model": "nowhere"}, 422, "invalid_reindex"),
        ("post", "/collections/default/reindex", {"rollback": True}, 422, "invalid_reindex"),
        ("post", "/collections/default/reindex", {"model": ""}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_told(
    client: TestClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    more = {} if body is None else {"json": body}
    response = client.request(method, path, **more)  # type: ignore[arg-type]
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert set(response.json()) == {"code", "message", "request_id"}
    assert names(client) == ["default"]


def test_the_old_model_answers_until_the_new_one_is_whole(client: TestClient, may: threading.Event) -> None:
    add(client)
    accepted = client.post("/collections/default/reindex", json={"model": "other"})
    assert accepted.status_code == 202
    job = accepted.json()["job"]
    assert accepted.headers["location"] == f"/jobs/{job}?collection=default"
    assert sources(client) == ["ferry.txt"]
    assert client.get("/collections").json()["collections"][0]["model"] == "hashing"
    may.set()
    assert ended(client, job)["state"] == "done"
    assert client.get("/collections").json()["collections"][0]["model"] == "other"
    assert sources(client) == ["ferry.txt"]
    back = client.post("/collections/default/reindex", json={"rollback": True}).json()["job"]
    assert ended(client, back)["state"] == "done"
    assert client.get("/collections").json()["collections"][0]["model"] == "hashing"


def test_questions_during_a_reindex_are_all_answered(client: TestClient, may: threading.Event) -> None:
    for number in range(5):
        add(client, f"Report {number}. {FERRY}", name=f"{number}.txt")
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(sources, client) for _ in range(12)]
        job = client.post("/collections/default/reindex", json={"model": "other"}).json()["job"]
        may.set()
        asked += [threads.submit(sources, client) for _ in range(12)]
        assert ended(client, job)["state"] == "done"
    assert all(future.result() for future in asked)
